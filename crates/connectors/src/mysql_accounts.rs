//! MariaDB and MySQL: accounts, how they log in, what they may do.
//!
//! Source: MariaDB 10.11 manual, "mysql.global_priv Table" and "Account Locking"; MySQL 8.0
//! manual, section 6.2.3 (grant tables).
//!
//! An account is a user *and* the hosts it may come from, and has no id: one that was dropped and
//! made again under its name is the same account here. An address names the user alone, so of
//! several accounts of one user the widest bears the login, and a password found elsewhere opens
//! the widest that keeps it.
//!
//! **Deliberately absent:** rights on tables, columns and routines. They are many, and the reach
//! of an account is another connector's question.

mod reading;
mod written;

use std::collections::BTreeMap;

use model::Scope;

use crate::database;
use crate::{Connector, Context, Dialect, PortKind, Refusal, Spec, Stop};
use reading::Account;
use written::Server;

/// Accounts of one server.
#[derive(Debug)]
pub(crate) struct MysqlAccounts;

/// What lets accounts be read.
const NEEDS_ACCOUNTS: &str = "SELECT on mysql.global_priv (MariaDB) or mysql.user (MySQL)";

static SPEC: Spec = Spec {
    name: "mysql_accounts",
    reads: "accounts and roles of a MariaDB or MySQL server, how they log in, their rights on databases, live sessions",
    named: "mysql://USER@HOST[:PORT]",
    target: "host:port",
    port: PortKind::Sql(Dialect::Mysql),
    needs_to_discover: &[
        NEEDS_ACCOUNTS,
        "SELECT on mysql.*, to tell the rights of others and who is in which role",
        "PROCESS, to count live sessions",
    ],
    needs_to_act: &[],
    scopes: &["server | accounts | rights | databases | roles | sessions"],
};

impl Connector for MysqlAccounts {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        database::named(cx, PORT)
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let which = match reading::which(cx) {
            Ok((which, unknown)) => {
                if let Some(refusal) = unknown {
                    cx.gap(&Scope::of("server"), &refusal, None)?;
                }
                which
            }
            // One refused login is enough: more of them could lock the collector out.
            Err(refusal) => {
                return cx.gap(
                    &Scope::whole(),
                    &refusal,
                    Some("an account that may log in"),
                );
            }
        };
        let accounts = match reading::accounts(cx, which.mariadb) {
            Ok(accounts) => accounts,
            Err(refusal) => {
                return cx.gap(&Scope::of("accounts"), &refusal, Some(NEEDS_ACCOUNTS));
            }
        };
        let mariadb = which.mariadb;
        let mut server = Server::new(which, database::endpoints(cx, PORT), &accounts);
        server.lifetime = or_gap(cx, "accounts", None, reading::lifetime)?.flatten();
        server.rights = if mariadb {
            Some(written::rights_of(&accounts))
        } else {
            or_gap(cx, "rights", Some(NEEDS_RIGHTS), reading::rights)?
        };
        server.roles = or_gap(cx, "roles", Some(NEEDS_RIGHTS), |cx| {
            reading::roles(cx, mariadb)
        })?;
        server.sessions = or_gap(cx, "sessions", Some("PROCESS"), reading::sessions)?;
        let scope = Scope::of("accounts");
        for account in &accounts {
            observe_account(cx, &server, &scope, account);
        }
        let grants = or_gap(cx, "databases", Some(NEEDS_RIGHTS), reading::databases)?;
        for (name, granted) in grants.unwrap_or_default() {
            for one in server.database(&Scope::of("databases"), &name, &granted) {
                cx.observe(one);
            }
        }
        Ok(())
    }
}

const NEEDS_RIGHTS: &str = "SELECT on mysql.*";

/// The usual port.
const PORT: u16 = 3306;

/// The answer to one of several questions; where it is refused, a gap.
fn or_gap<'a, T>(
    cx: &mut Context<'a>,
    scope: &str,
    needs: Option<&str>,
    ask: impl FnOnce(&mut Context<'a>) -> Result<T, Refusal>,
) -> Result<Option<T>, Stop> {
    match ask(cx) {
        Ok(answer) => Ok(Some(answer)),
        Err(refusal) => {
            cx.gap(&Scope::of(scope), &refusal, needs)?;
            Ok(None)
        }
    }
}

fn observe_account(cx: &mut Context<'_>, server: &Server, scope: &Scope, account: &Account) {
    // Made by the server for itself: nobody can log in as one.
    if matches!(
        account.user.as_str(),
        "mariadb.sys" | "mysql.sys" | "mysql.session" | "mysql.infoschema"
    ) {
        cx.set_aside("account of the server itself");
        return;
    }
    cx.observe(server.account(scope, account));
    if let Some(password) = server.password(cx, scope, account) {
        cx.observe(password);
    }
}

/// Grants on one database, by grantee.
type Granted = BTreeMap<String, Vec<String>>;
