//! Looking at the roll: one thing in full, and everything the rules say.

use assess::{Ground, Thing};
use inventory::{Conflict, Keyed};
use model::{Entity, EntityId, Finding, Kind, Mute};
use store::{Filter, Page, Reading, Row};

use crate::{Engine, Error};

/// Rows fetched at once while the whole roll streams past.
const ROWS: usize = 1_000;

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
        let looked = self.store.read(|reading| self.look_in(reading, id))?;
        looked.ok_or_else(|| {
            Error::Unfit(format!(
                "`{id}` is not on the roll; `keyroll ls` shows what is"
            ))
        })
    }

    /// A thing in full, in the caller's view of the store.
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
        let refused = self.refused_in(reading, &entity)?;
        Ok(Some(Looked {
            row,
            entity,
            holder,
            owner,
            refused,
        }))
    }

    /// The merges that `entity` was kept from: those over a key that it bears.
    fn refused_in(
        &self,
        reading: &mut Reading<'_>,
        entity: &Entity,
    ) -> Result<Option<Vec<Conflict>>, store::Error> {
        let members: Vec<_> = entity
            .members
            .iter()
            .map(|one| one.sighting.clone())
            .collect();
        let held = match reading.closure(&self.tenant, &members, CONNECTED_MAX) {
            Ok(held) => held,
            Err(store::Error::TooConnected { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if held.len() == members.len() {
            return Ok(Some(Vec::new()));
        }
        let keyed = held.iter().map(|one| Keyed {
            sighting: &one.key,
            keys: &one.keys,
        });
        let mut refused = inventory::resolve(&keyed.collect::<Vec<_>>()).conflicts;
        refused.retain(|conflict| {
            let bears = |one: &&store::Keyed| one.keys.contains(&conflict.key);
            held.iter()
                .filter(bears)
                .any(|one| members.contains(&one.key))
        });
        Ok(Some(refused))
    }

    fn entity_in(&self, reading: &mut Reading<'_>, id: &EntityId) -> Result<Entity, store::Error> {
        let sightings = reading.sightings_of(&self.tenant, id)?;
        let aliases = reading.aliases(&self.tenant, id)?;
        Ok(inventory::assemble(id, aliases, sightings))
    }

    /// What the rules say of one thing.
    ///
    /// # Errors
    /// The store gave out.
    pub fn findings_of(&self, looked: &Looked, mutes: &[Mute]) -> Vec<Finding> {
        let thing = Thing {
            entity: &looked.entity,
            holder: looked.holder.as_ref(),
            owner: looked.owner.as_deref(),
            refused: looked.refused.as_deref(),
        };
        assess::assess(&thing, &Ground::at(self.now()), mutes)
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
        for kind in [Kind::Identity, Kind::Credential] {
            let filter = Filter {
                kind: Some(kind),
                missing: Some(false),
                ..Filter::default()
            };
            let mut page = Page {
                limit: ROWS,
                ..Page::default()
            };
            loop {
                let (looked, next) = self.store.read(|reading| {
                    let rows = reading.roll(&self.tenant, &filter, &page)?;
                    let looked: Result<Vec<_>, _> = rows
                        .rows
                        .iter()
                        .map(|row| self.look_in(reading, &row.id))
                        .collect();
                    Ok((looked?, rows.next))
                })?;
                for one in looked.iter().flatten() {
                    for finding in self.findings_of(one, &mutes) {
                        each(finding)?;
                    }
                }
                match next {
                    Some(after) => page.after = Some(after),
                    None => break,
                }
            }
        }
        Ok(())
    }
}
