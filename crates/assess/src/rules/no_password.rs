//! An account of a server that lets in whoever comes.
//!
//! No credential has to leak: whoever reaches the server is that account. Give it a password, or
//! take away its right to log in.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "no-password",
    title: "an account lets in whoever comes, without a password",
    owasp: "NHI4",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let attribute = Attribute::named("without_password");
    // Most systems know no account without a secret, and say nothing of it.
    if !thing.entity.facts.contains_key(&attribute) {
        return Vec::new();
    }
    let is_account = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    if !is_account || thing.is_off() {
        return Vec::new();
    }
    match thing.entity.fact(&attribute) {
        Told::Is(open) if open.flag() == Some(true) => {
            let from = thing.own_or_holders(&Attribute::named("from_host"));
            let from = from
                .is()
                .and_then(|host| host.text())
                .filter(|host| *host != "%");
            Ruling::fail(match from {
                Some(host) => format!(
                    "whoever comes from {} is let in as it",
                    model::shorten(&model::clean(host), 100)
                ),
                None => "whoever reaches the server is let in as it".to_owned(),
            })
        }
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown(
            "its server lets it in by a way of which it is not known what it asks for",
        ),
    }
}
