//! Parts of a source, and what one part says of another.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a source, from the whole inwards: `[]` is all of it, then `["users"]`, then
/// `["users", "alice"]`. A file source names directories and files that way.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Scope(pub Vec<String>);

impl Scope {
    /// The whole source.
    pub const fn whole() -> Self {
        Self(Vec::new())
    }

    /// One part at the top of a source.
    pub fn of(part: impl Into<String>) -> Self {
        Self(vec![part.into()])
    }

    /// The part named `name` inside this one.
    #[must_use]
    pub fn part(&self, name: impl fmt::Display) -> Self {
        let mut parts = self.0.clone();
        parts.push(name.to_string());
        Self(parts)
    }

    /// Whether `other` is this part or lies inside it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(all)");
        }
        for (n, part) in self.0.iter().enumerate() {
            // What lies in a file stands behind its name: `app.tar!/etc`, `app.tar@sha256:0a1b`.
            let within = part == "!" || part.starts_with("@sha256:");
            let slash = if n > 0 && !within && !self.0[n - 1].ends_with('/') {
                "/"
            } else {
                ""
            };
            write!(f, "{slash}{}", crate::clean(part))?;
        }
        Ok(())
    }
}
