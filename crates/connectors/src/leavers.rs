//! Who has left: a list as CSV, or users as SCIM writes them.
//!
//! Source: RFC 7643 section 4.1 (users, `active`), RFC 7644 section 3.4.2 (`ListResponse`).
//! Option: `dirs`, the file. A list says of those on it that they have left; of users of SCIM
//! those that are switched off have. Nobody else is told of: the people who are there are no
//! business of this roll.

mod scim;
mod table;

use std::collections::BTreeMap;

use model::{Attribute, Kind, Observation, Reason, Scope, Timestamp, Told};

use crate::{Connector, Context, PortKind, Refusal, Spec, Stop};

/// Lists of people who have left.
pub(crate) struct Leavers;

/// An export of a million users is about this long.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// People read of one list.
const PEOPLE_MAX: usize = 2_000_000;
/// Other names of one person.
const NAMES_MAX: usize = 20;
/// A name is cut here, in characters.
const NAME_MAX: usize = 200;

/// Somebody on a list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Person {
    /// Mail address, or the user name where there is none.
    id: String,
    /// What people call them.
    name: Option<String>,
    /// Further addresses and user names.
    others: Vec<String>,
    /// When they left, if the list tells.
    since: Option<Timestamp>,
}

/// What a list comes to.
#[derive(Debug, Default)]
struct List {
    left: Vec<Person>,
    /// People on it who have not left.
    staying: u64,
    /// What could not be understood, for a gap.
    trouble: Vec<String>,
}

impl Connector for Leavers {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "leavers",
            reads: "who has left: a list as CSV, users as SCIM exports them",
            named: "leavers:FILE",
            target: "the list's file",
            port: PortKind::Files,
            needs_to_discover: &["read permission on the file"],
            needs_to_act: &[],
            scopes: &["list"],
        }
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let path = cx.option("dirs").unwrap_or(cx.target()).trim().to_owned();
        let whole = Scope::whole();
        let needs = "read permission on the file";
        let file = match cx.read(&path, FILE_BYTES_MAX) {
            Ok(file) => file,
            Err(refusal) => return cx.gap(&whole, &refusal, Some(needs)),
        };
        let list = match read(file.bytes.expose(), cx.now) {
            Ok(list) => list,
            Err(told) => return cx.gap(&whole, &Refusal::new(Reason::Failed, told), None),
        };
        if file.cut {
            let told = format!("longer than {} MiB", FILE_BYTES_MAX >> 20);
            cx.gap(&whole, &Refusal::new(Reason::Unsupported, told), None)?;
        }
        for told in &list.trouble {
            cx.gap(&whole, &Refusal::new(Reason::Unsupported, told), None)?;
        }
        for _ in 0..list.staying {
            cx.set_aside("person who has not left");
        }
        let mut people: BTreeMap<String, Person> = BTreeMap::new();
        for person in list.left {
            // The first line about somebody counts.
            people.entry(person.id.clone()).or_insert(person);
        }
        for person in people.into_values() {
            cx.observe(observation(person));
        }
        Ok(())
    }
}

fn read(bytes: &[u8], now: Timestamp) -> Result<List, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match begins {
        Some(b'{' | b'[') => scim::read(bytes),
        _ => table::read(bytes, now),
    }
}

fn observation(person: Person) -> Observation {
    let name = person.name.unwrap_or_else(|| person.id.clone());
    let mut told = Observation::new(Kind::Owner, &person.id, &Scope::whole())
        .is(Attribute::TYPE, "person")
        .is(Attribute::NAME, name)
        .is(Attribute::STATUS, "left")
        .told(Attribute::LEFT_AT, Told::or_cannot_tell(person.since));
    if !person.others.is_empty() {
        told = told.is(Attribute::ALSO_CALLED, person.others);
    }
    told
}

impl Person {
    /// Somebody by the names that a list has; `None` where it has none.
    fn called<'a>(
        mails: impl Iterator<Item = &'a str>,
        users: impl Iterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut names: Vec<String> = Vec::new();
        let spelled = |name: &str| name.trim().to_lowercase();
        let mails = mails.map(spelled).filter(|name| name.contains('@'));
        let users = users.map(spelled).filter(|name| !name.is_empty());
        for name in mails.chain(users) {
            let fits = name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control);
            if fits && !names.contains(&name) && names.len() <= NAMES_MAX {
                names.push(name);
            }
        }
        let mut names = names.into_iter();
        Some(Self {
            id: names.next()?,
            others: names.collect(),
            ..Self::default()
        })
    }

    fn named(mut self, name: Option<&str>) -> Self {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        self.name = name.map(|name| model::shorten(name, NAME_MAX));
        self
    }
}

#[cfg(test)]
mod tests;
