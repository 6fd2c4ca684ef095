//! In which sense somebody owns something.

use std::fmt;

use serde::{Deserialize, Serialize};

/// In which sense somebody owns a thing. Both may be one and the same; often they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// Answers for why it exists.
    Business,
    /// Answers for how it runs.
    System,
}

impl Ownership {
    /// Both senses.
    pub const ALL: [Self; 2] = [Self::Business, Self::System];

    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
