//! A list as CSV: a line of titles, a column of mail addresses or user names, and perhaps names and
//! days.

use std::collections::{BTreeMap, BTreeSet};

use model::{Duration, Timestamp};

use super::{List, PEOPLE_MAX, Person};

/// Titles of the columns that are read, in small letters and without what is not a letter.
#[rustfmt::skip]
const MAIL: &[&str] = &[
    "mail", "email", "emailaddress", "mailaddress", "primaryemail", "workemail", "companyemail",
    "userprincipalname", "upn",
];
#[rustfmt::skip]
const USER: &[&str] = &[
    "user", "username", "login", "handle", "github", "githubuser", "gitlab", "samaccountname",
    "accountname", "userid", "alias",
];
const NAME: &[&str] = &[
    "name",
    "fullname",
    "displayname",
    "employee",
    "employeename",
];
#[rustfmt::skip]
const SINCE: &[&str] = &[
    "left", "lefton", "leftat", "leavingdate", "lastday", "lastworkingday", "enddate",
    "terminationdate", "terminated", "terminatedon", "offboardedon", "exitdate", "date",
];
const STATUS: &[&str] = &["status", "active", "state", "accountenabled", "enabled"];

#[rustfmt::skip]
const GONE: &[&str] = &[
    "left", "leaver", "inactive", "terminated", "disabled", "suspended", "deprovisioned",
    "offboarded", "deleted", "false", "no", "0",
];
#[rustfmt::skip]
const THERE: &[&str] = &[
    "active", "enabled", "employed", "current", "true", "yes", "1", "onboarding", "on leave",
];

/// Which column holds what.
struct Columns {
    mails: Vec<usize>,
    users: Vec<usize>,
    name: Option<usize>,
    since: Option<usize>,
    status: Option<usize>,
}

pub(super) fn read(bytes: &[u8], now: Timestamp) -> Result<List, String> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let count = |separator: &u8| first.iter().filter(|byte| *byte == separator).count();
    let separator = [b',', b';', b'\t'].into_iter().max_by_key(count);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.unwrap_or(b','))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let columns = reader.byte_headers().map_err(|_| expected())?;
    let columns = Columns::find(columns).ok_or_else(expected)?;
    let mut list = List::default();
    let by_user_alone = columns.mails.is_empty();
    let mut staying = BTreeSet::new();
    let (mut nameless, mut unclear) = (0_u64, 0_u64);
    for (n, line) in reader.byte_records().enumerate() {
        if n >= PEOPLE_MAX {
            let told = format!("more than {PEOPLE_MAX} lines; the rest was not read");
            list.trouble.push(told);
            break;
        }
        // The reader goes on behind what it cannot take apart.
        let Ok(line) = line else {
            nameless += 1;
            continue;
        };
        let cell = |at: &usize| {
            let cell = line
                .get(*at)
                .and_then(|cell| std::str::from_utf8(cell).ok());
            cell.filter(|cell| !cell.is_empty())
        };
        let mails = columns.mails.iter().filter_map(cell);
        let Some(person) = Person::called(mails, columns.users.iter().filter_map(cell)) else {
            nameless += u64::from(line.iter().any(|cell| !cell.is_empty()));
            continue;
        };
        let since = columns.since.as_ref().and_then(cell).map(day);
        let status = columns.status.as_ref().and_then(cell).map(gone);
        match (status, since) {
            (Some(None), _) | (_, Some(None)) => unclear += 1,
            (Some(Some(false)), _) => {
                list.staying += 1;
                staying.insert(person.id);
            }
            (_, Some(Some(since))) if since > now => {
                list.staying += 1;
                staying.insert(person.id);
            }
            (_, since) => {
                let name = columns.name.as_ref().and_then(cell);
                let since = since.flatten();
                list.left.push(Person { since, ..person }.named(name));
            }
        }
    }
    not_back(&mut list, &staying);
    if by_user_alone {
        told_apart(&list.left)?;
    }
    if nameless > 0 {
        let told = format!("{nameless} lines without a mail address or user name");
        list.trouble.push(told);
    }
    if unclear > 0 {
        let told = format!(
            "{unclear} lines with a day or status that is none; write days as 2026-03-31, and `active` or `left`"
        );
        list.trouble.push(told);
    }
    Ok(list)
}

/// Leaves out who came back, or whose name somebody else has now.
fn not_back(list: &mut List, staying: &BTreeSet<String>) {
    let before = list.left.len();
    list.left.retain(|person| !staying.contains(&person.id));
    let back = before - list.left.len();
    if back > 0 {
        let told =
            format!("{back} lines of people who also stand there as staying: not taken as gone");
        list.trouble.push(told);
    }
}

fn expected() -> String {
    "expected a list with a title line that has a column `email` or `username`, or users as SCIM \
     exports them; got something else"
        .to_owned()
}

/// Whether user names alone tell people apart: one name is of one person, and is what somebody
/// logs in with, not what they are called.
fn told_apart(left: &[Person]) -> Result<(), String> {
    let mut names: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for person in left {
        if person.id.contains(char::is_whitespace) {
            return Err(
                "expected user names without blanks, as people log in with them, got names of \
                 people; add a column `email`, or put the names under `name`"
                    .to_owned(),
            );
        }
        let name = person.name.as_deref();
        let known = names.entry(person.id.as_str()).or_insert(name);
        if *known != name {
            return Err(
                "expected each user name once, got one that is of two people; add a column \
                 `email` that tells them apart"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

impl Columns {
    /// `None` where nobody could be told by it.
    fn find(titles: &csv::ByteRecord) -> Option<Self> {
        let titles: Vec<String> = titles
            .iter()
            .map(|title| {
                let title = String::from_utf8_lossy(title).to_lowercase();
                title.chars().filter(|c| c.is_alphanumeric()).collect()
            })
            .collect();
        let all = |wanted: &[&str]| -> Vec<usize> {
            let at = titles.iter().enumerate();
            at.filter(|(_, title)| wanted.contains(&title.as_str()))
                .map(|(at, _)| at)
                .collect()
        };
        let first = |wanted: &[&str]| all(wanted).first().copied();
        let found = Self {
            mails: all(MAIL),
            users: all(USER),
            name: first(NAME),
            since: first(SINCE),
            status: first(STATUS),
        };
        (!found.mails.is_empty() || !found.users.is_empty()).then_some(found)
    }
}

/// Whether a word of a status says that somebody has left; `None`: it is another word.
fn gone(word: &str) -> Option<bool> {
    let word = word.to_lowercase();
    match (
        GONE.contains(&word.as_str()),
        THERE.contains(&word.as_str()),
    ) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// The end of a day, or an instant; a day that may be read in two ways is none.
fn day(text: &str) -> Option<Timestamp> {
    let is_day = text.len() == 10;
    let begin: Timestamp = text.parse().ok()?;
    Some(if is_day {
        begin + Duration::days(1)
    } else {
        begin
    })
}
