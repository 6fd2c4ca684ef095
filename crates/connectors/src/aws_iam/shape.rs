//! Recognises what AWS answers by its members, wherever it lies in a JSON text.
//!
//! Exports come as the command line or an SDK printed them, alone, in lists, or under names of
//! somebody's own; so nothing is assumed of what surrounds an object.

use std::collections::BTreeMap;

use model::{Timestamp, Told};
use serde_json::{Map, Value};

use super::account::{
    AccessKey, Account, Group, Principal, is_account, is_unique_id, principal_of,
};
use super::{policy, report, services, trusts, workloads};

/// Deeper than AWS nests; what lies below is not looked at.
const DEPTH_MAX: usize = 40;

/// Longer than any name, ARN or description; a longer text is not one of these.
const TEXT_BYTES_MAX: usize = 2048;

pub(crate) type Object = Map<String, Value>;

impl Account {
    /// Learns whatever `value` holds.
    pub(crate) fn take(&mut self, value: &Value) {
        walk(self, value, 0);
    }
}

fn walk(account: &mut Account, value: &Value, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(object) => {
            recognise(account, object);
            for (name, held) in object {
                mention(account, name);
                // Policies name principals of anywhere; they are read where they belong.
                if !is_foreign(name) && !is_policy(held) {
                    walk(account, held, depth + 1);
                }
            }
        }
        Value::Array(list) => {
            for held in list.iter().filter(|held| !is_policy(held)) {
                walk(account, held, depth + 1);
            }
        }
        Value::String(text) => mention(account, text),
        _ => {}
    }
}

/// Whether a member holds what others wrote, however much it looks like an answer: policies, events,
/// and variables with their values.
fn is_foreign(name: &str) -> bool {
    matches!(
        name,
        "Statement" | "CloudTrailEvent" | "Environment" | "environment"
    )
}

/// A policy document, or one statement of one.
fn is_policy(value: &Value) -> bool {
    value.get("Statement").is_some()
        || (value.get("Effect").is_some() && value.get("Resource").is_some())
}

/// A user or role that something names by its ARN exists for whoever named it.
fn mention(account: &mut Account, text: &str) {
    if text.len() < 20 || !text.starts_with("arn:") {
        return;
    }
    if let Some((role, name, _)) = principal_of(text) {
        account.principal(Principal {
            role,
            name: name.to_owned(),
            arn: text.to_owned(),
            ..Principal::default()
        });
    }
}

fn recognise(account: &mut Account, object: &Object) {
    caller(account, object);
    user(account, object);
    role(account, object);
    group(account, object);
    managed_policy(account, object);
    access_key(account, object);
    of_a_user(account, object);
    lists(account, object);
    services::recognise(account, object);
    trusts::recognise(account, object);
    workloads::recognise(account, object);
}

fn caller(account: &mut Account, object: &Object) {
    let (Some(number), Some(arn), Some(id)) = (
        text(object, "Account"),
        text(object, "Arn"),
        text(object, "UserId"),
    ) else {
        return;
    };
    if !is_account(&number) {
        return;
    }
    account.own = Some(number);
    if let Some((false, name, _)) = principal_of(&arn) {
        account.principal(Principal {
            name: name.to_owned(),
            id: unique(Some(id)),
            arn,
            recorded: true,
            ..Principal::default()
        });
    }
}

fn user(account: &mut Account, object: &Object) {
    let Some(name) = text(object, "UserName") else {
        return;
    };
    let arn = text(object, "Arn").filter(|arn| principal_of(arn).is_some_and(|(role, ..)| !role));
    let id = text(object, "UserId");
    if object.contains_key("IdentityStoreId") || (arn.is_none() && id.is_none()) {
        return;
    }
    if arn.is_none() && !id.as_deref().is_some_and(|id| id.starts_with("AIDA")) {
        return;
    }
    let one = Principal {
        name,
        id: unique(id),
        groups: texts(object.get("GroupList")).collect(),
        inline: inline(object.get("UserPolicyList")),
        password_used: time(object.get("PasswordLastUsed")),
        policies_told: object.contains_key("AttachedManagedPolicies"),
        ..common(object, arn)
    };
    account.principal(one);
}

fn role(account: &mut Account, object: &Object) {
    let Some(name) = text(object, "RoleName") else {
        return;
    };
    let arn = text(object, "Arn").filter(|arn| principal_of(arn).is_some_and(|(role, ..)| role));
    let id = text(object, "RoleId");
    if arn.is_none() && id.is_none() {
        return;
    }
    let used = object.get("RoleLastUsed").map(|used| {
        let at = time(used.get("LastUsedDate"))?;
        let region = used
            .get("Region")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Some((at, region.to_owned()))
    });
    let one = Principal {
        role: true,
        name,
        id: unique(id),
        inline: inline(object.get("RolePolicyList")),
        trust: object
            .get("AssumeRolePolicyDocument")
            .and_then(policy::document),
        description: text(object, "Description"),
        max_session_seconds: number(object.get("MaxSessionDuration")),
        role_used: used,
        policies_told: object.contains_key("AttachedManagedPolicies"),
        ..common(object, arn)
    };
    account.principal(one);
}

fn common(object: &Object, arn: Option<String>) -> Principal {
    Principal {
        arn: arn.unwrap_or_default(),
        path: text(object, "Path").unwrap_or_default(),
        created: time(object.get("CreateDate")),
        tags: tags(object.get("Tags")),
        attached: attached(object.get("AttachedManagedPolicies")),
        boundary: object
            .get("PermissionsBoundary")
            .and_then(|held| held.get("PermissionsBoundaryArn"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        recorded: true,
        ..Principal::default()
    }
}

fn group(account: &mut Account, object: &Object) {
    let Some(name) = text(object, "GroupName") else {
        return;
    };
    let ours =
        text(object, "Arn").is_some_and(|arn| arn.contains(":iam:") && arn.contains(":group/"));
    if !ours {
        return;
    }
    let known: &mut Group = account.groups.entry(name).or_default();
    known
        .attached
        .extend(attached(object.get("AttachedManagedPolicies")));
    known.inline.extend(inline(object.get("GroupPolicyList")));
    known.policies_told |= object.contains_key("AttachedManagedPolicies");
}

fn managed_policy(account: &mut Account, object: &Object) {
    let Some(arn) =
        text(object, "Arn").filter(|arn| arn.contains(":iam:") && arn.contains(":policy/"))
    else {
        return;
    };
    let versions = object.get("PolicyVersionList").and_then(Value::as_array);
    let default = versions
        .into_iter()
        .flatten()
        .find(|version| flag(version.get("IsDefaultVersion")) == Some(true));
    if let Some(document) = default
        .and_then(|version| version.get("Document"))
        .and_then(policy::document)
    {
        account.policies.insert(arn, document);
    }
}

fn access_key(account: &mut Account, object: &Object) {
    let Some(id) = text(object, "AccessKeyId").filter(|id| is_key_id(id)) else {
        return;
    };
    let status = text(object, "Status");
    let used = object
        .get("LastUsedDate")
        .map(|date| Told::or_absent(time(Some(date))));
    let service = text(object, "LastUsedService");
    let region = text(object, "LastUsedRegion");
    account.key(
        &id,
        AccessKey {
            user: text(object, "UserName").filter(|_| status.is_some()),
            created: time(object.get("CreateDate")),
            status: status.map(|status| status.to_ascii_lowercase()),
            used,
            used_for: report::used_for(service.as_deref(), region.as_deref()),
        },
    );
}

/// An id of a long-term or temporary key. Some exports carry shortened ones; those are kept too,
/// without a hard key.
fn is_key_id(id: &str) -> bool {
    (8..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What answers tell of a user by name only.
fn of_a_user(account: &mut Account, object: &Object) {
    if let Some(user) = text(object, "UserName") {
        if object.contains_key("SerialNumber") && object.contains_key("EnableDate") {
            account.mfa.insert(user.clone());
        }
        if object.contains_key("PasswordResetRequired") {
            account
                .passwords
                .insert(user, time(object.get("CreateDate")));
        }
    } else if let (true, Some(user)) = (
        object.contains_key("SerialNumber"),
        object.get("User").and_then(Value::as_object),
    ) && let Some(name) = text(user, "UserName")
    {
        account.mfa.insert(name);
    }
    if let Some(services) = object.get("ServicesLastAccessed").and_then(Value::as_array) {
        for one in services {
            let entity = one
                .get("LastAuthenticatedEntity")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let service = one
                .get("ServiceNamespace")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if let (Some((role, name, _)), Some(at)) =
                (principal_of(entity), time(one.get("LastAuthenticated")))
            {
                account.principal(Principal {
                    role,
                    name: name.to_owned(),
                    arn: entity.to_owned(),
                    service_used: Some((at, service.to_owned())),
                    ..Principal::default()
                });
            }
        }
    }
}

/// Whole lists: they say what was asked for, and some speak of the account itself.
fn lists(account: &mut Account, object: &Object) {
    for (member, what) in [
        ("UserDetailList", "users"),
        ("Users", "users"),
        ("RoleDetailList", "roles"),
        ("Roles", "roles"),
        ("AccessKeyMetadata", "access keys"),
        ("ServerCertificateMetadataList", "server certificates"),
    ] {
        if object
            .get(member)
            .is_some_and(|held| held.is_array() || held.is_null())
        {
            account.met.insert(what.to_owned());
        }
    }
    if let Some(content) = object.get("Content").and_then(Value::as_str)
        && let Some(lines) = report::lines(content)
    {
        account.take_report(lines);
    }
    let summary = object.get("SummaryMap").and_then(Value::as_object);
    let bare = object
        .contains_key("AccountAccessKeysPresent")
        .then_some(object);
    for (name, held) in summary.or(bare).into_iter().flatten() {
        if let Some(n) = number(Some(held)) {
            account.summary.insert(name.clone(), n);
        }
    }
    account.aliases.extend(texts(object.get("AccountAliases")));
}

impl Account {
    /// Learns the lines of a credential report.
    pub(crate) fn take_report(&mut self, lines: Vec<report::Line>) {
        self.met.insert("credential report".to_owned());
        self.report.extend(lines);
    }
}

fn unique(id: Option<String>) -> String {
    id.filter(|id| is_unique_id(id)).unwrap_or_default()
}

fn attached(held: Option<&Value>) -> BTreeMap<String, String> {
    let list = held.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| {
        let arn = one.get("PolicyArn")?.as_str()?;
        let name = one.get("PolicyName").and_then(Value::as_str);
        let name = name.or_else(|| arn.rsplit('/').next()).unwrap_or(arn);
        Some((arn.to_owned(), name.to_owned()))
    })
    .collect()
}

fn inline(held: Option<&Value>) -> BTreeMap<String, Option<Value>> {
    let list = held.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| {
        let name = one.get("PolicyName")?.as_str()?;
        Some((
            name.to_owned(),
            one.get("PolicyDocument").and_then(policy::document),
        ))
    })
    .collect()
}

/// Tags, as a list of pairs or as a map.
pub(crate) fn tags(held: Option<&Value>) -> BTreeMap<String, String> {
    match held {
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|one| {
                let part =
                    |a: &str, b: &str| one.get(a).or_else(|| one.get(b)).and_then(Value::as_str);
                Some((
                    part("Key", "key")?.to_owned(),
                    part("Value", "value").unwrap_or_default().to_owned(),
                ))
            })
            .collect(),
        Some(Value::Object(map)) => map
            .iter()
            .filter_map(|(name, held)| Some((name.clone(), held.as_str()?.to_owned())))
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// The texts of a list.
pub(crate) fn texts(held: Option<&Value>) -> impl Iterator<Item = String> {
    held.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|text| text.len() <= TEXT_BYTES_MAX)
        .map(str::to_owned)
}

/// A member that is a text and says something.
pub(crate) fn text(object: &Object, name: &str) -> Option<String> {
    let held = object.get(name)?.as_str()?;
    (!matches!(held, "" | "N/A") && held.len() <= TEXT_BYTES_MAX).then(|| held.to_owned())
}

/// A whole number, be it a text.
pub(crate) fn number(held: Option<&Value>) -> Option<i64> {
    match held? {
        Value::Number(n) => n.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Yes or no, be it a text.
pub(crate) fn flag(held: Option<&Value>) -> Option<bool> {
    match held? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.as_str() {
            "true" | "True" => Some(true),
            "false" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A time: RFC 3339, without a zone (UTC), with a blank for the `T`, or seconds since 1970 with
/// a fraction, as some interfaces send it.
pub(crate) fn time(held: Option<&Value>) -> Option<Timestamp> {
    match held? {
        Value::String(text) => text.parse().ok(),
        Value::Number(n) => {
            let seconds = n.as_f64()?;
            if !(0.0..1e11).contains(&seconds) {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, reason = "bounded one line above")]
            Some(Timestamp((seconds * 1e6).round() as i64))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
