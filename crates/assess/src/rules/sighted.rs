//! What one sighting of a thing tells, for rules about places.

use model::{Attribute, CredentialType, Entity, Place, SourcedFact, Told, Value};

/// The connector that tells what a repository once held.
pub(super) const HISTORY: &str = "git_history";

/// What the sighting that tells `at` tells of another attribute.
pub(super) fn beside<'a>(
    entity: &'a Entity,
    at: &SourcedFact,
    attribute: &Attribute,
) -> Option<&'a Value> {
    let facts = entity.facts.get(attribute)?;
    let of = |fact: &&SourcedFact| fact.source == at.source && fact.native == at.native;
    facts.iter().find(of)?.told.is()
}

/// Whether what lies there is an id, something public, or the name of a secret that is kept
/// elsewhere.
pub(super) fn names_only(entity: &Entity, at: &SourcedFact) -> bool {
    const PUBLIC: &[CredentialType] = &[
        CredentialType::SshCertificate,
        CredentialType::X509Certificate,
        CredentialType::SshAuthorizedKey,
    ];
    let type_ = beside(entity, at, &Attribute::TYPE).and_then(Value::text);
    if PUBLIC.iter().any(|one| type_ == Some(one.as_str())) {
        return true;
    }
    [
        Attribute::named("id_only"),
        Attribute::named("no_secret"),
        Attribute::BY_REFERENCE,
    ]
    .iter()
    .any(|attribute| beside(entity, at, attribute).is_some())
}

/// Whether a pass phrase protects what lies there, or nobody can tell that none does.
pub(super) fn may_be_sealed(entity: &Entity, at: &SourcedFact) -> bool {
    let facts = entity.facts.get(&Attribute::ENCRYPTED);
    facts.into_iter().flatten().any(|fact| {
        fact.source == at.source
            && fact.native == at.native
            && matches!(fact.told, Told::Is(Value::Flag(true)) | Told::CannotTell)
    })
}

/// Where it lies, unless a complete pass no longer found it there. A history tells of lines that
/// were: where a file of today holds it, its line counts.
pub(super) fn place(entity: &Entity, at: &SourcedFact) -> Option<Place> {
    if is_gone(entity, at) {
        return None;
    }
    let path = beside(entity, at, &Attribute::PLACE)?.text()?;
    let today = (at.source.connector() == HISTORY)
        .then(|| today(entity, path))
        .flatten();
    let line = beside(entity, today.unwrap_or(at), &Attribute::LINE).and_then(Value::number);
    Some(Place {
        path: path.to_owned(),
        line: line.and_then(|line| u32::try_from(line).ok()),
    })
}

/// Whoever tells that a file of today holds it, at this path.
fn today<'a>(entity: &'a Entity, path: &str) -> Option<&'a SourcedFact> {
    let places = entity.facts.get(&Attribute::PLACE)?;
    places.iter().find(|fact| {
        fact.source.connector() != HISTORY
            && fact.told.is().and_then(Value::text) == Some(path)
            && !is_gone(entity, fact)
    })
}

fn is_gone(entity: &Entity, at: &SourcedFact) -> bool {
    entity.members.iter().any(|one| {
        one.sighting.source == at.source
            && one.sighting.native == at.native
            && one.missing_since.is_some()
    })
}
