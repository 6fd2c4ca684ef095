//! What had been decided and done by a moment. The roll keeps who owns what at any time; mutes
//! and how far revocations were are read from the evidence log, of which each is a leaf.

use std::collections::BTreeMap;

use evidence::{Leaf, LeafKind};
use model::{EntityId, FindingId, Mute, Ownership, PlanId, State, Tenant, Timestamp};
use serde::Deserialize;
use store::{Owned, RevocationRow, Store, Writing};

use crate::Error;

/// Leaves read at once.
const LEAVES: usize = 1_000;

/// What stood at a moment.
#[derive(Default)]
pub(super) struct Decided {
    owners: BTreeMap<(EntityId, String), Owned>,
    mutes: BTreeMap<FindingId, Option<Mute>>,
    revocations: BTreeMap<PlanId, (State, Timestamp)>,
}

/// The body of a decision; others than these are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
enum Decision {
    Owner {
        entity: EntityId,
        owner: Option<String>,
        ownership: Ownership,
    },
    Mute {
        mute: Mute,
    },
    Unmute {
        finding: FindingId,
    },
    #[serde(other)]
    Other,
}

/// The body of a change of a revocation's state.
#[derive(Deserialize)]
struct Transition {
    plan: PlanId,
    to: State,
}

/// What had been decided and done `until` then.
///
/// # Errors
/// The store refused or broke, or a leaf of the log cannot be read.
pub(super) fn until(from: &Store, tenant: &Tenant, until: Timestamp) -> Result<Decided, Error> {
    let mut decided = Decided::default();
    let mut next = 0;
    loop {
        let leaves = from.read(|reading| reading.evidence_leaves(tenant, next, LEAVES))?;
        let Some((last, _)) = leaves.last() else {
            break;
        };
        next = last + 1;
        for (_, record) in &leaves {
            let leaf = Leaf::from_bytes(record).map_err(Error::Untrue)?;
            if leaf.at() <= until {
                decided.take(&leaf)?;
            }
        }
    }
    for one in from.read(|reading| reading.owners_at(tenant, until, None))? {
        decided.owner(one);
    }
    Ok(decided)
}

impl Decided {
    fn take(&mut self, leaf: &Leaf) -> Result<(), Error> {
        match leaf.kind() {
            LeafKind::Decision => match body(leaf)? {
                Decision::Owner {
                    entity,
                    owner,
                    ownership,
                } => self.owner(Owned {
                    entity,
                    kind: ownership.as_str().to_owned(),
                    owner,
                    by: leaf.actor().to_owned(),
                    at: leaf.at(),
                }),
                Decision::Mute { mute } => {
                    self.mutes.insert(mute.finding.clone(), Some(mute));
                }
                Decision::Unmute { finding } => {
                    self.mutes.insert(finding, None);
                }
                Decision::Other => {}
            },
            LeafKind::Transition => {
                let Transition { plan, to } = body(leaf)?;
                self.revocations.insert(plan, (to, leaf.at()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The later decision stands; of two in one instant, the one that came last.
    fn owner(&mut self, one: Owned) {
        let of = (one.entity.clone(), one.kind.clone());
        let stands = self.owners.get(&of).is_none_or(|old| old.at <= one.at);
        if stands {
            self.owners.insert(of, one);
        }
    }

    /// Writes all of it into the roll of then, in which its plans are already.
    pub(super) fn write(self, writing: &mut Writing<'_>, tenant: &Tenant) -> Result<(), Error> {
        for one in self.owners.into_values() {
            let owner = one.owner.as_deref();
            writing.set_owner(tenant, &one.entity, owner, &one.kind, &one.by, one.at)?;
        }
        for mute in self.mutes.into_values().flatten() {
            writing.put_mute(tenant, &mute)?;
        }
        for (plan, (state, at)) in self.revocations {
            let Some(planned) = writing.plan(tenant, &plan)? else {
                continue;
            };
            let row = RevocationRow {
                plan,
                subject: planned.body.subject.entity,
                state,
                step: 0,
                next_at: None,
                updated: at,
                body: serde_json::json!({}),
            };
            writing.put_revocation(tenant, &row)?;
        }
        Ok(())
    }
}

fn body<T: serde::de::DeserializeOwned>(leaf: &Leaf) -> Result<T, Error> {
    T::deserialize(leaf.body())
        .map_err(|error| Error::Unfit(format!("a leaf of the evidence log does not read: {error}")))
}
