//! A credential that is about to end.
//!
//! Whoever relies on it fails on that day. Renew it before, and let something renew it by itself.

use model::{Attribute, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "expiring",
    title: "a credential is about to end",
    owasp: "NHI7",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() || thing.is_off() {
        return Vec::new();
    }
    // Short by design: whoever holds it is given the next one before it ends.
    let renews = thing.entity.fact(&Attribute::named("renews_itself"));
    if renews.is().and_then(|one| one.flag()) == Some(true) {
        return Ruling::pass();
    }
    match thing.entity.time(&Attribute::EXPIRES_AT) {
        // What is over already is the business of `expired`.
        Told::Is(end) if end <= ground.now => Vec::new(),
        Told::Is(end) if end.since(ground.now) <= ground.notice => {
            Ruling::fail(format!("it ends in {}, on {end}", end.since(ground.now)))
        }
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source tells when it ends"),
    }
}
