//! Sends one request: over TLS with the machine's trust anchors, without redirects, within bounds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use connectors::{Method, Refusal, Request, Response, Whom};
use model::Reason;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LINK};

use super::HttpLimits;
use super::budget::Asks;
use crate::Error;

/// How the parameters of a Query interface are sent.
pub(super) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The header that says what AWS is asked for in JSON.
const TARGET: &str = "x-amz-target";

/// What a probe calls itself.
pub(super) const PROBE: &str = concat!("keyroll/", env!("CARGO_PKG_VERSION"), " (probe)");

/// A request as it is sent: whoever is to be let in has shown it.
pub(super) struct Sealed {
    pub(super) method: reqwest::Method,
    pub(super) url: Url,
    pub(super) body: String,
    headers: HeaderMap,
}

impl Sealed {
    /// The headers that a signature of AWS has to cover beside the host.
    pub(super) fn signed(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = ["content-type", TARGET].into_iter();
        names.filter_map(|name| Some((name, self.headers.get(name)?.to_str().ok()?)))
    }

    /// With a header that says nothing secret; one that no header can say is left out.
    pub(super) fn say(&mut self, name: &str, value: &str) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
    }

    /// With a header that lets in; `None` if no header can say that.
    pub(super) fn show(&mut self, name: &str, value: &[u8]) -> Option<()> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_bytes(value).ok()?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Some(())
    }
}

/// How an interface is reached: by whom it is vouched for, and by which way.
pub(super) struct Door {
    pub(super) tls: rustls::ClientConfig,
    /// On this machine, past any proxy.
    pub(super) stays: bool,
    pub(super) proxy: Option<Url>,
    /// A name that stands for other addresses than its own.
    pub(super) named: Option<(String, Vec<SocketAddr>)>,
}

impl Door {
    /// One that this machine's trust anchors vouch for.
    pub(super) fn public(stays: bool) -> Result<Self, Error> {
        Ok(Self {
            tls: tls()?,
            stays,
            proxy: None,
            named: None,
        })
    }
}

/// Sends requests.
pub(super) struct Sender {
    client: reqwest::Client,
    bytes_max: usize,
}

impl Sender {
    /// One through `door` and within `limits`.
    pub(super) fn new(door: Door, limits: &HttpLimits) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(door.tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.connect)
            .timeout(limits.answer)
            .referer(false);
        let unfit = || Error::Unfit("no HTTP client can be made here".to_owned());
        if door.stays {
            builder = builder.no_proxy();
        }
        if let Some(proxy) = door.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|_| unfit())?);
        }
        if let Some((name, addresses)) = door.named {
            builder = builder.resolve_to_addrs(&name, &addresses);
        }
        let client = builder.build().map_err(|_| unfit())?;
        Ok(Self {
            client,
            bytes_max: limits.bytes_max,
        })
    }

    /// Sends a request once: its answer, and what that says of when to ask next.
    pub(super) async fn send(&self, sealed: Sealed) -> Result<(Response, Asks), Refusal> {
        let sent = self
            .client
            .request(sealed.method, sealed.url)
            .headers(sealed.headers)
            .body(sealed.body);
        let response = sent.send().await.map_err(|error| refusal(&error))?;
        let asks = Asks::of(response.headers(), SystemTime::now());
        Ok((self.read(response).await?, asks))
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
        let next = next(response.headers());
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
            next,
            whole: false,
        })
    }
}

/// The parameters by which the page that follows is asked for. Where it is asked for is no
/// business of an answer: of an address only its parameters are taken.
pub(super) fn next(headers: &HeaderMap) -> BTreeMap<String, String> {
    const TOKEN: &str = "x-ms-continuationtoken";
    if let Some(token) = headers.get(TOKEN).and_then(|token| token.to_str().ok()) {
        return BTreeMap::from([("continuationToken".to_owned(), token.to_owned())]);
    }
    let links = headers.get_all(LINK).iter();
    let links = links.filter_map(|link| link.to_str().ok());
    // Addresses have no commas in them unless they are escaped: a bracket begins each.
    let mut each = links.flat_map(|link| link.split('<').skip(1));
    let next = each.find_map(|one| {
        let (address, said) = one.split_once('>')?;
        let said = said.split(';').any(|one| {
            let one = one.trim().trim_end_matches(',').trim();
            let rel = one.strip_prefix("rel=").map(|rel| rel.trim_matches('"'));
            rel.is_some_and(|rel| rel.split_whitespace().any(|one| one == "next"))
        });
        said.then_some(address)
    });
    let Some((_, query)) = next.and_then(|address| address.split_once('?')) else {
        return BTreeMap::new();
    };
    let query = query.split('#').next().unwrap_or_default();
    url_pairs(query)
}

fn url_pairs(query: &str) -> BTreeMap<String, String> {
    // Only an address can be read by the parser of addresses; whose, does not matter.
    let url = Url::parse(&format!("https://localhost/?{query}"));
    url.map(|url| url.query_pairs().into_owned().take(32).collect())
        .unwrap_or_default()
}

/// `request` at `url`, shown by nobody yet; what is foreign in it is escaped.
pub(super) fn sealed(mut url: Url, request: &Request) -> Result<Sealed, Refusal> {
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
    let mut body = String::new();
    let mut content = FORM;
    if let Some(json) = &request.json {
        body = json.body.to_string();
        content = match json.operation.as_str() {
            "" => "application/json",
            // Each interface of AWS takes one of the two.
            queue if queue.starts_with("AmazonSQS.") => "application/x-amz-json-1.0",
            _ => "application/x-amz-json-1.1",
        };
    } else if request.method == Method::Post {
        let mut scratch = url.clone();
        scratch.set_query(None);
        body = form(&mut scratch).unwrap_or_default();
    } else if !request.parameters.is_empty() {
        form(&mut url);
    }
    let mut headers = HeaderMap::new();
    headers.insert(
        "user-agent",
        HeaderValue::from_static(user_agent(request.whom)),
    );
    if !body.is_empty() {
        headers.insert("content-type", HeaderValue::from_static(content));
    }
    let operation = request.json.as_ref().map(|json| json.operation.as_str());
    if let Some(Ok(operation)) = operation
        .filter(|operation| !operation.is_empty())
        .map(HeaderValue::from_str)
    {
        headers.insert(TARGET, operation);
    }
    if let (false, Ok(form)) = (
        request.accept.is_empty(),
        HeaderValue::from_str(&request.accept),
    ) {
        headers.insert("accept", form);
    }
    Ok(Sealed {
        method: match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        },
        url,
        body,
        headers,
    })
}

/// Probes say that they are ours, so that detection does not alarm on our own denied calls (RP-9).
fn user_agent(whom: Whom) -> &'static str {
    match whom {
        Whom::Collector | Whom::Nobody => concat!("keyroll/", env!("CARGO_PKG_VERSION")),
        Whom::Subject | Whom::Held | Whom::Minted => PROBE,
    }
}

/// What stands before the code of a refusal of AWS: in XML, and in JSON.
const CODES: [&str; 3] = ["<Code>", "\"__type\":\"", "\"__type\": \""];

/// How the codes begin that say that questions came too fast.
const THROTTLED: [&str; 4] = [
    "Throttling",
    "RequestLimitExceeded",
    "TooManyRequests",
    "SlowDown",
];

/// Whether an answer says that asking again may help.
pub(super) fn is_passing(response: &Response, asks: &Asks) -> bool {
    let throttled = || {
        let codes = CODES
            .iter()
            .filter_map(|mark| response.body.split_once(mark));
        // The code may have the name of its interface in front.
        let mut codes =
            codes.filter_map(|(_, code)| code.split(['<', '"']).next()?.rsplit('#').next());
        codes.any(|code| THROTTLED.iter().any(|one| code.starts_with(one)))
    };
    match response.status {
        429 | 502 | 503 | 504 => true,
        // So GitHub says that an hour's questions are spent.
        403 if asks.is_spent() => true,
        500 => CODES.iter().any(|mark| response.body.contains(mark)),
        400..=499 => throttled(),
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
