//! Webhooks of GitHub.
//!
//! Source: "Validating webhook deliveries" and "Webhook events and payloads" of GitHub's manual.
//! What a webhook tells is told again in the words of the audit log, which its reader knows.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use model::{Secret, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Closed, Delivery, Opened, Then, Why, check, lines, posted, refused};

pub(super) fn open(secrets: &[Secret], delivery: &Delivery<'_>) -> Result<Opened, Closed> {
    posted(delivery)?;
    let signature = delivery.header("x-hub-signature-256")?.ok_or_else(|| {
        refused(
            Why::Unsigned,
            "no `X-Hub-Signature-256`: give the webhook a secret",
        )
    })?;
    let tag = signature.strip_prefix("sha256=").and_then(check::unhex);
    let keys = secrets.iter().map(Secret::expose);
    if !tag.is_some_and(|tag| check::is_signed(keys, &[delivery.body], &tag)) {
        return Err(refused(
            Why::WrongSignature,
            "the signature is of another body or secret",
        ));
    }
    let event = delivery.header("x-github-event")?.unwrap_or_default();
    let payload = super::json(delivery.body)?;
    let told = record(event, &payload, delivery.at);
    let undated = told.as_ref().is_some_and(|(_, undated)| *undated);
    let records: Vec<_> = told.into_iter().map(|(record, _)| record).collect();
    // Its id stands in a header that no signature covers: the body names the delivery.
    Ok(Opened {
        id: check::digest(delivery.body),
        then: Then::Take {
            records: lines(&records),
            undated,
        },
    })
}

/// What an event says in the words of the audit log, and whether it tells no time of its own.
fn record(event: &str, payload: &Value, came: Timestamp) -> Option<(Value, bool)> {
    let action = payload.get("action")?.as_str()?;
    let (name, subject, at, own) = match event {
        "deploy_key" => deploy_key(action, payload)?,
        "installation" | "installation_repositories" => installation(action, payload)?,
        "personal_access_token_request" => token(action, payload)?,
        "meta" if action == "deleted" => (
            "hook.destroy",
            payload.get("hook")?,
            None,
            json!({"hook_id": payload.get("hook_id"), "name": payload.pointer("/hook/name")}),
        ),
        _ => return None,
    };
    let at = at.and_then(|at| subject.get(at)).filter(|at| !at.is_null());
    let undated = at.is_none();
    let mut record = Map::new();
    record.insert("action".to_owned(), name.into());
    let at = at.cloned().unwrap_or_else(|| came.to_string().into());
    record.insert("@timestamp".to_owned(), at);
    for (member, place) in [
        ("actor", "/sender/login"),
        ("org", "/organization/login"),
        ("business", "/enterprise/slug"),
        ("repo", "/repository/full_name"),
    ] {
        if let Some(value) = payload.pointer(place) {
            record.insert(member.to_owned(), value.clone());
        }
    }
    let is_bot = payload.pointer("/sender/type") == Some(&json!("Bot"));
    record.insert("actor_is_bot".to_owned(), is_bot.into());
    if !record.contains_key("org") {
        // What belongs to a person is of no organization: the account stands for it.
        let account = payload.pointer("/installation/account/login");
        let owner = payload.pointer("/repository/owner/login");
        let account = account.or(owner).cloned().unwrap_or_else(|| "".into());
        record.insert("org".to_owned(), account);
    }
    if let Value::Object(own) = own {
        record.extend(own);
    }
    Some((record.into(), undated))
}

/// Name of the action, what it is about, the member of that which tells when, and the rest.
type Told<'a> = (&'static str, &'a Value, Option<&'static str>, Value);

fn deploy_key<'a>(action: &str, payload: &'a Value) -> Option<Told<'a>> {
    let key = payload.get("key")?;
    let print = fingerprint(key.get("key")?.as_str()?)?;
    let own = json!({"title": key.get("title"), "fingerprint": print});
    match action {
        "created" => Some(("public_key.create", key, Some("created_at"), own)),
        "deleted" => Some(("public_key.delete", key, None, own)),
        _ => None,
    }
}

fn installation<'a>(action: &str, payload: &'a Value) -> Option<Told<'a>> {
    let of = payload.get("installation")?;
    let own = json!({"installation_id": of.get("id"), "integration": of.get("app_slug")});
    let (name, at) = match action {
        "created" => ("integration_installation.create", Some("created_at")),
        "deleted" => ("integration_installation.destroy", None),
        "suspend" => ("integration_installation.suspend", Some("suspended_at")),
        "unsuspend" => ("integration_installation.unsuspend", Some("updated_at")),
        "new_permissions_accepted" => (
            "integration_installation.version_updated",
            Some("updated_at"),
        ),
        "added" => (
            "integration_installation.repositories_added",
            Some("updated_at"),
        ),
        "removed" => (
            "integration_installation.repositories_removed",
            Some("updated_at"),
        ),
        _ => return None,
    };
    Some((name, of, at, own))
}

/// A fine-grained token that may reach an organization from now on.
fn token<'a>(action: &str, payload: &'a Value) -> Option<Told<'a>> {
    let of = payload.get("personal_access_token_request")?;
    let own = json!({
        "token_id": of.get("token_id")?,
        "user_programmatic_access_name": of.get("token_name"),
    });
    let name = match action {
        "approved" => "personal_access_token.access_granted",
        _ => return None,
    };
    // When it was asked for is told, and when it was granted is not.
    Some((name, of, None, own))
}

/// The fingerprint of a public key in the form of OpenSSH, as the audit log has it.
fn fingerprint(key: &str) -> Option<String> {
    let blob = key.split_ascii_whitespace().nth(1)?;
    let blob = STANDARD.decode(blob).ok()?;
    Some(format!(
        "SHA256:{}",
        STANDARD_NO_PAD.encode(Sha256::digest(blob))
    ))
}
