//! One thing as one source saw it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Attribute, Confidence, Fact, Facts, Key, Kind, Native, Scope, Told, Value};

/// One thing as one source saw it. It holds no secret: what connects secrets is a keyed
/// fingerprint among `keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// What it is.
    pub kind: Kind,
    /// What the source calls it; names one thing for ever. At most 1024 bytes.
    pub native: Native,
    /// In which part of the source it was seen.
    #[serde(default)]
    pub scope: Scope,
    /// What makes it one with sightings of other sources.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<Key>,
    /// What might: shown as suggestions, never merged (CV-33). Kind of hint to value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, String>,
    /// What the source tells of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: Facts,
    /// How it stands to other things.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<Link>,
}

/// How one thing stands to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// In which way.
    pub relation: Relation,
    /// To what.
    pub to: Target,
}

/// In which way a thing stands to another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A credential belongs to an identity.
    Holder,
    /// A credential is handed to an identity that works with it: its consumer.
    UsedBy,
    /// An identity belongs to a role or group.
    MemberOf,
    /// A role may be taken on by another identity.
    Trusts,
    /// A grant is of an identity.
    Of,
    /// A grant is on a resource.
    On,
    /// A credential was made from another one: a session from a key.
    MintedFrom,
    /// A certificate speaks for a key.
    Certifies,
    /// Somebody or something made it.
    CreatedBy,
    /// An owner answers for it.
    OwnedBy,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 10] = [
        Self::Holder,
        Self::UsedBy,
        Self::MemberOf,
        Self::Trusts,
        Self::Of,
        Self::On,
        Self::MintedFrom,
        Self::Certifies,
        Self::CreatedBy,
        Self::OwnedBy,
    ];

    /// By which relation a thing of `kind` says whose it is; `None` for what is nobody's.
    pub const fn of_holder(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Credential => Some(Self::Holder),
            Kind::Grant => Some(Self::Of),
            Kind::Identity | Kind::Resource | Kind::Owner | Kind::Use => None,
        }
    }

    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::UsedBy => "used_by",
            Self::MemberOf => "member_of",
            Self::Trusts => "trusts",
            Self::Of => "of",
            Self::On => "on",
            Self::MintedFrom => "minted_from",
            Self::Certifies => "certifies",
            Self::CreatedBy => "created_by",
            Self::OwnedBy => "owned_by",
        }
    }
}

/// What a link points at: something of the same source, or whatever bears a hard key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A thing of the same source.
    Native {
        /// What it is.
        kind: Kind,
        /// What the source calls it.
        native: Native,
    },
    /// Whatever bears this key, wherever it was seen.
    Bearer {
        /// What it is.
        kind: Kind,
        /// Its key.
        key: Key,
    },
}

impl Observation {
    /// An observation of which nothing is told yet.
    pub fn new(kind: Kind, native: impl Into<String>, scope: &Scope) -> Self {
        Self {
            kind,
            native: native.into(),
            scope: scope.clone(),
            keys: BTreeSet::new(),
            hints: BTreeMap::new(),
            facts: Facts::new(),
            links: BTreeSet::new(),
        }
    }

    /// With a hard key.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.keys.insert(key);
        self
    }

    /// With a soft key.
    #[must_use]
    pub fn hint(mut self, kind: &str, value: impl Into<String>) -> Self {
        self.hints.insert(kind.to_owned(), value.into());
        self
    }

    /// With a fact the source of record states.
    #[must_use]
    pub fn is(mut self, attribute: Attribute, value: impl Into<Value>) -> Self {
        self.facts
            .insert(attribute, Fact::stated(Told::Is(value.into())));
        self
    }

    /// With whatever the source tells of an attribute, its silence included.
    #[must_use]
    pub fn told<T: Into<Value>>(mut self, attribute: Attribute, told: Told<T>) -> Self {
        self.facts
            .insert(attribute, Fact::stated(told.map(Into::into)));
        self
    }

    /// With a fact that was concluded, not stated.
    #[must_use]
    pub fn concluded(
        mut self,
        attribute: Attribute,
        value: impl Into<Value>,
        confidence: Confidence,
    ) -> Self {
        self.facts.insert(
            attribute,
            Fact {
                told: Told::Is(value.into()),
                confidence,
            },
        );
        self
    }

    /// With a link to a thing of the same source.
    #[must_use]
    pub fn link(mut self, relation: Relation, kind: Kind, native: impl Into<String>) -> Self {
        self.links.insert(Link {
            relation,
            to: Target::Native {
                kind,
                native: native.into(),
            },
        });
        self
    }

    /// With a link to whatever bears `key`.
    #[must_use]
    pub fn link_key(mut self, relation: Relation, kind: Kind, key: Key) -> Self {
        self.links.insert(Link {
            relation,
            to: Target::Bearer { kind, key },
        });
        self
    }

    /// What is told of `attribute`; silence if nothing.
    pub fn fact(&self, attribute: &Attribute) -> Told<&Value> {
        match self.facts.get(attribute).map(|fact| &fact.told) {
            Some(Told::Is(value)) => Told::Is(value),
            Some(Told::Absent) => Told::Absent,
            Some(Told::CannotTell) | None => Told::CannotTell,
        }
    }

    /// Canonical bytes: JSON with the fields in their declared order and maps sorted by name.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers, and maps with string keys cannot fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The first 16 bytes of SHA-256 over [`Self::to_bytes`]: equal means nothing changed.
    pub fn hash(bytes: &[u8]) -> [u8; 16] {
        let mut hash = [0; 16];
        hash.copy_from_slice(&Sha256::digest(bytes)[..16]);
        hash
    }
}
