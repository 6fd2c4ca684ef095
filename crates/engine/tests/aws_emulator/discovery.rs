//! What is found in emulated accounts, live and in exports of the same account.

use std::collections::BTreeMap;
use std::process::Command;

use connectors::{Answer, Context, Event, File, Fingerprints, Port, Question, Refusal, connector};
use model::{Attribute, Fact, Fingerprint, Kind, Observation, Reason, Secret, Told};

use crate::account::Account;

pub(crate) const ADMIN: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

pub(crate) fn text<'a>(one: &'a Observation, attribute: &Attribute) -> Option<&'a str> {
    match one.fact(attribute) {
        Told::Is(value) => value.text(),
        _ => None,
    }
}

/// A user with a key that was used, and a role; what both emulators must show.
fn discovery_finds_users_keys_and_roles(endpoint: String) -> (Account, String) {
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("discovered");
    let key = account.user(&name, ADMIN);
    account.iam(
        "CreateRole",
        &[("RoleName", &name), ("AssumeRolePolicyDocument", TRUST)],
    );
    assert_eq!(account.who(&key).status, 200);
    let pass = account.discover();
    let found = pass.one(&key.id);
    assert_eq!(text(found, &Attribute::USER), Some(name.as_str()));
    assert_eq!(text(found, &Attribute::STATUS), Some("active"));
    assert!(found.keys.iter().any(|held| held.value == key.id));
    let role = pass.seen.iter().find(|one| {
        text(one, &Attribute::TYPE) == Some("aws_iam_role")
            && text(one, &Attribute::NAME) == Some(&name)
    });
    assert_eq!(text(role.unwrap(), &Attribute::CLASS), Some("workload"));
    let user = pass.seen.iter().find(|one| {
        text(one, &Attribute::TYPE) == Some("aws_iam_user")
            && text(one, &Attribute::NAME) == Some(&name)
    });
    let user = user.unwrap();
    assert_eq!(text(user, &Attribute::PRIVILEGE), Some("admin"));
    assert!(found.links.iter().any(|link| {
        matches!(&link.to, model::Target::Native { native, .. } if *native == user.native)
    }));
    assert_eq!(
        text(pass.named("root"), &Attribute::PRIVILEGE),
        Some("root")
    );
    assert!(
        !pass.gaps.iter().any(|gap| gap.scope.0.is_empty()),
        "{:?}",
        pass.gaps
    );
    (account, key.id)
}

#[test]
fn emulator_ministack_discovery_finds_users_keys_and_roles() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let (account, _) = discovery_finds_users_keys_and_roles(endpoint);
    // What this emulator does not know is a gap with its permission, not an empty list.
    let pass = account.discover();
    assert!(
        pass.gaps
            .iter()
            .any(|gap| gap.scope.0 == ["server_certificates"]),
        "{:?}",
        pass.gaps
    );
}

#[test]
fn emulator_moto_discovery_finds_last_use() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let (account, id) = discovery_finds_users_keys_and_roles(endpoint);
    let pass = account.discover();
    let key = pass.one(&id);
    let used = key.fact(&Attribute::LAST_USED_AT);
    let at = used
        .is()
        .and_then(|value| value.time())
        .unwrap_or_else(|| panic!("no last use: {key:?}"));
    assert!(engine::system_clock().since(at) < model::Duration::minutes(10));
    assert!(
        pass.seen
            .iter()
            .any(|one| text(one, &Attribute::TYPE) == Some("aws_account_root"))
    );
}

/// Exports an account as an SDK prints it: somebody else's code reads and writes it.
const EXPORT: &str = r#"
import boto3, json, sys
endpoint, out = sys.argv[1], sys.argv[2]
def client(name):
    return boto3.client(name, endpoint_url=endpoint, region_name="us-east-1",
                        aws_access_key_id="test", aws_secret_access_key="test")
iam = client("iam")
def keep(name, value):
    value.pop("ResponseMetadata", None)
    with open(f"{out}/{name}.json", "w") as file:
        json.dump(value, file, default=str)
keep("identity", client("sts").get_caller_identity())
details = {}
for page in iam.get_paginator("get_account_authorization_details").paginate():
    for name in ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"]:
        details.setdefault(name, []).extend(page.get(name, []))
keep("details", details)
for user in details["UserDetailList"]:
    keep("keys-" + user["UserName"], iam.list_access_keys(UserName=user["UserName"]))
for role in details["RoleDetailList"]:
    keep("role-" + role["RoleName"], iam.get_role(RoleName=role["RoleName"]))
iam.generate_credential_report()
iam.generate_credential_report()
keep("report", iam.get_credential_report())
keep("summary", iam.get_account_summary())
"#;

struct Disk;

impl Port for Disk {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let failed = |error: std::io::Error| Refusal::new(Reason::Failed, error.to_string());
        match question {
            Question::List { dir } => {
                let entries =
                    std::fs::read_dir(dir)
                        .map_err(failed)?
                        .map(|entry| connectors::Entry {
                            name: entry.unwrap().file_name().into_string().unwrap(),
                            kind: connectors::EntryKind::File,
                            size: 0,
                        });
                Ok(Answer::Entries(entries.collect()))
            }
            Question::Read { path, .. } => {
                let bytes = Secret::new(std::fs::read(path).map_err(failed)?);
                Ok(Answer::File(File {
                    bytes,
                    cut: false,
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
        unreachable!("exports of IAM hold no secret")
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

fn exported(dir: &std::path::Path) -> Vec<Observation> {
    let options = BTreeMap::from([("dirs".to_owned(), dir.display().to_string())]);
    let mut seen = Vec::new();
    let mut sink = |event| {
        if let Event::Seen(one) = event {
            seen.push(one);
        }
    };
    let now = engine::system_clock();
    let mut disk = Disk;
    let mut cx = Context::new(&mut disk, &NoKey, "exports", &options, now, &mut sink);
    connector("aws_exports").unwrap().discover(&mut cx).unwrap();
    seen
}

/// What both must tell of things named `mark`: all but uses, which only live questions can ask.
fn of_mark(seen: &[Observation], mark: &str) -> BTreeMap<(Kind, String), BTreeMap<String, Fact>> {
    let holders = seen
        .iter()
        .filter(|one| one.kind == Kind::Identity && text(one, &Attribute::NAME) == Some(mark));
    let marks: Vec<_> = holders
        .map(|one| one.native.as_str())
        .chain([mark])
        .collect();
    let about = |one: &&Observation| {
        let all = serde_json::to_string(one).unwrap();
        marks.iter().any(|mark| all.contains(mark))
    };
    seen.iter()
        .filter(about)
        .map(|one| {
            let facts = one
                .facts
                .iter()
                .filter(|(name, _)| !name.as_str().starts_with("last_used"));
            let facts = facts
                .map(|(name, fact)| (name.as_str().to_owned(), fact.clone()))
                .collect();
            ((one.kind, one.native.clone()), facts)
        })
        .collect()
}

fn live_and_exports_tell_the_same(endpoint: String) {
    let python = testkit::truth::checkout().join(".make/venv/bin/python");
    let boto = Command::new(&python).args(["-c", "import boto3"]).output();
    if !boto.is_ok_and(|done| done.status.success()) {
        testkit::aloud("skipped: no Python with boto3 in .make/venv (`make test` makes it)");
        return;
    }
    let account = Account::at(endpoint.clone());
    let mark = testkit::fresh_name("exported");
    let key = account.user(&mark, ADMIN);
    account.iam(
        "CreateRole",
        &[("RoleName", &mark), ("AssumeRolePolicyDocument", TRUST)],
    );
    account.iam(
        "UpdateAccessKey",
        &[
            ("UserName", &mark),
            ("AccessKeyId", &key.id),
            ("Status", "Inactive"),
        ],
    );
    let dir = tempfile::tempdir().unwrap();
    let done = Command::new(&python)
        .args(["-c", EXPORT, &endpoint])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let mut live = of_mark(&account.discover().seen, &mark);
    // A report of services says whose it is to whoever asked for it alone.
    for facts in live.values_mut() {
        facts.retain(|name, _| !name.starts_with("services_"));
    }
    let mut exported = of_mark(&exported(dir.path()), &mark);
    assert!(live.len() >= 4, "user, role, key, grant: {live:?}");
    // How far it reaches has to be told of a file alone.
    for facts in exported.values_mut() {
        facts.remove(Attribute::USES_COUNTED_UNTIL.as_str());
    }
    assert_eq!(live, exported);
}

#[test]
fn emulator_ministack_live_and_exports_tell_the_same() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    live_and_exports_tell_the_same(endpoint);
}

#[test]
fn emulator_moto_live_and_exports_tell_the_same() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    live_and_exports_tell_the_same(endpoint);
}
