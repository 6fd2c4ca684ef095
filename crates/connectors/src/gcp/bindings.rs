//! Who was granted what: bindings of policies, and the principals they name.

use serde_json::Value;

use super::Estate;
use super::names::{is_google_s_own, project_of_mail};
use super::things::Account;

/// One member of one binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Binding {
    /// Full name of the resource; empty where the answer does not say.
    pub(super) resource: String,
    pub(super) role: String,
    /// The condition's expression; empty where there is none.
    pub(super) condition: String,
    pub(super) member: Member,
}

/// Whom a binding names (IAM, "Principal identifiers").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Member {
    /// A service account, by mail address.
    Account(String),
    /// Workloads that another issuer vouches for: one subject, or all of an attribute or pool.
    Federated(String),
    /// Anybody, or anybody with an account at Google.
    Everybody(&'static str),
}

/// More members than one policy can have (IAM quotas: 1,500).
const MEMBERS_MAX: usize = 10_000;

pub(super) fn take(estate: &mut Estate, policy: &[Value], resource: &str) {
    let mut met = false;
    for binding in policy {
        let get = |name: &str| binding.get(name).and_then(Value::as_str);
        let (Some(role), Some(members)) = (
            get("role").filter(|role| role.len() <= 512),
            binding.get("members").and_then(Value::as_array),
        ) else {
            continue;
        };
        met = true;
        let condition = binding
            .get("condition")
            .and_then(|one| one.get("expression")?.as_str())
            .map(|one| model::shorten(one, 1_000))
            .unwrap_or_default();
        for member in members.iter().take(MEMBERS_MAX).filter_map(Value::as_str) {
            let Some(member) = self::member(estate, member) else {
                continue;
            };
            let one = Binding {
                resource: resource.to_owned(),
                role: role.to_owned(),
                condition: condition.clone(),
                member,
            };
            if estate.has_room() {
                estate.bindings.insert(one);
            }
        }
    }
    if met {
        estate.met.insert("policies");
    }
}

/// A member that is a machine, or everybody.
fn member(estate: &mut Estate, text: &str) -> Option<Member> {
    if text.len() > 1024 {
        return None;
    }
    let (deleted, text) = match text.strip_prefix("deleted:") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let federated = ["principal://", "principalSet://"]
        .iter()
        .any(|one| text.starts_with(one));
    if federated {
        // Pools of a workforce are of people.
        if text.contains("/workforcePools/") {
            estate.set_aside("people in a grant");
            return None;
        }
        return Some(Member::Federated(text.to_owned()));
    }
    match text.split_once(':') {
        None if text == "allUsers" => Some(Member::Everybody("allUsers")),
        None if text == "allAuthenticatedUsers" => Some(Member::Everybody("allAuthenticatedUsers")),
        // `PROJECT.svc.id.goog[NAMESPACE/NAME]`: a service account of a cluster.
        Some(("serviceAccount", name)) if name.contains(".svc.id.goog[") => {
            Some(Member::Federated(text.to_owned()))
        }
        Some(("serviceAccount", named)) => {
            let (mail, unique) = match named.split_once("?uid=") {
                Some((mail, unique)) => (mail, Some(unique.to_owned())),
                None => (named, None),
            };
            if is_google_s_own(mail) {
                estate.set_aside("service agent of Google");
                return None;
            }
            // One that was deleted is another one than whoever has its address now.
            let named = if deleted { named } else { mail };
            estate
                .accounts
                .entry(named.to_owned())
                .or_insert_with(|| Account {
                    project: project_of_mail(mail).map(str::to_owned),
                    unique_id: unique,
                    deleted,
                    ..Account::default()
                });
            Some(Member::Account(named.to_owned()))
        }
        Some((
            "user" | "group" | "domain" | "projectOwner" | "projectEditor" | "projectViewer",
            _,
        )) => {
            estate.set_aside("people in a grant");
            None
        }
        _ => None,
    }
}
