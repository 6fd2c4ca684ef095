//! Kubernetes audit events.
//!
//! Source: `audit.k8s.io/v1` and "Auditing" of the Kubernetes manual. On EKS the identity of AWS
//! behind a user comes with it.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome, KeyKind, Kind, Life, Party, Turn};
use serde::Deserialize;

use super::cloudtrail;
use super::lenient::{List, Object, Text};
use super::platform::{Platform, Read};
use crate::aws_key_id::is_aws_key_id;

pub(super) const PLATFORM: Platform = Platform {
    log: "kubernetes_audit",
    marks: &[
        &["auditid"],
        &["verb", "user", "objectref"],
        &["verb", "user", "requesturi"],
    ],
    read,
    lacks: |_| Some("the cluster's audit policy decides which requests are in it, and is not"),
};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow, rename = "auditID")]
    audit_id: Text<'a>,
    #[serde(borrow)]
    stage: Text<'a>,
    #[serde(borrow)]
    verb: Text<'a>,
    #[serde(borrow)]
    user: Object<User<'a>>,
    #[serde(borrow, rename = "sourceIPs")]
    source_ips: List<Text<'a>>,
    #[serde(borrow)]
    user_agent: Text<'a>,
    #[serde(borrow)]
    object_ref: Object<ObjectRef<'a>>,
    #[serde(borrow)]
    response_status: Object<Status<'a>>,
    #[serde(borrow)]
    request_received_timestamp: Text<'a>,
    #[serde(borrow)]
    stage_timestamp: Text<'a>,
    #[serde(borrow)]
    response_object: Object<Made<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User<'a> {
    #[serde(borrow)]
    username: Text<'a>,
    #[serde(borrow)]
    uid: Text<'a>,
    #[serde(borrow)]
    extra: Object<Extra<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extra<'a> {
    #[serde(borrow)]
    access_key_id: List<Text<'a>>,
    #[serde(borrow)]
    canonical_arn: List<Text<'a>>,
    #[serde(borrow, rename = "authentication.kubernetes.io/credential-id")]
    credential_id: List<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ObjectRef<'a> {
    #[serde(borrow)]
    resource: Text<'a>,
    #[serde(borrow)]
    subresource: Text<'a>,
    #[serde(borrow)]
    namespace: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    uid: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    reason: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Made<'a> {
    #[serde(borrow)]
    metadata: Object<Meta<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow)]
    uid: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

fn read(bytes: &[u8]) -> Read<'_> {
    let event: Event<'_> = serde_json::from_slice(bytes)?;
    let (user, object) = (event.user.0, event.object_ref.0);
    let code: u16 = event.response_status.code.as_str().parse().unwrap_or(0);
    let outcome = match code {
        401 => EventOutcome::NotLetIn,
        400.. => EventOutcome::Failure,
        _ => EventOutcome::Success,
    };
    let done = matches!(event.stage.as_str(), "ResponseComplete" | "");
    let lives = match outcome {
        EventOutcome::Success if done => life(event.verb.as_str(), &object, &event.response_object),
        _ => None,
    };
    let resource = [&object.namespace, &object.resource, &object.name];
    let resource: Vec<_> = resource.iter().map(|one| one.as_str()).collect();
    let at = event.request_received_timestamp.time();
    Ok(AuditEvent {
        id: event.audit_id.0,
        at: at.or_else(|| event.stage_timestamp.time()),
        log: PLATFORM.log,
        class: EventClass::ApiActivity,
        activity: Activity::of_verb(event.verb.as_str()),
        action: Cow::Owned(format!(
            "{} {}",
            event.verb.as_str(),
            object.resource.as_str()
        )),
        outcome,
        error: event.response_status.0.reason.0,
        actor: actor(&user),
        credential: credential(&user),
        by: user.username.0,
        address: event
            .source_ips
            .0
            .into_iter()
            .next()
            .map(|ip| ip.0)
            .unwrap_or_default(),
        user_agent: event.user_agent.0,
        resource: Cow::Owned(resource.join("/")),
        lives: lives.into_iter().collect(),
        ..AuditEvent::default()
    })
}

/// A service account, a role or user of AWS on EKS, or a user of a certificate. Components of
/// the cluster, and people who come by mail address, are none.
fn actor<'a>(user: &User<'a>) -> Option<Party<'a>> {
    let name = user.username.as_str();
    if let Some(account) = name.strip_prefix("system:serviceaccount:") {
        let (namespace, name) = account.split_once(':')?;
        return Some(service_account(namespace, name, user.uid.0.clone()));
    }
    if let Some(id) = user.uid.as_str().strip_prefix("aws-iam-authenticator:") {
        let (account, id) = id.split_once(':')?;
        let arn = user
            .extra
            .canonical_arn
            .0
            .first()
            .cloned()
            .unwrap_or_default();
        let id = Cow::Owned(id.to_owned());
        return Some(cloudtrail::principal(id, &arn, &Text::default(), account));
    }
    let nobody = name.is_empty() || name.starts_with("system:") || name.starts_with("eks:");
    (!nobody && !name.contains('@')).then(|| Party {
        type_: "kubernetes_user",
        provider: "kubernetes",
        handle: Cow::Owned(format!("user/{name}")),
        name: user.username.0.clone(),
        ..Party::default()
    })
}

fn service_account<'a>(namespace: &str, name: &str, uid: Cow<'a, str>) -> Party<'a> {
    Party {
        type_: "kubernetes_service_account",
        provider: "kubernetes",
        native: uid,
        // A uid alone is no hard key: that wants the cluster's uid, which no event tells.
        handle: Cow::Owned(format!("{namespace}/{name}")),
        name: Cow::Owned(name.to_owned()),
        ..Party::default()
    }
}

/// A long-term access key of AWS that EKS let in, or a client certificate (Kubernetes 1.32).
fn credential<'a>(user: &User<'a>) -> Option<Party<'a>> {
    let key = user.extra.access_key_id.0.first();
    if let Some(id) = key.filter(|id| id.as_str().starts_with("AKIA") && is_aws_key_id(id.as_str()))
    {
        return Some(cloudtrail::access_key(id));
    }
    let id = user.extra.credential_id.0.first()?;
    let hash = id.as_str().strip_prefix("X509SHA256=")?;
    let hex = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hash = hash.to_ascii_lowercase();
    hex.then(|| Party {
        type_: "x509_certificate",
        provider: "kubernetes",
        native: Cow::Owned(hash.clone()),
        key: Some((KeyKind::CertificateSha256, Cow::Owned(hash))),
        name: Cow::Owned(format!("certificate of {}", user.username.as_str())),
        ..Party::default()
    })
}

fn life<'a>(verb: &str, object: &ObjectRef<'a>, made: &Made<'a>) -> Option<Life<'a>> {
    if object.resource.as_str() != "serviceaccounts" || !object.subresource.is_empty() {
        return None;
    }
    let turn = match verb {
        "create" => Turn::Born,
        "update" | "patch" => Turn::Changed,
        "delete" => Turn::Ended,
        _ => return None,
    };
    // What is deleted is answered with a status, whose uid is the object's as well.
    let uid = [&object.uid, &made.metadata.uid]
        .into_iter()
        .find(|uid| !uid.is_empty());
    let name = [&object.name, &made.metadata.name]
        .into_iter()
        .find(|one| !one.is_empty())?;
    let uid = uid.map(|uid| uid.0.clone()).unwrap_or_default();
    Some(Life {
        kind: Kind::Identity,
        of: service_account(object.namespace.as_str(), name.as_str(), uid),
        turn,
        holder: None,
        expires: None,
    })
}
