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

#[cfg(test)]
mod tests {
    use model::{Duration, Kind, Plan, SightingKey, SourceId};
    use serde_json::json;
    use store::{Durability, Location, Options};

    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn store(dir: &tempfile::TempDir, name: &str) -> Store {
        let location = Location::Sqlite(dir.path().join(name));
        Store::open(&location, &Options::default()).unwrap()
    }

    fn plan(entity: &EntityId) -> Plan {
        Plan::new(model::PlanBody {
            v: 1,
            tenant: Tenant::local(),
            act: model::Act::Revoke,
            subject: model::Subject {
                entity: entity.clone(),
                name: "shop".to_owned(),
                credential: model::CredentialType::PostgresPassword,
                source: SourceId::new("test", "a"),
                native: "x".to_owned(),
                handle: BTreeMap::new(),
                principal: "shop".to_owned(),
                seen_at: Vec::new(),
                fingerprints: Vec::new(),
            },
            steps: Vec::new(),
            window: model::Window {
                denials: 5,
                over: Duration::seconds(5),
                first_after: Duration(0),
            },
            windows: Vec::new(),
            children: Vec::new(),
            survives: Vec::new(),
            consumers: Vec::new(),
            parent: None,
            generation: 1,
            created: at(5),
            by: "ann".to_owned(),
        })
    }

    /// Owners, mutes, and how far revocations were and since when.
    type Standing = (Vec<Option<String>>, Vec<Mute>, Vec<(State, Timestamp)>);

    /// What stands in the roll of `seconds`, in which `plan` is.
    fn standing(dir: &tempfile::TempDir, from: &Store, plan: &Plan, seconds: i64) -> Standing {
        let (to, tenant) = (store(dir, &format!("to{seconds}.db")), Tenant::local());
        let decided = until(from, &tenant, at(seconds)).unwrap();
        to.write(Durability::Repeatable, |writing| {
            writing.put_plan(&tenant, plan)?;
            decided.write(writing, &tenant)
        })
        .unwrap();
        to.read(|reading| {
            let owners = reading.owners(&tenant)?.into_iter().map(|one| one.owner);
            let states = reading.revocations_of(&tenant, &plan.body.subject.entity)?;
            Ok((
                owners.collect(),
                reading.mutes(&tenant)?,
                states
                    .into_iter()
                    .map(|row| (row.state, row.updated))
                    .collect(),
            ))
        })
        .unwrap()
    }

    #[test]
    fn what_was_decided_and_done_stands_as_the_evidence_log_has_it_then() {
        let dir = tempfile::tempdir().unwrap();
        let (from, tenant) = (store(&dir, "from.db"), Tenant::local());
        let entity = EntityId::of(&SightingKey {
            source: SourceId::new("test", "a"),
            kind: Kind::Credential,
            native: "x".to_owned(),
        });
        let plan = plan(&entity);
        let owner = |owner: Option<&str>| json!({"decision": "owner", "entity": entity, "owner": owner, "ownership": "business"});
        let mute = Mute {
            finding: FindingId("fnd-0".to_owned()),
            reason: "known".to_owned(),
            by: "ann".to_owned(),
            at: at(10),
            until: at(90),
        };
        let proven = State::Proven {
            at: at(20),
            denials: 5,
            over: Duration::seconds(5),
        };
        let moved = |from: &State, to: &State| json!({"plan": plan.id, "from": from, "to": to});
        let leaves = [
            (LeafKind::Decision, 10, owner(Some("ann"))),
            (
                LeafKind::Decision,
                10,
                json!({"decision": "mute", "mute": mute}),
            ),
            (
                LeafKind::Transition,
                10,
                moved(&State::Requested, &State::ProviderAcked),
            ),
            (LeafKind::Decision, 20, owner(None)),
            (
                LeafKind::Decision,
                20,
                json!({"decision": "unmute", "finding": "fnd-0"}),
            ),
            (
                LeafKind::Transition,
                20,
                moved(&State::ProviderAcked, &proven),
            ),
            (
                LeafKind::Decision,
                20,
                json!({"decision": "something of later"}),
            ),
        ];
        let records = leaves.map(|(kind, seconds, body)| {
            let leaf = Leaf::new(kind, at(seconds), "ann", entity.as_str(), &body);
            leaf.unwrap().to_bytes().unwrap()
        });
        from.write(Durability::Full, |writing| {
            writing.evidence_append(&tenant, 0, &records, &[], b"head")
        })
        .unwrap();

        let standing = |seconds| standing(&dir, &from, &plan, seconds);
        assert_eq!(standing(9), (vec![], vec![], vec![]));
        let ann = Some("ann".to_owned());
        let acked = (State::ProviderAcked, at(10));
        assert_eq!(standing(19), (vec![ann], vec![mute], vec![acked]));
        assert_eq!(standing(20), (vec![None], vec![], vec![(proven, at(20))]));
    }
}
