//! Uploads to Python package indexes: `.pypirc` (Python Packaging User Guide).

use model::{Attribute, CredentialType};

use super::text::{expect_ini, ini_by, is_reference, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen};
use crate::token;

/// What parts a name from its value for Python's `configparser`.
const SIGNS: &[char] = &['=', ':'];

pub(super) struct Pypirc;

impl Format for Pypirc {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "pypirc",
            reads: "tokens and passwords for Python package indexes",
            places: &["~/.pypirc"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name == ".pypirc"
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        expect_ini(text, SIGNS, seen);
        for section in ini_by(text, SIGNS) {
            let Some((password, line)) = section
                .get("password")
                .filter(|(value, _)| !is_reference(value))
            else {
                continue;
            };
            let text = |name: &str| section.get(name).map(|(value, _)| value);
            let of_token =
                text("username") == Some("__token__") || token::provider_of(password).is_some();
            let credential = if of_token {
                CredentialType::ApiToken
            } else {
                CredentialType::Password
            };
            seen.found(
                Found::secret(credential, section.name, secret(password))
                    .is(Attribute::PROVIDER, "pypi")
                    .maybe(Attribute::USER, text("username"))
                    .maybe(Attribute::ENDPOINT, text("repository"))
                    .line(line),
            );
        }
    }
}
