//! What a setting's name says of its value.

use model::CredentialType;

/// Words under which secrets stand. A name is compared in lower case with `_` between its words.
const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "_pwd",
    "_pass",
    "_pw",
    "_psw",
    "_pword",
];
const TOKENS: &[&str] = &[
    "token",
    "secret",
    "api_key",
    "apikey",
    "app_key",
    "application_key",
    "account_key",
    "batch_key",
    "storage_key",
    "private_key",
    "primary_key",
    "secondary_key",
    "primary_access_key",
    "secondary_access_key",
    "shared_key",
    "shared_access_key",
    "secret_key",
    "encryption_key",
    "signing_key",
    "license_key",
    "auth_key",
    "master_key",
    "access_key",
    "credential",
    "credentials",
    "connection_string",
    "secret_string",
    "secret_binary",
    "client_secret",
    "sas_url",
    "webhook_url",
    "authorization",
];
/// Endings that speak of a secret and hold none.
const NOT: &[&str] = &[
    "_id",
    "_ids",
    "_name",
    "_names",
    "_arn",
    "_file",
    "_path",
    "_dir",
    "_ttl",
    "_type",
    "_url",
    "_uri",
    "_ref",
    "_policy",
    "_version",
    "_length",
    "_count",
    "_size",
    "_enabled",
    "_header",
    "_prefix",
    "_format",
    "_lifetime",
    "_expiration",
    "_expiry",
    "_namespace",
    "_provider",
    "_algorithm",
    "_usage",
    "_status",
    "_days",
    "_rotation",
    "_fingerprint",
    "_wo_version",
    "_mode",
    "_class",
    "_key_key",
    "_store",
    "_backend",
    "_endpoint",
    "_data_source",
    "_accessor",
    "_reset",
    "_required",
    "_management",
    "_hash",
    "_scopes",
    "_audience",
    "_issuer",
    "_secret_manager",
];
/// Names of what lies beside a secret and is none.
const PLAIN: &[&str] = &[
    "user",
    "username",
    "login",
    "email",
    "name",
    "host",
    "hostname",
    "server",
    "port",
    "database",
    "dbname",
    "db",
    "db_name",
    "engine",
    "region",
    "zone",
    "namespace",
    "endpoint",
    "url",
    "uri",
    "bucket",
    "account",
    "project",
    "project_id",
    "tenant",
    "type",
    "version",
    "enabled",
    "path",
    "format",
    "algorithm",
    "ca",
    "ca_crt",
    "ca_pem",
    "ca_cert",
    "tls_crt",
    "service_ca_crt",
    "public_key",
    "ssh_publickey",
    "known_hosts",
    "schema",
    "description",
    "id",
    "arn",
];

/// A name in lower case, its words joined by `_`: `dbPassword`, `db-password` and
/// `DB.PASSWORD` are one.
pub(in crate::formats) fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut small = false;
    for letter in name.chars().take(200) {
        if letter.is_ascii_uppercase() && small {
            out.push('_');
        }
        small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        out.push(match letter {
            '-' | '.' | ' ' | '/' => '_',
            other => other.to_ascii_lowercase(),
        });
    }
    out
}

/// What type of secret a folded name speaks of.
pub(super) fn sounds(name: &str) -> Option<CredentialType> {
    if NOT.iter().any(|end| name.ends_with(end)) && !name.ends_with("webhook_url") {
        return None;
    }
    if matches!(name, "pass" | "pwd" | "pw" | "psw" | "pword")
        || PASSWORDS.iter().any(|word| name.ends_with(word))
    {
        return Some(CredentialType::Password);
    }
    TOKENS
        .iter()
        .any(|word| ends_in_word(name, word))
        .then_some(CredentialType::ApiToken)
}

/// Whether `name` ends in `word`, whole.
fn ends_in_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
}

/// Whether a folded name speaks of something that is no secret even among secrets.
pub(super) fn is_plain(name: &str) -> bool {
    PLAIN.contains(&name)
        || NOT.iter().any(|end| name.ends_with(end))
        || [
            "_user",
            "_username",
            "_host",
            "_port",
            "_region",
            "_email",
            "_database",
        ]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Which database system a group of settings is for, and its usual port.
pub(super) fn system(prefix: &str, kind: &str, port: Option<&str>) -> Option<(&'static str, u16)> {
    let kind = kind.to_ascii_lowercase();
    let says = |word: &str| prefix.contains(word) || kind.contains(word);
    if prefix == "pg"
        || prefix.starts_with("pg_")
        || prefix.ends_with("_pg_")
        || says("postgres")
        || says("pgsql")
        || port == Some("5432")
    {
        Some(("postgres", 5432))
    } else if says("mysql") || says("mariadb") || port == Some("3306") {
        Some(("mysql", 3306))
    } else if says("redis") || port == Some("6379") {
        Some(("redis", 6379))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_words() {
        for name in ["dbPassword", "DB_PASSWORD", "db-password", "db.password"] {
            assert_eq!(folded(name), "db_password");
        }
        for name in [
            "api_token",
            "client_secret",
            "DATADOG_API_KEY",
            "masterPassword",
            "pass",
            "db_pw",
        ] {
            assert!(sounds(&folded(name)).is_some(), "{name}");
        }
        for name in [
            "kms_key_id",
            "token_ttl",
            "secretName",
            "partition_key",
            "compass",
            "passwordFile",
            "monkey",
        ] {
            assert!(sounds(&folded(name)).is_none(), "{name}");
        }
    }
}
