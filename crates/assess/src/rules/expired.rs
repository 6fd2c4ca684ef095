//! A credential past its end that is still kept.
//!
//! What is over should be gone: it hides what is alive, and a clock set back or a lax verifier
//! makes it work again. Remove it, or find out who still tries to use it.

use model::{Attribute, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "expired",
    title: "a credential is past its end and still kept",
    owasp: "NHI1",
    severity: Severity::Low,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() {
        return Vec::new();
    }
    match thing.entity.time(&Attribute::EXPIRES_AT) {
        Told::Is(end) if end <= ground.now => {
            Ruling::fail(format!("it ended {} ago, on {end}", ground.now.since(end)))
        }
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source tells when it ends"),
    }
}
