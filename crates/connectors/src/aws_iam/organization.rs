//! The organisation that an account may be of: its accounts, the policies that bound them, and who
//! is given what in which of them by Identity Center.
//!
//! They belong to the account that manages the organisation and are read there. To a member AWS
//! denies them whatever its policies say, so a member is not asked and has no gap.

use std::collections::BTreeSet;

use model::{Reason, Scope};
use serde_json::{Map, Value, json};

use super::account::{Account, is_account};
use super::ask::{REFUSALS_MAX, answer, gap};
use super::lists::{Ask, NEXT_TOKEN, json as asked};
use super::probes::judge;
use super::regions::pages;
use crate::{Context, Refusal, Request, Right, Stop};

/// More accounts than this are not read; AWS allows 10,000 on request.
const ACCOUNTS_MAX: usize = 20_000;
/// Things asked about one by one; AWS allows fewer policies and permission sets.
const THINGS_MAX: usize = 5_000;

const fn of_organizations(right: &'static str, operation: &'static str) -> Ask {
    asked(right, "organizations", operation, "{}", NEXT_TOKEN)
}

const fn of_identity_center(right: &'static str, operation: &'static str) -> Ask {
    asked(right, "sso", operation, r#"{"MaxResults":100}"#, NEXT_TOKEN)
}

static ACCOUNTS: Ask = of_organizations(
    "organizations:ListAccounts",
    "AWSOrganizationsV20161128.ListAccounts",
);
static ORGANIZATION: Ask = asked(
    "organizations:DescribeOrganization",
    "organizations",
    "AWSOrganizationsV20161128.DescribeOrganization",
    "{}",
    None,
);
static POLICIES: Ask = of_organizations(
    "organizations:ListPolicies",
    "AWSOrganizationsV20161128.ListPolicies",
);
static POLICY: Ask = of_organizations(
    "organizations:DescribePolicy",
    "AWSOrganizationsV20161128.DescribePolicy",
);
static TARGETS: Ask = of_organizations(
    "organizations:ListTargetsForPolicy",
    "AWSOrganizationsV20161128.ListTargetsForPolicy",
);
static DELEGATED: Ask = of_organizations(
    "organizations:ListDelegatedAdministrators",
    "AWSOrganizationsV20161128.ListDelegatedAdministrators",
);
static DELEGATED_TO: Ask = of_organizations(
    "organizations:ListDelegatedServicesForAccount",
    "AWSOrganizationsV20161128.ListDelegatedServicesForAccount",
);
static INSTANCES: Ask = of_identity_center("sso:ListInstances", "SWBExternalService.ListInstances");
static SETS: Ask = of_identity_center(
    "sso:ListPermissionSets",
    "SWBExternalService.ListPermissionSets",
);
static SET: Ask = asked(
    "sso:DescribePermissionSet",
    "sso",
    "SWBExternalService.DescribePermissionSet",
    "{}",
    None,
);
static SET_IN: Ask = of_identity_center(
    "sso:ListAccountsForProvisionedPermissionSet",
    "SWBExternalService.ListAccountsForProvisionedPermissionSet",
);
static ASSIGNMENTS: Ask = of_identity_center(
    "sso:ListAccountAssignments",
    "SWBExternalService.ListAccountAssignments",
);

/// An account of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AwsAccount {
    /// Its number.
    pub number: String,
    /// What it is called; foreign text.
    pub name: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
}

/// The accounts of the organisation that the source is of, those that are suspended apart.
///
/// # Errors
/// The list was refused, or holds more than is read.
pub fn aws_accounts(cx: &mut Context<'_>) -> Result<Vec<AwsAccount>, Refusal> {
    let mut accounts = BTreeSet::new();
    pages(cx, &ACCOUNTS, ACCOUNTS.request("", None), &mut |page| {
        let list = page.get("Accounts").and_then(Value::as_array);
        accounts.extend(list.into_iter().flatten().filter_map(account));
    })?;
    if accounts.len() > ACCOUNTS_MAX {
        let told = format!("more than {ACCOUNTS_MAX} accounts, the limit");
        return Err(Refusal::new(Reason::Unsupported, told));
    }
    Ok(accounts.into_iter().collect())
}

fn account(one: &Value) -> Option<AwsAccount> {
    let text = |name: &str| one.get(name).and_then(Value::as_str);
    let number = text("Id").filter(|number| is_account(number))?;
    let partition = text("Arn").and_then(|arn| arn.split(':').nth(1));
    let open = text("Status").or_else(|| text("State")).unwrap_or("ACTIVE") == "ACTIVE";
    open.then(|| AwsAccount {
        number: number.to_owned(),
        name: text("Name").unwrap_or(number).to_owned(),
        partition: partition
            .filter(|name| name.starts_with("aws"))
            .unwrap_or("aws")
            .to_owned(),
    })
}

/// Reads what bounds and opens the accounts of an organisation, where this account may tell.
pub(super) fn read(
    cx: &mut Context<'_>,
    found: &mut Account,
    regions: &[String],
) -> Result<(), Stop> {
    let mut manages = false;
    ask(
        cx,
        (&ORGANIZATION, "organization_policies", ""),
        &[],
        &mut |page| {
            let manager = page.pointer("/Organization/MasterAccountId");
            manages = manager
                .and_then(Value::as_str)
                .is_some_and(|one| found.own.as_deref() == Some(one));
        },
    )?;
    if !manages {
        return Ok(());
    }
    for filter in ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"] {
        policies(cx, found, filter)?;
    }
    delegated(cx, found)?;
    identity_center(cx, found, regions)
}

/// Asks for all pages about `named`, and hands each to `take`. Whether all were read: what was
/// refused is a gap at `part`, but for what says that there is no organisation to tell of.
fn ask(
    cx: &mut Context<'_>,
    (ask, part, region): (&Ask, &str, &str),
    named: &[(&str, &str)],
    take: &mut dyn FnMut(&Value),
) -> Result<bool, Stop> {
    match pages(cx, ask, about(ask, named, region), take) {
        Ok(()) => Ok(true),
        Err(refusal) if is_none(&refusal.code) => Ok(false),
        Err(refusal) => {
            gap(cx, &Scope::of(part), &refusal, ask.right)?;
            Ok(false)
        }
    }
}

/// Whether a code says that there is no organisation, no policy of that kind, or nothing any more.
fn is_none(code: &str) -> bool {
    [
        "AWSOrganizationsNotInUseException",
        "PolicyTypeNotEnabledException",
        "PolicyNotFoundException",
        "ResourceNotFoundException",
    ]
    .contains(&code)
}

const INSTANCE: (&str, &str) = (
    "InstanceArn",
    "arn:aws:sso:::instance/ssoins-0000000000000000",
);
const A_SET: (&str, &str) = (
    "PermissionSetArn",
    "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-0000000000000000",
);
const A_POLICY: (&str, &str) = ("PolicyId", "p-00000000");

/// How each right is tried that only an account can use that manages its organisation.
pub(super) static TRIED: [(&Ask, &[(&str, &str)]); 11] = [
    (&ORGANIZATION, &[]),
    (&POLICIES, &[("Filter", "SERVICE_CONTROL_POLICY")]),
    (&POLICY, &[A_POLICY]),
    (&TARGETS, &[A_POLICY]),
    (&DELEGATED, &[]),
    (&DELEGATED_TO, &[("AccountId", "000000000000")]),
    (&INSTANCES, &[]),
    (&SETS, &[INSTANCE]),
    (&SET, &[INSTANCE, A_SET]),
    (&SET_IN, &[INSTANCE, A_SET]),
    (
        &ASSIGNMENTS,
        &[INSTANCE, A_SET, ("AccountId", "000000000000")],
    ),
];

/// Tries those rights. A member of an organisation is denied them whatever its policies say, so a
/// denial tells as little as an answer of another kind.
pub(super) fn rights(cx: &mut Context<'_>, found: &mut Vec<Right>) -> Result<(), Stop> {
    for (ask, named) in TRIED {
        let asked = answer(cx, about(ask, named, ""));
        judge(found, ask.right, asked)?;
        let of_all = ask.right == ORGANIZATION.right;
        let last = found.last_mut().filter(|right| right.given == Some(false));
        if let Some(right) = last.filter(|_| !of_all) {
            right.given = None;
        }
    }
    Ok(())
}

fn about(ask: &Ask, named: &[(&str, &str)], region: &str) -> Request {
    let mut request = ask.request(region, None);
    if let Some(Value::Object(body)) = request.json.as_mut().map(|json| &mut json.body) {
        for (name, held) in named {
            body.insert((*name).to_owned(), json!(held));
        }
    }
    request
}

fn policies(cx: &mut Context<'_>, found: &mut Account, filter: &str) -> Result<(), Stop> {
    const PART: &str = "organization_policies";
    let mut ids = Vec::new();
    ask(
        cx,
        (&POLICIES, PART, ""),
        &[("Filter", filter)],
        &mut |page| {
            found.take(page);
            ids.extend(texts(page, "Policies", "Id"));
        },
    )?;
    let mut refused = 0;
    for id in ids.into_iter().take(THINGS_MAX) {
        if refused >= REFUSALS_MAX {
            break;
        }
        let mut policy = Map::new();
        let named = [("PolicyId", id.as_str())];
        let mut whole = ask(cx, (&POLICY, PART, ""), &named, &mut |page| {
            if let Some(Value::Object(told)) = page.get("Policy") {
                policy.extend(told.clone());
            }
        })?;
        let mut targets = Vec::new();
        whole &= ask(cx, (&TARGETS, PART, ""), &named, &mut |page| {
            let list = page.get("Targets").and_then(Value::as_array);
            targets.extend(list.into_iter().flatten().cloned());
        })?;
        policy.insert("Targets".to_owned(), targets.into());
        found.take(&Value::Object(policy));
        refused = if whole { 0 } else { refused + 1 };
    }
    Ok(())
}

/// Which accounts administer which service for the organisation.
fn delegated(cx: &mut Context<'_>, found: &mut Account) -> Result<(), Stop> {
    const PART: &str = "delegated_administrators";
    let mut numbers = Vec::new();
    ask(cx, (&DELEGATED, PART, ""), &[], &mut |page| {
        numbers.extend(texts(page, "DelegatedAdministrators", "Id"));
    })?;
    let mut refused = 0;
    for number in numbers.iter().take(THINGS_MAX) {
        if refused >= REFUSALS_MAX {
            break;
        }
        let named = [("AccountId", number.as_str())];
        let whole = ask(cx, (&DELEGATED_TO, PART, ""), &named, &mut |page| {
            let list = page.get("DelegatedServices").and_then(Value::as_array);
            for one in list.into_iter().flatten().filter_map(Value::as_object) {
                // The answer does not say whom it is about.
                let mut one = one.clone();
                one.insert("AccountId".to_owned(), json!(number));
                found.take(&Value::Object(one));
            }
        })?;
        refused = if whole { 0 } else { refused + 1 };
    }
    Ok(())
}

/// Identity Center is in one region of an organisation; nobody says in which but it itself.
fn identity_center(
    cx: &mut Context<'_>,
    found: &mut Account,
    regions: &[String],
) -> Result<(), Stop> {
    const PART: &str = "permission_sets";
    let mut first = None;
    for region in regions {
        let mut instances = Vec::new();
        let asked = pages(
            cx,
            &INSTANCES,
            about(&INSTANCES, &[], region),
            &mut |page| {
                instances.extend(texts(page, "Instances", "InstanceArn"));
            },
        );
        if let Err(refusal) = asked {
            if refusal.stop {
                return gap(cx, &Scope::of(PART), &refusal, INSTANCES.right);
            }
            first = first.or(Some(refusal));
        }
        if !instances.is_empty() {
            return instances
                .iter()
                .take(THINGS_MAX)
                .try_for_each(|instance| sets_of(cx, found, instance, region));
        }
    }
    match first {
        // It may be in a region that did not answer.
        Some(refusal) => gap(cx, &Scope::of(PART), &refusal, INSTANCES.right),
        None => Ok(()),
    }
}

fn sets_of(
    cx: &mut Context<'_>,
    found: &mut Account,
    instance: &str,
    region: &str,
) -> Result<(), Stop> {
    let mut sets = Vec::new();
    let of = [("InstanceArn", instance)];
    ask(cx, (&SETS, "permission_sets", region), &of, &mut |page| {
        sets.extend(texts(page, "PermissionSets", ""));
    })?;
    let mut refused = 0;
    for set in sets.iter().take(THINGS_MAX) {
        if refused >= REFUSALS_MAX {
            break;
        }
        let whole = permission_set(cx, found, (instance, set), region)?;
        refused = if whole { 0 } else { refused + 1 };
    }
    Ok(())
}

/// A permission set, and who has it in which account.
fn permission_set(
    cx: &mut Context<'_>,
    found: &mut Account,
    (instance, set): (&str, &str),
    region: &str,
) -> Result<bool, Stop> {
    let of = [("InstanceArn", instance), ("PermissionSetArn", set)];
    let mut whole = ask(cx, (&SET, "permission_sets", region), &of, &mut |page| {
        found.take(page)
    })?;
    let mut accounts = Vec::new();
    whole &= ask(cx, (&SET_IN, "assignments", region), &of, &mut |page| {
        accounts.extend(texts(page, "AccountIds", ""));
    })?;
    for number in accounts.iter().take(ACCOUNTS_MAX) {
        let of = [of[0], of[1], ("AccountId", number.as_str())];
        whole &= ask(
            cx,
            (&ASSIGNMENTS, "assignments", region),
            &of,
            &mut |page| found.take(page),
        )?;
    }
    Ok(whole)
}

/// The texts of a list: its own, or a member of each.
fn texts(page: &Value, list: &str, member: &str) -> Vec<String> {
    let list = page
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let texts = list.filter_map(|one| match member {
        "" => one.as_str(),
        member => one.get(member)?.as_str(),
    });
    texts.map(str::to_owned).collect()
}
