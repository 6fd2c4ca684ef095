//! What an item tells, as observations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, Fact, Key, Link, Observation, Scope, Target, Timestamp, Told};
use serde_json::Value;

use super::description::{FactAt, FactIn, Form, KeyForm, Missing, Only, See, TIMES};
use super::template::{Here, Path, as_text};
use crate::public_key::{PublicKey, hex};

/// A longer text is cut: no name of anything is.
const LETTERS_MAX: usize = 1_024;
/// More rights than anything has.
const PAIRS_MAX: usize = 1_000;
/// Ids and keys are as long as this at most.
const NATIVE_MAX: usize = 1_024;
const KEY_MAX: usize = 512;

/// Whether an item is meant.
pub(super) fn is_meant(only: Option<&Only>, items: &[&Value]) -> bool {
    only.is_none_or(|only| match (only.at.one(items), &only.is) {
        (found, Some(is)) => found == Some(is),
        (found, None) => found.is_some_and(|found| !found.is_null() && found != ""),
    })
}

/// What `see` sees in the innermost item of `here`; `Err`: it has no id that can be used.
pub(super) fn observed(
    see: &See,
    here: &Here<'_>,
    scope: &Scope,
) -> Result<Option<Observation>, ()> {
    if !is_meant(see.only.as_ref(), here.items) {
        return Ok(None);
    }
    let native = see.native.one(here);
    let native = native
        .filter(|native| native.len() <= NATIVE_MAX)
        .ok_or(())?;
    let mut one = Observation::new(see.kind, native, scope);
    for (name, value) in &see.is {
        let fact = Fact::stated(Told::Is(value.clone()));
        one.facts.insert(Attribute::named(name), fact);
    }
    for (name, at) in &see.facts {
        let attribute = Attribute::named(name);
        let told = match at {
            FactAt::Plain(path) => told(&attribute, path, None, here),
            FactAt::Full(full) => in_full(&attribute, full, here),
        };
        if told != Told::CannotTell {
            one.facts.insert(attribute, Fact::stated(told));
        }
    }
    for link in &see.links {
        let natives = link.native.all(here).into_iter();
        one.links.extend(natives.map(|native| Link {
            relation: link.relation,
            to: Target::Native {
                kind: link.kind,
                native,
            },
        }));
    }
    for key in &see.keys {
        let values = key.value.all(here).into_iter();
        let values: Vec<Key> = match key.form {
            KeyForm::Plain => values.map(|value| Key::new(key.kind, value)).collect(),
            KeyForm::SshPublicKey => values
                .filter_map(|line| public_key(&line))
                .flat_map(|public| public.keys().collect::<Vec<_>>())
                .filter(|one| one.kind == key.kind)
                .collect(),
            KeyForm::Fingerprint => values
                .filter_map(|text| fingerprint(&text))
                .map(|value| Key::new(key.kind, value))
                .collect(),
        };
        let fit = values.into_iter().filter(|one| one.value.len() <= KEY_MAX);
        one.keys.extend(fit);
    }
    Ok(Some(one))
}

/// A public key as OpenSSH writes it in a line.
fn public_key(line: &str) -> Option<PublicKey> {
    let mut words = line.split_whitespace();
    words.next()?;
    PublicKey::from_ssh(&STANDARD.decode(words.next()?).ok()?)
}

/// The hash in `SHA256:` and base64, in hexadecimal as hard keys have it.
fn fingerprint(text: &str) -> Option<String> {
    let hash = STANDARD.decode(text.strip_prefix("SHA256:")?).ok()?;
    (hash.len() == 32).then(|| hex(&hash))
}

fn in_full(attribute: &Attribute, full: &FactIn, here: &Here<'_>) -> Told<model::Value> {
    match (&full.at, &full.text) {
        (Some(path), _) => told(attribute, path, Some(full), here),
        (None, Some(text)) => Told::or_cannot_tell(text.one(here).map(|text| cut(&text).into())),
        (None, None) => Told::CannotTell,
    }
}

fn told(
    attribute: &Attribute,
    path: &Path,
    full: Option<&FactIn>,
    here: &Here<'_>,
) -> Told<model::Value> {
    let values = path.all(here.items);
    if path.is_many() {
        let mut texts: Vec<String> = values.into_iter().filter_map(as_text).collect();
        texts.iter_mut().for_each(|text| *text = word(full, text));
        return list(texts);
    }
    let missing = full.map(|full| full.missing).unwrap_or_default();
    let is_none = |value: &Value| full.is_some_and(|full| full.none.contains(value));
    let none = || match full.and_then(|full| full.null.as_deref()) {
        Some(ours) => Told::Is(ours.into()),
        None => Told::Absent,
    };
    match values.first() {
        None if missing == Missing::Absent => none(),
        None => Told::CannotTell,
        Some(value) if value.is_null() || is_none(value) => none(),
        Some(value) => {
            let form = full.map(|full| full.form).unwrap_or_default();
            let value = match form {
                Form::Pairs => pairs(value).map(model::Value::from),
                Form::Plain if !TIMES.contains(attribute) => plain(value, full),
                form => time(value, form).map(model::Value::from),
            };
            match value {
                Some(model::Value::List(texts)) => list(texts),
                // What is no time is not told: it is none of ours to guess.
                value => Told::or_cannot_tell(value),
            }
        }
    }
}

/// An empty list says that there are none.
fn list(texts: Vec<String>) -> Told<model::Value> {
    Told::or_absent(
        Some(texts)
            .filter(|texts| !texts.is_empty())
            .map(Into::into),
    )
}

/// The fields of an object with their values, those of objects in it as well.
fn pairs(value: &Value) -> Option<Vec<String>> {
    let mut told = Vec::new();
    let mut left: Vec<(String, &Value)> = vec![(String::new(), value)];
    value.as_object()?;
    while let Some((name, value)) = left.pop() {
        if told.len() >= PAIRS_MAX {
            break;
        }
        match value {
            Value::Object(map) => left.extend(map.iter().map(|(field, value)| {
                let name = match name.as_str() {
                    "" => field.clone(),
                    name => format!("{name}.{field}"),
                };
                (name, value)
            })),
            value => told.extend(as_text(value).map(|text| cut(&format!("{name}:{text}")))),
        }
    }
    told.sort();
    Some(told)
}

fn plain(value: &Value, full: Option<&FactIn>) -> Option<model::Value> {
    Some(match value {
        Value::Bool(flag) if !has_words(full) => (*flag).into(),
        Value::Number(number) if number.is_i64() && !has_words(full) => number.as_i64()?.into(),
        Value::Array(list) => {
            let texts = list.iter().filter_map(as_text);
            texts
                .map(|text| word(full, &text))
                .collect::<Vec<_>>()
                .into()
        }
        other => word(full, &as_text(other)?).into(),
    })
}

fn has_words(full: Option<&FactIn>) -> bool {
    full.is_some_and(|full| !full.words.is_empty() || full.others.is_some())
}

/// The provider's word in ours.
fn word(full: Option<&FactIn>, text: &str) -> String {
    let ours = full.and_then(|full| full.words.get(text).or(full.others.as_ref()));
    ours.cloned().unwrap_or_else(|| cut(text))
}

fn cut(text: &str) -> String {
    model::shorten(text, LETTERS_MAX)
}

fn time(value: &Value, form: Form) -> Option<Timestamp> {
    let number = || value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let at = match form {
        Form::Plain | Form::Pairs => value.as_str()?.parse().ok(),
        Form::Seconds => number().map(Timestamp::from_seconds),
        Form::Milliseconds => number().map(|one| Timestamp(one.saturating_mul(1_000))),
    };
    // A number may lie beyond all years that can be written.
    at.filter(|at| at.to_string().parse::<Timestamp>().is_ok())
}
