//! `query`: the documented views on both engines, and no way out of them.

use std::time::{Duration, Instant};

use serde_json::json;
use store::{Change, EXAMPLES, Error, Filter, Location, Options, QueryLimits, Store, VIEWS};

use crate::world::{World, credential, fill, identity, on_server, source};

contract![
    every_view_has_its_documented_columns,
    every_shipped_example_answers,
    what_is_asked_alike_is_answered_alike,
    a_query_changes_nothing,
    a_query_cannot_leave_its_tenant,
    a_query_is_cut_at_its_limits,
    a_query_that_takes_too_long_is_stopped,
];

fn rows(world: &World, sql: &str) -> Vec<Vec<serde_json::Value>> {
    let table = world
        .store
        .query(&world.tenant, sql, &QueryLimits::default());
    table.unwrap_or_else(|error| panic!("{sql}: {error}")).rows
}

fn every_view_has_its_documented_columns(world: &World) {
    for view in VIEWS {
        let sql = format!("select * from {}", view.name);
        let table = world
            .store
            .query(&world.tenant, &sql, &QueryLimits::default())
            .unwrap();
        assert_eq!(table.columns, view.columns, "{}", view.name);
        assert!(table.rows.is_empty() && !table.cut);
    }
}

/// Decision 16. Grants and resources are not in this world: their answers are empty.
fn every_shipped_example_answers(world: &World) {
    fill(world);
    let mut silent: std::collections::BTreeSet<_> = VIEWS.iter().map(|view| view.name).collect();
    for example in EXAMPLES {
        if !rows(world, example.sql).is_empty() {
            silent.remove(example.view);
        }
    }
    assert_eq!(Vec::from_iter(silent), ["grants", "resources"]);
}

fn what_is_asked_alike_is_answered_alike(world: &World) {
    fill(world);
    assert_eq!(
        rows(world, "select count(*) from credentials"),
        [[json!(3)]]
    );
    assert_eq!(
        rows(
            world,
            "select name, status, missing_since from credentials order by name desc limit 1"
        ),
        [[json!("c2"), json!("s2"), json!(null)]]
    );
    assert_eq!(
        rows(
            world,
            "select status, count(*) as n from credentials group by status having count(*) > 0 order by status limit 1"
        ),
        [[json!("s0"), json!(1)]]
    );
    // JSON is read by the same words, and answered as JSON.
    assert_eq!(
        rows(
            world,
            "select s.facts -> 'status' ->> 'is', s.scope ->> 0, s.scope, s.first_seen from sightings s where s.native = 'c1'"
        ),
        [[
            json!("s1"),
            json!("home"),
            json!(["home"]),
            json!("1970-01-01T00:00:01Z")
        ]]
    );
    assert_eq!(
        rows(
            world,
            "select l.relation, c.name, i.name from links l join credentials c on c.id = l.entity join identities i on i.id = l.to_entity"
        ),
        [[json!("holder"), json!("c0"), json!("i")]]
    );
    assert_eq!(
        rows(
            world,
            "with recursive n(x) as (select 1 union all select x + 1 from n where x < 3) select sum(x) from n"
        ),
        [[json!(6)]]
    );
    assert_eq!(
        rows(
            world,
            "select source, reason, told from gaps where scope ->> 0 = 'secret'"
        ),
        [[json!("files:host"), json!("denied"), json!("403")]]
    );
    assert_eq!(
        rows(world, "select leaf from evidence order by leaf_no limit 1"),
        [[json!("6c656166")]]
    );
    assert_eq!(
        rows(world, "select state, open from revocations"),
        [[json!("failed"), json!(1)]]
    );
    assert_eq!(
        rows(
            world,
            "select coalesce(max(case when first_seen < '2000' then 1 else 0 end), 7) from identities"
        ),
        [[json!(1)]]
    );
    let wrong = world.store.query(
        &world.tenant,
        "select nothing from identities",
        &QueryLimits::default(),
    );
    assert!(
        matches!(&wrong, Err(Error::QueryFailed { why }) if why.contains("nothing")),
        "{wrong:?}"
    );
}

fn a_query_changes_nothing(world: &World) {
    fill(world);
    let before = world
        .store
        .read(|reading| reading.count(&world.tenant, &Filter::default()))
        .unwrap();
    for sql in [
        "delete from entity",
        "with x as (delete from entity returning 1) select * from x",
        "select 1; delete from entity",
        "insert into entity default values",
        "select * into stolen from identities",
        "create table x as select 1",
        "values (1); drop table entity",
        "pragma user_version = 3",
        "attach database '/tmp/x.db' as x",
        "copy identities to '/tmp/x'",
        "do $$ begin delete from keyroll.entity; end $$",
        "select lo_create(1)",
        "select pg_advisory_lock(1)",
        "select load_extension('x')",
        "select writefile('/tmp/x', 'y')",
        "select readfile('/etc/passwd')",
        "select pg_read_file('/etc/passwd')",
        "select nextval('x')",
        "select * from identities for update",
        "vacuum",
        "call x()",
        "listen x",
    ] {
        let told = world
            .store
            .query(&world.tenant, sql, &QueryLimits::default());
        assert!(told.is_err(), "{sql}: {told:?}");
    }
    let after = world
        .store
        .read(|reading| reading.count(&world.tenant, &Filter::default()))
        .unwrap();
    assert_eq!(after, before);
}

fn a_query_cannot_leave_its_tenant(world: &World) {
    fill(world);
    a_query_cannot_leave_its_tenant_once_filled(world);
}

fn a_query_cannot_leave_its_tenant_once_filled(world: &World) {
    let stranger: model::Tenant = "stranger".parse().unwrap();
    for sql in WAYS_OUT {
        let told = world.store.query(&stranger, sql, &QueryLimits::default());
        assert!(told.is_err(), "{sql}: {told:?}");
    }
    // What passes shows nothing.
    for sql in [
        "select * from identities",
        "select count(x.id) from (select id from credentials) as x having count(x.id) > 0",
        "select * from sightings where native = 'c0' or 1 = 1",
        "select 'keyroll.entity; set_config(' from identities",
    ] {
        let table = world
            .store
            .query(&stranger, sql, &QueryLimits::default())
            .unwrap();
        assert!(table.rows.is_empty(), "{sql}: {table:?}");
    }
}

/// Statements that would show what is another's.
const WAYS_OUT: &[&str] = &[
    "select set_config('keyroll.tenant', 'local', true), id from identities",
    "select * from identities where set_config('keyroll.tenant', 'local', false) = 'local'",
    "select id from identities, lateral (select set_config('keyroll.tenant', 'local', true)) as x",
    "set keyroll.tenant = 'local'",
    "set local keyroll.tenant = 'local'; select * from identities",
    "select \"set_config\"('keyroll.tenant', 'local', true)",
    "select current_setting('keyroll.tenant')",
    "reset role",
    "select id from entity",
    "select id from main.entity",
    "select id from keyroll.entity",
    "select id from \"keyroll\".\"entity\"",
    "select id from main.all_identities",
    "select id from all_identities",
    "select value from setting",
    "select bytes from sealed",
    "select * from store_meta",
    "select sql from sqlite_schema",
    "select sql from temp.sqlite_master",
    "select relname from pg_class",
    "select usename from pg_catalog.pg_user",
    "select definition from pg_views",
    "select * from information_schema.tables",
    "select (table entity)",
    "table entity",
    "select query_to_xml('select * from keyroll.entity', true, true, '')",
    "select xpath('/', 'x')",
    "with identities as (select * from entity) select * from identities",
    "with \"IDENTITIES\"(a) as (select id from entity) select * from identities",
    "select (with entity as (select 1) select 1), count(*) from entity",
    "with x as (select * from entity) select * from x",
    "select count(*) from (select * from entity) as identities",
    "select count(*) from entity",
    "select exists (select 1 from entity)",
    "select 1 from identities where 1 in (select count(*) from sighting)",
    "select * from sighting_version",
    "select * from keyroll_query.identities union all select * from keyroll.all_identities",
];

fn a_query_is_cut_at_its_limits(world: &World) {
    let seen: Vec<_> = (0..50)
        .map(|n| Change::New(credential(&format!("{n:02}"), "x")))
        .collect();
    world.pass(&source("host"), 1, &seen);
    let limits = QueryLimits {
        rows: 7,
        ..QueryLimits::default()
    };
    let sql = "select name from credentials order by name";
    let table = world.store.query(&world.tenant, sql, &limits).unwrap();
    assert_eq!((table.rows.len(), table.cut), (7, true));
    assert_eq!(table.rows[6], [json!("06")]);
    let limits = QueryLimits {
        rows: 50,
        ..QueryLimits::default()
    };
    let table = world.store.query(&world.tenant, sql, &limits).unwrap();
    assert_eq!((table.rows.len(), table.cut), (50, false));
    let limits = QueryLimits {
        bytes: 21,
        ..QueryLimits::default()
    };
    let table = world.store.query(&world.tenant, sql, &limits).unwrap();
    assert_eq!((table.rows.len(), table.cut), (10, true));
}

fn a_query_that_takes_too_long_is_stopped(world: &World) {
    world.pass(&source("host"), 1, &[Change::New(identity("x"))]);
    let limits = QueryLimits {
        time: Duration::from_millis(300),
        ..QueryLimits::default()
    };
    let sql = "with recursive n(x) as (select 1 union all select x + 1 from n where x < 1000000000) select count(*) from n";
    let began = Instant::now();
    let told = world.store.query(&world.tenant, sql, &limits);
    assert!(
        matches!(&told, Err(Error::QueryFailed { why }) if why.contains("300 ms")),
        "{told:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        rows(world, "select name from identities"),
        [[json!("x")]],
        "the next query is not harmed"
    );
}

/// Most owners of a database may not make roles: the views and the words of the statement hold.
#[test]
fn an_owner_who_may_not_make_roles_confines_queries_all_the_same() {
    let Some(database) = testkit::postgres_database("plain owner") else {
        return;
    };
    let role = testkit::fresh_name("plain");
    let server = &database.server;
    on_server(
        &server.url,
        &format!("CREATE ROLE {role} LOGIN PASSWORD 'p w'"),
    );
    on_server(
        &server.url,
        &format!("CREATE DATABASE {} OWNER {role}", database.name),
    );
    let location: Location = server
        .url_for(&role, "p w", &database.name)
        .parse()
        .unwrap();
    let store = Store::open(&location, &Options::default()).unwrap();
    let world = World::of(store, database.clone());
    fill(&world);
    assert_eq!(
        rows(&world, "select count(*) from credentials"),
        [[json!(3)]]
    );
    a_query_cannot_leave_its_tenant_once_filled(&world);
    drop(world);
    on_server(&server.url, &format!("DROP ROLE {role}"));
}
