//! Roles, passwords and databases as observations.

use std::collections::BTreeMap;

use model::{
    Attribute, Confidence, CredentialType, Fingerprint, Key, KeyKind, Kind, Observation, Relation,
    Scope, Told,
};

use super::login_key;
use super::reading::{Database, Role, Sessions, Verifier};
use super::verifier::ScramSalt;

/// What holds for all roles of the cluster.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// The system identifier, where we may ask for it.
    pub(super) id: Option<String>,
    /// The endpoint and its aliases.
    pub(super) endpoints: Vec<String>,
    /// Live sessions by oid; `None` if hidden.
    pub(super) sessions: Option<BTreeMap<u32, Sessions>>,
    /// Objects owned by oid; `None` if hidden.
    pub(super) owned: Option<BTreeMap<u32, u32>>,
}

/// What a role is called for its whole life.
pub(super) fn role_native(oid: u32) -> String {
    format!("role/{oid}")
}

impl Cluster {
    pub(super) fn role(
        &self,
        scope: &Scope,
        role: &Role,
        verifier: Option<&Verifier>,
    ) -> Observation {
        let mut seen = Observation::new(Kind::Identity, role_native(role.oid), scope)
            .is(Attribute::NAME, role.name.clone())
            .is(Attribute::TYPE, "postgres_role")
            .is(Attribute::PROVIDER, "postgres")
            .is(Attribute::USER, role.name.clone())
            .is(
                Attribute::STATUS,
                if role.can_log_in {
                    "active"
                } else {
                    "inactive"
                },
            )
            .told(
                Attribute::PRIVILEGE,
                Told::or_absent(role.superuser.then_some("superuser")),
            )
            .told(Attribute::EXPIRES_AT, Told::or_absent(role.valid_until))
            .told::<i64>(Attribute::CREATED_AT, Told::CannotTell)
            .told(
                Attribute::named("connection_limit"),
                Told::or_absent(role.connection_limit),
            )
            .told(
                Attribute::named("databases"),
                Told::or_cannot_tell(role.databases.clone()),
            )
            .told(Attribute::ACCOUNT, Told::or_cannot_tell(self.id.clone()))
            .is(Attribute::RIGHTS, rights(role));
        if let Some(endpoint) = self.endpoints.first() {
            seen = seen.is(Attribute::ENDPOINT, endpoint.clone());
        }
        // A password that was compared with this verifier and bears no key of it opens nothing.
        if let Some(salt) = verifier.and_then(Verifier::computable) {
            seen = seen.is(Attribute::VERIFIER, salt.to_fact());
        }
        seen = self.usage(seen, role.oid);
        seen = groups(seen, role);
        if let Some(comment) = &role.comment {
            seen = said(seen, comment);
        }
        if let Some(id) = &self.id {
            seen = seen.key(Key::new(
                KeyKind::PostgresRole,
                format!("{id}/{}", role.oid),
            ));
        }
        for endpoint in &self.endpoints {
            seen = seen.key(login_key(endpoint, &role.name));
        }
        seen
    }

    /// The server keeps no last log-in; a live session at least tells when it began.
    fn usage(&self, seen: Observation, oid: u32) -> Observation {
        let count = self
            .sessions
            .as_ref()
            .map(|all| all.get(&oid).map_or(0, |found| i64::from(found.count)));
        let youngest = self
            .sessions
            .as_ref()
            .and_then(|all| all.get(&oid).and_then(|found| found.youngest));
        let owned = self
            .owned
            .as_ref()
            .map(|all| all.get(&oid).map_or(0, |count| i64::from(*count)));
        seen.told(Attribute::SESSIONS, Told::or_cannot_tell(count))
            .told(Attribute::LAST_USED_AT, Told::or_cannot_tell(youngest))
            .told(
                Attribute::named("owned_objects"),
                Told::or_cannot_tell(owned),
            )
    }

    /// A password whose verifier we may read.
    pub(super) fn password(
        &self,
        scope: &Scope,
        role: &Role,
        verifier: &Verifier,
        fingerprint: Option<&Fingerprint>,
    ) -> Observation {
        let slot = format!("{}/password", role_native(role.oid));
        let native = match (fingerprint, verifier.kind.as_str()) {
            (Some(fingerprint), _) => format!("{slot}@{}", fingerprint.short()),
            (None, kind) => format!("{slot}@{kind}"),
        };
        let fact = verifier
            .computable()
            .map_or_else(|| verifier.kind.clone(), |salt| salt.to_fact());
        let seen = self
            .credential(scope, role, native)
            .is(Attribute::VERIFIER, fact);
        match fingerprint {
            Some(fingerprint) => seen.key(ScramSalt::key(fingerprint)),
            None => seen,
        }
    }

    /// The password of a role that may log in, where we may not see whether it has one.
    pub(super) fn unread_password(&self, scope: &Scope, role: &Role) -> Observation {
        self.credential(scope, role, format!("{}/password", role_native(role.oid)))
            .told::<&str>(Attribute::VERIFIER, Told::CannotTell)
    }

    fn credential(&self, scope: &Scope, role: &Role, native: String) -> Observation {
        let seen = Observation::new(Kind::Credential, native, scope)
            .is(Attribute::NAME, format!("password of {}", role.name))
            .is(Attribute::TYPE, CredentialType::PostgresPassword)
            .is(Attribute::PROVIDER, "postgres")
            .is(Attribute::USER, role.name.clone())
            .is(
                Attribute::STATUS,
                if role.can_log_in {
                    "active"
                } else {
                    "inactive"
                },
            )
            .told(Attribute::EXPIRES_AT, Told::or_absent(role.valid_until))
            .told::<i64>(Attribute::CREATED_AT, Told::CannotTell)
            .told::<i64>(Attribute::ROTATED_AT, Told::CannotTell)
            .link(Relation::Holder, Kind::Identity, role_native(role.oid));
        let youngest = self
            .sessions
            .as_ref()
            .and_then(|all| all.get(&role.oid).and_then(|found| found.youngest));
        let seen = seen.told(Attribute::LAST_USED_AT, Told::or_cannot_tell(youngest));
        match self.endpoints.first() {
            Some(endpoint) => seen.is(Attribute::ENDPOINT, endpoint.clone()),
            None => seen,
        }
    }

    /// A database, and a grant for each grantee named on it.
    pub(super) fn database(&self, scope: &Scope, database: &Database) -> Vec<Observation> {
        let native = format!("database/{}", database.oid);
        let resource = Observation::new(Kind::Resource, native.clone(), scope)
            .is(Attribute::NAME, database.name.clone())
            .is(Attribute::TYPE, "postgres_database")
            .is(Attribute::PROVIDER, "postgres")
            .is(
                Attribute::STATUS,
                if database.open { "active" } else { "disabled" },
            )
            .is(Attribute::OWNER_HINT, database.owner.clone())
            .told(Attribute::ACCOUNT, Told::or_cannot_tell(self.id.clone()));
        let grants = database.grants.iter().map(|(grantee, privileges)| {
            let name = format!("{} on database {}", privileges.join(", "), database.name);
            let grant = Observation::new(Kind::Grant, format!("{native}/grant/{grantee}"), scope)
                .is(Attribute::NAME, name)
                .is(Attribute::TYPE, "postgres_database_grant")
                .is(Attribute::PROVIDER, "postgres")
                .is(Attribute::RIGHTS, privileges.clone())
                .link(Relation::On, Kind::Resource, native.clone());
            if *grantee == 0 {
                grant.is(Attribute::USER, "PUBLIC")
            } else {
                grant.link(Relation::Of, Kind::Identity, role_native(*grantee))
            }
        });
        std::iter::once(resource).chain(grants).collect()
    }
}

/// Attributes of the role, and predefined roles it is a member of.
fn rights(role: &Role) -> Vec<String> {
    let attributes = role
        .superuser
        .then_some("superuser")
        .into_iter()
        .chain(role.rights.iter().copied())
        .map(str::to_owned);
    let predefined = role
        .member_of
        .iter()
        .map(|(_, name)| name.clone())
        .filter(|name| name.starts_with("pg_"));
    attributes.chain(predefined).collect()
}

fn groups(seen: Observation, role: &Role) -> Observation {
    let groups: Vec<_> = role
        .member_of
        .iter()
        .filter(|(_, name)| !name.starts_with("pg_"))
        .collect();
    let names: Vec<String> = role
        .member_of
        .iter()
        .map(|(_, name)| name.clone())
        .collect();
    let seen = seen.is(Attribute::MEMBER_OF, names);
    groups.into_iter().fold(seen, |seen, (oid, _)| {
        seen.link(Relation::MemberOf, Kind::Identity, role_native(*oid))
    })
}

/// What a comment on the role says; `owner: x` and `purpose: y` in it are taken at their word.
fn said(seen: Observation, comment: &str) -> Observation {
    let comment = model::shorten(comment.trim(), 1000);
    let field = |name: &str| {
        comment.split([';', '\n', ',']).find_map(|part| {
            let (key, value) = part.split_once([':', '='])?;
            let value = value.trim();
            (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
        })
    };
    let purpose = field("purpose").unwrap_or_else(|| comment.clone());
    let mut seen = seen.concluded(Attribute::PURPOSE, purpose, Confidence::Derived);
    if let Some(owner) = field("owner") {
        seen = seen.concluded(Attribute::OWNER_HINT, owner, Confidence::Derived);
    }
    seen.is(Attribute::COMMENT, comment)
}
