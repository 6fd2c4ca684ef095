//! Reads users, roles and groups, and what is asked for each of them one by one.

use std::collections::{BTreeMap, BTreeSet};

use model::{Scope, Told};
use serde_json::Value;

use super::account::{AccessKey, Account, Principal};
use super::ask::{REFUSALS_MAX, gap, iam, pages, result, try_pages};
use super::{ahead, report};
use crate::{Context, Refusal, Request, Stop};

/// Reads users, roles, groups and policies: at once if allowed, else list by list.
pub(super) fn read(cx: &mut Context<'_>, found: &mut Account) -> Result<(), Stop> {
    let all = iam("GetAccountAuthorizationDetails", &[("MaxItems", "300")]);
    match try_pages(cx, &all, &mut |page| found.take(page)) {
        Ok(()) => {
            // The details have neither the purpose of a role nor how long its sessions may live.
            let part = Scope::of("role_details");
            let list = iam("ListRoles", &[("MaxItems", "1000")]);
            pages(cx, &part, "iam:ListRoles", &list, &mut |page| {
                found.take(page)
            })?;
            return Ok(());
        }
        Err(refusal) => {
            // Only the documents of policies are lost if all lists can be read.
            let part = Scope::of("policies");
            gap(cx, &part, &refusal, "iam:GetAccountAuthorizationDetails")?;
        }
    }
    for (action, part) in [
        ("ListUsers", "users"),
        ("ListRoles", "roles"),
        ("ListGroups", "groups"),
    ] {
        let list = iam(action, &[("MaxItems", "1000")]);
        pages(
            cx,
            &Scope::of(part),
            &format!("iam:{action}"),
            &list,
            &mut |page| found.take(page),
        )?;
    }
    let known: Vec<Principal> = found
        .principals
        .values()
        .filter(|one| one.recorded && !one.name.is_empty())
        .map(|one| Principal {
            role: one.role,
            name: one.name.clone(),
            arn: one.arn.clone(),
            ..Principal::default()
        })
        .collect();
    let mut each = Each::default();
    for one in known {
        let one = policies_of(cx, &mut each, one)?;
        found.principal(one);
    }
    Ok(())
}

/// The names of a user's or role's policies, and of a user's groups.
fn policies_of(
    cx: &mut Context<'_>,
    each: &mut Each,
    mut one: Principal,
) -> Result<Principal, Stop> {
    let (kind, member) = if one.role {
        ("Role", "RoleName")
    } else {
        ("User", "UserName")
    };
    let name = one.name.clone();
    let of = [(member, name.as_str())];
    let part = Scope::of("grants").part(&name);
    let attached = iam(&format!("ListAttached{kind}Policies"), &of);
    let mut whole = each.ask(cx, &part, &attached, &mut |page| {
        for policy in list(page, "AttachedPolicies") {
            let text = |field: &str| policy.get(field).and_then(Value::as_str).map(str::to_owned);
            if let (Some(arn), Some(name)) = (text("PolicyArn"), text("PolicyName")) {
                one.attached.insert(arn, name);
            }
        }
    })?;
    whole &= each.ask(
        cx,
        &part,
        &iam(&format!("List{kind}Policies"), &of),
        &mut |page| {
            let names = list(page, "PolicyNames").iter().filter_map(Value::as_str);
            one.inline.extend(names.map(|name| (name.to_owned(), None)));
        },
    )?;
    if !one.role {
        whole &= each.ask(cx, &part, &iam("ListGroupsForUser", &of), &mut |page| {
            let groups = list(page, "Groups").iter();
            let names = groups.filter_map(|group| group.get("GroupName")?.as_str());
            one.groups.extend(names.map(str::to_owned));
        })?;
    }
    one.policies_told = whole;
    Ok(one)
}

/// What is asked for every user: keys and their last use; what the report has not told.
pub(super) fn of_users(
    cx: &mut Context<'_>,
    found: &mut Account,
    users: &BTreeSet<String>,
    reported: bool,
) -> Result<(), Stop> {
    let mut each = Each::default();
    let users: Vec<&String> = users.iter().collect();
    for (at, user) in users.iter().copied().enumerate() {
        ahead::soon(cx, &users, (at, false), |user| {
            let asked = questions_about(user, reported).into_iter();
            asked.filter_map(|request| each.worth(request))
        });
        let part = Scope::of("access_keys").part(user);
        let of = [("UserName", user.as_str())];
        if each.ask(cx, &part, &iam("ListAccessKeys", &of), &mut |page| {
            found.take(page)
        })? {
            found.keys_listed.insert(user.clone());
        }
        let part = Scope::of("ssh_public_keys").part(user);
        each.ask(cx, &part, &iam("ListSSHPublicKeys", &of), &mut |page| {
            found.take(page)
        })?;
        if !reported {
            let part = Scope::of("passwords").part(user);
            each.ask(cx, &part, &iam("GetLoginProfile", &of), &mut |page| {
                if let Some(profile) = page.get("LoginProfile") {
                    let since = super::shape::time(profile.get("CreateDate"));
                    found.passwords.insert(user.clone(), since);
                }
            })?;
            let part = Scope::of("mfa").part(user);
            each.ask(cx, &part, &iam("ListMFADevices", &of), &mut |page| {
                found.take(page)
            })?;
        }
    }
    let keys: Vec<String> = found.keys.keys().cloned().collect();
    let last_use = |id: &String| iam("GetAccessKeyLastUsed", &[("AccessKeyId", id)]);
    for (at, id) in keys.iter().enumerate() {
        ahead::soon(cx, &keys, (at, false), |id| each.worth(last_use(id)));
        let part = Scope::of("last_used").part(id);
        let mut told = AccessKey {
            used: Some(Told::CannotTell),
            ..AccessKey::default()
        };
        each.ask(cx, &part, &last_use(id), &mut |page| {
            if let Some(used) = page.get("AccessKeyLastUsed") {
                let text = |field: &str| {
                    used.get(field)
                        .and_then(Value::as_str)
                        .filter(|text| *text != "N/A")
                };
                let date = used
                    .get("LastUsedDate")
                    .filter(|date| date.as_str() != Some("N/A"));
                told.used = Some(match date {
                    None | Some(Value::Null) => Told::Absent,
                    date => Told::or_cannot_tell(super::shape::time(date)),
                });
                told.used_for = report::used_for(text("ServiceName"), text("Region"));
            }
        })?;
        found.key(id, told);
    }
    Ok(())
}

/// What is asked about every user.
fn questions_about(user: &str, reported: bool) -> Vec<Request> {
    let actions = match reported {
        true => &["ListAccessKeys", "ListSSHPublicKeys"][..],
        false => &[
            "ListAccessKeys",
            "ListSSHPublicKeys",
            "GetLoginProfile",
            "ListMFADevices",
        ],
    };
    let of = [("UserName", user)];
    actions.iter().map(|action| iam(action, &of)).collect()
}

/// The last use of roles whose record had no such field.
pub(super) fn uses_of_roles(cx: &mut Context<'_>, found: &mut Account) -> Result<(), Stop> {
    let roles: Vec<String> = found
        .principals
        .values()
        .filter(|one| one.role && one.recorded && one.role_used.is_none())
        .map(|one| one.name.clone())
        .collect();
    let mut each = Each::default();
    let record = |name: &String| iam("GetRole", &[("RoleName", name)]);
    for (at, name) in roles.iter().enumerate() {
        ahead::soon(cx, &roles, (at, false), |name| each.worth(record(name)));
        let part = Scope::of("last_used").part(name);
        each.ask(cx, &part, &record(name), &mut |page| found.take(page))?;
    }
    Ok(())
}

/// Asks one question for each of many things. What is refused is a gap; once an action has been
/// refused several times in a row, its whole part is called unread and it is asked no more.
#[derive(Default)]
pub(super) struct Each {
    refused: BTreeMap<String, u32>,
}

impl Each {
    /// `request`, where nothing of its kind was refused at last.
    pub(super) fn worth(&self, request: Request) -> Option<Request> {
        let action = request.parameters.get("Action")?;
        let refused = self.refused.get(action).copied();
        (refused.unwrap_or_default() == 0).then_some(request)
    }

    /// Whether the whole answer was read. That there is no such thing is an answer.
    pub(super) fn ask(
        &mut self,
        cx: &mut Context<'_>,
        part: &Scope,
        request: &Request,
        take: &mut dyn FnMut(&Value),
    ) -> Result<bool, Stop> {
        let action = request
            .parameters
            .get("Action")
            .cloned()
            .unwrap_or_default();
        let refused = self.refused.entry(action.clone()).or_default();
        if *refused >= REFUSALS_MAX {
            return Ok(false);
        }
        let asked = if action == "GetAccessKeyLastUsed"
            || action == "GetRole"
            || action == "GetLoginProfile"
        {
            result(cx, request.clone()).map(|answer| take(&answer))
        } else {
            try_pages(cx, request, take)
        };
        match asked {
            Ok(()) => {
                *refused = 0;
                Ok(true)
            }
            Err(refusal) if refusal.code == "NoSuchEntity" => Ok(true),
            Err(refusal) => {
                *refused += 1;
                let needs = format!("iam:{action}");
                if *refused < REFUSALS_MAX {
                    gap(cx, part, &refusal, &needs)?;
                } else {
                    let whole = Scope(part.0.iter().take(1).cloned().collect());
                    let told = format!("{}; not asked for the others", refusal.told);
                    gap(cx, &whole, &Refusal { told, ..refusal }, &needs)?;
                }
                Ok(false)
            }
        }
    }
}

fn list<'a>(page: &'a Value, member: &str) -> &'a [Value] {
    page.get(member)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}
