//! An account of a directory that may be without a password.
//!
//! The rules of the domain for passwords do not hold for it: whoever manages it may set an empty
//! one, and nobody can see whether that was done. Take the flag away, and set a new password.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "password-optional",
    title: "an account may have no password",
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
    match thing.entity.fact(&Attribute::named("password_optional")) {
        Told::Is(optional) if optional.flag() == Some(true) => {
            Ruling::fail("the domain's rules for passwords do not hold for it".to_owned())
        }
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source tells whether it needs a password"),
    }
}
