//! Items that are settings, as variables of a pipeline are: which of them are credentials.
//!
//! A list of settings is read whole before any of it is told, because a key id and its secret
//! stand in two items.

use std::collections::BTreeMap;

use model::{Attribute, CredentialType, Key, Observation, Scope, Secret};
use serde_json::Value;

use super::description::{See, SettingOf};
use super::sight;
use super::template::{Here, as_text};
use crate::Context;
use crate::files::{beside_servers, scrub, within_the_file};
use crate::formats::settings::{self, Setting};
use crate::formats::{Found, PrivateKey, blank};
use crate::published;

/// One item, with what it is told as before anybody looked at its value.
struct Item<'v> {
    told: Observation,
    name: String,
    value: &'v str,
    stated: bool,
}

/// Which items of a list `see` are credentials, and what of that is told. `Err` counts items that
/// have no id.
pub(super) fn told(
    cx: &Context<'_>,
    (see, of): (&See, &SettingOf),
    (above, items): (&[&Value], &[Value]),
    target: &[(&str, &str)],
    scope: &Scope,
) -> (Vec<Observation>, usize) {
    let mut groups: BTreeMap<String, Vec<Item<'_>>> = BTreeMap::new();
    let mut nameless = 0;
    for item in items {
        let whole: Vec<&Value> = above.iter().copied().chain([item]).collect();
        let here = Here {
            items: &whole,
            target,
        };
        let told = match sight::observed(see, &here, scope) {
            Ok(Some(told)) => told,
            Ok(None) => continue,
            Err(()) => {
                nameless += 1;
                continue;
            }
        };
        let value = of.at.one(&whole).and_then(Value::as_str);
        let beside = of.beside.as_ref().and_then(|beside| beside.one(&here));
        groups
            .entry(beside.unwrap_or_default())
            .or_default()
            .push(Item {
                told,
                name: of.name.one(&whole).and_then(as_text).unwrap_or_default(),
                value: value.unwrap_or_default(),
                stated: of
                    .secret_if
                    .as_ref()
                    .is_some_and(|only| sight::is_meant(Some(only), &whole)),
            });
    }
    let told = groups
        .into_values()
        .flat_map(|group| side_by_side(cx, group));
    (told.collect(), nameless)
}

/// The credentials among settings that stand side by side.
fn side_by_side(cx: &Context<'_>, items: Vec<Item<'_>>) -> Vec<Observation> {
    let asked: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(n, item)| Setting {
            name: &item.name,
            field: n.to_string(),
            value: item.value,
            stated: item.stated,
        })
        .collect();
    let seen = settings::read(&asked);
    let mut secrets: Vec<Secret> = seen
        .found
        .iter()
        .filter_map(|one| one.secret.clone())
        .collect();
    secrets.extend(seen.keys.iter().map(|key| key.body.clone()));
    let found = seen
        .found
        .into_iter()
        .map(|found| (place(&found.field), credential(cx, found)));
    let keys = seen
        .keys
        .into_iter()
        .map(|key| (place(&key.field), private_key(cx, key)));
    let mut of_item: BTreeMap<usize, Vec<Observation>> = BTreeMap::new();
    for (at, told) in found.chain(keys) {
        of_item.entry(at).or_default().push(told);
    }
    let mut all = Vec::new();
    for (n, item) in items.into_iter().enumerate() {
        match of_item.remove(&n) {
            Some(found) => {
                for (nth, one) in found.into_iter().enumerate() {
                    let told = item.told.clone().is(comparable(), true);
                    let mut told = merged(told, one);
                    if nth > 0 {
                        told.native = format!("{}#{nth}", told.native);
                    }
                    scrub(&mut told, &mut String::new(), &secrets);
                    all.push(told);
                }
            }
            // Its value is not shown, or says nothing: that it is secret is told all the same.
            None if item.stated => all.push(item.told.is(comparable(), false)),
            None => {}
        }
    }
    all
}

/// Whether a vault shows enough of what it keeps to find it elsewhere.
fn comparable() -> Attribute {
    Attribute::named("comparable")
}

/// Which item a field is of: the number it begins with.
fn place(field: &str) -> usize {
    let end = field
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(field.len());
    field[..end].parse().unwrap_or(usize::MAX)
}

fn credential(cx: &Context<'_>, found: Found) -> Observation {
    let mut told = found.told;
    if let Some(secret) = &found.secret {
        told = told.key(Key::secret(&cx.fingerprint(secret)));
        told = beside_servers(cx, told, secret);
        told = published::told(cx, told, secret);
    }
    told
}

fn private_key(cx: &Context<'_>, key: PrivateKey) -> Observation {
    let told = blank(CredentialType::PrivateKey)
        .told(Attribute::ENCRYPTED, key.encrypted)
        .is(Attribute::named("form"), key.form)
        .key(Key::secret(&cx.fingerprint(&key.body)));
    let public = key
        .public
        .iter()
        .flat_map(|public| public.keys().collect::<Vec<_>>());
    public.fold(told, Observation::key)
}

/// What the list says of an item, with what its value says of itself.
fn merged(mut item: Observation, value: Observation) -> Observation {
    // A key id is what it is called everywhere; the setting is where it stands.
    if let (true, Some(name)) = (
        value.facts.contains_key(&Attribute::NAME),
        item.facts.remove(&Attribute::NAME),
    ) {
        item.facts.insert(Attribute::FIELD, name);
    }
    item.facts.extend(value.facts);
    item.keys.extend(value.keys);
    item.links.extend(
        value
            .links
            .into_iter()
            .filter(|link| !within_the_file(link)),
    );
    item
}
