//! Makes plans: what is to be revoked, who can do it, what will be done in which order.

use std::collections::BTreeSet;

use connectors::{Handle, PortKind, Revoker};
use evidence::LeafKind;
use lifecycle::Draft;
use model::{Attribute, Entity, EntityId, Kind, Plan, PlanId, SourceId, Subject};
use store::Durability;

use crate::{Engine, Error, Ledger};

/// Fingerprints kept of one plan.
const FINGERPRINTS_MAX: usize = 32;

/// A credential and whoever can revoke it.
struct Found {
    credential: Entity,
    handle: Handle,
    revoker: &'static dyn Revoker,
}

impl Engine {
    /// Plans to revoke the credential `id`, or the only credential of the identity `id`. Saves
    /// the plan with its leaf of evidence; nothing else is done.
    ///
    /// # Errors
    /// It is no credential, nobody configured can act on it, or the roll knows too little.
    pub fn plan_revoke(&self, id: &EntityId) -> Result<Plan, Error> {
        let found = self.who_can_revoke(id)?;
        let declared = found.revoker.declares();
        let name = found.credential.name().to_owned();
        let subject = Subject {
            entity: found.credential.id.clone(),
            name,
            credential: declared.credential,
            source: found.handle.source.clone(),
            native: found.handle.native.clone(),
            handle: found.handle.handle.clone(),
            principal: found.handle.principal.clone(),
            seen_at: seen_at(&found.credential),
            fingerprints: self.fingerprints_of(&found.credential.id)?,
        };
        let mut steps = found.revoker.steps(&subject);
        steps.sort_by_key(|step| step.ordinal);
        let plan = lifecycle::revoke(Draft {
            tenant: self.tenant.clone(),
            steps,
            survives: found.revoker.survivors(&subject),
            window: declared.window,
            windows: declared.windows.to_vec(),
            children: declared
                .children
                .iter()
                .map(|(name, how)| ((*name).to_owned(), (*how).to_owned()))
                .collect(),
            consumers: consumers(&found.credential),
            parent: self.plan_before(&subject.entity)?,
            subject,
            created: self.now(),
            by: self.actor.clone(),
        })
        .map_err(|error| Error::Unfit(format!("this connector's plan proves nothing: {error}")))?;
        self.save(&plan)?;
        Ok(plan)
    }

    /// The plan with this id, or the only one whose id begins so.
    ///
    /// # Errors
    /// There is none.
    pub fn plan(&self, id: &PlanId) -> Result<Plan, Error> {
        let found = self.store.read(|reading| reading.plan(&self.tenant, id))?;
        found.ok_or_else(|| {
            Error::Unfit(format!(
                "no plan `{}`; `keyroll plan list` shows those there are",
                model::shorten(&model::clean(id.as_str()), 40)
            ))
        })
    }

    fn save(&self, plan: &Plan) -> Result<(), Error> {
        let entity = plan.body.subject.entity.as_str();
        let leaf = Ledger::leaf(LeafKind::Plan, plan.body.created, &self.actor, entity, plan)?;
        self.store.write(Durability::Full, |writing| {
            self.ledger.record(writing, &[leaf])?;
            writing.put_plan(&self.tenant, plan)?;
            Ok(())
        })
    }

    /// What tells its secret from every other one (CV-35), as those who see it now see it.
    fn fingerprints_of(&self, credential: &EntityId) -> Result<Vec<String>, Error> {
        let sightings = self
            .store
            .read(|reading| reading.sightings_of(&self.tenant, credential))?;
        let here = sightings.iter().filter(|one| one.missing_since.is_none());
        let keys = here.flat_map(|one| &one.observation.keys);
        let told: BTreeSet<String> = keys
            .filter(|key| key.is_fingerprint())
            .map(ToString::to_string)
            .collect();
        Ok(told.into_iter().take(FINGERPRINTS_MAX).collect())
    }

    fn plan_before(&self, subject: &EntityId) -> Result<Option<(PlanId, u32)>, Error> {
        let before = self
            .store
            .read(|reading| reading.latest_plan_of(&self.tenant, subject))?;
        Ok(before.map(|plan| (plan.id, plan.body.generation)))
    }

    fn who_can_revoke(&self, id: &EntityId) -> Result<Found, Error> {
        let id = self.the_credential(id)?;
        let row = self
            .store
            .read(|reading| reading.entity_row(&self.tenant, &id))?;
        let credential = self.entity(&id)?;
        let holder = row.and_then(|row| row.holder);
        let holder = holder.map(|holder| self.entity(&holder)).transpose()?;
        let known = sources(&credential).chain(holder.iter().flat_map(sources));
        let known: Vec<SourceId> = known.cloned().collect();
        let (mut why, mut tried) = (Vec::new(), Vec::new());
        for source in &known {
            let connector = connectors::connector(source.connector());
            let Some(revoker) = connector.and_then(|one| one.revoker()) else {
                continue;
            };
            if tried.contains(&source.connector()) || !is_of_type(&credential, revoker) {
                continue;
            }
            tried.push(source.connector());
            let handle = revoker.handle(&credential, holder.as_ref());
            let handle = handle.map_err(|error| error.to_string());
            let open = handle.and_then(|handle| match self.source(&handle.source) {
                Ok(_) => Ok(handle),
                Err(error) => Err(error.to_string()),
            });
            match open {
                Ok(handle) => {
                    return Ok(Found {
                        credential,
                        handle,
                        revoker,
                    });
                }
                Err(error) => why.push(error),
            }
        }
        Err(nobody(&credential, &why))
    }

    /// `id` itself if it is a credential, else the only credential of the identity.
    fn the_credential(&self, id: &EntityId) -> Result<EntityId, Error> {
        let row = self
            .store
            .read(|reading| reading.entity_row(&self.tenant, id))?
            .ok_or_else(|| Error::Unfit(format!("nothing on the roll has the id `{id}`")))?;
        match row.kind {
            Kind::Credential => Ok(row.id),
            Kind::Identity => {
                let held = self
                    .store
                    .read(|reading| reading.credentials_of(&self.tenant, &row.id))?;
                match held.as_slice() {
                    [one] => Ok(one.id.clone()),
                    [] => Err(Error::Unfit(format!("`{}` holds no credential", row.id))),
                    many => Err(Error::Unfit(format!(
                        "`{}` holds {} credentials; name one of them: {}",
                        row.id,
                        many.len(),
                        many.iter()
                            .take(8)
                            .map(|one| one.id.as_str())
                            .collect::<Vec<_>>()
                            .join(", ")
                    ))),
                }
            }
            other => Err(Error::Unfit(format!(
                "expected a credential or an identity, got a {other}"
            ))),
        }
    }

    /// Everything known of one thing.
    pub(crate) fn entity(&self, id: &EntityId) -> Result<Entity, Error> {
        self.store
            .read(|reading| {
                let aliases = reading.aliases(&self.tenant, id)?;
                let sightings = reading.sightings_of(&self.tenant, id)?;
                Ok(inventory::assemble(id, aliases, sightings))
            })
            .map_err(Error::from)
    }
}

fn nobody(credential: &Entity, why: &[String]) -> Error {
    let type_ = credential.text(&Attribute::TYPE).unwrap_or("credential");
    let why = if why.is_empty() {
        "no source on the roll can act on it; add the system it opens with `keyroll sources add`"
            .to_owned()
    } else {
        why.join("; ")
    };
    let by_hand = type_.parse().map(model::revocability);
    let by_hand = by_hand.map_or_else(|()| String::new(), |it| format!("; by hand: {}", it.how));
    Error::Unfit(format!(
        "cannot plan to revoke this {}: {why}{by_hand}",
        model::clean(type_)
    ))
}

fn sources(entity: &Entity) -> impl Iterator<Item = &SourceId> {
    entity
        .members
        .iter()
        .filter(|member| member.missing_since.is_none())
        .map(|member| &member.sighting.source)
}

fn is_of_type(credential: &Entity, revoker: &dyn Revoker) -> bool {
    let wanted = revoker.declares().credential.as_str();
    credential.facts.get(&Attribute::TYPE).is_some_and(|facts| {
        facts
            .iter()
            .any(|fact| fact.told.is().and_then(|value| value.text()) == Some(wanted))
    })
}

/// Where the secret itself lies and can be read again (decision 27).
fn seen_at(credential: &Entity) -> Vec<(SourceId, String)> {
    credential
        .members
        .iter()
        .filter(|member| member.missing_since.is_none())
        .filter(|member| {
            connectors::connector(member.sighting.source.connector())
                .is_some_and(|one| one.spec().port == PortKind::Files)
        })
        .map(|member| {
            let sighting = &member.sighting;
            (sighting.source.clone(), sighting.native.clone())
        })
        .collect()
}

/// Whoever reads the secret from these places will notice.
fn consumers(credential: &Entity) -> Vec<String> {
    let places = credential.facts.get(&Attribute::PLACE);
    let mut names: Vec<String> = places
        .into_iter()
        .flatten()
        .filter_map(|fact| fact.told.is())
        .map(ToString::to_string)
        .collect();
    names.sort();
    names.dedup();
    names.truncate(100);
    names
}
