//! Key stores that open with a pass phrase only: PKCS #12 (RFC 7292) and Java's.

use super::{FileAt, Format, FormatSpec, Seen};

pub(super) struct KeyStore;

impl Format for KeyStore {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "key_store",
            reads: "nothing yet of key stores that open with a pass phrase; each is a gap",
            places: &["*.p12", "*.pfx", "*.jks", "*.keystore"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        [".p12", ".pfx", ".jks", ".keystore"]
            .iter()
            .any(|end| name.ends_with(end))
    }

    fn read(&self, _file: &FileAt<'_>, seen: &mut Seen) {
        seen.unsupported("a key store; what it holds is told only with its pass phrase");
    }
}
