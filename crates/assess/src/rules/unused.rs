//! A credential that nobody has used for long.
//!
//! It opens a door that nobody walks through, and nobody will notice who does. Switch it off,
//! wait, then remove it.
//!
//! That nobody used it is known only of the window in which its source saw every use: from when
//! it began to count, to when it was last read. Where that window has a hole or is too short, the
//! rule says that it cannot tell.

use model::{Attribute, Duration, Severity, SourcedFact, Timestamp, Told};

use crate::{Ground, Rule, Ruling, Thing};

/// Nobody is called idle before so long (NIST SP 800-53 AC-2(3), CIS AWS 1.12 asks for 45 days).
const IDLE_MAX: Duration = Duration::days(90);

/// Sources are read now and then, and count uses late: a window that ended no longer ago than
/// this reaches up to now.
const UNSEEN_MAX: Duration = Duration::days(7);

/// Who reads files: what they tell of uses was true when the file was written, whenever that was.
const OF_FILES: &[&str] = &["files", "git_history", "aws_exports", "kubernetes_exports"];

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
    let Some(best) = told.and_then(|facts| facts.first()) else {
        return Ruling::unknown("no source tells when it was last used");
    };
    let made = thing.entity.time(&Attribute::CREATED_AT);
    let since = match (&best.told, made) {
        (Told::Is(value), _) => value.time(),
        // Its source counts uses and has none: the window is as long as it exists.
        (Told::Absent, Told::Is(made)) => Some(made),
        (Told::Absent, Told::Absent | Told::CannotTell) => {
            return Ruling::unknown(
                "its source has seen no use of it, and does not tell since when it exists",
            );
        }
        (Told::CannotTell, _) => None,
    };
    match since {
        None => Ruling::unknown(
            "its source does not tell when it was last used; `keyroll gaps` lists what was refused",
        ),
        Some(since) if ground.now.since(since) <= IDLE_MAX => Ruling::pass(),
        Some(since) => idle(thing, best, since, ground.now),
    }
}

/// It has been idle since `since` for all that its source saw: which is what?
fn idle(thing: &Thing<'_>, best: &SourcedFact, since: Timestamp, now: Timestamp) -> Vec<Ruling> {
    let seen = match best.told {
        Told::Is(_) => format!("last used on {since}"),
        Told::Absent | Told::CannotTell => format!("never used since it was made on {since}"),
    };
    if let Some(why) = thing.entity.text(&Attribute::USES_INCOMPLETE) {
        let why = model::shorten(&model::clean(why), 200);
        return Ruling::unknown(format!(
            "{seen}, as far as its source sees: it does not see all uses ({why})"
        ));
    }
    let counted = |attribute| thing.entity.time(&attribute).is().copied();
    let read = (!OF_FILES.contains(&best.source.connector())).then_some(best.last_told);
    let Some(until) = counted(Attribute::USES_COUNTED_UNTIL).or(read) else {
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
    let from = counted(Attribute::USES_COUNTED_SINCE).unwrap_or(since);
    let from = from.max(since);
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
