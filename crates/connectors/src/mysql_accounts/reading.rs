//! The questions discovery asks of a server, and how their rows are read.

use std::collections::BTreeMap;

use model::{Reason, Timestamp};

use super::Granted;
use crate::{Context, Refusal, Rows, Statement};

/// Accounts asked for at once.
const PAGE_ACCOUNTS: usize = 500;

/// Who has more accounts on one server has made something else of it.
const ACCOUNTS_MAX: usize = 200_000;

/// The year 10,000: no password was changed after it.
const SECONDS_MAX: i64 = 253_402_300_800;

/// `@@server_uid` and `@@server_uuid` are each unknown to the other server.
const VERSION: &str = "select version()";
const MARIADB_ID: &str = "select @@server_uid";
const MYSQL_ID: &str = "select @@server_uuid";

const MARIADB_ACCOUNTS: &str = "select User, Host, json_value(Priv, '$.plugin'), \
    json_value(Priv, '$.authentication_string'), json_value(Priv, '$.password_last_changed'), \
    json_value(Priv, '$.account_locked'), json_value(Priv, '$.is_role'), \
    json_value(Priv, '$.password_lifetime'), json_query(Priv, '$.auth_or'), \
    json_value(Priv, '$.access') \
    from mysql.global_priv where (User, Host) > (?, ?) order by User, Host limit 500";

/// Roles of MySQL are accounts that are locked and have no password.
const MYSQL_ACCOUNTS: &str = "select User, Host, plugin, \
    cast(authentication_string as char), unix_timestamp(password_last_changed), \
    account_locked = 'Y', account_locked = 'Y' and authentication_string = '', \
    password_lifetime, null, null \
    from mysql.user where (User, Host) > (?, ?) order by User, Host limit 500";

const LIFETIME: &str = "select @@global.default_password_lifetime";

const RIGHTS: &str = "select GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE \
    from information_schema.user_privileges order by GRANTEE, PRIVILEGE_TYPE";

const DATABASES: &str = "select TABLE_SCHEMA, GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE \
    from information_schema.schema_privileges order by TABLE_SCHEMA, GRANTEE, PRIVILEGE_TYPE";

const MARIADB_ROLES: &str =
    "select User, Host, Role, '' from mysql.roles_mapping order by User, Host, Role";

const MYSQL_ROLES: &str = "select TO_USER, TO_HOST, FROM_USER, FROM_HOST from mysql.role_edges \
    order by TO_USER, TO_HOST, FROM_USER, FROM_HOST";

const SESSIONS: &str = "select USER, count(*), min(TIME) from information_schema.PROCESSLIST \
    where ID <> connection_id() and COMMAND <> 'Daemon' group by USER order by USER";

/// What the bits of `access` in MariaDB's accounts stand for, from the lowest on (MariaDB's
/// source, `sql/privilege.h`). `information_schema` says the same of accounts and nothing of roles.
const ACCESS: &[&str] = &[
    "select",
    "insert",
    "update",
    "delete",
    "create",
    "drop",
    "reload",
    "shutdown",
    "process",
    "file",
    GRANT,
    "references",
    "index",
    "alter",
    "show databases",
    "super",
    "create temporary tables",
    "lock tables",
    "execute",
    "replication slave",
    "binlog monitor",
    "create view",
    "show view",
    "create routine",
    "alter routine",
    "create user",
    "event",
    "trigger",
    "create tablespace",
    "delete history",
    "set user",
    "federated admin",
    "connection admin",
    "read_only admin",
    "replication slave admin",
    "replication master admin",
    "binlog admin",
    "binlog replay",
    "slave monitor",
];

/// The right to pass on one's rights.
const GRANT: &str = "grant option";

/// Whose server it is, and which one.
#[derive(Clone, Debug)]
pub(super) struct Which {
    pub(super) mariadb: bool,
    /// The server's own unique id, where it tells one.
    pub(super) id: Option<String>,
}

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) host: String,
    /// How it logs in, as the server names its plugins: the first is asked first.
    pub(super) ways: Vec<Way>,
    pub(super) changed: Option<Timestamp>,
    /// The password counts as expired until it is changed.
    pub(super) expired: bool,
    pub(super) locked: bool,
    pub(super) is_role: bool,
    /// Days for which a password is good; none where the server's own number counts.
    pub(super) lifetime: Option<i64>,
    /// What it may do on the whole server, where its own line says so.
    pub(super) rights: Option<Rights>,
}

/// One way to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) plugin: String,
    /// What the server keeps to know the password by.
    pub(super) kept: String,
}

/// Live sessions of one user, whatever its account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sessions {
    pub(super) count: i64,
    /// Seconds since the one that was busy last did something.
    pub(super) idle: i64,
}

/// Global rights of one grantee.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    pub(super) named: Vec<String>,
    pub(super) may_grant: bool,
}

/// `user@host`: what an account is called, here and in `information_schema` (in quotes there).
pub(super) fn named(user: &str, host: &str) -> String {
    format!("{user}@{host}")
}

/// Whose server it is; and why its id is not known, if it is not: older ones have none.
///
/// # Errors
/// It does not even tell its version.
pub(super) fn which(cx: &mut Context<'_>) -> Result<(Which, Option<Refusal>), Refusal> {
    let version = one(cx, VERSION)?.ok_or_else(|| misshapen("a version"))?;
    let mariadb = version.to_ascii_lowercase().contains("mariadb");
    let asked = if mariadb { MARIADB_ID } else { MYSQL_ID };
    let plain = |id: &String| {
        let well = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '/' | '=');
        (8..=64).contains(&id.len()) && id.chars().all(well)
    };
    let (id, unknown) = match one(cx, asked) {
        Ok(id) => (id.filter(plain), None),
        Err(refusal) => (None, Some(refusal)),
    };
    Ok((Which { mariadb, id }, unknown))
}

/// Every account, in order of user and host.
pub(super) fn accounts(cx: &mut Context<'_>, mariadb: bool) -> Result<Vec<Account>, Refusal> {
    let text = if mariadb {
        MARIADB_ACCOUNTS
    } else {
        MYSQL_ACCOUNTS
    };
    let mut all: Vec<Account> = Vec::new();
    let mut after = (String::new(), String::new());
    loop {
        let asked = Statement::reading(text)
            .value(after.0.clone())
            .value(after.1.clone());
        let page = cx.sql(asked)?.rows;
        let whole = page.len() < PAGE_ACCOUNTS;
        for row in &page {
            all.push(account(row).ok_or_else(|| misshapen("a user, a host and how they log in"))?);
        }
        let last = all.last().map(|one| (one.user.clone(), one.host.clone()));
        match last {
            Some(last) if last == after && !page.is_empty() => {
                let told = "the server repeats itself: accounts do not come in order";
                return Err(Refusal::new(Reason::Failed, told));
            }
            Some(last) if !whole && all.len() < ACCOUNTS_MAX => after = last,
            _ if whole => return Ok(all),
            _ => {
                let told = format!("more than {ACCOUNTS_MAX} accounts");
                return Err(Refusal::new(Reason::Unsupported, told));
            }
        }
    }
}

fn account(row: &[Option<String>]) -> Option<Account> {
    let [
        user,
        host,
        plugin,
        kept,
        changed,
        locked,
        is_role,
        lifetime,
        others,
        access,
    ] = row
    else {
        return None;
    };
    let is = |cell: &Option<String>| matches!(cell.as_deref(), Some("1" | "true"));
    let changed = changed.as_deref().map(seconds);
    let first = Way {
        plugin: plugin
            .clone()
            .unwrap_or_else(|| "mysql_native_password".to_owned()),
        kept: kept.clone().unwrap_or_default(),
    };
    Some(Account {
        user: user.clone()?,
        host: host.clone().unwrap_or_default(),
        ways: ways(first, others.as_deref()),
        // MariaDB's word for a password that has to be changed before anything else.
        expired: changed == Some(Some(0)),
        changed: changed
            .flatten()
            .filter(|seconds| (1..SECONDS_MAX).contains(seconds))
            .map(Timestamp::from_seconds),
        locked: is(locked),
        is_role: is(is_role),
        lifetime: lifetime.as_deref().and_then(|days| days.parse().ok()),
        rights: access
            .as_deref()
            .and_then(|bits| bits.parse().ok())
            .map(granted),
    })
}

/// The rights whose bits are set.
fn granted(access: u64) -> Rights {
    let set = |(bit, name): (usize, &&str)| (access >> bit & 1 == 1).then(|| (*name).to_owned());
    let (grant, named): (Vec<_>, Vec<_>) = ACCESS
        .iter()
        .enumerate()
        .filter_map(set)
        .partition(|name| name == GRANT);
    Rights {
        named,
        may_grant: !grant.is_empty(),
    }
}

/// Seconds since 1970, with or without a fraction.
fn seconds(text: &str) -> Option<i64> {
    text.split('.').next()?.parse().ok()
}

/// The ways that `auth_or` lists; an empty entry stands for `first`, at its place.
fn ways(first: Way, others: Option<&str>) -> Vec<Way> {
    let listed = others.and_then(|text| serde_json::from_str::<Vec<serde_json::Value>>(text).ok());
    let Some(listed) = listed else {
        return vec![first];
    };
    let text = |one: &serde_json::Value, name: &str| {
        one.get(name)
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    let each = listed.iter().take(16).map(|one| match text(one, "plugin") {
        Some(plugin) => Way {
            plugin,
            kept: text(one, "authentication_string").unwrap_or_default(),
        },
        None => first.clone(),
    });
    each.collect()
}

/// Days for which a password is good where the account says nothing; none where for ever.
pub(super) fn lifetime(cx: &mut Context<'_>) -> Result<Option<i64>, Refusal> {
    let days = one(cx, LIFETIME)?.and_then(|days| days.parse().ok());
    Ok(days.filter(|days| *days > 0))
}

/// Global rights by grantee, of MySQL. Without the right to read `mysql.*` a server tells our own alone, so
/// nothing may be concluded from what is not there.
pub(super) fn rights(cx: &mut Context<'_>) -> Result<BTreeMap<String, Rights>, Refusal> {
    let mut all: BTreeMap<String, Rights> = BTreeMap::new();
    for row in cx.sql(Statement::reading(RIGHTS))?.rows {
        let [Some(grantee), Some(right), grantable] = &row[..] else {
            return Err(misshapen("a grantee and a right"));
        };
        let rights = all.entry(unquoted(grantee)).or_default();
        rights.may_grant |= grantable.as_deref() == Some("YES");
        if right != "USAGE" {
            rights.named.push(right.to_ascii_lowercase());
        }
    }
    Ok(all)
}

/// Rights on databases as a whole, by database and grantee.
pub(super) fn databases(cx: &mut Context<'_>) -> Result<BTreeMap<String, Granted>, Refusal> {
    let mut all: BTreeMap<String, Granted> = BTreeMap::new();
    for row in cx.sql(Statement::reading(DATABASES))?.rows {
        let [Some(database), Some(grantee), Some(right), _] = &row[..] else {
            return Err(misshapen("a database, a grantee and a right"));
        };
        let granted = all.entry(database.clone()).or_default();
        granted
            .entry(unquoted(grantee))
            .or_default()
            .push(right.to_ascii_lowercase());
    }
    Ok(all)
}

/// Who is in which role, by account.
pub(super) fn roles(
    cx: &mut Context<'_>,
    mariadb: bool,
) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
    let text = if mariadb { MARIADB_ROLES } else { MYSQL_ROLES };
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in cx.sql(Statement::reading(text))?.rows {
        let [Some(user), host, Some(role), at] = &row[..] else {
            return Err(misshapen("an account and its role"));
        };
        let host = host.as_deref().unwrap_or_default();
        let role = named(role, at.as_deref().unwrap_or_default());
        all.entry(named(user, host)).or_default().push(role);
    }
    Ok(all)
}

/// Live sessions by user.
pub(super) fn sessions(cx: &mut Context<'_>) -> Result<BTreeMap<String, Sessions>, Refusal> {
    let mut all = BTreeMap::new();
    for row in cx.sql(Statement::reading(SESSIONS))?.rows {
        let [Some(user), Some(count), idle] = &row[..] else {
            return Err(misshapen("a user and a number of sessions"));
        };
        let count = count
            .parse()
            .map_err(|_| misshapen("a number of sessions"))?;
        let idle = idle.as_deref().and_then(seconds).unwrap_or_default().max(0);
        all.insert(user.clone(), Sessions { count, idle });
    }
    Ok(all)
}

/// `'user'@'host'` as [`named`] has it. Quotes within are not escaped there.
fn unquoted(grantee: &str) -> String {
    let inner = grantee
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    match inner.and_then(|inner| inner.rsplit_once("'@'")) {
        Some((user, host)) => named(user, host),
        // A role of MariaDB stands without a host.
        None => named(inner.unwrap_or(grantee), ""),
    }
}

/// The one cell of the one row.
fn one(cx: &mut Context<'_>, text: &str) -> Result<Option<String>, Refusal> {
    let Rows { rows, .. } = cx.sql(Statement::reading(text))?;
    Ok(rows
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().next().flatten()))
}

fn misshapen(expected: &str) -> Refusal {
    Refusal::new(
        Reason::Failed,
        format!("expected {expected} from the server, got something else"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grantee_is_the_account_it_names() {
        for (grantee, expected) in [
            ("'app'@'%'", "app@%"),
            ("'o'brien'@'db'", "o'brien@db"),
            ("'a'@'b'@'%'", "a'@'b@%"),
            ("'reader'@''", "reader@"),
            ("reader", "reader@"),
        ] {
            assert_eq!(unquoted(grantee), expected, "{grantee}");
        }
    }

    #[test]
    fn the_bits_of_mariadb_are_rights() {
        let all = granted((1 << 39) - 1);
        assert_eq!(all.named.len(), 38);
        assert!(all.may_grant && all.named.iter().any(|right| right == "super"));
        let some = granted(1 | 1 << 15);
        assert_eq!(some.named, ["select", "super"]);
        assert!(!some.may_grant);
        // A server of tomorrow may have more.
        assert_eq!(granted(1 << 63).named.len(), 0);
    }

    #[test]
    fn an_account_may_log_in_by_several_ways() {
        let first = Way {
            plugin: "mysql_native_password".to_owned(),
            kept: "*AB".to_owned(),
        };
        let told = ways(first.clone(), Some(r#"[{"plugin":"unix_socket"},{}]"#));
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].plugin, "unix_socket");
        assert_eq!(told[1], first);
        for others in [Some("no json"), None] {
            assert_eq!(ways(first.clone(), others), std::slice::from_ref(&first));
        }
    }
}
