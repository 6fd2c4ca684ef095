//! An identity with more than one active key of its own.
//!
//! A second key is for the hours of a rotation. One that stays is the old key that nobody
//! switched off, or a copy that somebody made for himself. Find who uses which, and revoke one.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "two-active-keys",
    title: "an identity has several active keys",
    owasp: "NHI7",
    severity: Severity::Low,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let attribute = Attribute::named("active_keys");
    let here = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    // Most systems know no such keys, and say nothing of them.
    if !here || thing.is_off() || !thing.entity.facts.contains_key(&attribute) {
        return Vec::new();
    }
    match thing.entity.fact(&attribute) {
        Told::Is(count) => match count.number() {
            Some(count) if count > 1 => Ruling::fail(format!("{count} of its keys are active")),
            _ => Ruling::pass(),
        },
        Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source lists its keys"),
    }
}
