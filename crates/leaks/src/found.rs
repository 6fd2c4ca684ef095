//! What a scan finds.

use std::ops::Range;
use std::sync::Arc;

use model::Secret;

use crate::Rule;

/// How sure it is that the place holds what the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// From the name beside it, or its checksum is wrong.
    Low,
    /// From the provider's name beside it and its form, or from a name beside it where settings
    /// stand or code sets it.
    Medium,
    /// From a form that only this provider's credentials have.
    High,
}

impl Confidence {
    pub(crate) const fn lower(self) -> Self {
        match self {
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }
}

/// What the checksum within a credential says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Checksum {
    /// The format has none, or none that is published.
    #[default]
    Absent,
    /// It is right: no random text has it but by one chance in 2³².
    Valid,
    /// It is wrong: made up, mistyped, or cut.
    Invalid,
}

/// What a credential is good for, by its form alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing says otherwise.
    #[default]
    Unmarked,
    /// The provider's sandbox or test mode.
    Test,
    /// Written for a manual.
    Example,
}

/// Something that a credential's own bytes tell: `account`, `issuer`, `expires_at`, `host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// Its value; never a part of what has to stay secret.
    pub value: String,
}

impl Fact {
    pub(crate) fn new(name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self { name, value }
    }
}

/// One place that holds what a rule looks for.
#[derive(Clone, Debug)]
pub struct Match {
    /// By which rule.
    pub rule: Arc<Rule>,
    /// Where the secret stands, in bytes from the beginning of what was scanned.
    pub range: Range<u64>,
    /// Its line, from 1.
    pub line: u64,
    /// The byte within its line, from 1.
    pub column: u64,
    /// How sure it is.
    pub confidence: Confidence,
    /// Of the secret, in bits a byte.
    pub entropy: f64,
    /// What its checksum says.
    pub checksum: Checksum,
    /// Live, test or example, by its form.
    pub mode: Mode,
    /// Whether it stood there in Base64; `range` is then that of the encoded text.
    pub decoded: bool,
    /// What its bytes tell.
    pub facts: Vec<Fact>,
    /// The secret itself.
    pub secret: Secret,
}

impl Match {
    /// The value of the fact `name`.
    pub fn fact(&self, name: &str) -> Option<&str> {
        let fact = self.facts.iter().find(|fact| fact.name == name)?;
        Some(&fact.value)
    }
}
