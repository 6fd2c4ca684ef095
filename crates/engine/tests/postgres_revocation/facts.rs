//! What the reference measured holds on this server; the sequence is built on it.

use crate::ground::{Ground, quoted};

#[test]
fn a_changed_password_an_expiry_and_nologin_leave_live_sessions_alive() {
    let Some(ground) = Ground::new() else { return };
    for cut in ["password 'another'", "valid until '2000-01-01'", "nologin"] {
        let leak = ground.role(&testkit::fresh_name("fact"));
        let session = ground.log_in(&leak, "postgres").unwrap();
        ground
            .admin
            .must(&format!("alter role {} {cut}", leak.role));
        assert!(ground.log_in(&leak, "postgres").is_err(), "{cut}");
        assert!(session.run("select 1").is_ok(), "{cut}");
    }
}

#[test]
fn a_dropped_role_leaves_its_session_connected_and_nameless() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("nameless"));
    let session = ground.log_in(&leak, "postgres").unwrap();
    ground.admin.must(&format!(
        "drop owned by {0}; drop role {0}",
        quoted(&leak.role)
    ));
    session.must("select * from pg_class limit 1");
    assert!(
        session.run("select current_user").is_err(),
        "an invalid role oid"
    );
    let by_name = format!(
        "select count(*) from pg_stat_activity where usename = '{}'",
        leak.role
    );
    assert_eq!(ground.admin.one(&by_name).as_deref(), Some("0"));
    let by_oid = format!(
        "select count(*) from pg_stat_activity where usesysid = {}",
        leak.oid
    );
    assert_eq!(ground.admin.one(&by_oid).as_deref(), Some("1"));
}

#[test]
fn a_role_with_grants_cannot_be_dropped() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("granted"));
    let table = testkit::fresh_name("t");
    ground.admin.must(&format!(
        "create table {table} (); grant select on {table} to {}",
        leak.role
    ));
    let refused = ground
        .admin
        .run(&format!("drop role {}", leak.role))
        .unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "2BP01");
}

#[test]
fn a_revoked_grant_is_denied_at_once_and_lets_in_all_the_same() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("grantee"));
    let table = testkit::fresh_name("t");
    ground.admin.must(&format!(
        "create table {table} (); grant select on {table} to {}",
        leak.role
    ));
    let session = ground.log_in(&leak, "postgres").unwrap();
    session.must(&format!("select * from {table}"));
    ground
        .admin
        .must(&format!("revoke all on {table} from {}", leak.role));
    let refused = session.run(&format!("select * from {table}")).unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    assert!(ground.log_in(&leak, "postgres").is_ok());
}
