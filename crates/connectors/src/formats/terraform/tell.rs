//! What is told of each resource.

use model::{Attribute, Key, KeyKind, Kind, Observation, Relation};
use serde_json::Value;

use super::catalog::{self, What};
use super::credential;
use super::federated;
use super::pipelines;
use super::resource::{Identities, Resource};
use crate::formats::policy;
use crate::formats::settings::{self, Tables};
use crate::formats::{Seen, Thing};

/// Attributes that are secret in a resource that is a place for secrets.
const STORED: &[&str] = &[
    "secret_string",
    "secret_binary",
    "secret_data",
    "value",
    "data",
    "binary_data",
    "data_json",
    "plaintext_value",
    "string_data",
];

/// Tells of every one of `resources`.
pub(super) fn all(resources: &[Resource<'_>], seen: &mut Seen) {
    pipelines::all(resources, seen);
    federated::all(resources, seen);
    let identities = Identities::of(resources);
    for one in resources {
        let behind = identities.behind(one);
        match catalog::what(one.type_) {
            Some(What::Credential(credential)) => credential::tell(one, credential, &behind, seen),
            Some(What::Identity(class)) => {
                let thing = thing(Kind::Identity, one).is(Attribute::CLASS, class);
                seen.thing(members(thing, &behind));
                // What a function is handed is not what its role shows.
                let holders = match catalog::is_function(one.type_) {
                    true => &[],
                    false => behind.as_slice(),
                };
                attributes(one, &[], holders, seen);
            }
            Some(What::Resource) => {
                seen.thing(thing(Kind::Resource, one));
                attributes(one, &[], &[], seen);
            }
            Some(What::Grant) => seen.thing(grant(one, &behind)),
            None => attributes(one, &[], &[], seen),
        }
    }
}

/// An instance profile and its like belong to the role they name.
fn members(thing: Thing, behind: &[String]) -> Thing {
    behind.iter().fold(thing, |thing, address| {
        thing.link(Relation::MemberOf, Kind::Identity, address)
    })
}

fn thing(kind: Kind, one: &Resource<'_>) -> Thing {
    let mut thing = Thing::new(kind, one.address.as_str(), one.type_);
    thing = thing.with(|told| common(told, one));
    if let Some(trust) = policy::of(one.trust()) {
        thing = thing
            .is(Attribute::TRUSTS, trust.principals)
            .is(Attribute::named("federation"), trust.federated);
    }
    if let Some(document) = one.trust() {
        thing = policy::told(thing, document);
    }
    if let Some(rotates) = one
        .values
        .get("enable_key_rotation")
        .and_then(Value::as_bool)
    {
        thing = thing.is(Attribute::named("rotation"), rotates);
    }
    let annotations = one.nested("metadata", "namespace");
    thing.maybe(Attribute::named("namespace"), annotations)
}

/// What every resource may say of itself.
pub(super) fn common(mut told: Observation, one: &Resource<'_>) -> Observation {
    let name = [
        "name",
        "account_id",
        "display_name",
        "key_id",
        "alias",
        "key_name",
    ]
    .iter()
    .find_map(|name| one.text(name))
    .or_else(|| one.nested("metadata", "name"))
    .map_or_else(|| one.address.clone(), str::to_owned);
    told = told
        .is(Attribute::NAME, model::shorten(&name, 200))
        .is(Attribute::PROVIDER, catalog::provider(one.type_))
        .is(
            Attribute::named("address"),
            model::shorten(&one.address, 400),
        );
    if let Some(planned) = &one.planned {
        told = told.is(Attribute::named("planned_action"), planned.as_str());
    }
    if one.looked_up {
        told = told.is(Attribute::named("data_source"), true);
    }
    if let Some(arn) = one.text("arn").filter(|arn| arn.len() <= 512) {
        told = told.is(Attribute::ARN, arn).hint("aws_arn", arn);
        if let Some(account) = arn.split(':').nth(4).filter(|account| !account.is_empty()) {
            told = told.is(Attribute::ACCOUNT, account);
        }
    }
    if let Some(project) = one.text("project") {
        told = told.is(Attribute::ACCOUNT, model::shorten(project, 200));
    }
    if let Some(email) = one.text("email").filter(|email| email.len() <= 320) {
        told = told.hint("email", email);
    }
    for (name, attribute) in [
        ("create_date", Attribute::CREATED_AT),
        ("expiration_date", Attribute::EXPIRES_AT),
        ("end_date", Attribute::EXPIRES_AT),
    ] {
        if let Some(at) = one
            .text(name)
            .and_then(|text| text.parse::<model::Timestamp>().ok())
        {
            told = told.is(attribute, at);
        }
    }
    told = tags(told, one);
    hard_keys(one).into_iter().fold(told, Observation::key)
}

fn tags(mut told: Observation, one: &Resource<'_>) -> Observation {
    let tags: std::collections::BTreeMap<String, String> = ["tags_all", "tags", "labels"]
        .iter()
        .filter_map(|name| one.values.get(*name).and_then(Value::as_object))
        .flatten()
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .filter(|(_, value)| !value.is_empty() && !value.contains("${"))
        .take(50)
        .map(|(name, value)| (model::shorten(name, 128), model::shorten(value, 256)))
        .collect();
    let of = |names: &[&str]| {
        tags.iter()
            .find(|(name, _)| names.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(_, value)| value.clone())
    };
    if let Some(environment) = of(&["environment", "env", "stage"]) {
        told = told.is(Attribute::ENVIRONMENT, environment);
    }
    if let Some(owner) = of(&["owner", "team", "owned_by", "owned-by", "contact"]) {
        told = told.is(Attribute::OWNER_HINT, owner);
    }
    if tags.is_empty() {
        return told;
    }
    told.is(Attribute::TAGS, tags)
}

/// Keys that can have no second bearer. What differs between providers stands here in one place.
fn hard_keys(one: &Resource<'_>) -> Vec<Key> {
    let short = |text: &&str| text.len() <= 200;
    let text = |name: &str| one.text(name).filter(short);
    let mut out = Vec::new();
    match one.type_ {
        "aws_iam_user" | "aws_iam_role" => {
            let account = text("arn").and_then(|arn| arn.split(':').nth(4));
            if let (Some(id), Some(account)) = (text("unique_id"), account) {
                out.push(Key::new(KeyKind::AwsPrincipalId, format!("{account}/{id}")));
            }
        }
        "google_service_account" => {
            out.extend(text("unique_id").map(|id| Key::new(KeyKind::GcpUniqueId, id)));
        }
        "google_service_account_key" => {
            let id = text("name").and_then(|name| name.rsplit_once("/keys/"));
            out.extend(id.map(|(_, id)| Key::new(KeyKind::GcpUniqueId, id)));
        }
        "azuread_service_principal" => {
            let app = text("client_id").or_else(|| text("application_id"));
            if let (Some(tenant), Some(app)) = (text("application_tenant_id"), app) {
                out.push(Key::new(KeyKind::EntraId, format!("{tenant}/{app}")));
            }
        }
        "azurerm_user_assigned_identity" => {
            if let (Some(tenant), Some(app)) = (text("tenant_id"), text("client_id")) {
                out.push(Key::new(KeyKind::EntraId, format!("{tenant}/{app}")));
            }
        }
        "azuread_application_password"
        | "azuread_service_principal_password"
        | "azuread_application_certificate"
        | "azuread_service_principal_certificate" => {
            out.extend(text("key_id").map(|id| Key::new(KeyKind::EntraId, id)));
        }
        _ => {}
    }
    out
}

/// A right: of whom, and which.
fn grant(one: &Resource<'_>, behind: &[String]) -> Thing {
    let mut thing = Thing::new(Kind::Grant, one.address.as_str(), one.type_);
    thing = thing.with(|told| common(told, one));
    for address in behind {
        thing = thing.link(Relation::Of, Kind::Identity, address);
    }
    let mut rights: Vec<String> = [
        "policy_arn",
        "role_definition_name",
        "role",
        "roles",
        "privileges",
    ]
    .iter()
    .filter_map(|name| one.values.get(*name))
    .flat_map(|value| match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    })
    .filter(|text| !text.is_empty() && !text.contains("${"))
    .take(50)
    .map(str::to_owned)
    .collect();
    // In AWS's types `role` is who holds the right.
    if one.type_.starts_with("aws_") {
        rights.retain(|right| right.starts_with("arn:"));
    }
    if let Some(policy) = policy::of(one.values.get("policy")) {
        rights.extend(policy.actions);
    }
    for name in ["member", "user", "principal_id", "grantee_principal"] {
        thing = thing.maybe(Attribute::named("subject"), one.text(name));
    }
    if one.type_.starts_with("aws_") {
        thing = thing.maybe(Attribute::named("subject"), one.text("role"));
    }
    if rights.is_empty() {
        thing
    } else {
        thing.is(Attribute::RIGHTS, rights)
    }
}

/// Secrets in the attributes of any resource, but for those in `passed`.
pub(super) fn attributes(one: &Resource<'_>, passed: &[&str], behind: &[String], seen: &mut Seen) {
    let mut values = one.values.clone();
    let mut marks = one.sensitive.clone();
    if let Value::Object(members) = &mut values {
        members.retain(|name, _| !passed.contains(&name.as_str()));
    }
    let stores = catalog::what(one.type_) == Some(What::Resource)
        && ["secret", "variable", "parameter"]
            .iter()
            .any(|word| one.type_.contains(word))
        && one
            .text("type")
            .is_none_or(|type_| type_ != "String" && type_ != "StringList");
    if stores {
        if !marks.is_object() {
            marks = Value::Object(serde_json::Map::new());
        }
        if let Value::Object(marks) = &mut marks {
            for name in STORED {
                marks.insert((*name).to_owned(), Value::Bool(true));
            }
        }
    }
    let tables = Tables::of(&one.address, &values, &marks);
    if tables.cut {
        seen.unsupported("a resource with more or deeper nested attributes than are looked at");
    }
    for table in tables.each() {
        settings::adopt(settings::read(&table), seen, |found| {
            let found = found.is(Attribute::named("address"), one.address.as_str());
            let provider = found.told.facts.contains_key(&Attribute::PROVIDER);
            let found = if provider {
                found
            } else {
                found.is(Attribute::PROVIDER, catalog::provider(one.type_))
            };
            let found = match one.text("arn") {
                Some(arn) if stores => found.is(Attribute::named("secret_store"), arn),
                _ => found,
            };
            let found = match catalog::is_function(one.type_) {
                true => found.used_in_file_by(&one.address),
                false => found,
            };
            behind.iter().fold(found, |found, address| {
                found.with(|told| {
                    told.link(
                        Relation::Holder,
                        Kind::Identity,
                        crate::formats::seen::in_file(address),
                    )
                })
            })
        });
    }
}
