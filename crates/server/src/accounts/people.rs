//! `/v1/accounts`: who may sign in, as what.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::Link;
use serde::{Deserialize, Serialize};
use store::Account;
use utoipa::ToSchema;

use super::in_person;
use crate::api::{Api, Caller, Problem, Role, Told};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "acc-0123456789abcdef", "name": "ann", "roles": ["admin"], "ready": true,
    "disabled": false, "made": "2026-03-01T00:00:00Z", "made_by": "person:root",
    "last_sign_in": "2026-03-02T08:00:00Z"
}))]
pub(crate) struct Person {
    id: String,
    name: String,
    roles: Vec<String>,
    /// Whether its link was followed: it has a password and a second factor.
    ready: bool,
    disabled: bool,
    made: String,
    made_by: String,
    last_sign_in: Option<String>,
}

impl From<Account> for Person {
    fn from(account: Account) -> Self {
        Self {
            ready: account.ready.is_some(),
            disabled: account.disabled.is_some(),
            made: account.made.to_string(),
            last_sign_in: account.signed_in.map(|at| at.to_string()),
            id: account.id,
            name: account.name,
            roles: account.roles,
            made_by: account.made_by,
        }
    }
}

/// All accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    items: Vec<Person>,
}

/// An account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ann", "roles": ["viewer"]}))]
pub(crate) struct New {
    name: String,
    roles: Vec<Role>,
}

/// What is to be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"disabled": true}))]
pub(crate) struct Change {
    roles: Option<Vec<Role>>,
    disabled: Option<bool>,
}

/// A link for an account. It is shown now and never again.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "acc-0123456789abcdef", "link": "/invited#3xV0mXq2yQh8LrT5n1KcWz7Rb4JdFs",
    "ends": "2026-03-02T00:00:00Z"
}))]
pub(crate) struct Invited {
    /// The account.
    id: String,
    /// For whoever it is to be: the console's address comes before it.
    link: String,
    ends: String,
}

fn invited(id: String, link: &Link) -> Invited {
    Invited {
        id,
        link: format!(
            "/invited#{}",
            String::from_utf8_lossy(link.secret.secret().expose())
        ),
        ends: link.ends.to_string(),
    }
}

fn words(roles: &[Role]) -> Vec<String> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    roles.iter().map(|one| one.as_str().to_owned()).collect()
}

/// All accounts
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", responses((status = 200, body = People)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Told<People>, Problem> {
    let all = api.asking(&caller, |engine| Ok(engine.accounts()?)).await?;
    Ok(Told(People {
        items: all.into_iter().map(Person::from).collect(),
    }))
}

/// Makes an account
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = New, responses(
    (status = 201, body = Invited),
    (status = 409, description = "Another has the name", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn add(
    State(api): State<Api>,
    caller: Caller,
    Json(given): Json<New>,
) -> Result<(StatusCode, Told<Invited>), Problem> {
    in_person(&caller)?;
    let roles = words(&given.roles);
    let (account, link) = api
        .asking(&caller, move |engine| {
            Ok(engine.add_account(&given.name, roles)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Told(invited(account.id, &link))))
}

/// Changes roles, or whether it may sign in
#[utoipa::path(patch, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = String, Path)), request_body = Change, responses(
    (status = 200, body = Person),
    (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It is the last administrator", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(given): Json<Change>,
) -> Result<Told<Person>, Problem> {
    in_person(&caller)?;
    let roles = given.roles.as_deref().map(words);
    let account = api
        .asking(&caller, move |engine| {
            Ok(engine.change_account(&id, roles, given.disabled)?)
        })
        .await?;
    Ok(Told(account.into()))
}

/// Takes password and second factor away; the link gives others
#[utoipa::path(post, path = "/v1/accounts/{id}/reset", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Invited),
    (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn reset(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Told<Invited>, Problem> {
    in_person(&caller)?;
    let of = id.clone();
    let link = api
        .asking(&caller, move |engine| Ok(engine.reset_account(&of)?))
        .await?;
    Ok(Told(invited(id, &link)))
}
