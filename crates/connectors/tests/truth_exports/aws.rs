//! Holds `aws_exports` to answers of AWS.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use model::{Attribute, Kind, Timestamp};
use serde_json::Value;

use crate::disk::{Roll, collect, files, texts};

/// What a walk over the files counts, with no help of the connector's code.
#[derive(Default)]
struct Counted {
    access_keys: BTreeSet<String>,
    principals: BTreeSet<String>,
    named_principals: BTreeSet<String>,
    unique_ids: BTreeSet<String>,
    arns: BTreeSet<String>,
    names: BTreeSet<String>,
    report: Vec<Vec<String>>,
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

fn is_principal(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    parts.len() == 6
        && parts[0] == "arn"
        && parts[2] == "iam"
        && (parts[5].starts_with("user/") || parts[5].starts_with("role/"))
}

fn walk(value: &Value, counted: &mut Counted) {
    match value {
        Value::Array(list) => list.iter().for_each(|held| walk(held, counted)),
        Value::String(text) if is_principal(text) => {
            counted.named_principals.insert(text.clone());
        }
        Value::Object(object) if object.contains_key("Effect") => {}
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
            counted.access_keys.extend(text("AccessKeyId"));
            if let Some(arn) = text("Arn").filter(|arn| is_principal(arn)) {
                counted
                    .unique_ids
                    .extend(text("UserId").or_else(|| text("RoleId")));
                counted.principals.insert(arn);
            }
            let arn =
                text("ARN").filter(|arn| arn.contains(":secret:") && !arn.contains(":version:"));
            counted.arns.extend(arn);
            counted
                .arns
                .extend(text("CertificateArn").filter(|arn| arn.contains(":acm:")));
            counted.arns.extend(text("Arn").filter(|arn| {
                arn.contains(":instance-profile/") && object.contains_key("InstanceProfileId")
            }));
            counted.names.extend(text("ServerCertificateName"));
            counted
                .names
                .extend(text("KeyName").filter(|_| object.contains_key("KeyFingerprint")));
            counted.names.extend(text("MasterUsername"));
            if let Some(content) = text("Content").filter(|text| text.starts_with("user,arn,")) {
                let rows = content.lines().skip(1);
                counted
                    .report
                    .extend(rows.map(|row| row.split(',').map(str::to_owned).collect()));
            }
            for (name, held) in object {
                if is_principal(name) {
                    counted.named_principals.insert(name.clone());
                }
                // Whom a policy trusts may belong to anybody.
                if held.get("Statement").is_none() && name != "Statement" {
                    walk(held, counted);
                }
            }
        }
        _ => {}
    }
}

fn everything_is_on_the_roll(folder: &str) {
    let Some(dir) = testkit::truth(folder) else {
        return;
    };
    let (roll, counted) = (collect("aws_exports", &dir), count(&dir));
    assert!(
        !counted.principals.is_empty(),
        "the walk counts something in {folder}"
    );

    let credentials: BTreeSet<_> = roll
        .seen
        .iter()
        .filter(|one| one.kind == Kind::Credential)
        .map(|one| one.native.clone())
        .collect();
    let missing: Vec<_> = counted.access_keys.difference(&credentials).collect();
    assert!(
        missing.is_empty(),
        "access keys not on the roll: {missing:?}"
    );

    let arns = texts(&roll, Some(Kind::Identity), &Attribute::ARN);
    let missing: Vec<_> = counted
        .principals
        .union(&counted.named_principals)
        .filter(|arn| !arns.contains(*arn))
        .collect();
    assert!(
        missing.is_empty(),
        "users and roles not on the roll: {missing:?}"
    );

    let everything = texts(&roll, None, &Attribute::ARN);
    let missing: Vec<_> = counted.arns.difference(&everything).collect();
    assert!(
        missing.is_empty(),
        "secrets, certificates, profiles not on the roll: {missing:?}"
    );
    let names = texts(&roll, None, &Attribute::NAME);
    let missing: Vec<_> = counted.names.difference(&names).collect();
    assert!(
        missing.is_empty(),
        "certificates, key pairs, master users not on the roll: {missing:?}"
    );

    nothing_is_invented(folder, &roll, &counted, &arns);
}

fn nothing_is_invented(folder: &str, roll: &Roll, counted: &Counted, arns: &BTreeSet<String>) {
    // Nothing is invented: every user and role is named by some file.
    let reported: BTreeSet<_> = counted.report.iter().map(|row| row[1].clone()).collect();
    let invented: Vec<_> = arns
        .iter()
        .filter(|arn| is_principal(arn))
        .filter(|arn| {
            !counted.principals.contains(*arn)
                && !counted.named_principals.contains(*arn)
                && !reported.contains(*arn)
        })
        .collect();
    assert!(
        invented.is_empty(),
        "on the roll but in no file: {invented:?}"
    );

    for row in &counted.report {
        assert!(
            arns.contains(&row[1]),
            "reported user not on the roll: {}",
            row[0]
        );
    }
    let natives: BTreeSet<_> = roll
        .seen
        .iter()
        .map(|one| (one.kind, one.native.clone()))
        .collect();
    assert_eq!(
        natives.len(),
        roll.seen.len(),
        "a native id names one thing"
    );
    testkit::aloud(&format!(
        "{folder}: {} things, {} gaps, target {}",
        roll.seen.len(),
        roll.gaps.len(),
        roll.target
    ));
}

#[test]
fn everything_in_the_demo_account_is_on_the_roll() {
    everything_is_on_the_roll("cloudmapper-demo");
}

#[test]
fn everything_in_the_recorded_shapes_is_on_the_roll() {
    everything_is_on_the_roll("cartography/aws");
}

#[test]
fn everything_in_the_account_exports_is_on_the_roll() {
    everything_is_on_the_roll("iamspy");
}

#[test]
fn the_keys_of_a_credential_report_are_on_the_roll_with_their_holders() {
    let Some(dir) = testkit::truth("cloudmapper-demo") else {
        return;
    };
    let (roll, counted) = (collect("aws_exports", &dir), count(&dir));
    // Columns 8 to 12 are the first key, 13 to 17 the second: active, rotated, used, …
    let mut expected = 0;
    for row in &counted.report {
        for start in [8, 13] {
            if row[start] != "true" {
                continue;
            }
            expected += 1;
            let rotated: Timestamp = row[start + 1].parse().unwrap();
            let name = if row[0] == "<root_account>" {
                "root"
            } else {
                &row[0]
            };
            let found = roll.seen.iter().find(|one| {
                one.fact(&Attribute::TYPE).is().and_then(|held| held.text())
                    == Some("aws_access_key")
                    && one.fact(&Attribute::USER).is().and_then(|held| held.text()) == Some(name)
                    && one
                        .fact(&Attribute::CREATED_AT)
                        .is()
                        .and_then(|held| held.time())
                        == Some(rotated)
            });
            let found = found.unwrap_or_else(|| panic!("no key of {name} from {rotated}"));
            assert_eq!(found.links.len(), 1, "the key of {name} has a holder");
        }
    }
    assert!(expected > 0);
    let root = roll.seen.iter().find(|one| {
        one.fact(&Attribute::PRIVILEGE)
            .is()
            .and_then(|held| held.text())
            == Some("root")
    });
    assert!(root.is_some_and(|one| one.kind == Kind::Identity || one.kind == Kind::Credential));
    assert_eq!(roll.target, "123456789012");
}
