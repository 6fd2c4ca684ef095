//! What one pass over a source brought back, and what it could not read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Observation, Scope, SourceId, Timestamp};

/// The name and version of the documented format, as its first field says it.
pub const FORMAT: &str = "keyroll-collection/1";

/// What one pass over a source brought back. Also the documented JSON that any program may push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// [`FORMAT`].
    pub format: String,
    /// What was read.
    pub source: SourceId,
    /// Which part of it this pass set out to read; absence counts only inside.
    #[serde(default)]
    pub scope: Scope,
    /// When the pass began: what was made later cannot be blamed for not being in it.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Who fingerprinted the secrets in it, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<Scanner>,
    /// What was seen.
    #[serde(default)]
    pub observations: Vec<Observation>,
    /// What could not be read.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

/// Which fingerprint key a scanner used: the tenant's if it is enrolled, else its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scanner {
    /// A name for people.
    pub name: String,
    /// Id of the fingerprint key: 16 hex digits.
    pub fingerprint_key: String,
}

/// A part that could not be read, so that absence there proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Which part.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// The chain of causes, for a person; never a secret, never longer than 400 characters.
    pub told: String,
    /// What would let it be read: a permission in the provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

/// Why a part could not be read.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// We may not.
    Denied,
    /// We asked too much.
    Throttled,
    /// It broke, was cut off, or did not answer.
    Failed,
    /// We cannot read this kind of thing, or it is beyond a stated limit.
    Unsupported,
}

impl Reason {
    /// The word in the store and in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
            Self::Unsupported => "unsupported",
        }
    }
}

impl Gap {
    /// A gap at `scope`; `told` is cleaned and cut.
    pub fn new(scope: &Scope, reason: Reason, told: impl AsRef<str>) -> Self {
        let told = crate::shorten(&crate::clean(told.as_ref()), 400);
        Self {
            scope: scope.clone(),
            reason,
            told,
            needs: None,
        }
    }

    /// With the permission that would close it.
    #[must_use]
    pub fn needs(mut self, permission: impl Into<String>) -> Self {
        self.needs = Some(permission.into());
        self
    }
}

/// Whether a pass over `scope` with these gaps proves absence from `part`.
///
/// A gap above `part` hides it; a gap below it may hide one of its members.
pub(crate) fn read_whole(scope: &Scope, gaps: &[Gap], part: &Scope) -> bool {
    let hides = |gap: &Gap| gap.scope.contains(part) || part.contains(&gap.scope);
    scope.contains(part) && !gaps.iter().any(hides)
}

impl Collection {
    /// A collection of which nothing is read yet.
    pub fn new(source: SourceId, scope: Scope, started: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            source,
            scope,
            started,
            finished: started,
            scanner: None,
            observations: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Whether absence from this collection proves absence from `part`.
    pub fn read_whole(&self, part: &Scope) -> bool {
        read_whole(&self.scope, &self.gaps, part)
    }
}

impl Gap {
    /// Whether a pass that set out to read `scope` and left `gaps` proves absence from `part`.
    pub fn none_hides(scope: &Scope, gaps: &[Self], part: &Scope) -> bool {
        read_whole(scope, gaps, part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope(
            text.split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    #[test]
    fn a_gap_hides_what_lies_below_it_and_spoils_what_lies_above() {
        let gaps = [Gap::new(&scope("users/alice"), Reason::Denied, "403")];
        for (part, whole) in [
            ("users/bob", true),
            ("users/alice/keys", false),
            ("users", false),
            ("roles", true),
        ] {
            assert_eq!(
                read_whole(&Scope::whole(), &gaps, &scope(part)),
                whole,
                "{part}"
            );
        }
        assert!(
            !read_whole(&scope("users"), &[], &scope("roles")),
            "outside of the pass nothing is proven"
        );
    }
}
