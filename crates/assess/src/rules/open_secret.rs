//! A secret that lies in a file and still opens something.
//!
//! Whoever can read the file can be that identity. The secret was compared with what its
//! provider keeps (a verifier, a key id), so this is no guess. Revoke it, and give its consumer
//! a short-lived one; where no source of ours could compare it, the answer is unknown.

use model::{Attribute, CredentialType, Entity, Severity, SourcedFact, Verdict};

use super::sighted::{beside, place};
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "open-secret",
    title: "a secret in a file still opens something",
    owasp: "NHI2",
    severity: Severity::Critical,
    next: "keyroll plan revoke {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    // Keys and certificates lie in files by nature; what matters there are other rules.
    let by_nature = [
        CredentialType::X509Certificate,
        CredentialType::PrivateKey,
        CredentialType::SshAuthorizedKey,
    ];
    if !thing.is_live_credential() || by_nature.iter().any(|one| one.as_str() == thing.type_()) {
        return Vec::new();
    }
    let verdict = still_opens(thing, ground);
    let places = thing
        .entity
        .facts
        .get(&Attribute::PLACE)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut places: Vec<_> = places
        .iter()
        .filter_map(|fact| Some((place(thing.entity, fact)?, is_id_only(thing.entity, fact))))
        .collect();
    // Where one sighting of a file has the secret, its id beside it says nothing more.
    places.sort_by(|a, b| (&a.0.path, a.1, &a.0).cmp(&(&b.0.path, b.1, &b.0)));
    places.dedup_by(|later, first| later.0.path == first.0.path);
    places
        .into_iter()
        .map(|(place, id_only)| Ruling {
            verdict: match &verdict {
                Verdict::Pass => Verdict::Pass,
                _ if id_only => Verdict::Unknown(
                    "its key id is written there, which opens nothing; its secret was not seen"
                        .to_owned(),
                ),
                told => told.clone(),
            },
            place: Some(place),
        })
        .collect()
}

/// Whether what lies there is the id of the key and not its secret.
fn is_id_only(entity: &Entity, at: &SourcedFact) -> bool {
    let told = beside(entity, at, &Attribute::named("id_only"));
    told.and_then(model::Value::flag) == Some(true)
}

/// Whether the provider of the credential says that it is good, whatever file it lies in.
fn still_opens(thing: &Thing<'_>, ground: &Ground) -> Verdict {
    if thing.is_proven_dead(ground) {
        return Verdict::Pass;
    }
    let what = thing.holder.map_or_else(
        || "what it is for".to_owned(),
        |holder| format!("`{}`", model::clean(holder.name())),
    );
    let mut at_provider = thing
        .entity
        .members
        .iter()
        .filter(|member| !thing.lies_in_file(member))
        .peekable();
    if at_provider.peek().is_none() {
        return match thing.holder {
            // Its hash was bound to the login, and no password of the holder has the same.
            Some(holder) if was_compared(thing.entity, holder) => Verdict::Pass,
            Some(_) => Verdict::Unknown(format!(
                "it names {what}, but was not compared with what {what} accepts"
            )),
            None => Verdict::Unknown("no source of ours knows what it opens".to_owned()),
        };
    }
    if at_provider.all(|member| member.missing_since.is_some()) || thing.is_off() {
        return Verdict::Pass;
    }
    match thing
        .own_or_holders(&Attribute::EXPIRES_AT)
        .is()
        .and_then(|value| value.time())
    {
        Some(end) if end <= ground.now => Verdict::Pass,
        _ => Verdict::Fail(format!("it still opens {what}")),
    }
}

/// Whether the holder's server shows something of every password it accepts for the login, with
/// which this one was compared where it was found.
fn was_compared(entity: &Entity, holder: &Entity) -> bool {
    let says = |of: &Entity, name: &'static str| {
        let told = of.fact(&Attribute::named(name));
        told.is().and_then(|one| one.flag()) == Some(true)
    };
    let foreign = entity.fact(&Attribute::MATCHABLE);
    if foreign.is().and_then(|one| one.flag()) == Some(false) {
        return false;
    }
    // Of a salted verifier it counts that it is the one that the server keeps now.
    match holder.fact(&Attribute::VERIFIER).is() {
        Some(kept) => compared_with(entity).any(|one| kept.text() == Some(one)),
        None => says(entity, "hashed_for_login") && says(holder, "passwords_comparable"),
    }
}

/// The verifiers that the password was compared with, wherever it was found.
fn compared_with(entity: &Entity) -> impl Iterator<Item = &str> {
    let facts = entity.facts.get(&Attribute::named("compared_with"));
    let told = facts.into_iter().flatten();
    told.filter_map(|fact| fact.told.is()?.list())
        .flatten()
        .map(String::as_str)
}
