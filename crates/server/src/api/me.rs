//! `GET /v1/me`: who asks, and what they may.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::told::Told;
use super::{Api, Caller, How, Permission, Role};

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "person:ann", "name": "ann", "roles": ["admin"], "how": "loopback",
    "permissions": ["read", "own", "decide", "act", "approve", "administer"], "tenant": "local",
    "demo": false
}))]
pub(crate) struct Me {
    id: String,
    name: String,
    roles: Vec<Role>,
    how: How,
    permissions: Vec<Permission>,
    tenant: String,
    /// Whether what is served is made up.
    demo: bool,
}

/// Who asks, and what they may
#[utoipa::path(get, path = "/v1/me", tag = "accounts", responses((status = 200, body = Me)))]
pub(crate) async fn me(State(api): State<Api>, caller: Caller) -> Told<Me> {
    Told(Me {
        permissions: caller.permissions(),
        id: caller.id,
        name: caller.name,
        roles: caller.roles,
        how: caller.how,
        tenant: caller.tenant.as_str().to_owned(),
        demo: api.0.is_demo,
    })
}
