//! A node of SPIRE that proved itself by a token alone.
//!
//! Whoever had the token for the minutes it lived could have become that node, with every identity
//! that is handed out there, and nothing of the machine itself was looked at. Attest nodes by what
//! they are: their platform, their TPM, the token of their kubelet.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "joined-by-token",
    title: "a node proved itself by a token alone",
    owasp: "NHI4",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    if !here || thing.type_() != "spire_agent" || thing.is_off() {
        return Vec::new();
    }
    match thing.entity.fact(&Attribute::named("attested_by")) {
        Told::Is(by) if by.text() == Some("join_token") => {
            Ruling::fail("its agent joined with a token that anybody could have carried".to_owned())
        }
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source tells how it proved itself"),
    }
}
