//! What brings a secret from elsewhere, and what asks for a certificate.

use model::{Attribute, Kind};
use serde_json::Value;

use super::object::Object;
use crate::formats::{Seen, tree};

/// Kinds whose secrets lie in another system, or here in a form that only the cluster can open.
const KINDS: &[&str] = &[
    "ExternalSecret",
    "ClusterExternalSecret",
    "SecretStore",
    "ClusterSecretStore",
    "SealedSecret",
    "SecretProviderClass",
    "VaultStaticSecret",
    "VaultDynamicSecret",
    "VaultPKISecret",
    "VaultAuth",
    "Certificate",
    "Issuer",
    "ClusterIssuer",
];
/// Remote keys beyond these are not told.
const KEYS_MAX: usize = 100;

/// Tells of an object that refers to secrets, if it is one.
pub(crate) fn reference(object: &Object<'_>, seen: &mut Seen) {
    if !KINDS.contains(&object.kind) {
        return;
    }
    let text = |way: &[&str]| tree::text(object.value, way);
    let store = text(&["spec", "secretStoreRef", "name"])
        .or_else(|| text(&["spec", "provider"]))
        .or_else(|| text(&["spec", "mount"]))
        .or_else(|| text(&["spec", "issuerRef", "name"]));
    let target = text(&["spec", "target", "name"])
        .or_else(|| text(&["spec", "destination", "name"]))
        .or_else(|| text(&["spec", "secretName"]));
    let mut thing = object
        .thing(Kind::Resource)
        .maybe(Attribute::named("secret_store"), store)
        .maybe(Attribute::named("target_secret"), target);
    let keys = remote_keys(object.value);
    if !keys.is_empty() {
        thing = thing.is(Attribute::named("remote_keys"), keys);
    }
    if object.kind == "SealedSecret" {
        seen.set_aside("encrypted secret");
        thing = thing.is(Attribute::ENCRYPTED, true);
    }
    seen.thing(thing);
}

fn remote_keys(value: &Value) -> Vec<String> {
    let spec = value.get("spec");
    let data = spec.and_then(|it| it.get("data")).and_then(Value::as_array);
    let from = spec
        .and_then(|it| it.get("dataFrom"))
        .and_then(Value::as_array);
    let mut out: Vec<String> = data
        .into_iter()
        .flatten()
        .filter_map(|one| tree::text(one, &["remoteRef", "key"]))
        .chain(from.into_iter().flatten().filter_map(|one| {
            tree::text(one, &["extract", "key"]).or_else(|| tree::text(one, &["key"]))
        }))
        .chain(tree::text(value, &["spec", "path"]))
        .take(KEYS_MAX)
        .map(str::to_owned)
        .collect();
    out.sort();
    out.dedup();
    out
}

/// Tells of a request for a certificate: who asks to be whom.
pub(crate) fn request(object: &Object<'_>, seen: &mut Seen) {
    let text = |way: &[&str]| tree::text(object.value, way);
    let list = |name: &str| {
        let list = object
            .value
            .get("spec")
            .and_then(|it| it.get(name))
            .and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.take(KEYS_MAX).map(str::to_owned).collect::<Vec<_>>()
    };
    seen.thing(
        object
            .thing(Kind::Resource)
            .maybe(Attribute::ISSUER, text(&["spec", "signerName"]))
            .maybe(Attribute::USER, text(&["spec", "username"]))
            .is(Attribute::named("usages"), list("usages"))
            .is(Attribute::MEMBER_OF, list("groups")),
    );
}
