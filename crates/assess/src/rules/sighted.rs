//! What one sighting of a thing tells, for rules about places.

use model::{Attribute, CredentialType, Entity, Place, SourcedFact, Told, Value};

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

/// Where it lies, unless a complete pass no longer found it there.
pub(super) fn place(entity: &Entity, at: &SourcedFact) -> Option<Place> {
    let gone = entity.members.iter().any(|one| {
        one.sighting.source == at.source
            && one.sighting.native == at.native
            && one.missing_since.is_some()
    });
    if gone {
        return None;
    }
    let line = beside(entity, at, &Attribute::LINE).and_then(Value::number);
    Some(Place {
        path: beside(entity, at, &Attribute::PLACE)?.text()?.to_owned(),
        line: line.and_then(|line| u32::try_from(line).ok()),
    })
}
