//! Acting with less than a superuser's rights: what is enough works, what is not says so.

use model::State;

use crate::ground::{Ground, Leak, machine};

/// Lets Keyroll log in as `actor` from now on.
fn act_as(ground: &Ground, actor: &Leak) {
    let mut address = ground.address();
    address.user = actor.role.clone();
    address.password = Some(model::Secret::from(actor.password.as_str()));
    let spec = engine::Spec::Postgres(address);
    let (config, secret) = ground.engine.describe(&spec, &machine()).unwrap();
    ground.engine.add_source(config, secret.as_ref()).unwrap();
}

/// Revocation reference 5.2: a missing permission is `failed`, never success.
#[test]
fn without_the_right_to_act_it_fails_and_names_what_refused() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("victim"));
    let plan = ground.plan(&leak);
    act_as(&ground, &ground.role(&testkit::fresh_name("reader")));
    let applied = ground.apply(&plan);
    let State::Failed { why, from, .. } = &applied.state else {
        panic!("{:?}", applied.state)
    };
    assert!(why.contains("42501"), "{why}");
    assert_eq!(**from, State::Requested);
    assert!(ground.log_in(&leak, "postgres").is_ok());
    assert_eq!(ground.engine.residuals(10).unwrap().len(), 1);
}

#[test]
fn createrole_and_pg_signal_backend_are_enough_for_a_plain_role() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("plain"));
    let held = ground.log_in(&leak, "postgres").unwrap();
    let plan = ground.plan(&leak);
    let actor = ground.role(&testkit::fresh_name("actor"));
    // Membership alone ends nobody's session on every version; pg_signal_backend does.
    ground.admin.must(&format!(
        "alter role {0} createrole; grant pg_signal_backend, {1} to {0} with admin option",
        actor.role, leak.role
    ));
    act_as(&ground, &actor);
    let applied = ground.apply(&plan);
    assert_eq!(applied.state.as_str(), "proven", "{:?}", applied.state);
    assert!(held.run("select 1").is_err() && !ground.lives(&leak));
}

/// Whoever acts must not cut itself off before the rest is done.
#[test]
fn the_role_that_acts_refuses_to_cut_itself() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("selfcut"));
    let plan = ground.plan(&leak);
    ground
        .admin
        .must(&format!("alter role {} superuser", leak.role));
    act_as(&ground, &leak);
    let applied = ground.apply(&plan);
    let State::Failed { why, .. } = &applied.state else {
        panic!("{:?}", applied.state)
    };
    assert!(why.contains("keyroll itself"), "{why}");
    assert!(ground.log_in(&leak, "postgres").is_ok());
    ground.admin.must(&format!("drop role {}", leak.role));
}
