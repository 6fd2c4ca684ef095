//! Recognises what of Azure Resource Manager concerns identities: subscriptions, managed
//! identities and what works as them, vaults, storage accounts.

use std::collections::BTreeMap;

use model::{Attribute, Kind, Observation, Scope, Told};
use serde_json::Value;

use super::{Estate, Object, either, either_text, guid, inner, text, vault};
use crate::aws_iam::observe::owner_and_environment;

/// A principal that Azure gives to a resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Managed {
    /// The resource that it is, or is of.
    pub(super) resource: String,
    pub(super) tenant: Option<String>,
    /// Whether it is a resource of its own.
    pub(super) own: bool,
}

/// Identities of one resource that are looked at.
const IDENTITIES_MAX: usize = 1_000;
/// Resources that work as one identity and are kept.
const WORKLOADS_MAX: usize = 1_000;

pub(super) fn recognise(estate: &mut Estate, object: &Object) {
    subscription(estate, object);
    vault::recognise(estate, object);
    let Some(id) = text(object, "id").filter(|id| is_resource(id)) else {
        return;
    };
    let id = id.to_ascii_lowercase();
    let of_type = text(object, "type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    match of_type.as_str() {
        "microsoft.managedidentity/userassignedidentities" => identity(estate, object, &id),
        "microsoft.keyvault/vaults" => a_vault(estate, object, &id),
        "microsoft.storage/storageaccounts" => vault::storage(estate, object, &id),
        _ => {}
    }
    if let Some(given) = inner(object, "identity") {
        estate.met.insert("resources");
        works_as(estate, given, &id);
    }
}

/// Whether `id` is a place in Azure: `/subscriptions/ID/…`.
fn is_resource(id: &str) -> bool {
    const BEGIN: &str = "/subscriptions/";
    id.get(..BEGIN.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(BEGIN))
        && id.matches('/').count() >= 4
}

fn subscription(estate: &mut Estate, object: &Object) {
    let Some(tenant) = text(object, "tenantId").and_then(guid) else {
        return;
    };
    let listed = ["subscriptionId", "environmentName"];
    if !listed.iter().any(|name| object.contains_key(*name)) || object.contains_key("clientId") {
        return;
    }
    let id = text(object, "subscriptionId").or_else(|| text(object, "id"));
    if let Some(id) = id.and_then(guid)
        && (estate.subscriptions.contains_key(&id) || estate.has_room())
    {
        estate.met.insert("subscriptions");
        estate.implied.insert(tenant.clone());
        estate.subscriptions.insert(id, Some(tenant));
    }
}

/// A managed identity that is a resource of its own.
fn identity(estate: &mut Estate, object: &Object, id: &str) {
    estate.met.insert("managed identities");
    let ids = ["clientId", "principalId"].map(|name| either_text(object, name).and_then(guid));
    let [Some(client), Some(principal)] = ids else {
        estate.odd += 1;
        return;
    };
    if !estate.apps.contains_key(&client) && !estate.has_room() {
        return;
    }
    let tenant = either_text(object, "tenantId").and_then(guid);
    estate.implied.extend(tenant.clone());
    estate.identities.insert(id.to_owned());
    let app = estate.apps.entry(client.clone()).or_default();
    app.name = text(object, "name")
        .map(str::to_owned)
        .or_else(|| app.name.take());
    app.principal = Some(principal.clone());
    app.kind = Some("ManagedIdentity".to_owned());
    app.resource = Some((id.to_owned(), true));
    estate.objects.insert(principal.clone(), client);
    let managed = Managed {
        resource: id.to_owned(),
        tenant,
        own: true,
    };
    estate.managed.insert(principal, managed);
}

/// As which identities a resource works.
fn works_as(estate: &mut Estate, given: &Object, resource: &str) {
    let tenant = text(given, "tenantId").and_then(guid);
    if let Some(principal) = text(given, "principalId").and_then(guid)
        && (estate.managed.contains_key(&principal) || estate.has_room())
    {
        estate.implied.extend(tenant.clone());
        let managed = Managed {
            resource: resource.to_owned(),
            tenant,
            own: false,
        };
        estate.managed.entry(principal).or_insert(managed);
        works(estate, resource, resource);
    }
    let own = inner(given, "userAssignedIdentities");
    for (identity, _) in own.into_iter().flatten().take(IDENTITIES_MAX) {
        if is_resource(identity) {
            works(estate, &identity.to_ascii_lowercase(), resource);
        }
    }
}

fn works(estate: &mut Estate, identity: &str, resource: &str) {
    if !estate.workloads.contains_key(identity) && !estate.has_room() {
        return;
    }
    let known = estate.workloads.entry(identity.to_owned()).or_default();
    if known.len() < WORKLOADS_MAX {
        known.insert(resource.to_owned());
    }
}

fn a_vault(estate: &mut Estate, object: &Object, id: &str) {
    estate.vaults.insert(id.to_owned());
    let name = id.rsplit('/').next().unwrap_or(id);
    let by_role = either(object, "enableRbacAuthorization").and_then(Value::as_bool);
    let way = by_role.map(|by_role| if by_role { "roles" } else { "access policies" });
    let one = start(
        Kind::Resource,
        "azurerm_key_vault",
        &vault::place(name),
        "vaults",
        name,
    )
    .is(Attribute::named("resource_id"), id)
    .told(Attribute::named("opened_by"), Told::or_cannot_tell(way));
    estate.keep("vaults", tagged(one, object));
}

pub(super) fn start(
    kind: Kind,
    of_type: &str,
    native: &str,
    part: &str,
    name: &str,
) -> Observation {
    Observation::new(kind, super::grants::native(native), &Scope::of(part))
        .is(Attribute::NAME, model::shorten(name, 200))
        .is(Attribute::TYPE, of_type)
        .is(Attribute::PROVIDER, "azure")
}

/// With the tags of a resource, and what they tend to say.
pub(super) fn tagged(one: Observation, object: &Object) -> Observation {
    let tags: BTreeMap<String, String> = inner(object, "tags")
        .into_iter()
        .flatten()
        .take(64)
        .filter_map(|(name, held)| {
            let held = held.as_str()?;
            Some((model::shorten(name, 128), model::shorten(held, 256)))
        })
        .collect();
    if tags.is_empty() {
        return one;
    }
    owner_and_environment(one, &tags).is(Attribute::TAGS, tags)
}

/// What a person calls a resource: `virtualMachines/web-1`.
pub(super) fn short(resource: &str) -> String {
    let mut back = resource.rsplit('/');
    let (name, of_type) = (back.next(), back.next());
    let name = name.unwrap_or(resource);
    model::shorten(
        &of_type.map_or_else(|| name.to_owned(), |one| format!("{one}/{name}")),
        200,
    )
}
