//! Microsoft Entra sign-ins and audit, and the activity log of Azure: as the Graph and the
//! command line list them, and as diagnostic settings write them into storage or an event hub.
//!
//! Source: `signIn`, `directoryAudit` of Microsoft Graph; "Azure activity log event schema".

mod activity;
mod audit;
mod sign_in;

use std::borrow::Cow;

use model::{KeyKind, Party};
use serde::Deserialize;

use super::lenient::{Object, Text};
use super::platform::{Platform, Read};

pub(super) const SIGN_INS: Platform = Platform {
    log: "entra_sign_ins",
    marks: &[&["createddatetime", "appid"]],
    read: |bytes| {
        let one: sign_in::SignIn<'_> = serde_json::from_slice(bytes)?;
        Ok(one.event(Cow::Borrowed(""), "service principals".into()))
    },
    lacks: |parts| {
        let services = [
            "service principals",
            "ServicePrincipalSignInLogs",
            "servicePrincipal",
        ];
        let all = services.iter().any(|one| parts.contains(*one));
        (!all).then_some("it holds no sign-ins of service principals")
    },
};

pub(super) const DIRECTORY: Platform = Platform {
    log: "entra_audit",
    marks: &[&["activitydatetime", "activitydisplayname"]],
    read: |bytes| {
        let one: audit::Audit<'_> = serde_json::from_slice(bytes)?;
        Ok(one.event(Cow::Borrowed("")))
    },
    lacks: |_| Some("it tells of changes of the directory and of no other use"),
};

pub(super) const ACTIVITY: Platform = Platform {
    log: "azure_activity",
    marks: &[&["eventtimestamp", "operationname"]],
    read: activity::read,
    lacks: |_| Some("it tells of changes of resources and of no reading"),
};

pub(super) const DIAGNOSTIC: Platform = Platform {
    log: "azure_resource",
    marks: &[
        &["operationname", "category"],
        &["operationname", "resourceid"],
    ],
    read: diagnostic,
    lacks: |_| Some("of Azure's resource logs only the time is read"),
};

/// A record as diagnostic settings write it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Diagnostic<'a> {
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    operation_name: Text<'a>,
    #[serde(borrow)]
    tenant_id: Text<'a>,
    #[serde(borrow)]
    resource_id: Text<'a>,
    #[serde(borrow)]
    result_type: Text<'a>,
    #[serde(borrow)]
    caller_ip_address: Text<'a>,
    #[serde(borrow)]
    correlation_id: Text<'a>,
}

/// The same with what its category keeps in `properties`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "T: Deserialize<'de> + Default"))]
struct With<T> {
    properties: Object<T>,
}

fn diagnostic(bytes: &[u8]) -> Read<'_> {
    let envelope: Diagnostic<'_> = serde_json::from_slice(bytes)?;
    let tenant = envelope.tenant_id.0.clone();
    let mut event = match envelope.category.as_str() {
        part if part.ends_with("SignInLogs") => {
            let with: With<sign_in::SignIn<'_>> = serde_json::from_slice(bytes)?;
            with.properties.0.event(tenant, envelope.category.0.clone())
        }
        "AuditLogs" => {
            let with: With<audit::Audit<'_>> = serde_json::from_slice(bytes)?;
            with.properties.0.event(tenant)
        }
        "Administrative" | "Policy" | "Security" | "Recommendation" => {
            activity::of_envelope(&envelope, bytes)?
        }
        // What they hold is an event of the cluster's own (`wrapped.rs`).
        "kube-audit" | "kube-audit-admin" => return Ok(model::AuditEvent::default()),
        _ => model::AuditEvent {
            log: DIAGNOSTIC.log,
            part: envelope.category.0.clone(),
            account: tenant,
            ..model::AuditEvent::default()
        },
    };
    event.at = event.at.or_else(|| envelope.time.time());
    if event.id.is_empty() {
        event.id = envelope.correlation_id.0;
    }
    if event.action.is_empty() {
        event.action = envelope.operation_name.0;
    }
    if event.address.is_empty() {
        event.address = envelope.caller_ip_address.0;
    }
    if event.resource.is_empty() {
        event.resource = envelope.resource_id.0;
    }
    Ok(event)
}

/// A service principal: by the id of its object, and across sources by tenant and application.
fn service_principal<'a>(
    id: Cow<'a, str>,
    app: &str,
    tenant: &str,
    name: Cow<'a, str>,
) -> Party<'a> {
    let known = is_guid(app) && is_guid(tenant);
    let key = known.then(|| {
        let (tenant, app) = (tenant.to_ascii_lowercase(), app.to_ascii_lowercase());
        (KeyKind::EntraId, Cow::Owned(format!("{tenant}/{app}")))
    });
    Party {
        type_: "azuread_service_principal",
        provider: "azure",
        native: if is_guid(&id) { id } else { Cow::default() },
        key,
        handle: if app.is_empty() {
            Cow::default()
        } else {
            Cow::Owned(format!("app/{app}"))
        },
        name,
        ..Party::default()
    }
}

/// A password or certificate of an application, by its key id.
fn credential<'a>(id: Cow<'a, str>, type_: &'static str, name: Cow<'a, str>) -> Option<Party<'a>> {
    is_guid(&id).then(|| Party {
        type_,
        provider: "azure",
        key: Some((KeyKind::EntraId, id.clone())),
        native: id,
        name,
        ..Party::default()
    })
}

/// Whether `text` has the form of a GUID, and is not the one that stands for none.
fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(n, byte)| match n {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
        && text.bytes().any(|byte| !matches!(byte, b'0' | b'-'))
}
