//! Every account of an emulated organisation, each read by a role in it.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use connectors::Request;
use engine::{Machine, Scanned, Spec};
use serde_json::{Value, json};
use store::PassOutcome;

use crate::account::{Account, engine_at};

const ROLE: &str = "OrganizationAccountAccessRole";

fn organizations(account: &Account, operation: &str, body: Value) -> Value {
    let operation = format!("AWSOrganizationsV20161128.{operation}");
    account.json(Request::json("organizations", &[], &operation, body))
}

/// The number of a fresh account of the organisation.
fn member(account: &Account) -> String {
    let name = testkit::fresh_name("member");
    let told = organizations(
        account,
        "CreateAccount",
        json!({"AccountName": name, "Email": format!("{name}@example.com")}),
    );
    let number = told.pointer("/CreateAccountStatus/AccountId");
    number.and_then(Value::as_str).unwrap().to_owned()
}

fn machine(account: &Account) -> Machine {
    Machine {
        host: "test".to_owned(),
        kind_of_target: "emulator".to_owned(),
        options: account.options.clone(),
        organization_role: Some(ROLE.to_owned()),
        ..Machine::default()
    }
}

fn named<'a>(scanned: &'a [Scanned], number: &str) -> Vec<&'a Scanned> {
    let of = |one: &&Scanned| match &one.report {
        Ok(report) => report.source.target() == number,
        Err(_) => false,
    };
    scanned.iter().filter(of).collect()
}

/// The chain of the environment is not what signs here, so the source is one that was added.
fn scan(account: &Account, engine: &engine::Engine, machine: &Machine) -> Vec<Scanned> {
    let id = model::SourceId::new("aws_iam", &account.number);
    let config = store::SourceConfig {
        id: id.clone(),
        connector: "aws_iam".to_owned(),
        target: account.number.clone(),
        options: account.options.clone(),
        sealed_path: None,
        added: engine.now(),
        kind_of_target: "emulator".to_owned(),
    };
    engine
        .add_source(config, Some(&model::Secret::from("test")))
        .unwrap();
    let specs = [Spec::Known(id)];
    engine
        .scan(&specs, machine, &Arc::default(), &mut |_| {})
        .unwrap()
}

#[test]
fn emulator_moto_every_account_of_an_organisation_is_a_source_and_read_once() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let account = Account::at(endpoint);
    // Another test or run may have made it.
    account.try_json(Request::json(
        "organizations",
        &[],
        "AWSOrganizationsV20161128.CreateOrganization",
        json!({"FeatureSet": "ALL"}),
    ));
    let first = member(&account);
    let second = member(&account);
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &Arc::new(AtomicI64::new(0)));
    let mut machine = machine(&account);
    let scanned = scan(&account, &engine, &machine);
    for number in [&account.number, &first, &second] {
        let told = named(&scanned, number);
        assert_eq!(told.len(), 1, "{number}: {scanned:?}");
        let report = told[0].report.as_ref().unwrap();
        assert_ne!(report.outcome, PassOutcome::Failed, "{:?}", report.gaps);
        assert!(report.counts.seen > 0);
    }

    // A scan that broke off goes on with what it had not read.
    machine.unless_read_since = Some(engine.now());
    let third = member(&account);
    assert_eq!(named(&scan(&account, &engine, &machine), &third).len(), 1);
    let again = scan(&account, &engine, &machine);
    assert_eq!(named(&again, &third).len(), 0, "{again:?}");
}

#[test]
fn emulator_ministack_an_account_whose_role_cannot_be_taken_on_says_which_and_fails_alone() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let closed = member(&account);
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &Arc::new(AtomicI64::new(0)));
    let scanned = scan(&account, &engine, &machine(&account));
    let own = named(&scanned, &account.number);
    assert_ne!(own[0].report.as_ref().unwrap().outcome, PassOutcome::Failed);
    let told = named(&scanned, &closed);
    let report = told[0].report.as_ref().unwrap();
    assert_eq!(report.outcome, PassOutcome::Failed);
    let gap = &report.gaps[0];
    assert!(
        gap.told.contains(&format!("{closed}:role/{ROLE}")),
        "{gap:?}"
    );
    assert_eq!(gap.needs.as_deref(), Some("sts:AssumeRole"));
}
