//! What users and roles may do, as far as it can be told without evaluating policies, and what
//! a revocation has to know of it beforehand.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Kind, Observation, Relation, Scope, Told};
use serde_json::Value;

use super::account::Principal;
use super::observe::{Telling, native};
use super::policy;

/// The managed policy that allows everything.
const ADMINISTRATOR: &str = ":aws:policy/AdministratorAccess";
/// Longer policy documents than IAM takes are not kept.
const DOCUMENT_BYTES_MAX: usize = 32 * 1024;

/// Reads that harm nothing and that a session without multi-factor authentication may make: by
/// one of them, allowed before, a denied session is told (revocation.md RP-5). IAM's own come
/// last: AWS refuses them to such sessions.
pub(crate) const HARMLESS: [&str; 6] = [
    "ec2:DescribeRegions",
    "sns:ListTopics",
    "cloudformation:ListStacks",
    "rds:DescribeDBInstances",
    "cloudwatch:ListMetrics",
    "iam:GetUser",
];

/// One policy of a user or role, its own or a group's.
struct Held<'a> {
    name: &'a str,
    arn: Option<&'a str>,
    document: Option<&'a Value>,
    group: Option<&'a str>,
}

fn held<'a>(telling: &'a Telling<'_>, one: &'a Principal) -> Vec<Held<'a>> {
    let account = telling.account;
    let mut found = Vec::new();
    let mut add = |attached: &'a BTreeMap<String, String>,
                   inline: &'a BTreeMap<String, Option<Value>>,
                   group: Option<&'a str>| {
        found.extend(attached.iter().map(|(arn, name)| Held {
            name,
            arn: Some(arn),
            document: account.policies.get(arn),
            group,
        }));
        found.extend(inline.iter().map(|(name, document)| Held {
            name,
            arn: None,
            document: document.as_ref(),
            group,
        }));
    };
    add(&one.attached, &one.inline, None);
    for name in &one.groups {
        if let Some(group) = account.groups.get(name) {
            add(&group.attached, &group.inline, Some(name));
        }
    }
    found
}

/// With rights, privilege, and for users what a session of theirs could do.
pub(crate) fn of(telling: &Telling<'_>, one: &Principal, mut told: Observation) -> Observation {
    let policies = held(telling, one);
    if one.policies_told || !policies.is_empty() {
        let names: BTreeSet<String> = policies
            .iter()
            .map(|policy| match policy.group {
                Some(group) => format!("{} (group {group})", policy.name),
                None => policy.name.to_owned(),
            })
            .collect();
        told = told.is(Attribute::RIGHTS, names.into_iter().collect::<Vec<_>>());
    }
    let administrator = |policy: &Held<'_>| {
        policy.arn.is_some_and(|arn| arn.ends_with(ADMINISTRATOR))
            || policy.document.is_some_and(policy::allows_everything)
    };
    let admin = policies.iter().any(administrator);
    if admin {
        told = told.is(Attribute::PRIVILEGE, "admin");
    }
    if one.role || !one.recorded {
        return told;
    }
    let known = is_known(telling, one, &policies);
    if known && !admin && !may_become_admin(&policies) {
        told = told.told::<String>(Attribute::PRIVILEGE, Told::Absent);
    }
    let assumes = admin
        || policies
            .iter()
            .filter_map(|policy| policy.document)
            .any(|document| {
                ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"]
                    .iter()
                    .any(|action| policy::may_allow(document, action))
            });
    told = told.told(
        Attribute::named("may_assume_roles"),
        if assumes || known {
            Told::Is(assumes)
        } else {
            Told::CannotTell
        },
    );
    told = of_roles(telling, assumable(telling, one, assumes || !known), told);
    let plainly = |action: &str| {
        let denied = policies
            .iter()
            .filter_map(|p| p.document)
            .any(|document| policy::may_deny(document, action));
        let allowed = admin
            || policies
                .iter()
                .filter_map(|p| p.document)
                .any(|document| policy::plainly_allows(document, action));
        allowed && !denied
    };
    let probes: Vec<String> = HARMLESS
        .iter()
        .filter(|action| plainly(action))
        .map(|action| (*action).to_owned())
        .collect();
    told.is(Attribute::named("session_probes"), probes)
}

/// Whether every policy of a user is known, with what it says.
fn is_known(telling: &Telling<'_>, one: &Principal, policies: &[Held<'_>]) -> bool {
    let groups = &telling.account.groups;
    let told = |name| groups.get(name).is_some_and(|group| group.policies_told);
    one.policies_told
        && one.groups.iter().all(told)
        && policies.iter().all(|policy| policy.document.is_some())
}

/// Whether some policy could let its holder give itself any right, under whatever condition.
fn may_become_admin(policies: &[Held<'_>]) -> bool {
    let mut documents = policies.iter().filter_map(|policy| policy.document);
    documents.any(|document| {
        ["iam:AttachUserPolicy", "iam:PutUserPolicy"]
            .iter()
            .any(|action| policy::may_allow(document, action))
    })
}

/// Roles of this account that let this user in: by name always, by account where the user's own
/// policies may allow it.
fn assumable(telling: &Telling<'_>, one: &Principal, by_account: bool) -> Vec<String> {
    let root = telling.root_native().unwrap_or_default();
    let number = telling.number.as_deref().unwrap_or_default();
    let by_account = by_account.then_some([root.as_str(), number, "*"]);
    let whoms = [one.arn.as_str()]
        .into_iter()
        .chain(by_account.into_iter().flatten());
    let roles: BTreeSet<&str> = whoms
        .filter_map(|whom| telling.lets_in.get(whom))
        .flatten()
        .copied()
        .collect();
    roles.into_iter().take(200).map(str::to_owned).collect()
}

/// The roles that let a user in, and for how long at most.
fn of_roles(telling: &Telling<'_>, roles: Vec<String>, mut told: Observation) -> Observation {
    if let Some(seconds) = longest_session(telling, &roles) {
        told = told.is(Attribute::named("longest_role_session_seconds"), seconds);
    }
    told.is(Attribute::named("assumable_roles"), roles)
}

/// The longest that a session of any of `roles` may be asked for; `None` unless each of them
/// tells.
fn longest_session(telling: &Telling<'_>, roles: &[String]) -> Option<i64> {
    let known = telling.account.principals.values();
    let known: Vec<_> = known.filter(|one| one.role).collect();
    let of = |name: &String| {
        let role = known.iter().find(|one| one.name == *name)?;
        role.max_session_seconds
    };
    let each: Option<Vec<i64>> = roles.iter().map(of).collect();
    each?.into_iter().max()
}

/// One grant for each policy of a user or role.
pub(crate) fn grants(telling: &Telling<'_>, one: &Principal, told: &mut Vec<Observation>) {
    let holder = telling.native(one);
    for policy in held(telling, one) {
        let which = policy
            .arn
            .map_or_else(|| format!("inline:{}", policy.name), str::to_owned);
        let via = policy
            .group
            .map(|group| format!("group/{group}#"))
            .unwrap_or_default();
        let of_type = if policy.arn.is_some() {
            "aws_attached_policy"
        } else {
            "aws_inline_policy"
        };
        let mut grant = telling
            .start(
                Kind::Grant,
                of_type,
                &format!("{holder}|{via}{which}"),
                &Scope::of("grants"),
                policy.name,
            )
            .link(Relation::Of, Kind::Identity, holder.as_str());
        if let Some(group) = policy.group {
            grant = grant.is(Attribute::named("through_group"), group);
        }
        if let Some(arn) = policy.arn {
            grant = grant
                .link(Relation::On, Kind::Resource, native(arn))
                .is(Attribute::ARN, arn);
        } else if let Some(text) = document(policy.document) {
            grant = grant.is(Attribute::POLICY, text);
        }
        told.push(grant);
    }
}

fn document(held: Option<&Value>) -> Option<String> {
    held.map(Value::to_string)
        .filter(|text| text.len() <= DOCUMENT_BYTES_MAX)
}

/// The managed policies that something holds or that the account keeps.
pub(crate) fn policies(telling: &Telling<'_>, told: &mut Vec<Observation>) {
    let account = telling.account;
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for arn in account.policies.keys() {
        names.insert(arn, arn.rsplit('/').next().unwrap_or(arn));
    }
    let attached = account.principals.values().map(|one| &one.attached);
    for held in attached.chain(account.groups.values().map(|group| &group.attached)) {
        names.extend(held.iter().map(|(arn, name)| (arn.as_str(), name.as_str())));
    }
    for (arn, name) in names {
        let mut one = telling
            .start(
                Kind::Resource,
                "aws_managed_policy",
                arn,
                &Scope::of("policies"),
                name,
            )
            .is(Attribute::ARN, arn);
        if let Some(text) = document(account.policies.get(arn)) {
            one = one.is(Attribute::POLICY, text);
        }
        told.push(one);
    }
}
