//! What might be the same thing: scored with reasons, and never merged by itself (CV-33).

use std::collections::BTreeMap;

use inventory::{Hinted, Suggestion, suggest};
use model::{Attribute, EntityId, Sighting, Tenant};
use store::{Reading, Row};

/// Things of the same name as `row` that have more in common with it, the likeliest first, each
/// with its name. Soft keys are compared among things of one name only.
///
/// # Errors
/// The store refused or broke.
pub(crate) fn of(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    row: &Row,
) -> Result<Vec<(Suggestion, String)>, store::Error> {
    let mut ids = reading.find(tenant, &row.name)?;
    ids.push(row.id.clone());
    ids.sort();
    ids.dedup();
    let mut things = Vec::new();
    for id in ids.iter().filter(|id| id.kind() == row.kind) {
        things.push(hinted(reading, tenant, id, &row.name)?);
    }
    let ours = |one: &Suggestion| one.a == row.id || one.b == row.id;
    Ok(suggest(&things)
        .into_iter()
        .filter(ours)
        .map(|one| (one, row.name.clone()))
        .collect())
}

fn hinted(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    id: &EntityId,
    name: &str,
) -> Result<Hinted, store::Error> {
    let sightings = reading.sightings_of(tenant, id)?;
    let account = |one: &Sighting| {
        one.observation
            .fact(&Attribute::ACCOUNT)
            .is()?
            .text()
            .map(str::to_owned)
    };
    let mut hints = BTreeMap::new();
    for sighting in &sightings {
        hints.extend(sighting.observation.hints.clone());
    }
    Ok(Hinted {
        id: id.clone(),
        kind: id.kind(),
        name: name.to_owned(),
        account: sightings.iter().find_map(account),
        hints,
    })
}
