//! PostgreSQL: roles, their passwords and what they may connect to.
//!
//! Source: PostgreSQL 15 manual, chapters 22 (database roles) and 53 (system catalogs).
//!
//! A role is known by its oid, which survives a rename and is never given again to a role of
//! the same name. Where the collector may read `pg_authid`, each password is one credential,
//! named by the fingerprint of its SCRAM StoredKey; a password seen in a file is matched to it
//! without a login.
//!
//! **Deliberately absent:** rights on tables. They are many, they lie in every database by
//! itself, and the reach of a role is another connector's question.

mod endpoint;
mod judge;
mod reading;
mod removal;
mod revoke;
mod verifier;
mod written;

use std::collections::BTreeMap;

use model::{Reason, Scope};

pub use endpoint::{endpoint, endpoint_with, login_key};
pub use verifier::{Compared, ITERATIONS_MAX, ScramSalt};

use crate::database;
use crate::{Connector, Context, Dialect, PortKind, Refusal, Revoker, Spec, Stop};
use reading::{Role, Verifier};
use written::Cluster;

/// Roles of one PostgreSQL cluster.
#[derive(Debug)]
pub struct PostgresRoles;

/// The usual port.
const PORT: u16 = 5432;

/// What lets verifiers be read, in the words of PostgreSQL.
const NEEDS_VERIFIERS: &str =
    "SELECT on pg_authid (superuser), to compare passwords with verifiers";

static SPEC: Spec = Spec {
    name: "postgres_roles",
    reads: "login and group roles of a PostgreSQL cluster, their passwords' verifiers, live sessions",
    named: "postgres://USER@HOST/DATABASE",
    target: "host:port",
    port: PortKind::Sql(Dialect::Postgres),
    needs_to_discover: &[
        "CONNECT on one database",
        "pg_read_all_stats, to tell when live sessions began",
        NEEDS_VERIFIERS,
    ],
    needs_to_act: &[
        "superuser; or CREATEROLE and pg_signal_backend with membership of the role, \
         which is not enough for superusers and for objects only superusers may own",
        "CONNECT on every database in which the role owns something or was granted something",
    ],
    scopes: &["roles | passwords | sessions | owned | databases"],
};

impl Connector for PostgresRoles {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        database::named(cx, PORT)
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut cluster = Cluster {
            endpoints: database::endpoints(cx, PORT),
            ..Cluster::default()
        };
        match reading::cluster(cx) {
            Ok(id) => cluster.id = Some(id),
            Err(refusal) if judge::keeps_out(&refusal) => {
                // One refused login is enough: more of them could lock the collector out.
                return cx.gap(
                    &Scope::whole(),
                    &refusal,
                    Some("a role with LOGIN and CONNECT on one database"),
                );
            }
            Err(refusal) => cx.gap(
                &Scope::of("cluster"),
                &refusal,
                Some("EXECUTE on pg_control_system()"),
            )?,
        }
        // First of all, so that sessions of our own are not among them.
        match reading::sessions(cx) {
            Ok(sessions) => cluster.sessions = Some(sessions),
            Err(refusal) => cx.gap(
                &Scope::of("sessions"),
                &refusal,
                Some("SELECT on pg_stat_activity"),
            )?,
        }
        match reading::owned(cx) {
            Ok(owned) => cluster.owned = Some(owned),
            Err(refusal) => cx.gap(&Scope::of("owned"), &refusal, Some("SELECT on pg_shdepend"))?,
        }
        let few = discover_databases(cx, &cluster)?;
        discover_roles(cx, &cluster, few)
    }

    fn revoker(&self) -> Option<&'static dyn Revoker> {
        Some(&revoke::PostgresRevoker)
    }
}

/// Databases as resources, with who was granted what on them; whether they are few enough to
/// tell for each role which of them it may connect to.
fn discover_databases(cx: &mut Context<'_>, cluster: &Cluster) -> Result<bool, Stop> {
    let scope = Scope::of("databases");
    let databases = match reading::databases(cx) {
        Ok(databases) => databases,
        Err(refusal) => {
            cx.gap(&scope, &refusal, Some("SELECT on pg_database"))?;
            return Ok(false);
        }
    };
    let few = databases.len() <= reading::DATABASES_MAX;
    if !few {
        let told = format!(
            "more than {} databases: which of them a role may connect to is not read",
            reading::DATABASES_MAX
        );
        cx.gap(
            &Scope::of("connect"),
            &Refusal::new(Reason::Unsupported, told),
            None,
        )?;
    }
    if databases.len() > reading::ALL_DATABASES_MAX {
        let told = format!("more than {} databases", reading::ALL_DATABASES_MAX);
        cx.gap(&scope, &Refusal::new(Reason::Unsupported, told), None)?;
    }
    for database in databases.into_iter().take(reading::ALL_DATABASES_MAX) {
        for observation in cluster.database(&scope, &database) {
            cx.observe(observation);
        }
    }
    Ok(few)
}

fn discover_roles(
    cx: &mut Context<'_>,
    cluster: &Cluster,
    with_databases: bool,
) -> Result<(), Stop> {
    let scope = Scope::of("roles");
    let mut readable = true;
    let mut after = 0;
    loop {
        let page = match reading::roles(cx, after, with_databases) {
            Ok(page) => page,
            Err(refusal) => {
                cx.gap(&Scope::of("passwords"), &refusal, None)?;
                return cx.gap(&scope, &refusal, Some("SELECT on pg_roles"));
            }
        };
        let Some(last) = page.last().map(|role| role.oid) else {
            return Ok(());
        };
        if last <= after {
            let told = "the server repeats itself: roles do not come in order of their oids";
            return cx.gap(&scope, &Refusal::new(Reason::Failed, told), None);
        }
        let verifiers = if readable {
            match reading::verifiers(cx, after, last) {
                Ok(verifiers) => Some(verifiers),
                Err(refusal) => {
                    readable = false;
                    cx.gap(&Scope::of("passwords"), &refusal, Some(NEEDS_VERIFIERS))?;
                    None
                }
            }
        } else {
            None
        };
        for role in &page {
            observe_role(cx, cluster, role, verifiers.as_ref());
        }
        if page.len() < reading::PAGE_ROLES {
            return Ok(());
        }
        after = last;
    }
}

fn observe_role(
    cx: &mut Context<'_>,
    cluster: &Cluster,
    role: &Role,
    verifiers: Option<&BTreeMap<u32, Verifier>>,
) {
    // Predefined roles are rights with a name: nobody is one, and no password opens them.
    if role.name.starts_with("pg_") {
        cx.set_aside("predefined role");
        return;
    }
    let verifier = verifiers.and_then(|all| all.get(&role.oid));
    cx.observe(cluster.role(&Scope::of("roles"), role, verifier));
    let scope = Scope::of("passwords");
    let password = match verifiers {
        None if role.can_log_in => Some(cluster.unread_password(&scope, role)),
        None => None,
        Some(_) => verifier
            .filter(|verifier| verifier.kind != "none")
            .map(|verifier| {
                let fingerprint = verifier::stored_key(&verifier.stored_key)
                    .filter(|_| verifier.kind == "scram-sha-256")
                    .map(|stored| cx.fingerprint(&stored));
                cluster.password(&scope, role, verifier, fingerprint.as_ref())
            }),
    };
    if let Some(password) = password {
        cx.observe(password);
    }
}
