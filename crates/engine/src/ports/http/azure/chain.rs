//! Who asks Microsoft, and how a token is given for it.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 client credentials flow"; "How managed
//! identities for Azure resources work", "Managed identities in App Service"; `az account
//! get-access-token`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use connectors::{Method, Refusal, Request, Response};
use model::{Reason, Secret};
use reqwest::Url;
use serde::Deserialize;

use super::super::client::{Door, Sender, sealed};
use super::super::token::SHOWN_MAX;
use super::super::{HttpLimits, Line, program, wait};
use super::assertion::{Assertion, read};
use crate::Error;

/// What a platform or a program prints beside a token is no longer than this.
const BYTES_MAX: u64 = 64 * 1024;
/// Without a word on it, a token is given for so long (seconds).
const GIVEN_FOR: u64 = 300;
/// Where Azure tells a machine of its own identity (Azure Instance Metadata Service).
const METADATA: &str = "http://169.254.169.254";
/// On a machine that is none of Azure's nobody answers there: nobody waits long.
const METADATA_MAX: Duration = Duration::from_secs(1);

/// One way to a token.
enum Way {
    /// A client's secret.
    Secret(Secret),
    /// A client's certificate: the key signs an assertion.
    Certificate(Box<Assertion>),
    /// A file with a token that a platform gives a workload, anew while it runs.
    Federated(PathBuf),
    /// The identity of an app, asked for at its platform.
    App { endpoint: Url, header: Secret },
    /// The identity of this machine.
    Machine(Url),
    /// Whoever is signed in to `az`.
    CommandLine,
}

/// The ways that are tried, in their order, and as whom.
pub(super) struct Chain {
    ways: Vec<Way>,
    tenant: Option<String>,
    client: Option<String>,
}

impl Chain {
    /// As the usual variables say.
    pub(super) fn new(
        options: &BTreeMap<String, String>,
        secret: Option<Secret>,
    ) -> Result<Self, Error> {
        let get = |name: &str| options.get(name).map(String::as_str);
        let (tenant, client) = (get("tenant"), get("client"));
        for named in [tenant, client].into_iter().flatten() {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
            if named.is_empty() || named.len() > 253 || !named.chars().all(plain) {
                let shown = model::shorten(&model::clean(named), 80);
                return Err(Error::Unfit(format!(
                    "expected the id or a domain of a tenant, or the id of an application, got `{shown}`"
                )));
            }
        }
        let known = tenant.is_some() && client.is_some();
        let ways = match (get("managed_endpoint"), secret) {
            (Some(endpoint), Some(header)) => vec![Way::App {
                endpoint: beside(endpoint)?,
                header,
            }],
            (_, Some(secret)) if known => vec![Way::Secret(secret)],
            (_, Some(_)) => {
                return Err(Error::Unfit(
                    "a client's secret wants to know whose it is: set `AZURE_CLIENT_ID` and \
                     `AZURE_TENANT_ID` as well"
                        .to_owned(),
                ));
            }
            _ if known && get("certificate").is_some() => {
                let pem = get("certificate").unwrap_or_default();
                vec![Way::Certificate(Box::new(Assertion::read(pem)?))]
            }
            _ if known && get("token_file").is_some() => {
                vec![Way::Federated(PathBuf::from(
                    get("token_file").unwrap_or_default(),
                ))]
            }
            _ => vec![
                Way::Machine(beside(get("metadata").unwrap_or(METADATA))?),
                Way::CommandLine,
            ],
        };
        Ok(Self {
            ways,
            tenant: tenant.map(str::to_owned),
            client: client.map(str::to_owned),
        })
    }

    /// A token for the interface at `host`, and for how many seconds it is given.
    pub(super) fn token(
        &self,
        line: &mut Line,
        authority: &Url,
        host: &str,
    ) -> Result<(Secret, u64), Refusal> {
        let mut last = None;
        for way in &self.ways {
            match self.by(way, line, authority, host) {
                Ok(given) => return Ok(given),
                Err(refusal) if refusal.stop => return Err(refusal),
                Err(refusal) => last = Some(refusal),
            }
        }
        Err(last.unwrap_or_else(nobody))
    }

    fn by(
        &self,
        way: &Way,
        line: &mut Line,
        authority: &Url,
        host: &str,
    ) -> Result<(Secret, u64), Refusal> {
        match way {
            Way::Secret(secret) => {
                let secret = text(secret)?;
                let request = self
                    .client_request(host)
                    .parameter("client_secret", &secret);
                given(&ask(line, authority, &request)?)
            }
            Way::Certificate(key) => {
                let tenant = self.tenant.as_deref().unwrap_or_default();
                let client = self.client.as_deref().unwrap_or_default();
                let host_of = authority.as_str().trim_end_matches('/');
                let audience = format!("{host_of}/{tenant}/oauth2/v2.0/token");
                let assertion = text(&key.signed(client, &audience)?)?;
                given(&ask(line, authority, &self.asserting(host, &assertion))?)
            }
            Way::Federated(path) => {
                let token = read(path).map_err(|error| {
                    Refusal::new(Reason::Denied, error.to_string()).code("no_credentials")
                })?;
                given(&ask(
                    line,
                    authority,
                    &self.asserting(host, &text(&token)?),
                )?)
            }
            Way::App { endpoint, header } => {
                let request = self.of_platform(&[], "2019-08-01", host);
                beside_asked(
                    line,
                    endpoint,
                    &request,
                    ("x-identity-header", &text(header)?),
                )
            }
            Way::Machine(endpoint) => {
                let path = ["metadata", "identity", "oauth2", "token"];
                let request = self.of_platform(&path, "2018-02-01", host);
                beside_asked(line, endpoint, &request, ("metadata", "true"))
            }
            Way::CommandLine => self.by_command(host),
        }
    }

    /// The question that a token is given for, without what proves who asks.
    fn client_request(&self, host: &str) -> Request {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        let client = self.client.as_deref().unwrap_or_default();
        let scope = format!("https://{host}/.default");
        let parameters = [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("scope", scope.as_str()),
        ];
        let mut request = Request::form("", &parameters);
        request.segments = [tenant, "oauth2", "v2.0", "token"]
            .map(str::to_owned)
            .to_vec();
        request.method = Method::Post;
        request
    }

    /// With an assertion (RFC 7523 section 2.2).
    fn asserting(&self, host: &str, assertion: &str) -> Request {
        const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        self.client_request(host)
            .parameter("client_assertion_type", BEARER)
            .parameter("client_assertion", assertion)
    }

    fn of_platform(&self, path: &[&str], version: &str, host: &str) -> Request {
        let request = Request::get(path)
            .parameter("api-version", version)
            .parameter("resource", &format!("https://{host}"));
        match &self.client {
            Some(client) => request.parameter("client_id", client),
            None => request,
        }
    }

    fn by_command(&self, host: &str) -> Result<(Secret, u64), Refusal> {
        let resource = format!("https://{host}");
        let mut command = Command::new("az");
        command.args([
            "account",
            "get-access-token",
            "--output",
            "json",
            "--resource",
            &resource,
        ]);
        if let Some(tenant) = &self.tenant {
            command.args(["--tenant", tenant]);
        }
        let printed = program::printed(command, BYTES_MAX).ok_or_else(nobody)?;
        // How long it lives is told in the time of this machine's zone: it is asked for again soon.
        Ok((program_gives(&printed)?, GIVEN_FOR))
    }
}

/// The token in what `az` prints.
pub(in super::super) fn program_gives(printed: &Secret) -> Result<Secret, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Printed {
        access_token: String,
    }
    let printed: Printed = serde_json::from_slice(printed.expose()).map_err(|_| nobody())?;
    Ok(Secret::from(printed.access_token.as_str()))
}

/// An address of this machine or of its own link, in plain HTTP: nothing else answers for it.
fn beside(text: &str) -> Result<Url, Error> {
    let unfit = || {
        Error::Unfit(
            "expected an address of this machine or its link as the endpoint of its identity, \
             such as `http://169.254.169.254`"
                .to_owned(),
        )
    };
    let url = Url::parse(text).map_err(|_| unfit())?;
    let host = url.host_str().unwrap_or_default();
    let near = match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(std::net::IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => host == "localhost",
    };
    let plain = url.scheme() == "http" && url.username().is_empty() && url.password().is_none();
    if near && plain { Ok(url) } else { Err(unfit()) }
}

/// A token from what answers beside this machine.
fn beside_asked(
    line: &Line,
    endpoint: &Url,
    request: &Request,
    header: (&str, &str),
) -> Result<(Secret, u64), Refusal> {
    let limits = HttpLimits {
        connect: METADATA_MAX,
        ..HttpLimits::default()
    };
    let unfit = |error: Error| Refusal::new(Reason::Failed, error.to_string());
    let sender = Sender::new(Door::public(true).map_err(unfit)?, &limits).map_err(unfit)?;
    let mut sealed = sealed(endpoint.clone(), request)?;
    sealed
        .show(header.0, header.1.as_bytes())
        .ok_or_else(nobody)?;
    let (answer, _) = wait(&line.runtime, &line.stop, sender.send(sealed))??;
    given(&answer)
}

fn ask(line: &mut Line, authority: &Url, request: &Request) -> Result<Response, Refusal> {
    line.exchange(line.tries(request), || sealed(authority.clone(), request))
}

fn text(secret: &Secret) -> Result<String, Refusal> {
    let text = std::str::from_utf8(secret.expose()).map(|text| text.trim().to_owned());
    text.map_err(|_| {
        let told = "what is to let in is no text";
        Refusal::new(Reason::Denied, told).code("no_credentials")
    })
}

fn nobody() -> Refusal {
    let told = "found no login of Azure: set `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and \
        `AZURE_CLIENT_SECRET` (or `AZURE_CLIENT_CERTIFICATE_PATH`, or \
        `AZURE_FEDERATED_TOKEN_FILE`), run on a machine of Azure with an identity, or sign in \
        with `az login`";
    Refusal::new(Reason::Denied, told).code("no_credentials")
}

/// What to do about a refusal that Microsoft gives a number (Microsoft Entra, "error codes").
const NUMBERED: &[(&str, &str)] = &[
    ("AADSTS7000215", "the client's secret is wrong"),
    (
        "AADSTS7000222",
        "the client's secret has expired; make another one",
    ),
    (
        "AADSTS700016",
        "no such application is known in this tenant",
    ),
    (
        "AADSTS700027",
        "the certificate is not one of this application",
    ),
    (
        "AADSTS700024",
        "the assertion is not valid now: look at this machine's clock",
    ),
    (
        "AADSTS70021",
        "no federated credential of the application takes this token",
    ),
    (
        "AADSTS700213",
        "no federated credential of the application takes this subject",
    ),
    (
        "AADSTS700211",
        "no federated credential of the application takes this issuer",
    ),
    (
        "AADSTS7000112",
        "the application is disabled in this tenant",
    ),
    ("AADSTS90002", "there is no such tenant"),
    ("AADSTS53003", "a policy of conditional access keeps it out"),
];

/// The token in an answer, and for how many seconds it is given.
pub(in super::super) fn given(answer: &Response) -> Result<(Secret, u64), Refusal> {
    #[derive(Deserialize)]
    struct Given {
        access_token: String,
        // A number, or the text of one.
        #[serde(default)]
        expires_in: serde_json::Value,
    }
    #[derive(Deserialize, Default)]
    struct Refused {
        #[serde(default)]
        error_description: String,
    }
    if answer.status != 200 {
        let refused: Refused = serde_json::from_str(&answer.body).unwrap_or_default();
        let word = refused
            .error_description
            .split(':')
            .next()
            .unwrap_or_default();
        let known = NUMBERED.iter().find(|(code, _)| *code == word);
        let reason = match answer.status {
            400 | 401 | 403 => Reason::Denied,
            429 => Reason::Throttled,
            _ => Reason::Failed,
        };
        // The rest of the description names the client, and perhaps what it showed.
        let told = known.map_or("no token was given for this login", |(_, told)| told);
        let digits = word.strip_prefix("AADSTS").unwrap_or_default();
        let is_code =
            (1..=12).contains(&digits.len()) && digits.bytes().all(|one| one.is_ascii_digit());
        let code = if is_code { "no_credentials" } else { "401" };
        let told = if is_code {
            format!("{told} ({word})")
        } else {
            told.to_owned()
        };
        return Err(Refusal::new(reason, told).code(code));
    }
    // The parser's own message could repeat a part of the answer.
    let given: Given = serde_json::from_str(&answer.body).map_err(|_| {
        Refusal::new(
            Reason::Failed,
            "expected a token of Microsoft, got something else",
        )
    })?;
    let seconds = given.expires_in.as_u64();
    let seconds = seconds.or_else(|| given.expires_in.as_str()?.parse().ok());
    Ok((
        Secret::from(given.access_token.as_str()),
        seconds.unwrap_or(GIVEN_FOR).min(SHOWN_MAX),
    ))
}
