//! Looking at the roll: one thing in full, and everything the rules say.

mod twins;
mod users;

use assess::{Ground, Thing, Twin, Workload};
use inventory::{Conflict, Keyed};
use model::{Entity, EntityId, Finding, Kind, Mute};
use store::{Filter, Reading, Row};

use crate::{Engine, Error};

/// A thing in full, with what it stands next to.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Its line on the roll.
    pub row: Row,
    /// Everything all sources tell of it.
    pub entity: Entity,
    /// The identity it belongs to, if it is a credential and that is known.
    pub holder: Option<Entity>,
    /// The confirmed owner, its own or its holder's.
    pub owner: Option<String>,
    /// The merges it was kept from; `None`: too much hangs together to say.
    pub refused: Option<Vec<Conflict>>,
    /// Who works with it, if it is a credential: each workload once, over all sources.
    pub users: Vec<Workload>,
    /// If it is an identity: those of other environments that bear its name.
    pub twins: Vec<Twin>,
}

/// Sightings looked through for the merges that were refused around one thing.
const CONNECTED_MAX: usize = 4_096;

impl Engine {
    /// The one thing a person means by `text`: an id, the beginning of one, or an exact name.
    ///
    /// # Errors
    /// Nothing or more than one thing is meant; the message lists what could be.
    pub fn find(&self, text: &str) -> Result<EntityId, Error> {
        let found = self
            .store
            .read(|reading| reading.find(&self.tenant, text))?;
        let shown = model::shorten(&model::clean(text), 60);
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(Error::Unfit(format!(
                "nothing on the roll is called `{shown}`; expected an id, its first letters (`crd-1a2b3c`) or an exact name; `keyroll ls` shows them"
            ))),
            many => {
                let ids: Vec<_> = many.iter().take(5).map(EntityId::as_str).collect();
                let more = if many.len() > ids.len() {
                    " and more"
                } else {
                    ""
                };
                Err(Error::Unfit(format!(
                    "`{shown}` may be {}{more}; give more of the id",
                    ids.join(", ")
                )))
            }
        }
    }

    /// A thing in full.
    ///
    /// # Errors
    /// It is not on the roll.
    pub fn look(&self, id: &EntityId) -> Result<Looked, Error> {
        let looked = self.store.read(|reading| {
            let mut looked = self.look_in(reading, id)?;
            self.find_refused(reading, looked.as_mut_slice())?;
            Ok(looked)
        })?;
        looked.ok_or_else(|| {
            Error::Unfit(format!(
                "`{id}` is not on the roll; `keyroll ls` shows what is"
            ))
        })
    }

    /// A thing in full, in the caller's view of the store, but for the merges it was kept from.
    pub(crate) fn look_in(
        &self,
        reading: &mut Reading<'_>,
        id: &EntityId,
    ) -> Result<Option<Looked>, store::Error> {
        let Some(row) = reading.entity_row(&self.tenant, id)? else {
            return Ok(None);
        };
        let entity = self.entity_in(reading, &row.id)?;
        let (mut holder, mut owner) = (None, row.owner.clone());
        if let Some(id) = &row.holder {
            holder = Some(self.entity_in(reading, id)?);
            owner = match owner {
                Some(owner) => Some(owner),
                None => reading
                    .entity_row(&self.tenant, id)?
                    .and_then(|row| row.owner),
            };
        }
        let users = users::of(reading, &self.tenant, &entity)?;
        let twins = self.twins_in(reading, &row)?;
        Ok(Some(Looked {
            row,
            users,
            twins,
            entity,
            holder,
            owner,
            refused: None,
        }))
    }

    /// Finds the merges that each of `things` was kept from: those over a key that it bears. All
    /// of them are looked up at once, because one by one that costs as much as all else here.
    pub(crate) fn find_refused(
        &self,
        reading: &mut Reading<'_>,
        things: &mut [Looked],
    ) -> Result<(), store::Error> {
        let members = things.iter().flat_map(|one| &one.entity.members);
        let members: Vec<_> = members.map(|one| one.sighting.clone()).collect();
        let most = CONNECTED_MAX.max(2 * members.len());
        let held = match reading.closure(&self.tenant, &members, most) {
            Ok(held) => held,
            // One of them hangs together with too much: only that one cannot be told.
            Err(store::Error::TooConnected { .. }) if things.len() > 1 => {
                for one in things {
                    self.find_refused(reading, std::slice::from_mut(one))?;
                }
                return Ok(());
            }
            Err(store::Error::TooConnected { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let keyed = held.iter().map(|one| Keyed {
            sighting: &one.key,
            keys: &one.keys,
        });
        let conflicts = inventory::resolve(&keyed.collect::<Vec<_>>()).conflicts;
        for thing in things {
            let bears = |conflict: &Conflict| {
                thing.entity.members.iter().any(|member| {
                    let at = held.binary_search_by(|one| one.key.cmp(&member.sighting));
                    at.is_ok_and(|at| held[at].keys.contains(&conflict.key))
                })
            };
            let of_kind = conflicts.iter().filter(|one| one.kind == thing.entity.kind);
            thing.refused = Some(of_kind.filter(|one| bears(one)).cloned().collect());
        }
        Ok(())
    }

    pub(super) fn entity_in(
        &self,
        reading: &mut Reading<'_>,
        id: &EntityId,
    ) -> Result<Entity, store::Error> {
        let sightings = reading.sightings_of(&self.tenant, id)?;
        let aliases = reading.aliases(&self.tenant, id)?;
        Ok(inventory::assemble(id, aliases, sightings))
    }

    /// What the rules say of one thing.
    ///
    /// # Errors
    /// The store gave out.
    pub fn findings_of(&self, looked: &Looked, mutes: &[Mute]) -> Result<Vec<Finding>, Error> {
        Ok(judge(looked, &self.ground()?, mutes))
    }

    /// What is the same for every thing that is judged now.
    fn ground(&self) -> Result<Ground, Error> {
        Ok(Ground {
            left: self.left()?,
            revocations: self.latest_revocations()?,
            inventories: self.inventories()?,
            logs: self.log_windows()?,
            ..Ground::at(self.now())
        })
    }

    /// What the rules say of everything on the roll, one finding at a time: memory does not grow
    /// with the roll.
    ///
    /// # Errors
    /// The store gave out, or `each` did.
    pub fn findings(
        &self,
        each: &mut dyn FnMut(Finding) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mutes = self.store.read(|reading| reading.mutes(&self.tenant))?;
        let ground = self.ground()?;
        let kinds = [Kind::Identity, Kind::Credential, Kind::Grant].map(|kind| (kind, None));
        let judged = assess::JUDGED_RESOURCES.iter();
        let resources = judged.map(|type_| (Kind::Resource, Some((*type_).to_owned())));
        for (kind, type_) in kinds.into_iter().chain(resources) {
            let filter = Filter {
                kind: Some(kind),
                type_,
                missing: Some(false),
                ..Filter::default()
            };
            self.each(&filter, &mut |one| {
                for finding in judge(one, &ground, &mutes) {
                    each(finding)?;
                }
                Ok(true)
            })?;
        }
        Ok(())
    }
}

fn judge(looked: &Looked, ground: &Ground, mutes: &[Mute]) -> Vec<Finding> {
    let thing = Thing {
        entity: &looked.entity,
        holder: looked.holder.as_ref(),
        owner: looked.owner.as_deref(),
        refused: looked.refused.as_deref(),
        users: &looked.users,
        twins: &looked.twins,
    };
    assess::assess(&thing, ground, mutes)
}
