//! npm's registries: `//registry.npmjs.org/:_authToken=…`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, CredentialType, Secret};

use super::git_credentials::provider_of_host;
use super::text::{ini, is_reference, lines, secret, unquoted};
use super::{FileAt, Format, FormatSpec, Found, Seen};

pub(super) struct Npmrc;

impl Format for Npmrc {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "npmrc",
            reads: "tokens and passwords for package registries, as npm, pnpm and yarn 1 keep them",
            places: &["~/.npmrc", ".npmrc"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        matches!(name, ".npmrc" | "npmrc")
            || path.ends_with("/pnpm/rc")
            || path.ends_with("/pnpm/auth.ini")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        expect_values(text, seen);
        for section in ini(text) {
            for (name, value, number) in section.entries {
                let (place, what) = name.rsplit_once(':').unwrap_or(("", name));
                let value = unquoted(value);
                if is_reference(value) {
                    continue;
                }
                let (credential, value) = match what {
                    "_authToken" => (CredentialType::ApiToken, secret(value)),
                    "_auth" => (CredentialType::Password, login_password(value)),
                    "_password" => (CredentialType::Password, decoded(value)),
                    _ => continue,
                };
                let place = place.trim_matches('/');
                let place = if place.is_empty() {
                    "registry.npmjs.org"
                } else {
                    place
                };
                seen.found(
                    Found::secret(credential, format!("{what} for {place}"), value)
                        .is(
                            Attribute::PROVIDER,
                            provider_of_host(place).unwrap_or("npm"),
                        )
                        .is(Attribute::ENDPOINT, place.to_lowercase())
                        .line(number),
                );
            }
        }
    }
}

/// A gap at the first line that is no value: a word alone is one that is set.
fn expect_values(text: &str, seen: &mut Seen) {
    let odd = |line: &str| {
        let line = line.trim();
        !line.contains('=') && !line.starts_with(['#', ';', '[']) && line.contains([' ', '\t'])
    };
    if seen.gaps.is_empty()
        && let Some((number, _)) = lines(text).find(|(_, line)| odd(line))
    {
        seen.broken(format!(
            "line {number}: expected a name and a value, got something else"
        ));
    }
}

/// A password in base64; as it stands where it is none.
fn decoded(text: &str) -> Secret {
    STANDARD
        .decode(text)
        .map_or_else(|_| secret(text), Secret::new)
}

/// The password in base64 of `user:password`.
pub(super) fn login_password(text: &str) -> Secret {
    let login = decoded(text);
    match login.expose().iter().position(|byte| *byte == b':') {
        Some(at) => Secret::new(login.expose()[at + 1..].to_vec()),
        None => login,
    }
}
