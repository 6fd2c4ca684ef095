//! The activity log of Azure: changes of resources.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventOutcome, Kind, Life, Party, Turn};
use serde::Deserialize;

use super::super::lenient::{Object, Text};
use super::super::platform::Read;
use super::{Diagnostic, is_guid, service_principal};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Listed<'a> {
    #[serde(borrow)]
    event_data_id: Text<'a>,
    #[serde(borrow)]
    event_timestamp: Text<'a>,
    #[serde(borrow)]
    operation_name: Object<Valued<'a>>,
    #[serde(borrow)]
    status: Object<Valued<'a>>,
    #[serde(borrow)]
    sub_status: Object<Valued<'a>>,
    #[serde(borrow)]
    category: Object<Valued<'a>>,
    #[serde(borrow)]
    caller: Text<'a>,
    #[serde(borrow)]
    claims: Object<Claims<'a>>,
    #[serde(borrow)]
    resource_id: Text<'a>,
    #[serde(borrow)]
    subscription_id: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Valued<'a> {
    #[serde(borrow)]
    value: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims<'a> {
    #[serde(borrow)]
    appid: Text<'a>,
    #[serde(borrow)]
    idtyp: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    ipaddr: Text<'a>,
    #[serde(
        borrow,
        rename = "http://schemas.microsoft.com/identity/claims/objectidentifier"
    )]
    object: Text<'a>,
    #[serde(
        borrow,
        rename = "http://schemas.microsoft.com/identity/claims/tenantid"
    )]
    tenant: Text<'a>,
    #[serde(
        borrow,
        rename = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
    )]
    upn: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written<'a> {
    #[serde(borrow)]
    identity: Object<Identity<'a>>,
    #[serde(borrow)]
    properties: Object<Properties<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Properties<'a> {
    #[serde(borrow)]
    status_code: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identity<'a> {
    #[serde(borrow)]
    claims: Object<Claims<'a>>,
}

/// As the command line lists it.
pub(super) fn read(bytes: &[u8]) -> Read<'_> {
    let one: Listed<'_> = serde_json::from_slice(bytes)?;
    let status = one.status.0.value.0;
    let made = is_created(one.sub_status.value.as_str());
    let mut event = event(
        one.operation_name.0.value.0,
        (&status, made),
        &one.claims,
        one.caller.0,
        one.resource_id.0,
    );
    event.id = one.event_data_id.0;
    event.at = one.event_timestamp.time();
    event.part = one.category.0.value.0;
    event.account = one.subscription_id.0;
    Ok(event)
}

/// As diagnostic settings write it.
pub(super) fn of_envelope<'a>(envelope: &Diagnostic<'a>, bytes: &'a [u8]) -> Read<'a> {
    let written: Written<'_> = serde_json::from_slice(bytes)?;
    let claims = written.identity.0.claims.0;
    let made = is_created(written.properties.status_code.as_str());
    let resource = envelope.resource_id.0.clone();
    let subscription = subscription(&resource).to_owned();
    let (action, result) = (
        envelope.operation_name.0.clone(),
        envelope.result_type.as_str(),
    );
    let result = (result, made);
    let mut event = event(action, result, &claims, Cow::default(), resource);
    event.part = envelope.category.0.clone();
    event.account = Cow::Owned(subscription);
    Ok(event)
}

fn subscription(resource: &str) -> &str {
    let mut parts = resource.split('/').skip(1);
    match parts.next() {
        Some(word) if word.eq_ignore_ascii_case("subscriptions") => {
            parts.next().unwrap_or_default()
        }
        _ => "",
    }
}

fn event<'a>(
    action: Cow<'a, str>,
    (status, made): (&str, bool),
    claims: &Claims<'a>,
    caller: Cow<'a, str>,
    resource: Cow<'a, str>,
) -> AuditEvent<'a> {
    let caller_id = if claims.object.is_empty() {
        caller.clone()
    } else {
        claims.object.0.clone()
    };
    // A token of an application's own has no user in it.
    let app = claims.idtyp.as_str() == "app"
        || (claims.upn.is_empty() && is_guid(&caller_id) && !claims.appid.is_empty());
    let actor = app.then(|| {
        let (app, tenant) = (claims.appid.as_str(), claims.tenant.as_str());
        service_principal(caller_id.clone(), app, tenant, claims.name.0.clone())
    });
    let by = [&claims.upn.0, &claims.name.0, &caller, &caller_id];
    let by = by
        .into_iter()
        .find(|one| !one.is_empty())
        .cloned()
        .unwrap_or_default();
    let done = ["succeeded", "success"]
        .iter()
        .any(|word| status.eq_ignore_ascii_case(word));
    let failed = ["failed", "failure"]
        .iter()
        .any(|word| status.eq_ignore_ascii_case(word));
    let verb = action.rsplit('/').next().unwrap_or_default();
    let activity = match verb.to_ascii_lowercase().as_str() {
        "write" => Activity::Update,
        "delete" => Activity::Delete,
        "read" => Activity::Read,
        _ => Activity::Other,
    };
    let life = done
        .then(|| managed_identity(&action, made, &resource))
        .flatten();
    AuditEvent {
        log: super::ACTIVITY.log,
        activity,
        outcome: if failed {
            EventOutcome::Failure
        } else {
            EventOutcome::Success
        },
        by,
        actor,
        lives: life.into_iter().collect(),
        address: claims.ipaddr.0.clone(),
        action,
        resource,
        ..AuditEvent::default()
    }
}

/// Whether what was written was not there before.
fn is_created(code: &str) -> bool {
    code.eq_ignore_ascii_case("created") || code == "201"
}

/// A managed identity that is made, written or deleted.
fn managed_identity<'a>(action: &str, made: bool, resource: &str) -> Option<Life<'a>> {
    const OF: &str = "microsoft.managedidentity/userassignedidentities/";
    let action = action.to_ascii_lowercase();
    let verb = action.strip_prefix(OF)?;
    let turn = match (verb, made) {
        ("write", true) => Turn::Born,
        ("write", false) => Turn::Changed,
        ("delete", _) => Turn::Ended,
        _ => return None,
    };
    let name = resource.rsplit('/').next().unwrap_or_default().to_owned();
    Some(Life {
        kind: Kind::Identity,
        of: Party {
            type_: "azurerm_user_assigned_identity",
            provider: "azure",
            handle: Cow::Owned(resource.to_ascii_lowercase()),
            name: Cow::Owned(name),
            ..Party::default()
        },
        turn,
        holder: None,
        expires: None,
    })
}
