//! Accounts, passwords and databases as observations.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Attribute, CredentialType, Duration, Key, KeyKind, Kind, Observation, Relation, Scope,
    Timestamp, Told,
};

use super::Granted;
use super::reading::{Account, Rights, Sessions, Way, Which, named};
use crate::Context;
use crate::database::{MYSQL, hash_key, login_key};

/// What holds for all accounts of the server.
#[derive(Debug)]
pub(super) struct Server {
    which: Which,
    /// The endpoint and its aliases.
    endpoints: Vec<String>,
    /// Of each user the host of its widest account.
    widest: BTreeMap<String, String>,
    /// Of each user and hash the host of the widest account that keeps it.
    widest_with: BTreeMap<(String, String), String>,
    /// Users with a password of which no hash can be compared.
    opaque: BTreeSet<String>,
    /// Users of one account alone.
    single: BTreeSet<String>,
    /// Everybody who was seen: only these can be linked to.
    known: BTreeSet<String>,
    /// Days for which passwords are good; none where for ever, or not told.
    pub(super) lifetime: Option<i64>,
    /// Global rights by account; `None` if hidden.
    pub(super) rights: Option<BTreeMap<String, Rights>>,
    /// Roles by account; `None` if hidden.
    pub(super) roles: Option<BTreeMap<String, Vec<String>>>,
    /// Live sessions by user; `None` if hidden.
    pub(super) sessions: Option<BTreeMap<String, Sessions>>,
}

/// Global rights by account, as the accounts themselves tell them.
pub(super) fn rights_of(accounts: &[Account]) -> BTreeMap<String, Rights> {
    let each = accounts.iter();
    each.filter_map(|one| Some((named(&one.user, &one.host), one.rights.clone()?)))
        .collect()
}

fn native(account: &str) -> String {
    format!("account/{account}")
}

impl Server {
    pub(super) fn new(which: Which, endpoints: Vec<String>, accounts: &[Account]) -> Self {
        let mut people: Vec<&Account> = accounts.iter().filter(|one| !one.is_role).collect();
        people.sort_by_key(|one| width(&one.host));
        let mut server = Self {
            which,
            endpoints,
            widest: BTreeMap::new(),
            widest_with: BTreeMap::new(),
            opaque: BTreeSet::new(),
            single: BTreeSet::new(),
            known: accounts
                .iter()
                .map(|one| named(&one.user, &one.host))
                .collect(),
            lifetime: None,
            rights: None,
            roles: None,
            sessions: None,
        };
        for account in people {
            let user = account.user.clone();
            if server.widest.contains_key(&user) {
                server.single.remove(&user);
            } else {
                server.single.insert(user.clone());
                server.widest.insert(user.clone(), account.host.clone());
            }
            let mut passwords = account.ways.iter().filter(|way| way.keeps_password());
            if passwords.any(|way| way.native_hash().is_none()) {
                server.opaque.insert(user.clone());
            }
            for hash in account.ways.iter().filter_map(Way::native_hash) {
                let at = (user.clone(), hash);
                server
                    .widest_with
                    .entry(at)
                    .or_insert_with(|| account.host.clone());
            }
        }
        server
    }

    pub(super) fn account(&self, scope: &Scope, account: &Account) -> Observation {
        let name = named(&account.user, &account.host);
        let shown = if account.is_role {
            account.user.clone()
        } else {
            name.clone()
        };
        let off = account.locked || account.is_role;
        let plugins: Vec<String> = account.ways.iter().map(|way| way.plugin.clone()).collect();
        let mut seen = Observation::new(Kind::Identity, native(&name), scope)
            .is(Attribute::NAME, shown)
            .is(
                Attribute::TYPE,
                if account.is_role {
                    "mysql_role"
                } else {
                    "mysql_account"
                },
            )
            .is(Attribute::PROVIDER, MYSQL)
            .is(Attribute::USER, account.user.clone())
            .is(Attribute::STATUS, if off { "inactive" } else { "active" })
            .told::<i64>(Attribute::CREATED_AT, Told::CannotTell)
            .told(
                Attribute::ACCOUNT,
                Told::or_cannot_tell(self.which.id.clone()),
            );
        if !account.is_role {
            seen = seen
                .is(Attribute::named("from_host"), account.host.clone())
                .is(Attribute::named("logs_in_by"), plugins)
                .told(Attribute::named("without_password"), account.is_open())
                .is(
                    Attribute::named("passwords_comparable"),
                    !self.opaque.contains(&account.user),
                );
            seen = self.usage(seen, &account.user);
        }
        if let Some(endpoint) = self.endpoints.first() {
            seen = seen.is(Attribute::ENDPOINT, endpoint.clone());
        }
        seen = self.may(seen, &name);
        if let Some(id) = &self.which.id {
            let uid = format!("mysql:{id}/{name}");
            if uid.len() <= 512 {
                seen = seen.key(Key::new(KeyKind::Uid, uid));
            }
        }
        if !account.is_role && self.widest.get(&account.user) == Some(&account.host) {
            for endpoint in &self.endpoints {
                seen = seen.key(login_key(MYSQL, endpoint, &account.user));
            }
        }
        seen
    }

    /// What it may do on the whole server, by itself and by its roles.
    fn may(&self, mut seen: Observation, name: &str) -> Observation {
        let own = self.rights.as_ref().and_then(|all| all.get(name));
        let roles = self.roles_of(name);
        let everything = |name: &String| {
            let rights = self.rights.as_ref().and_then(|all| all.get(name));
            rights.is_some_and(|rights| rights.named.iter().any(|right| right == "super"))
        };
        let superuser = everything(&name.to_owned()) || roles.iter().any(everything);
        let privilege = match own {
            Some(_) => Told::or_absent(superuser.then_some("superuser")),
            None => Told::CannotTell,
        };
        seen = seen.told(Attribute::PRIVILEGE, privilege).told(
            Attribute::RIGHTS,
            Told::or_cannot_tell(own.map(shown_rights)),
        );
        let direct = self
            .roles
            .as_ref()
            .map(|all| all.get(name).cloned().unwrap_or_default());
        for role in direct
            .iter()
            .flatten()
            .filter(|role| self.known.contains(*role))
        {
            seen = seen.link(Relation::MemberOf, Kind::Identity, native(role));
        }
        let names = direct.map(|all| {
            let bare = all.iter().map(|role| role.trim_end_matches('@').to_owned());
            bare.collect::<Vec<_>>()
        });
        seen.told(Attribute::MEMBER_OF, Told::or_cannot_tell(names))
    }

    /// Every role that `name` may take on, through others as well.
    fn roles_of(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut left = vec![name.to_owned()];
        while let Some(next) = left.pop() {
            let roles = self.roles.as_ref().and_then(|all| all.get(&next));
            for role in roles.into_iter().flatten() {
                if found.insert(role.clone()) {
                    left.push(role.clone());
                }
            }
        }
        found
    }

    /// Sessions name their user, not their account: of a user with several, nobody can tell whose
    /// they are.
    fn usage(&self, seen: Observation, user: &str) -> Observation {
        let own = self
            .sessions
            .as_ref()
            .filter(|_| self.single.contains(user));
        let count = own.map(|all| all.get(user).map_or(0, |found| found.count));
        seen.told(Attribute::SESSIONS, Told::or_cannot_tell(count))
    }

    /// When a live session last did something.
    fn last_used(&self, user: &str, now: Timestamp) -> Told<Timestamp> {
        let own = self
            .sessions
            .as_ref()
            .filter(|_| self.single.contains(user));
        let idle = own.and_then(|all| all.get(user)).map(|found| found.idle);
        Told::or_cannot_tell(idle.map(|idle| now - Duration::seconds(idle)))
    }

    /// The password of an account, if it has one.
    pub(super) fn password(
        &self,
        cx: &Context<'_>,
        scope: &Scope,
        account: &Account,
    ) -> Option<Observation> {
        let way = account.ways.iter().find(|way| way.keeps_password())?;
        let hash = way.native_hash();
        let name = named(&account.user, &account.host);
        let print = hash
            .as_ref()
            .map(|hash| hash_key(cx, &native(&name), hash).value);
        let held = print
            .as_deref()
            .and_then(|print| print.split_once('.')?.1.get(..16));
        let slot = format!("{}/password@{}", native(&name), held.unwrap_or(&way.plugin));
        let mut seen = Observation::new(Kind::Credential, slot, scope)
            .is(Attribute::NAME, format!("password of {name}"))
            .is(Attribute::TYPE, CredentialType::MysqlPassword)
            .is(Attribute::PROVIDER, MYSQL)
            .is(Attribute::USER, account.user.clone())
            .is(
                Attribute::STATUS,
                if account.locked { "inactive" } else { "active" },
            )
            .is(Attribute::VERIFIER, way.plugin.clone())
            .told(Attribute::ROTATED_AT, Told::or_cannot_tell(account.changed))
            .told(Attribute::EXPIRES_AT, Told::or_absent(self.expiry(account)))
            .told::<i64>(Attribute::CREATED_AT, Told::CannotTell)
            .told(
                Attribute::LAST_USED_AT,
                self.last_used(&account.user, cx.now),
            )
            .link(Relation::Holder, Kind::Identity, native(&name));
        if let Some(endpoint) = self.endpoints.first() {
            seen = seen.is(Attribute::ENDPOINT, endpoint.clone());
        }
        for (hash, endpoint) in hash
            .iter()
            .flat_map(|hash| self.endpoints.iter().map(move |at| (hash, at)))
        {
            let bears = (account.user.clone(), hash.clone());
            if self.widest_with.get(&bears) == Some(&account.host) {
                let login = login_key(MYSQL, endpoint, &account.user).value;
                seen = seen.key(hash_key(cx, &login, hash));
            }
        }
        Some(seen)
    }

    fn expiry(&self, account: &Account) -> Option<Timestamp> {
        if account.expired {
            return Some(Timestamp::from_seconds(0));
        }
        let days = account
            .lifetime
            .or(self.lifetime)
            .filter(|days| *days > 0)?;
        Some(account.changed? + Duration::days(days.min(36_500)))
    }

    /// A database, and a grant for each grantee named on it.
    pub(super) fn database(
        &self,
        scope: &Scope,
        database: &str,
        granted: &Granted,
    ) -> Vec<Observation> {
        let at = format!("database/{database}");
        let resource = Observation::new(Kind::Resource, at.clone(), scope)
            .is(Attribute::NAME, database)
            .is(Attribute::TYPE, "mysql_database")
            .is(Attribute::PROVIDER, MYSQL)
            .told(
                Attribute::ACCOUNT,
                Told::or_cannot_tell(self.which.id.clone()),
            );
        let grants = granted.iter().map(|(grantee, rights)| {
            let grant = Observation::new(Kind::Grant, format!("{at}/grant/{grantee}"), scope)
                .is(
                    Attribute::NAME,
                    format!("{} on database {database}", rights.join(", ")),
                )
                .is(Attribute::TYPE, "mysql_database_grant")
                .is(Attribute::PROVIDER, MYSQL)
                .is(Attribute::RIGHTS, rights.clone())
                .link(Relation::On, Kind::Resource, at.clone());
            if self.known.contains(grantee) {
                grant.link(Relation::Of, Kind::Identity, native(grantee))
            } else {
                grant.is(Attribute::USER, grantee.clone())
            }
        });
        std::iter::once(resource).chain(grants).collect()
    }
}

impl Way {
    /// The hash of a password, in hex, where we can compute the same.
    fn native_hash(&self) -> Option<String> {
        let hash = self.kept.strip_prefix('*')?;
        let well = hash.len() == 40 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        (self.plugin == "mysql_native_password" && well).then(|| hash.to_ascii_lowercase())
    }

    /// Whether a password may open this way; for others the host, a directory or a socket does.
    fn is_by_password(&self) -> bool {
        matches!(
            self.plugin.as_str(),
            "mysql_native_password"
                | "mysql_old_password"
                | "caching_sha2_password"
                | "sha256_password"
                | "ed25519"
                | "client_ed25519"
                | "parsec"
        )
    }

    /// A secret, or that the operating system, a directory or a domain knows who comes.
    fn asks_for_something(&self) -> bool {
        let elsewhere = [
            "unix_socket",
            "auth_socket",
            "gssapi",
            "pam",
            "authentication_pam",
            "authentication_ldap_simple",
            "authentication_ldap_sasl",
            "authentication_kerberos",
            "authentication_windows",
            "named_pipe",
            "mysql_no_login",
        ];
        self.is_by_password() || elsewhere.contains(&self.plugin.as_str())
    }

    /// `invalid`, `*` and their like are written where no password is to fit.
    fn keeps_password(&self) -> bool {
        let locked = self.kept.len() < 16;
        self.is_by_password() && !self.kept.is_empty() && !locked
    }
}

impl Account {
    /// Whether anybody who reaches the server may be it, without a word.
    fn is_open(&self) -> Told<bool> {
        let open = |way: &Way| way.is_by_password() && way.kept.is_empty();
        if self.is_role || self.locked {
            Told::Is(false)
        } else if self.ways.iter().any(open) {
            Told::Is(true)
        } else if self.ways.iter().all(Way::asks_for_something) {
            Told::Is(false)
        } else {
            Told::CannotTell
        }
    }
}

/// Wider accounts first: `%`, then other patterns, then single hosts, this one last.
fn width(host: &str) -> (u8, String) {
    let rank = match host {
        "" | "%" => 0,
        "localhost" | "127.0.0.1" | "::1" => 3,
        _ if host.contains(['%', '_', '/']) => 1,
        _ => 2,
    };
    (rank, host.to_owned())
}

fn shown_rights(rights: &Rights) -> Vec<String> {
    let more = rights.may_grant.then(|| "grant option".to_owned());
    rights.named.iter().cloned().chain(more).collect()
}
