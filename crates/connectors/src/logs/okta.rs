//! Okta's System Log.
//!
//! Source: "System Log" and "Event types" of Okta's reference.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome, KeyKind, Kind, Life, Party, Turn};
use serde::Deserialize;

use super::lenient::{List, Object, Text};
use super::platform::{Platform, Read};

pub(super) const PLATFORM: Platform = Platform {
    log: "okta_system_log",
    marks: &[
        &["eventtype", "published"],
        &["eventtype", "uuid", "outcome"],
        &["legacyeventtype", "actor"],
    ],
    read,
    lacks: |_| None,
};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    uuid: Text<'a>,
    #[serde(borrow)]
    published: Text<'a>,
    #[serde(borrow, alias = "eventtype")]
    event_type: Text<'a>,
    #[serde(borrow)]
    actor: Object<Actor<'a>>,
    #[serde(borrow)]
    outcome: Object<Result_<'a>>,
    #[serde(borrow)]
    client: Object<Client<'a>>,
    #[serde(borrow)]
    target: List<Object<Actor<'a>>>,
    #[serde(borrow)]
    transaction: Object<Transaction<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Actor<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow)]
    alternate_id: Text<'a>,
    #[serde(borrow)]
    display_name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Result_<'a> {
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow)]
    reason: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Client<'a> {
    #[serde(borrow)]
    ip_address: Text<'a>,
    #[serde(borrow)]
    user_agent: Object<Agent<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Agent<'a> {
    #[serde(borrow)]
    raw_user_agent: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Transaction<'a> {
    #[serde(borrow)]
    detail: Object<Detail<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail<'a> {
    #[serde(borrow)]
    request_api_token_id: Text<'a>,
}

fn read(bytes: &[u8]) -> Read<'_> {
    let event: Event<'_> = serde_json::from_slice(bytes)?;
    let what = event.event_type.0;
    let done = !matches!(event.outcome.result.as_str(), "FAILURE" | "DENY");
    let login = what.starts_with("user.session") || what.starts_with("user.authentication");
    let outcome = match (done, login) {
        (true, _) => EventOutcome::Success,
        (false, true) => EventOutcome::NotLetIn,
        (false, false) => EventOutcome::Failure,
    };
    let token = event.transaction.0.detail.0.request_api_token_id.0;
    let lives = match done {
        true => event
            .target
            .0
            .iter()
            .filter_map(|target| life(&what, target))
            .collect(),
        false => Vec::new(),
    };
    let who = event.actor.0;
    let by = [&who.alternate_id, &who.display_name, &who.id];
    let by = by
        .into_iter()
        .find(|one| !matches!(one.as_str(), "" | "unknown"));
    Ok(AuditEvent {
        by: by.map(|one| one.0.clone()).unwrap_or_default(),
        actor: matches!(
            who.type_.as_str(),
            "PublicClientApp" | "Client" | "App" | "AppInstance"
        )
        .then(|| app(&who))
        .flatten(),
        credential: api_token(token, Cow::default()),
        lives,
        id: event.uuid.0,
        at: event.published.time(),
        log: PLATFORM.log,
        class: if login {
            EventClass::Authentication
        } else {
            EventClass::EntityManagement
        },
        activity: Activity::of_verb(what.rsplit('.').next().unwrap_or_default()),
        action: what,
        outcome,
        error: if done {
            Cow::default()
        } else {
            event.outcome.0.reason.0
        },
        address: event.client.ip_address.0.clone(),
        user_agent: event.client.0.user_agent.0.raw_user_agent.0,
        resource: event
            .target
            .0
            .into_iter()
            .next()
            .map(|one| one.0.id.0)
            .unwrap_or_default(),
        ..AuditEvent::default()
    })
}

/// An application by its id, `0oa…`; that of an OAuth client is the same.
fn app<'a>(of: &Actor<'a>) -> Option<Party<'a>> {
    of.id.as_str().starts_with("0oa").then(|| Party {
        type_: "okta_app",
        provider: "okta",
        native: Cow::Owned(format!("app/{}", of.id.as_str())),
        key: Some((
            KeyKind::Uid,
            Cow::Owned(format!("okta:app/{}", of.id.as_str())),
        )),
        name: of.display_name.0.clone(),
        ..Party::default()
    })
}

fn api_token<'a>(id: Cow<'a, str>, name: Cow<'a, str>) -> Option<Party<'a>> {
    (!id.is_empty()).then(|| Party {
        type_: "api_token",
        provider: "okta",
        native: Cow::Owned(format!("api_token/{id}")),
        key: Some((KeyKind::Uid, Cow::Owned(format!("okta:api_token/{id}")))),
        name,
        ..Party::default()
    })
}

fn life<'a>(what: &str, target: &Actor<'a>) -> Option<Life<'a>> {
    let (noun, verb) = what.rsplit_once('.')?;
    let turn = match verb {
        "create" => Turn::Born,
        "delete" | "revoke" => Turn::Ended,
        "activate" | "enable" => Turn::On,
        "deactivate" | "disable" => Turn::Off,
        "update" => Turn::Changed,
        _ => return None,
    };
    let (kind, of) = match noun {
        "application.lifecycle" | "app.oauth2.client.lifecycle" => (Kind::Identity, app(target)?),
        "system.api_token" => {
            let token = target.type_.as_str().eq_ignore_ascii_case("token");
            let of = api_token(target.id.0.clone(), target.display_name.0.clone());
            (Kind::Credential, of.filter(|_| token)?)
        }
        _ => return None,
    };
    Some(Life {
        kind,
        of,
        turn,
        holder: None,
        expires: None,
    })
}
