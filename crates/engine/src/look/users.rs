//! Who works with a credential, over all sources: what they tell of is resolved to things on the
//! roll, so that one workload of which several tell counts once.

use std::collections::{BTreeMap, BTreeSet};

use assess::Workload;
use model::{Entity, EntityId, Kind, Relation, SourceId, Target, Tenant};
use store::Reading;

/// Users of one credential that are told apart; more are more than anybody reads.
const USERS_MAX: usize = 1_000;

/// What makes two that work with it one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Same {
    /// They are one thing on the roll.
    Thing(EntityId),
    /// The same place on the same machine tells of them: searches of two directories, one within
    /// the other, read one file twice.
    Place(String, String),
    /// A source alone speaks of them.
    Told(SourceId, Target),
}

/// Who works with `entity`.
pub(super) fn of(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    entity: &Entity,
) -> Result<Vec<Workload>, store::Error> {
    if entity.kind != Kind::Credential {
        return Ok(Vec::new());
    }
    let targets: Vec<(SourceId, Target)> = entity
        .links
        .iter()
        .filter(|(_, link)| link.relation == Relation::UsedBy)
        .map(|(source, link)| (source.clone(), link.to.clone()))
        .take(USERS_MAX)
        .collect();
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let ids = reading.resolve(tenant, &targets)?;
    let known: Vec<EntityId> = ids.iter().flatten().cloned().collect();
    let rows = reading.entity_rows(tenant, &known)?;
    let mut users: BTreeMap<Same, Workload> = BTreeMap::new();
    for ((source, target), id) in targets.into_iter().zip(ids) {
        let row = id
            .as_ref()
            .and_then(|id| rows.iter().find(|row| row.id == *id));
        let name = row.map_or_else(|| called(&target), |row| row.name.clone());
        let type_ = row.map_or_else(String::new, |row| row.type_.clone());
        let user = users
            .entry(same(&source, target, id.as_ref()))
            .or_insert_with(|| Workload {
                id,
                name,
                type_,
                sources: BTreeSet::new(),
            });
        user.sources.insert(source);
    }
    Ok(users.into_values().collect())
}

fn same(source: &SourceId, target: Target, id: Option<&EntityId>) -> Same {
    let machine = source.target().split(':').next().unwrap_or_default();
    match (&target, id) {
        (Target::Native { native, .. }, _)
            if source.connector() == "files" && native.starts_with('/') =>
        {
            Same::Place(machine.to_owned(), native.clone())
        }
        (_, Some(id)) => Same::Thing(id.clone()),
        (_, None) => Same::Told(source.clone(), target),
    }
}

fn called(target: &Target) -> String {
    match target {
        Target::Native { native, .. } => native.clone(),
        Target::Bearer { key, .. } => key.value.clone(),
    }
}
