//! Native ids, parts and facts of what was seen in a file.

use std::collections::BTreeMap;

use model::{Attribute, Kind, Observation, Scope, Secret, Target, Value};

/// The longest native id the model takes.
const NATIVE_BYTES_MAX: usize = 1024;
/// A field's name is cut here.
const FIELD_LETTERS_MAX: usize = 120;

/// `path#field@mark`: names one credential for ever, because `mark` changes with what lies
/// there. `None` where the path is longer than a native id may be.
pub(super) fn native(path: &str, field: &str, mark: &str) -> Option<String> {
    let field: String = model::shorten(field, FIELD_LETTERS_MAX)
        .chars()
        .map(|c| {
            if matches!(c, '#' | '@') || c.is_control() {
                '_'
            } else {
                c
            }
        })
        .collect();
    let native = format!("{path}#{field}@{mark}");
    (native.len() <= NATIVE_BYTES_MAX).then_some(native)
}

/// The native id of a thing of `kind` that is no credential: `path#field@kind`.
pub(super) fn thing_native(path: &str, kind: Kind, field: &str) -> Option<String> {
    native(path, field, kind.as_str())
}

/// Whether the mark in a native id is that of a secret: the beginning of its fingerprint. Things
/// and credentials whose secret lies elsewhere have words there.
pub(super) fn is_print(mark: &str) -> bool {
    mark.len() == 16 && mark.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `told` with what it says of other things of the same file (`#field`) made native ids. A link
/// to what cannot be named is dropped.
pub(super) fn rooted(mut told: Observation, path: &str) -> Observation {
    told.links = std::mem::take(&mut told.links)
        .into_iter()
        .filter_map(|mut link| {
            if let Target::Native { kind, native } = &mut link.to
                && let Some(field) = native.strip_prefix('#')
            {
                *native = thing_native(path, *kind, field)?;
            }
            Some(link)
        })
        .collect();
    told
}

/// The path, field and mark in a native id.
pub(crate) fn split_native(native: &str) -> Option<(&str, &str, &str)> {
    let (rest, mark) = native.rsplit_once('@')?;
    let (path, field) = rest.rsplit_once('#')?;
    (path.starts_with('/') && !mark.is_empty()).then_some((path, field, mark))
}

/// The part of the source that `path` is. What lies in an archive (`app.tar!/etc`) or in a layer
/// of an image (`app.tar@sha256:0a1b!/etc`) is a part of that file: where the file cannot be read,
/// nothing in it is called missing.
pub(crate) fn scope(path: &str) -> Scope {
    let mut parts = vec!["/".to_owned()];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let Some(archive) = part.strip_suffix('!').filter(|name| !name.is_empty()) else {
            parts.push(part.to_owned());
            continue;
        };
        match archive.find(LAYER) {
            Some(at) if at > 0 => {
                parts.push(archive[..at].to_owned());
                parts.push(archive[at..].to_owned());
            }
            _ => parts.push(archive.to_owned()),
        }
        parts.push("!".to_owned());
    }
    Scope(parts)
}

/// How the layer of an image is named behind the image.
pub(super) const LAYER: &str = "@sha256:";

/// `told` with its native id, part, place and name.
pub(super) fn placed(
    told: Observation,
    native: String,
    path: &str,
    mode: u32,
    field: &str,
) -> Observation {
    let mut told = Observation {
        native,
        scope: scope(path),
        ..told
    }
    .is(Attribute::PLACE, path)
    .is(Attribute::FILE_MODE, format!("{:04o}", mode & 0o7777));
    if !field.is_empty() {
        told = told.is(Attribute::FIELD, model::shorten(field, FIELD_LETTERS_MAX));
    }
    if !told.facts.contains_key(&Attribute::NAME) {
        let file = crate::formats::name_of(path);
        // The variable that holds it says more than the rule that found it.
        let variable = told.fact(&Attribute::named("variable"));
        let field = variable.is().and_then(|one| one.text()).unwrap_or(field);
        let name = if field.is_empty() {
            file.to_owned()
        } else {
            format!("{field} in {file}")
        };
        told = told.is(Attribute::NAME, model::shorten(&name, 200));
    }
    told
}

/// Takes out what repeats one of `secrets`: a comment, a field's or an issuer's name; and what
/// else was read in the file, where the secret could not stand there as a plain word (a user
/// `postgres` with the password `postgres` gives nothing away).
pub(crate) fn scrub(told: &mut Observation, field: &mut String, secrets: &[Secret]) {
    scrub_of(told, field, &Given::of(secrets));
}

/// The same, of secrets that are looked for in many observations.
pub(super) fn scrub_of(told: &mut Observation, field: &mut String, secrets: &Given<'_>) {
    const FREE: &[Attribute] = &[
        Attribute::COMMENT,
        Attribute::NAME,
        Attribute::ISSUER,
        Attribute::SUBJECT,
        Attribute::RIGHTS,
    ];
    // Words of ours, whatever the file says.
    const OURS: &[Attribute] = &[Attribute::TYPE, Attribute::PROVIDER];
    let repeats = |text: &str| secrets.any_in(text, |_| true);
    let gives_away = |text: &str| secrets.any_in(text, |secret| !is_word(secret));
    told.facts.retain(|attribute, fact| {
        let spoils = |text: &str| match attribute {
            one if OURS.contains(one) => false,
            one if FREE.contains(one) => repeats(text),
            _ => gives_away(text),
        };
        !fact.told.is().is_some_and(|value| match value {
            Value::Text(text) => spoils(text),
            Value::List(list) => list.iter().any(|text| spoils(text)),
            Value::Table(table) => table
                .iter()
                .any(|(name, text)| spoils(name) || spoils(text)),
            Value::Flag(_) | Value::Number(_) => false,
        })
    });
    told.hints.retain(|_, value| !repeats(value));
    told.keys.retain(|key| !gives_away(&key.value));
    told.links.retain(|link| match &link.to {
        Target::Bearer { key, .. } => !gives_away(&key.value),
        Target::Native { native, .. } => !gives_away(native),
    });
    if repeats(field) {
        "(not shown)".clone_into(field);
    }
}

/// Shorter ones are words of which nobody could tell that they are secret.
const SECRET_BYTES_MIN: usize = 6;

/// Secrets by how they begin: a file may hold thousands of them, and of facts to look through.
pub(super) struct Given<'a>(BTreeMap<&'a [u8], Vec<&'a [u8]>>);

impl<'a> Given<'a> {
    pub(super) fn of(secrets: &'a [Secret]) -> Self {
        let mut by_begin: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for secret in secrets {
            let secret = secret.expose().trim_ascii();
            if let Some(begin) = secret.get(..SECRET_BYTES_MIN) {
                by_begin.entry(begin).or_default().push(secret);
            }
        }
        Self(by_begin)
    }

    /// Whether `text` holds one of them that `counts`.
    fn any_in(&self, text: &str, counts: impl Fn(&[u8]) -> bool) -> bool {
        let text = text.as_bytes();
        let mut windows = text.windows(SECRET_BYTES_MIN).enumerate();
        !self.0.is_empty()
            && windows.any(|(at, begin)| {
                let like = self.0.get(begin).into_iter().flatten();
                let mut held = like.filter(|secret| text[at..].starts_with(secret));
                held.any(|secret| counts(secret))
            })
    }
}

/// Small letters alone, such as the name of a user or a database.
fn is_word(secret: &[u8]) -> bool {
    let letters = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.');
    secret.iter().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_native_id_comes_apart_as_it_was_made() {
        let native = native("/a#b@c/.env", "X#Y@Z", "0123").unwrap();
        assert_eq!(
            split_native(&native),
            Some(("/a#b@c/.env", "X_Y_Z", "0123"))
        );
        assert!(super::native(&"/x".repeat(600), "X", "0").is_none());
        assert_eq!(split_native("nonsense"), None);
    }

    #[test]
    fn a_part_reads_as_its_path() {
        assert_eq!(scope("/home/ann/.env").to_string(), "/home/ann/.env");
        assert!(scope("/home").contains(&scope("/home/ann")));
        assert!(!scope("/home").contains(&scope("/homestead")));
    }

    #[test]
    fn what_lies_in_an_archive_or_a_layer_is_a_part_of_that_file() {
        for path in [
            "/srv/app.tar!/etc/app/.env",
            "/srv/app.tar@sha256:0a1b!/etc/app/.env",
            "/srv/app.tar!/lib/x.jar!/a.properties",
        ] {
            assert!(scope("/srv/app.tar").contains(&scope(path)), "{path}");
            assert_eq!(scope(path).to_string(), path);
        }
        assert!(!scope("/srv/app").contains(&scope("/srv/app.tar!/etc")));
    }
}
