//! The port to a real server: what it bounds, what it refuses, what it keeps to itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connectors::{Answer, Port, Question, Refusal, Rows, Statement, Whom};
use engine::{Bearer, SqlLimits, SqlPort};
use model::{Reason, Secret};

use crate::ground::Ground;

fn ask(port: &mut SqlPort, statement: Statement) -> Result<Rows, Refusal> {
    match port.ask(&Question::Sql(statement))? {
        Answer::Rows(rows) => Ok(rows),
        other => panic!("{other:?}"),
    }
}

fn port(ground: &Ground, bearer: Option<Bearer>, limits: SqlLimits) -> SqlPort {
    SqlPort::new(
        ground.runtime.handle().clone(),
        ground.address(),
        bearer,
        limits,
        Arc::default(),
    )
}

#[test]
fn a_statement_that_declares_no_change_cannot_make_one() {
    let Some(ground) = Ground::new() else { return };
    let mut port = port(&ground, None, SqlLimits::default());
    let name = testkit::fresh_name("change");
    let create = Statement::reading(format!("create table public.{name} ()"));
    let refused = ask(&mut port, create.clone()).unwrap_err();
    assert_eq!(refused.code, "25006");
    ask(&mut port, create.changing()).unwrap();
}

#[test]
fn values_are_values_whatever_they_hold() {
    let Some(ground) = Ground::new() else { return };
    let mut port = port(&ground, None, SqlLimits::default());
    for value in ["'; drop table x; --", "$1", "\\", "✂\u{202e}", ""] {
        let rows = ask(&mut port, Statement::reading("select $1").value(value)).unwrap();
        assert_eq!(rows.rows, [[Some(value.to_owned())]]);
    }
}

#[test]
fn an_answer_without_end_and_a_statement_without_end_are_cut_off() {
    let Some(ground) = Ground::new() else { return };
    let limits = SqlLimits {
        rows_max: 10,
        bytes_max: 10_000,
        statement: Duration::from_millis(300),
        ..SqlLimits::default()
    };
    let mut port = port(&ground, None, limits);
    for text in [
        "select generate_series(1, 100000)::text",
        "select repeat('x', 20000)",
    ] {
        assert_eq!(
            ask(&mut port, Statement::reading(text)).unwrap_err().code,
            "too_long"
        );
    }
    let slow = ask(&mut port, Statement::reading("select pg_sleep(600)::text")).unwrap_err();
    assert_eq!(slow.code, "57014");
    // The port is none the worse for it.
    assert!(ask(&mut port, Statement::reading("select 'x'")).is_ok());
}

#[test]
fn a_refused_login_does_not_repeat_its_password() {
    let Some(ground) = Ground::new() else { return };
    let bearer = Bearer {
        user: "nobody_of_this_name".to_owned(),
        secret: Secret::from("hunter2-and-more"),
    };
    let mut port = port(&ground, Some(bearer), SqlLimits::default());
    for whom in [Whom::Subject, Whom::Held] {
        let refused = ask(&mut port, Statement::reading("select 'x'").asked_as(whom)).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.reason),
            ("28P01", Reason::Denied)
        );
        assert!(!format!("{refused:?} {refused}").contains("hunter2"));
    }
    let nowhere = Statement::reading("select 'x'").database("no such database");
    assert_eq!(ask(&mut port, nowhere).unwrap_err().code, "3D000");
}

#[test]
fn without_a_bearer_nobody_is_asked_as_the_subject() {
    let Some(ground) = Ground::new() else { return };
    let mut port = port(&ground, None, SqlLimits::default());
    for whom in [Whom::Subject, Whom::Held] {
        let refused = ask(&mut port, Statement::reading("select 'x'").asked_as(whom)).unwrap_err();
        assert_eq!(refused.code, "no_secret");
    }
}

#[test]
fn a_held_session_that_ended_is_never_opened_again() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("held"));
    let bearer = Bearer {
        user: leak.role.clone(),
        secret: Secret::from(leak.password.as_str()),
    };
    let mut port = port(&ground, Some(bearer), SqlLimits::default());
    let who = || Statement::reading("select session_user::text").asked_as(Whom::Held);
    assert_eq!(
        ask(&mut port, who()).unwrap().rows,
        [[Some(leak.role.clone())]]
    );
    let kill = format!(
        "select pg_terminate_backend(pid, 2000) from pg_stat_activity where usesysid = {}",
        leak.oid
    );
    ground.admin.must(&kill);
    for _ in 0..3 {
        assert_eq!(ask(&mut port, who()).unwrap_err().code, "57P01");
    }
    // A new login would still be let in: the held path must not take it for the held session.
    let anew = Statement::reading("select 'x'").asked_as(Whom::Subject);
    assert!(ask(&mut port, anew).is_ok());
}

/// RP-2: a role that may not log in is told from an address that is turned away.
#[test]
fn a_role_without_login_says_where_the_refusal_comes_from() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("nologin"));
    ground
        .admin
        .must(&format!("alter role {} nologin", leak.role));
    let bearer = Bearer {
        user: leak.role.clone(),
        secret: Secret::from(leak.password.as_str()),
    };
    let mut port = port(&ground, Some(bearer), SqlLimits::default());
    let anew = Statement::reading("select 'x'").asked_as(Whom::Subject);
    assert_eq!(
        ask(&mut port, anew).unwrap_err().code,
        "28000:InitializeSessionUserId"
    );
}

#[test]
fn a_stopped_port_says_so_and_asks_nothing() {
    let Some(ground) = Ground::new() else { return };
    let stop = Arc::new(AtomicBool::new(false));
    let mut port = SqlPort::new(
        ground.runtime.handle().clone(),
        ground.address(),
        None,
        SqlLimits::default(),
        Arc::clone(&stop),
    );
    assert!(ask(&mut port, Statement::reading("select 'x'")).is_ok());
    stop.store(true, Ordering::Relaxed);
    assert!(
        ask(&mut port, Statement::reading("select 'x'"))
            .unwrap_err()
            .stop
    );
}

/// A role can put relations of its own before the catalog's in its search path.
#[test]
fn names_in_statements_mean_the_catalog() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("path"));
    let schema = testkit::fresh_name("fake");
    ground.admin.must(&format!(
        "create schema {schema} authorization {0}; create view {schema}.pg_roles as select 1 as oid; \
         grant select on {schema}.pg_roles to public; \
         alter role {0} set search_path = {schema}, pg_catalog",
        leak.role
    ));
    let bearer = Bearer {
        user: leak.role.clone(),
        secret: Secret::from(leak.password.as_str()),
    };
    let mut port = port(&ground, Some(bearer), SqlLimits::default());
    let who = Statement::reading("select oid::text from pg_roles where rolname = session_user");
    assert_eq!(
        ask(&mut port, who.asked_as(Whom::Subject)).unwrap().rows,
        [[Some(leak.oid)]]
    );
}
