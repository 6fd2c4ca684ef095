//! Ends a PostgreSQL password: cut first, end sessions, then remove the role (revocation.md 4.1).
//!
//! **Invariant:** after the plan is made a role is named by its oid alone. Every change looks the
//! name up by oid and checks the oid afterwards in one and the same transaction, so a role that
//! took over the name in between is never touched. Held by
//! `a_role_that_took_over_the_name_is_not_touched`.

use model::{
    Attribute, CredentialType, Duration, Entity, Kind, Outcome, Path, Probed, Relation, Step,
    StepKind, Subject, Survivor, Target, Window,
};

use super::judge;
use super::reading::misshapen;
use super::removal;
use super::written::role_native;
use crate::{Context, Declared, Error, Handle, Refusal, Revoker, Rows, Standing, Statement, Whom};

/// Revokes passwords of PostgreSQL roles.
#[derive(Debug)]
pub(super) struct PostgresRevoker;

static DECLARED: Declared = Declared {
    credential: CredentialType::PostgresPassword,
    calls: &[
        "ALTER ROLE … NOLOGIN PASSWORD NULL VALID UNTIL '-infinity'",
        "pg_terminate_backend for every session of the role's oid",
        "ROLLBACK PREPARED, REASSIGN OWNED, DROP OWNED, DROP ROLE",
    ],
    denials: judge::DENIALS,
    already_absent: &["the oid is not in pg_roles"],
    window: Window {
        denials: 3,
        over: Duration::seconds(5),
        first_after: Duration::seconds(0),
    },
    windows: &[],
    paths: &[Path::NewLogin, Path::HeldSession],
    children: &[
        (
            "held_session",
            "ended by pg_terminate_backend and counted by usesysid, which SET ROLE does not change",
        ),
        (
            "prepared_transaction",
            "rolled back before the role is dropped",
        ),
        (
            "token",
            "none: PostgreSQL mints nothing that outlives a session",
        ),
    ],
    revives: "not once dropped: an oid is not given again; until then ALTER ROLE … LOGIN PASSWORD revives it",
    probe_pause_ms: 200,
};

/// Below it lie the roles that `initdb` makes; the server refuses to drop them
/// (PostgreSQL, `FirstNormalObjectId`).
const FIRST_NORMAL_OID: u32 = 16_384;

/// A live session of the very role, whatever `SET ROLE` says.
const WHO: &str = "select (select oid::text from pg_roles where rolname = session_user), \
    session_user::text";

const STANDING: &str = "select r.oid::text, coalesce(r.rolcanlogin, false)::text, \
    (select count(*) from pg_stat_activity a where a.usesysid = $1::oid)::text \
    from (values (1)) one left join pg_roles r on r.oid = $1::oid";

const SESSIONS: &str = "select count(*)::text from pg_stat_activity where usesysid = $1::oid";

/// Signals all at once, so that one that is slow to go does not keep the others alive.
const SIGNAL: &str = "select count(pg_terminate_backend(pid))::text \
    from pg_stat_activity where usesysid = $1::oid";

/// What did not go at once: waits for each, in steps of 100 ms (PostgreSQL,
/// `pg_wait_until_termination`), so it comes last.
const TERMINATE: &str = "select count(pg_terminate_backend(pid, 2000))::text \
    from pg_stat_activity where usesysid = $1::oid";

/// A signalled session is gone within milliseconds: as many looks, so far apart.
const LOOKS: usize = 20;
const LOOK_AGAIN: &str = "select pg_sleep(0.005)::text";

impl Revoker for PostgresRevoker {
    fn declares(&self) -> &'static Declared {
        &DECLARED
    }

    fn handle(&self, credential: &Entity, holder: Option<&Entity>) -> Result<Handle, Error> {
        let unknown = |missing| Error::Unknown {
            missing,
            todo: "collect the PostgreSQL server it opens (`keyroll scan postgres_roles:HOST:PORT`)",
        };
        let holder = holder.ok_or_else(|| unknown("the role that it opens"))?;
        let member = holder
            .members
            .iter()
            .filter(|member| member.sighting.kind == Kind::Identity)
            .find(|member| member.sighting.source.connector() == super::SPEC.name)
            .ok_or_else(|| unknown("the role's oid"))?;
        let native = member.sighting.native.clone();
        let oid = oid_of(&native)?;
        if oid < FIRST_NORMAL_OID {
            return Err(Error::NotOffered {
                act: "revoke a role that the cluster itself is made of; change its password instead",
            });
        }
        // Two roles behind one credential: cutting one of them would be a guess.
        let other = credential.links.iter().any(|(source, link)| {
            link.relation == Relation::Holder
                && *source == member.sighting.source
                && matches!(&link.to, Target::Native { native: to, .. } if *to != native)
        });
        if other {
            return Err(unknown("which of two roles it opens"));
        }
        let role = holder
            .text(&Attribute::USER)
            .or_else(|| holder.text(&Attribute::NAME))
            .ok_or_else(|| unknown("the role's name"))?;
        let databases = holder
            .fact(&Attribute::named("databases"))
            .is()
            .and_then(|value| value.list())
            .unwrap_or_default();
        let database = databases
            .iter()
            .find(|name| *name == "postgres")
            .or_else(|| databases.first());
        let mut handle = std::collections::BTreeMap::from([
            ("oid".to_owned(), oid.to_string()),
            ("user".to_owned(), role.to_owned()),
        ]);
        if let Some(database) = database {
            handle.insert("database".to_owned(), database.clone());
        }
        Ok(Handle {
            source: member.sighting.source.clone(),
            principal: native.clone(),
            native,
            handle,
        })
    }

    fn steps(&self, subject: &Subject) -> Vec<Step> {
        let role = subject.handle.get("user").map_or("", String::as_str);
        let oid = subject.handle.get("oid").map_or("", String::as_str);
        let name = model::clean(&Statement::quoted(role).unwrap_or_default());
        let says = [
            (
                StepKind::Control,
                format!("log in with the password and find {name}, oid {oid}; keep that session open"),
            ),
            (
                StepKind::Cut,
                format!("ALTER ROLE {name} NOLOGIN PASSWORD NULL VALID UNTIL '-infinity'"),
            ),
            (
                StepKind::EndSessions,
                format!("pg_terminate_backend every session of oid {oid} until none is left"),
            ),
            (
                StepKind::Remove,
                format!(
                    "in every database that holds anything of it: ROLLBACK PREPARED its \
                     transactions, REASSIGN OWNED BY {name} TO \"{}\", DROP OWNED BY {name}; \
                     then DROP ROLE {name}",
                    removal::heir(oid)
                ),
            ),
            (
                StepKind::Prove,
                "log in anew and ask the held session again until both were denied 3 times over 5 s"
                    .to_owned(),
            ),
        ];
        (1..)
            .zip(says)
            .map(|(ordinal, (kind, says))| Step {
                ordinal,
                kind,
                says,
            })
            .collect()
    }

    fn survivors(&self, _: &Subject) -> Vec<Survivor> {
        let cut = |what: &str| Survivor {
            what: what.to_owned(),
            lives_at_most: None,
            cut_by_plan: true,
        };
        vec![
            cut("live sessions, those that took on another role with SET ROLE among them"),
            cut("prepared transactions of the role"),
            cut("objects it owns: kept, under a role without log-in and without rights"),
        ]
    }

    fn standing(&self, cx: &mut Context<'_>, subject: &Subject) -> Result<Standing, Error> {
        let oid = oid(subject)?;
        let rows = cx.sql(Statement::reading(STANDING).value(oid.to_string()))?;
        let row = rows.rows.first().ok_or_else(|| misshapen("one row"))?;
        let [found, login, sessions] = row.as_slice() else {
            return Err(misshapen("three columns").into());
        };
        let sessions = sessions.as_deref().and_then(|text| text.parse().ok());
        Ok(Standing {
            present: found.is_some(),
            sessions_denied: false,
            cut: found.is_none() || login.as_deref() == Some("false"),
            sessions: Some(sessions.ok_or_else(|| misshapen("a count of sessions"))?),
        })
    }

    fn act(
        &self,
        cx: &mut Context<'_>,
        subject: &Subject,
        step: StepKind,
    ) -> Result<Outcome, Error> {
        let oid = oid(subject)?;
        match step {
            StepKind::Cut => cut(cx, oid),
            StepKind::EndSessions => end_sessions(cx, oid),
            StepKind::Remove => removal::remove(cx, oid),
            other => Err(Error::NotOffered {
                act: other.as_str(),
            }),
        }
    }

    fn probe(&self, cx: &mut Context<'_>, subject: &Subject, path: Path) -> Result<Probed, Error> {
        let oid = oid(subject)?;
        let database = subject.handle.get("database").map_or("", String::as_str);
        match path {
            Path::NewLogin => {
                let ask = Statement::reading(WHO)
                    .database(database)
                    .asked_as(Whom::Subject);
                Ok(match cx.sql(ask) {
                    Ok(rows) => accepted(&rows),
                    Err(refusal) => judge::login(&refusal),
                })
            }
            Path::HeldSession => {
                let ask = Statement::reading(WHO)
                    .database(database)
                    .asked_as(Whom::Held);
                match cx.sql(ask) {
                    Ok(rows) => Ok(accepted(&rows)),
                    Err(refusal) => match judge::held(&refusal) {
                        Ok(how) => Ok(no_other_session(cx, oid, how)),
                        Err(unclear) => Ok(unclear),
                    },
                }
            }
            Path::MintedSession => Err(Error::NotOffered {
                act: "mint sessions from a password",
            }),
        }
    }
}

/// Ours is gone; somebody else may hold one, and it counts as much.
fn no_other_session(cx: &mut Context<'_>, oid: u32, how: String) -> Probed {
    match count(cx, oid) {
        Ok(0) => judge::denied(how),
        Ok(_) => Probed::Accepted {
            principal: role_native(oid),
        },
        Err(refusal) => judge::unclear(&refusal),
    }
}

/// After a role is dropped its sessions find no name for themselves any more.
fn accepted(rows: &Rows) -> Probed {
    let oid = rows.rows.first().and_then(|row| row.first().cloned());
    let principal = match oid.flatten() {
        Some(oid) => format!("role/{oid}"),
        None => "a role that does not exist any more".to_owned(),
    };
    Probed::Accepted { principal }
}

fn cut(cx: &mut Context<'_>, oid: u32) -> Result<Outcome, Error> {
    if own(cx)? == oid {
        return Err(Error::Unknown {
            missing: "another role to act with",
            todo: "this is the role that keyroll itself logs in as; give the source another one first",
        });
    }
    let found = cx.sql(
        Statement::reading("select rolname::text from pg_roles where oid = $1::oid")
            .value(oid.to_string()),
    )?;
    if found.rows.is_empty() {
        return Ok(Outcome::Already {
            told: format!("no role has oid {oid}"),
        });
    }
    cx.sql(
        Statement::reading(by_oid(
            oid,
            "execute format('alter role %I nologin password null valid until ''-infinity''', role)",
            &format!("(select rolcanlogin from pg_roles where oid = {oid}) is not false"),
        ))
        .changing(),
    )?;
    Ok(Outcome::Done {
        told: format!("ALTER ROLE NOLOGIN PASSWORD NULL VALID UNTIL '-infinity', oid {oid}"),
        count: None,
    })
}

fn end_sessions(cx: &mut Context<'_>, oid: u32) -> Result<Outcome, Error> {
    let before = count(cx, oid)?;
    if before == 0 {
        return Ok(Outcome::Already {
            told: format!("no session of oid {oid} is live"),
        });
    }
    let end = |text| Statement::reading(text).value(oid.to_string()).changing();
    cx.sql(end(SIGNAL))?;
    let mut left = count(cx, oid)?;
    for _ in 0..LOOKS {
        if left == 0 {
            break;
        }
        cx.sql(Statement::reading(LOOK_AGAIN))?;
        left = count(cx, oid)?;
    }
    if left > 0 {
        cx.sql(end(TERMINATE))?;
        left = count(cx, oid)?;
    }
    match left {
        0 => Ok(Outcome::Done {
            told: format!("pg_terminate_backend for oid {oid}; 0 sessions are left"),
            count: Some(before),
        }),
        _ => Err(Refusal::new(
            model::Reason::Failed,
            format!(
                "{left} of {before} sessions of oid {oid} are still live after they were ended"
            ),
        )
        .into()),
    }
}

fn count(cx: &mut Context<'_>, oid: u32) -> Result<u32, Refusal> {
    number(cx, SESSIONS, oid)
}

fn own(cx: &mut Context<'_>) -> Result<u32, Refusal> {
    let text = "select oid::text from pg_roles where rolname = session_user and $1 <> ''";
    number(cx, text, 0)
}

/// The one number that `text` gives for `oid`.
pub(super) fn number(cx: &mut Context<'_>, text: &str, oid: u32) -> Result<u32, Refusal> {
    let rows = cx.sql(Statement::reading(text).value(oid.to_string()))?;
    let number = rows
        .rows
        .first()
        .and_then(|row| row.first()?.as_deref()?.parse().ok());
    number.ok_or_else(|| misshapen("one number"))
}

/// A block that looks the role's name up by its oid into `role`, does `act`, and takes it all
/// back if `wrong` holds afterwards. No text but ours is in it: the server quotes the name.
pub(super) fn by_oid(oid: u32, act: &str, wrong: &str) -> String {
    format!(
        "do $keyroll$ declare role text; begin \
         select rolname into role from pg_roles where oid = {oid}; \
         if role is null then return; end if; \
         {act}; \
         if {wrong} then raise exception using errcode = '40001', \
         message = 'the role was renamed meanwhile'; end if; \
         end $keyroll$"
    )
}

fn oid(subject: &Subject) -> Result<u32, Error> {
    oid_of(&subject.native)
}

/// The oid in a native id of a role or of its password.
fn oid_of(native: &str) -> Result<u32, Error> {
    native
        .strip_prefix("role/")
        .and_then(|rest| rest.split('/').next())
        .and_then(|oid| oid.parse().ok())
        .ok_or_else(|| Error::NotOurs {
            id: model::shorten(&model::clean(native), 80),
            form: "role/16384",
        })
}
