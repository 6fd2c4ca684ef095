//! An identity, or a credential without one, that nobody answers for.
//!
//! Nobody will notice its misuse, renew it, or dare to remove it. Ask whoever is suggested, and
//! confirm an owner.

use model::{Attribute, Kind, Severity};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "unowned",
    title: "nobody answers for it",
    owasp: "NHI1",
    severity: Severity::Medium,
    next: "keyroll owner set {id} NAME",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let stands_alone = thing.entity.kind == Kind::Identity
        || (thing.entity.kind == Kind::Credential && thing.holder.is_none());
    if !stands_alone || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    if thing.owner.is_some() {
        return Ruling::pass();
    }
    match thing.entity.text(&Attribute::OWNER_HINT) {
        Some(hint) => Ruling::unknown(format!(
            "`{}` is suggested, nobody has confirmed it",
            model::clean(hint)
        )),
        None => Ruling::fail("no owner is confirmed and no source suggests one"),
    }
}
