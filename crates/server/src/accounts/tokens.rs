//! `/v1/tokens`: what programs show.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use store::ApiToken;
use utoipa::ToSchema;

use super::{in_person, own};
use crate::api::{Api, Caller, Permission, Problem, Role, Told};

/// Days of a token that does not say.
const DAYS: i64 = 90;

/// A token; what it is shown by is not kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0123456789abcdef", "name": "nightly export", "account": "acc-0123456789abcdef",
    "permissions": ["read"], "roles": ["viewer"], "made": "2026-03-01T00:00:00Z",
    "expires_at": "2026-05-30T00:00:00Z", "last_used_at": "2026-03-02T08:00:00Z", "revoked": null
}))]
pub(crate) struct Token {
    id: String,
    name: String,
    account: String,
    permissions: Vec<String>,
    /// The roles that permit just that.
    roles: Vec<Role>,
    made: String,
    expires_at: String,
    /// To within a minute; `null`: never.
    last_used_at: Option<String>,
    revoked: Option<String>,
}

impl From<ApiToken> for Token {
    fn from(token: ApiToken) -> Self {
        let has: Vec<_> = { token.permissions.iter() }
            .filter_map(|word| Permission::named(word))
            .collect();
        let roles = Role::ALL.into_iter().filter(|one| one.permits() == has);
        Self {
            roles: roles.collect(),
            made: token.made.to_string(),
            expires_at: token.ends.to_string(),
            last_used_at: token.last_used.map(|at| at.to_string()),
            revoked: token.revoked.map(|at| at.to_string()),
            id: token.id,
            name: token.name,
            account: token.account,
            permissions: token.permissions,
        }
    }
}

/// Tokens: of an administrator all, of others their own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    items: Vec<Token>,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "nightly export", "permissions": ["read"], "expires_at": "2026-05-30T00:00:00Z"}))]
pub(crate) struct New {
    /// What it is for.
    name: String,
    /// What it may do: no more than its account.
    #[serde(default)]
    permissions: Vec<Permission>,
    /// What these roles permit as well.
    #[serde(default)]
    roles: Vec<Role>,
    /// Within 366 days, rounded up to whole ones; after 90 if it is left out.
    expires_at: Option<String>,
}

/// A new token. It is shown now and never again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Made {
    /// `keyroll_…`, for `Authorization: Bearer`.
    token: String,
    #[serde(flatten)]
    about: Token,
}

/// Tokens
#[utoipa::path(get, path = "/v1/tokens", tag = "accounts", responses((status = 200, body = Tokens)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Told<Tokens>, Problem> {
    let all = api.asking(&caller, |engine| Ok(engine.tokens()?)).await?;
    let sees = |token: &ApiToken| may_touch(&caller, token);
    Ok(Told(Tokens {
        items: all.into_iter().filter(sees).map(Token::from).collect(),
    }))
}

/// Makes a token
#[utoipa::path(post, path = "/v1/tokens", tag = "accounts", request_body = New, responses(
    (status = 201, body = Made),
    (status = 409, description = "Whoever asks has no account", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn make(
    State(api): State<Api>,
    caller: Caller,
    Json(given): Json<New>,
) -> Result<(StatusCode, Told<Made>), Problem> {
    in_person(&caller)?;
    let account = own(&api, &caller).await?;
    let mut permissions = given.permissions;
    permissions.extend(given.roles.iter().flat_map(|role| role.permits()));
    let until = given.expires_at.map(|text| text.parse::<Timestamp>());
    let until = until
        .transpose()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    permissions.sort_unstable();
    permissions.dedup();
    if let Some(more) = permissions.iter().find(|one| !caller.may(**one)) {
        return Err(Problem::forbidden(
            format!(
                "a token may do no more than you, and you may not `{}`",
                more.as_str()
            ),
            "leave it out",
        ));
    }
    if permissions.is_empty() {
        return Err(Problem::unfit(
            "a permission",
            "none",
            "`read` is the least",
        ));
    }
    let words = permissions
        .iter()
        .map(|one| one.as_str().to_owned())
        .collect();
    let (handed, token) = api
        .asking(&caller, move |engine| {
            let day = Duration::days(1).0;
            let left = until.map(|at| at.since(engine.now()).0);
            let days = left.map_or(DAYS, |left| (left + day - 1).div_euclid(day));
            let made = engine.make_token(&account, &given.name, words, days)?;
            engine.enrol_tokens()?;
            Ok(made)
        })
        .await?;
    let text = String::from_utf8_lossy(handed.secret().expose()).into_owned();
    let made = Made {
        token: text,
        about: token.into(),
    };
    Ok((StatusCode::CREATED, Told(made)))
}

/// Revokes a token for ever
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 204, description = "It works no more"),
    (status = 404, description = "There is none that works", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    in_person(&caller)?;
    let who = caller.clone();
    api.asking(&caller, move |engine| {
        let known = engine.tokens()?.into_iter().find(|token| token.id == id);
        // Of another's token nothing is told, not even that it is there.
        if known.is_none_or(|token| !may_touch(&who, &token)) {
            return Err(engine::Denied::Missing("token that works").into());
        }
        engine.revoke_token(&id)?;
        Ok(engine.enrol_tokens()?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn may_touch(caller: &Caller, token: &ApiToken) -> bool {
    caller.account.as_ref() == Some(&token.account) || caller.may(Permission::Administer)
}
