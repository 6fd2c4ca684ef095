//! What is being learnt of one account, call by call and page by page, until it is told.
//!
//! Several answers tell of one user: its record, its keys, a line of the credential report. They
//! are laid together here, so that live answers and exports give the same observations. An
//! account's own quotas bound it (5,000 users, 10,000 roles); [`THINGS_MAX`] bounds hostile input.

use std::collections::{BTreeMap, BTreeSet};

use model::{Kind, Observation, Timestamp, Told};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Things kept of one pass; what comes beyond is counted in [`Account::beyond`].
pub(crate) const THINGS_MAX: usize = 500_000;

/// A user or a role.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Principal {
    pub(crate) role: bool,
    pub(crate) name: String,
    pub(crate) arn: String,
    /// `AIDA…`, `AROA…`; empty where none of valid form was told.
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) created: Option<Timestamp>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) groups: BTreeSet<String>,
    /// Managed policies: ARN to name.
    pub(crate) attached: BTreeMap<String, String>,
    /// Inline policies with their documents, where shown.
    pub(crate) inline: BTreeMap<String, Option<Value>>,
    pub(crate) trust: Option<Value>,
    pub(crate) description: Option<String>,
    pub(crate) max_session_seconds: Option<i64>,
    pub(crate) boundary: Option<String>,
    /// Last use as IAM tracks it for roles; `None`: the answer had no such field.
    pub(crate) role_used: Option<Option<(Timestamp, String)>>,
    /// Last use concluded from reports of services.
    pub(crate) service_used: Option<(Timestamp, String)>,
    /// The services that it may use, where a report of its own says which it did.
    pub(crate) services: Option<super::accessed::Services>,
    pub(crate) password_used: Option<Timestamp>,
    /// Whether its policies were listed, so that none is none.
    pub(crate) policies_told: bool,
    /// Whether a record of it was seen, not only its ARN in something else.
    pub(crate) recorded: bool,
}

impl Principal {
    /// Lays what another answer tells of the same thing beside this.
    pub(crate) fn merge(&mut self, other: Self) {
        fn text(mine: &mut String, theirs: String) {
            if mine.is_empty() {
                *mine = theirs;
            }
        }
        fn maybe<T>(mine: &mut Option<T>, theirs: Option<T>) {
            if mine.is_none() {
                *mine = theirs;
            }
        }
        text(&mut self.name, other.name);
        text(&mut self.arn, other.arn);
        text(&mut self.id, other.id);
        text(&mut self.path, other.path);
        maybe(&mut self.created, other.created);
        self.tags.extend(other.tags);
        self.groups.extend(other.groups);
        self.attached.extend(other.attached);
        for (name, document) in other.inline {
            maybe(self.inline.entry(name).or_default(), document);
        }
        maybe(&mut self.trust, other.trust);
        maybe(&mut self.description, other.description);
        maybe(&mut self.max_session_seconds, other.max_session_seconds);
        maybe(&mut self.boundary, other.boundary);
        if !matches!(self.role_used, Some(Some(_))) && other.role_used.is_some() {
            self.role_used = other.role_used;
        }
        self.service_used = self.service_used.take().max(other.service_used);
        maybe(&mut self.services, other.services);
        self.password_used = self.password_used.max(other.password_used);
        self.policies_told |= other.policies_told;
        self.recorded |= other.recorded;
    }
}

/// An access key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AccessKey {
    pub(crate) user: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) created: Option<Timestamp>,
    /// `None`: nobody was asked. `CannotTell`: asked in vain.
    pub(crate) used: Option<Told<Timestamp>>,
    pub(crate) used_for: Option<String>,
}

/// A group of users.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) attached: BTreeMap<String, String>,
    pub(crate) inline: BTreeMap<String, Option<Value>>,
    pub(crate) policies_told: bool,
}

/// What is known of one account so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    /// When the pass began.
    pub(crate) now: Timestamp,
    /// The account that the caller belongs to, where it was told.
    pub(crate) own: Option<String>,
    /// Users and roles by ARN (or `user/name` where no ARN is told) and unique id.
    #[serde(with = "pairs")]
    pub(crate) principals: BTreeMap<(String, String), Principal>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Documents of managed policies, by ARN.
    pub(crate) policies: BTreeMap<String, Value>,
    pub(crate) keys: BTreeMap<String, AccessKey>,
    /// Lines of the credential report.
    pub(crate) report: Vec<super::report::Line>,
    /// Numbers of the account summary.
    pub(crate) summary: BTreeMap<String, i64>,
    /// Users whose keys were listed, so that the report's nameless keys are among them.
    pub(crate) keys_listed: BTreeSet<String>,
    /// Users with a device for multi-factor authentication.
    pub(crate) mfa: BTreeSet<String>,
    /// Users with a password, and since when.
    pub(crate) passwords: BTreeMap<String, Option<Timestamp>>,
    pub(crate) aliases: BTreeSet<String>,
    /// Everything that one answer tells whole.
    #[serde(with = "pairs")]
    pub(crate) others: BTreeMap<(Kind, String), Observation>,
    /// What runs, by native id.
    pub(crate) workloads: BTreeMap<String, super::workloads::Workload>,
    /// What stands in their variables.
    pub(crate) in_variables: Vec<Observation>,
    /// Kinds of lists that were met, to say which were not.
    pub(crate) met: BTreeSet<String>,
    /// Things that were not kept because there were too many.
    pub(crate) beyond: usize,
}

impl Account {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            now,
            own: None,
            principals: BTreeMap::new(),
            groups: BTreeMap::new(),
            policies: BTreeMap::new(),
            keys: BTreeMap::new(),
            report: Vec::new(),
            summary: BTreeMap::new(),
            keys_listed: BTreeSet::new(),
            mfa: BTreeSet::new(),
            passwords: BTreeMap::new(),
            aliases: BTreeSet::new(),
            others: BTreeMap::new(),
            workloads: BTreeMap::new(),
            in_variables: Vec::new(),
            met: BTreeSet::new(),
            beyond: 0,
        }
    }

    /// Lays what was learnt of one region beside the rest.
    pub(crate) fn absorb(&mut self, region: Self) {
        for one in region.principals.into_values() {
            self.principal(one);
        }
        for (id, key) in region.keys {
            self.key(&id, key);
        }
        for one in region.others.into_values() {
            self.other(one);
        }
        for one in region.workloads.into_values() {
            self.workload(one);
        }
        self.policies.extend(region.policies);
        self.in_variables.extend(region.in_variables);
        self.met.extend(region.met);
        self.beyond += region.beyond;
    }

    pub(crate) fn full(&mut self) -> bool {
        let held =
            self.principals.len() + self.keys.len() + self.others.len() + self.workloads.len();
        let full = held >= THINGS_MAX;
        self.beyond += usize::from(full);
        full
    }

    /// Keeps what is told of a user or role.
    pub(crate) fn principal(&mut self, one: Principal) {
        let kind = if one.role { "role" } else { "user" };
        let handle = if one.arn.is_empty() {
            format!("{kind}/{}", one.name)
        } else {
            one.arn.clone()
        };
        let place = (handle, one.id.clone());
        if let Some(known) = self.principals.get_mut(&place) {
            known.merge(one);
        } else if !self.full() {
            self.principals.insert(place, one);
        }
    }

    /// Keeps what is told of an access key.
    pub(crate) fn key(&mut self, id: &str, told: AccessKey) {
        if !self.keys.contains_key(id) && self.full() {
            return;
        }
        let known = self.keys.entry(id.to_owned()).or_default();
        // A list of keys outweighs a mention of one: it has a status.
        if told.status.is_some() && known.status.is_none() {
            known.user = told.user.or(known.user.take());
        } else if known.user.is_none() {
            known.user = told.user;
        }
        known.status = known.status.take().or(told.status);
        known.created = known.created.or(told.created);
        if !matches!(known.used, Some(Told::Is(_))) && told.used.is_some() {
            known.used = told.used;
        }
        known.used_for = known.used_for.take().or(told.used_for);
    }

    /// Keeps what one answer tells whole; of two tellings, values outweigh silence.
    pub(crate) fn other(&mut self, one: Observation) {
        let place = (one.kind, one.native.clone());
        if let Some(known) = self.others.get_mut(&place) {
            for (attribute, fact) in one.facts {
                let empty = known
                    .facts
                    .get(&attribute)
                    .is_none_or(|had| had.told.is().is_none());
                if empty {
                    known.facts.insert(attribute, fact);
                }
            }
            known.keys.extend(one.keys);
            known.links.extend(one.links);
        } else if !self.full() {
            self.others.insert(place, one);
        }
    }

    /// The account that is meant where nothing else is said: the caller's, else the one that
    /// most ARNs of users and roles name.
    pub(crate) fn account(&self) -> Option<String> {
        if self.own.is_some() {
            return self.own.clone();
        }
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        let arns = self.principals.keys().map(|(arn, _)| arn.as_str());
        for arn in arns.chain(self.report.iter().map(|line| line.arn.as_str())) {
            if let Some(account) = account_of(arn) {
                *count.entry(account).or_default() += 1;
            }
        }
        let most = count.values().max().copied()?;
        count
            .into_iter()
            .find(|(_, n)| *n == most)
            .map(|(account, _)| account.to_owned())
    }

    /// Lays records without a unique id, and names without an ARN, beside the one thing they
    /// can mean.
    pub(crate) fn settle(&mut self) {
        let vague: Vec<_> = self
            .principals
            .keys()
            .filter(|(_, id)| id.is_empty())
            .cloned()
            .collect();
        let mut named: BTreeMap<(bool, String), Vec<(String, String)>> = BTreeMap::new();
        for (place, one) in self
            .principals
            .iter()
            .filter(|(_, one)| !one.arn.is_empty())
        {
            let places = named.entry((one.role, one.name.clone())).or_default();
            if !places.iter().any(|(arn, _)| *arn == place.0) {
                places.push(place.clone());
            }
        }
        for place in vague {
            let Some(one) = self.principals.get(&place) else {
                continue;
            };
            let into = if one.arn.is_empty() {
                match named.get(&(one.role, one.name.clone())).map(Vec::as_slice) {
                    Some([only]) => self.records_of(&only.0).into_iter().next(),
                    // Several things of this name, in several accounts: it adds nothing to them.
                    Some(_) => Some(place.clone()),
                    None => None,
                }
            } else {
                // Two things of one ARN: it was made anew between two exports.
                let known = self.records_of(&one.arn);
                let born = |place: &&(String, String)| {
                    self.principals.get(*place).map(|known| known.created) == Some(one.created)
                };
                known
                    .iter()
                    .filter(|at| **at != place)
                    .find(born)
                    .or_else(|| known.iter().find(|at| **at != place))
                    .cloned()
            };
            let Some(into) = into else { continue };
            let Some(one) = self.principals.remove(&place) else {
                continue;
            };
            if let Some(known) = self.principals.get_mut(&into) {
                known.merge(one);
            }
        }
    }

    /// Where records with this ARN are kept.
    pub(crate) fn records_of(&self, arn: &str) -> Vec<(String, String)> {
        let from = (arn.to_owned(), String::new());
        let records = self.principals.range(from..);
        records
            .map(|(place, _)| place.clone())
            .take_while(|(at, _)| at == arn)
            .collect()
    }
}

/// Maps whose keys are no texts, as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

/// The account in an ARN, if it is one: twelve digits.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|text| is_account(text))
}

/// Whether a text is an account number.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text can be a unique id of IAM: 16 to 128 letters and digits (IAM API, `idType`).
/// Shortened and redacted ones are none, and make no key.
pub(crate) fn is_unique_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `(is a role, name, path)` of the ARN of a user or role of IAM.
pub(crate) fn principal_of(arn: &str) -> Option<(bool, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let start = (parts.next()?, parts.next()?, parts.next()?);
    if start.0 != "arn"
        || !start.1.starts_with("aws")
        || start.2 != "iam"
        || arn.len() > 800
        || arn.contains('*')
    {
        return None;
    }
    let rest = parts.nth(2)?;
    if rest.contains(['$', ' ', ':']) {
        return None;
    }
    let (role, tail) = match rest.strip_prefix("role/") {
        Some(tail) => (true, tail),
        None => (false, rest.strip_prefix("user/")?),
    };
    let (path, name) = tail.rsplit_once('/').unwrap_or(("", tail));
    (!name.is_empty()).then_some((role, name, path))
}
