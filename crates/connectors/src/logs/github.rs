//! The audit log of a GitHub organization or enterprise.
//!
//! Source: "Audit log events for your organization" and "Identifying audit log events performed
//! by an access token" of GitHub's manual.

use std::borrow::Cow;

use model::{
    Activity, AuditEvent, Duration, EventClass, EventOutcome, KeyKind, Kind, Life, Party, Turn,
};
use serde::Deserialize;

use super::lenient::{Object, Text};
use super::platform::{Platform, Read};
use crate::published;

/// How long the token of an installation of an app lives ("Generating an installation access
/// token for a GitHub App").
const INSTALLATION_TOKEN: Duration = Duration::hours(1);

pub(super) const PLATFORM: Platform = Platform {
    log: "github_audit",
    marks: &[
        &["action", "created_at", "actor"],
        &["action", "created_at", "org"],
        &["action", "@timestamp"],
        &["action", "at_sign_timestamp"],
        &["action", "actor", "org"],
        &["action", "actor", "business"],
    ],
    read,
    lacks: |parts| {
        let all = parts.contains("api");
        (!all)
            .then_some("it holds no requests of the interface: tokens that only read are not in it")
    },
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, rename = "_document_id")]
    document_id: Text<'a>,
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow)]
    actor: Text<'a>,
    #[serde(borrow)]
    actor_is_bot: Text<'a>,
    #[serde(borrow, rename = "@timestamp", alias = "at_sign_timestamp")]
    timestamp: Text<'a>,
    #[serde(borrow)]
    created_at: Text<'a>,
    #[serde(borrow)]
    org: Text<'a>,
    #[serde(borrow)]
    business: Text<'a>,
    #[serde(borrow)]
    repo: Text<'a>,
    #[serde(borrow)]
    actor_ip: Text<'a>,
    #[serde(borrow)]
    user_agent: Text<'a>,
    #[serde(borrow)]
    programmatic_access_type: Text<'a>,
    #[serde(borrow)]
    token_id: Text<'a>,
    #[serde(borrow)]
    hashed_token: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow)]
    fingerprint: Text<'a>,
    #[serde(borrow)]
    integration: Text<'a>,
    #[serde(borrow)]
    installation_id: Text<'a>,
    #[serde(borrow)]
    integration_installation_id: Text<'a>,
    #[serde(borrow)]
    hook_id: Text<'a>,
    #[serde(borrow)]
    user_programmatic_access_name: Text<'a>,
    #[serde(borrow)]
    data: Object<Data<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data<'a> {
    #[serde(borrow)]
    token_id: Text<'a>,
    #[serde(borrow)]
    hashed_token: Text<'a>,
}

fn read(bytes: &[u8]) -> Read<'_> {
    let event: Event<'_> = serde_json::from_slice(bytes)?;
    let life = life(&event);
    let credential = shown(&event);
    let bot = event.actor_is_bot.as_str() == "true" || event.actor.as_str().ends_with("[bot]");
    let actor = bot.then(|| app_by_name(&event.actor));
    let at = event.timestamp.time().or_else(|| event.created_at.time());
    let account = if event.org.is_empty() {
        event.business.0
    } else {
        event.org.0
    };
    let part = event.action.as_str().split('.').next().unwrap_or_default();
    Ok(AuditEvent {
        part: Cow::Borrowed(if part == "api" || part == "git" {
            "api"
        } else {
            "web"
        }),
        activity: Activity::of_verb(event.action.as_str().rsplit('.').next().unwrap_or_default()),
        id: event.document_id.0,
        at,
        log: PLATFORM.log,
        class: EventClass::EntityManagement,
        action: event.action.0,
        outcome: EventOutcome::Success,
        account,
        actor,
        credential,
        by: event.actor.0,
        auth: event.programmatic_access_type.0,
        address: event.actor_ip.0,
        user_agent: event.user_agent.0,
        resource: event.repo.0,
        lives: life.into_iter().collect(),
        ..AuditEvent::default()
    })
}

/// The token that was shown: by its id, where it has one, and by the hash that is told of it.
fn shown<'a>(event: &Event<'a>) -> Option<Party<'a>> {
    let either = |one: &Text<'a>, other: &Text<'a>| match one.is_empty() {
        true => other.clone(),
        false => one.clone(),
    };
    let id = either(&event.token_id, &event.data.token_id);
    let hash = either(&event.hashed_token, &event.data.hashed_token);
    let published = published::of_base64(hash.as_str()).unwrap_or_default();
    let how = event.programmatic_access_type.as_str();
    let token = if id.is_empty() {
        // A key of SSH has a fingerprint of its own form.
        let is_token = !published.is_empty() && !how.contains("key");
        is_token.then(|| unnumbered(how, event.actor.as_str()))?
    } else {
        self::token(&id, &event.user_programmatic_access_name)
    };
    Some(Party {
        published: Cow::Owned(published),
        ..token
    })
}

/// A token that has no number: of an app, or a classic one of a person.
fn unnumbered<'a>(how: &str, actor: &str) -> Party<'a> {
    let how = if how.is_empty() { "token" } else { how };
    let name = match actor {
        "" => how.to_owned(),
        actor => format!("{how} of {actor}"),
    };
    Party {
        type_: "api_token",
        provider: "github",
        name: Cow::Owned(name),
        lives: how
            .contains("server-to-server")
            .then_some(INSTALLATION_TOKEN),
        ..Party::default()
    }
}

/// A fine-grained token by its id.
fn token<'a>(id: &Text<'a>, name: &Text<'a>) -> Party<'a> {
    Party {
        type_: "api_token",
        provider: "github",
        native: Cow::Owned(format!("token/{}", id.as_str())),
        key: Some((
            KeyKind::GithubId,
            Cow::Owned(format!("token/{}", id.as_str())),
        )),
        name: name.0.clone(),
        ..Party::default()
    }
}

/// An app that acts: the log tells its name, `renovate[bot]`, and no id.
fn app_by_name<'a>(actor: &Text<'a>) -> Party<'a> {
    let name = actor.as_str().trim_end_matches("[bot]").to_owned();
    Party {
        type_: "github_app",
        provider: "github",
        handle: Cow::Owned(format!("app/{name}")),
        name: Cow::Owned(name),
        ..Party::default()
    }
}

fn life<'a>(event: &Event<'a>) -> Option<Life<'a>> {
    let (noun, verb) = event.action.as_str().split_once('.')?;
    let turn = match verb {
        "create" | "access_granted" | "register_self_hosted_runner" => Turn::Born,
        "destroy" | "delete" | "access_revoked" | "remove_self_hosted_runner" => Turn::Ended,
        "suspend" => Turn::Off,
        "unsuspend" => Turn::On,
        "update"
        | "config_changed"
        | "repositories_added"
        | "repositories_removed"
        | "version_updated" => Turn::Changed,
        _ => return None,
    };
    let (kind, of) = match noun {
        "integration_installation" => (Kind::Identity, installation(event)?),
        "personal_access_token" => {
            let known = (!event.token_id.is_empty())
                .then(|| self::token(&event.token_id, &event.user_programmatic_access_name));
            (Kind::Credential, known?)
        }
        "public_key" | "deploy_key" => (Kind::Credential, key(event)?),
        "hook" => (
            Kind::Identity,
            numbered("github_webhook", "hook", &event.hook_id, &event.name)?,
        ),
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

fn installation<'a>(event: &Event<'a>) -> Option<Party<'a>> {
    let ids = [&event.installation_id, &event.integration_installation_id];
    let id = ids.into_iter().find(|id| !id.is_empty());
    let named = [&event.integration, &event.name]
        .into_iter()
        .find(|name| !name.is_empty());
    let name = named.map(|name| name.0.clone()).unwrap_or_default();
    if id.is_none() && name.is_empty() {
        return None;
    }
    let key = id.map(|id| format!("installation/{}", id.as_str()));
    Some(Party {
        type_: "github_app",
        provider: "github",
        native: key.clone().map(Cow::Owned).unwrap_or_default(),
        key: key.map(|key| (KeyKind::GithubId, Cow::Owned(key))),
        handle: if name.is_empty() {
            Cow::default()
        } else {
            Cow::Owned(format!("app/{name}"))
        },
        name,
        ..Party::default()
    })
}

/// A key that opens a repository, by the fingerprint that OpenSSH shows as well.
fn key<'a>(event: &Event<'a>) -> Option<Party<'a>> {
    let print = event.fingerprint.as_str();
    let print = match print.strip_prefix("SHA256:") {
        Some(rest) => rest,
        None => print,
    };
    let fits = print.len() == 43 && !print.contains(':');
    let name = if event.title.is_empty() {
        event.name.0.clone()
    } else {
        event.title.0.clone()
    };
    fits.then(|| Party {
        type_: "ssh_authorized_key",
        provider: "github",
        native: Cow::Owned(format!("SHA256:{print}")),
        key: Some((KeyKind::SshKeySha256, Cow::Owned(format!("SHA256:{print}")))),
        name,
        ..Party::default()
    })
}

fn numbered<'a>(
    type_: &'static str,
    noun: &str,
    id: &Text<'a>,
    name: &Text<'a>,
) -> Option<Party<'a>> {
    (!id.is_empty()).then(|| Party {
        type_,
        provider: "github",
        native: Cow::Owned(format!("{noun}/{}", id.as_str())),
        name: name.0.clone(),
        ..Party::default()
    })
}
