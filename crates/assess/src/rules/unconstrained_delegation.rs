//! An account that is given the tickets of everybody who comes to it.
//!
//! Whoever logs in at a service of this account sends a ticket along with which the service is them
//! anywhere in the domain; whoever takes the service over has them all, administrators among them.
//! Name the services that it may reach (constrained delegation), and keep privileged accounts from
//! being delegated. Controllers of a domain work so by design.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "unconstrained-delegation",
    title: "whoever logs in there hands over all that they may do",
    owasp: "NHI5",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    if !here || !thing.type_().starts_with("ad_") || thing.is_off() {
        return Vec::new();
    }
    let delegation = thing.entity.fact(&Attribute::named("delegation"));
    match delegation.is().and_then(|word| word.text()) {
        Some("unconstrained") if thing.type_() != "ad_domain_controller" => {
            Ruling::fail("it may act as whoever comes, at any service".to_owned())
        }
        None if delegation == Told::CannotTell => {
            Ruling::unknown("no source tells whether it may act as others")
        }
        _ => Ruling::pass(),
    }
}
