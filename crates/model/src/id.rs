//! Ids: who made them, what they look like, how they are read.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A text that is no id of the kind asked for.
#[derive(Debug, thiserror::Error)]
pub enum IdError {
    /// Not of the form that ids of this kind have.
    #[error("expected {expected}, got `{given}`")]
    Form {
        /// What such an id looks like.
        expected: &'static str,
        /// What was given, cleaned and shortened.
        given: String,
    },
}

/// Whose roll it is. Every key in the store starts with it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant of a store made by `scan`.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tenant {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        name_like(text, "a tenant: 1 to 63 of a-z, 0-9 and `-`", 63).map(Self)
    }
}

/// A source on the roll: `connector:target`, such as `postgres_roles:127.0.0.1:5432`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct SourceId(String);

impl SourceId {
    /// No id is longer.
    const BYTES_MAX: usize = 512;
    /// Bytes of a long id that are kept from its beginning, and from its end.
    const KEPT: (usize, usize) = (240, 200);

    /// The source of `connector` that reads `target`. Control characters in `target` are escaped.
    ///
    /// Where that is too long for an id, as the path of a deep directory may be, its beginning
    /// and its end stay readable, and the hash of all of it says which one it is.
    pub fn new(connector: &str, target: &str) -> Self {
        let whole = format!("{}:{}", crate::clean(connector), crate::clean(target));
        if whole.len() <= Self::BYTES_MAX {
            return Self(whole);
        }
        let head = &whole[..whole.floor_char_boundary(Self::KEPT.0)];
        let tail = &whole[whole.ceil_char_boundary(whole.len() - Self::KEPT.1)..];
        let hash = base32(&Sha256::digest(whole.as_bytes())[..15]);
        Self(format!("{head}…{tail}#{hash}"))
    }
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Which connector collects it; a pushed collection may name one of its own.
    pub fn connector(&self) -> &str {
        self.0
            .split_once(':')
            .map_or(self.0.as_str(), |(connector, _)| connector)
    }
    /// What it reads.
    pub fn target(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, target)| target)
    }
}

impl FromStr for SourceId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let told = || IdError::Form {
            expected: "a source such as `connector:target`, at most 512 bytes",
            given: crate::shorten(&crate::clean(text), 80),
        };
        let (connector, target) = text.split_once(':').ok_or_else(told)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if connector.is_empty()
            || !connector.chars().all(plain)
            || target.is_empty()
            || text.len() > Self::BYTES_MAX
        {
            return Err(told());
        }
        Ok(Self::new(connector, target))
    }
}

impl TryFrom<String> for SourceId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SourceId> for String {
    fn from(id: SourceId) -> Self {
        id.0
    }
}

/// What a thing on the roll is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something that acts and is not a person.
    Identity,
    /// What an identity shows to be let in.
    Credential,
    /// A right of an identity on a resource.
    Grant,
    /// What is reached.
    Resource,
    /// Who answers for it: a person or a team.
    Owner,
    /// One recorded use of a credential or identity.
    Use,
}

impl Kind {
    /// Every kind, in the order of the manual.
    pub const ALL: [Self; 6] = [
        Self::Identity,
        Self::Credential,
        Self::Grant,
        Self::Resource,
        Self::Owner,
        Self::Use,
    ];

    /// The word in the store and in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Credential => "credential",
            Self::Grant => "grant",
            Self::Resource => "resource",
            Self::Owner => "owner",
            Self::Use => "use",
        }
    }

    /// The three letters an entity id of this kind starts with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Identity => "idn",
            Self::Credential => "crd",
            Self::Grant => "grt",
            Self::Resource => "res",
            Self::Owner => "own",
            Self::Use => "use",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| IdError::Form {
                expected: "one of identity, credential, grant, resource, owner, use",
                given: crate::shorten(&crate::clean(text), 40),
            })
    }
}

/// What a source calls a thing, stable for the thing's whole life.
///
/// A native id names *one* thing for ever: a slot that comes to hold another secret gets
/// another native id (connectors append the fingerprint of what the slot holds).
pub type Native = String;

/// The key of a sighting: which source saw which thing.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct SightingKey {
    /// Who saw it.
    pub source: SourceId,
    /// What it is.
    pub kind: Kind,
    /// What the source calls it.
    pub native: Native,
}

impl fmt::Display for SightingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} `{}`",
            self.source.as_str(),
            self.kind,
            crate::clean(&self.native)
        )
    }
}

/// The id of a thing on the roll: three letters of its kind, then 24 of `0-9a-v`.
///
/// It is the hash of the thing's smallest member sighting, so the order in which sources were
/// read does not matter. When things merge, older ids go on resolving as aliases.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct EntityId(String);

impl EntityId {
    /// The id of the thing whose smallest member is `sighting`.
    pub fn of(sighting: &SightingKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"keyroll entity 1");
        for part in [
            sighting.source.as_str(),
            sighting.kind.as_str(),
            &sighting.native,
        ] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!(
            "{}-{}",
            sighting.kind.prefix(),
            base32(&hash.finalize()[..15])
        ))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the thing is, told by the first letters.
    pub fn kind(&self) -> Kind {
        let prefix = self.0.get(..3).unwrap_or_default();
        Kind::ALL
            .into_iter()
            .find(|kind| kind.prefix() == prefix)
            .unwrap_or(Kind::Identity)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EntityId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let told = || IdError::Form {
            expected: "an id such as `crd-0a1b2c3d4e5f6g7h8i9j0k1l`",
            given: crate::shorten(&crate::clean(text), 40),
        };
        let (prefix, rest) = text.split_once('-').ok_or_else(told)?;
        let known = Kind::ALL.into_iter().any(|kind| kind.prefix() == prefix);
        let shaped =
            rest.len() == 24 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'v'));
        if known && shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err(told())
        }
    }
}

impl TryFrom<String> for EntityId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<EntityId> for String {
    fn from(id: EntityId) -> Self {
        id.0
    }
}

/// The id of a plan: `pln-` and the start of the hash of what it will do.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct PlanId(pub String);

impl PlanId {
    /// The id of the plan whose canonical bytes are `body`.
    pub fn of(body: &[u8]) -> Self {
        Self(format!("pln-{}", base32(&Sha256::digest(body)[..10])))
    }
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 4648 section 7 (`base32hex`) in lower case without padding; `bytes` in groups of five.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut out = String::with_capacity(bytes.len() * 8 / 5);
    for group in bytes.chunks(5) {
        let value = group
            .iter()
            .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        for n in (0..8).rev() {
            out.push(char::from(
                LETTERS[usize::try_from((value >> (n * 5)) & 31).unwrap_or(0)],
            ));
        }
    }
    out
}

fn name_like(text: &str, expected: &'static str, bytes_max: usize) -> Result<String, IdError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.len() <= bytes_max && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err(IdError::Form {
        expected,
        given: crate::shorten(&crate::clean(text), 80),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(source: &str, native: &str) -> SightingKey {
        SightingKey {
            source: source.parse().unwrap(),
            kind: Kind::Credential,
            native: native.to_owned(),
        }
    }

    #[test]
    fn an_entity_id_reads_back_and_tells_its_kind() {
        let id = EntityId::of(&sighting("files:host", "/srv/.env#DB"));
        assert_eq!(id.as_str().len(), 28);
        assert_eq!(id.as_str().parse::<EntityId>().unwrap(), id);
        assert_eq!(id.kind(), Kind::Credential);
    }

    #[test]
    fn parts_of_a_sighting_cannot_run_into_one_another() {
        assert_ne!(
            EntityId::of(&sighting("a:b", "cd")),
            EntityId::of(&sighting("a:bc", "d"))
        );
    }

    #[test]
    fn base32_is_the_alphabet_of_rfc_4648_section_7() {
        assert_eq!(base32(b"fooba").to_uppercase(), "CPNMUOJ1");
    }

    #[test]
    fn a_target_that_is_too_long_for_an_id_is_told_apart_by_its_hash() {
        let long = |end: &str| format!("host:/{}/{end}", "ä".repeat(400));
        let (a, b) = (
            SourceId::new("files", &long("a")),
            SourceId::new("files", &long("b")),
        );
        assert_ne!(a, b);
        assert_eq!(a.as_str().parse::<SourceId>().unwrap(), a);
        assert!(a.target().starts_with("host:/ä") && a.target().contains("/a#"));
        let short = SourceId::new("files", "host:/srv");
        assert_eq!(
            short.as_str(),
            "files:host:/srv",
            "what fits stays as it was"
        );
    }

    #[test]
    fn a_source_needs_a_connector_and_a_target() {
        for wrong in ["", "files", "Files:x", "files:", ":x", "fi les:x"] {
            assert!(wrong.parse::<SourceId>().is_err(), "{wrong}");
        }
        let id: SourceId = "postgres_roles:127.0.0.1:5432".parse().unwrap();
        assert_eq!(
            (id.connector(), id.target()),
            ("postgres_roles", "127.0.0.1:5432")
        );
    }
}
