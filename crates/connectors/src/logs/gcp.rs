//! Audit logs of Google Cloud.
//!
//! Source: `LogEntry`, `AuditLog` and "Example logs for service accounts" of Google Cloud.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome, KeyKind, Kind, Life, Party, Turn};
use serde::Deserialize;

use super::lenient::{Object, Text};
use super::platform::{Platform, Read};

pub(super) const PLATFORM: Platform = Platform {
    log: "gcp_audit",
    marks: &[&["protopayload"], &["methodname", "servicename"]],
    read,
    lacks: |parts| {
        let all = parts.contains("data_access");
        (!all).then_some("it holds no data access: reads are not in it")
    },
};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    insert_id: Text<'a>,
    #[serde(borrow)]
    log_name: Text<'a>,
    #[serde(borrow)]
    timestamp: Text<'a>,
    #[serde(borrow)]
    resource: Object<Resource<'a>>,
    #[serde(borrow)]
    proto_payload: Object<Payload<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    labels: Object<Labels<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Labels<'a> {
    #[serde(borrow)]
    project_id: Text<'a>,
    #[serde(borrow)]
    location: Text<'a>,
    #[serde(borrow)]
    email_id: Text<'a>,
    #[serde(borrow)]
    unique_id: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow)]
    service_name: Text<'a>,
    #[serde(borrow)]
    method_name: Text<'a>,
    #[serde(borrow)]
    resource_name: Text<'a>,
    #[serde(borrow)]
    authentication_info: Object<Authentication<'a>>,
    #[serde(borrow)]
    request_metadata: Object<Metadata<'a>>,
    #[serde(borrow)]
    status: Object<Status<'a>>,
    #[serde(borrow)]
    response: Object<Made<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Authentication<'a> {
    #[serde(borrow)]
    principal_email: Text<'a>,
    #[serde(borrow)]
    principal_subject: Text<'a>,
    #[serde(borrow)]
    service_account_key_name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    caller_ip: Text<'a>,
    #[serde(borrow)]
    caller_supplied_user_agent: Text<'a>,
    #[serde(borrow)]
    caller_network: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Made<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    email: Text<'a>,
    #[serde(borrow, alias = "uniqueId")]
    unique_id: Text<'a>,
    #[serde(borrow, alias = "validBeforeTime")]
    valid_before_time: Object<Seconds<'a>>,
    #[serde(borrow)]
    uid: Text<'a>,
    #[serde(borrow, rename = "displayName")]
    display_name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Seconds<'a> {
    #[serde(borrow)]
    seconds: Text<'a>,
}

fn read(bytes: &[u8]) -> Read<'_> {
    let entry: Entry<'_> = serde_json::from_slice(bytes)?;
    let (payload, labels) = (entry.proto_payload.0, entry.resource.0.labels.0);
    let code = payload.status.code.as_str();
    let outcome = match code {
        "" | "0" => EventOutcome::Success,
        // UNAUTHENTICATED
        "16" => EventOutcome::NotLetIn,
        _ => EventOutcome::Failure,
    };
    let method = payload.method_name.0.clone();
    let short = method.rsplit('.').next().unwrap_or_default();
    let life = match outcome {
        EventOutcome::Success => life(short, &payload, &labels),
        EventOutcome::Failure | EventOutcome::NotLetIn => None,
    };
    let who = &payload.authentication_info;
    let by = [&who.principal_email, &who.principal_subject];
    let by = by.into_iter().find(|one| !one.is_empty());
    let part = entry
        .log_name
        .as_str()
        .rsplit(['/'])
        .next()
        .unwrap_or_default();
    let part = part.rsplit("%2F").next().unwrap_or_default();
    Ok(AuditEvent {
        by: by.map(|one| one.0.clone()).unwrap_or_default(),
        actor: service_account(who.principal_email.0.clone(), None),
        credential: key(who.service_account_key_name.as_str()),
        lives: life.into_iter().collect(),
        class: match payload.service_name.as_str() {
            "iam.googleapis.com" => EventClass::EntityManagement,
            _ => EventClass::ApiActivity,
        },
        activity: Activity::of_verb(short),
        id: entry.insert_id.0,
        at: entry.timestamp.time(),
        log: PLATFORM.log,
        part: Cow::Owned(part.to_owned()),
        action: method,
        outcome,
        error: payload.status.0.message.0,
        account: labels.project_id.0,
        region: labels.location.0,
        address: payload.request_metadata.0.caller_ip.0,
        user_agent: payload.request_metadata.0.caller_supplied_user_agent.0,
        network: payload.request_metadata.0.caller_network.0,
        resource: payload.resource_name.0,
        ..AuditEvent::default()
    })
}

/// A service account of a project; Google's own agents are the platform itself.
fn service_account<'a>(email: Cow<'a, str>, id: Option<Cow<'a, str>>) -> Option<Party<'a>> {
    let (name, domain) = email.split_once('@')?;
    let ours = domain.ends_with(".iam.gserviceaccount.com") && !domain.starts_with("gcp-sa-")
        || matches!(
            domain,
            "developer.gserviceaccount.com" | "appspot.gserviceaccount.com"
        );
    if !ours {
        return None;
    }
    let id = id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    Some(Party {
        type_: "google_service_account",
        provider: "google",
        key: id.clone().map(|id| (KeyKind::GcpUniqueId, id)),
        native: id.unwrap_or_default(),
        name: Cow::Owned(name.to_owned()),
        account: Cow::Owned(project_of(&email).to_owned()),
        handle: email,
        ..Party::default()
    })
}

/// A key by what ends in `/serviceAccounts/EMAIL/keys/ID`.
fn key<'a>(name: &str) -> Option<Party<'a>> {
    let (_, id) = name.rsplit_once("/keys/")?;
    let fits = (8..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| Party {
        type_: "private_key",
        provider: "google",
        native: Cow::Owned(id.to_owned()),
        key: Some((KeyKind::GcpUniqueId, Cow::Owned(id.to_owned()))),
        name: Cow::Owned(id.to_owned()),
        account: email_of(name)
            .map(|email| Cow::Owned(project_of(&email).to_owned()))
            .unwrap_or_default(),
        ..Party::default()
    })
}

/// The project in `NAME@PROJECT.iam.gserviceaccount.com`.
fn project_of(email: &str) -> &str {
    let project = email
        .split_once('@')
        .and_then(|(_, domain)| domain.split_once(".iam."));
    project.map_or("", |(project, _)| project)
}

/// The mail address in `…/serviceAccounts/EMAIL/keys/ID`.
fn email_of(name: &str) -> Option<String> {
    let (_, rest) = name.split_once("/serviceAccounts/")?;
    let email = rest.split('/').next()?;
    email.contains('@').then(|| email.to_owned())
}

fn life<'a>(method: &str, payload: &Payload<'a>, labels: &Labels<'a>) -> Option<Life<'a>> {
    let made = &payload.response;
    let turn = match method {
        "CreateServiceAccount"
        | "CreateServiceAccountKey"
        | "UploadServiceAccountKey"
        | "CreateKey" => Turn::Born,
        "DeleteServiceAccount" | "DeleteServiceAccountKey" | "DeleteKey" => Turn::Ended,
        "DisableServiceAccount" | "DisableServiceAccountKey" => Turn::Off,
        "EnableServiceAccount" | "EnableServiceAccountKey" | "UndeleteServiceAccount" => Turn::On,
        "UpdateServiceAccount" | "PatchServiceAccount" | "UpdateKey" => Turn::Changed,
        _ => return None,
    };
    let named = email_of(payload.resource_name.as_str()).or_else(|| email_of(made.name.as_str()));
    let account = || {
        let told = [&made.email, &labels.email_id]
            .into_iter()
            .find(|one| !one.is_empty());
        let email = told
            .map(|one| one.0.clone())
            .or_else(|| named.map(Cow::Owned))?;
        let id = [&made.unique_id, &labels.unique_id]
            .into_iter()
            .find(|one| !one.is_empty());
        service_account(email, id.map(|one| one.0.clone()))
    };
    let api_keys = payload.service_name.as_str() == "apikeys.googleapis.com";
    if method.ends_with("Key") {
        let of = if api_keys {
            api_key(payload, made)?
        } else {
            key(made.name.as_str()).or_else(|| key(payload.resource_name.as_str()))?
        };
        let expires = made.valid_before_time.seconds.time();
        let holder = if api_keys { None } else { account() };
        return Some(Life {
            kind: Kind::Credential,
            of,
            turn,
            holder,
            expires,
        });
    }
    Some(Life {
        kind: Kind::Identity,
        of: account()?,
        turn,
        holder: None,
        expires: None,
    })
}

/// A key of `projects/P/locations/global/keys/ID`.
fn api_key<'a>(payload: &Payload<'a>, made: &Made<'a>) -> Option<Party<'a>> {
    let named = [&made.name, &payload.resource_name];
    let name = named
        .into_iter()
        .find(|one| one.as_str().contains("/keys/"))?;
    let title = if made.display_name.is_empty() {
        &made.uid
    } else {
        &made.display_name
    };
    Some(Party {
        type_: "api_token",
        provider: "google",
        native: name.0.clone(),
        name: if title.is_empty() {
            name.0.clone()
        } else {
            title.0.clone()
        },
        ..Party::default()
    })
}
