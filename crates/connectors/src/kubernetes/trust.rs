//! Certificates and what vouches for them: requests, cert-manager, external secrets, webhooks and
//! the bundles by which the server knows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, CredentialType, Kind, Observation, Timestamp, Told};
use serde_json::Value;

use super::cluster::{Cluster, placed};
use super::parts::Part;
use crate::armour;
use crate::formats::kubernetes::object::Object;
use crate::formats::kubernetes::reference;
use crate::formats::{Certificate, Seen, Thing, blank, tree_text, x509};

/// Hooks of one configuration beyond these are not told.
const HOOKS_MAX: usize = 200;
/// No certificate or bundle that is looked at is longer.
const PEM_BYTES_MAX: usize = 1 << 20;

/// Takes an object that is no account, secret, right or workload.
pub(super) fn take(object: &Object<'_>, part: &'static Part, cluster: &mut Cluster) {
    let mut seen = Seen::default();
    match object.kind {
        "CertificateSigningRequest" => {
            reference::request(object, &mut seen);
            cluster.others.extend(issued(object, part));
        }
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            seen.thing(hooks(object));
        }
        "APIService" => match service(object) {
            Some(thing) => seen.thing(thing),
            None => return,
        },
        _ => {
            reference::reference(object, &mut seen);
            if object.kind == "Certificate" {
                cluster.others.extend(managed(object, part));
            }
        }
    }
    let told = seen.things.into_iter();
    cluster
        .others
        .extend(told.map(|thing| placed(with_state(thing, object), object, part)));
}

/// What was decided on a request, where it was.
fn with_state(thing: Thing, object: &Object<'_>) -> Thing {
    if object.kind != "CertificateSigningRequest" {
        return thing;
    }
    let conditions = object.value.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    let types: Vec<&str> = conditions
        .filter_map(|one| one.get("type")?.as_str())
        .collect();
    let state = ["Denied", "Failed", "Approved"]
        .into_iter()
        .find(|state| types.contains(state));
    thing.is(
        Attribute::STATUS,
        state.map_or_else(|| "pending".to_owned(), str::to_lowercase),
    )
}

/// The certificate that a request was given: it is public.
fn issued(object: &Object<'_>, part: &Part) -> Option<Observation> {
    let text = object.value.pointer("/status/certificate")?.as_str()?;
    let one = certificate(text)?;
    let thing = Thing {
        field: String::new(),
        told: one.told,
    };
    let told = placed(thing, object, part).is(
        Attribute::PURPOSE,
        format!("asked for by {}", object.field()),
    );
    Some(Observation {
        native: format!("issued/{}", object.uid().unwrap_or(&one.sha256)),
        ..told
    })
}

/// A certificate that cert-manager looks after: what lies in its secret is not read, but when it
/// ends is told.
fn managed(object: &Object<'_>, part: &Part) -> Option<Observation> {
    let time = |name: &str| {
        let text = tree_text(object.value, &["status", name])?;
        text.parse::<Timestamp>().ok()
    };
    let names = object.value.pointer("/spec/dnsNames");
    let names = names.and_then(Value::as_array).into_iter().flatten();
    let names: Vec<String> = names
        .filter_map(Value::as_str)
        .take(64)
        .map(|name| model::shorten(name, 256))
        .collect();
    let thing = Thing {
        field: String::new(),
        told: blank(CredentialType::X509Certificate),
    };
    let thing = thing
        .is(Attribute::NAME, object.name)
        .is(Attribute::PROVIDER, "kubernetes")
        .is(Attribute::named("namespace"), object.namespace)
        .is(Attribute::named("managed_by"), "cert-manager")
        .maybe(
            Attribute::ISSUER,
            tree_text(object.value, &["spec", "issuerRef", "name"]),
        )
        .maybe(
            Attribute::named("secret_store"),
            tree_text(object.value, &["spec", "secretName"]),
        )
        .with(|told| {
            told.told(
                Attribute::EXPIRES_AT,
                Told::or_cannot_tell(time("notAfter")),
            )
        })
        .maybe(Attribute::VALID_FROM, time("notBefore"));
    let thing = if names.is_empty() {
        thing
    } else {
        thing.is(Attribute::ALT_NAMES, names)
    };
    Some(placed(thing, object, part))
}

/// Whom the server asks before it lets something in, and until when it will know them.
fn hooks(object: &Object<'_>) -> Thing {
    let list = object.value.get("webhooks").and_then(Value::as_array);
    let list = list.into_iter().flatten().take(HOOKS_MAX);
    let (mut asked, mut ends) = (Vec::new(), Vec::new());
    for hook in list {
        let name = tree_text(hook, &["name"]).unwrap_or_default();
        let client = hook.get("clientConfig").unwrap_or(&Value::Null);
        asked.push(format!("{name} at {}", whom(client)));
        ends.extend(client.get("caBundle").and_then(end));
    }
    trusted(object.thing(Kind::Resource), asked, ends)
}

/// An interface that another server answers for.
fn service(object: &Object<'_>) -> Option<Thing> {
    let spec = object.value.get("spec")?;
    // What the server answers for itself needs nobody's trust.
    spec.get("service").filter(|service| service.is_object())?;
    let ends = spec.get("caBundle").and_then(end).into_iter().collect();
    Some(trusted(
        object.thing(Kind::Resource),
        vec![whom(spec)],
        ends,
    ))
}

fn trusted(thing: Thing, asked: Vec<String>, mut ends: Vec<Timestamp>) -> Thing {
    ends.sort();
    thing
        .is(Attribute::named("asks"), asked)
        // No credential, but what it vouches for ends with it.
        .maybe(Attribute::named("ca_expires_at"), ends.first().copied())
}

/// `service shop/hook`, or the host of an address.
fn whom(client: &Value) -> String {
    let text = |way: &[&str]| tree_text(client, way);
    if let Some(name) = text(&["service", "name"]) {
        let namespace = text(&["service", "namespace"]).unwrap_or_default();
        return format!("service {namespace}/{name}");
    }
    let host = text(&["url"]).and_then(|url| {
        let rest = url.split_once("://")?.1;
        let rest = rest.split(['/', '?']).next()?;
        Some(rest.rsplit('@').next()?.to_owned())
    });
    host.unwrap_or_else(|| "nobody".to_owned())
}

/// When the first certificate of a bundle ends.
fn end(bundle: &Value) -> Option<Timestamp> {
    let pem = decoded(bundle.as_str()?)?;
    let certificates = armour::blocks(&pem).into_iter().take(HOOKS_MAX);
    let ends = certificates.filter_map(|block| {
        let one = x509::certificate(block.body?.expose())?;
        one.told.fact(&Attribute::EXPIRES_AT).is()?.time()
    });
    ends.min()
}

/// The first certificate in `text`, which is PEM in Base64.
pub(super) fn certificate(text: &str) -> Option<Certificate> {
    let pem = decoded(text)?;
    let blocks = armour::blocks(&pem);
    let first = blocks
        .into_iter()
        .find(|block| block.label == "CERTIFICATE")?;
    x509::certificate(first.body?.expose())
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    if text.len() > PEM_BYTES_MAX {
        return None;
    }
    let plain: String = text.split_whitespace().collect();
    STANDARD.decode(plain).ok()
}
