//! What databases keep of a password without a salt of its own.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use model::Secret;

/// What MariaDB and MySQL keep under `mysql_native_password`: SHA-1 of SHA-1 of the password, in
/// lower-case hex (MariaDB's manual, "Authentication Plugin - mysql_native_password").
pub fn mysql_native_hash(password: &Secret) -> String {
    let once = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose());
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, once.as_ref()).as_ref())
}

/// What Redis and Valkey keep of a password: SHA-256, in lower-case hex (Redis's manual, "ACL").
pub fn redis_hash(password: &Secret) -> String {
    hex(digest(&SHA256, password.expose()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_hashes_as_servers_document_it() {
        let password = Secret::new(b"password".to_vec());
        assert_eq!(
            mysql_native_hash(&password),
            "2470c0c06dee42fd1618bb99005adca2ec9d1e19"
        );
        assert_eq!(
            redis_hash(&password),
            "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
        );
    }
}
