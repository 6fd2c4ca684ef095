//! Public keys that an account accepts for log-in (sshd manual, "AUTHORIZED_KEYS FILE FORMAT").

use model::{Attribute, Confidence, CredentialType, Timestamp, Told};

use super::text::lines;
use super::{FileAt, Format, FormatSpec, Found, Seen, ssh_public_key};

pub(super) struct AuthorizedKeys;

impl Format for AuthorizedKeys {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "authorized_keys",
            reads: "public keys that an account accepts for log-in",
            places: &["~/.ssh/authorized_keys"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        matches!(name, "authorized_keys" | "authorized_keys2")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        for (number, line) in lines(file.text(seen)) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match entry(line) {
                Some(found) => {
                    let found = match account_of(file.path) {
                        Some(account) => found.with(|told| {
                            told.concluded(Attribute::USER, account, Confidence::Guessed)
                        }),
                        None => found,
                    };
                    seen.found(found.line(number));
                }
                None => seen.broken(format!(
                    "line {number}: expected a public key, got something else"
                )),
            }
        }
    }
}

fn entry(line: &str) -> Option<Found> {
    let (options, line) = split_options(line);
    let mut words = line.split_whitespace();
    let key = ssh_public_key::decoded(words.next()?, words.next()?)?;
    let print = key.ssh_key()?;
    let comment = words.collect::<Vec<_>>().join(" ");
    let mark = print
        .value
        .trim_start_matches("SHA256:")
        .get(..22)?
        .to_owned();
    let options = options_of(options);
    let authority = options.iter().any(|(name, _)| name == "cert-authority");
    let expires = options
        .iter()
        .find(|(name, _)| name == "expiry-time")
        .map(|(_, value)| time(value));
    let rights: Vec<String> = options
        .iter()
        .filter_map(|(name, value)| right(name, value))
        .collect();
    let mut found = Found::public(CredentialType::SshAuthorizedKey, "authorized_key", &mark)
        .key(print.clone())
        .is(Attribute::PROVIDER, "ssh")
        .is(Attribute::ALGORITHM, key.algorithm.as_str())
        .is(
            Attribute::NAME,
            if comment.is_empty() {
                print.value.as_str()
            } else {
                comment.as_str()
            },
        )
        .is(Attribute::COMMENT, model::shorten(&comment, 200))
        .with(|told| match expires {
            None => told.told::<Timestamp>(Attribute::EXPIRES_AT, Told::Absent),
            Some(at) => told.told(Attribute::EXPIRES_AT, Told::or_cannot_tell(at)),
        });
    if !rights.is_empty() {
        found = found.is(Attribute::RIGHTS, rights);
    }
    if authority {
        found = found.is(Attribute::PRIVILEGE, "certificate authority");
    }
    if let Some(key) = key.spki_key() {
        found = found.key(key);
    }
    Some(found)
}

/// Options before the key: up to the first space outside of quotes, unless a key stands first.
fn split_options(line: &str) -> (&str, &str) {
    let starts_with_key = ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|kind| line.starts_with(kind));
    if starts_with_key {
        return ("", line);
    }
    let mut quoted = false;
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return line.split_at(at),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    ("", line)
}

/// Name in lower case, value without quotes.
fn options_of(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    for (at, letter) in text.char_indices().chain([(text.len(), ',')]) {
        match letter {
            '"' if !escaped => quoted = !quoted,
            ',' if !quoted || at == text.len() => {
                let one = &text[start..at];
                let (name, value) = one.split_once('=').unwrap_or((one, ""));
                out.push((
                    name.to_ascii_lowercase(),
                    value.trim_matches('"').to_owned(),
                ));
                start = at + 1;
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
        if out.len() == 64 {
            break;
        }
    }
    out.retain(|(name, _)| !name.is_empty());
    out
}

/// An option as it may be shown. A command or a variable may carry a secret in its arguments,
/// so only the program and the variable's name are.
fn right(name: &str, value: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.len() > 40 || !name.chars().all(plain) {
        return None;
    }
    Some(match name {
        "command" => {
            let program = value.split_whitespace().next().unwrap_or_default();
            format!("command={}", model::shorten(program, 120))
        }
        "environment" => format!(
            "environment={}",
            value.split('=').next().unwrap_or_default()
        ),
        "from" | "permitopen" | "permitlisten" | "principals" | "tunnel" | "expiry-time" => {
            format!("{name}={}", model::shorten(value, 120))
        }
        _ => name.to_owned(),
    })
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, perhaps with `Z`. Without it the time is that
/// of the server, whose zone the file does not tell; UTC is within a day of it.
fn time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return None;
    }
    let part = |from: usize, to: usize| {
        digits
            .get(from..to)
            .filter(|part| !part.is_empty())
            .unwrap_or("00")
    };
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    )
    .parse()
    .ok()
}

/// The account whose home such a file lies in, by the directory's name.
fn account_of(path: &str) -> Option<&str> {
    let (home, _) = path.rsplit_once("/.ssh/")?;
    home.rsplit('/').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE4K9lDX4aO+S3VvZ7CzsHkQHxXsQKO5TBp7m5rwYJ1u";

    #[test]
    fn options_are_told_without_what_may_be_secret_in_them() {
        let line = format!(
            r#"from="10.0.0.0/8,192.0.2.1",command="/usr/bin/push --token t0psecret \"x\"",environment="A=t0psecret",no-pty,expiry-time="20301231" {KEY} deploy of ann"#
        );
        let json = serde_json::to_string(&entry(&line).unwrap().told).unwrap();
        for expected in [
            "from=10.0.0.0/8,192.0.2.1",
            "command=/usr/bin/push",
            "environment=A",
            "no-pty",
            "2030-12-31T00:00:00Z",
            "deploy of ann",
        ] {
            assert!(json.contains(expected), "{expected} in {json}");
        }
        assert!(!json.contains("t0psecret"), "{json}");
    }

    #[test]
    fn a_key_without_options_never_ends_by_itself() {
        let found = entry(KEY).unwrap();
        assert_eq!(found.told.facts[&Attribute::EXPIRES_AT].told, Told::Absent);
        assert!(entry("no key here").is_none());
    }
}
