//! How a question is signed: by the collector's own, the bearer's, or those of a session.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use connectors::{Refusal, Request, Response, Whom};
use model::{Reason, Timestamp};

use super::client::Sealed;
use crate::ports::Bearer;

/// How long the session lives that is minted for the proof: longer than any window.
const SESSION_SECONDS: &str = "7200";

/// What the usual places of configuration say beside credentials.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// The bearer's key pair.
pub(super) fn of_bearer(bearer: &Bearer) -> Result<Credentials, Refusal> {
    let secret = std::str::from_utf8(bearer.secret.expose())
        .map(str::trim)
        .map_err(|_| {
            Refusal::new(
                Reason::Unsupported,
                "the secret is not the secret of an access key",
            )
            .code("no_secret")
        })?;
    Ok(Credentials::new(
        &bearer.user,
        secret,
        None,
        None,
        "subject",
    ))
}

/// Asks for a session of the bearer.
pub(super) fn session_request() -> Request {
    let parameters = [
        ("Action", "GetSessionToken"),
        ("DurationSeconds", SESSION_SECONDS),
        ("Version", "2011-06-15"),
    ];
    Request::form("sts", &parameters).asked_as(Whom::Subject)
}

/// How long the session of a role is asked for: what a role that is taken on by another may give
/// at most.
pub(super) const ROLE_SECONDS: u32 = 3600;

/// A role to take on, and as what.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session: Option<String>,
    pub(super) seconds: Option<u32>,
}

impl Role {
    /// The role `arn`, with nothing said of it.
    pub(super) fn of(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            external_id: None,
            session: None,
            seconds: None,
        }
    }

    fn request(&self, action: &str) -> Request {
        let seconds = self.seconds.unwrap_or(ROLE_SECONDS).to_string();
        let parameters = [
            ("Action", action),
            ("DurationSeconds", seconds.as_str()),
            ("RoleArn", &self.arn),
            (
                "RoleSessionName",
                self.session.as_deref().unwrap_or("keyroll"),
            ),
            ("Version", "2011-06-15"),
        ];
        Request::form("sts", &parameters)
    }
}

/// Asks for a session of `role`, as the collector.
pub(super) fn role_request(role: &Role) -> Request {
    let request = role.request("AssumeRole");
    match &role.external_id {
        Some(id) => request.parameter("ExternalId", id),
        None => request,
    }
}

/// Asks for a session of `role` by the token of a workload; nobody signs that.
pub(super) fn token_request(role: &Role, token: &str) -> Request {
    role.request("AssumeRoleWithWebIdentity")
        .parameter("WebIdentityToken", token)
        .asked_as(Whom::Nobody)
}

/// The session in the answer to [`session_request`], [`role_request`] or [`token_request`].
pub(super) fn session_in(response: &Response) -> Result<Credentials, Refusal> {
    let refused = || Refusal::new(Reason::Failed, format!("HTTP status {}", response.status));
    if response.status != 200 {
        return Err(refused());
    }
    let document = roxmltree::Document::parse(&response.body).map_err(|_| refused())?;
    let text = |name: &str| {
        let mut nodes = document.descendants().filter(|node| node.is_element());
        nodes
            .find(|node| node.tag_name().name() == name)?
            .text()
            .map(str::to_owned)
    };
    match (
        text("AccessKeyId"),
        text("SecretAccessKey"),
        text("SessionToken"),
    ) {
        (Some(id), Some(secret), Some(token)) => {
            let end = text("Expiration").and_then(|end| end.parse::<Timestamp>().ok());
            let end = end.and_then(|end| u64::try_from(end.seconds()).ok());
            let end = end.map(|end| SystemTime::UNIX_EPOCH + Duration::from_secs(end));
            Ok(Credentials::new(id, secret, Some(token), end, "minted"))
        }
        _ => Err(refused()),
    }
}

/// The headers that sign a request: `(name, value)`.
pub(super) fn headers(
    credentials: &Credentials,
    (service, region): (&str, &str),
    (host, sealed): (&str, &Sealed),
) -> Result<Vec<(String, String)>, Refusal> {
    let unsigned = || Refusal::new(Reason::Failed, "this request cannot be signed");
    let identity = credentials.clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(signing_name(service))
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| unsigned())?
        .into();
    let signed = std::iter::once(("host", host)).chain(sealed.signed());
    let body = SignableBody::Bytes(sealed.body.as_bytes());
    let (method, url) = (sealed.method.as_str(), sealed.url.as_str());
    let request = SignableRequest::new(method, url, signed, body).map_err(|_| unsigned())?;
    let (instructions, _) = sign(request, &params).map_err(|_| unsigned())?.into_parts();
    Ok(instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// What a service is called in a signature, where that is not what it is called in its address.
fn signing_name(service: &str) -> &str {
    match service {
        "email" => "ses",
        "bedrock-agent" => "bedrock",
        other => other,
    }
}
