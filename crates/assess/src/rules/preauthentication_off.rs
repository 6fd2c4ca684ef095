//! An account of a directory whose tickets are given to whoever asks.
//!
//! Kerberos makes whoever asks for a ticket prove first that they know the password. Where that is
//! switched off, anybody on the network is given something encrypted with it, and tries passwords
//! against it at home, unseen. Switch pre-authentication on, and change the password.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "preauthentication-off",
    title: "anybody may ask for a ticket of this account and guess its password",
    owasp: "NHI4",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    if !here || !thing.type_().starts_with("ad_") || thing.is_off() {
        return Vec::new();
    }
    match thing.entity.fact(&Attribute::named("preauthentication")) {
        Told::Is(on) if on.flag() == Some(false) => {
            Ruling::fail("it need not prove that it knows its password".to_owned())
        }
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source tells whether it has to log in first"),
    }
}
