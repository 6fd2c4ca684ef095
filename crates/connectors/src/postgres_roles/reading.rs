//! The questions discovery asks of a server, and how their rows are read.
//!
//! Source: PostgreSQL 15 manual, chapter 53 (system catalogs) and 28.2 (`pg_stat_activity`).

use std::collections::BTreeMap;

use model::{Reason, Timestamp};

use super::verifier::{ScramSalt, stored_key};

use crate::{Context, Refusal, Rows, Statement};

/// Roles asked for at once.
pub(super) const PAGE_ROLES: usize = 500;

/// Databases asked for.
pub(super) const ALL_DATABASES_MAX: usize = 1000;

/// With more databases than this the list of those a role may connect to is not read.
pub(super) const DATABASES_MAX: usize = 100;

const CLUSTER: &str = "select (select system_identifier from pg_control_system())::text";

const DATABASES: &str = "select d.oid::text, d.datname::text, pg_get_userbyid(d.datdba)::text, \
    d.datallowconn::text, d.datistemplate::text, \
    coalesce((select json_agg(json_build_array(a.grantee::text, a.privilege_type) \
        order by a.grantee, a.privilege_type) \
      from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a), '[]')::text \
    from pg_database d order by d.oid limit 1001";

const SESSIONS: &str = "select usesysid::text, count(*)::text, \
    to_char(max(backend_start) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
    from pg_stat_activity where usesysid is not null and pid <> pg_backend_pid() \
    and coalesce(backend_type, 'client backend') in ('client backend', 'walsender') \
    group by usesysid order by usesysid";

const OWNED: &str = "select refobjid::text, count(*)::text from pg_shdepend \
    where refclassid = 'pg_authid'::regclass and deptype = 'o' \
    group by refobjid order by refobjid";

const ROLES: &str = "select r.oid::text, r.rolname::text, r.rolsuper::text, r.rolcreaterole::text, \
    r.rolcreatedb::text, r.rolreplication::text, r.rolbypassrls::text, r.rolcanlogin::text, \
    r.rolconnlimit::text, \
    case when r.rolvaliduntil = '-infinity' then '0001-01-01T00:00:00Z' \
      when r.rolvaliduntil < 'infinity' then \
      to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') end, \
    shobj_description(r.oid, 'pg_authid'), \
    coalesce((select json_agg(json_build_array(g.oid::text, g.rolname) order by g.oid) \
      from pg_roles g where g.oid in \
      (select m.roleid from pg_auth_members m where m.member = r.oid)), '[]')::text, \
    case when $2 = 'true' then \
      coalesce((select json_agg(d.datname order by d.datname) from pg_database d \
      where d.datallowconn and not d.datistemplate \
      and has_database_privilege(r.oid, d.oid, 'CONNECT')), '[]')::text end \
    from pg_roles r where r.oid > $1::oid order by r.oid limit 500";

const VERIFIERS: &str = "select oid::text, case when rolpassword is null then 'none' \
      when rolpassword like 'SCRAM-SHA-256$%' then 'scram-sha-256' \
      when rolpassword ~ '^md5[0-9a-f]{32}$' then 'md5' else 'other' end, \
    split_part(split_part(rolpassword, '$', 2), ':', 1), \
    split_part(split_part(rolpassword, '$', 2), ':', 2), \
    split_part(split_part(rolpassword, '$', 3), ':', 1) \
    from pg_authid where oid > $1::oid and oid <= $2::oid order by oid";

/// One database of the cluster.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) oid: u32,
    pub(super) name: String,
    pub(super) owner: String,
    /// Whether a role with the right may connect, and it is no template.
    pub(super) open: bool,
    /// Privileges by grantee; grantee 0 is PUBLIC.
    pub(super) grants: BTreeMap<u32, Vec<String>>,
}

/// Live sessions of one role.
#[derive(Debug)]
pub(super) struct Sessions {
    pub(super) count: u32,
    /// When the youngest began; `None` where the view hides it from us.
    pub(super) youngest: Option<Timestamp>,
}

/// One role as `pg_roles` has it.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) oid: u32,
    pub(super) name: String,
    pub(super) superuser: bool,
    /// `createrole`, `createdb`, `replication`, `bypassrls`.
    pub(super) rights: Vec<&'static str>,
    pub(super) can_log_in: bool,
    pub(super) connection_limit: Option<i64>,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) comment: Option<String>,
    /// Oid and name of each role it is a direct member of.
    pub(super) member_of: Vec<(u32, String)>,
    /// Names of databases it may connect to; `None` if that was not asked.
    pub(super) databases: Option<Vec<String>>,
}

/// A role's password verifier, without what would let anybody in.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `none`, `scram-sha-256`, `md5` or `other`.
    pub(super) kind: String,
    pub(super) iterations: String,
    pub(super) salt: String,
    pub(super) stored_key: String,
}

impl Verifier {
    /// What has to be known to compute it, where a password can be compared with it at all.
    pub(super) fn computable(&self) -> Option<ScramSalt> {
        let salt = ScramSalt::new(&self.iterations, &self.salt)?;
        let whole = stored_key(&self.stored_key).is_some();
        (self.kind == "scram-sha-256" && whole).then_some(salt)
    }
}

/// Identifier of the cluster, the same on its standbys.
pub(super) fn cluster(cx: &mut Context<'_>) -> Result<String, Refusal> {
    let rows = cx.sql(Statement::reading(CLUSTER))?;
    let id = rows
        .rows
        .first()
        .and_then(|row| row.first().cloned().flatten());
    let digits = |id: &String| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
    id.filter(digits)
        .ok_or_else(|| misshapen("a system identifier"))
}

pub(super) fn databases(cx: &mut Context<'_>) -> Result<Vec<Database>, Refusal> {
    each(&cx.sql(Statement::reading(DATABASES))?, 6, |row| {
        let mut grants: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for (grantee, privilege) in pairs(row.text(5)?)? {
            grants
                .entry(number(&grantee)?)
                .or_default()
                .push(privilege.to_lowercase());
        }
        Ok(Database {
            oid: number(row.text(0)?)?,
            name: row.text(1)?.to_owned(),
            owner: row.text(2)?.to_owned(),
            open: row.flag(3)? && !row.flag(4)?,
            grants,
        })
    })
}

pub(super) fn sessions(cx: &mut Context<'_>) -> Result<BTreeMap<u32, Sessions>, Refusal> {
    let rows = cx.sql(Statement::reading(SESSIONS))?;
    let found = each(&rows, 3, |row| {
        Ok((
            number(row.text(0)?)?,
            Sessions {
                count: number(row.text(1)?)?,
                youngest: row.optional(2).map(instant).transpose()?,
            },
        ))
    })?;
    Ok(found.into_iter().collect())
}

/// How many objects each role owns, over all databases.
pub(super) fn owned(cx: &mut Context<'_>) -> Result<BTreeMap<u32, u32>, Refusal> {
    let rows = cx.sql(Statement::reading(OWNED))?;
    let found = each(&rows, 2, |row| {
        Ok((number(row.text(0)?)?, number(row.text(1)?)?))
    })?;
    Ok(found.into_iter().collect())
}

/// The next roles after oid `after`, at most [`PAGE_ROLES`].
pub(super) fn roles(
    cx: &mut Context<'_>,
    after: u32,
    with_databases: bool,
) -> Result<Vec<Role>, Refusal> {
    let ask = Statement::reading(ROLES)
        .value(after.to_string())
        .value(with_databases.to_string());
    each(&cx.sql(ask)?, 13, |row| {
        let named = ["createrole", "createdb", "replication", "bypassrls"];
        let mut rights = Vec::new();
        for (column, right) in (3..).zip(named) {
            if row.flag(column)? {
                rights.push(right);
            }
        }
        let member_of = pairs(row.text(11)?)?;
        let limit: i64 = row
            .text(8)?
            .parse()
            .map_err(|_| misshapen("a connection limit"))?;
        Ok(Role {
            oid: number(row.text(0)?)?,
            name: row.text(1)?.to_owned(),
            superuser: row.flag(2)?,
            rights,
            can_log_in: row.flag(7)?,
            connection_limit: (limit >= 0).then_some(limit),
            valid_until: row.optional(9).map(instant).transpose()?,
            comment: row.optional(10).map(str::to_owned),
            member_of: member_of
                .into_iter()
                .map(|(oid, name)| Ok((number(&oid)?, name)))
                .collect::<Result<_, Refusal>>()?,
            databases: row.optional(12).map(names).transpose()?,
        })
    })
}

/// Verifiers of roles with `after` < oid ≤ `until`.
pub(super) fn verifiers(
    cx: &mut Context<'_>,
    after: u32,
    until: u32,
) -> Result<BTreeMap<u32, Verifier>, Refusal> {
    let ask = Statement::reading(VERIFIERS)
        .value(after.to_string())
        .value(until.to_string());
    let found = each(&cx.sql(ask)?, 5, |row| {
        let part = |n| row.optional(n).unwrap_or_default().to_owned();
        Ok((
            number(row.text(0)?)?,
            Verifier {
                kind: row.text(1)?.to_owned(),
                iterations: part(2),
                salt: part(3),
                stored_key: part(4),
            },
        ))
    })?;
    Ok(found.into_iter().collect())
}

/// One row with as many columns as were asked for.
struct Row<'a>(&'a [Option<String>]);

impl Row<'_> {
    fn optional(&self, column: usize) -> Option<&str> {
        self.0.get(column).and_then(Option::as_deref)
    }
    fn text(&self, column: usize) -> Result<&str, Refusal> {
        self.optional(column)
            .ok_or_else(|| misshapen("a value, got null"))
    }
    fn flag(&self, column: usize) -> Result<bool, Refusal> {
        match self.text(column)? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(misshapen("`true` or `false`")),
        }
    }
}

fn each<T>(
    rows: &Rows,
    columns: usize,
    read: impl Fn(&Row<'_>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    rows.rows
        .iter()
        .map(|row| {
            if row.len() != columns {
                return Err(misshapen("another number of columns"));
            }
            read(&Row(row))
        })
        .collect()
}

pub(super) fn misshapen(expected: &str) -> Refusal {
    Refusal::new(
        Reason::Failed,
        format!("the server's answer breaks the catalog's documented form: expected {expected}"),
    )
}

fn number(text: &str) -> Result<u32, Refusal> {
    text.parse().map_err(|_| misshapen("a number of 32 bits"))
}

fn instant(text: &str) -> Result<Timestamp, Refusal> {
    text.parse().map_err(|_| misshapen("a time"))
}

fn pairs(json: &str) -> Result<Vec<(String, String)>, Refusal> {
    serde_json::from_str(json).map_err(|_| misshapen("a list of pairs"))
}

fn names(json: &str) -> Result<Vec<String>, Refusal> {
    serde_json::from_str(json).map_err(|_| misshapen("a list of names"))
}
