//! Holds `gcp_exports` to answers of Google Cloud.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use model::{Attribute, Kind};
use serde_json::Value;

use crate::disk::{collect, files, texts};

/// What a walk over the files counts, with no help of the connector's code.
#[derive(Default)]
struct Counted {
    accounts: BTreeSet<String>,
    /// Ids of keys that somebody may hold.
    keys: BTreeSet<String>,
    api_keys: BTreeSet<String>,
    secrets: BTreeSet<String>,
    /// Values of secrets that were not destroyed.
    values: BTreeSet<String>,
    providers: BTreeSet<String>,
    /// Members of bindings that are machines of somebody's own.
    members: BTreeSet<String>,
}

fn walk(value: &Value, counted: &mut Counted) {
    match value {
        Value::Array(list) => list.iter().for_each(|held| walk(held, counted)),
        Value::String(text) => {
            let member = text.strip_prefix("serviceAccount:");
            let own = member.filter(|mail| mail.contains('@') && !mail.contains("@gcp-sa-"));
            counted.members.extend(own.map(str::to_owned));
        }
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            let name = text("name").unwrap_or_default();
            let last = || name.rsplit('/').next().unwrap_or_default().to_owned();
            if object.contains_key("uniqueId") {
                counted.accounts.extend(text("email").map(str::to_owned));
            }
            if text("keyType") == Some("USER_MANAGED") {
                counted.keys.insert(last());
            }
            if name.contains("/locations/global/keys/") && object.contains_key("createTime") {
                counted.api_keys.extend(text("uid").map(str::to_owned));
            }
            if object.contains_key("replication") {
                counted.secrets.insert(name.to_owned());
            }
            if name.contains("/versions/") && name.contains("/secrets/") {
                let kept = text("state").is_some_and(|state| state != "DESTROYED");
                counted.values.extend(kept.then(|| name.to_owned()));
            }
            if name.contains("/providers/") && object.contains_key("state") {
                counted.providers.insert(name.to_owned());
            }
            object.values().for_each(|held| walk(held, counted));
        }
        _ => {}
    }
}

fn count(dir: &Path) -> Counted {
    let mut counted = Counted::default();
    let mut paths = Vec::new();
    files(dir, &mut paths);
    for path in paths {
        if let Ok(value) = serde_json::from_slice::<Value>(&fs::read(&path).unwrap()) {
            walk(&value, &mut counted);
        }
    }
    counted
}

#[test]
fn everything_in_the_recorded_shapes_of_google_cloud_is_on_the_roll() {
    let Some(dir) = testkit::truth("cartography/gcp") else {
        return;
    };
    let (roll, counted) = (collect("gcp_exports", &dir), count(&dir));
    let names = texts(&roll, Some(Kind::Identity), &Attribute::NAME);
    let natives = |kind| -> BTreeSet<String> {
        let of_kind = roll.seen.iter().filter(|one| one.kind == kind);
        of_kind.map(|one| one.native.clone()).collect()
    };
    let (credentials, resources) = (natives(Kind::Credential), natives(Kind::Resource));
    let keys: BTreeSet<_> = counted.keys.iter().map(|id| format!("key/{id}")).collect();
    for (what, wanted, found) in [
        ("service accounts", &counted.accounts, &names),
        ("members of bindings", &counted.members, &names),
        ("keys", &keys, &credentials),
        ("secrets", &counted.secrets, &resources),
        ("values of secrets", &counted.values, &credentials),
        ("providers", &counted.providers, &resources),
    ] {
        let missing: Vec<_> = wanted.difference(found).collect();
        assert!(missing.is_empty(), "{what} not on the roll: {missing:?}");
        assert!(!wanted.is_empty(), "the walk counts no {what}");
    }
    for uid in &counted.api_keys {
        let there = credentials
            .iter()
            .any(|native| native.ends_with(&format!("/keys/{uid}")));
        assert!(there, "API key {uid} not on the roll");
    }
    // Nothing is invented: every account is one that some file names.
    let named: BTreeSet<_> = counted.accounts.union(&counted.members).cloned().collect();
    let accounts = roll.seen.iter().filter(|one| {
        one.fact(&Attribute::TYPE).is().and_then(|held| held.text()) == Some("gcp_service_account")
    });
    for one in accounts {
        let name = one
            .fact(&Attribute::NAME)
            .is()
            .and_then(|held| held.text())
            .unwrap();
        assert!(named.contains(name), "{name} is in no file");
    }
    testkit::aloud(&format!(
        "cartography/gcp: {} things, {} gaps, target {}; {} accounts, {} keys, {} API keys, {} secrets",
        roll.seen.len(),
        roll.gaps.len(),
        roll.target,
        counted.accounts.len(),
        counted.keys.len(),
        counted.api_keys.len(),
        counted.secrets.len(),
    ));
}
