//! What is told of an account of an Active Directory, and of its password.

use std::collections::BTreeSet;

use model::{
    Attribute, Class, Confidence, CredentialType, Key, KeyKind, Kind, Observation, Reason,
    Relation, Scope, Told,
};

use super::account::{
    self, ANY_PROTOCOL, Account, DES_ONLY, NEVER_EXPIRES, NO_PASSWORD_NEEDED, NO_PREAUTHENTICATION,
    OFF, Sort, UNCONSTRAINED,
};
use super::power::{LetIn, Power};
use super::{keys, words_of_encryption};
use crate::ldap_accounts::root::Root;
use crate::ldap_accounts::{kerberos_key, login_key, public, words};
use crate::{Context, Refusal};

/// The provider in facts.
const PROVIDER: &str = "active_directory";
/// Names of services or groups of one account that are told.
const NAMES_MAX: usize = 100;
/// How far behind the last logon its time may be ([MS-ADA1] section 2.352).
const LOGON_LAGS: &str = "lastLogonTimestamp is up to 14 days behind";

/// What is known of a domain while its accounts are told.
pub(super) struct Telling<'a> {
    pub(super) root: &'a Root,
    pub(super) scope: &'a Scope,
    pub(super) power: &'a Power,
    /// Whether times of logons may be read.
    pub(super) logons: bool,
    /// Computers whose local password we could read.
    pub(super) laps: &'a BTreeSet<String>,
}

impl Telling<'_> {
    /// The account and what it logs in with.
    pub(super) fn observed(
        &self,
        cx: &mut Context<'_>,
        account: &Account<'_>,
        let_in: &LetIn,
    ) -> Vec<Observation> {
        let holder = format!("account/{}", account.guid);
        let mut all = vec![self.identity(account, let_in, &holder)];
        all.push(self.password(account, &holder));
        let (devices, odd) = keys::of_devices(account, self.scope, &holder);
        let certificates = account.entry.all("userCertificate").iter();
        let certificates = certificates.map(|one| one.0.as_slice());
        let (certificates, odd_too) = public::certificates(certificates, self.scope, &holder);
        all.extend(devices.into_iter().chain(certificates));
        if odd + odd_too > 0 || let_in.broken {
            let told = "a key, a certificate or a descriptor of this account cannot be read";
            let part = self.scope.part(&account.guid);
            // A stop is told by the next question as well.
            let _ = cx.gap(&part, &Refusal::new(Reason::Unsupported, told), None);
        }
        all
    }

    fn identity(&self, account: &Account<'_>, let_in: &LetIn, native: &str) -> Observation {
        let entry = account.entry;
        let created = entry.text("whenCreated").and_then(words::time);
        let mut told = Observation::new(Kind::Identity, native, self.scope)
            .key(Key::new(KeyKind::DirectoryId, account.sid.as_str()))
            .is(Attribute::NAME, account.name)
            .is(Attribute::TYPE, type_of(account.sort))
            .is(Attribute::PROVIDER, PROVIDER)
            .is(Attribute::USER, account.name)
            .is(Attribute::ACCOUNT, self.root.domain.as_str())
            .is(
                Attribute::named("distinguished_name"),
                model::shorten(&entry.name, 500),
            )
            .is(Attribute::named("sid"), account.sid.as_str())
            .is(Attribute::STATUS, status(account))
            .told(Attribute::CREATED_AT, Told::or_cannot_tell(created))
            .told(
                Attribute::EXPIRES_AT,
                words::windows_time(entry.text("accountExpires")),
            )
            .told(Attribute::LAST_USED_AT, self.used(account))
            .is(Attribute::USES_INCOMPLETE, LOGON_LAGS)
            .is(
                Attribute::named("signs"),
                account
                    .signs
                    .iter()
                    .map(|one| (*one).to_owned())
                    .collect::<Vec<_>>(),
            );
        told = class(account, told);
        told = self.groups(account, told);
        told = flags(account, told);
        told = delegation(account, told);
        told = trusted(let_in, told);
        told = described(account, told);
        if self.laps.contains(&entry.name.to_lowercase()) {
            told = told.is(Attribute::named("local_password_readable_by_us"), true);
        }
        self.logins(account, told)
    }

    /// When it last logged in; never, where the domain tells that of others.
    fn used(&self, account: &Account<'_>) -> Told<model::Timestamp> {
        match words::windows_time(account.entry.text(super::LOGON)) {
            Told::CannotTell if self.logons => Told::Absent,
            told => told,
        }
    }

    fn groups(&self, account: &Account<'_>, told: Observation) -> Observation {
        let power = self.power.of(account);
        let direct = account.entry.texts("memberOf").map(words::first_of);
        let names: BTreeSet<String> = power
            .iter()
            .map(|one| one.name.clone())
            .chain(direct)
            .take(NAMES_MAX)
            .collect();
        let admin = power.iter().any(|one| one.admin);
        let told = told
            .is(Attribute::MEMBER_OF, names.into_iter().collect::<Vec<_>>())
            .is(
                Attribute::RIGHTS,
                power.iter().map(|one| one.name.clone()).collect::<Vec<_>>(),
            );
        let privilege = match (admin, power.is_empty(), self.power.whole) {
            (true, _, _) => Told::Is("admin"),
            (_, false, _) => Told::Is("operator"),
            (_, _, true) => Told::Absent,
            _ => Told::CannotTell,
        };
        told.told(Attribute::PRIVILEGE, privilege)
    }

    /// Every way in which a program may write this login down.
    fn logins(&self, account: &Account<'_>, mut told: Observation) -> Observation {
        let domain = &self.root.domain;
        let upn = account.entry.text("userPrincipalName");
        let implicit = format!("{}@{domain}", account.name);
        let mut names = vec![account.entry.name.as_str(), implicit.as_str()];
        names.extend(upn.filter(|one| !one.eq_ignore_ascii_case(&implicit)));
        for (host, port) in &self.root.places {
            let keys = names.iter().filter_map(|name| login_key(host, *port, name));
            told = keys.fold(told, Observation::key);
        }
        let services = account.entry.texts("servicePrincipalName").take(NAMES_MAX);
        let upn = upn
            .and_then(|one| one.rsplit_once('@'))
            .map(|(name, _)| name);
        let names = services.chain(upn).chain([account.name]);
        let keys = names.filter_map(|name| kerberos_key(domain, name));
        keys.fold(told, Observation::key)
    }

    /// Its password: another one after each change.
    fn password(&self, account: &Account<'_>, holder: &str) -> Observation {
        let set = words::windows_time(account.entry.text("pwdLastSet"));
        let native = match &set {
            Told::Is(at) => format!("{holder}/password@{}", at.seconds()),
            _ => format!("{holder}/password"),
        };
        let version = account.entry.text("msDS-KeyVersionNumber");
        let version = version.and_then(|text| text.parse::<i64>().ok());
        let set = match set {
            Told::Is(at) => Told::Is(at),
            _ => Told::CannotTell,
        };
        Observation::new(Kind::Credential, native, self.scope)
            .is(Attribute::NAME, format!("password of {}", account.name))
            .is(Attribute::TYPE, CredentialType::Password)
            .is(Attribute::PROVIDER, PROVIDER)
            .is(Attribute::USER, account.name)
            .is(Attribute::STATUS, password_status(account))
            .told(Attribute::CREATED_AT, set.clone())
            .told(Attribute::ROTATED_AT, set)
            .told(Attribute::EXPIRES_AT, expiry(account))
            .told(Attribute::LAST_USED_AT, self.used(account))
            .is(Attribute::USES_INCOMPLETE, LOGON_LAGS)
            .told(
                Attribute::named("key_version"),
                Told::or_cannot_tell(version),
            )
            .link(Relation::Holder, Kind::Identity, holder)
    }
}

const fn type_of(sort: Sort) -> &'static str {
    match sort {
        Sort::User => "ad_user",
        Sort::Computer => "ad_computer",
        Sort::Controller => "ad_domain_controller",
        Sort::Managed => "ad_managed_service_account",
        Sort::GroupManaged => "ad_group_managed_service_account",
        Sort::TicketGranting => "ad_ticket_granting_account",
        Sort::Trust => "ad_trust_account",
    }
}

fn status(account: &Account<'_>) -> &'static str {
    if account.has(OFF) {
        "inactive"
    } else {
        "active"
    }
}

/// The key of the account that signs tickets is used although nobody can log in as it.
fn password_status(account: &Account<'_>) -> &'static str {
    match account.sort {
        Sort::TicketGranting => "active",
        _ => status(account),
    }
}

/// A program's where its kind or a service's name says so; a guess where names do.
fn class(account: &Account<'_>, told: Observation) -> Observation {
    let named = !account.entry.all("servicePrincipalName").is_empty();
    if account.sort != Sort::User {
        told.is(Attribute::CLASS, Class::Workload)
    } else if named {
        told.concluded(Attribute::CLASS, Class::Workload, Confidence::Derived)
    } else if words::sounds_like_a_program(account.name, &account.entry.name) {
        told.concluded(Attribute::CLASS, Class::Workload, Confidence::Guessed)
    } else {
        told.told::<&str>(Attribute::CLASS, Told::CannotTell)
    }
}

/// The texts of an attribute: a directory gives them in any order.
fn sorted(account: &Account<'_>, attribute: &str) -> Vec<String> {
    let all = account.entry.texts(attribute);
    let all: BTreeSet<String> = all.map(|one| model::shorten(one, 300)).collect();
    all.into_iter().take(NAMES_MAX).collect()
}

fn flags(account: &Account<'_>, told: Observation) -> Observation {
    let services = sorted(account, "servicePrincipalName");
    told.is(
        Attribute::named("preauthentication"),
        !account.has(NO_PREAUTHENTICATION),
    )
    .is(
        Attribute::named("password_optional"),
        account.has(NO_PASSWORD_NEEDED),
    )
    .is(
        Attribute::named("password_expires"),
        !account.has(NEVER_EXPIRES),
    )
    .told(
        Attribute::named("ticket_encryption"),
        Told::or_cannot_tell(words_of_encryption(
            account.entry.text("msDS-SupportedEncryptionTypes"),
            account.has(DES_ONLY),
        )),
    )
    .is(Attribute::named("service_names"), services)
}

fn delegation(account: &Account<'_>, told: Observation) -> Observation {
    let to = sorted(account, "msDS-AllowedToDelegateTo");
    let word = if account.has(UNCONSTRAINED) {
        Told::Is("unconstrained")
    } else if account.has(ANY_PROTOCOL) {
        Told::Is("constrained, of any protocol")
    } else if to.is_empty() {
        Told::Absent
    } else {
        Told::Is("constrained")
    };
    let told = told.told(Attribute::named("delegation"), word);
    match to.is_empty() {
        true => told,
        false => told.is(Attribute::named("delegates_to"), to),
    }
}

/// Who may take the account on: by its password, or by acting to it as anybody.
fn trusted(let_in: &LetIn, mut told: Observation) -> Observation {
    let names = |list: &[(String, String)]| {
        list.iter()
            .map(|(_, name)| name.clone())
            .take(NAMES_MAX)
            .collect::<Vec<_>>()
    };
    if !let_in.readers.is_empty() {
        told = told.is(Attribute::TRUSTS, names(&let_in.readers));
    }
    if !let_in.actors.is_empty() {
        told = told.is(Attribute::named("acted_to_by"), names(&let_in.actors));
    }
    for (sid, _) in let_in.readers.iter().chain(&let_in.actors).take(NAMES_MAX) {
        let key = Key::new(KeyKind::DirectoryId, sid.as_str());
        told = told.link_key(Relation::Trusts, Kind::Identity, key);
    }
    told
}

/// Who answers for it and what it is for, as far as people wrote that down.
fn described(account: &Account<'_>, mut told: Observation) -> Observation {
    let entry = account.entry;
    let owner = entry.text("managedBy").or_else(|| entry.text("manager"));
    if let Some(owner) = owner {
        told = told.is(Attribute::OWNER_HINT, words::first_of(owner));
    }
    if let Some(text) = entry.text("description") {
        told = words::comment(told, text);
    }
    if let Some(text) = entry.text("operatingSystem") {
        told = told.is(
            Attribute::named("operating_system"),
            model::shorten(text, 100),
        );
    }
    let kept = [
        "msLAPS-PasswordExpirationTime",
        "ms-Mcs-AdmPwdExpirationTime",
    ];
    let kept = kept.iter().find_map(|one| entry.text(one));
    if let Some(until) = kept {
        let until = words::windows_time(Some(until));
        told = told.told(Attribute::named("local_password_changes_at"), until);
    }
    let mapped = sorted(account, "altSecurityIdentities");
    if !mapped.is_empty() {
        told = told.is(Attribute::named("mapped_from"), mapped);
    }
    if account.entry.texts("objectClass").any(account::is_managed) {
        let days = entry.text("msDS-ManagedPasswordInterval");
        let days = days.and_then(|text| text.parse::<i64>().ok());
        told = told.told(
            Attribute::named("rotates_every_days"),
            Told::or_cannot_tell(days),
        );
    }
    told
}

/// Of a password that expires, when is a matter of policies that are not read here.
fn expiry(account: &Account<'_>) -> Told<i64> {
    match account.has(NEVER_EXPIRES) {
        true => Told::Absent,
        false => Told::CannotTell,
    }
}
