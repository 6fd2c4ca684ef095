//! AWS CloudTrail.
//!
//! Source: "CloudTrail record contents" and "CloudTrail userIdentity element" of the CloudTrail
//! user guide; "Logging IAM and AWS STS API calls" of the IAM one.

mod lives;

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome, KeyKind, Party};
use serde::Deserialize;

use super::lenient::{List, Object, Text};
use super::platform::{Platform, Read};
use crate::aws_iam::account::account_of;
use crate::aws_key_id::{aws_account_of, is_aws_key_id};
use lives::Details;

pub(super) const PLATFORM: Platform = Platform {
    log: "aws_cloudtrail",
    marks: &[&["eventsource", "eventname"]],
    read,
    lacks: |parts| {
        let all = parts.contains("data") || parts.contains("Data");
        (!all).then_some("it holds no data events: reads and writes of objects, calls of functions and the like are not in it")
    },
};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, rename = "eventID")]
    event_id: Text<'a>,
    #[serde(borrow)]
    event_time: Text<'a>,
    #[serde(borrow)]
    event_source: Text<'a>,
    #[serde(borrow)]
    event_name: Text<'a>,
    #[serde(borrow)]
    event_category: Text<'a>,
    #[serde(borrow)]
    aws_region: Text<'a>,
    #[serde(borrow, rename = "sourceIPAddress")]
    source_ip_address: Text<'a>,
    #[serde(borrow)]
    user_agent: Text<'a>,
    #[serde(borrow)]
    error_code: Text<'a>,
    #[serde(borrow)]
    vpc_endpoint_id: Text<'a>,
    #[serde(borrow)]
    recipient_account_id: Text<'a>,
    #[serde(borrow)]
    user_identity: Object<Identity<'a>>,
    #[serde(borrow)]
    resources: List<Object<Resource<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow)]
    principal_id: Text<'a>,
    #[serde(borrow)]
    arn: Text<'a>,
    #[serde(borrow)]
    account_id: Text<'a>,
    #[serde(borrow)]
    access_key_id: Text<'a>,
    #[serde(borrow)]
    user_name: Text<'a>,
    #[serde(borrow)]
    invoked_by: Text<'a>,
    #[serde(borrow)]
    session_context: Object<Session<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Session<'a> {
    #[serde(borrow)]
    session_issuer: Object<Issuer<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Issuer<'a> {
    #[serde(borrow)]
    principal_id: Text<'a>,
    #[serde(borrow)]
    arn: Text<'a>,
    #[serde(borrow)]
    account_id: Text<'a>,
    #[serde(borrow)]
    user_name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow, rename = "ARN", alias = "arn")]
    arn: Text<'a>,
}

fn read(bytes: &[u8]) -> Read<'_> {
    let record: Record<'_> = serde_json::from_slice(bytes)?;
    let who = record.user_identity.0;
    let account = match record.recipient_account_id.0 {
        given if !given.is_empty() => given,
        _ => who.account_id.0.clone(),
    };
    let name = record.event_name.0;
    let about_identities = record.event_source.as_str() == "iam.amazonaws.com";
    let login = name == "ConsoleLogin";
    let failed = !record.error_code.is_empty();
    let mut event = AuditEvent {
        class: class(record.event_source.as_str(), &name),
        activity: Activity::of_verb(&name),
        outcome: if failed {
            EventOutcome::Failure
        } else {
            EventOutcome::Success
        },
        by: by(&who),
        auth: who.type_.0.clone(),
        credential: credential(&who),
        actor: actor(&who),
        ..AuditEvent::default()
    };
    if login || (about_identities && !failed) {
        let details: Details<'_> = serde_json::from_slice(bytes)?;
        if login && details.response_elements.console_login.as_str() == "Failure" {
            event.outcome = EventOutcome::NotLetIn;
        }
        if about_identities {
            event.lives = lives::lives(&name, &account, details, event.actor.as_ref());
        }
    }
    event.id = record.event_id.0;
    event.at = record.event_time.time();
    event.log = PLATFORM.log;
    event.part = match record.event_category.0 {
        part if part.is_empty() => "Management".into(),
        part => part,
    };
    event.action = Cow::Owned(format!("{}:{name}", record.event_source.as_str()));
    event.error = record.error_code.0;
    event.region = record.aws_region.0;
    event.address = record.source_ip_address.0;
    event.network = record.vpc_endpoint_id.0;
    event.user_agent = record.user_agent.0;
    let resource = record.resources.0.into_iter().next();
    event.resource = resource.map(|one| one.0.arn.0).unwrap_or_default();
    event.account = account;
    Ok(event)
}

fn class(source: &str, name: &str) -> EventClass {
    match source {
        "signin.amazonaws.com" | "sts.amazonaws.com" => EventClass::Authentication,
        "iam.amazonaws.com" if name.contains("Group") => EventClass::GroupManagement,
        "iam.amazonaws.com" if name.contains("Role") => EventClass::RoleManagement,
        "iam.amazonaws.com" => EventClass::UserManagement,
        _ => EventClass::ApiActivity,
    }
}

/// Whom a person would name: the session of a role by what it is called.
fn by<'a>(who: &Identity<'a>) -> Cow<'a, str> {
    let told = [&who.arn, &who.user_name, &who.invoked_by, &who.principal_id];
    let first = told.into_iter().find(|one| !one.is_empty());
    first.map(|one| one.0.clone()).unwrap_or_default()
}

/// A long-term access key; temporary ones end by themselves and are the role's use.
fn credential<'a>(who: &Identity<'a>) -> Option<Party<'a>> {
    let id = &who.access_key_id;
    (id.as_str().starts_with("AKIA") && is_aws_key_id(id.as_str())).then(|| access_key(id))
}

pub(super) fn access_key<'a>(id: &Text<'a>) -> Party<'a> {
    Party {
        type_: "aws_access_key",
        provider: "aws",
        native: id.0.clone(),
        key: Some((KeyKind::AwsAccessKeyId, id.0.clone())),
        name: id.0.clone(),
        account: aws_account_of(id.as_str())
            .map(Cow::Owned)
            .unwrap_or_default(),
        ..Party::default()
    }
}

fn actor<'a>(who: &Identity<'a>) -> Option<Party<'a>> {
    let issuer = &who.session_context.session_issuer;
    match who.type_.as_str() {
        "Root" => {
            let arn = format!("arn:aws:iam::{}:root", who.account_id.as_str());
            (!who.account_id.is_empty()).then(|| Party {
                type_: "aws_account_root",
                provider: "aws",
                native: Cow::Owned(arn.clone()),
                handle: Cow::Owned(arn),
                name: "root".into(),
                ..Party::default()
            })
        }
        "AssumedRole" | "FederatedUser" if !issuer.arn.is_empty() => Some(principal(
            issuer.principal_id.0.clone(),
            &issuer.arn,
            &issuer.user_name,
            issuer.account_id.as_str(),
        )),
        // `AROA…:session`, and the session's own ARN.
        "IAMUser" | "AssumedRole" | "AWSAccount" => {
            let id = unprefixed(&who.principal_id);
            let known = is_unique_id(&id) || !who.arn.is_empty();
            let arn = match who.type_.as_str() {
                "AssumedRole" => Text(role_arn(who.arn.as_str())),
                _ => who.arn.clone(),
            };
            known.then(|| principal(id, &arn, &who.user_name, who.account_id.as_str()))
        }
        _ => None,
    }
}

/// `AROA…` of `AROA…:session`.
fn unprefixed<'a>(id: &Text<'a>) -> Cow<'a, str> {
    match &id.0 {
        Cow::Borrowed(id) => Cow::Borrowed(id.split(':').next().unwrap_or_default()),
        Cow::Owned(id) => Cow::Owned(id.split(':').next().unwrap_or_default().to_owned()),
    }
}

/// The role of `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`.
fn role_arn(session: &str) -> Cow<'static, str> {
    let mut parts = session.splitn(6, ':');
    let (partition, account, rest) = (parts.nth(1), parts.nth(2), parts.next());
    let name = rest.and_then(|rest| rest.strip_prefix("assumed-role/"));
    let name = name.and_then(|rest| rest.split('/').next());
    match (partition, account, name) {
        (Some(partition), Some(account), Some(name)) => {
            Cow::Owned(format!("arn:{partition}:iam::{account}:role/{name}"))
        }
        _ => Cow::Owned(session.to_owned()),
    }
}

/// A user or role, by whatever is told of it.
pub(super) fn principal<'a>(
    id: Cow<'a, str>,
    arn: &Text<'a>,
    name: &Text<'a>,
    account: &str,
) -> Party<'a> {
    let unique = is_unique_id(&id);
    let role = if unique {
        id.starts_with("AROA")
    } else {
        arn.as_str().contains(":role/")
    };
    let account = account_of(arn.as_str()).unwrap_or(account);
    let name = match arn.as_str().rsplit_once('/') {
        _ if !name.is_empty() => name.0.clone(),
        Some((_, last)) => Cow::Owned(last.to_owned()),
        None => Cow::default(),
    };
    let kind = if role { "role" } else { "user" };
    let handle = match name.is_empty() {
        true => Cow::default(),
        false => Cow::Owned(handle(kind, account, &name)),
    };
    Party {
        type_: if role { "aws_iam_role" } else { "aws_iam_user" },
        provider: "aws",
        key: (unique && !account.is_empty()).then(|| {
            (
                KeyKind::AwsPrincipalId,
                Cow::Owned(format!("{account}/{id}")),
            )
        }),
        account: Cow::Owned(account.to_owned()),
        native: if unique { id } else { Cow::default() },
        handle,
        name,
        ..Party::default()
    }
}

/// What another user or role may be called later: its ARN without its path.
fn handle(kind: &str, account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{kind}/{name}")
}

/// `AIDA…` or `AROA…`.
fn is_unique_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (16..=128).contains(&id.len())
        && (id.starts_with("AIDA") || id.starts_with("AROA"))
        && id.bytes().all(plain)
}
