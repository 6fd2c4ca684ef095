//! An account whose tickets are encrypted in a way that is cheap to guess at.
//!
//! Anybody in the domain may ask for a ticket of an account that has a service's name. With RC4 or
//! DES it is encrypted under a hash of the password without salt, and passwords are tried against it
//! by the billion. Let it have AES alone, and change the password, which makes its keys.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "weak-ticket-encryption",
    title: "tickets of this account can be cracked",
    owasp: "NHI4",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    if !here || !thing.type_().starts_with("ad_") || thing.is_off() {
        return Vec::new();
    }
    let services = thing.entity.fact(&Attribute::named("service_names"));
    let services = services.is().and_then(|names| names.list());
    if services.is_none_or(<[String]>::is_empty) {
        return Vec::new();
    }
    let Told::Is(kinds) = thing.entity.fact(&Attribute::named("ticket_encryption")) else {
        return Ruling::unknown("it takes its domain's default, which no source tells");
    };
    let kinds = kinds.list().unwrap_or_default();
    if kinds.iter().any(|kind| kind.starts_with("aes")) {
        return Ruling::pass();
    }
    Ruling::fail(format!(
        "its tickets are encrypted with {}",
        kinds.join(", ")
    ))
}
