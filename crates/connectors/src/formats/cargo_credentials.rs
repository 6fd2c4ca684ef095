//! Tokens for Rust registries: `~/.cargo/credentials.toml` (The Cargo Book, "Config Format").

use model::{Attribute, CredentialType};
use serde_json::Value;

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, tree};

pub(super) struct CargoCredentials;

impl Format for CargoCredentials {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "cargo_credentials",
            reads: "tokens for Rust package registries",
            places: &["~/.cargo/credentials.toml"],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        path.ends_with("/.cargo/credentials.toml") || path.ends_with("/.cargo/credentials")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::toml(file, seen) else {
            return;
        };
        let main = value.get("registry").map(|table| ("crates-io", table));
        for (name, table) in main
            .into_iter()
            .chain(tree::members(&value, &["registries"]))
        {
            read_table(name, table, seen);
        }
    }
}

fn read_table(name: &str, table: &Value, seen: &mut Seen) {
    for field in ["token", "secret-key"] {
        if let Some(token) = tree::text(table, &[field]) {
            seen.found(
                Found::secret(
                    CredentialType::ApiToken,
                    format!("{field} for {name}"),
                    secret(token),
                )
                .is(
                    Attribute::PROVIDER,
                    if name == "crates-io" {
                        "crates_io"
                    } else {
                        "cargo"
                    },
                )
                .is(Attribute::ENDPOINT, name),
            );
        }
    }
}
