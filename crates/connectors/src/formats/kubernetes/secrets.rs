//! Secrets, maps that hold secrets, and what kustomizations make secrets of.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, CredentialType, Kind, Relation, Secret};
use serde_json::Value;

use super::object::{Manifest, Object};
use crate::formats::seen::in_file;
use crate::formats::settings::{self, Setting};
use crate::formats::text::is_reference;
use crate::formats::{Found, Seen, tree};

/// Entries beyond these are not looked at.
const ENTRIES_MAX: usize = 500;

/// Tells of a secret and of what it holds.
pub(super) fn secret(object: &Object<'_>, manifest: &Manifest<'_>, seen: &mut Seen) {
    let type_ = tree::text(object.value, &["type"]).unwrap_or("Opaque");
    let thing = object
        .thing(Kind::Resource)
        .is(Attribute::named("secret_type"), type_);
    if object.value.get("sops").is_some() {
        seen.set_aside("encrypted secret");
        return seen.thing(thing.is(Attribute::ENCRYPTED, true));
    }
    seen.thing(thing);
    if type_ == "helm.sh/release.v1" {
        return seen.set_aside("chart release");
    }
    let values = values(object, seen);
    let told = Stored {
        object,
        manifest,
        type_,
        user: user(&values),
    };
    let mut listed = Vec::new();
    for (name, value) in &values {
        match std::str::from_utf8(value.expose()) {
            Ok(text) => listed.push(Setting {
                name,
                field: format!("{}.{name}", object.field()),
                value: text,
                stated: true,
            }),
            Err(_) if !value.is_empty() => {
                let field = format!("{}.{name}", object.field());
                seen.found(told.of(Found::secret(
                    CredentialType::ApiToken,
                    field,
                    value.clone(),
                )));
            }
            Err(_) => {}
        }
    }
    settings::adopt(settings::read(&listed), seen, |found| told.of(found));
}

/// The values of a secret, decoded.
fn values<'a>(object: &Object<'a>, seen: &mut Seen) -> Vec<(&'a str, Secret)> {
    let mut out = Vec::new();
    for (name, value) in tree::members(object.value, &["data"]).take(ENTRIES_MAX) {
        let Some(text) = value.as_str().filter(|text| !is_reference(text)) else {
            continue;
        };
        let plain: Cow<'_, str> = if text.contains(char::is_whitespace) {
            text.split_whitespace().collect::<String>().into()
        } else {
            text.into()
        };
        match STANDARD.decode(plain.as_bytes()) {
            // The older form of a registry's login has no `auths` round it.
            Ok(bytes) if name == ".dockercfg" => {
                let inner = Secret::new(bytes);
                let whole = [br#"{"auths":"#, inner.expose(), b"}"].concat();
                out.push((name, Secret::new(whole)));
            }
            Ok(bytes) => out.push((name, Secret::new(bytes))),
            Err(_) => seen.broken("a value under a secret's data that is no base64"),
        }
    }
    for (name, value) in tree::members(object.value, &["stringData"]).take(ENTRIES_MAX) {
        out.extend(value.as_str().map(|text| (name, Secret::from(text))));
    }
    out
}

fn user(values: &[(&str, Secret)]) -> Option<String> {
    let (_, user) = values
        .iter()
        .find(|(name, _)| matches!(*name, "username" | "user"))?;
    let user = std::str::from_utf8(user.expose()).ok()?;
    (!is_reference(user)).then(|| model::shorten(user, 200))
}

/// What a credential in a secret has in common with its neighbours.
struct Stored<'o, 'a> {
    object: &'o Object<'a>,
    manifest: &'o Manifest<'a>,
    type_: &'a str,
    user: Option<String>,
}

impl Stored<'_, '_> {
    fn of(&self, found: Found) -> Found {
        let store = self.object.field();
        let mut found = found
            .is(Attribute::named("secret_store"), store.as_str())
            .is(Attribute::named("namespace"), self.object.namespace);
        if !found.told.facts.contains_key(&Attribute::USER) {
            found = found.maybe(Attribute::USER, self.user.as_deref());
        }
        if self.type_ == "kubernetes.io/service-account-token" {
            found = found
                .is(Attribute::TYPE, CredentialType::KubernetesToken)
                .is(Attribute::PROVIDER, "kubernetes");
            let name = self.object.annotation("kubernetes.io/service-account.name");
            let account = name.and_then(|name| self.manifest.account(self.object.namespace, name));
            found = found.maybe(Attribute::USER, name);
            if let Some(account) = account {
                found = found
                    .with(|told| told.link(Relation::Holder, Kind::Identity, in_file(&account)));
            }
        }
        self.manifest
            .users(&store)
            .fold(found, |found, user| found.used_in_file_by(user))
    }
}

/// Secrets where none belong: in a map that everybody may read.
pub(super) fn config_map(object: &Object<'_>, manifest: &Manifest<'_>, seen: &mut Seen) {
    let listed: Vec<_> = tree::members(object.value, &["data"])
        .take(ENTRIES_MAX)
        .filter_map(|(name, value)| {
            Some(Setting {
                name,
                field: format!("{}.{name}", object.field()),
                value: value.as_str()?,
                stated: false,
            })
        })
        .collect();
    let own = settings::read(&listed);
    settings::adopt(own, seen, |found| {
        let found = found
            .is(Attribute::PURPOSE, "kept in a configuration map")
            .is(Attribute::named("namespace"), object.namespace);
        manifest
            .users(&object.field())
            .fold(found, |found, user| found.used_in_file_by(user))
    });
}

/// `secretGenerator` of a kustomization: literals are secrets, files and environments are named.
pub(super) fn generators(object: &Object<'_>, seen: &mut Seen) {
    let list = object
        .value
        .get("secretGenerator")
        .and_then(Value::as_array);
    for one in list.into_iter().flatten().take(ENTRIES_MAX) {
        let name = tree::text(one, &["name"]).unwrap_or_default();
        let texts = |what: &str| {
            let list = one
                .get(what)
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            list.filter_map(Value::as_str)
                .take(ENTRIES_MAX)
                .collect::<Vec<_>>()
        };
        let mut from = texts("files");
        from.extend(texts("envs"));
        from.extend(tree::text(one, &["env"]));
        let field = format!("secretgenerator {name}");
        let from: Vec<String> = from.into_iter().map(str::to_owned).collect();
        let thing = crate::formats::Thing::new(Kind::Resource, field.as_str(), "kubernetes_secret")
            .is(Attribute::NAME, name)
            .is(Attribute::PROVIDER, "kubernetes");
        seen.thing(if from.is_empty() {
            thing
        } else {
            thing.is(Attribute::named("made_from"), from)
        });
        let listed: Vec<_> = texts("literals")
            .into_iter()
            .filter_map(|literal| {
                let (name, value) = literal.split_once('=')?;
                let value = value.trim_matches(['"', '\'']);
                Some(Setting {
                    name,
                    field: format!("{field}.{name}"),
                    value,
                    stated: true,
                })
            })
            .collect();
        settings::adopt(settings::read(&listed), seen, |found| {
            found.is(Attribute::named("secret_store"), field.as_str())
        });
    }
}
