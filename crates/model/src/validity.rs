//! Whether a credential still opens something, as its provider says.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a credential still opens something. Three states: what nobody could tell is none of
/// the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Its provider let it in and said whom.
    Live,
    /// Its provider denied it, for a reason of authentication.
    Dead,
    /// It was asked, and the answer is neither.
    Unknown,
}

impl Validity {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Live, Self::Dead, Self::Unknown];

    /// The word in facts and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Validity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or(())
    }
}
