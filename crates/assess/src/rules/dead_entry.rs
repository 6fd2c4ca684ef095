//! An entry of SPIRE below an agent that is not there any more, or is locked out.
//!
//! Nobody is given its identity now. It comes back to life with an agent of that id, and whoever
//! looks through the entries reads rights that nobody has. Remove it, or put it below the agent
//! that took over.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "dead-entry",
    title: "an identity is kept for a node that is gone",
    owasp: "NHI1",
    severity: Severity::Low,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Grant && thing.entity.missing_since.is_none();
    if !here || thing.type_() != "spire_entry" {
        return Vec::new();
    }
    let state = thing.entity.fact(&Attribute::named("parent_state"));
    match state.is().and_then(|state| state.text()) {
        Some("gone") => Ruling::fail("the agent that hands it out is not there".to_owned()),
        Some("banned") => Ruling::fail("the agent that hands it out is locked out".to_owned()),
        Some("awaited") => {
            Ruling::unknown("its agent joins with a token: it has not yet, or is gone")
        }
        Some(_) => Ruling::pass(),
        None if state == Told::Absent => Ruling::pass(),
        None => Ruling::unknown("no source tells whether its agent is there"),
    }
}
