//! A user of Redis, and the observations that tell of it.

use model::{
    Attribute, CredentialType, Duration, Kind, Observation, Relation, Scope, Timestamp, Told,
};

use crate::database::{REDIS, hash_key, login_key};
use crate::{Context, Reply};

/// Passwords of one user that are told.
const PASSWORDS_MAX: usize = 1_000;

/// Live sessions of one user.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sessions {
    count: i64,
    /// Seconds since the one that was busy last did something.
    idle: i64,
}

impl Sessions {
    pub(super) fn add(&mut self, idle: i64) {
        let idle = idle.max(0);
        self.idle = if self.count == 0 {
            idle
        } else {
            self.idle.min(idle)
        };
        self.count += 1;
    }

    fn last_used(self, now: Timestamp) -> Timestamp {
        now - Duration::seconds(self.idle)
    }
}

/// One user, as `ACL GETUSER` tells it.
#[derive(Debug)]
pub(super) struct User {
    name: String,
    flags: Vec<String>,
    /// SHA-256 of each password, in hex.
    passwords: Vec<String>,
    commands: String,
    keys: String,
}

impl User {
    /// Reads the reply, a list of names and values in turn; `None` for anything else.
    pub(super) fn read(name: String, reply: &Reply) -> Option<Self> {
        let Reply::List(told) = reply else {
            return None;
        };
        let get = |name: &str| {
            told.chunks_exact(2).find_map(|pair| match &pair[0] {
                Reply::Text(one) if one == name => Some(&pair[1]),
                _ => None,
            })
        };
        Some(Self {
            name,
            flags: texts(get("flags")?),
            passwords: texts(get("passwords")?),
            commands: texts(get("commands")?).join(" "),
            // Redis 6 tells keys as a list, later ones as one text.
            keys: get("keys").map(texts).unwrap_or_default().join(" "),
        })
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }

    fn native(&self) -> String {
        format!("user/{}", self.name)
    }

    /// May run every command: nothing is taken away behind `+@all`.
    fn is_superuser(&self) -> bool {
        self.has("allcommands") || self.commands.trim() == "+@all"
    }

    fn rights(&self) -> Vec<String> {
        let keys = match self.keys.as_str() {
            "" if self.has("allkeys") => "~*",
            keys => keys,
        };
        let all = self
            .commands
            .split_whitespace()
            .chain(keys.split_whitespace());
        all.take(1_000).map(str::to_owned).collect()
    }

    /// The user and its passwords. `sessions`: `None` if they are hidden.
    pub(super) fn observed(
        &self,
        cx: &Context<'_>,
        scope: &Scope,
        endpoints: &[String],
        sessions: Option<Option<Sessions>>,
    ) -> Vec<Observation> {
        let status = if self.has("on") { "active" } else { "inactive" };
        let mut seen = Observation::new(Kind::Identity, self.native(), scope)
            .is(Attribute::NAME, self.name.clone())
            .is(Attribute::TYPE, "redis_user")
            .is(Attribute::PROVIDER, REDIS)
            .is(Attribute::USER, self.name.clone())
            .is(Attribute::STATUS, status)
            .told::<i64>(Attribute::CREATED_AT, Told::CannotTell)
            .told(
                Attribute::PRIVILEGE,
                Told::or_absent(self.is_superuser().then_some("superuser")),
            )
            .is(Attribute::RIGHTS, self.rights())
            .is(Attribute::named("passwords_comparable"), true)
            .is(
                Attribute::named("without_password"),
                self.has("nopass") && self.has("on"),
            )
            .told(
                Attribute::SESSIONS,
                Told::or_cannot_tell(sessions.map(|one| one.map_or(0, |one| one.count))),
            );
        if let Some(endpoint) = endpoints.first() {
            seen = seen.is(Attribute::ENDPOINT, endpoint.clone());
        }
        for endpoint in endpoints {
            seen = seen.key(login_key(REDIS, endpoint, &self.name));
        }
        let used = sessions.flatten().map(|one| one.last_used(cx.now));
        let mut all = vec![seen];
        let mut hashes: Vec<_> = self.passwords.iter().filter(|hash| is_hash(hash)).collect();
        hashes.sort();
        hashes.dedup();
        for hash in hashes.into_iter().take(PASSWORDS_MAX) {
            all.push(self.password(cx, scope, endpoints, hash, used));
        }
        all
    }

    fn password(
        &self,
        cx: &Context<'_>,
        scope: &Scope,
        endpoints: &[String],
        hash: &str,
        used: Option<Timestamp>,
    ) -> Observation {
        let print = hash_key(cx, &self.native(), hash).value;
        let held = print.split_once('.').and_then(|(_, mac)| mac.get(..16));
        let native = format!("{}/password@{}", self.native(), held.unwrap_or_default());
        // Of several passwords nobody can tell with which a session was opened.
        let used = used.filter(|_| self.passwords.len() == 1);
        let mut seen = Observation::new(Kind::Credential, native, scope)
            .is(Attribute::NAME, format!("password of {}", self.name))
            .is(Attribute::TYPE, CredentialType::RedisPassword)
            .is(Attribute::PROVIDER, REDIS)
            .is(Attribute::USER, self.name.clone())
            .is(
                Attribute::STATUS,
                if self.has("on") { "active" } else { "inactive" },
            )
            .is(Attribute::VERIFIER, "sha-256")
            .told::<i64>(Attribute::CREATED_AT, Told::CannotTell)
            .told::<i64>(Attribute::ROTATED_AT, Told::CannotTell)
            .told::<i64>(Attribute::EXPIRES_AT, Told::Absent)
            .told(Attribute::LAST_USED_AT, Told::or_cannot_tell(used))
            .link(Relation::Holder, Kind::Identity, self.native());
        if let Some(endpoint) = endpoints.first() {
            seen = seen.is(Attribute::ENDPOINT, endpoint.clone());
        }
        for endpoint in endpoints {
            let login = login_key(REDIS, endpoint, &self.name).value;
            seen = seen.key(hash_key(cx, &login, hash));
        }
        seen
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A text, or the texts of a list.
fn texts(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Text(text) if text.is_empty() => Vec::new(),
        Reply::Text(text) => vec![text.clone()],
        Reply::List(all) => all.iter().flat_map(texts).take(10_000).collect(),
        Reply::Nil | Reply::Number(_) => Vec::new(),
    }
}
