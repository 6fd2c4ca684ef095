//! `/v1/sign-in`, `/v1/sign-in/code`, `/v1/sign-out`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::AppendHeaders;
use engine::SESSION_HOURS;
use model::{Duration, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cookies::{self, BROWSER, BROWSER_LASTS, SESSION};
use crate::api::{Api, Peer, Problem, Told};

/// How one may sign in here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"local": true, "sso": [], "set_up": true}))]
pub(crate) struct Ways {
    /// By an account of this roll.
    local: bool,
    /// By others that vouch for people.
    sso: Vec<SingleSignOn>,
    /// Whether there is an administrator; if not, `keyroll up` printed a link.
    set_up: bool,
}

/// One that vouches for people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SingleSignOn {
    id: String,
    name: String,
    url: String,
}

/// A name and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ann", "password": "correct horse battery"}))]
pub(crate) struct Credentials {
    name: String,
    password: String,
}

/// A second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "123456"}))]
pub(crate) struct Code {
    /// Six digits of the app, or a recovery code.
    code: String,
}

/// What comes next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"next": "code"}))]
pub(crate) struct Next {
    /// `code`: the second factor; `done`: nothing more.
    next: &'static str,
}

type WithCookies<T> = (
    AppendHeaders<Vec<(axum::http::HeaderName, axum::http::HeaderValue)>>,
    Told<T>,
);

/// How one may sign in here
#[utoipa::path(get, path = "/v1/sign-in/ways", tag = "sign in", responses((status = 200, body = Ways)))]
pub(crate) async fn ways(State(api): State<Api>) -> Result<Told<Ways>, Problem> {
    let set_up = api
        .waiting(|api| Ok(api.engine().is_administered()?))
        .await?;
    Ok(Told(Ways {
        local: true,
        sso: Vec::new(),
        set_up,
    }))
}

/// The first step: name and password
#[utoipa::path(post, path = "/v1/sign-in", tag = "sign in", request_body = Credentials, responses(
    (status = 200, body = Next), (status = 401, description = "Wrong, or the account may not", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn sign_in(
    State(api): State<Api>,
    peer: Peer,
    headers: HeaderMap,
    Json(given): Json<Credentials>,
) -> Result<WithCookies<Next>, Problem> {
    let origin = cookies::origin(peer, &headers);
    let password = Secret::new(given.password.into_bytes());
    let half = api
        .waiting(move |api| Ok(api.engine().sign_in(&origin, &given.name, &password)?))
        .await?;
    let cookie = cookies::set(SESSION, Some(&half), Duration::minutes(10), peer.tls)?;
    Ok((AppendHeaders(vec![cookie]), Told(Next { next: "code" })))
}

/// The second step: a code of the app, or a recovery code
#[utoipa::path(post, path = "/v1/sign-in/code", tag = "sign in", request_body = Code, responses(
    (status = 200, body = Next), (status = 401, description = "Wrong, used, or too late", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn code(
    State(api): State<Api>,
    peer: Peer,
    headers: HeaderMap,
    Json(given): Json<Code>,
) -> Result<WithCookies<Next>, Problem> {
    let origin = cookies::origin(peer, &headers);
    let Some(half) = cookies::shown(&headers, SESSION, peer.tls) else {
        return Err(Problem::unknown_caller("begin with name and password"));
    };
    let into = api
        .waiting(move |api| Ok(api.engine().enter_code(&origin, &half, &given.code)?))
        .await?;
    let hours = Duration::hours(SESSION_HOURS);
    let mut set = vec![cookies::set(SESSION, Some(&into.session), hours, peer.tls)?];
    if let Some(device) = &into.device {
        set.push(cookies::set(
            BROWSER,
            Some(device),
            BROWSER_LASTS,
            peer.tls,
        )?);
    }
    Ok((AppendHeaders(set), Told(Next { next: "done" })))
}

/// Ends this session
#[utoipa::path(post, path = "/v1/sign-out", tag = "sign in", responses((status = 200, body = Next)))]
pub(crate) async fn sign_out(
    State(api): State<Api>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<WithCookies<Next>, Problem> {
    if let Some(cookie) = cookies::shown(&headers, SESSION, peer.tls) {
        api.waiting(move |api| {
            let engine = api.engine();
            if let Some((account, session)) = engine.session_of(&cookie)? {
                let acting = engine.acting_as(&format!("person:{}", account.name));
                acting.end_session(&account.id, &session.id)?;
            }
            Ok(())
        })
        .await?;
    }
    let gone = cookies::set(SESSION, None, Duration::seconds(0), peer.tls)?;
    Ok((AppendHeaders(vec![gone]), Told(Next { next: "done" })))
}
