//! What a SPIRE server tells and what its program printed, by their recordings.

use connectors::connector;
use model::{Attribute, Observation};

use crate::fake::{Pass, Recorded, pass};

fn read(name: &str) -> Pass {
    let mut recorded = Recorded::read(name);
    let (target, options) = (recorded.target.clone(), recorded.options.clone());
    pass(
        connector(name).unwrap(),
        &mut recorded.port,
        &target,
        &options,
    )
}

#[test]
fn recorded_exports_of_spire_tell_what_its_server_tells() {
    let (live, printed) = (read("spire"), read("spire_exports"));
    assert_eq!(live.seen, printed.seen);
    assert_eq!(live.aside["trust anchor"], printed.aside["trust anchor"]);
    assert!(live.gaps.is_empty() && printed.gaps.is_empty());
}

#[test]
fn an_agent_is_called_gone_only_by_who_has_read_all_agents() {
    let of = |pass: &Pass, id: &str| -> Observation {
        let native = format!("entry/{id}");
        pass.seen
            .iter()
            .find(|one| one.native == native)
            .unwrap()
            .clone()
    };
    let state = |one: &Observation| {
        let told = one.fact(&Attribute::named("parent_state"));
        told.is().and_then(|one| one.text().map(str::to_owned))
    };
    let gone = "1c2d3e4f-0003-4000-8000-000000000003";
    assert_eq!(state(&of(&read("spire"), gone)).as_deref(), Some("gone"));
    let mut recorded = Recorded::read("spire");
    recorded
        .json
        .as_object_mut()
        .unwrap()
        .remove("SPIRE ListAgents");
    let mut port = connectors::Recording::parse(&recorded.json.to_string()).unwrap();
    let blind = pass(
        connector("spire").unwrap(),
        &mut port,
        &recorded.target,
        &recorded.options,
    );
    assert_eq!(state(&of(&blind, gone)), None);
    assert_eq!(blind.gaps.len(), 1);
}
