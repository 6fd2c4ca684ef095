//! Each row twice: the default sequence of a common vault leaves something alive; ours does not,
//! and proves it.

use crate::ground::{Ground, Leak, Session, literal, quoted};

/// What an attacker can still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alive {
    /// Log in anew.
    Login,
    /// Ask the held session anything.
    Session,
    /// Read a table over the held session.
    Read,
    /// Write to a table over the held session.
    Write,
    /// Log in to another database and read there.
    OtherDatabase,
}

/// A place of its own for one row: a table, another role, another database.
struct Field<'g> {
    ground: &'g Ground,
    /// A table that the other role owns.
    table: String,
    other_role: String,
    other_database: Option<String>,
}

impl<'g> Field<'g> {
    fn new(ground: &'g Ground) -> Self {
        let name = testkit::fresh_name("field");
        let (table, other_role) = (format!("{name}_t"), format!("{name}_rw"));
        ground.admin.must(&format!(
            "create role {other_role}; create table {table} (n int); insert into {table} values (1); \
             alter table {table} owner to {other_role}"
        ));
        Self {
            ground,
            table,
            other_role,
            other_database: None,
        }
    }

    fn with_database(mut self) -> Self {
        let name = testkit::fresh_name("otherdb");
        self.ground.admin.must(&format!("create database {name}"));
        let there = self.ground.admin_in(&name);
        there.must("create table secrets (n int); insert into secrets values (1)");
        self.other_database = Some(name);
        self
    }

    /// What still works for whoever holds `session` and the password.
    fn alive(&self, leak: &Leak, session: &Session) -> Vec<Alive> {
        let mut alive = Vec::new();
        if self.ground.log_in(leak, "postgres").is_ok() {
            alive.push(Alive::Login);
        }
        if session.run("select 1").is_ok() {
            alive.push(Alive::Session);
        }
        if session
            .run(&format!("select * from {}", self.table))
            .is_ok()
        {
            alive.push(Alive::Read);
        }
        if session
            .run(&format!("insert into {} values (2)", self.table))
            .is_ok()
        {
            alive.push(Alive::Write);
        }
        if let Some(database) = &self.other_database
            && self
                .ground
                .log_in(leak, database)
                .is_ok_and(|there| there.run("select * from secrets").is_ok())
        {
            alive.push(Alive::OtherDatabase);
        }
        alive
    }
}

/// The default revocation of a common vault, replayed statement by statement. A refusal of the
/// server ends it, as it ends there.
fn vault_default(ground: &Ground, leak: &Leak) -> Result<(), String> {
    let role = quoted(&leak.role);
    let admin = &ground.admin;
    admin.must("set lock_timeout = '500ms'");
    let run = |sql: &str| admin.run(sql).map_err(|e| e.to_string());
    let schemas = format!(
        "select coalesce(string_agg(distinct table_schema, ','), '') \
         from information_schema.role_column_grants where grantee = {}",
        literal(&leak.role)
    );
    for schema in admin
        .one(&schemas)
        .unwrap()
        .split(',')
        .filter(|one| !one.is_empty())
    {
        run(&format!(
            "revoke all privileges on all tables in schema {schema} from {role}"
        ))?;
        run(&format!("revoke usage on schema {schema} from {role}"))?;
    }
    run(&format!(
        "revoke all privileges on all tables in schema public from {role}"
    ))?;
    run(&format!(
        "revoke all privileges on all sequences in schema public from {role}"
    ))?;
    run(&format!("revoke usage on schema public from {role}"))?;
    run(&format!("revoke connect on database postgres from {role}"))?;
    run(&format!("drop role if exists {role}"))
}

/// Prepares two roles alike; revokes one as a vault would and one as we do. The first must leave
/// `expected` alive (or the row tests nothing), the second nothing at all.
fn row(
    field: &Field<'_>,
    prepare: impl Fn(&Field<'_>, &Leak, &Session),
    expected: &[Alive],
) -> Leak {
    let ground = field.ground;
    let attack = |topic: &str| {
        let leak = ground.role(&testkit::fresh_name(topic));
        let session = ground.log_in(&leak, "postgres").unwrap();
        prepare(field, &leak, &session);
        (leak, session)
    };
    let (theirs, session) = attack("vault");
    let by_default = vault_default(ground, &theirs);
    let alive = field.alive(&theirs, &session);
    for one in expected {
        assert!(
            alive.contains(one),
            "the default leaves {alive:?}, not {one:?}; {by_default:?}"
        );
    }
    drop(session);

    let (ours, session) = attack("ours");
    let applied = ground.revoke(&ours);
    assert_eq!(field.alive(&ours, &session), [], "{}", ours.role);
    assert!(!ground.lives(&ours));
    let proof = applied.proof.unwrap();
    assert!(proof.control.is_some() && proof.first_denied.is_some());
    ours
}

#[test]
fn a_session_that_took_on_another_role_is_ended() {
    let Some(ground) = Ground::new() else { return };
    let set_role = |field: &Field<'_>, leak: &Leak, session: &Session| {
        field.ground.admin.must(&format!(
            "grant {} to {}",
            field.other_role,
            quoted(&leak.role)
        ));
        session.must(&format!("set role {}", field.other_role));
    };
    let alive = [Alive::Session, Alive::Read, Alive::Write];
    row(&Field::new(&ground), set_role, &alive);
}

#[test]
fn a_role_that_owns_a_table_is_cut_and_its_table_is_kept() {
    let Some(ground) = Ground::new() else { return };
    let field = Field::new(&ground);
    let own = |field: &Field<'_>, leak: &Leak, session: &Session| {
        field.ground.admin.must(&format!(
            "grant create on schema public to {}",
            quoted(&leak.role)
        ));
        session.must(&format!(
            "create table {0} (n int); insert into {0} values (7)",
            quoted(&format!("{}_own", leak.role))
        ));
    };
    let ours = row(&field, own, &[Alive::Login, Alive::Session]);
    let kept = format!("select n from {}", quoted(&format!("{}_own", ours.role)));
    assert_eq!(ground.admin.one(&kept).as_deref(), Some("7"));
    let owner = format!(
        "select tableowner from pg_tables where tablename = {}",
        literal(&format!("{}_own", ours.role))
    );
    assert_eq!(
        ground.admin.one(&owner).unwrap(),
        format!("keyroll_orphaned_{}", ours.oid)
    );
}

#[test]
fn a_grant_in_another_database_does_not_keep_a_login_alive() {
    let Some(ground) = Ground::new() else { return };
    let elsewhere = |field: &Field<'_>, leak: &Leak, _: &Session| {
        let there = field
            .ground
            .admin_in(field.other_database.as_ref().unwrap());
        there.must(&format!(
            "grant select on secrets to {}",
            quoted(&leak.role)
        ));
    };
    let field = Field::new(&ground).with_database();
    row(&field, elsewhere, &[Alive::Login, Alive::OtherDatabase]);
}

#[test]
fn what_public_may_read_is_not_read_by_a_session_that_lost_its_role() {
    let Some(ground) = Ground::new() else { return };
    let public = |field: &Field<'_>, _: &Leak, _: &Session| {
        field
            .ground
            .admin
            .must(&format!("grant select on {} to public", field.table));
    };
    row(&Field::new(&ground), public, &[Alive::Session, Alive::Read]);
}

/// A function left behind runs with the rights of its owner: it must not come under a role that
/// has any, nor under one that owns what other revoked roles left.
#[test]
fn a_security_definer_function_left_behind_has_no_rights() {
    let Some(ground) = Ground::new() else { return };
    let field = Field::new(&ground);
    let function = |leak: &Leak| quoted(&format!("{}_f", leak.role));
    let leave = |field: &Field<'_>, leak: &Leak, session: &Session| {
        field.ground.admin.must(&format!(
            "grant create on schema public to {0}; grant select on {1} to {0}",
            quoted(&leak.role),
            field.table
        ));
        session.must(&format!(
            "create function {}() returns bigint language sql security definer \
             as 'select count(*) from public.{}'",
            function(leak),
            field.table
        ));
    };
    let ours = row(&field, leave, &[Alive::Login, Alive::Session]);
    let anyone = ground.role(&testkit::fresh_name("anyone"));
    let session = ground.log_in(&anyone, "postgres").unwrap();
    let refused = session
        .run(&format!("select {}()", function(&ours)))
        .unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
}

#[test]
fn a_temporary_table_does_not_save_its_session() {
    let Some(ground) = Ground::new() else { return };
    let temporary = |_: &Field<'_>, _: &Leak, session: &Session| {
        session.must("create temp table mine (n int); insert into mine values (1)");
    };
    row(
        &Field::new(&ground),
        temporary,
        &[Alive::Login, Alive::Session],
    );
}

#[test]
fn default_privileges_do_not_keep_a_login_alive() {
    let Some(ground) = Ground::new() else { return };
    let default = |field: &Field<'_>, leak: &Leak, _: &Session| {
        field.ground.admin.must(&format!(
            "alter default privileges for role {0} in schema public grant select on tables to {1}; \
             alter default privileges for role {1} in schema public grant select on tables to {0}",
            quoted(&leak.role),
            field.other_role
        ));
    };
    row(
        &Field::new(&ground),
        default,
        &[Alive::Login, Alive::Session],
    );
}

#[test]
fn listening_and_advisory_locks_end_with_the_session() {
    let Some(ground) = Ground::new() else { return };
    let listen = |_: &Field<'_>, leak: &Leak, session: &Session| {
        session.must(&format!(
            "listen news; select pg_advisory_lock({})",
            leak.oid
        ));
    };
    let ours = row(&Field::new(&ground), listen, &[Alive::Session]);
    let free = format!("select pg_try_advisory_lock({})", ours.oid);
    assert_eq!(ground.admin.one(&free).as_deref(), Some("t"));
}

#[test]
fn a_prepared_transaction_is_rolled_back() {
    let Some(ground) = Ground::new() else { return };
    if ground
        .admin
        .one("show max_prepared_transactions")
        .as_deref()
        == Some("0")
    {
        testkit::aloud(
            "skipped a_prepared_transaction_is_rolled_back: max_prepared_transactions is 0",
        );
        return;
    }
    let prepare = |field: &Field<'_>, leak: &Leak, session: &Session| {
        let admin = &field.ground.admin;
        admin.must(&format!(
            "grant create on schema public to {0}; grant insert on {1} to {0}",
            quoted(&leak.role),
            field.table
        ));
        // The name of the transaction is the attacker's to choose.
        session.must(&format!(
            "begin; insert into {} values (666); create table {} (n int); \
             prepare transaction 'it''s \\ \"{}\"; drop table x; --'",
            field.table,
            quoted(&format!("{}_prepared", leak.role)),
            leak.oid
        ));
    };
    let field = Field::new(&ground);
    let ours = row(&field, prepare, &[Alive::Login, Alive::Session]);
    let left = format!(
        "select count(*) from pg_prepared_xacts where gid like '%{}%'",
        ours.oid
    );
    assert_eq!(ground.admin.one(&left).as_deref(), Some("0"));
    // The other half of the row left one behind; it must not outlive this test.
    let others = ground
        .admin
        .one("select quote_literal(gid) from pg_prepared_xacts limit 1");
    if let Some(gid) = others {
        ground.admin.must(&format!("rollback prepared {gid}"));
    }
}

#[test]
fn hostile_names_of_roles_are_names_and_nothing_else() {
    let Some(ground) = Ground::new() else { return };
    let tag = testkit::fresh_name("h").split_off(3);
    for name in [
        format!("a\"; drop role postgres; --{tag}"),
        format!("it's $keyroll$ %I {tag}"),
        format!("röle ✂ \u{202e}{tag}"),
        format!("UPPER lower\nnew line\t{tag}"),
        format!("{tag}{}", "x".repeat(63 - tag.len())),
    ] {
        let leak = ground.role(&name);
        let session = ground.log_in(&leak, "postgres").unwrap();
        session.must("create temp table t (n int)");
        ground.admin.must(&format!(
            "grant create on schema public to {}",
            quoted(&name)
        ));
        session.must(&format!(
            "create table {} ()",
            quoted(&testkit::fresh_name("left"))
        ));
        ground.revoke(&leak);
        assert!(session.run("select 1").is_err(), "{name:?}");
        assert!(!ground.lives(&leak), "{name:?}");
    }
}
