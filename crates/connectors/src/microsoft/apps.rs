//! Recognises applications, service principals, agents, their credentials, and whose tokens they
//! take.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Observation, Timestamp};
use serde_json::Value;

use super::{Estate, Object, each, either, either_text, flag, guid, inner, text, texts, time};
use crate::formats::x509;
use crate::public_key::hex;

/// More credentials than one application can have.
const HELD_MAX: usize = 1_000;
/// People and groups that are named as owners.
const OWNERS_MAX: usize = 20;
/// More than any certificate has in Base64.
const DER_TEXT_MAX: usize = 64 * 1024;

/// An application: as its own tenant registers it, as a tenant knows it, or both.
#[derive(Clone, Debug, Default)]
pub(super) struct App {
    pub(super) name: Option<String>,
    pub(super) made: Option<Timestamp>,
    /// Object id of the registration, where it lies in this tenant.
    pub(super) registered: Option<String>,
    /// Object id of the service principal.
    pub(super) principal: Option<String>,
    pub(super) enabled: Option<bool>,
    /// The tenant that registered it.
    pub(super) home: Option<String>,
    /// `Application`, `ManagedIdentity`, `ServiceIdentity`, `Legacy`, …
    pub(super) kind: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) publisher: Option<String>,
    pub(super) note: Option<String>,
    pub(super) owners: BTreeSet<String>,
    pub(super) sponsors: BTreeSet<String>,
    /// The blueprint that an agent was made from.
    pub(super) blueprint: Option<String>,
    /// The resource that a managed identity is, or is of; and whether it is one of its own.
    pub(super) resource: Option<(String, bool)>,
}

/// A password or certificate of an application.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) app: String,
    /// In which part of the source it was seen.
    pub(super) part: &'static str,
    pub(super) is_password: bool,
    /// Whether tokens are signed with it, and nobody logs in.
    pub(super) signs: bool,
    pub(super) name: Option<String>,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    /// SHA-1 of the certificate, hex.
    pub(super) thumbprint: Option<String>,
    /// What the certificate itself tells, where it came.
    pub(super) certificate: Option<Box<(String, Observation)>>,
}

/// Whose tokens let in as an application.
#[derive(Clone, Debug)]
pub(super) struct Federated {
    /// Object id of the application, or resource id of the managed identity; empty if not told.
    pub(super) of: String,
    pub(super) name: Option<String>,
    pub(super) issuer: String,
    /// A subject, or an expression that subjects match.
    pub(super) subject: String,
    pub(super) is_pattern: bool,
    pub(super) audiences: Vec<String>,
}

pub(super) fn recognise(estate: &mut Estate, object: &Object, within: &str) {
    if let (Some(id), true) = (text(object, "id"), object.contains_key("verifiedDomains")) {
        estate.met.insert("the organisation");
        estate.stated.extend(guid(id));
        return;
    }
    if signed_in(estate, object) || federated(estate, object, within) {
        return;
    }
    let Some(given) = text(object, "appId") else {
        return;
    };
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    let principal = has(&[
        "servicePrincipalType",
        "servicePrincipalNames",
        "appOwnerOrganizationId",
        "agentIdentityBlueprintId",
    ]);
    let registered = has(&[
        "signInAudience",
        "passwordCredentials",
        "keyCredentials",
        "requiredResourceAccess",
        "federatedIdentityCredentials",
    ]);
    if !principal && !registered {
        return;
    }
    let (Some(app_id), Some(id)) = (guid(given), text(object, "id").and_then(guid)) else {
        estate.odd += 1;
        return;
    };
    if !estate.apps.contains_key(&app_id) && !estate.has_room() {
        return;
    }
    let app = estate.apps.entry(app_id.clone()).or_default();
    // Programs that collect for others write the tenant beside each.
    estate
        .implied
        .extend(text(object, "tenantId").and_then(guid));
    let nameless = common(app, object);
    estate.nameless += nameless;
    let Some(app) = estate.apps.get_mut(&app_id) else {
        return;
    };
    if principal {
        estate.met.insert("service principals");
        self::principal(app, object, &id);
    } else {
        if has(&["signInAudience"]) {
            estate.met.insert("applications");
        }
        app.registered = Some(id.clone());
        app.audience = keep(&app.audience, text(object, "signInAudience"));
    }
    estate.objects.insert(id.clone(), app_id.clone());
    if principal {
        roles(estate, object, &id);
    }
    let part = if principal {
        "service_principals"
    } else {
        "applications"
    };
    credentials(estate, object, &app_id, part);
}

fn keep(known: &Option<String>, told: Option<&str>) -> Option<String> {
    told.map(str::to_owned).or_else(|| known.clone())
}

/// How many owners came without a name.
fn common(app: &mut App, object: &Object) -> u64 {
    app.name = keep(&app.name, text(object, "displayName"));
    let made = time(object, "createdDateTime");
    app.made = match (app.made, made) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let note = text(object, "serviceManagementReference").or_else(|| text(object, "notes"));
    app.note = keep(&app.note, note);
    let verified = inner(object, "verifiedPublisher").and_then(|one| text(one, "displayName"));
    let publisher = verified.or_else(|| text(object, "publisherName"));
    app.publisher = keep(&app.publisher, publisher);
    for (list, names) in [("owners", &mut app.owners), ("sponsors", &mut app.sponsors)] {
        let named = each(object, list).take(OWNERS_MAX).filter_map(person);
        names.extend(named);
    }
    let bare = each(object, "owners").filter_map(Value::as_object);
    let bare = bare.filter(|one| one.contains_key("id") && !one.contains_key("appId"));
    let bare = bare.filter(|one| NAMES.iter().all(|name| text(one, name).is_none()));
    u64::try_from(bare.count()).unwrap_or(u64::MAX)
}

/// By what people and groups are named, best first.
const NAMES: [&str; 3] = ["mail", "userPrincipalName", "displayName"];

/// A person or group by mail address, or by what there is.
fn person(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    // An application that owns another answers to nobody.
    if object.contains_key("appId") {
        return None;
    }
    let name = NAMES.iter().find_map(|name| text(object, name))?;
    Some(model::shorten(name, 200))
}

fn principal(app: &mut App, object: &Object, id: &str) {
    app.principal = Some(id.to_owned());
    app.enabled = flag(object, "accountEnabled").or(app.enabled);
    app.kind = keep(&app.kind, text(object, "servicePrincipalType"));
    let home = text(object, "appOwnerOrganizationId").and_then(guid);
    app.home = home.or_else(|| app.home.clone());
    app.audience = keep(&app.audience, text(object, "signInAudience"));
    let blueprint = text(object, "agentIdentityBlueprintId").and_then(guid);
    app.blueprint = blueprint.or_else(|| app.blueprint.clone());
    let names = texts(object.get("alternativeNames"));
    let own = names
        .iter()
        .any(|one| one.eq_ignore_ascii_case("isExplicit=True"));
    let resource = names.iter().find(|one| one.starts_with("/subscriptions/"));
    if let Some(resource) = resource {
        app.resource = Some((resource.to_ascii_lowercase(), own));
    }
}

/// What the roles of a service principal are called, and whether programs can have one.
fn roles(estate: &mut Estate, object: &Object, id: &str) {
    for role in each(object, "appRoles").filter_map(Value::as_object) {
        let named = text(role, "value").or_else(|| text(role, "displayName"));
        let (Some(role_id), Some(named)) = (text(role, "id").and_then(guid), named) else {
            continue;
        };
        let mut for_programs =
            each(role, "allowedMemberTypes").any(|one| one.as_str() == Some("Application"));
        for_programs &= flag(role, "isEnabled") != Some(false);
        if for_programs {
            estate.role_givers.insert(id.to_owned());
        }
        let key = (id.to_owned(), role_id);
        if estate.app_roles.contains_key(&key) || estate.has_room() {
            estate.app_roles.insert(key, model::shorten(named, 200));
        }
    }
}

fn credentials(estate: &mut Estate, object: &Object, app: &str, part: &'static str) {
    let signing: BTreeSet<&str> = each(object, "keyCredentials")
        .filter_map(Value::as_object)
        .filter(|one| text(one, "usage") == Some("Sign"))
        .flat_map(|one| [text(one, "keyId"), text(one, "customKeyIdentifier")])
        .flatten()
        .collect();
    // Azure makes and changes these itself; nobody can hold one.
    let managed = text(object, "servicePrincipalType") == Some("ManagedIdentity");
    for (list, is_password) in [("keyCredentials", false), ("passwordCredentials", true)] {
        for (n, one) in each(object, list).filter_map(Value::as_object).enumerate() {
            let is = |name: &str| text(one, name).is_some_and(|id| signing.contains(id));
            let signs = text(one, "usage") == Some("Sign");
            if n >= HELD_MAX {
                estate.crowded += 1;
            } else if managed {
                estate.set_aside("key that Azure manages");
            } else if is_password && is("keyId") {
                estate.set_aside("password of a key that signs");
            } else if !is_password && !signs && is("customKeyIdentifier") {
                estate.set_aside("public half of a key that signs");
            } else {
                credential(estate, one, app, part, is_password);
            }
        }
    }
}

fn credential(
    estate: &mut Estate,
    object: &Object,
    app: &str,
    part: &'static str,
    is_password: bool,
) {
    let Some(id) = text(object, "keyId").and_then(guid) else {
        estate.odd += 1;
        return;
    };
    // The old interface of the directory had other names for the same.
    let at = |names: [&str; 2]| names.into_iter().find_map(|name| time(object, name));
    let known = estate.credentials.get(&id);
    let certificate = object
        .get("key")
        .and_then(Value::as_str)
        .and_then(certificate)
        .map(Box::new);
    let held = Held {
        app: app.to_owned(),
        part,
        is_password: is_password || text(object, "type") == Some("Symmetric"),
        signs: text(object, "usage") == Some("Sign"),
        name: text(object, "displayName").map(|name| model::shorten(name, 200)),
        start: at(["startDateTime", "startDate"]),
        end: at(["endDateTime", "endDate"]),
        thumbprint: text(object, "customKeyIdentifier").and_then(thumbprint),
        certificate: certificate.or_else(|| known.and_then(|one| one.certificate.clone())),
    };
    if known.is_some() || estate.has_room() {
        estate.credentials.insert(id, held);
    }
}

/// SHA-256 and facts of a certificate, as the directory gives it: DER in Base64.
fn certificate(given: &str) -> Option<(String, Observation)> {
    if given.len() > DER_TEXT_MAX {
        return None;
    }
    let one = x509::certificate(&STANDARD.decode(given.trim()).ok()?)?;
    Some((one.sha256, one.told))
}

/// A thumbprint in hex, of one in hex or Base64: SHA-1 alone, since anybody may write anything there.
pub(super) fn thumbprint(given: &str) -> Option<String> {
    if given.len() == 40 && given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(given.to_ascii_lowercase());
    }
    let bytes = STANDARD.decode(given).ok()?;
    (bytes.len() == 20).then(|| hex(&bytes))
}

/// When something last signed in, as the reports say.
fn signed_in(estate: &mut Estate, object: &Object) -> bool {
    let last = |name: &str| {
        let activity = inner(object, name)?;
        time(activity, "lastSignInDateTime")
    };
    if object.contains_key("lastSignInActivity") {
        estate.met.insert("sign-ins");
        let app = text(object, "appId").and_then(guid);
        if let Some((app, at)) = app.zip(last("lastSignInActivity")) {
            estate.signed_in.insert(app, at);
        }
        return true;
    }
    if object.contains_key("signInActivity") && object.contains_key("keyId") {
        estate.met.insert("sign-ins by key");
        let key = text(object, "keyId").and_then(guid);
        if let Some((key, at)) = key.zip(last("signInActivity")) {
            estate.keys_used.insert(key, at);
        }
        return true;
    }
    false
}

fn federated(estate: &mut Estate, object: &Object, within: &str) -> bool {
    let Some(audiences) = either(object, "audiences").filter(|one| one.is_array()) else {
        return false;
    };
    let Some(issuer) = either_text(object, "issuer") else {
        return false;
    };
    let pattern = either(object, "claimsMatchingExpression")
        .and_then(|one| one.get("value")?.as_str())
        .filter(|one| !one.is_empty());
    let Some(subject) = either_text(object, "subject").or(pattern) else {
        return false;
    };
    // The properties of one that Azure's own interface gives are read with it.
    let Some(id) = text(object, "id").map(str::to_ascii_lowercase) else {
        return true;
    };
    estate.met.insert("federated credentials");
    let of = match id.split_once("/federatedidentitycredentials/") {
        Some((resource, _)) => resource.to_owned(),
        None => guid(within).unwrap_or_default(),
    };
    let one = Federated {
        of,
        name: text(object, "name").map(|name| model::shorten(name, 200)),
        issuer: issuer.to_owned(),
        subject: model::shorten(subject, 700),
        is_pattern: either_text(object, "subject").is_none(),
        audiences: texts(Some(audiences)),
    };
    if estate.federated.contains_key(&id) || estate.has_room() {
        // A list by itself does not say whose it is; one that did is not forgotten.
        let known = estate.federated.get(&id).map(|known| known.of.clone());
        let of = known.filter(|_| one.of.is_empty());
        let one = match of {
            Some(of) => Federated { of, ..one },
            None => one,
        };
        estate.federated.insert(id, one);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_read_in_hex_and_in_base64_and_nothing_else_is_one() {
        let hex = "6443e93fff8a25ed9f54304d68f34e4c3a0931a7";
        assert_eq!(thumbprint(&hex.to_uppercase()).as_deref(), Some(hex));
        assert_eq!(
            thumbprint("ZEPpP/+KJe2fVDBNaPNOTDoJMac=").as_deref(),
            Some(hex)
        );
        for none in ["aGVsbG8=", "my own name", ""] {
            assert_eq!(thumbprint(none), None, "{none}");
        }
    }
}
