//! The limits of the format that its schema's types do not hold by themselves.

use model::{Attribute, Fact, Key, KeyKind, Observation, Scope, Target, Told, Value};

const NATIVE_BYTES_MAX: usize = 1024;
const KEY_BYTES_MAX: usize = 512;
const KEYS_MAX: usize = 64;
const HINTS_MAX: usize = 64;
const FACTS_MAX: usize = 256;
const LINKS_MAX: usize = 4096;
const SCOPE_PARTS_MAX: usize = 64;
const CLASSES: [&str; 4] = ["human_operated", "workload", "agentic", "integration"];

/// Where, and what is wrong there.
pub(super) type Wrong = (String, String);

fn wrong(path: impl Into<String>, why: impl Into<String>) -> Wrong {
    (path.into(), why.into())
}

/// Whether a text is the id of a fingerprint key.
pub(super) fn is_key_id(text: &str) -> bool {
    text.len() == 16 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Holds `one` to the limits.
pub(super) fn observation(one: &Observation) -> Result<(), Wrong> {
    native(&one.native).map_err(|why| wrong("native", why))?;
    scope(&one.scope).map_err(|(path, why)| wrong(format!("scope{path}"), why))?;
    for (what, n, most) in [
        ("keys", one.keys.len(), KEYS_MAX),
        ("hints", one.hints.len(), HINTS_MAX),
        ("facts", one.facts.len(), FACTS_MAX),
        ("links", one.links.len(), LINKS_MAX),
    ] {
        if n > most {
            return Err(wrong(what, format!("expected at most {most}, got {n}")));
        }
    }
    for one in &one.keys {
        key(one).map_err(|why| wrong("keys", why))?;
    }
    for (attribute, told) in &one.facts {
        fact(attribute, told).map_err(|why| wrong(format!("facts.{attribute}"), why))?;
    }
    for link in &one.links {
        match &link.to {
            Target::Native { native: id, .. } => native(id),
            Target::Bearer { key: of, .. } => key(of),
        }
        .map_err(|why| wrong("links", why))?;
    }
    Ok(())
}

fn native(id: &str) -> Result<(), String> {
    match id.len() {
        1..=NATIVE_BYTES_MAX => Ok(()),
        n => Err(format!(
            "expected an id of 1 to {NATIVE_BYTES_MAX} bytes, got {n}"
        )),
    }
}

/// Holds a scope to the limits.
pub(super) fn scope(scope: &Scope) -> Result<(), Wrong> {
    if scope.0.len() > SCOPE_PARTS_MAX {
        return Err(wrong(
            "",
            format!(
                "expected at most {SCOPE_PARTS_MAX} parts, got {}",
                scope.0.len()
            ),
        ));
    }
    for (n, part) in scope.0.iter().enumerate() {
        native(part).map_err(|why| wrong(format!("[{n}]"), why))?;
    }
    Ok(())
}

fn key(key: &Key) -> Result<(), String> {
    let n = key.value.len();
    if n == 0 || n > KEY_BYTES_MAX {
        return Err(format!(
            "expected a key of 1 to {KEY_BYTES_MAX} bytes, got {n}"
        ));
    }
    let well = match key.kind {
        _ if key.is_fingerprint() => key
            .value
            .split_once('.')
            .is_some_and(|(id, mac)| is_key_id(id) && mac.len() == 64 && is_hex(mac)),
        KeyKind::CertificateSha256 | KeyKind::SpkiSha256 => n == 64 && is_hex(&key.value),
        KeyKind::SshKeySha256 => key.value.starts_with("SHA256:"),
        _ => true,
    };
    // The value is not repeated: a scanner's mistake may have put a secret there.
    if well {
        Ok(())
    } else {
        Err("expected the form that the kind of this key prescribes".to_owned())
    }
}

fn fact(attribute: &Attribute, fact: &Fact) -> Result<(), String> {
    let name = attribute.as_str();
    if *attribute != Attribute::named(name) || name.is_empty() {
        return Err("expected a name of 1 to 64 of `a-z`, `0-9` and `_`".to_owned());
    }
    let Told::Is(value) = &fact.told else {
        return Ok(());
    };
    let time = [
        Attribute::CREATED_AT,
        Attribute::ROTATED_AT,
        Attribute::LAST_USED_AT,
        Attribute::USES_COUNTED_SINCE,
        Attribute::USES_COUNTED_UNTIL,
        Attribute::EXPIRES_AT,
        Attribute::VALID_FROM,
    ];
    if time.contains(attribute) && value.time().is_none() {
        return Err("expected a time such as `2026-03-01T12:00:00Z`".to_owned());
    }
    if *attribute == Attribute::CLASS && !value.text().is_some_and(|text| CLASSES.contains(&text)) {
        return Err(format!("expected one of {}", CLASSES.join(", ")));
    }
    Ok(())
}

/// Marks what was fingerprinted under another key than `own`: it can match nothing here.
pub(super) fn mark_unmatchable(one: &mut Observation, own: &str, foreign_scanner: bool) {
    let keyed = |key: &&Key| key.is_fingerprint();
    let foreign =
        |key: &Key| foreign_scanner || key.value.split_once('.').map(|(id, _)| id) != Some(own);
    if one.keys.iter().filter(keyed).any(foreign) {
        one.facts.insert(
            Attribute::MATCHABLE,
            Fact::stated(Told::Is(Value::Flag(false))),
        );
    }
}
