//! Redis and Valkey: users, their passwords, what they may run, who is connected.
//!
//! Source: Redis 7 manual, "ACL", `ACL GETUSER`, `CLIENT LIST`.
//!
//! A server keeps SHA-256 of each password, and a user may have several. Who logs in without a
//! name is the user `default`.

mod written;

use std::collections::BTreeMap;

use model::{Reason, Scope};

use crate::database;
use crate::{Connector, Context, PortKind, Refusal, Reply, Spec, Stop};
use written::{Sessions, User};

/// Users of one server.
#[derive(Debug)]
pub(crate) struct RedisUsers;

/// The usual port.
const PORT: u16 = 6379;

/// Users read from one server.
const USERS_MAX: usize = 100_000;

static SPEC: Spec = Spec {
    name: "redis_users",
    reads: "users of a Redis or Valkey server, their passwords, commands and keys, live sessions",
    named: "redis://USER@HOST[:PORT]",
    target: "host:port",
    port: PortKind::Redis,
    needs_to_discover: &["+acl|users", "+acl|getuser", "+client|list"],
    needs_to_act: &[],
    scopes: &["users | sessions"],
};

impl Connector for RedisUsers {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        database::named(cx, PORT)
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let scope = Scope::of("users");
        let names = match users(cx) {
            Ok(names) => names,
            // Nothing can be asked of users that nobody names; and a server that refuses the login
            // is not tried again.
            Err(refusal) => return cx.gap(&Scope::whole(), &refusal, Some("+acl|users")),
        };
        let sessions = match sessions(cx) {
            Ok(sessions) => Some(sessions),
            Err(refusal) => {
                cx.gap(&Scope::of("sessions"), &refusal, Some("+client|list"))?;
                None
            }
        };
        let endpoints = database::endpoints(cx, PORT);
        for name in names {
            let asked = cx.redis(&["ACL", "GETUSER", &name]);
            match asked.and_then(|reply| User::read(name.clone(), &reply).ok_or_else(misshapen)) {
                Ok(user) => {
                    let of = sessions.as_ref().map(|all| all.get(&name).copied());
                    for one in user.observed(cx, &scope, &endpoints, of) {
                        cx.observe(one);
                    }
                }
                // It was deleted since: the next pass does not name it.
                Err(refusal) if refusal.code == "nil" => {}
                Err(refusal) => {
                    let part = scope.part(&name);
                    cx.gap(&part, &refusal, Some("+acl|getuser"))?;
                }
            }
        }
        Ok(())
    }
}

/// Names of all users, each once, in order.
fn users(cx: &mut Context<'_>) -> Result<Vec<String>, Refusal> {
    let Reply::List(names) = cx.redis(&["ACL", "USERS"])? else {
        return Err(misshapen());
    };
    if names.len() > USERS_MAX {
        let told = format!("more than {USERS_MAX} users");
        return Err(Refusal::new(Reason::Unsupported, told));
    }
    let mut all = Vec::new();
    for name in names {
        let Reply::Text(name) = name else {
            return Err(misshapen());
        };
        all.push(name);
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Live sessions by user: a line each, of `name=value` with blanks between them.
fn sessions(cx: &mut Context<'_>) -> Result<BTreeMap<String, Sessions>, Refusal> {
    let Reply::Text(lines) = cx.redis(&["CLIENT", "LIST"])? else {
        return Err(misshapen());
    };
    let mut all: BTreeMap<String, Sessions> = BTreeMap::new();
    for line in lines.lines() {
        let get = |name: &str| {
            line.split(' ')
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(one, value)| (one == name).then_some(value))
        };
        // The session that asks is not one of theirs.
        if get("cmd").is_some_and(|cmd| cmd.starts_with("client")) {
            continue;
        }
        let Some(user) = get("user").filter(|user| !user.is_empty()) else {
            continue;
        };
        let idle = get("idle").and_then(|seconds| seconds.parse().ok());
        let found = all.entry(user.to_owned()).or_default();
        found.add(idle.unwrap_or(0));
    }
    Ok(all)
}

fn misshapen() -> Refusal {
    Refusal::new(
        Reason::Failed,
        "expected what the manual of Redis 6 and newer says of this command, got something else",
    )
}
