//! Recognises service accounts, keys, secrets, providers and activities by their members.

use std::collections::BTreeMap;

use model::{
    Attribute, CredentialType, Key, KeyKind, Kind, Observation, Relation, Scope, Timestamp, Told,
};
use serde_json::Value;

use super::names::{is_one_of, part, project_of, relative};
use super::written::native;
use super::{Estate, Object, flag, text, time};
use crate::aws_iam::observe::owner_and_environment;

/// A service account.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) unique_id: Option<String>,
    pub(super) project: Option<String>,
    pub(super) shown: Option<String>,
    pub(super) description: Option<String>,
    /// `None` where only a binding or a key names it.
    pub(super) disabled: Option<bool>,
    pub(super) deleted: bool,
}

/// A key of a service account.
#[derive(Clone, Debug)]
pub(super) struct AccountKey {
    /// Mail address or unique id, as the key's name has it.
    pub(super) account: String,
    pub(super) id: String,
    pub(super) made: Option<Timestamp>,
    pub(super) ends: Option<Timestamp>,
    pub(super) algorithm: Option<String>,
    /// `GOOGLE_PROVIDED` or `USER_PROVIDED`: whether the private half was ever Google's.
    pub(super) origin: Option<String>,
    pub(super) disabled: Option<bool>,
}

/// A provider of a workload identity pool: whose tokens are taken.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    /// The pool's name, without a service before it.
    pub(super) pool: String,
    pub(super) issuer: Option<String>,
    pub(super) condition: Option<String>,
    pub(super) off: bool,
}

/// When something was last used, and over which time that was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) last: Option<Timestamp>,
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

/// Google's word for never.
const NEVER: &str = "9999-12-31";

pub(super) fn recognise(estate: &mut Estate, object: &Object) {
    if object.contains_key("activityType") {
        activity(estate, object);
        return;
    }
    let Some(name) = text(object, "name") else {
        return;
    };
    let mail = text(object, "email").filter(|mail| mail.contains('@'));
    if let (Some(mail), true) = (mail, object.contains_key("uniqueId")) {
        account(estate, object, mail);
    } else if is_one_of(name, "keys") && part(name, "serviceAccounts").is_some() {
        account_key(estate, object, name);
    } else if is_one_of(name, "keys") && part(name, "locations").is_some() && !is_asset(object) {
        keep(estate, "api keys", api_key(object, name));
    } else if is_one_of(name, "secrets") && object.contains_key("replication") {
        keep(estate, "secrets", secret(object, name));
    } else if is_one_of(name, "versions") && part(name, "secrets").is_some() && !is_asset(object) {
        version(estate, object, name);
    } else if is_one_of(name, "providers") && part(name, "workloadIdentityPools").is_some() {
        provider(estate, object, name);
    }
}

/// An entry of the asset inventory: what it is about lies in it as `data`.
fn is_asset(object: &Object) -> bool {
    object.contains_key("assetType")
}

fn keep(estate: &mut Estate, met: &'static str, one: Observation) {
    estate.met.insert(met);
    if estate.has_room() {
        let at = (one.kind, one.native.clone());
        estate.others.insert(at, one);
    }
}

fn counted(estate: &mut Estate, project: Option<&str>) {
    if let Some(project) = project {
        *estate.projects.entry(project.to_owned()).or_default() += 1;
    }
}

fn account(estate: &mut Estate, object: &Object, mail: &str) {
    estate.met.insert("service accounts");
    let project = text(object, "projectId").or_else(|| project_of(text(object, "name")?));
    counted(estate, project);
    if !estate.accounts.contains_key(mail) && !estate.has_room() {
        return;
    }
    let own = |field: &str| text(object, field).map(str::to_owned);
    let account = Account {
        unique_id: own("uniqueId"),
        project: project.map(str::to_owned),
        shown: own("displayName"),
        description: own("description"),
        // Where nothing is said, it is on.
        disabled: Some(flag(object, "disabled").unwrap_or(false)),
        deleted: false,
    };
    estate.accounts.insert(mail.to_owned(), account);
}

fn account_key(estate: &mut Estate, object: &Object, name: &str) {
    let Some((account, id)) = part(name, "serviceAccounts").zip(part(name, "keys")) else {
        return;
    };
    let dated = object.contains_key("validAfterTime") || object.contains_key("keyType");
    if !dated {
        return;
    }
    estate.met.insert("keys of service accounts");
    counted(estate, project_of(name));
    // Google makes, uses and changes these itself; nobody can hold one.
    if text(object, "keyType") == Some("SYSTEM_MANAGED") {
        estate.set_aside("key that Google manages");
        return;
    }
    if !estate.has_room() {
        return;
    }
    let ends = text(object, "validBeforeTime").filter(|end| !end.starts_with(NEVER));
    let key = AccountKey {
        account: account.to_owned(),
        id: id.to_owned(),
        made: time(object, "validAfterTime"),
        ends: ends.and_then(|end| end.parse().ok()),
        algorithm: text(object, "keyAlgorithm").map(algorithm),
        origin: text(object, "keyOrigin").map(|origin| origin.to_ascii_lowercase()),
        disabled: flag(object, "disabled"),
    };
    estate.keys.insert(format!("{account}/{id}"), key);
}

/// `rsa-2048` of `KEY_ALG_RSA_2048`.
fn algorithm(word: &str) -> String {
    word.trim_start_matches("KEY_ALG_")
        .to_ascii_lowercase()
        .replace('_', "-")
}

fn start(kind: Kind, of_type: &str, id: &str, part: &str, name: &str) -> Observation {
    Observation::new(kind, native(id), &Scope::of(part))
        .is(Attribute::NAME, name)
        .is(Attribute::TYPE, of_type)
        .is(Attribute::PROVIDER, "gcp")
        .told(Attribute::ACCOUNT, Told::or_cannot_tell(project_of(id)))
}

fn labelled(one: Observation, object: &Object) -> Observation {
    let labels = object.get("labels").or_else(|| object.get("annotations"));
    let labels: BTreeMap<String, String> = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .take(64)
        .filter_map(|(name, held)| Some((name.clone(), held.as_str()?.to_owned())))
        .collect();
    if labels.is_empty() {
        return one;
    }
    owner_and_environment(one, &labels).is(Attribute::TAGS, labels)
}

fn api_key(object: &Object, name: &str) -> Observation {
    let name = relative(name);
    let uid = text(object, "uid")
        .or_else(|| part(name, "keys"))
        .unwrap_or(name);
    let shown = text(object, "displayName").unwrap_or(uid);
    let restrictions = object.get("restrictions").and_then(Value::as_object);
    let services: Vec<String> = restrictions
        .and_then(|all| all.get("apiTargets")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(|one| Some(one.get("service")?.as_str()?.to_owned()))
        .take(1_000)
        .collect();
    let bound = [
        "browserKeyRestrictions",
        "serverKeyRestrictions",
        "androidKeyRestrictions",
        "iosKeyRestrictions",
    ];
    let from: Vec<String> = bound
        .iter()
        .filter(|one| restrictions.is_some_and(|all| all.contains_key(**one)))
        .map(|one| one.trim_end_matches("KeyRestrictions").to_owned())
        .collect();
    let gone = object.contains_key("deleteTime");
    let mut one = start(
        Kind::Credential,
        CredentialType::ApiToken.as_str(),
        name,
        "api_keys",
        shown,
    )
    .key(Key::new(KeyKind::Uid, format!("gcp-api-key:{uid}")))
    .is(Attribute::STATUS, if gone { "inactive" } else { "active" })
    .told(
        Attribute::CREATED_AT,
        Told::or_cannot_tell(time(object, "createTime")),
    )
    .told::<i64>(Attribute::EXPIRES_AT, Told::Absent)
    .told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell)
    .is(Attribute::named("restricted_to_services"), services.clone())
    .is(Attribute::named("restricted_to_callers"), from)
    .is(
        Attribute::RIGHTS,
        if services.is_empty() {
            vec!["every service of the project".to_owned()]
        } else {
            services
        },
    );
    if let Some(mail) = text(object, "serviceAccountEmail") {
        one = one.is(Attribute::USER, mail).hint("email", mail);
    }
    labelled(one, object)
}

fn secret(object: &Object, name: &str) -> Observation {
    let name = relative(name);
    let shown = part(name, "secrets").unwrap_or(name);
    let rotates = object.get("rotation").and_then(Value::as_object);
    let one = start(Kind::Resource, "gcp_secret", name, "secrets", shown)
        .told(
            Attribute::CREATED_AT,
            Told::or_cannot_tell(time(object, "createTime")),
        )
        .told(
            Attribute::EXPIRES_AT,
            Told::or_absent(time(object, "expireTime")),
        )
        .is(Attribute::named("rotation_enabled"), rotates.is_some());
    labelled(one, object)
}

/// One value of a secret. What was destroyed is no credential any more.
fn version(estate: &mut Estate, object: &Object, name: &str) {
    let Some(state) = text(object, "state") else {
        return;
    };
    if state == "DESTROYED" {
        estate.set_aside("value of a secret that was destroyed");
        return;
    }
    let name = relative(name);
    let (secret, number) = name.rsplit_once("/versions/").unwrap_or((name, ""));
    let shown = format!("{} #{number}", part(name, "secrets").unwrap_or(name));
    let one = start(Kind::Credential, "gcp_secret", name, "secrets", &shown)
        .is(
            Attribute::STATUS,
            if state == "ENABLED" {
                "active"
            } else {
                "disabled"
            },
        )
        .told(
            Attribute::CREATED_AT,
            Told::or_cannot_tell(time(object, "createTime")),
        )
        .told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell)
        .told::<i64>(Attribute::EXPIRES_AT, Told::CannotTell)
        .link(Relation::On, Kind::Resource, native(secret));
    keep(estate, "secrets", one);
}

fn provider(estate: &mut Estate, object: &Object, name: &str) {
    let issuer =
        |kind: &str, field: &str| object.get(kind)?.get(field)?.as_str().map(str::to_owned);
    let kinds = ["oidc", "aws", "saml", "x509"];
    if !kinds.iter().any(|kind| object.contains_key(*kind)) {
        return;
    }
    estate.met.insert("workload identity");
    let name = relative(name);
    let pool = name.split("/providers/").next().unwrap_or(name).to_owned();
    let deleted = text(object, "state") == Some("DELETED");
    let told = Provider {
        pool,
        issuer: issuer("oidc", "issuerUri")
            .or_else(|| Some(format!("AWS account {}", issuer("aws", "accountId")?)))
            .or_else(|| issuer("saml", "idpMetadataXml").map(|_| "a SAML provider".to_owned())),
        condition: text(object, "attributeCondition").map(str::to_owned),
        off: deleted || flag(object, "disabled").unwrap_or(false),
    };
    let shown = text(object, "displayName").or_else(|| part(name, "providers"));
    let one = start(
        Kind::Resource,
        "gcp_workload_identity_provider",
        name,
        "workload_identity",
        shown.unwrap_or(name),
    )
    .is(
        Attribute::STATUS,
        if told.off { "disabled" } else { "active" },
    )
    .told(Attribute::ISSUER, Told::or_cannot_tell(told.issuer.clone()))
    .told(Attribute::POLICY, Told::or_absent(told.condition.clone()));
    if estate.has_room() {
        estate.providers.insert(name.to_owned(), told);
    }
    keep(estate, "workload identity", one);
}

/// When a service account or a key was last used (Policy Analyzer): counted up to two days ago.
fn activity(estate: &mut Estate, object: &Object) {
    let kind = text(object, "activityType").unwrap_or_default();
    if !kind.ends_with("LastAuthentication") {
        return;
    }
    let Some(name) = text(object, "fullResourceName") else {
        return;
    };
    let empty = Object::new();
    let within = |field: &str| {
        object
            .get(field)
            .and_then(Value::as_object)
            .unwrap_or(&empty)
    };
    let used = Used {
        last: time(within("activity"), "lastAuthenticatedTime"),
        from: time(within("observationPeriod"), "startTime"),
        until: time(within("observationPeriod"), "endTime"),
    };
    estate.met.insert("activities");
    estate.used.insert(relative(name).to_owned(), used);
}
