//! A credential that has never been rotated and is older than its period.
//!
//! A long-lived credential has had more time to leak and more places to leak to. Rotate it, or
//! replace it by an identity that needs no stored secret.

use model::{Attribute, CredentialType, Severity, Timestamp, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "never-rotated",
    title: "a credential was never rotated",
    owasp: "NHI7",
    severity: Severity::Medium,
    next: "keyroll why {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() || thing.is_off() {
        return Vec::new();
    }
    let created = thing.entity.time(&Attribute::CREATED_AT);
    if let Told::Is(rotated) = thing.entity.time(&Attribute::ROTATED_AT)
        // What some sources call its last rotation is no more than its creation.
        && created.is().is_none_or(|created| *created < rotated)
    {
        return Ruling::pass();
    }
    match created {
        Told::Is(created) => judge("made on", created, ground).unwrap_or_else(Ruling::pass),
        // The source cannot tell its age; but what we have seen unchanged for longer than the
        // period is older than the period.
        Told::Absent | Told::CannotTell => {
            judge("unchanged at least since", thing.entity.first_seen, ground)
                .unwrap_or_else(|| Ruling::unknown(silence(thing)))
        }
    }
}

fn judge(word: &str, since: Timestamp, ground: &Ground) -> Option<Vec<Ruling>> {
    let age = ground.now.since(since);
    let old = age > ground.age_max;
    old.then(|| {
        Ruling::fail(format!(
            "{word} {since}, {age} ago; {} are allowed",
            ground.age_max
        ))
    })
}

fn silence(thing: &Thing<'_>) -> String {
    let what = if thing.type_() == CredentialType::PostgresPassword.as_str() {
        "PostgreSQL"
    } else {
        "its source"
    };
    format!(
        "{what} does not tell when it was set, and it was first seen on {}",
        // Nobody asks for the fraction of a second.
        model::Timestamp::from_seconds(thing.entity.first_seen.seconds())
    )
}
