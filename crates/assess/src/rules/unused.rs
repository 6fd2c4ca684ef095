//! A credential that nobody has used for long.
//!
//! It opens a door that nobody walks through, and nobody will notice who does. Switch it off,
//! wait, then remove it.
//!
//! That nobody used it is known only of the window in which its source saw every use: from when
//! it began to count, to when it was last read. Where that window has a hole or is too short, the
//! rule says that it cannot tell.

use model::{Attribute, Duration, Severity, SourcedFact, Timestamp, Told, Value, Verdict};

use super::sighted::beside;
use crate::{Ground, LogWindow, Rule, Ruling, Thing};

/// Nobody is called idle before so long (NIST SP 800-53 AC-2(3), CIS AWS 1.12 asks for 45 days).
const IDLE_MAX: Duration = Duration::days(90);

/// Sources are read now and then, and count uses late: a window that ended no longer ago than
/// this reaches up to now.
const UNSEEN_MAX: Duration = Duration::days(7);

/// Who reads files: what they tell of uses was true when the file was written, whenever that was.
const OF_FILES: &[&str] = &[
    "files",
    "git_history",
    "aws_exports",
    "entra_exports",
    "gcp_exports",
    "kubernetes_exports",
    "logs",
];

pub(super) const RULE: Rule = Rule {
    id: "unused",
    title: "a credential was not used for long",
    owasp: "NHI1",
    severity: Severity::Medium,
    next: "keyroll plan revoke {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() || thing.is_off() {
        return Vec::new();
    }
    // Whatever its last login was: it is in use as its source is read.
    let sessions = thing.own_or_holders(&Attribute::SESSIONS);
    if sessions.is().and_then(|count| count.number()) > Some(0) {
        return Ruling::pass();
    }
    let told = thing.entity.facts.get(&Attribute::LAST_USED_AT);
    let told = told.map_or(&[][..], Vec::as_slice);
    let Some(best) = told.iter().find(|fact| fact.told != Told::CannotTell) else {
        return in_no_log(thing, ground, !told.is_empty());
    };
    let made = thing.entity.time(&Attribute::CREATED_AT);
    let since = match (&best.told, made) {
        (Told::Is(value), _) => value.time(),
        // Its source counts uses and has none: the window is as long as it exists.
        (Told::Absent, Told::Is(made)) => Some(made),
        (Told::Absent | Told::CannotTell, _) => {
            return Ruling::unknown(
                "its source has seen no use of it, and does not tell since when it exists",
            );
        }
    };
    let Some(since) = since else {
        return Ruling::unknown("its source tells a last use that is no time");
    };
    if ground.now.since(since) <= IDLE_MAX {
        return Ruling::pass();
    }
    let seen = match best.told {
        Told::Is(_) => format!("last used on {since}"),
        Told::Absent | Told::CannotTell => format!("never used since it was made on {since}"),
    };
    // One source that saw every use is enough, whatever the others missed.
    let counts = told.iter().filter(|fact| fact.told != Told::CannotTell);
    let mut rulings = counts.map(|fact| idle(&Window::of(thing, fact), &seen, since, ground.now));
    let first = rulings.next().unwrap_or_default();
    let fails =
        |one: &Vec<Ruling>| matches!(one.first().map(|one| &one.verdict), Some(Verdict::Fail(_)));
    if fails(&first) {
        return first;
    }
    rulings.find(|one| fails(one)).unwrap_or(first)
}

/// In which window one sighting tells of every use.
struct Window {
    since: Option<Timestamp>,
    /// `None`: nobody tells how old a file is.
    until: Option<Timestamp>,
    /// Which uses it does not see.
    incomplete: Option<String>,
}

impl Window {
    fn of(thing: &Thing<'_>, fact: &SourcedFact) -> Self {
        let counted = |attribute| beside(thing.entity, fact, attribute).and_then(Value::time);
        let read = (!OF_FILES.contains(&fact.source.connector())).then_some(fact.last_told);
        let why = beside(thing.entity, fact, &Attribute::USES_INCOMPLETE).and_then(Value::text);
        Self {
            since: counted(&Attribute::USES_COUNTED_SINCE),
            until: counted(&Attribute::USES_COUNTED_UNTIL).or(read),
            incomplete: why.map(str::to_owned),
        }
    }

    fn of_log(log: &LogWindow) -> Self {
        Self {
            since: Some(log.since),
            until: Some(log.until),
            incomplete: log.incomplete.clone(),
        }
    }
}

/// No source tells of a use of this credential; perhaps a log would name it, and does not.
fn in_no_log(thing: &Thing<'_>, ground: &Ground, refused: bool) -> Vec<Ruling> {
    let text = |attribute| thing.entity.text(&attribute).unwrap_or_default();
    let (provider, account) = (text(Attribute::PROVIDER), text(Attribute::ACCOUNT));
    let would_name = |log: &&LogWindow| log.would_name(provider, thing.type_(), account);
    let log = ground
        .logs
        .iter()
        .filter(would_name)
        .max_by_key(|log| log.until);
    let Some(log) = log else {
        return Ruling::unknown(if refused {
            "its source does not tell when it was last used; `keyroll gaps` lists what was refused"
        } else {
            "no source tells when it was last used"
        });
    };
    let made = thing.entity.time(&Attribute::CREATED_AT);
    let since = made.is().map_or(log.since, |made| (*made).max(log.since));
    if ground.now.since(since) <= IDLE_MAX && made.is().is_some_and(|made| *made >= log.since) {
        return Ruling::pass();
    }
    let seen = format!(
        "not in the log {} from {} to {}",
        model::clean(&log.log),
        log.since,
        log.until
    );
    idle(&Window::of_log(log), &seen, since, ground.now)
}

/// It has been idle since `since` for all that was seen in `window`: which is what?
fn idle(window: &Window, seen: &str, since: Timestamp, now: Timestamp) -> Vec<Ruling> {
    if let Some(why) = &window.incomplete {
        let why = model::shorten(&model::clean(why), 200);
        return Ruling::unknown(format!(
            "{seen}, as far as its source sees: it does not see all uses ({why})"
        ));
    }
    let Some(until) = window.until else {
        return Ruling::unknown(format!(
            "{seen}, by a file of which nobody tells how old it is"
        ));
    };
    if now.since(until) > UNSEEN_MAX {
        return Ruling::unknown(format!(
            "{seen}, as its source counted up to {until}; {} since then are not covered",
            now.since(until)
        ));
    }
    let from = window.since.unwrap_or(since).max(since);
    let window = until.since(from);
    if window <= IDLE_MAX {
        return Ruling::unknown(format!(
            "{seen}, but its source counts uses since {from} only: {window}, and {IDLE_MAX} are needed"
        ));
    }
    Ruling::fail(format!(
        "{seen}; its source counted every use from {from} to {until}, {window}; {IDLE_MAX} are allowed"
    ))
}
