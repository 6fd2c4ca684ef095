//! What a person decides: who owns a thing, which finding is muted. Each is a leaf first.
//!
//! Decisions about sources are taken in `sources.rs`, those about keys in `keys/`; their leaves
//! are of the one form that stands here.

use std::collections::BTreeMap;

use evidence::LeafKind;
use inventory::owners::Suggestion;
use model::{EntityId, Finding, Mute, Ownership, SourceId, Timestamp};
use serde::Serialize;
use store::{Durability, Writing};

use crate::{Engine, Error, Ledger, crash, reconcile};

/// The body of a leaf of kind `decision`.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub(crate) enum Decision<'a> {
    Owner {
        entity: &'a EntityId,
        owner: Option<&'a str>,
        ownership: Ownership,
        /// The suggestion that was taken: its score of 100, and its reasons.
        #[serde(skip_serializing_if = "Option::is_none")]
        suggested: Option<Suggested<'a>>,
    },
    Mute {
        mute: &'a Mute,
    },
    Unmute {
        finding: &'a str,
    },
    /// A source is read and acted through from now on; what opens it is not told.
    SourceAdded {
        source: &'a SourceId,
        options: &'a BTreeMap<String, String>,
        kind_of_target: &'a str,
        /// Whether it has a secret that is sealed here.
        sealed: bool,
        /// Whether it takes the place of what was known of it.
        replaces: bool,
    },
    /// A source is forgotten, and what opened it destroyed.
    SourceRemoved {
        source: &'a SourceId,
        /// Whether there was a secret to destroy.
        destroyed: bool,
    },
    /// The fingerprint key is written into a file: whoever has that can test guesses.
    KeyExported {
        fingerprint_key: &'a str,
        file: &'a str,
    },
    /// The fingerprint key of another roll is that of this one.
    KeyImported {
        fingerprint_key: &'a str,
    },
    /// All of the roll leaves as a copy, in which what is sealed stays sealed.
    RollCopied {
        to: &'a str,
    },
    /// This roll is what a copy held.
    RollRestored {
        from: &'a str,
    },
    /// A new term of the key ring seals from now on.
    KeyRotated {
        term: u32,
        before: u32,
    },
    /// What is sealed under older terms is sealed anew.
    RewrapBegun {
        term: u32,
        values: u64,
    },
    /// So much was.
    RewrapEnded {
        term: u32,
        values: u64,
    },
    /// Found credentials are shown to their providers, so many to each host.
    LiveChecked {
        hosts: &'a BTreeMap<String, usize>,
        /// Whether all of it goes to another place instead, that a person named.
        elsewhere: bool,
    },
}

/// What spoke for an owner whom a person took over from the suggestions.
#[derive(Serialize)]
pub(crate) struct Suggested<'a> {
    score: u8,
    reasons: &'a [String],
}

/// The longest name of an owner and the longest reason, in characters.
const TEXT_MAX: usize = 400;

impl Engine {
    /// Confirms who owns `entity`, or that nobody does any more. Returns the index of its leaf.
    ///
    /// # Errors
    /// The name is empty or too long, or the log does not take it.
    pub fn set_owner(
        &self,
        entity: &EntityId,
        owner: Option<&str>,
        ownership: Ownership,
    ) -> Result<u64, Error> {
        self.decide_owner(entity, owner, ownership, None)
    }

    /// Confirms a suggested owner; the score and the reasons are in the evidence with it.
    ///
    /// # Errors
    /// The log does not take it.
    pub fn accept_owner(&self, entity: &EntityId, suggestion: &Suggestion) -> Result<u64, Error> {
        let suggested = Suggested {
            score: suggestion.score,
            reasons: &suggestion.reasons,
        };
        let who = suggestion.who.name();
        self.decide_owner(entity, Some(who), suggestion.role, Some(suggested))
    }

    fn decide_owner(
        &self,
        entity: &EntityId,
        owner: Option<&str>,
        ownership: Ownership,
        suggested: Option<Suggested<'_>>,
    ) -> Result<u64, Error> {
        if let Some(name) = owner {
            text("an owner", name)?;
        }
        let now = self.now();
        let decision = Decision::Owner {
            entity,
            owner,
            ownership,
            suggested,
        };
        self.decide(entity.as_str(), now, &decision, |writing| {
            writing.set_owner(
                &self.tenant,
                entity,
                owner,
                ownership.as_str(),
                &self.actor,
                now,
            )?;
            // The owner is part of the line that lists and filters read.
            Ok(reconcile::refresh(writing, &self.tenant, entity, now)?)
        })
    }

    /// One decision: its leaf and what it makes true, in one transaction. Returns the leaf's
    /// index.
    pub(crate) fn decide(
        &self,
        subject: &str,
        at: Timestamp,
        decision: &Decision<'_>,
        makes_true: impl FnOnce(&mut Writing<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let leaf = Ledger::leaf(LeafKind::Decision, at, &self.actor, subject, decision)?;
        crash::point("before decision");
        let index = self.store.write(Durability::Full, |writing| {
            let index = self.ledger.record(writing, &[leaf])?;
            makes_true(writing)?;
            crash::point("within decision");
            Ok::<_, Error>(index)
        })?;
        crash::point("after decision");
        Ok(index)
    }

    /// Mutes a finding until a day. Returns the index of its leaf.
    ///
    /// # Errors
    /// There is no reason, or the day is over.
    pub fn mute(&self, finding: &Finding, reason: &str, until: Timestamp) -> Result<u64, Error> {
        text("a reason", reason)?;
        let now = self.now();
        if until <= now {
            return Err(Error::Unfit(format!(
                "expected a day to come, got {until}; a mute ends by itself on its day"
            )));
        }
        let mute = Mute {
            finding: finding.id.clone(),
            reason: reason.to_owned(),
            by: self.actor.clone(),
            at: now,
            until,
        };
        let decision = Decision::Mute { mute: &mute };
        self.decide(finding.entity.as_str(), now, &decision, |writing| {
            Ok(writing.put_mute(&self.tenant, &mute)?)
        })
    }

    /// Ends a mute. Returns the index of its leaf.
    ///
    /// # Errors
    /// No such finding is muted.
    pub fn unmute(&self, finding: &str) -> Result<u64, Error> {
        let mutes = self.store.read(|reading| reading.mutes(&self.tenant))?;
        let mute = mutes
            .into_iter()
            .find(|mute| mute.finding.as_str() == finding)
            .ok_or_else(|| {
                Error::Unfit(format!(
                    "no finding `{}` is muted; `keyroll mute list` shows those that are",
                    model::clean(finding)
                ))
            })?;
        let decision = Decision::Unmute { finding };
        self.decide(finding, self.now(), &decision, |writing| {
            writing.remove_mute(&self.tenant, &mute.finding)?;
            Ok(())
        })
    }
}

pub(crate) fn text(what: &str, given: &str) -> Result<(), Error> {
    let length = given.trim().chars().count();
    let got = match length {
        _ if given.chars().any(char::is_control) => "some".to_owned(),
        0 => "nothing".to_owned(),
        1..=TEXT_MAX => return Ok(()),
        _ => format!("{length} characters"),
    };
    Err(Error::Unfit(format!(
        "expected {what} of 1 to {TEXT_MAX} characters without control characters, got {got}"
    )))
}
