//! Several that receive into one store: each source is brought in by one of them at a time.

use std::path::Path;

use model::SourceId;
use store::Lease;

use crate::deliveries::deploy_key;
use crate::world::{
    Clock, drain, engine_at, event, github, github_webhooks, hook, okta, okta_hooks, receiver,
    receiver_of, roll, rows, waiting,
};

fn another(dir: &Path, clock: &Clock) -> engine::Engine {
    let mut other = engine_at(dir, clock);
    other.actor = "person:other".to_owned();
    other
}

#[test]
fn two_that_receive_of_different_sources_into_one_store_both_bring_in() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let one = engine_at(dir.path(), &clock);
    let other = another(dir.path(), &clock);
    let first = receiver_of(&one, &[okta_hooks()], None);
    let second = receiver_of(&other, &[github_webhooks()], None);
    drain(&first, false);
    let born = event(1, "create", "2026-11-30T11:59:00Z");
    let body = hook("1", clock.now(), &[born]);
    assert_eq!(okta(&first, clock.now(), &body, "shown").status, 200);
    let body = deploy_key("created", "2026-11-30T11:59:00Z");
    let answer = github(&second, clock.now(), "deploy_key", &body);
    assert_eq!(answer.status, 200);
    assert_eq!(drain(&second, false).len(), 1);
    assert_eq!(drain(&first, false).len(), 1);
    for name in ["okta/acme", "github/acme"] {
        assert_eq!(waiting(&one, name), 0, "{name}");
    }
}

/// The turn of bringing in Okta's, taken from whoever has it as if that one had slept.
fn take_the_turn(engine: &engine::Engine, clock: &Clock) -> Lease {
    let turn = SourceId::new("events-drain", "okta/acme");
    let name = format!("collect {}", turn.as_str());
    let leases = engine
        .store
        .read(|reading| reading.leases(&engine.tenant, clock.now()));
    let slept = leases.unwrap().into_iter().find(|one| one.name == name);
    engine
        .store
        .release(&engine.tenant, &slept.unwrap())
        .unwrap();
    let lease = engine.store.acquire(
        &engine.tenant,
        &name,
        "another",
        model::Duration::seconds(30),
        clock.now(),
    );
    lease.unwrap().unwrap()
}

#[test]
fn whoever_slept_past_its_turn_tells_nothing_from_what_it_remembers() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let one = engine_at(dir.path(), &clock);
    let other = another(dir.path(), &clock);
    let (first, second) = (receiver(&one, None), receiver(&other, None));
    let deliver = |n: u32, what: &str| {
        let one = event(n, what, "2026-11-30T11:59:00Z");
        let id = format!("{n} {what}");
        let body = hook(&id, clock.now(), &[one]);
        assert_eq!(okta(&second, clock.now(), &body, "shown").status, 200);
    };
    deliver(1, "create");
    assert_eq!(drain(&first, true).len(), 1);

    // It sleeps, and another brings in a second app.
    let taken = take_the_turn(&other, &clock);
    other.store.release(&other.tenant, &taken).unwrap();
    deliver(2, "create");
    assert_eq!(drain(&second, true).len(), 1);
    let (before, passes) = (roll(&one), count_of_passes(&one));

    // It wakes when all is due to be told, and then when something waits.
    clock.pass(2 * 3_600);
    first.drain(true, &mut |_| Ok(())).unwrap_err();
    assert_eq!(count_of_passes(&one), passes, "it made no pass");
    assert_eq!(roll(&one), before);
    assert_eq!(
        rows(&one)
            .iter()
            .filter(|row| row.type_ == "okta_app")
            .count(),
        2
    );

    // It forgot what it remembered: in its turn it goes on from what is kept.
    drop(second);
    assert_eq!(drain(&first, true), []);
    let kept = |roll: std::collections::BTreeMap<String, serde_json::Value>| {
        roll.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(kept(roll(&one)), kept(before));
}

fn count_of_passes(engine: &engine::Engine) -> usize {
    let source = SourceId::new("logs", "events/okta/acme");
    let passes = engine
        .store
        .read(|reading| reading.passes(&engine.tenant, Some(&source), 100));
    passes.unwrap().len()
}
