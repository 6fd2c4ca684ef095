//! An application of somebody else that reaches what is of everybody.
//!
//! Whoever breaks into its maker reaches it too, from elsewhere and with rights that were given on
//! purpose. Ask what it needs, give it that alone, and let an administrator consent to the rest.

use model::{Attribute, Kind, Severity, Told, Value};

use crate::{Ground, Rule, Ruling, Thing};

/// Rights that a finding names.
const NAMED_MAX: usize = 4;

pub(super) const RULE: Rule = Rule {
    id: "third-party-grant",
    title: "an application of another maker has wide rights",
    owasp: "NHI3",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    let theirs = thing.entity.fact(&Attribute::named("third_party"));
    if !here || thing.is_off() || theirs.is().and_then(|one| one.flag()) != Some(true) {
        return Vec::new();
    }
    match thing.entity.fact(&Attribute::named("wide_rights")) {
        Told::Is(Value::List(rights)) if !rights.is_empty() => {
            let vendor = thing.entity.text(&Attribute::named("vendor"));
            let named: Vec<_> = rights
                .iter()
                .take(NAMED_MAX)
                .map(|one| model::clean(one))
                .collect();
            let more = if rights.len() > NAMED_MAX {
                ", …"
            } else {
                ""
            };
            Ruling::fail(format!(
                "it is of {} and has {}{more}",
                model::shorten(&model::clean(vendor.unwrap_or("another tenant")), 120),
                named.join(", ")
            ))
        }
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source tells what it was allowed"),
    }
}
