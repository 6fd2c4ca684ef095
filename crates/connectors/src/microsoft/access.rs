//! Recognises what was granted: consent, roles of applications, roles of the directory, roles of
//! Azure.

use serde_json::Value;

use super::{Estate, Object, either, either_text, guid, inner, text, time};
use model::Timestamp;

/// What one grant says.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) what: What,
    /// Object id of the principal that has it.
    pub(super) principal: String,
    pub(super) made: Option<Timestamp>,
}

/// Which kind of grant.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// An application may act for people at an interface.
    Delegated {
        /// Its own id at Microsoft.
        id: String,
        /// Service principal of the interface.
        resource: String,
        scopes: Vec<String>,
        /// Object id of the one person; `None`: everybody of the tenant.
        person: Option<String>,
    },
    /// An application has a role of an interface, as itself.
    AppRole {
        resource: String,
        /// What the interface is called, where the answer says.
        named: Option<String>,
        role: String,
    },
    /// It has a role of the directory.
    Directory { role: String, scope: String },
    /// It has a role at a scope of Azure.
    Azure {
        role: String,
        /// What the role is called, where the answer says.
        named: Option<String>,
        scope: String,
        condition: Option<String>,
    },
}

/// Scopes of one consent that are told.
const SCOPES_MAX: usize = 400;

pub(super) fn recognise(estate: &mut Estate, object: &Object) {
    if object.contains_key("consentType") {
        consent(estate, object);
    } else if object.contains_key("appRoleId") && object.contains_key("principalId") {
        app_role(estate, object);
    } else if let (Some(role), Some(principal)) = (
        either_text(object, "roleDefinitionId"),
        either_text(object, "principalId"),
    ) {
        assignment(estate, object, role, principal);
    } else {
        definition(estate, object);
    }
}

fn keep(estate: &mut Estate, native: String, one: Granted) {
    if estate.grants.contains_key(&native) || estate.has_room() {
        estate.grants.insert(native, one);
    }
}

fn consent(estate: &mut Estate, object: &Object) {
    let ids = ["clientId", "resourceId"].map(|name| text(object, name).and_then(guid));
    let ([Some(client), Some(resource)], Some(id)) = (ids, text(object, "id")) else {
        estate.odd += 1;
        return;
    };
    estate.met.insert("consent");
    let person = match text(object, "consentType") {
        Some("AllPrincipals") => None,
        _ => Some(text(object, "principalId").unwrap_or_default().to_owned()),
    };
    let scopes = object
        .get("scope")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let scopes = scopes.split_whitespace().take(SCOPES_MAX);
    let what = What::Delegated {
        id: id.to_owned(),
        resource,
        scopes: scopes.map(|one| model::shorten(one, 200)).collect(),
        person,
    };
    keep(
        estate,
        format!("consent/{id}"),
        granted(object, client, what),
    );
}

fn app_role(estate: &mut Estate, object: &Object) {
    estate.met.insert("roles of applications");
    if matches!(text(object, "principalType"), Some("User" | "Group")) {
        estate.set_aside("people in a grant");
        return;
    }
    let ids = ["principalId", "resourceId"].map(|name| text(object, name).and_then(guid));
    let ([Some(principal), Some(resource)], Some(id)) = (ids, text(object, "id")) else {
        estate.odd += 1;
        return;
    };
    let what = What::AppRole {
        resource,
        named: text(object, "resourceDisplayName").map(|name| model::shorten(name, 200)),
        // Without a role of its own: let in, and no more.
        role: text(object, "appRoleId").and_then(guid).unwrap_or_default(),
    };
    keep(
        estate,
        format!("app-role/{id}"),
        granted(object, principal, what),
    );
}

fn assignment(estate: &mut Estate, object: &Object, role: &str, principal: &str) {
    // Azure names a role by its place, `/subscriptions/…/roleDefinitions/ID`.
    let role = role.rsplit('/').next().and_then(guid);
    // The properties of one that Azure's own interface gives are read with it.
    let Some(id) = text(object, "id").or_else(|| text(object, "name")) else {
        return;
    };
    let (Some(role), Some(principal)) = (role, guid(principal)) else {
        estate.odd += 1;
        return;
    };
    if let Some(scope) = text(object, "directoryScopeId") {
        estate.met.insert("roles of the directory");
        if let Some(name) = inner(object, "roleDefinition").and_then(|one| text(one, "displayName"))
        {
            estate.roles.insert(role.clone(), name.to_owned());
        }
        let scope = scope.to_owned();
        let one = granted(object, principal, What::Directory { role, scope });
        keep(estate, format!("directory-role/{id}"), one);
        return;
    }
    let Some(scope) = either_text(object, "scope") else {
        return;
    };
    estate.met.insert("role assignments");
    let of = either_text(object, "principalType").unwrap_or_default();
    if matches!(of, "User" | "Group" | "ForeignGroup") {
        estate.set_aside("people in a grant");
        return;
    }
    let what = What::Azure {
        role,
        named: either_text(object, "roleDefinitionName").map(str::to_owned),
        scope: scope.to_owned(),
        condition: either_text(object, "condition").map(|one| model::shorten(one, 1_000)),
    };
    let native = format!("assignment/{}", id.to_ascii_lowercase());
    keep(estate, native, granted(object, principal, what));
}

fn granted(object: &Object, principal: String, what: What) -> Granted {
    let at = |name: &str| either_text(object, name)?.parse().ok();
    Granted {
        what,
        principal,
        made: time(object, "createdDateTime").or_else(|| at("createdOn")),
    }
}

/// What a role is called.
fn definition(estate: &mut Estate, object: &Object) {
    let azure = either_text(object, "roleName").filter(|_| either(object, "permissions").is_some());
    let directory = text(object, "displayName").filter(|_| {
        object.contains_key("rolePermissions") || object.contains_key("roleTemplateId")
    });
    let Some(name) = azure.or(directory) else {
        return;
    };
    let ids = [text(object, "name"), text(object, "id")];
    let id = ids
        .into_iter()
        .flatten()
        .find_map(|one| guid(one.rsplit('/').next()?));
    if let Some(id) = id
        && (estate.roles.contains_key(&id) || estate.has_room())
    {
        estate.roles.insert(id, model::shorten(name, 200));
    }
}
