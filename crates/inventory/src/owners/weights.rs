//! How often each kind of evidence is right: the one place to change.

use model::{Duration, Ownership};

/// A suggestion below this score, of 100, is no answer.
pub const ANSWER_MIN: u8 = 70;

/// From here on, of 100, somebody is more likely the owner than not, and is told as a guess.
pub(super) const LIKELY_MIN: u8 = 50;

/// What credentials take over from their holder is right a little less often.
pub(super) const OF_HOLDER: f64 = 0.95;

/// Somebody who left was named: whoever else is named for the same thing is so less often right,
/// because the thing went to somebody of whom nothing is told yet.
pub(super) const BESIDE_LEAVER: f64 = 0.85;

/// How readily two wrong pieces name the same wrong person: 0, never; 1, always. Wrong evidence
/// runs in packs: who moved on is still in the tag, in the commit and in `CODEOWNERS`.
pub(super) const TOGETHER: f64 = 0.6;

/// A commit of more files than this says little of each.
pub(super) const BULK_MIN: i64 = 100;

/// Evidence older than this is not worth less for it.
pub(super) const AGE_MAX: Duration = Duration::days(3650);

/// A kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// A tag, label or annotation such as `business-owner`.
    BusinessTag,
    /// A tag, label or annotation such as `technical-owner`.
    TechnicalTag,
    /// A tag, label or annotation `owner` or `contact`, or a stated link to an owner.
    OwnerTag,
    /// A tag, label or annotation `team` or `squad`.
    TeamTag,
    /// `CODEOWNERS` of the file that holds it.
    CodeOwners,
    /// A line of `CODEOWNERS` that takes every file for which there is no other.
    CatchAll,
    /// Whoever made it at its provider.
    Creator,
    /// The author of the commit that brought it in.
    Introduced,
    /// The author of a commit that brought in very much at once: vendored code, a move, a new
    /// format of everything.
    Bulk,
    /// Whoever wrote most of the file that holds it.
    MainAuthor,
    /// A source suggests somebody and does not say why.
    Hint,
}

/// How often a kind of evidence is right.
pub(super) struct Weight {
    /// Naming a person or a team who answers for why the thing exists.
    business: [f64; 2],
    /// Naming a person or a team who answers for how the thing runs.
    system: [f64; 2],
    /// After how many days it is worth half, where its age is told; 0: it does not age.
    pub(super) half_life_days: u16,
}

/// In percent: a person, a team.
const fn weight(business: [u8; 2], system: [u8; 2], half_life_days: u16) -> Weight {
    const fn of([person, team]: [u8; 2]) -> [f64; 2] {
        [person as f64 / 100.0, team as f64 / 100.0]
    }
    Weight {
        business: of(business),
        system: of(system),
        half_life_days,
    }
}

impl Weight {
    /// How often it is right in this sense about a person, or a team; nought: it says nothing.
    pub(super) const fn of(&self, role: Ownership, person: bool) -> f64 {
        let [of_person, of_team] = match role {
            Ownership::Business => self.business,
            Ownership::System => self.system,
        };
        if person { of_person } else { of_team }
    }
}

impl Sign {
    /// Its weight.
    pub(super) const fn weight(self) -> Weight {
        match self {
            Self::BusinessTag => weight([92, 92], [0, 0], 0),
            Self::TechnicalTag => weight([0, 0], [92, 92], 0),
            // A person in `owner` is whoever works on it, as a rule.
            Self::OwnerTag => weight([45, 86], [82, 86], 0),
            Self::TeamTag => weight([45, 88], [60, 88], 0),
            Self::CodeOwners => weight([30, 78], [50, 78], 0),
            Self::CatchAll => weight([10, 30], [15, 30], 0),
            Self::Creator => weight([20, 40], [60, 60], 1460),
            Self::Introduced => weight([20, 30], [55, 55], 1095),
            Self::Bulk => weight([5, 10], [10, 10], 1095),
            Self::MainAuthor => weight([20, 30], [50, 50], 1095),
            Self::Hint => weight([40, 50], [50, 50], 0),
        }
    }
}

/// Names of tags, labels and annotations that name somebody: the last part of the name (after
/// the last `/`, `:` or `.`), in small letters, with `-` for `_` and blanks.
pub(super) const TAGS: &[(&str, Sign)] = &[
    ("accountable", Sign::BusinessTag),
    ("budget-owner", Sign::BusinessTag),
    ("business-contact", Sign::BusinessTag),
    ("business-owner", Sign::BusinessTag),
    ("businessowner", Sign::BusinessTag),
    ("cost-owner", Sign::BusinessTag),
    ("product-owner", Sign::BusinessTag),
    ("sponsor", Sign::BusinessTag),
    ("maintainer", Sign::TechnicalTag),
    ("maintainers", Sign::TechnicalTag),
    ("operator", Sign::TechnicalTag),
    ("system-owner", Sign::TechnicalTag),
    ("tech-lead", Sign::TechnicalTag),
    ("tech-owner", Sign::TechnicalTag),
    ("technical-contact", Sign::TechnicalTag),
    ("technical-owner", Sign::TechnicalTag),
    ("technicalowner", Sign::TechnicalTag),
    ("contact", Sign::OwnerTag),
    ("contact-email", Sign::OwnerTag),
    ("owned-by", Sign::OwnerTag),
    ("owner", Sign::OwnerTag),
    ("owner-email", Sign::OwnerTag),
    ("owneremail", Sign::OwnerTag),
    ("owners", Sign::OwnerTag),
    ("point-of-contact", Sign::OwnerTag),
    ("responsible", Sign::OwnerTag),
    ("access-team", Sign::TeamTag),
    ("owning-team", Sign::TeamTag),
    ("squad", Sign::TeamTag),
    ("support-group", Sign::TeamTag),
    ("team", Sign::TeamTag),
    ("team-name", Sign::TeamTag),
    ("tribe", Sign::TeamTag),
    ("created-by", Sign::Creator),
    ("createdby", Sign::Creator),
    ("creator", Sign::Creator),
    ("creator-email", Sign::Creator),
    ("creator-name", Sign::Creator),
];
