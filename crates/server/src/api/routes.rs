//! Routes, each with what it needs. There is no other way to add one.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa_axum::router::OpenApiRouter;

use super::gate::{Door, enter};
use super::{Api, Permission, openapi};

/// What `utoipa_axum::routes!(handler)` makes.
pub type Routed = (Vec<(String, RefOr<Schema>)>, Paths, MethodRouter<Api>);

/// Routes with what each needs and what is written down of it.
pub struct Routes {
    api: Api,
    router: OpenApiRouter<Api>,
}

impl Routes {
    /// None yet.
    pub(crate) fn of(api: &Api) -> Self {
        Self {
            api: api.clone(),
            router: OpenApiRouter::with_openapi(openapi::head()),
        }
    }

    /// Adds routes of one path that need `permission`.
    #[must_use]
    pub fn needing(self, permission: Permission, routed: Routed) -> Self {
        self.add(Some(permission), routed)
    }

    /// Adds routes of one path that anybody may call: signing in, and whether the server is well.
    #[must_use]
    pub fn for_anybody(self, routed: Routed) -> Self {
        self.add(None, routed)
    }

    fn add(mut self, needs: Option<Permission>, (schemas, mut paths, methods): Routed) -> Self {
        for item in paths.paths.values_mut() {
            openapi::complete(item, needs);
        }
        let door = Door {
            api: self.api.clone(),
            needs,
        };
        let guarded = methods.layer(from_fn_with_state(door, enter));
        self.router = self.router.routes((schemas, paths, guarded));
        self
    }

    /// What answers, and what is written down.
    pub(crate) fn split(self) -> (Router<Api>, OpenApi) {
        self.router.split_for_parts()
    }
}
