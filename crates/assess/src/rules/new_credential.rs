//! A credential that somebody made just now, as a log tells.
//!
//! Most are meant. The one that is not is the first thing an intruder leaves behind: ask whoever
//! made it.

use model::{Attribute, Duration, Severity};

use crate::{Ground, Rule, Ruling, Thing};

/// So long a credential is new.
const NEW: Duration = Duration::days(7);

pub(super) const RULE: Rule = Rule {
    id: "new-credential",
    title: "a credential was made just now",
    owasp: "NHI7",
    severity: Severity::Info,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let entity = thing.entity;
    let logged = entity
        .members
        .iter()
        .any(|one| one.sighting.source.connector() == "logs");
    if !thing.is_live_credential() || !logged {
        return Vec::new();
    }
    let Some(made) = entity.time(&Attribute::CREATED_AT).is().copied() else {
        return Vec::new();
    };
    if ground.now.since(made) > NEW {
        return Ruling::pass();
    }
    match entity.text(&Attribute::CREATED_BY) {
        Some(by) => Ruling::fail(format!(
            "made by {} on {made}",
            model::shorten(&model::clean(by), 120)
        )),
        None => Ruling::unknown(format!("made on {made}, and its log does not tell by whom")),
    }
}
