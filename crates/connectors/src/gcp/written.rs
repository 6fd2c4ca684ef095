//! What was learnt, as observations: each is told once all answers are read, because a binding
//! speaks of an account that another answer describes.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Attribute, Class, CredentialType, Key, KeyKind, Kind, Observation, Relation, Scope, Told,
};
use sha2::{Digest, Sha256};

use super::Estate;
use super::bindings::{Binding, Member};
use super::names::{is_one_of, part, relative};
use super::things::{Account, AccountKey, Used};
use crate::jwt;

/// Longer ids are cut, and told apart by a digest.
const NATIVE_BYTES_MAX: usize = 512;

/// Grants of one principal that its line names.
const RIGHTS_MAX: usize = 200;

/// Roles whose bearer can do everything, or can make itself able to.
const ADMINISTRATORS: &[&str] = &[
    "roles/owner",
    "roles/iam.securityAdmin",
    "roles/iam.organizationRoleAdmin",
    "roles/resourcemanager.organizationAdmin",
    "roles/resourcemanager.folderAdmin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/resourcemanager.folderIamAdmin",
];

/// `id` as a native id: within the limit, one to one.
pub(super) fn native(id: &str) -> String {
    if id.len() <= NATIVE_BYTES_MAX {
        return id.to_owned();
    }
    let end = (0..=NATIVE_BYTES_MAX - 40)
        .rev()
        .find(|at| id.is_char_boundary(*at));
    format!("{}#{}", &id[..end.unwrap_or(0)], digest(id))
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(super) fn observations(estate: &Estate) -> Vec<Observation> {
    let telling = Telling::of(estate);
    let mut all: Vec<Observation> = Vec::new();
    for (mail, account) in &estate.accounts {
        all.push(telling.account(mail, account));
    }
    for key in estate.keys.values() {
        all.push(telling.key(key));
    }
    for member in telling.federated.keys() {
        all.push(telling.federated(member));
    }
    for binding in &estate.bindings {
        all.push(telling.grant(binding));
    }
    // An API key that works as an account is held by it.
    all.extend(estate.others.values().map(|one| telling.held(one.clone())));
    let mut met = BTreeSet::new();
    all.retain(|one| met.insert((one.kind, one.native.clone())));
    all
}

/// Everything that was learnt, as lines of one need it of others.
struct Telling<'e> {
    estate: &'e Estate,
    /// Mail addresses by unique id.
    mails: BTreeMap<&'e str, &'e str>,
    /// Unique ids that two addresses claim: an id claimed twice names nothing.
    doubtful: BTreeSet<&'e str>,
    /// Roles with their resources, by mail address of the account.
    granted: BTreeMap<&'e str, Vec<(&'e str, &'e str)>>,
    /// The same of workloads that other issuers vouch for.
    federated: BTreeMap<&'e str, Vec<(&'e str, &'e str)>>,
    /// Last uses: of a key by its id, of an account by its address or unique id.
    used: BTreeMap<&'e str, Used>,
    /// Active keys, by what their names call the account.
    active: BTreeMap<&'e str, i64>,
    /// Whether policies were told at all.
    policies: bool,
}

impl<'e> Telling<'e> {
    fn of(estate: &'e Estate) -> Self {
        let mut telling = Self {
            estate,
            mails: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            granted: BTreeMap::new(),
            federated: BTreeMap::new(),
            used: BTreeMap::new(),
            active: BTreeMap::new(),
            policies: estate.met.contains("policies"),
        };
        for (mail, account) in &estate.accounts {
            if let Some(id) = &account.unique_id
                && telling.mails.insert(id, mail).is_some()
            {
                telling.doubtful.insert(id);
            }
        }
        for (name, used) in &estate.used {
            let of = part(name, "keys").or_else(|| part(name, "serviceAccounts"));
            if let Some(of) = of {
                telling.used.insert(of, *used);
            }
        }
        for key in estate
            .keys
            .values()
            .filter(|key| key.disabled != Some(true))
        {
            *telling.active.entry(&key.account).or_default() += 1;
        }
        for binding in &estate.bindings {
            let what = (binding.role.as_str(), binding.resource.as_str());
            let of = match &binding.member {
                Member::Account(mail) => telling.granted.entry(mail.as_str()),
                Member::Federated(member) => telling.federated.entry(member.as_str()),
                Member::Everybody(_) => continue,
            };
            of.or_default().push(what);
        }
        telling
    }

    /// What the roll calls the account with this mail address.
    fn account_native(&self, mail: &str) -> String {
        let account = self.estate.accounts.get(mail);
        let unique = account.and_then(|one| self.trusted_id(one));
        native(
            &unique
                .map(str::to_owned)
                .unwrap_or_else(|| format!("account/{mail}")),
        )
    }

    /// The unique id of an account, unless another claims it as well.
    fn trusted_id<'a>(&self, account: &'a Account) -> Option<&'a str> {
        let id = account.unique_id.as_deref()?;
        (!self.doubtful.contains(id)).then_some(id)
    }

    /// The account that a name in another answer means: by mail address or by unique id.
    fn account_named(&self, named: &str) -> Option<String> {
        let mail = self.mails.get(named).copied().unwrap_or(named);
        self.estate
            .accounts
            .contains_key(mail)
            .then(|| self.account_native(mail))
    }

    fn account(&self, mail: &str, account: &Account) -> Observation {
        let name = mail.split("?uid=").next().unwrap_or(mail);
        let off = account.deleted || account.disabled == Some(true);
        let mut one = Observation::new(
            Kind::Identity,
            self.account_native(mail),
            &Scope::of("service_accounts"),
        )
        .is(Attribute::NAME, name)
        .is(Attribute::TYPE, "gcp_service_account")
        .is(Attribute::PROVIDER, "gcp")
        .is(Attribute::CLASS, Class::Workload)
        .told(
            Attribute::ACCOUNT,
            Told::or_cannot_tell(account.project.clone()),
        )
        .told::<i64>(Attribute::CREATED_AT, Told::CannotTell)
        .hint("email", name);
        one = match (off, account.disabled) {
            (true, _) => one.is(Attribute::STATUS, "disabled"),
            (false, Some(_)) => one.is(Attribute::STATUS, "active"),
            (false, None) => one.told::<&str>(Attribute::STATUS, Told::CannotTell),
        };
        if account.disabled.is_some() {
            one = one
                .told(
                    Attribute::PURPOSE,
                    Told::or_absent(account.description.clone()),
                )
                .told(Attribute::COMMENT, Told::or_absent(account.shown.clone()));
        }
        if let Some(id) = self.trusted_id(account) {
            one = one.key(Key::new(KeyKind::GcpUniqueId, id));
        }
        let names = [Some(mail), account.unique_id.as_deref()];
        let used = names.into_iter().flatten().find_map(|id| self.used.get(id));
        one = used_at(one, used.copied());
        let listed = self.estate.met.contains("keys of service accounts");
        let active = listed.then(|| self.active_keys(mail, account));
        one = one.told(
            Attribute::named("active_keys"),
            Told::or_cannot_tell(active),
        );
        self.may(one, self.granted.get(mail))
    }

    /// How many keys let in as the account, without those that Google manages itself.
    fn active_keys(&self, mail: &str, account: &Account) -> i64 {
        let names = [Some(mail), account.unique_id.as_deref()];
        let counts = names
            .into_iter()
            .flatten()
            .filter_map(|name| self.active.get(name));
        counts.sum()
    }

    /// What a principal may do, as far as policies were told.
    fn may(&self, one: Observation, granted: Option<&Vec<(&str, &str)>>) -> Observation {
        if !self.policies {
            return one
                .told::<&str>(Attribute::PRIVILEGE, Told::CannotTell)
                .told::<&str>(Attribute::RIGHTS, Told::CannotTell);
        }
        let granted = granted.map(Vec::as_slice).unwrap_or_default();
        let admin = granted
            .iter()
            .any(|(role, on)| ADMINISTRATORS.contains(role) && is_container(on));
        let named = granted.iter().map(|(role, on)| match relative(on) {
            "" => (*role).to_owned(),
            on => format!("{role} on {on}"),
        });
        let named: BTreeSet<String> = named.take(RIGHTS_MAX).collect();
        one.told(
            Attribute::PRIVILEGE,
            Told::or_absent(admin.then_some("admin")),
        )
        .is(Attribute::RIGHTS, named.into_iter().collect::<Vec<_>>())
    }

    fn key(&self, key: &AccountKey) -> Observation {
        let holder = self.account_named(&key.account);
        let mail = self
            .mails
            .get(key.account.as_str())
            .copied()
            .unwrap_or(&key.account);
        let mut one = Observation::new(
            Kind::Credential,
            native(&format!("key/{}", key.id)),
            &Scope::of("keys"),
        )
        .is(Attribute::NAME, key.id.as_str())
        .is(Attribute::TYPE, CredentialType::PrivateKey)
        .is(Attribute::PROVIDER, "gcp")
        .is(Attribute::USER, mail)
        .told(Attribute::CREATED_AT, Told::or_cannot_tell(key.made))
        .told(Attribute::EXPIRES_AT, Told::or_absent(key.ends))
        .told(
            Attribute::ALGORITHM,
            Told::or_cannot_tell(key.algorithm.clone()),
        )
        .told(
            Attribute::named("origin"),
            Told::or_cannot_tell(key.origin.clone()),
        )
        .is(
            Attribute::STATUS,
            if key.disabled == Some(true) {
                "disabled"
            } else {
                "active"
            },
        )
        .key(Key::new(KeyKind::GcpUniqueId, key.id.as_str()));
        one = used_at(one, self.used.get(key.id.as_str()).copied());
        match holder {
            Some(holder) => one.link(Relation::Holder, Kind::Identity, holder),
            None => one,
        }
    }

    /// A workload that another issuer vouches for: who may be it depends on the provider.
    fn federated(&self, member: &str) -> Observation {
        let (pool, who) = pool_and_subject(member);
        let providers = self
            .estate
            .providers
            .values()
            .filter(|one| one.pool == pool && !one.off);
        let providers: Vec<_> = providers.collect();
        let issuers: BTreeSet<String> = providers
            .iter()
            .filter_map(|one| one.issuer.clone())
            .collect();
        let open = providers.iter().any(|one| one.condition.is_none());
        let conditions: BTreeSet<String> = providers
            .iter()
            .filter_map(|one| one.condition.clone())
            .collect();
        let name = match who {
            "*" => format!("{}/*", last(pool)),
            who => who.to_owned(),
        };
        let cluster = pool.ends_with(".svc.id.goog");
        let mut one = Observation::new(
            Kind::Identity,
            native(member),
            &Scope::of("workload_identity"),
        )
        .is(Attribute::NAME, name)
        .is(Attribute::TYPE, "gcp_federated_principal")
        .is(Attribute::PROVIDER, "gcp")
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::STATUS, "active")
        .is(Attribute::named("pool"), pool)
        .is(Attribute::named("whole_pool"), who == "*");
        if let (Some(issuer), true) = (issuers.first(), member.contains("/subject/"))
            && issuers.len() == 1
        {
            one = one.hint("oidc_subject", jwt::subject_hint(issuer, who));
        }
        if !providers.is_empty() {
            one = one
                .is(Attribute::TRUSTS, issuers.into_iter().collect::<Vec<_>>())
                .told(
                    Attribute::POLICY,
                    Told::or_absent(
                        (!open).then(|| conditions.into_iter().collect::<Vec<_>>().join("; ")),
                    ),
                );
        } else if cluster {
            one = one.is(Attribute::TRUSTS, vec![pool.to_owned()]);
        } else {
            one = one.told::<&str>(Attribute::POLICY, Told::CannotTell);
        }
        self.may(one, self.federated.get(member))
    }

    fn grant(&self, binding: &Binding) -> Observation {
        let member = match &binding.member {
            Member::Account(mail) => mail.as_str(),
            Member::Federated(member) => member,
            Member::Everybody(word) => word,
        };
        let on = relative(&binding.resource);
        let whole = [on, &binding.role, &binding.condition, member].join("\n");
        let name = if on.is_empty() {
            binding.role.clone()
        } else {
            format!("{} on {on}", binding.role)
        };
        let one = Observation::new(
            Kind::Grant,
            format!("grant/{}", digest(&whole)),
            &Scope::of("policies"),
        )
        .is(Attribute::NAME, model::shorten(&name, 300))
        .is(Attribute::TYPE, "gcp_binding")
        .is(Attribute::PROVIDER, "gcp")
        .is(Attribute::RIGHTS, vec![binding.role.clone()])
        .told(
            Attribute::named("condition"),
            Told::or_absent(Some(binding.condition.clone()).filter(|one| !one.is_empty())),
        );
        let one = if is_one_of(on, "secrets") {
            one.link(Relation::On, Kind::Resource, native(on))
        } else {
            one
        };
        let one = match is_one_of(on, "serviceAccounts")
            .then(|| part(on, "serviceAccounts"))
            .flatten()
        {
            Some(account) => one.is(Attribute::named("acts_as"), account),
            None => one,
        };
        match &binding.member {
            Member::Account(mail) => {
                one.link(Relation::Of, Kind::Identity, self.account_native(mail))
            }
            Member::Federated(member) => one.link(Relation::Of, Kind::Identity, native(member)),
            Member::Everybody(word) => one.is(Attribute::USER, *word),
        }
    }

    fn held(&self, one: Observation) -> Observation {
        let user = one
            .fact(&Attribute::USER)
            .is()
            .and_then(|user| user.text())
            .map(str::to_owned);
        let of_key = one.kind == Kind::Credential;
        match user
            .filter(|_| of_key)
            .and_then(|mail| self.account_named(&mail))
        {
            Some(holder) => one.link(Relation::Holder, Kind::Identity, holder),
            None => one,
        }
    }
}

/// Last use, with the window in which it was counted.
fn used_at(one: Observation, used: Option<Used>) -> Observation {
    let Some(used) = used else {
        return one.told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell);
    };
    let mut one = one.told(Attribute::LAST_USED_AT, Told::or_absent(used.last));
    if let Some(from) = used.from {
        one = one.is(Attribute::USES_COUNTED_SINCE, from);
    }
    if let Some(until) = used.until {
        one = one.is(Attribute::USES_COUNTED_UNTIL, until);
    }
    one
}

/// Whether a grant there reaches all below it: a project, a folder, an organisation.
fn is_container(resource: &str) -> bool {
    ["projects", "folders", "organizations"]
        .iter()
        .any(|one| is_one_of(resource, one))
}

/// What a name ends with.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The pool that a principal belongs to, and the rest of its name.
fn pool_and_subject(member: &str) -> (&str, &str) {
    if let Some(rest) = member.strip_prefix("serviceAccount:") {
        let (pool, who) = rest.split_once('[').unwrap_or((rest, rest));
        return (pool, who.trim_end_matches(']'));
    }
    let path = member
        .split_once("://iam.googleapis.com/")
        .map_or(member, |(_, path)| path);
    for sign in ["/subject/", "/attribute.", "/group/", "/*"] {
        if let Some(at) = path.find(sign) {
            let who = &path[at + 1..];
            return (&path[..at], who.strip_prefix("subject/").unwrap_or(who));
        }
    }
    (path, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_federated_principal_is_a_pool_and_who_it_takes() {
        let pool = "projects/1/locations/global/workloadIdentityPools/gh";
        for (member, who) in [
            (
                "subject/repo:acme/shop:ref:refs/heads/main",
                "repo:acme/shop:ref:refs/heads/main",
            ),
            (
                "attribute.repository/acme/shop",
                "attribute.repository/acme/shop",
            ),
            ("*", "*"),
        ] {
            let member = format!("principal://iam.googleapis.com/{pool}/{member}");
            assert_eq!(pool_and_subject(&member), (pool, who));
        }
        assert_eq!(
            pool_and_subject("serviceAccount:shop.svc.id.goog[web/api]"),
            ("shop.svc.id.goog", "web/api")
        );
    }

    #[test]
    fn a_long_name_is_cut_and_still_its_own() {
        let (one, other) = ("ä".repeat(600), "ä".repeat(601));
        assert!(native(&one).len() <= NATIVE_BYTES_MAX);
        assert_ne!(native(&one), native(&other));
        assert_eq!(native("projects/a"), "projects/a");
    }
}
