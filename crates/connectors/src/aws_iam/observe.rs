//! Tells what was learnt of an account as observations.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use model::{
    Attribute, Class, Confidence, Duration, Key, KeyKind, Kind, Observation, Scope, Timestamp,
    Told, Value as Fact,
};
use sha2::{Digest, Sha256};

use super::account::{AccessKey, Account, Principal, account_of, is_account};
use super::handed::Users;
use super::report::Line;
use super::{credentials, handed, policy, rights};

/// A native id is at most 1,024 bytes; a longer one is cut and ends in its digest.
const NATIVE_BYTES_MAX: usize = 1000;
/// How far back IAM keeps the last use of a role, and of services by anybody ("Getting information
/// about roles", "Last accessed information").
pub(crate) const USE_KEPT: Duration = Duration::days(400);
/// Services in one fact; AWS has some four hundred.
const SERVICES_MAX: usize = 100;
/// Tags that tend to name an owner, in the order in which they are believed.
const OWNER_TAGS: [&str; 7] = [
    "owner",
    "owner-email",
    "team",
    "contact",
    "squad",
    "maintainer",
    "access-team",
];
const ENVIRONMENT_TAGS: [&str; 4] = ["environment", "env", "stage", "tier"];

/// `id` as a native id: within the limit, one to one.
pub(crate) fn native(id: &str) -> String {
    if id.len() <= NATIVE_BYTES_MAX {
        return id.to_owned();
    }
    let digest = Sha256::digest(id.as_bytes());
    let digest: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let head: String = id.chars().take(200).collect();
    format!("{head}…{digest}")
}

/// OpenSSH's fingerprint of a public key in its one-line form.
pub(crate) fn ssh_fingerprint(line: &str) -> Option<String> {
    let blob = line.split_whitespace().nth(1)?;
    let blob = base64::engine::general_purpose::STANDARD
        .decode(blob)
        .ok()?;
    let digest = Sha256::digest(&blob);
    let print = base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest);
    Some(format!("SHA256:{print}"))
}

/// With what tags tend to say of owner and environment.
pub(crate) fn owner_and_environment(
    mut one: Observation,
    tags: &BTreeMap<String, String>,
) -> Observation {
    let lower: BTreeMap<String, &String> = tags
        .iter()
        .map(|(name, held)| (name.to_ascii_lowercase(), held))
        .collect();
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| lower.get(*name).filter(|held| !held.is_empty()))
    };
    if let Some(owner) = first(&OWNER_TAGS) {
        one = one.concluded(Attribute::OWNER_HINT, owner.as_str(), Confidence::Derived);
    }
    if let Some(environment) = first(&ENVIRONMENT_TAGS) {
        one = one.concluded(
            Attribute::ENVIRONMENT,
            environment.as_str(),
            Confidence::Derived,
        );
    }
    one
}

/// The settled account, with what follows from seeing it whole.
pub(crate) struct Telling<'a> {
    pub(crate) account: &'a Account,
    /// The account's number, if it is known.
    pub(crate) number: Option<String>,
    /// Unique ids that two ARNs claim: an id claimed twice names nothing.
    doubtful: BTreeSet<&'a str>,
    /// Users of one name, with their native ids.
    users: BTreeMap<&'a str, Vec<(&'a Principal, String)>>,
    /// Lines of the report by user name.
    lines: BTreeMap<&'a str, &'a Line>,
    /// Access keys by user name.
    pub(crate) keys: BTreeMap<&'a str, Vec<&'a AccessKey>>,
    /// Names of roles by whom they let in.
    pub(crate) lets_in: BTreeMap<String, BTreeSet<&'a str>>,
    /// Names of key pairs that are described, not only mentioned.
    pub(crate) key_pairs: BTreeSet<&'a str>,
}

/// Everything that was learnt, in a fixed order.
pub(crate) fn observations(account: &mut Account) -> Vec<Observation> {
    credentials::users_of_the_report(account);
    account.settle();
    let telling = Telling::new(account);
    let mut told = Vec::new();
    told.extend(telling.root());
    for one in telling.account.principals.values() {
        told.push(telling.principal(one));
        rights::grants(&telling, one, &mut told);
    }
    rights::policies(&telling, &mut told);
    credentials::credentials(&telling, &mut told);
    let users = Users::of(telling.account);
    let others = telling.account.others.values();
    let others = others.filter_map(|one| credentials::held(&telling, one));
    told.extend(others.map(|one| match one.kind {
        Kind::Credential => users.tell(one),
        Kind::Grant => handed::granted(&telling, one),
        _ => one,
    }));
    handed::workloads(&telling, &mut told);
    told.extend(telling.account.in_variables.iter().cloned());
    told
}

impl<'a> Telling<'a> {
    fn new(account: &'a Account) -> Self {
        let mut claimed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for one in account.principals.values().filter(|one| !one.id.is_empty()) {
            claimed.entry(&one.id).or_default().insert(&one.arn);
        }
        let doubtful = claimed
            .into_iter()
            .filter(|(_, by)| by.len() > 1)
            .map(|(id, _)| id)
            .collect();
        let mut telling = Self {
            account,
            number: account.account(),
            doubtful,
            users: BTreeMap::new(),
            lines: account
                .report
                .iter()
                .map(|line| (line.user.as_str(), line))
                .collect(),
            keys: BTreeMap::new(),
            lets_in: BTreeMap::new(),
            key_pairs: credentials::described_key_pairs(account),
        };
        for key in account.keys.values() {
            if let Some(user) = &key.user {
                telling.keys.entry(user).or_default().push(key);
            }
        }
        for role in account.principals.values().filter(|one| one.role) {
            for whom in role.trust.iter().flat_map(policy::trusted) {
                telling.lets_in.entry(whom).or_default().insert(&role.name);
            }
        }
        for one in account.principals.values().filter(|one| !one.role) {
            let native = telling.native(one);
            telling
                .users
                .entry(&one.name)
                .or_default()
                .push((one, native));
        }
        telling
    }

    /// The report's line of a user.
    pub(crate) fn line(&self, user: &str) -> Option<&'a Line> {
        self.lines.get(user).copied()
    }

    fn trusted_id<'p>(&self, one: &'p Principal) -> Option<&'p str> {
        (!one.id.is_empty() && !self.doubtful.contains(one.id.as_str())).then_some(one.id.as_str())
    }

    /// What the source calls a user or role: its unique id; else its ARN and birth.
    pub(crate) fn native(&self, one: &Principal) -> String {
        if let Some(id) = self.trusted_id(one) {
            return id.to_owned();
        }
        let kind = if one.role { "role" } else { "user" };
        let handle = if one.arn.is_empty() {
            format!("{kind}/{}", one.name)
        } else {
            one.arn.clone()
        };
        native(
            &one.created
                .map_or_else(|| handle.clone(), |at| format!("{handle}@{at}")),
        )
    }

    /// The one user of this name, or the one of them in `account`; `None` on any doubt.
    pub(crate) fn user(
        &self,
        name: &str,
        account: Option<&str>,
    ) -> Option<&(&'a Principal, String)> {
        let named = self.users.get(name)?;
        if let [only] = named.as_slice() {
            return Some(only);
        }
        let mut there = named
            .iter()
            .filter(|(one, _)| account.is_some() && account_of(&one.arn) == account);
        there.next().filter(|_| there.next().is_none())
    }

    /// What the source calls the user or role with this ARN.
    pub(crate) fn principal_native(&self, arn: &str) -> Option<String> {
        let records = self.account.records_of(arn);
        let known = records
            .first()
            .and_then(|at| self.account.principals.get(at))?;
        Some(self.native(known))
    }

    /// The number of the account a thing with this ARN belongs to.
    fn number_of<'s>(&'s self, arn: &'s str) -> Option<&'s str> {
        account_of(arn).or_else(|| self.number.as_deref().filter(|text| is_account(text)))
    }

    pub(crate) fn root_native(&self) -> Option<String> {
        self.number
            .as_ref()
            .map(|number| format!("arn:aws:iam::{number}:root"))
    }

    /// The account's root, where there is anything that tells of it.
    fn root(&self) -> Option<Observation> {
        let line = self.account.report.iter().find(|line| line.is_root());
        let summary = &self.account.summary;
        let live = self.account.met.contains("live");
        if line.is_none() && summary.is_empty() && !live {
            return None;
        }
        let arn = line
            .map(|line| line.arn.clone())
            .or_else(|| self.root_native())?;
        let mfa = summary
            .get("AccountMFAEnabled")
            .map(|n| *n > 0)
            .or(line.and_then(|line| line.mfa));
        let mut one = self
            .start(
                Kind::Identity,
                "aws_account_root",
                &arn,
                &Scope::of("account"),
                "root",
            )
            .is(Attribute::ARN, arn.as_str())
            .hint("arn", &arn)
            .is(Attribute::PRIVILEGE, "root")
            .concluded(
                Attribute::CLASS,
                Fact::from(Class::HumanOperated),
                Confidence::Derived,
            )
            .told(Attribute::MFA, Told::or_cannot_tell(mfa))
            .told(
                Attribute::CREATED_AT,
                Told::or_cannot_tell(line.and_then(|line| line.created)),
            );
        if !self.account.aliases.is_empty() {
            let aliases: Vec<_> = self.account.aliases.iter().cloned().collect();
            one = one.is(Attribute::named("account_aliases"), aliases);
        }
        Some(one.told(Attribute::LAST_USED_AT, self.used_by_report(line)))
    }

    /// The latest use of a user's password and keys, as the report has them.
    fn used_by_report(&self, line: Option<&Line>) -> Told<Timestamp> {
        let Some(line) = line else {
            return Told::CannotTell;
        };
        let uses = line
            .keys
            .iter()
            .map(|slot| &slot.used)
            .chain([&line.password_used]);
        let mut latest: Told<Timestamp> = Told::Absent;
        for used in uses {
            latest = match (latest, used) {
                (Told::Is(a), Told::Is(b)) => Told::Is(a.max(*b)),
                (_, Told::Is(b)) => Told::Is(*b),
                (Told::Is(a), _) => Told::Is(a),
                (Told::CannotTell, _) | (_, Told::CannotTell) => Told::CannotTell,
                (Told::Absent, Told::Absent) => Told::Absent,
            };
        }
        latest
    }

    pub(crate) fn start(
        &self,
        kind: Kind,
        of_type: &str,
        id: &str,
        scope: &Scope,
        name: &str,
    ) -> Observation {
        let one = Observation::new(kind, native(id), scope)
            .is(Attribute::NAME, name)
            .is(Attribute::TYPE, of_type)
            .is(Attribute::PROVIDER, "aws");
        // What AWS itself keeps, such as its own policies, belongs to no account.
        let number = if id.starts_with("arn:") {
            account_of(id)
        } else {
            self.number.as_deref()
        };
        match number {
            Some(number) => one.is(Attribute::ACCOUNT, number),
            None => one,
        }
    }

    fn principal(&self, one: &Principal) -> Observation {
        let (of_type, scope) = match (one.role, one.recorded) {
            (true, true) => ("aws_iam_role", "roles"),
            (false, true) => ("aws_iam_user", "users"),
            (true, false) => ("aws_iam_role", "mentions"),
            (false, false) => ("aws_iam_user", "mentions"),
        };
        let mut told = self
            .start(
                Kind::Identity,
                of_type,
                &self.native(one),
                &Scope::of(scope),
                &one.name,
            )
            .hint("name", &one.name);
        if !one.arn.is_empty() {
            told = told
                .is(Attribute::ARN, one.arn.as_str())
                .hint("arn", &one.arn);
            if let Some(number) = self.number_of(&one.arn) {
                told = told.is(Attribute::ACCOUNT, number);
            }
        }
        if let (Some(id), Some(number)) = (self.trusted_id(one), self.number_of(&one.arn)) {
            told = told.key(Key::new(KeyKind::AwsPrincipalId, format!("{number}/{id}")));
        }
        told = told.told(Attribute::CREATED_AT, Told::or_cannot_tell(one.created));
        if !one.tags.is_empty() {
            told = owner_and_environment(told, &one.tags).is(Attribute::TAGS, one.tags.clone());
        }
        if let Some(arn) = &one.boundary {
            told = told.is(Attribute::named("permissions_boundary"), arn.as_str());
        }
        let told = services(one, rights::of(self, one, told));
        if one.role {
            self.role(one, told)
        } else {
            self.of_user(one, told)
        }
    }

    /// How many access keys of a user are active: by the report, or by the list of them.
    fn active_keys(&self, user: &str, line: Option<&Line>) -> Option<i64> {
        if let Some(line) = line {
            let active = line.keys.iter().filter(|slot| slot.active).count();
            return i64::try_from(active).ok();
        }
        let keys = self.keys.get(user).map(Vec::as_slice).unwrap_or_default();
        let told = keys.iter().filter_map(|key| key.status.as_deref());
        // Whoever lists one key of a user lists all.
        let listed = self.account.keys_listed.contains(user) || told.clone().next().is_some();
        let active = told
            .filter(|status| status.eq_ignore_ascii_case("active"))
            .count();
        listed
            .then_some(active)
            .and_then(|count| i64::try_from(count).ok())
    }

    fn role(&self, one: &Principal, mut told: Observation) -> Observation {
        if let Some(purpose) = one.description.as_ref().filter(|text| !text.is_empty()) {
            told = told.is(Attribute::PURPOSE, purpose.as_str());
        }
        if let Some(seconds) = one.max_session_seconds {
            told = told.is(Attribute::named("max_session_seconds"), seconds);
        }
        if let Some(trust) = &one.trust {
            let trusted: Vec<_> = policy::trusted(trust).into_iter().collect();
            told = told
                .is(Attribute::TRUSTS, trusted)
                .is(Attribute::POLICY, trust.to_string());
            if let Some(class) = class_of_role(one, trust) {
                told = told.concluded(Attribute::CLASS, Fact::from(class), Confidence::Derived);
            }
        }
        let used = match (&one.role_used, &one.service_used) {
            (Some(Some((at, _))), Some((later, service))) if later > at => {
                told = told.is(Attribute::LAST_USED_FOR, service.as_str());
                Told::Is(*later)
            }
            (Some(Some((at, region))), _) => {
                if !region.is_empty() {
                    told = told.is(Attribute::LAST_USED_FOR, format!("in {region}"));
                }
                Told::Is(*at)
            }
            (_, Some((at, service))) => {
                told = told.is(Attribute::LAST_USED_FOR, service.as_str());
                Told::Is(*at)
            }
            (Some(None), None) => {
                told = told.is(
                    Attribute::named("last_used_window"),
                    format!("no use in the last {USE_KEPT}, which is all that IAM keeps"),
                );
                // Younger than what IAM keeps: then no use in that time is no use at all.
                match one.created {
                    Some(created) if self.account.now.since(created) < USE_KEPT => Told::Absent,
                    _ => Told::CannotTell,
                }
            }
            (None, None) => {
                told = no_service(one, told);
                Told::CannotTell
            }
        };
        told.told(Attribute::LAST_USED_AT, used)
    }

    fn of_user(&self, one: &Principal, mut told: Observation) -> Observation {
        if one.policies_told || !one.groups.is_empty() {
            let groups: Vec<_> = one.groups.iter().cloned().collect();
            told = told.is(Attribute::MEMBER_OF, groups);
        }
        let line = self
            .line(&one.name)
            .filter(|line| one.arn.is_empty() || line.arn == one.arn);
        let mfa = line
            .and_then(|line| line.mfa)
            .or_else(|| self.account.mfa.contains(&one.name).then_some(true));
        told = told.told(Attribute::MFA, Told::or_cannot_tell(mfa)).told(
            Attribute::named("active_keys"),
            Told::or_cannot_tell(self.active_keys(&one.name, line)),
        );
        let password = line.and_then(|line| line.password) == Some(true)
            || self.account.passwords.contains_key(&one.name)
            || one.password_used.is_some();
        if password {
            told = told.concluded(
                Attribute::CLASS,
                Fact::from(Class::HumanOperated),
                Confidence::Derived,
            );
        }
        let keys = self.keys.get(one.name.as_str()).into_iter().flatten();
        let used = keys.filter_map(|key| key.used.as_ref()?.is().copied());
        let used = used
            .chain(one.password_used)
            .chain(one.service_used.as_ref().map(|(at, _)| *at));
        let used = used.chain(self.used_by_report(line).is().copied()).max();
        let used = match (used, self.used_by_report(line)) {
            (Some(at), _) => Told::Is(at),
            (None, Told::CannotTell) => {
                told = no_service(one, told);
                Told::CannotTell
            }
            (None, reported) => reported,
        };
        told.told(Attribute::LAST_USED_AT, used)
    }
}

/// That a report of somebody's services knows of no use. Tries at what it may not use are in none,
/// so that is less than no use at all.
fn no_service(one: &Principal, told: Observation) -> Observation {
    match &one.services {
        Some(services) if services.used.is_empty() => told.is(
            Attribute::named("last_used_window"),
            format!(
                "no use of a service that it may use in the last {USE_KEPT}, which is all that \
                 IAM keeps"
            ),
        ),
        _ => told,
    }
}

/// Which services somebody used last, and which it may use and did not; the latest first.
fn services(one: &Principal, told: Observation) -> Observation {
    let Some(services) = &one.services else {
        return told;
    };
    let mut used: Vec<_> = services.used.iter().collect();
    used.sort_by_key(|(name, at)| (std::cmp::Reverse(**at), *name));
    let day = |at: &Timestamp| at.to_string().chars().take(10).collect::<String>();
    let used = used.iter().take(SERVICES_MAX);
    let used: Vec<String> = used
        .map(|(name, at)| format!("{name} {}", day(at)))
        .collect();
    let unused = services.unused.iter().take(SERVICES_MAX);
    let unused: Vec<String> = unused.cloned().collect();
    let count = i64::try_from(services.unused.len()).unwrap_or(i64::MAX);
    told.is(Attribute::named("services_used"), used)
        .is(Attribute::named("services_unused"), unused)
        .is(Attribute::named("services_unused_count"), count)
        .is(
            Attribute::named("services_window"),
            format!("the last {USE_KEPT}"),
        )
}

/// What a role is for, as far as whom it trusts tells.
fn class_of_role(one: &Principal, trust: &serde_json::Value) -> Option<Class> {
    if one.path.starts_with("/aws-reserved/sso.amazonaws.com/")
        || one.arn.contains(":role/aws-reserved/sso.amazonaws.com/")
    {
        return Some(Class::HumanOperated);
    }
    if policy::trusts_a(trust, "Service") {
        return Some(Class::Workload);
    }
    let trusted = policy::trusted(trust);
    if trusted.iter().any(|whom| whom.contains(":saml-provider/")) {
        return Some(Class::HumanOperated);
    }
    let outside = trusted
        .iter()
        .any(|whom| whom.contains("oidc-provider/token.actions.") || whom.contains("gitlab"));
    outside.then_some(Class::Integration)
}
