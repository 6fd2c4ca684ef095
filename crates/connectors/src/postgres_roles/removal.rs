//! Removes a role and what hangs on it, database by database. The credential is dead before this
//! begins; whatever fails here is a failure of the object, not of access (revocation.md 4.1).
//!
//! What a role owned goes to a role made for it alone, without log-in, rights or members: a
//! `SECURITY DEFINER` function that it left then reaches nothing but what it owned itself, and
//! nothing of other revoked roles.

use model::{Outcome, Reason};

use super::reading::misshapen;
use super::revoke::{by_oid, number};
use crate::{Context, Error, Refusal, Statement};

/// Every database of the cluster that holds anything of the role; `pg_shdepend` tells it for all
/// of them, and `DROP ROLE` refuses for the same rows.
const HOLDING: &str = "select d.datname::text, d.datallowconn::text from pg_database d \
    where d.oid in (select dbid from pg_shdepend \
      where refclassid = 'pg_authid'::regclass and refobjid = $1::oid) \
    or d.oid in (select dbid from pg_prepared_xact() as p(transaction, gid, prepared, ownerid, dbid) \
      where p.ownerid = $1::oid) \
    order by d.datname";

/// Databases and tablespaces themselves belong to no database.
const SHARED: &str = "select count(*)::text from pg_shdepend \
    where refclassid = 'pg_authid'::regclass and refobjid = $1::oid and dbid = 0";

const OWNED: &str = "select count(*)::text from pg_shdepend \
    where refclassid = 'pg_authid'::regclass and refobjid = $1::oid and deptype = 'o'";

const PREPARED: &str = "select quote_literal(p.gid) \
    from pg_prepared_xact() as p(transaction, gid, prepared, ownerid, dbid) \
    join pg_database d on d.oid = p.dbid \
    where p.ownerid = $1::oid and d.datname = current_database() order by 1 limit 1000";

const PRESENT: &str = "select count(*)::text from pg_roles where oid = $1::oid";

/// The name of the role that takes over what oid `oid` owned.
pub(super) fn heir(oid: &str) -> String {
    format!("keyroll_orphaned_{oid}")
}

/// Drops the role. Idempotent; what was done stays done when a later part fails.
pub(super) fn remove(cx: &mut Context<'_>, oid: u32) -> Result<Outcome, Error> {
    if number(cx, PRESENT, oid)? == 0 {
        return Ok(Outcome::Already {
            told: format!("no role has oid {oid}"),
        });
    }
    let heir = if number(cx, OWNED, oid)? > 0 {
        Some(make_heir(cx, oid)?)
    } else {
        None
    };
    let mut told = Vec::new();
    let mut failed = Vec::new();
    for (database, open) in holding(cx, oid)? {
        let outcome = if open {
            clean(cx, oid, &database, heir.as_deref())
        } else {
            Err(Refusal::new(
                Reason::Denied,
                "the database allows no connections (datallowconn is false)",
            )
            .into())
        };
        match outcome {
            Ok(done) => told.push(format!("{database}: {done}")),
            Err(error) => failed.push(format!("{database}: {error}")),
        }
    }
    if number(cx, SHARED, oid)? > 0 {
        clean(cx, oid, "", heir.as_deref())?;
    }
    if !failed.is_empty() {
        let told = format!(
            "the role is cut and stays until these let go: {}",
            failed.join("; ")
        );
        return Err(Refusal::new(Reason::Failed, model::shorten(&model::clean(&told), 800)).into());
    }
    let gone = format!("exists (select 1 from pg_roles where oid = {oid})");
    cx.sql(
        Statement::reading(by_oid(oid, "execute format('drop role %I', role)", &gone)).changing(),
    )?;
    told.push(format!("DROP ROLE, oid {oid}"));
    Ok(Outcome::Done {
        told: model::shorten(&model::clean(&told.join("; ")), 800),
        count: None,
    })
}

fn holding(cx: &mut Context<'_>, oid: u32) -> Result<Vec<(String, bool)>, Error> {
    let rows = cx.sql(Statement::reading(HOLDING).value(oid.to_string()))?;
    rows.rows
        .into_iter()
        .map(|row| match row.as_slice() {
            [Some(name), Some(open)] => Ok((name.clone(), open == "true")),
            _ => Err(misshapen("a database and a flag").into()),
        })
        .collect()
}

/// Rolls back, hands over and revokes in one database.
fn clean(
    cx: &mut Context<'_>,
    oid: u32,
    database: &str,
    heir: Option<&str>,
) -> Result<String, Error> {
    let prepared = cx.sql(
        Statement::reading(PREPARED)
            .value(oid.to_string())
            .database(database),
    )?;
    let mut rolled_back = 0;
    for gid in prepared
        .rows
        .iter()
        .filter_map(|row| row.first()?.as_deref())
    {
        // The server itself made a literal of the foreign name.
        let rollback = Statement::reading(format!("rollback prepared {gid}"));
        cx.sql(rollback.database(database).changing())?;
        rolled_back += 1;
    }
    let renamed = format!("(select oid from pg_roles where rolname = role) is distinct from {oid}");
    if let Some(heir) = heir {
        let act = format!(
            "{}; execute format('reassign owned by %I to %I', role, '{heir}'); {}",
            as_member(&format!("grant {heir} to current_user")),
            as_member(&format!("revoke {heir} from current_user")),
        );
        let block = Statement::reading(by_oid(oid, &act, &renamed));
        cx.sql(block.database(database).changing())?;
    }
    let act = "execute format('drop owned by %I', role)";
    let block = Statement::reading(by_oid(oid, act, &renamed));
    cx.sql(block.database(database).changing())?;
    Ok(match rolled_back {
        0 => "REASSIGN OWNED, DROP OWNED".to_owned(),
        n => format!("ROLLBACK PREPARED ({n}), REASSIGN OWNED, DROP OWNED"),
    })
}

/// `act` unless a superuser acts: whoever hands over to a role must be a member of it (PostgreSQL,
/// `REASSIGN OWNED`), and is one within that transaction alone.
fn as_member(act: &str) -> String {
    format!(
        "if not (select rolsuper from pg_roles where rolname = current_user) then {act}; end if"
    )
}

/// Makes the role that takes over, or makes sure that one of its name is as harmless.
fn make_heir(cx: &mut Context<'_>, oid: u32) -> Result<String, Error> {
    let heir = heir(&oid.to_string());
    let known =
        format!("select count(*)::text from pg_roles where rolname = '{heir}' and $1 <> ''");
    if number(cx, &known, oid)? == 0 {
        let make = format!(
            "create role \"{heir}\" nologin noinherit nosuperuser nocreaterole nocreatedb \
             noreplication nobypassrls"
        );
        cx.sql(Statement::reading(make).changing())?;
    }
    let harmful = format!(
        "select count(*)::text from pg_roles r where rolname = '{heir}' and $1 <> '' \
         and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication \
         or rolbypassrls or exists (select 1 from pg_auth_members where member = r.oid))"
    );
    if number(cx, &harmful, oid)? > 0 {
        let told = format!(
            "role {heir} exists and has rights; what the revoked role owned must not come under \
             it: rename it, then apply again"
        );
        return Err(Refusal::new(Reason::Failed, told).into());
    }
    Ok(heir)
}
