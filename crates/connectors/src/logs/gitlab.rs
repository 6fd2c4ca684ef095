//! Audit events of GitLab, as it streams them and as its interface lists them.
//!
//! Source: "Audit event schema and examples" and "Audit event types" of GitLab's manual.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome, Kind, Life, Party, Turn};
use serde::Deserialize;

use super::lenient::{Object, Text};
use super::platform::{Platform, Read};

pub(super) const PLATFORM: Platform = Platform {
    log: "gitlab_audit",
    marks: &[&["event_type", "entity_type", "author_id"]],
    read,
    lacks: |_| Some("it tells of changes and of no use"),
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    event_type: Text<'a>,
    #[serde(borrow)]
    author_name: Text<'a>,
    #[serde(borrow)]
    author_id: Text<'a>,
    #[serde(borrow)]
    created_at: Text<'a>,
    #[serde(borrow)]
    entity_path: Text<'a>,
    #[serde(borrow)]
    ip_address: Text<'a>,
    #[serde(borrow)]
    target_id: Text<'a>,
    #[serde(borrow)]
    target_type: Text<'a>,
    #[serde(borrow)]
    target_details: Text<'a>,
    #[serde(borrow)]
    details: Object<Details<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    custom_message: Text<'a>,
    #[serde(borrow)]
    target_details: Text<'a>,
    #[serde(borrow)]
    author_name: Text<'a>,
    #[serde(borrow)]
    entity_path: Text<'a>,
}

fn read(bytes: &[u8]) -> Read<'_> {
    let event: Event<'_> = serde_json::from_slice(bytes)?;
    let failed = event.event_type.as_str().contains("_failed");
    let life = (!failed).then(|| life(&event)).flatten();
    let details = event.details.0;
    let first = |all: [Text<'_>; 3]| {
        let found = all.into_iter().find(|one| !one.is_empty());
        found.map(|one| one.0.into_owned()).unwrap_or_default()
    };
    let by = first([event.author_name, details.author_name, event.author_id]);
    let account = first([event.entity_path, details.entity_path, Text::default()]);
    let verb = event
        .event_type
        .as_str()
        .rsplit('_')
        .next()
        .unwrap_or_default();
    Ok(AuditEvent {
        activity: Activity::of_verb(verb),
        id: event.id.0,
        at: event.created_at.time(),
        log: PLATFORM.log,
        class: EventClass::EntityManagement,
        outcome: if failed {
            EventOutcome::Failure
        } else {
            EventOutcome::Success
        },
        by: Cow::Owned(by),
        account: Cow::Owned(account),
        address: event.ip_address.0,
        action: event.event_type.0,
        lives: life.into_iter().collect(),
        ..AuditEvent::default()
    })
}

fn life<'a>(event: &Event<'a>) -> Option<Life<'a>> {
    let (noun, verb) = event.event_type.as_str().rsplit_once('_')?;
    let turn = match verb {
        "created" | "issued" | "added" => Turn::Born,
        "deleted" | "revoked" | "destroyed" | "removed" => Turn::Ended,
        _ => return None,
    };
    // Tokens are told by the number in the message: the target of one is its bot or its project.
    let token = || token_id(event.details.0.custom_message.as_str());
    let of_target = |kind: &str| {
        let fits = event.target_type.as_str() == kind && !event.target_id.is_empty();
        fits.then(|| event.target_id.as_str().to_owned())
    };
    let (type_, native) = match noun {
        "personal_access_token" => {
            let id = of_target("PersonalAccessToken").or_else(token)?;
            ("api_token", format!("token/{id}"))
        }
        "project_access_token" | "group_access_token" => {
            ("api_token", format!("token/{}", token()?))
        }
        "deploy_token" => (
            "api_token",
            format!("deploy_token/{}", of_target("DeployToken")?),
        ),
        "deploy_key" => {
            let id = of_target("DeployKey").or_else(|| of_target("Key"))?;
            ("ssh_authorized_key", format!("deploy_key/{id}"))
        }
        _ => return None,
    };
    let details = &event.details.0;
    let name = [&event.target_details, &details.target_details]
        .into_iter()
        .find(|one| !one.is_empty());
    Some(Life {
        kind: Kind::Credential,
        of: Party {
            type_,
            provider: "gitlab",
            native: Cow::Owned(native),
            name: name.map(|name| name.0.clone()).unwrap_or_default(),
            ..Party::default()
        },
        turn,
        holder: None,
        expires: None,
    })
}

/// The number in `Created project access token with token_id: 42 with scopes: [:api].`
fn token_id(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("token_id: ")?;
    let end = rest
        .find(|one: char| !one.is_ascii_digit())
        .unwrap_or(rest.len());
    (1..=20).contains(&end).then(|| rest[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_born_under_the_number_its_inventory_knows() {
        let event = r#"{"id":"1","author_id":7,"author_name":"Ann","entity_id":21,"entity_type":"Project","entity_path":"acme/shop","event_type":"project_access_token_created","created_at":"2026-11-30T11:59:00Z","details":{"custom_message":"Created project access token with token_id: 42 with scopes: [:api]","target_details":"deploy"}}"#;
        let event = read(event.as_bytes()).unwrap();
        let [life] = &event.lives[..] else {
            panic!("expected one life, got {:?}", event.lives);
        };
        assert_eq!((life.turn, &*life.of.native), (Turn::Born, "token/42"));
        assert_eq!((&*event.by, &*event.account), ("Ann", "acme/shop"));
        let failed = r#"{"event_type":"project_access_token_creation_failed","entity_type":"Project","author_id":1}"#;
        assert!(read(failed.as_bytes()).unwrap().lives.is_empty());
    }
}
