//! Audit logs of OpenAI and Anthropic organizations.
//!
//! Source: "Audit logs" of OpenAI's and "Activity feed" of Anthropic's reference.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome, KeyKind, Kind, Life, Party, Turn};
use serde::Deserialize;

use super::lenient::{Object, Text};
use super::platform::{Platform, Read};

pub(super) const OPENAI: Platform = Platform {
    log: "openai_audit",
    marks: &[&["effective_at", "type", "actor"]],
    read: openai,
    lacks: |_| Some("it tells of changes of the organization and of no request to a model"),
};

pub(super) const ANTHROPIC: Platform = Platform {
    log: "anthropic_activity",
    marks: &[&["organization_id", "type", "created_at", "actor"]],
    read: anthropic,
    lacks: |_| Some("it tells of changes of the organization and of no request to a model"),
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct OpenAi<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow)]
    effective_at: Text<'a>,
    #[serde(borrow)]
    project: Object<Named<'a>>,
    #[serde(borrow)]
    actor: Object<Actor<'a>>,
    #[serde(borrow, rename = "api_key.created", alias = "api_key_created")]
    api_key_created: Object<Made<'a>>,
    #[serde(borrow, rename = "api_key.updated", alias = "api_key_updated")]
    api_key_updated: Object<Made<'a>>,
    #[serde(borrow, rename = "api_key.deleted", alias = "api_key_deleted")]
    api_key_deleted: Object<Made<'a>>,
    #[serde(
        borrow,
        rename = "service_account.created",
        alias = "service_account_created"
    )]
    service_account_created: Object<Made<'a>>,
    #[serde(
        borrow,
        rename = "service_account.updated",
        alias = "service_account_updated"
    )]
    service_account_updated: Object<Made<'a>>,
    #[serde(
        borrow,
        rename = "service_account.deleted",
        alias = "service_account_deleted"
    )]
    service_account_deleted: Object<Made<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    id: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Made<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    data: Object<Data<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Actor<'a> {
    #[serde(borrow, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow)]
    session: Object<Session<'a>>,
    #[serde(borrow)]
    api_key: Object<ApiKey<'a>>,
    #[serde(borrow)]
    email_address: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    api_key_id: Text<'a>,
    #[serde(borrow)]
    ip_address: Text<'a>,
    #[serde(borrow)]
    user_agent: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Session<'a> {
    #[serde(borrow)]
    user: Object<User<'a>>,
    #[serde(borrow)]
    ip_address: Text<'a>,
    #[serde(borrow)]
    user_agent: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ApiKey<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    user: Object<User<'a>>,
    #[serde(borrow)]
    service_account: Object<User<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    email: Text<'a>,
}

fn openai(bytes: &[u8]) -> Read<'_> {
    let event: OpenAi<'_> = serde_json::from_slice(bytes)?;
    let life = openai_life(&event);
    let what = event.type_.0;
    let key = &event.actor.api_key;
    let service = &key.service_account.id;
    let user = [&event.actor.session.user, &key.user];
    let by = user.iter().flat_map(|user| [&user.email, &user.id]);
    let by = by.chain([service, &key.id]).find(|one| !one.is_empty());
    let failed = what.ends_with(".failed");
    Ok(AuditEvent {
        by: by.map(|one| one.0.clone()).unwrap_or_default(),
        lives: life.into_iter().collect(),
        actor: (!service.is_empty()).then(|| openai_account(service, &Text::default())),
        credential: (!key.id.is_empty()).then(|| openai_key(&key.id, &Text::default())),
        auth: event.actor.type_.0.clone(),
        address: event.actor.session.ip_address.0.clone(),
        user_agent: event.actor.session.user_agent.0.clone(),
        activity: Activity::of_verb(what.rsplit('.').next().unwrap_or_default()),
        outcome: if failed {
            EventOutcome::NotLetIn
        } else {
            EventOutcome::Success
        },
        id: event.id.0,
        at: event.effective_at.time(),
        log: OPENAI.log,
        class: EventClass::EntityManagement,
        action: what,
        account: event.project.0.id.0,
        ..AuditEvent::default()
    })
}

fn openai_life<'a>(event: &OpenAi<'a>) -> Option<Life<'a>> {
    type Of<'a> = fn(&Text<'a>, &Text<'a>) -> Party<'a>;
    let key: Of<'a> = openai_key;
    let account: Of<'a> = openai_account;
    let (credential, identity) = (Kind::Credential, Kind::Identity);
    let told = [
        (&event.api_key_created, credential, key, Turn::Born),
        (&event.api_key_updated, credential, key, Turn::Changed),
        (&event.api_key_deleted, credential, key, Turn::Ended),
        (
            &event.service_account_created,
            identity,
            account,
            Turn::Born,
        ),
        (
            &event.service_account_updated,
            identity,
            account,
            Turn::Changed,
        ),
        (
            &event.service_account_deleted,
            identity,
            account,
            Turn::Ended,
        ),
    ];
    let (made, kind, of, turn) = told.into_iter().find(|(made, ..)| !made.id.is_empty())?;
    Some(Life {
        kind,
        of: of(&made.id, &made.data.name),
        turn,
        holder: None,
        expires: None,
    })
}

fn openai_key<'a>(id: &Text<'a>, name: &Text<'a>) -> Party<'a> {
    Party {
        type_: "api_token",
        provider: "openai",
        native: Cow::Owned(format!("key/{}", id.as_str())),
        key: Some((KeyKind::Uid, Cow::Owned(format!("openai:{}", id.as_str())))),
        name: name.0.clone(),
        ..Party::default()
    }
}

fn openai_account<'a>(id: &Text<'a>, name: &Text<'a>) -> Party<'a> {
    Party {
        type_: "openai_service_account",
        native: Cow::Owned(format!("service_account/{}", id.as_str())),
        ..openai_key(id, name)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Anthropic<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow)]
    created_at: Text<'a>,
    #[serde(borrow)]
    organization_id: Text<'a>,
    #[serde(borrow)]
    actor: Object<Actor<'a>>,
    #[serde(borrow)]
    api_key_id: Text<'a>,
    #[serde(borrow)]
    api_key_name: Text<'a>,
    #[serde(borrow)]
    admin_api_key_id: Text<'a>,
}

fn anthropic(bytes: &[u8]) -> Read<'_> {
    let event: Anthropic<'_> = serde_json::from_slice(bytes)?;
    let what = event.type_.0;
    let who = event.actor.0;
    let by = [&who.email_address, &who.user_id, &who.api_key_id];
    let by = by
        .into_iter()
        .find(|one| !one.is_empty())
        .cloned()
        .unwrap_or_default();
    let turn = match what.rsplit('_').next() {
        Some("created") => Turn::Born,
        Some("deleted") => Turn::Ended,
        _ => Turn::Changed,
    };
    let about_key = what.contains("api_key_");
    let id = [&event.api_key_id, &event.admin_api_key_id]
        .into_iter()
        .find(|id| !id.is_empty());
    let of = id
        .filter(|_| about_key)
        .map(|id| anthropic_key(id, &event.api_key_name));
    let life = of.map(|of| Life {
        kind: Kind::Credential,
        of,
        turn,
        holder: None,
        expires: None,
    });
    Ok(AuditEvent {
        lives: life.into_iter().collect(),
        credential: (!who.api_key_id.is_empty())
            .then(|| anthropic_key(&who.api_key_id, &Text::default())),
        auth: who.type_.0,
        address: who.ip_address.0,
        user_agent: who.user_agent.0,
        activity: Activity::of_verb(what.rsplit('_').next().unwrap_or_default()),
        id: event.id.0,
        at: event.created_at.time(),
        log: ANTHROPIC.log,
        class: EventClass::EntityManagement,
        action: what,
        account: event.organization_id.0,
        by: by.0,
        ..AuditEvent::default()
    })
}

fn anthropic_key<'a>(id: &Text<'a>, name: &Text<'a>) -> Party<'a> {
    Party {
        type_: "api_token",
        provider: "anthropic",
        native: Cow::Owned(format!("key/{}", id.as_str())),
        key: Some((
            KeyKind::Uid,
            Cow::Owned(format!("anthropic:{}", id.as_str())),
        )),
        name: name.0.clone(),
        ..Party::default()
    }
}
