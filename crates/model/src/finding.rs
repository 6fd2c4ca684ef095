//! What is wrong, with whom, why, and what to do next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{EntityId, Ownership, SourceId, Timestamp, Validity};

/// A rule's answer about one thing. Unknown is never shown as pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "why")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not, because …
    Fail(String),
    /// It cannot be said, because …
    Unknown(String),
}

impl Verdict {
    /// The word in the store and in filters.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Unknown(_) => "unknown",
        }
    }
    /// Why, for a failure or an unknown.
    pub fn why(&self) -> &str {
        match self {
            Self::Pass => "",
            Self::Fail(why) | Self::Unknown(why) => why,
        }
    }
}

/// How much it matters. Later ones matter more.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// When there is time.
    Low,
    /// Soon.
    Medium,
    /// This week.
    High,
    /// Today.
    Critical,
}

impl Severity {
    /// Every severity, least first.
    pub const ALL: [Self; 5] = [
        Self::Info,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word in the store and in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One named reason why a finding weighs what it weighs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RiskFactor {
    /// `privilege`, `validity`, `age`, `owner`, `exposure`, `environment`.
    pub name: String,
    /// Points it adds; may be negative.
    pub points: i32,
    /// Why, for a person.
    pub why: String,
}

/// Where it lies, for findings that lie somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Source and native id, or a file.
    pub path: String,
    /// Line from 1, if it has one.
    pub line: Option<u32>,
}

/// Stable name of a finding: hash of rule, place, ordinal and thing; never of a secret.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct FindingId(pub String);

impl FindingId {
    /// The name of the `ordinal`-th finding of `rule` at `place` about `entity`.
    pub fn of(rule: &str, place: &str, ordinal: u32, entity: &EntityId) -> Self {
        let mut hash = Sha256::new();
        for part in [
            "keyroll finding 1",
            rule,
            place,
            &ordinal.to_string(),
            entity.as_str(),
        ] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("fnd-{}", crate::id::base32(&hash.finalize()[..10])))
    }
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a finding is known by on every machine: hash of what it is about and where that lies, and
/// of no secret, no line and no directory above the one that was read. Two findings may share it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct FindingPrint(String);

impl FindingPrint {
    /// The fingerprint made of `parts`.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in [&["keyroll finding print 1"], parts].concat() {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("fpr-{}", crate::id::base32(&hash.finalize()[..15])))
    }
    /// The whole fingerprint.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Somebody whom evidence names as owner, and nobody has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggested {
    /// Who.
    pub who: String,
    /// In which sense.
    #[serde(rename = "as")]
    pub role: Ownership,
    /// How likely it is, 1 to 99.
    pub score: u8,
    /// What speaks for them, the weightiest first.
    #[serde(rename = "because")]
    pub reasons: Vec<String>,
}

/// One answer of one rule about one thing that is not a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its stable name.
    pub id: FindingId,
    /// What it is known by elsewhere: baselines, tickets, code scanning.
    pub print: FindingPrint,
    /// Which rule.
    pub rule: &'static str,
    /// What the rule looks for, in one line.
    pub title: &'static str,
    /// OWASP Non-Human Identities Top 10 (2025) id: `NHI2`.
    pub owasp: &'static str,
    /// About what.
    pub entity: EntityId,
    /// What people call it.
    pub name: String,
    /// Where: what the rule speaks of, else where the thing lies or is declared.
    pub place: Option<Place>,
    /// A source that sees it, for what lies in no file; none where it is gone from all.
    pub source: Option<SourceId>,
    /// Fail or unknown, and why.
    pub verdict: Verdict,
    /// How much it matters.
    pub severity: Severity,
    /// 0 to 100, the sum of `factors`, cut to that range.
    pub risk: u8,
    /// Why it weighs that much.
    pub factors: Vec<RiskFactor>,
    /// Whether its provider still lets the credential in, where that was asked.
    pub validity: Option<Validity>,
    /// Who answers for it, if that is known.
    pub owner: Option<String>,
    /// Whom the evidence names where nobody is confirmed, if anybody more likely than not.
    pub suggested: Option<Suggested>,
    /// The command to type next.
    pub next: String,
    /// Muted by whom, why and until when.
    pub mute: Option<Mute>,
}

/// A person's decision not to be told of a finding until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Which finding.
    pub finding: FindingId,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}
