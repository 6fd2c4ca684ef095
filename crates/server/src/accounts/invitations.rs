//! `/v1/invitations/look` and `/follow`: links that work once.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::Handed;
use model::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Api, Problem, Told};

/// A link's secret: what stands in it behind `#`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"link": "3xV0mXq2yQh8LrT5n1KcWz7Rb4JdFs"}))]
pub(crate) struct Held {
    link: String,
}

/// What a link is for.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "purpose": "invite", "name": "ann",
    "totp_uri": "otpauth://totp/Keyroll:ann?secret=MFRGGZDF&issuer=Keyroll",
    "totp_secret": "MFRGGZDF"
}))]
pub(crate) struct Offered {
    /// `setup`, `invite` or `reset`.
    purpose: String,
    /// What the account is called; `null`: whoever follows the link says it.
    name: Option<String>,
    /// For an app to read as a picture.
    totp_uri: String,
    /// The same to type; another each time.
    totp_secret: String,
}

/// What an account is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "link": "3xV0mXq2yQh8LrT5n1KcWz7Rb4JdFs", "name": "ann",
    "password": "correct horse battery", "code": "123456"
}))]
pub(crate) struct Followed {
    link: String,
    /// What the account is to be called, at the first set-up.
    name: Option<String>,
    /// 12 to 256 letters.
    password: String,
    /// What the app shows now.
    code: String,
}

/// An account is ready.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"recovery_codes": ["ABCD-EFGH-IJKL-MNOP"]}))]
pub(crate) struct Ready {
    /// Each lets in once without the app. They are shown now and never again.
    recovery_codes: Vec<String>,
}

fn handed(link: &str) -> Result<Handed, Problem> {
    // Whoever copies the whole of it means what stands behind the `#`.
    let secret = link.trim().rsplit('#').next().unwrap_or_default();
    Handed::shown(secret)
        .ok_or_else(|| Problem::unfit("a link's letters and digits", "others", "copy it whole"))
}

/// What a link is for
#[utoipa::path(post, path = "/v1/invitations/look", tag = "sign in", request_body = Held, responses(
    (status = 200, body = Offered), (status = 401, description = "It does not work", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn look(
    State(api): State<Api>,
    _: HeaderMap,
    Json(given): Json<Held>,
) -> Result<Told<Offered>, Problem> {
    let link = handed(&given.link)?;
    let offer = api
        .waiting(move |api| Ok(api.engine().look_at_link(&link)?))
        .await?;
    let label = offer.name.clone().unwrap_or_else(|| offer.tenant.clone());
    Ok(Told(Offered {
        totp_uri: format!(
            "otpauth://totp/Keyroll:{}?secret={}&issuer=Keyroll",
            in_address(&label),
            offer.seed
        ),
        purpose: offer.purpose,
        name: offer.name,
        totp_secret: offer.seed,
    }))
}

/// Follows a link to its end
#[utoipa::path(post, path = "/v1/invitations/follow", tag = "sign in", request_body = Followed, responses(
    (status = 200, body = Ready), (status = 401, description = "It does not work", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Another has the name", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn follow(
    State(api): State<Api>,
    Json(given): Json<Followed>,
) -> Result<Told<Ready>, Problem> {
    let link = handed(&given.link)?;
    let password = Secret::new(given.password.into_bytes());
    let recovery_codes = api
        .waiting(move |api| {
            let (engine, name) = (api.engine(), given.name.as_deref());
            Ok(engine.follow_link(&link, name, &password, &given.code)?)
        })
        .await?;
    Ok(Told(Ready { recovery_codes }))
}

/// Percent-encoded, but for what needs none.
fn in_address(text: &str) -> String {
    let each = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    each.collect()
}
