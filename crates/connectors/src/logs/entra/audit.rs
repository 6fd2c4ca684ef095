//! Changes of the directory: applications, service principals, and their credentials.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Activity, AuditEvent, EventClass, EventOutcome, Kind, Life, Party, Turn};
use serde::Deserialize;

use super::super::lenient::{List, Object, Text};
use super::{credential, service_principal};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Audit<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    activity_date_time: Text<'a>,
    #[serde(borrow)]
    activity_display_name: Text<'a>,
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow)]
    result_reason: Text<'a>,
    #[serde(borrow)]
    user_agent: Text<'a>,
    #[serde(borrow)]
    initiated_by: Object<Initiator<'a>>,
    #[serde(borrow)]
    target_resources: List<Object<Target<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Initiator<'a> {
    #[serde(borrow)]
    user: Object<User<'a>>,
    #[serde(borrow)]
    app: Object<App<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct User<'a> {
    #[serde(borrow)]
    user_principal_name: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    ip_address: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct App<'a> {
    #[serde(borrow)]
    app_id: Text<'a>,
    #[serde(borrow)]
    display_name: Text<'a>,
    #[serde(borrow)]
    service_principal_id: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    display_name: Text<'a>,
    #[serde(borrow, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow)]
    modified_properties: List<Object<Property<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Property<'a> {
    #[serde(borrow)]
    display_name: Text<'a>,
    #[serde(borrow)]
    old_value: Text<'a>,
    #[serde(borrow)]
    new_value: Text<'a>,
}

impl<'a> Audit<'a> {
    /// As an event in `tenant`, where the record says itself which that is.
    pub(super) fn event(self, tenant: Cow<'a, str>) -> AuditEvent<'a> {
        let what = self.activity_display_name.0;
        let done = matches!(self.result.as_str(), "" | "success");
        let (user, app) = (&self.initiated_by.user, &self.initiated_by.app);
        let named = [&app.display_name, &user.user_principal_name, &user.id];
        let by = named.into_iter().find(|one| !one.is_empty());
        let actor = (!app.service_principal_id.is_empty()).then(|| {
            let (id, name) = (
                app.service_principal_id.0.clone(),
                app.display_name.0.clone(),
            );
            service_principal(id, app.app_id.as_str(), &tenant, name)
        });
        let targets = self.target_resources.0.iter().filter(|_| done);
        let lives = targets
            .flat_map(|target| lives(&what, target, &tenant))
            .collect();
        AuditEvent {
            by: by.map(|one| one.0.clone()).unwrap_or_default(),
            address: user.ip_address.0.clone(),
            actor,
            lives,
            id: self.id.0,
            at: self.activity_date_time.time(),
            log: super::DIRECTORY.log,
            class: EventClass::EntityManagement,
            activity: Activity::of_verb(&what),
            outcome: if done {
                EventOutcome::Success
            } else {
                EventOutcome::Failure
            },
            error: if done {
                Cow::default()
            } else {
                self.result_reason.0
            },
            resource: self
                .target_resources
                .0
                .first()
                .map(|target| target.id.0.clone())
                .unwrap_or_default(),
            action: what,
            account: tenant,
            user_agent: self.user_agent.0,
            ..AuditEvent::default()
        }
    }
}

/// Whose beginnings and ends a change of `target` is.
fn lives<'a>(what: &str, target: &Target<'a>, tenant: &str) -> Vec<Life<'a>> {
    let of = match target.type_.as_str() {
        "ServicePrincipal" | "Application" => party(target, tenant),
        _ => return Vec::new(),
    };
    let what = what.to_ascii_lowercase();
    let about = ["application", "service principal"]
        .iter()
        .any(|noun| what.ends_with(noun));
    let turn = match what.split(' ').next().unwrap_or_default() {
        "add" | "create" if about => Turn::Born,
        // What is deleted can be restored for 30 days, and lets nobody in until then.
        "remove" | "delete" | "hard" if about => Turn::Ended,
        "restore" if about => Turn::On,
        _ => Turn::Changed,
    };
    let mut lives: Vec<_> = keys(target)
        .into_iter()
        .map(|(of_key, turn)| Life {
            kind: Kind::Credential,
            of: of_key,
            turn,
            holder: Some(of.clone()),
            expires: None,
        })
        .collect();
    lives.push(Life {
        kind: Kind::Identity,
        of,
        turn,
        holder: None,
        expires: None,
    });
    lives
}

/// An application and its service principal are one by tenant and application id, which the log
/// tells among what was changed.
fn party<'a>(target: &Target<'a>, tenant: &str) -> Party<'a> {
    let properties = target.modified_properties.0.iter();
    let app = properties
        .filter(|one| {
            matches!(
                one.display_name.as_str(),
                "AppId" | "ServicePrincipalName" | "SPN"
            )
        })
        .flat_map(|one| [one.new_value.as_str(), one.old_value.as_str()])
        .map(|value| value.trim_matches(['[', ']', '"', ' ']))
        .find(|value| super::is_guid(value))
        .unwrap_or_default();
    let mut of = service_principal(
        target.id.0.clone(),
        app,
        tenant,
        target.display_name.0.clone(),
    );
    if target.type_.as_str() == "Application" {
        of.type_ = "azuread_application";
    }
    of
}

/// Keys that one side of a change has and the other has not: `KeyDescription` lists them as
/// `[KeyIdentifier=…,KeyType=Password,KeyUsage=Verify,DisplayName=ci]`.
fn keys<'a>(target: &Target<'_>) -> Vec<(Party<'a>, Turn)> {
    let mut out = Vec::new();
    let described = |one: &&Object<Property<'_>>| one.display_name.as_str() == "KeyDescription";
    for one in target.modified_properties.0.iter().filter(described) {
        let (old, new) = (
            listed(one.old_value.as_str()),
            listed(one.new_value.as_str()),
        );
        let ended = old
            .iter()
            .filter(|(id, _)| !new.contains_key(*id))
            .map(|one| (one, Turn::Ended));
        let born = new
            .iter()
            .filter(|(id, _)| !old.contains_key(*id))
            .map(|one| (one, Turn::Born));
        for ((id, (type_, name)), turn) in born.chain(ended) {
            let name = Cow::Owned(name.clone());
            out.extend(credential(Cow::Owned(id.clone()), type_, name).map(|of| (of, turn)));
        }
    }
    out
}

fn listed(value: &str) -> BTreeMap<String, (&'static str, String)> {
    let mut keys = BTreeMap::new();
    for one in value.split("KeyIdentifier=").skip(1) {
        let mut parts = one.split(',');
        let id = parts.next().unwrap_or_default().to_ascii_lowercase();
        let rest: Vec<_> = parts.collect();
        let of = |name: &str| rest.iter().find_map(|part| part.trim().strip_prefix(name));
        let type_ = match of("KeyType=") {
            Some("Password" | "Symmetric") => "password",
            _ => "x509_certificate",
        };
        let name = of("DisplayName=").unwrap_or_default();
        let name = name.split(['[', ']', '"', '\\']).next().unwrap_or_default();
        keys.insert(id, (type_, name.trim().to_owned()));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_born_or_ended_where_one_side_alone_lists_it() {
        let (kept, ended, born) = (
            "11111111-1111-4111-8111-111111111111",
            "22222222-2222-4222-8222-222222222222",
            "33333333-3333-4333-8333-333333333333",
        );
        let list = |ids: [&str; 2]| {
            let one = |id: &str| {
                format!(
                    "\"[KeyIdentifier={id},KeyType=Password,KeyUsage=Verify,DisplayName=ci {id}]\""
                )
            };
            format!("[{},{}]", one(ids[0]), one(ids[1]))
        };
        let target = Target {
            modified_properties: List(vec![Object(Property {
                display_name: Text("KeyDescription".into()),
                old_value: Text(list([kept, ended]).into()),
                new_value: Text(list([kept, born]).into()),
            })]),
            ..Target::default()
        };
        let told: Vec<_> = keys(&target)
            .into_iter()
            .map(|(of, turn)| (of.native.into_owned(), of.name.into_owned(), turn))
            .collect();
        assert_eq!(
            told,
            [
                (born.to_owned(), format!("ci {born}"), Turn::Born),
                (ended.to_owned(), format!("ci {ended}"), Turn::Ended),
            ]
        );
    }
}
