//! Whose credentials sign a question: the usual chain's, the bearer's, or those of a session.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use connectors::{Refusal, Request, Response, Whom};
use model::Reason;
use tokio::sync::OnceCell;

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

/// The usual credential chain: environment, profile, web identity, container, instance.
pub(super) struct Chain {
    profile: Option<String>,
    region: Option<String>,
    loaded: OnceCell<aws_config::SdkConfig>,
}

impl Chain {
    pub(super) const fn new(profile: Option<String>, region: Option<String>) -> Self {
        Self {
            profile,
            region,
            loaded: OnceCell::const_new(),
        }
    }

    async fn config(&self) -> &aws_config::SdkConfig {
        self.loaded
            .get_or_init(|| async {
                let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest());
                if let Some(profile) = &self.profile {
                    loader = loader.profile_name(profile);
                }
                // A named region spares the question to the instance's metadata service.
                if let Some(region) = self.region.clone() {
                    loader = loader.region(aws_config::Region::new(region));
                }
                loader.load().await
            })
            .await
    }

    /// Region and endpoint, where the configuration names them.
    pub(super) async fn told(&self) -> Told {
        let config = self.config().await;
        Told {
            region: config.region().map(|region| region.as_ref().to_owned()),
            endpoint: config.endpoint_url().map(str::to_owned),
        }
    }

    /// The credentials to sign with now; the chain renews and caches them.
    pub(super) async fn credentials(&self) -> Result<Credentials, Refusal> {
        let none = || {
            let told = "found no credentials of AWS; set a profile (`aws:PROFILE`), `AWS_PROFILE`, \
                or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; for a profile that signs in \
                by IAM Identity Center (SSO) or `credential_process` run first: \
                eval \"$(aws configure export-credentials --profile NAME --format env)\"";
            Refusal::new(Reason::Denied, told).code("no_credentials")
        };
        let provider = self
            .config()
            .await
            .credentials_provider()
            .ok_or_else(none)?;
        // The provider's own message is not kept: it may quote a configuration file.
        provider.provide_credentials().await.map_err(|_| none())
    }
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

/// Asks for a session of `role`, as the collector.
pub(super) fn role_request(role: &str) -> Request {
    let seconds = ROLE_SECONDS.to_string();
    let parameters = [
        ("Action", "AssumeRole"),
        ("DurationSeconds", seconds.as_str()),
        ("RoleArn", role),
        ("RoleSessionName", "keyroll"),
        ("Version", "2011-06-15"),
    ];
    Request::form("sts", &parameters)
}

/// The session in the answer to [`session_request`] or [`role_request`].
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
            Ok(Credentials::new(id, secret, Some(token), None, "minted"))
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
