//! Values that stand under a name in other formats: environments, headers, options, addresses.

use model::{Attribute, Secret};

use super::dotenv::group;
use super::dotenv::variables::Variable;
use super::{Found, Seen};
use crate::armour;

/// In longer files the lines of single values are not counted.
const COUNTED_BYTES_MAX: usize = 512 * 1024;
/// More values than this under one table are not looked at.
const PAIRS_MAX: usize = 5_000;

/// The credentials among `pairs` of name and value, with fields below `within`, made of `file`'s
/// text, each changed by `told`. References and placeholders are none.
pub(super) fn literals<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    within: &str,
    file: &[u8],
    seen: &mut Seen,
    told: impl Fn(Found) -> Found,
) {
    let mut variables: Vec<Variable<'_>> = pairs
        .into_iter()
        .take(PAIRS_MAX)
        .map(|(name, value)| Variable {
            name,
            value: Secret::from(bare(value)),
            line: 1,
            used: false,
        })
        .collect();
    let mut own = Seen::default();
    group::credentials(&mut variables, &mut own);
    for mut found in own.found {
        found.field = below(within, &found.field);
        found.told.facts.remove(&Attribute::LINE);
        let line = found.secret.as_ref().and_then(|one| line_of(file, one));
        let found = match line {
            Some(line) => found.line(line),
            None => found,
        };
        seen.found(told(found));
    }
    for mut key in own.keys {
        key.field = below(within, &key.field);
        seen.key(key);
    }
}

/// Whether a value of this name would be a secret.
pub(super) fn sounds_secret(name: &str) -> bool {
    group::sounds_secret(&name.to_ascii_uppercase().replace('-', "_")).is_some()
}

/// The names and values among a command's arguments: `--api-key x`, `--api-key=x`, `NAME=x`,
/// `Header: x`. What has no name is called by its place among them.
pub(super) fn arguments<'a>(arguments: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut out = Vec::new();
    let mut before = "";
    for argument in arguments.iter().copied() {
        let option = before.starts_with('-') && !argument.starts_with('-');
        let named = |(name, value): (&'a str, &'a str)| {
            let name = name.trim_start_matches('-');
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            (!name.is_empty() && name.chars().all(plain)).then_some((name, value.trim()))
        };
        // Windows writes options so.
        let slashed = |(name, value): (&'a str, &'a str)| {
            let name = name.strip_prefix('/')?;
            let plain = name.chars().all(|c| c.is_ascii_alphabetic());
            (!name.is_empty() && plain && !value.starts_with(['/', '\\'])).then_some((name, value))
        };
        let pair = argument
            .split_once('=')
            .and_then(named)
            .or_else(|| argument.split_once(':').and_then(slashed))
            .or_else(|| argument.split_once(": ").and_then(named));
        match pair {
            Some(pair) => out.push(pair),
            None if option => out.push((before.trim_start_matches('-'), argument)),
            None => out.push(("argument", argument)),
        }
        out.extend(parameters(argument));
        before = argument;
    }
    out
}

/// The names and values behind an address: `?api_key=x`.
pub(super) fn parameters(address: &str) -> Vec<(&str, &str)> {
    let query = address
        .contains("://")
        .then(|| address.split_once('?'))
        .flatten();
    let Some((_, query)) = query else {
        return Vec::new();
    };
    let query = query.split('#').next().unwrap_or_default();
    query
        .split('&')
        .take(64)
        .filter_map(|pair| pair.split_once('='))
        .collect()
}

/// A header says the kind of token before it.
fn bare(value: &str) -> &str {
    let value = value.trim();
    ["Bearer ", "bearer ", "Token ", "token ", "Basic "]
        .iter()
        .find_map(|kind| value.strip_prefix(kind))
        .map_or(value, str::trim)
}

fn below(within: &str, name: &str) -> String {
    if within.is_empty() {
        name.to_owned()
    } else {
        format!("{within}.{name}")
    }
}

/// The line on which `secret` first stands in `file`, from 1.
fn line_of(file: &[u8], secret: &Secret) -> Option<usize> {
    if file.len() > COUNTED_BYTES_MAX || secret.is_empty() {
        return None;
    }
    let at = armour::find(file, secret.expose())?;
    Some(1 + file[..at].iter().filter(|byte| **byte == b'\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_arguments_tell_names_and_values() {
        let told = arguments(&[
            "-y",
            "server",
            "--api-key",
            "a1",
            "--token=b2",
            "-e",
            "KEY=c3",
            "--header",
            "Authorization: Bearer d4",
            "https://x.test/mcp?api_key=e5&x=y",
            "/password:f6",
            "/token:/run/token",
        ]);
        for pair in [
            ("api-key", "a1"),
            ("token", "b2"),
            ("KEY", "c3"),
            ("Authorization", "Bearer d4"),
            ("api_key", "e5"),
            ("password", "f6"),
        ] {
            assert!(told.contains(&pair), "{pair:?}");
        }
        assert!(!told.iter().any(|(_, value)| *value == "/run/token"));
    }

    #[test]
    fn a_literal_tells_its_line_and_a_reference_is_none() {
        let file = b"env:\n  A: ${{ secrets.A }}\n  API_TOKEN: Bearer qw3rtz8uio9p\n";
        let mut seen = Seen::default();
        let pairs = [
            ("A_TOKEN", "${{ secrets.A }}"),
            ("API_TOKEN", "Bearer qw3rtz8uio9p"),
        ];
        literals(pairs, "env", file, &mut seen, |found| found);
        assert_eq!(seen.found.len(), 1);
        assert_eq!(seen.found[0].field, "env.API_TOKEN");
        let line = seen.found[0].told.fact(&Attribute::LINE);
        assert_eq!(line, model::Told::Is(&model::Value::Number(3)));
    }
}
