//! From an answer to what it says of the credential.

use model::{Secret, Validity};
use serde_json::Value;

use super::{Check, Named, Sign};

/// No id or name of a principal is longer.
const NAME_LETTERS_MAX: usize = 200;

/// What a provider said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it let the credential in.
    pub validity: Validity,
    /// Why that is said, for people; never a part of the answer that could hold a secret.
    pub because: String,
    /// Whom the credential acts for, where it was let in and the answer says so.
    pub principal: Option<Principal>,
}

/// Whom a credential acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What it is: `github_user`.
    pub type_: String,
    /// Its id at its provider.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
}

pub(super) fn judge(
    check: &Check,
    status: u16,
    (told, body): (&Value, &[u8]),
    secret: &Secret,
    named: bool,
) -> Answer {
    let shows = |sign: &&Sign| holds(sign, status, told, body);
    if check.live.iter().any(|sign| shows(&sign)) {
        return Answer {
            validity: Validity::Live,
            because: format!("it was let in (HTTP status {status})"),
            principal: check
                .principal
                .as_ref()
                .and_then(|named| principal(named, told, secret)),
        };
    }
    let (validity, because) = match (check.dead.iter().find(shows), &check.elsewhere) {
        (Some(_), Some(elsewhere)) if !named => (
            Validity::Unknown,
            format!(
                "{} denied it, but it may be of {elsewhere}; name whose it is: `--live-host {}=HOST`",
                check.host.as_deref().unwrap_or("the host"),
                check.provider
            ),
        ),
        (Some(sign), _) => (Validity::Dead, denied(sign, status)),
        (None, _) => (Validity::Unknown, unclear(status)),
    };
    Answer {
        validity,
        because,
        principal: None,
    }
}

/// The provider's own words, but only those that the data knows.
fn denied(sign: &Sign, status: u16) -> String {
    let is = sign.is.as_ref().map(|is| match is {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    match (is, &sign.contains, &sign.field) {
        (Some(word), _, Some(field)) => format!("denied: HTTP status {status}, {field} is {word}"),
        (_, Some(word), _) => format!("denied: HTTP status {status}, {word}"),
        _ => format!("denied: HTTP status {status}"),
    }
}

fn unclear(status: u16) -> String {
    match status {
        429 => "asked too much (HTTP status 429)".to_owned(),
        300..=399 => format!("it wanted to send us elsewhere (HTTP status {status})"),
        401 | 403 => {
            format!("refused, but not with the words for a bad credential (HTTP status {status})")
        }
        500..=599 => format!("it is broken (HTTP status {status})"),
        _ => format!("an answer that says neither (HTTP status {status})"),
    }
}

fn holds(sign: &Sign, status: u16, told: &Value, body: &[u8]) -> bool {
    if !sign.status.contains(&status) {
        return false;
    }
    let Some(field) = &sign.field else {
        return sign
            .contains
            .as_ref()
            .is_none_or(|text| memchr::memmem::find(body, text.as_bytes()).is_some());
    };
    let Some(value) = at(told, field).filter(|value| !value.is_null()) else {
        return false;
    };
    let is = sign.is.as_ref().is_none_or(|is| equal(is, value));
    let contains = sign.contains.as_ref().is_none_or(|text| {
        value
            .as_str()
            .is_some_and(|value| value.contains(text.as_str()))
    });
    is && contains
}

/// The field at a dotted path; a number is a place in a list.
fn at<'v>(told: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(told, |value, part| match value {
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

fn equal(is: &toml::Value, value: &Value) -> bool {
    match is {
        toml::Value::String(text) => value.as_str() == Some(text),
        toml::Value::Boolean(flag) => value.as_bool() == Some(*flag),
        toml::Value::Integer(number) => value.as_i64() == Some(*number),
        _ => false,
    }
}

/// Whom the answer names. An answer that repeats the secret where it should name somebody
/// names nobody.
fn principal(named: &Named, told: &Value, secret: &Secret) -> Option<Principal> {
    let text = |field: &String| {
        let text = match at(told, field)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let text = model::clean(text.trim());
        let repeats = memchr::memmem::find(text.as_bytes(), secret.expose().trim_ascii()).is_some();
        (!text.is_empty() && !repeats && text.chars().count() <= NAME_LETTERS_MAX).then_some(text)
    };
    let id = text(&named.id)?;
    let id = match &named.within {
        Some(field) => format!("{}/{id}", text(field)?),
        None => id,
    };
    Some(Principal {
        type_: named.type_.clone(),
        id,
        name: named.name.as_ref().and_then(text),
    })
}
