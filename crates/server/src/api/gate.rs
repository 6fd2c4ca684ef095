//! The one choke point: a request becomes a caller, and a caller may or may not.
//!
//! A [`Way`] knows one proof of who asks: a cookie, a token, the loopback address. The gate asks
//! them in turn, on threads that may wait. Every route was added with what it needs
//! (`routes.rs`), so none is reached past the gate.

use std::net::SocketAddr;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::Tenant;

use super::{Api, Caller, How, Permission, Problem, Role};

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Their address.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
}

/// What a way in is shown of a request.
#[derive(Clone, Debug)]
pub struct Knock {
    /// The method.
    pub method: Method,
    /// The path and parameters.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The other end.
    pub peer: Peer,
}

/// One way of showing who asks.
pub trait Way: Send + Sync + 'static {
    /// Who asks; `None` if the request shows nothing that is of this way. Called on a thread that
    /// may wait.
    ///
    /// # Errors
    /// What was shown does not hold (401), or cannot be looked up (503).
    fn who(&self, knock: &Knock) -> Result<Option<Caller>, Problem>;
}

/// The ways in, asked in their order.
#[derive(Default)]
pub struct Gate {
    ways: Vec<Box<dyn Way>>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate({} ways)", self.ways.len())
    }
}

impl Gate {
    /// The same with one more way, asked last.
    #[must_use]
    pub fn or(mut self, way: impl Way) -> Self {
        self.ways.push(Box::new(way));
        self
    }

    /// Who asks; `None` if nobody is shown.
    pub(crate) fn who(&self, knock: &Knock) -> Result<Option<Caller>, Problem> {
        for way in &self.ways {
            if let Some(caller) = way.who(knock)? {
                return Ok(Some(caller));
            }
        }
        Ok(None)
    }
}

/// Takes whoever comes over the loopback address for the machine's own user (see
/// [`How::Loopback`]).
///
/// A page of another site in a browser of this machine comes over it too, so the `Host` has to
/// name this machine, and what a proxy passed on is not of this machine.
#[derive(Clone, Debug)]
pub struct Loopback {
    /// Whose roll it is.
    pub tenant: Tenant,
    /// Who that user is: `person:ann`.
    pub actor: String,
}

/// Headers that a proxy adds to what it passes on.
const PASSED_ON: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

impl Way for Loopback {
    fn who(&self, knock: &Knock) -> Result<Option<Caller>, Problem> {
        let passed_on = PASSED_ON
            .iter()
            .any(|name| knock.headers.contains_key(*name));
        if !knock.peer.address.ip().to_canonical().is_loopback() || passed_on || !names_us(knock) {
            return Ok(None);
        }
        let name = self.actor.rsplit(':').next().unwrap_or_default();
        Ok(Some(Caller {
            tenant: self.tenant.clone(),
            id: self.actor.clone(),
            name: name.to_owned(),
            roles: vec![Role::Admin],
            how: How::Loopback,
            account: None,
            session: None,
            scope: None,
        }))
    }
}

/// Whether the `Host` is this machine: a name that somebody made lead here is not.
fn names_us(knock: &Knock) -> bool {
    let mut hosts = knock.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|one| one.is_loopback())
}

/// What stands before a route.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) api: Api,
    /// `None`: anybody may come in, as when signing in.
    pub(crate) needs: Option<Permission>,
}

/// Lets a request through to its route, with who asks, or answers why not.
pub(crate) async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    match door.admit(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl Door {
    async fn admit(self, mut request: Request) -> Result<Request, Problem> {
        let Some(peer) = request.extensions().get::<Peer>().copied() else {
            return Err(Problem::ours());
        };
        let knock = Knock {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            peer,
        };
        // No page can make a browser send a bearer's token. It does send names and passwords.
        let token = knock.headers.get(header::AUTHORIZATION);
        if !token.is_some_and(|value| value.as_bytes().starts_with(b"Bearer ")) {
            from_our_own_page(&knock)?;
        }
        let Some(needs) = self.needs else {
            return Ok(request);
        };
        let caller = self.api.waiting(move |api| api.0.gate.who(&knock)).await?;
        let caller = caller.ok_or_else(|| {
            Problem::unknown_caller("sign in, or send `Authorization: Bearer keyroll_…`")
        })?;
        // Here for all routes at once, whatever they ask of the store.
        if caller.tenant != self.api.engine().tenant {
            let told = "no roll of your tenant is served here";
            return Err(Problem::forbidden(told, "ask the server of your tenant"));
        }
        if !caller.may(needs) {
            return Err(Problem::forbidden(
                format!(
                    "this needs the permission `{}`, which none of your roles has",
                    needs.as_str()
                ),
                "ask an administrator for a role that has it",
            ));
        }
        request.extensions_mut().insert(caller);
        Ok(request)
    }
}

/// Refuses what a page of another site makes a browser send. Asking changes nothing; all else has
/// to come from a page of ours, or from no page.
fn from_our_own_page(knock: &Knock) -> Result<(), Problem> {
    if matches!(knock.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: &str| {
        knock
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("?"))
    };
    let next = "send it from the console, or with `x-keyroll-csrf: 1` and no `Origin`";
    let refused = |why: &str| Err(Problem::forbidden(why, next));
    if text("x-keyroll-csrf") != Some("1") {
        return refused("expected the header `x-keyroll-csrf: 1`");
    }
    if let Some(site) = text("sec-fetch-site") {
        return match site {
            "same-origin" | "none" => Ok(()),
            _ => refused("another site sent this"),
        };
    }
    let host = text("host").unwrap_or_default();
    let scheme = if knock.peer.tls { "https" } else { "http" };
    match text("origin") {
        Some(origin) if origin != format!("{scheme}://{host}") => {
            refused("the `Origin` is another site")
        }
        _ => Ok(()),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The gate put it there; a route that anybody may call has none.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::ours)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .copied()
            .ok_or_else(Problem::ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knock(method: Method, pairs: &[(&'static str, &'static str)]) -> Knock {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        Knock {
            method,
            uri: Uri::from_static("/v1/me"),
            headers,
            peer: Peer {
                address: "127.0.0.1:40000".parse().unwrap(),
                tls: false,
            },
        }
    }

    fn user() -> Loopback {
        Loopback {
            tenant: Tenant::local(),
            actor: "person:ann".to_owned(),
        }
    }

    #[test]
    fn the_loopback_address_is_the_machines_user_unless_the_name_or_a_proxy_says_otherwise() {
        for (headers, known) in [
            (&[("host", "127.0.0.1:7310")][..], true),
            (&[("host", "localhost")], true),
            (&[("host", "[::1]:7310")], true),
            (&[("host", "evil.example:7310")], false),
            (&[("host", "127.0.0.1.evil.example")], false),
            (&[("host", "localhost"), ("host", "evil.example")], false),
            (
                &[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")],
                false,
            ),
            (&[], false),
        ] {
            let who = user().who(&knock(Method::GET, headers)).unwrap();
            assert_eq!(who.is_some(), known, "{headers:?}");
        }
        let mut afar = knock(Method::GET, &[("host", "localhost")]);
        afar.peer.address = "192.0.2.7:40000".parse().unwrap();
        assert_eq!(user().who(&afar).unwrap(), None);
    }

    #[test]
    fn what_another_site_makes_a_browser_send_is_refused() {
        let ours = ("x-keyroll-csrf", "1");
        let host = ("host", "127.0.0.1:7310");
        for (headers, let_in) in [
            (&[host][..], false),
            (&[host, ours], true),
            (&[host, ours, ("sec-fetch-site", "same-origin")], true),
            (&[host, ours, ("sec-fetch-site", "cross-site")], false),
            (&[host, ours, ("sec-fetch-site", "same-site")], false),
            (&[host, ours, ("origin", "http://127.0.0.1:7310")], true),
            (&[host, ours, ("origin", "http://evil.example")], false),
            (&[host, ours, ("origin", "null")], false),
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let told = from_our_own_page(&knock(method, headers));
                assert_eq!(told.is_ok(), let_in, "{headers:?}");
            }
            assert!(from_our_own_page(&knock(Method::GET, headers)).is_ok());
        }
    }

    #[test]
    fn a_viewer_reads_and_does_nothing_else() {
        let viewer = Caller {
            roles: vec![Role::Viewer],
            ..user()
                .who(&knock(Method::GET, &[("host", "localhost")]))
                .unwrap()
                .unwrap()
        };
        assert!(viewer.may(Permission::Read) && !viewer.may(Permission::Act));
        assert_eq!(viewer.permissions(), [Permission::Read]);
    }
}
