//! An endpoint that speaks TLS: the certificate it serves, its chain, and what is wrong with it.
//!
//! Source: TLS 1.2 (RFC 5246), TLS 1.3 (RFC 8446); certificates as RFC 5280 has them.
//!
//! The endpoint is an identity that works with its certificate. Its facts: `tls_version`,
//! `cipher`, `asks_for_certificate`, `chain` (subject and end of each certificate after the
//! first), `chain_expires_at` (the earliest end in it), and `validation`: `valid`, or whatever
//! a client on this machine would object to. The certificate on disk and the one served are one
//! thing by their fingerprint, and both speak for one key.
//!
//! Options: `host`, `port`, `server_name` (where it is not the host), `starttls`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, Class, Kind, Observation, Reason, Relation, Scope, Timestamp, Told, Value};

use crate::formats::{Certificate, x509};
use crate::{Connector, Context, Greeting, Handshake, PortKind, Refusal, Spec, Stop};

/// The certificate that an endpoint serves.
#[derive(Debug)]
pub(crate) struct TlsEndpoint;

/// Certificates of one chain that are looked at: real ones have four or five.
const CHAIN_MAX: usize = 32;

static SPEC: Spec = Spec {
    name: "tls_endpoint",
    reads: "the certificate that a TLS endpoint serves: chain, end, issuer, names, what a client would object to",
    named: "tls://HOST:PORT",
    target: "host:port",
    port: PortKind::Tls,
    needs_to_discover: &["a network path to the endpoint"],
    needs_to_act: &[],
    scopes: &["chain"],
};

impl Connector for TlsEndpoint {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let whole = Scope::whole();
        let needs = Some(SPEC.needs_to_discover[0]);
        let read = greeting(cx).and_then(|greeting| {
            let handshake = cx.tls(greeting)?;
            let leaf = handshake.chain.first().and_then(|one| certificate(one));
            let leaf = leaf.ok_or_else(|| {
                Refusal::new(Reason::Failed, "expected a certificate, got something else")
            })?;
            Ok((handshake, leaf))
        });
        match read {
            Ok((handshake, leaf)) => tell(cx, &handshake, leaf),
            Err(refusal) => cx.gap(&whole, &refusal, needs),
        }
    }
}

fn greeting(cx: &Context<'_>) -> Result<Greeting, Refusal> {
    let unfit = || {
        let told = "expected a source that names `host` and `port`; remove it and add it again";
        Refusal::new(Reason::Failed, told)
    };
    let host = cx.option("host").ok_or_else(unfit)?;
    let port = cx.option("port").and_then(|port| port.parse().ok());
    Ok(Greeting {
        host: host.to_owned(),
        port: port.ok_or_else(unfit)?,
        server_name: cx.option("server_name").unwrap_or(host).to_owned(),
        starttls: cx.option("starttls").unwrap_or_default().to_owned(),
    })
}

fn certificate(base64: &str) -> Option<Certificate> {
    x509::certificate(&STANDARD.decode(base64).ok()?)
}

fn tell(cx: &mut Context<'_>, handshake: &Handshake, leaf: Certificate) -> Result<(), Stop> {
    let endpoint = cx.target().to_owned();
    let mut above = Vec::new();
    let mut broken = handshake.chain.len() > CHAIN_MAX;
    for one in handshake.chain.iter().take(CHAIN_MAX).skip(1) {
        match certificate(one) {
            Some(one) => above.push(one),
            None => broken = true,
        }
    }
    if broken {
        let told =
            format!("not every certificate after the first was read; {CHAIN_MAX} are at most");
        let refusal = Refusal::new(Reason::Unsupported, told);
        cx.gap(&Scope::of("chain"), &refusal, None)?;
    }
    let validation = validation(handshake, &leaf, above.is_empty(), cx.now);
    let identity = identity(cx, handshake, &leaf, &above, validation.clone());
    cx.observe(identity);
    let mut told = leaf
        .told
        .is(Attribute::PLACE, endpoint.as_str())
        .is(Attribute::ENDPOINT, endpoint.as_str())
        .told(Attribute::named("validation"), validation)
        .link(Relation::UsedBy, Kind::Identity, &endpoint);
    told.native = format!("certificate/{}", leaf.sha256);
    cx.observe(told);
    for one in above {
        cx.set_aside(if one.authority {
            "certificate of an authority"
        } else {
            "public certificate"
        });
    }
    Ok(())
}

/// The endpoint itself.
fn identity(
    cx: &Context<'_>,
    handshake: &Handshake,
    leaf: &Certificate,
    above: &[Certificate],
    validation: Told<Value>,
) -> Observation {
    let endpoint = cx.target();
    let ends = above.iter().chain([leaf]).filter_map(|one| end(&one.told));
    let chain: Vec<String> = above
        .iter()
        .map(|one| {
            let subject = text(&one.told, &Attribute::SUBJECT);
            match end(&one.told) {
                Some(end) => format!("{subject} until {end}"),
                None => subject,
            }
        })
        .collect();
    let whole = Scope::whole();
    let mut identity = Observation::new(Kind::Identity, endpoint, &whole)
        .is(Attribute::TYPE, "tls_endpoint")
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::NAME, endpoint)
        .is(Attribute::ENDPOINT, endpoint)
        .is(
            Attribute::named("asks_for_certificate"),
            handshake.asks_for_certificate,
        )
        .told(
            Attribute::named("tls_version"),
            Told::or_cannot_tell(handshake.version.as_deref()),
        )
        .told(
            Attribute::named("cipher"),
            Told::or_cannot_tell(handshake.cipher.as_deref()),
        )
        .told(
            Attribute::named("chain_expires_at"),
            Told::or_cannot_tell(ends.min()),
        )
        .told(Attribute::named("validation"), validation);
    if !chain.is_empty() {
        identity = identity.is(Attribute::named("chain"), chain);
    }
    if let Some(starttls) = cx.option("starttls") {
        identity = identity.is(Attribute::named("starttls"), starttls);
    }
    identity
}

/// What a client would say: the port's verdict, and what the certificate tells by itself.
fn validation(
    handshake: &Handshake,
    leaf: &Certificate,
    alone: bool,
    now: Timestamp,
) -> Told<Value> {
    let mut said = handshake.objections.clone().unwrap_or_default();
    let flag = |name: &str| {
        let fact = leaf.told.fact(&Attribute::named(name));
        fact.is().and_then(|value| value.flag()) == Some(true)
    };
    let own = [
        ("expired", end(&leaf.told).is_some_and(|end| end < now)),
        (
            "not_yet_valid",
            time(&leaf.told, &Attribute::VALID_FROM).is_some_and(|from| now < from),
        ),
        ("self_signed", alone && flag("self_signed")),
    ];
    for (word, holds) in own {
        if holds && !said.iter().any(|one| one == word) {
            said.push(word.to_owned());
        }
    }
    said.sort();
    match (said.is_empty(), &handshake.objections) {
        (false, _) => Told::Is(said.into()),
        (true, Some(_)) => Told::Is(vec!["valid".to_owned()].into()),
        // Without a trust anchor nobody can call it valid.
        (true, None) => Told::CannotTell,
    }
}

fn end(told: &Observation) -> Option<Timestamp> {
    time(told, &Attribute::EXPIRES_AT)
}

fn time(told: &Observation, attribute: &Attribute) -> Option<Timestamp> {
    told.fact(attribute).is().and_then(|value| value.time())
}

fn text(told: &Observation, attribute: &Attribute) -> String {
    let value = told.fact(attribute).is().and_then(|value| value.text());
    model::shorten(value.unwrap_or_default(), 200)
}
