//! What a person decides: who owns a thing, which finding is muted. Each is a leaf first.

use evidence::LeafKind;
use model::{EntityId, Finding, Mute, Ownership, Timestamp};
use serde::Serialize;
use store::Durability;

use crate::{Engine, Error, Ledger, reconcile};

#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
enum Decision<'a> {
    Owner {
        entity: &'a EntityId,
        owner: Option<&'a str>,
        ownership: Ownership,
    },
    Mute {
        mute: &'a Mute,
    },
    Unmute {
        finding: &'a str,
    },
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
        if let Some(name) = owner {
            text("an owner", name)?;
        }
        let now = self.now();
        let decision = Decision::Owner {
            entity,
            owner,
            ownership,
        };
        let leaf = Ledger::leaf(
            LeafKind::Decision,
            now,
            &self.actor,
            entity.as_str(),
            &decision,
        )?;
        self.store.write(Durability::Full, |writing| {
            let index = self.ledger.record(writing, &[leaf])?;
            writing.set_owner(
                &self.tenant,
                entity,
                owner,
                ownership.as_str(),
                &self.actor,
                now,
            )?;
            // The owner is part of the line that lists and filters read.
            reconcile::refresh(writing, &self.tenant, entity, now)?;
            Ok(index)
        })
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
        let leaf = Ledger::leaf(
            LeafKind::Decision,
            now,
            &self.actor,
            finding.entity.as_str(),
            &Decision::Mute { mute: &mute },
        )?;
        self.store.write(Durability::Full, |writing| {
            let index = self.ledger.record(writing, &[leaf])?;
            writing.put_mute(&self.tenant, &mute)?;
            Ok(index)
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
        let leaf = Ledger::leaf(
            LeafKind::Decision,
            self.now(),
            &self.actor,
            finding,
            &decision,
        )?;
        self.store.write(Durability::Full, |writing| {
            let index = self.ledger.record(writing, &[leaf])?;
            writing.remove_mute(&self.tenant, &mute.finding)?;
            Ok(index)
        })
    }
}

fn text(what: &str, given: &str) -> Result<(), Error> {
    let length = given.trim().chars().count();
    if (1..=TEXT_MAX).contains(&length) && !given.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::Unfit(format!(
        "expected {what} of 1 to {TEXT_MAX} characters without control characters, got {length}"
    )))
}
