//! What rules about Kubernetes share: which things are whose business.

use model::{Attribute, Class, Entity, Kind, Told, Value};

use crate::Thing;

const ACCOUNT: &str = "kubernetes_service_account";

/// Whether it is a service account that is still there.
pub(super) fn is_account(thing: &Thing<'_>) -> bool {
    is_live(thing) && thing.type_() == ACCOUNT
}

/// Whether it is an account, user or group of a cluster, or an identity of a cloud that is let in.
pub(super) fn is_subject(thing: &Thing<'_>) -> bool {
    let types = [ACCOUNT, "kubernetes_user", "kubernetes_group"];
    let let_in = thing
        .entity
        .facts
        .contains_key(&Attribute::named("cluster_privilege"));
    is_live(thing) && (types.contains(&thing.type_()) || let_in)
}

/// Whether it is a workload that is still there.
pub(super) fn is_workload(thing: &Thing<'_>) -> bool {
    let text = |attribute| thing.entity.text(&attribute);
    is_live(thing)
        && thing.type_() != ACCOUNT
        && text(Attribute::PROVIDER) == Some("kubernetes")
        && text(Attribute::CLASS) == Some(Class::Workload.as_str())
}

fn is_live(thing: &Thing<'_>) -> bool {
    thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none()
}

/// What is told of the attribute called `name`; nothing where no source speaks of it at all.
pub(super) fn told<'a>(entity: &'a Entity, name: &str) -> Option<Told<&'a Value>> {
    let attribute = Attribute::named(name);
    entity
        .facts
        .contains_key(&attribute)
        .then(|| entity.fact(&attribute))
}

/// The flag called `name`.
pub(super) fn flag(entity: &Entity, name: &str) -> Option<bool> {
    told(entity, name)?.is()?.flag()
}

/// The first three of a list, cleaned, and how many more there are.
pub(super) fn first(value: &Value) -> String {
    const NAMED_MAX: usize = 3;
    let list = value.list().unwrap_or_default();
    let named = list.iter().take(NAMED_MAX);
    let named: Vec<_> = named
        .map(|one| model::shorten(&model::clean(one), 120))
        .collect();
    match list.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
