//! An identity, or a credential without one, that nobody answers for.
//!
//! Nobody will notice its misuse, renew it, or dare to remove it. Ask whoever is suggested, and
//! confirm an owner.

use inventory::owners;
use model::{Attribute, Kind, Ownership, Severity};

use super::secret_in_text;
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "unowned",
    title: "nobody answers for it",
    owasp: "NHI1",
    severity: Severity::Medium,
    next: "keyroll owner set {id} NAME",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let stands_alone = thing.entity.kind == Kind::Identity
        || (thing.entity.kind == Kind::Credential && thing.holder.is_none());
    if !stands_alone || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    // What a cluster is made of is answered for with the cluster.
    let part = thing.entity.fact(&Attribute::named("control_plane"));
    if part.is().and_then(|value| value.flag()) == Some(true) {
        return Vec::new();
    }
    if thing.owner.is_some() {
        return Ruling::pass();
    }
    let answer = owners::suggest(thing.entity, thing.holder, &ground.left, ground.now);
    let suggested = Ownership::ALL.iter().find_map(|role| answer.named(*role));
    match (suggested, answer.ranked.first()) {
        (Some(one), _) => Ruling::unknown(format!(
            "`{}` is suggested ({} of 100), nobody has confirmed it",
            one.who, one.score
        )),
        (None, Some(one)) => Ruling::unknown(format!(
            "`{}` might own it ({} of 100), which is too little to suggest them",
            one.who, one.score
        )),
        (None, None) if is_a_guess(thing) => Ruling::unknown(
            "whether it opens anything is a question itself, and nobody is named for it",
        ),
        (None, None) => Ruling::fail("no owner is confirmed and nothing suggests one"),
    }
}

/// Whether nothing but texts tell of it, and none of them for sure: an example has no owner.
fn is_a_guess(thing: &Thing<'_>) -> bool {
    thing.entity.kind == Kind::Credential
        && thing
            .entity
            .members
            .iter()
            .all(|one| thing.lies_in_file(one))
        && secret_in_text::is_leaked(thing)
        && !secret_in_text::is_told(thing)
}
