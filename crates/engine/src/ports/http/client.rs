//! Sends one request: over TLS with the machine's trust anchors, without redirects, within bounds.

use std::sync::Arc;

use aws_credential_types::Credentials;
use connectors::{Method, Refusal, Request, Response, Whom};
use model::Reason;
use reqwest::Url;

use super::HttpLimits;
use super::sign;
use super::site::Site;
use crate::Error;

/// How the parameters of a Query interface are sent.
pub(super) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// What a probe calls itself.
pub(super) const PROBE: &str = concat!("keyroll/", env!("CARGO_PKG_VERSION"), " (probe)");

/// Sends requests.
pub(super) struct Sender {
    client: reqwest::Client,
    bytes_max: usize,
}

impl Sender {
    pub(super) fn new(site: &Site, limits: &HttpLimits) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.connect)
            .timeout(limits.answer)
            .referer(false);
        if site.is_loopback() {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|_| Error::Unfit("no HTTP client can be made here".to_owned()))?;
        Ok(Self {
            client,
            bytes_max: limits.bytes_max,
        })
    }

    /// Sends `request` once.
    pub(super) async fn send(
        &self,
        site: &Site,
        request: &Request,
        credentials: Option<&Credentials>,
    ) -> Result<Response, Refusal> {
        let (url, region) = site.of(&request.service)?;
        let (method, url, body) = written(url, request)?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(Refusal::new(Reason::Failed, "this address names no host")),
        };
        let mut sent = self
            .client
            .request(method.clone(), url.clone())
            .header("user-agent", user_agent(request.whom));
        if !body.is_empty() {
            sent = sent.header("content-type", FORM);
        }
        if let Some(credentials) = credentials {
            let what = (
                method.as_str(),
                url.as_str(),
                host.as_str(),
                body.as_bytes(),
            );
            for (name, value) in sign::headers(credentials, (&request.service, region), what)? {
                let mut value = reqwest::header::HeaderValue::from_str(&value)
                    .map_err(|_| Refusal::new(Reason::Failed, "this request cannot be signed"))?;
                value.set_sensitive(true);
                sent = sent.header(name, value);
            }
        }
        let response = sent
            .body(body)
            .send()
            .await
            .map_err(|error| refusal(&error))?;
        self.read(response).await
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Response, Refusal> {
        let status = response.status().as_u16();
        let header = |name: &str| {
            response
                .headers()
                .get(name)?
                .to_str()
                .ok()
                .map(str::to_owned)
        };
        let request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id"));
        let request_id = model::shorten(&model::clean(&request_id.unwrap_or_default()), 128);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| refusal(&error))? {
            if body.len() + chunk.len() > self.bytes_max {
                let told = format!(
                    "the answer is larger than the limit of {} bytes",
                    self.bytes_max
                );
                return Err(Refusal::new(Reason::Unsupported, told).code("too_large"));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8(body).map_err(|_| {
            Refusal::new(
                Reason::Failed,
                "expected an answer in UTF-8, got other bytes",
            )
        })?;
        Ok(Response {
            status,
            request_id,
            body,
        })
    }
}

/// Method, address and body of `request`; what is foreign in it is escaped.
fn written(mut url: Url, request: &Request) -> Result<(reqwest::Method, Url, String), Refusal> {
    if !request.segments.is_empty() {
        let mut path = url
            .path_segments_mut()
            .map_err(|()| Refusal::new(Reason::Failed, "this address takes no path"))?;
        path.pop_if_empty().extend(&request.segments);
    }
    let form = |url: &mut Url| {
        url.query_pairs_mut()
            .extend_pairs(&request.parameters)
            .finish()
            .query()
            .map(str::to_owned)
    };
    match request.method {
        Method::Post => {
            let mut scratch = url.clone();
            scratch.set_query(None);
            let body = form(&mut scratch).unwrap_or_default();
            Ok((reqwest::Method::POST, url, body))
        }
        method => {
            if !request.parameters.is_empty() {
                form(&mut url);
            }
            let method = match method {
                Method::Put => reqwest::Method::PUT,
                Method::Delete => reqwest::Method::DELETE,
                Method::Get | Method::Post => reqwest::Method::GET,
            };
            Ok((method, url, String::new()))
        }
    }
}

/// Probes say that they are ours, so that detection does not alarm on our own denied calls (RP-9).
fn user_agent(whom: Whom) -> &'static str {
    match whom {
        Whom::Collector | Whom::Nobody => concat!("keyroll/", env!("CARGO_PKG_VERSION")),
        Whom::Subject | Whom::Held | Whom::Minted => PROBE,
    }
}

/// Whether an answer says that asking again may help.
pub(super) fn is_passing(response: &Response) -> bool {
    let throttled = [
        "<Code>Throttling",
        "<Code>RequestLimitExceeded",
        "<Code>TooManyRequests",
        "<Code>SlowDown",
    ];
    match response.status {
        429 | 502 | 503 | 504 => true,
        500 => response.body.contains("<Code>"),
        400..=499 => throttled.iter().any(|code| response.body.contains(code)),
        _ => false,
    }
}

pub(super) fn refusal(error: &reqwest::Error) -> Refusal {
    let (code, told) = if error.is_timeout() {
        ("timeout", "the interface did not answer in time")
    } else if error.is_connect() {
        ("connect", "the interface cannot be reached")
    } else {
        ("broken", "the connection broke off")
    };
    // The innermost cause names no address: `connection refused`, `invalid peer certificate`.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = if std::ptr::addr_eq(cause, error) {
        String::new()
    } else {
        format!(": {cause}")
    };
    Refusal::new(
        Reason::Failed,
        model::shorten(&format!("{told}{cause}"), 200),
    )
    .code(code)
}

pub(super) fn tls() -> Result<rustls::ClientConfig, Error> {
    let mut anchors = rustls::RootCertStore::empty();
    // A broken anchor among good ones is left out; none at all makes every handshake fail.
    anchors.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::Unfit("no version of TLS can be used here".to_owned()))?;
    Ok(config.with_root_certificates(anchors).with_no_client_auth())
}
