//! Keys for Ruby package servers: `~/.gem/credentials` (RubyGems guides).

use model::{Attribute, CredentialType};

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, tree};

pub(super) struct GemCredentials;

impl Format for GemCredentials {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "gem_credentials",
            reads: "keys for Ruby package servers",
            places: &["~/.gem/credentials"],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        path.ends_with("/.gem/credentials")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::yaml(file, seen) else {
            return;
        };
        for (name, _) in tree::members(&value, &[]) {
            if let Some(key) = tree::text(&value, &[name]) {
                let place = name.trim_start_matches(':');
                seen.found(
                    Found::secret(CredentialType::ApiToken, place, secret(key))
                        .is(Attribute::PROVIDER, "rubygems")
                        .is(Attribute::ENDPOINT, place.trim_end_matches("_api_key")),
                );
            }
        }
    }
}
