//! Holds `aws_exports` to answers of AWS that nobody here wrote: everything that can be counted
//! in them by walking their JSON is on the roll, and no principal is that they do not name.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "outside truth lies in files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use connectors::{
    Answer, Context, Entry, EntryKind, Event, File, Fingerprints, Piece, Port, Question, Refusal,
    connector,
};
use model::{Attribute, Fingerprint, Gap, KeyKind, Kind, Observation, Reason, Secret, Timestamp};
use serde_json::Value;

/// Reads files in place.
struct Disk;

impl Port for Disk {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let failed = |e: std::io::Error| Refusal::new(Reason::Failed, e.to_string());
        match question {
            Question::List { dir } => {
                let mut entries = Vec::new();
                for entry in fs::read_dir(dir).map_err(failed)? {
                    let entry = entry.map_err(failed)?;
                    let directory = entry.file_type().map_err(failed)?.is_dir();
                    entries.push(Entry {
                        name: entry.file_name().into_string().unwrap(),
                        kind: if directory {
                            EntryKind::Directory
                        } else {
                            EntryKind::File
                        },
                        size: 0,
                    });
                }
                Ok(Answer::Entries(entries))
            }
            Question::Read { path, bytes_max } => {
                let mut bytes = fs::read(path).map_err(failed)?;
                let cut = bytes.len() as u64 > *bytes_max;
                bytes.truncate(usize::try_from(*bytes_max).unwrap());
                Ok(Answer::File(File {
                    bytes: Secret::new(bytes),
                    cut,
                    mode: 0o600,
                }))
            }
            _ => Err(Refusal::new(Reason::Unsupported, "files only")),
        }
    }
}

struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        unreachable!("exports hold no secret that is looked at")
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

struct Roll {
    seen: Vec<Observation>,
    gaps: Vec<Gap>,
    target: String,
}

fn collect(dir: &Path) -> Roll {
    let options = BTreeMap::from([("dirs".to_owned(), dir.display().to_string())]);
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    let mut sink = |event| match event {
        Event::Seen(one) => seen.push(one),
        Event::Gap(gap) => gaps.push(gap),
        Event::SetAside { .. } => {}
    };
    let now: Timestamp = "2026-01-01".parse().unwrap();
    let connector = connector("aws_exports").unwrap();
    let mut port = Disk;
    let mut cx = Context::new(&mut port, &NoKey, "exports", &options, now, &mut sink);
    let target = connector.identify(&mut cx).unwrap();
    connector.discover(&mut cx).unwrap();
    Roll { seen, gaps, target }
}

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

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
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

fn texts(roll: &Roll, kind: Option<Kind>, attribute: &Attribute) -> BTreeSet<String> {
    roll.seen
        .iter()
        .filter(|one| kind.is_none_or(|kind| one.kind == kind))
        .filter_map(|one| one.fact(attribute).is()?.text().map(str::to_owned))
        .collect()
}

fn everything_is_on_the_roll(folder: &str) {
    let Some(dir) = testkit::truth(folder) else {
        return;
    };
    let (roll, counted) = (collect(&dir), count(&dir));
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
    let (roll, counted) = (collect(&dir), count(&dir));
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

/// One log, in one piece.
struct OneLog(String);

impl Port for OneLog {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Piece { .. } => Ok(Answer::Piece(Piece {
                bytes: Secret::new(self.0.clone().into_bytes()),
                next: None,
                refused: None,
            })),
            _ => Err(Refusal::new(Reason::Failed, "a file").code("ENOTDIR")),
        }
    }
}

/// What CloudTrail writes when each of `principals` acts: their ids and ARNs as AWS gave them.
fn trail(principals: &BTreeMap<String, String>) -> String {
    let events = principals.iter().map(|(key, arn)| {
        let (account, id) = key.split_once('/').unwrap();
        let (kind, name) = arn.rsplit_once(':').unwrap().1.split_once('/').unwrap();
        let name = name.rsplit('/').next().unwrap();
        let identity = if kind == "role" {
            serde_json::json!({"type": "AssumedRole", "principalId": format!("{id}:session"),
                "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/session"), "accountId": account,
                "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": id, "arn": arn,
                    "accountId": account, "userName": name}}})
        } else {
            serde_json::json!({"type": "IAMUser", "principalId": id, "arn": arn,
                "accountId": account, "userName": name})
        };
        serde_json::json!({"eventTime": "2025-12-01T00:00:00Z", "eventSource": "s3.amazonaws.com",
            "eventName": "ListBuckets", "recipientAccountId": account, "userIdentity": identity})
    });
    serde_json::json!({"Records": events.collect::<Vec<_>>()}).to_string()
}

#[test]
fn truth_whoever_acts_in_a_log_is_the_one_that_the_export_of_the_account_lists() {
    let Some(folder) = testkit::truth("cloudmapper-demo") else {
        return;
    };
    let unique = |one: &Observation| {
        let key = one
            .keys
            .iter()
            .find(|key| key.kind == KeyKind::AwsPrincipalId);
        key.map(|key| key.value.clone())
    };
    let listed: BTreeMap<String, String> = collect(&folder.join("demo"))
        .seen
        .iter()
        .filter(|one| one.kind == Kind::Identity)
        .filter_map(|one| {
            let arn = one.fact(&Attribute::ARN).is()?.text()?.to_owned();
            Some((unique(one)?, arn))
        })
        .collect();
    assert!(!listed.is_empty());
    let options = BTreeMap::from([("dirs".to_owned(), "/trail.json".to_owned())]);
    let mut acted = BTreeSet::new();
    let mut sink = |event| {
        if let Event::Seen(one) = event
            && one.kind == Kind::Identity
        {
            assert!(one.fact(&Attribute::LAST_USED_AT).is().is_some(), "{one:?}");
            acted.extend(unique(&one));
        }
    };
    let now: Timestamp = "2026-01-01".parse().unwrap();
    let mut port = OneLog(trail(&listed));
    let mut cx = Context::new(&mut port, &NoKey, "/trail.json", &options, now, &mut sink);
    connector("logs").unwrap().discover(&mut cx).unwrap();
    println!(
        "cloudmapper-demo: {} principals listed, {} of them met in the log",
        listed.len(),
        acted.len()
    );
    assert_eq!(acted, listed.into_keys().collect());
}
