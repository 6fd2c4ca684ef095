//! Holds the Terraform formats to plans and states that nobody here wrote: every identity, key,
//! role, service account and secret that a walk over their JSON finds is on the roll.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "outside truth lies in files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use connectors::formats::{FORMATS, FileAt, Seen, as_utf8};
use model::Key;
use serde_json::Value;

/// Types of identities, credentials, secrets and keys, from the providers' documents: whole, or
/// up to a `*`.
const TYPES: &[&str] = &[
    "aws_iam_user",
    "aws_iam_access_key",
    "aws_iam_role",
    "aws_iam_group",
    "aws_iam_instance_profile",
    "aws_iam_service_linked_role",
    "aws_iam_user_login_profile",
    "aws_iam_user_ssh_key",
    "aws_iam_service_specific_credential",
    "aws_iam_server_certificate",
    "aws_iam_signing_certificate",
    "aws_iam_openid_connect_provider",
    "aws_iam_saml_provider",
    "aws_key_pair",
    "aws_kms_*",
    "aws_secretsmanager_secret*",
    "aws_ssm_parameter",
    "aws_transfer_user",
    "aws_transfer_ssh_key",
    "aws_acm_certificate",
    "aws_api_gateway_api_key",
    "aws_appsync_api_key",
    "google_service_account*",
    "google_kms_key_ring",
    "google_kms_crypto_key*",
    "google_secret_manager_secret*",
    "google_project_iam_custom_role",
    "google_storage_hmac_key",
    "google_sql_user",
    "azurerm_key_vault_key",
    "azurerm_key_vault_secret",
    "azurerm_key_vault_certificate",
    "azurerm_user_assigned_identity",
    "azuread_user",
    "azuread_application*",
    "azuread_service_principal*",
    "kubernetes_secret*",
    "kubernetes_service_account*",
    "kubernetes_role*",
    "kubernetes_cluster_role*",
    "github_actions_secret",
    "github_actions_organization_secret",
    "github_repository_deploy_key",
    "github_user_ssh_key",
    "vault_token",
    "vault_approle_auth_backend_role*",
    "vault_*_secret*",
    "random_password",
    "tls_private_key",
];

/// Of what the whole walk has to find at least some, so that an empty one does not pass.
const ALL: &[&str] = &[
    "aws_iam_user",
    "aws_iam_access_key",
    "aws_iam_role",
    "aws_kms_key",
    "aws_key_pair",
];

fn counts(type_: &str) -> bool {
    TYPES.iter().any(|pattern| match pattern.split_once('*') {
        Some((start, end)) => {
            type_.starts_with(start) && type_[start.len()..].contains(end.trim_end_matches('*'))
        }
        None => type_ == *pattern,
    })
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// The JSON of a file, in whichever encoding it was written.
fn json(bytes: &[u8]) -> Option<Value> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> = rest
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16(&units).ok()?
        }
        _ => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
            .into_owned(),
    };
    serde_json::from_str(&text).ok()
}

/// Addresses and types of everything in a plan or state that counts, found by looking at every
/// object that has a type, whatever holds it.
fn expected(value: &Value, out: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Array(list) => list.iter().for_each(|one| expected(one, out)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            if let Some(type_) = text("type").filter(|type_| counts(type_)) {
                if let Some(instances) = members.get("instances").and_then(Value::as_array) {
                    for instance in instances {
                        let index = match instance.get("index_key") {
                            Some(Value::Number(n)) => format!("[{n}]"),
                            Some(Value::String(key)) => format!("[\"{key}\"]"),
                            _ => String::new(),
                        };
                        let module = text("module")
                            .map(|it| format!("{it}."))
                            .unwrap_or_default();
                        let data = if text("mode") == Some("data") {
                            "data."
                        } else {
                            ""
                        };
                        let name = text("name").unwrap();
                        out.insert((
                            format!("{module}{data}{type_}.{name}{index}"),
                            type_.to_owned(),
                        ));
                    }
                } else if let Some(address) =
                    text("address").filter(|_| !members.contains_key("expressions"))
                {
                    out.insert((address.to_owned(), type_.to_owned()));
                }
            }
            for (name, value) in members {
                // What a plan was made from is no part of what there is.
                if !matches!(
                    name.as_str(),
                    "configuration" | "values" | "attributes" | "change"
                ) || value.get("root_module").is_some() && name == "values"
                {
                    expected(value, out);
                }
            }
        }
        _ => {}
    }
}

fn read(path: &Path, bytes: &[u8]) -> Seen {
    let path = path.to_str().unwrap();
    let name = path.rsplit('/').next().unwrap();
    let bytes = &*as_utf8(bytes);
    let mut seen = Seen::default();
    for format in FORMATS {
        if format.recognises(path, name) || format.contained_in(bytes) {
            format.read(&FileAt { path, bytes }, &mut seen);
        }
    }
    seen
}

/// What is on the roll, by the address that it tells or that names it.
fn told(seen: &Seen) -> BTreeSet<String> {
    let found = seen.found.iter().map(|one| (&one.field, &one.told));
    let things = seen.things.iter().map(|one| (&one.field, &one.told));
    let address = model::Attribute::named("address");
    let mut out: BTreeSet<String> = found
        .chain(things)
        .filter_map(|(_, told)| told.fact(&address).is()?.text().map(str::to_owned))
        .collect();
    out.extend(
        seen.keys
            .iter()
            .filter_map(|key| Some(key.field.rsplit_once('.')?.0.to_owned())),
    );
    out
}

#[test]
fn every_identity_key_and_secret_of_foreign_plans_and_states_is_on_the_roll() {
    let Some(truth) = testkit::truth("terraform") else {
        return;
    };
    let mut paths = Vec::new();
    files(&truth, &mut paths);
    paths.sort();
    let (mut read_files, mut found, mut missing) = (0, 0, Vec::new());
    let mut types = BTreeSet::new();
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let Some(value) = json(&bytes).filter(Value::is_object) else {
            continue;
        };
        let mut all = BTreeSet::new();
        expected(&value, &mut all);
        let told = told(&read(&path, &bytes));
        read_files += 1;
        for (address, type_) in all {
            if told.contains(&address) {
                found += 1;
                types.insert(type_);
            } else {
                missing.push(format!("{address} in {}", path.display()));
            }
        }
    }
    println!(
        "terraform: {read_files} plans and states, {found} things found, {} missing, {} types",
        missing.len(),
        types.len()
    );
    assert!(missing.is_empty(), "{missing:#?}");
    for type_ in ALL {
        assert!(types.contains(*type_), "no {type_} in the outside truth");
    }
}

/// CV-31 and coverage.md section 6: what the state gives as a hard key is one here.
#[test]
fn users_roles_and_keys_of_foreign_states_have_their_hard_keys() {
    let Some(truth) = testkit::truth("terraform") else {
        return;
    };
    let mut paths = Vec::new();
    files(&truth, &mut paths);
    let mut checked = 0;
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "tfstate"))
    {
        let bytes = fs::read(path).unwrap();
        let seen = read(path, &bytes);
        let keys: BTreeSet<&Key> = seen
            .found
            .iter()
            .flat_map(|one| &one.told.keys)
            .chain(seen.things.iter().flat_map(|one| &one.told.keys))
            .collect();
        let text = String::from_utf8_lossy(&bytes);
        let value: Value = serde_json::from_str(&text).unwrap();
        for resource in value["resources"].as_array().unwrap() {
            for instance in resource["instances"].as_array().unwrap() {
                let attribute = |name: &str| instance["attributes"][name].as_str();
                let wanted = match resource["type"].as_str().unwrap() {
                    "aws_iam_user" | "aws_iam_role" => attribute("unique_id"),
                    "aws_iam_access_key" => attribute("id"),
                    _ => None,
                };
                if let Some(wanted) = wanted {
                    checked += 1;
                    assert!(
                        keys.iter().any(|key| key.value.ends_with(wanted)),
                        "{}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(checked > 0);
}

/// A secret in a state becomes a fingerprint: what is told of it repeats nothing of it.
#[test]
fn no_secret_of_a_foreign_state_is_told() {
    let Some(truth) = testkit::truth("terraform") else {
        return;
    };
    let mut paths = Vec::new();
    files(&truth, &mut paths);
    let mut secrets = 0;
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let seen = read(&path, &bytes);
        let told: String = seen
            .found
            .iter()
            .map(|one| &one.told)
            .chain(seen.things.iter().map(|one| &one.told))
            .map(|told| serde_json::to_string(told).unwrap())
            .collect();
        for secret in seen.found.iter().filter_map(|one| one.secret.as_ref()) {
            let text = String::from_utf8_lossy(secret.expose()).into_owned();
            if text.len() >= 16 {
                secrets += 1;
                assert!(!told.contains(&text), "{}", path.display());
            }
        }
    }
    assert!(secrets > 0);
}
