//! One account of a directory, and what is told of it.

use std::collections::BTreeSet;

use model::{
    Attribute, Class, Confidence, CredentialType, Key, KeyKind, Kind, Observation, Relation, Scope,
    Told,
};

use super::Groups;
use crate::ldap_accounts::root::Root;
use crate::ldap_accounts::{LDAP, login_key, public, words};
use crate::port::ldap::Entry;

/// Classes of which accounts are.
pub(super) const CLASSES: &[&str] = &[
    "account",
    "posixAccount",
    "simpleSecurityObject",
    "applicationProcess",
    "applicationEntity",
    "ldapPublicKey",
    "device",
    "inetOrgPerson",
    "krbPrincipal",
];

/// Those that only programs and machines have.
const OF_PROGRAMS: &[&str] = &["applicationProcess", "applicationEntity", "device"];
/// Those that persons have.
const OF_PERSONS: &[&str] = &["person", "organizationalPerson", "inetOrgPerson"];
/// Shells of accounts with which nobody sits down.
const NO_SHELLS: &[&str] = &["nologin", "false", "sync", "true"];
/// Below it are users of the system (login.defs, UID_MIN).
const USERS_FROM: u64 = 1_000;

/// What is asked of every account.
pub(super) const ATTRIBUTES: &[&str] = &[
    "entryUUID",
    "objectClass",
    "uid",
    "cn",
    "uidNumber",
    "loginShell",
    "createTimestamp",
    "creatorsName",
    "pwdChangedTime",
    "pwdAccountLockedTime",
    "pwdEndTime",
    "pwdLastSuccess",
    "authTimestamp",
    "memberOf",
    "sshPublicKey",
    "userCertificate",
    "userCertificate;binary",
    "manager",
    "owner",
    "seeAlso",
    "description",
    "krbPrincipalName",
    // Of 389 Directory Server and FreeIPA.
    "nsUniqueId",
    "nsAccountLock",
    "krbLastPwdChange",
    "krbPasswordExpiration",
    "krbLastSuccessfulAuth",
];

/// One account.
#[derive(Debug)]
pub(super) struct Account<'a> {
    entry: &'a Entry,
    /// By which it is known, whatever it is called.
    id: &'a str,
    name: String,
}

impl<'a> Account<'a> {
    /// Reads an entry; `None` where it does not show by what it is known.
    pub(super) fn read(entry: &'a Entry) -> Option<Self> {
        let id = entry
            .text("entryUUID")
            .or_else(|| entry.text("nsUniqueId"))?;
        let name = entry.text("uid").map(str::to_owned);
        Some(Self {
            entry,
            id,
            name: name.unwrap_or_else(|| words::first_of(&entry.name)),
        })
    }

    fn is(&self, classes: &[&str]) -> bool {
        let mut held = self.entry.texts("objectClass");
        held.any(|one| classes.iter().any(|class| class.eq_ignore_ascii_case(one)))
    }

    fn is_a_system_user(&self) -> bool {
        let number = self
            .entry
            .text("uidNumber")
            .and_then(|text| text.parse::<u64>().ok());
        let shell = self.entry.text("loginShell").unwrap_or_default();
        let shell = shell.rsplit('/').next().unwrap_or_default();
        number.is_some_and(|number| number < USERS_FROM) || NO_SHELLS.contains(&shell)
    }

    fn sounds_like_one(&self) -> bool {
        words::sounds_like_a_program(&self.name, &self.entry.name)
    }

    /// Whether it is told: it is no person's, or something about it is a program's.
    pub(super) fn is_a_programs(&self) -> bool {
        !self.is(OF_PERSONS)
            || self.is(OF_PROGRAMS)
            || self.is_a_system_user()
            || self.sounds_like_one()
    }

    fn time(&self, attribute: &str) -> Option<model::Timestamp> {
        self.entry.text(attribute).and_then(words::time)
    }

    /// Locked for good: until a moment that is written as none (ppolicy, section 5.3.3).
    fn is_off(&self) -> bool {
        let locked = self.entry.text("pwdAccountLockedTime");
        let off = self.entry.text("nsAccountLock");
        locked.is_some_and(|at| at.starts_with("000001010000"))
            || off == Some("true")
            || off == Some("TRUE")
    }

    fn used(&self) -> Told<model::Timestamp> {
        let all = ["pwdLastSuccess", "authTimestamp", "krbLastSuccessfulAuth"];
        // Only a server that is told to keeps them: silence is no answer.
        Told::or_cannot_tell(all.iter().filter_map(|one| self.time(one)).max())
    }
}

/// What is known of a directory while its accounts are told.
pub(super) struct Telling<'a> {
    pub(super) root: &'a Root,
    pub(super) scope: &'a Scope,
    pub(super) groups: &'a Groups,
    /// Entries that show that they have a password.
    pub(super) passwords: &'a BTreeSet<String>,
}

impl Telling<'_> {
    /// The account and what it logs in with; how many keys cannot be read.
    pub(super) fn observed(&self, account: &Account<'_>) -> (Vec<Observation>, usize) {
        let holder = format!("account/{}", account.id);
        let mut all = vec![self.identity(account, &holder)];
        let folded = words::folded_name(&account.entry.name);
        let has = self.passwords.contains(&folded)
            || account.is(&["simpleSecurityObject"])
            || account.time("pwdChangedTime").is_some();
        if has {
            all.push(self.password(account, &holder));
        }
        let plain = account.entry.all("userCertificate").iter();
        let certificates = plain
            .chain(account.entry.all("userCertificate;binary"))
            .map(|one| one.0.as_slice());
        let (certificates, odd) = public::certificates(certificates, self.scope, &holder);
        let keys = account.entry.texts("sshPublicKey");
        let (keys, odd_too) = public::ssh_keys(keys, self.scope, &holder, &account.name);
        all.extend(certificates.into_iter().chain(keys));
        (all, odd + odd_too)
    }

    fn identity(&self, account: &Account<'_>, native: &str) -> Observation {
        let entry = account.entry;
        let mut told = Observation::new(Kind::Identity, native, self.scope)
            .is(Attribute::NAME, account.name.as_str())
            .is(Attribute::TYPE, "ldap_account")
            .is(Attribute::PROVIDER, LDAP)
            .is(Attribute::USER, account.name.as_str())
            .is(
                Attribute::named("distinguished_name"),
                model::shorten(&entry.name, 500),
            )
            .is(
                Attribute::STATUS,
                if account.is_off() {
                    "inactive"
                } else {
                    "active"
                },
            )
            .told(
                Attribute::CREATED_AT,
                Told::or_cannot_tell(account.time("createTimestamp")),
            )
            .told(
                Attribute::EXPIRES_AT,
                Told::or_cannot_tell(account.time("pwdEndTime")),
            )
            .told(Attribute::LAST_USED_AT, account.used())
            .told::<&str>(Attribute::PRIVILEGE, Told::CannotTell);
        if account.id.len() == 36 {
            told = told.key(Key::new(KeyKind::DirectoryId, account.id.to_lowercase()));
        }
        told = if account.is(OF_PROGRAMS) {
            told.is(Attribute::CLASS, Class::Workload)
        } else if account.is_a_system_user() || account.sounds_like_one() {
            told.concluded(Attribute::CLASS, Class::Workload, Confidence::Guessed)
        } else {
            told.told::<&str>(Attribute::CLASS, Told::CannotTell)
        };
        told = told.is(Attribute::MEMBER_OF, self.groups_of(account));
        if let Some(by) = entry.text("creatorsName") {
            told = told.is(Attribute::CREATED_BY, model::shorten(by, 300));
        }
        let owner = ["owner", "manager", "seeAlso"]
            .iter()
            .find_map(|one| entry.text(one));
        if let Some(owner) = owner {
            told = told.is(Attribute::OWNER_HINT, words::first_of(owner));
        }
        if let Some(text) = entry.text("description") {
            told = words::comment(told, text);
        }
        for (host, port) in &self.root.places {
            if let Some(key) = login_key(host, *port, &entry.name) {
                told = told.key(key);
            }
        }
        let principals = entry.texts("krbPrincipalName").take(100);
        let keys = principals.filter_map(|one| {
            let (name, realm) = one.rsplit_once('@')?;
            crate::ldap_accounts::kerberos_key(realm, name)
        });
        keys.fold(told, Observation::key)
    }

    fn groups_of(&self, account: &Account<'_>) -> Vec<String> {
        let named = self.groups.get(&words::folded_name(&account.entry.name));
        let by_user = self.groups.get(&format!("uid:{}", account.name));
        let told = account.entry.texts("memberOf").map(words::first_of);
        let all = named
            .into_iter()
            .chain(by_user)
            .flatten()
            .cloned()
            .chain(told);
        let all: BTreeSet<String> = all.collect();
        all.into_iter().take(100).collect()
    }

    /// Its password: another one after each change, where the server tells of that.
    fn password(&self, account: &Account<'_>, holder: &str) -> Observation {
        let set = account
            .time("pwdChangedTime")
            .or_else(|| account.time("krbLastPwdChange"));
        let native = match set {
            Some(at) => format!("{holder}/password@{}", at.seconds()),
            None => format!("{holder}/password"),
        };
        Observation::new(Kind::Credential, native, self.scope)
            .is(Attribute::NAME, format!("password of {}", account.name))
            .is(Attribute::TYPE, CredentialType::Password)
            .is(Attribute::PROVIDER, LDAP)
            .is(Attribute::USER, account.name.as_str())
            .is(
                Attribute::STATUS,
                if account.is_off() {
                    "inactive"
                } else {
                    "active"
                },
            )
            .told(Attribute::CREATED_AT, Told::or_cannot_tell(set))
            .told(Attribute::ROTATED_AT, Told::or_cannot_tell(set))
            .told(
                Attribute::EXPIRES_AT,
                Told::or_cannot_tell(account.time("krbPasswordExpiration")),
            )
            .told(Attribute::LAST_USED_AT, account.used())
            .link(Relation::Holder, Kind::Identity, holder)
    }
}

/// The administrators that a server's configuration names, each with the part that is its own.
pub(super) fn administrators(
    root: &Root,
    scope: &Scope,
    names: &[(String, String)],
) -> Vec<Observation> {
    let each = names.iter().take(100).map(|(name, suffix)| {
        let native = format!("administrator/{}", words::folded_name(name));
        let told = Observation::new(Kind::Identity, native, scope)
            .is(Attribute::NAME, model::shorten(name, 300))
            .is(Attribute::TYPE, "ldap_administrator")
            .is(Attribute::PROVIDER, LDAP)
            .is(Attribute::USER, model::shorten(name, 300))
            .is(Attribute::ACCOUNT, model::shorten(suffix, 300))
            .is(Attribute::PRIVILEGE, "superuser")
            .is(Attribute::STATUS, "active")
            .told::<&str>(Attribute::CLASS, Told::CannotTell);
        let keys = root
            .places
            .iter()
            .filter_map(|(host, port)| login_key(host, *port, name));
        keys.fold(told, Observation::key)
    });
    each.collect()
}
