//! Templates of Azure's Resource Manager, and what Bicep is compiled to (Microsoft Learn,
//! "Understand the structure and syntax of ARM templates"); files of parameters too.
//!
//! A managed identity is an identity, a role assignment a grant with its `principal` as far as
//! it is written down. A parameter of type `securestring` or `secureObject` is a credential by
//! reference, and a secret where it has a default or is given a value in the open.

use model::{Attribute, Class, CredentialType, Kind};
use serde_json::Value;

use super::text::{is_placeholder, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, settings, tree};
use crate::armour;

/// So much of a file of any name is looked at.
const HEAD_BYTES: usize = 4096;
/// More resources or parameters than this in one template are not looked at.
const RESOURCES_MAX: usize = 2_000;
/// Resources lie no deeper than this in one another.
const DEPTH_MAX: usize = 8;

pub(super) struct ArmTemplate;

impl Format for ArmTemplate {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "arm_template",
            reads: "identities, role assignments, secrets and secure parameters in templates of Azure",
            places: &["azuredeploy.json", "*.parameters.json"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name == "azuredeploy.json"
    }

    fn marks(&self) -> &'static [&'static str] {
        &["eploymentTemplate.json", "eploymentParameters.json"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        ["eploymentTemplate.json", "eploymentParameters.json"]
            .iter()
            .any(|word| armour::find(head, word.as_bytes()).is_some())
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(mut value) = tree::json_with_comments(file, seen) else {
            return;
        };
        open(&mut value, 0);
        for (name, one) in tree::members(&value, &["parameters"]).take(RESOURCES_MAX) {
            parameter(name, one, seen);
        }
        let mut left = RESOURCES_MAX;
        resources(value.get("resources"), "resources", 0, &mut left, seen);
        if left == 0 {
            seen.unsupported(format!(
                "declares more than {RESOURCES_MAX} resources; the rest was not read"
            ));
        }
        for part in ["variables", "outputs"] {
            if let Some(value) = value.get(part) {
                settings::nested(part, value, seen, |found| found);
            }
        }
        settings::locate(seen, file.bytes);
    }
}

/// Makes expressions (`[parameters('x')]`) look like what they are: filled in later.
fn open(value: &mut Value, depth: usize) {
    match value {
        Value::String(text)
            if text.starts_with('[') && !text.starts_with("[[") && text.ends_with(']') =>
        {
            *text = "${expression}".to_owned();
        }
        Value::Array(list) if depth < 64 => list.iter_mut().for_each(|one| open(one, depth + 1)),
        Value::Object(table) if depth < 64 => {
            table.values_mut().for_each(|one| open(one, depth + 1));
        }
        _ => {}
    }
}

/// A parameter as a template declares it, or a file of parameters gives it.
fn parameter(name: &str, value: &Value, seen: &mut Seen) {
    let type_ = tree::text(value, &["type"]).unwrap_or_default();
    let secure = type_.to_ascii_lowercase().starts_with("secure");
    let field = format!("parameters.{name}");
    if value.get("reference").is_some() {
        let vault = tree::text(value, &["reference", "keyVault", "id"]);
        let vault = vault.and_then(|id| id.rsplit('/').next());
        let entry = tree::text(value, &["reference", "secretName"]).unwrap_or(name);
        let found = Found::referenced(field, entry, "a key vault");
        return seen.found(found.maybe(Attribute::named("secret_store"), vault));
    }
    let given = value.get("defaultValue").or_else(|| value.get("value"));
    match given {
        Some(Value::String(text)) if !is_placeholder(text) => {
            if secure {
                let kind = settings::sounds(name).unwrap_or(CredentialType::ApiToken);
                seen.found(
                    Found::secret(kind, field, secret(text))
                        .is(Attribute::PURPOSE, "default of a secure parameter"),
                );
            } else {
                let table = serde_json::json!({ name: text });
                settings::nested("parameters", &table, seen, |found| found);
            }
        }
        Some(inner @ (Value::Object(_) | Value::Array(_))) => {
            settings::nested(&field, inner, seen, |found| found);
        }
        _ if secure => seen.found(Found::referenced(
            field,
            name,
            "whoever deploys the template",
        )),
        _ => {}
    }
}

/// Resources in a list, or in a table by their symbolic names, and those within them.
fn resources(value: Option<&Value>, way: &str, depth: usize, left: &mut usize, seen: &mut Seen) {
    let listed: Vec<(String, &Value)> = match value {
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(n, one)| (at(way, n, one), one))
            .collect(),
        Some(Value::Object(table)) => table
            .iter()
            .map(|(name, one)| (format!("{way}.{name}"), one))
            .collect(),
        _ => return,
    };
    for (field, one) in listed {
        if *left == 0 || depth > DEPTH_MAX {
            return;
        }
        *left -= 1;
        resource(&field, one, seen);
        for inner in [
            one.get("resources"),
            one.get("properties")
                .and_then(|it| it.get("template"))
                .and_then(|it| it.get("resources")),
        ] {
            resources(inner, &format!("{field}.resources"), depth + 1, left, seen);
        }
    }
}

/// Where a resource stands: by its type and name, so that others may come before it.
fn at(way: &str, n: usize, one: &Value) -> String {
    let type_ = tree::text(one, &["type"]).and_then(|type_| type_.rsplit('/').next());
    match type_.zip(tree::text(one, &["name"])) {
        Some((type_, name)) => format!("{way}.{type_} {name}"),
        None => format!("{way}[{n}]"),
    }
}

fn resource(field: &str, one: &Value, seen: &mut Seen) {
    let type_ = tree::text(one, &["type"]).unwrap_or_default();
    let name = tree::text(one, &["name"]).unwrap_or(field);
    let told = |kind, type_: &str| {
        Thing::new(kind, field, type_)
            .is(Attribute::NAME, name)
            .is(Attribute::PROVIDER, "azure")
    };
    let properties = one.get("properties");
    let text = |name: &str| properties.and_then(|it| tree::text(it, &[name]));
    let low = type_.to_ascii_lowercase();
    if low == "microsoft.managedidentity/userassignedidentities" {
        let thing = told(Kind::Identity, "azure_managed_identity");
        seen.thing(thing.is(Attribute::CLASS, Class::Workload));
    } else if low == "microsoft.authorization/roleassignments" {
        seen.thing(
            told(Kind::Grant, "azure_role_assignment")
                .maybe(Attribute::named("principal"), text("principalId"))
                .maybe(Attribute::named("role"), text("roleDefinitionId")),
        );
    } else if low.ends_with("/federatedidentitycredentials") {
        seen.thing(
            told(Kind::Resource, "azure_federated_credential")
                .maybe(Attribute::ISSUER, text("issuer"))
                .maybe(Attribute::SUBJECT, text("subject")),
        );
    } else if low == "microsoft.keyvault/vaults/secrets" {
        seen.thing(told(Kind::Resource, "azure_key_vault_secret"));
    } else if let Some(kind) = tree::text(one, &["identity", "type"]) {
        let thing = told(Kind::Identity, "azure_managed_identity");
        seen.thing(
            thing
                .is(Attribute::CLASS, Class::Workload)
                .is(Attribute::named("resource_type"), type_)
                .is(Attribute::named("identity_kind"), kind),
        );
    }
    let Some(properties) = properties else { return };
    let mut properties = properties.clone();
    if let Value::Object(table) = &mut properties {
        // A nested template is read as resources of its own.
        table.remove("template");
        let stored = low
            .ends_with("vaults/secrets")
            .then(|| table.remove("value"));
        if let Some(Some(Value::String(text))) = stored
            && !is_placeholder(&text)
        {
            let kind = settings::sounds(name).unwrap_or(CredentialType::ApiToken);
            let found = Found::secret(kind, format!("{field}.value"), secret(&text));
            seen.found(found.is(Attribute::named("secret_store"), name));
        }
    }
    settings::nested(field, &properties, seen, |found| found);
}
