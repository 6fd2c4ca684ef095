//! What a source says of one attribute, its silence included.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a source says of one attribute. `CannotTell` is the limit of an interface, `Absent` a
/// statement about the world; they are never merged.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Told<T> {
    /// The source states this value.
    Is(T),
    /// The source states that there is none: a key that never expires, a role never used.
    Absent,
    /// The source has no such field, or may not show it to us.
    #[default]
    CannotTell,
}

impl<T> Told<T> {
    /// The value, if one is told.
    pub fn is(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::CannotTell => None,
        }
    }

    /// `Is` of a value that an interface gives or leaves empty on purpose.
    pub fn or_absent(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Is)
    }

    /// `Is` of a value that we may or may not have been shown.
    pub fn or_cannot_tell(value: Option<T>) -> Self {
        value.map_or(Self::CannotTell, Self::Is)
    }

    /// The same statement about a value derived by `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Told<U> {
        match self {
            Self::Is(value) => Told::Is(f(value)),
            Self::Absent => Told::Absent,
            Self::CannotTell => Told::CannotTell,
        }
    }
}
