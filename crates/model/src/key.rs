//! Hard keys: what makes two sightings one thing (coverage.md section 6).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a hard key is made of. Sightings of one [`crate::Kind`] that share a key are one thing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// `AKIA…`, `ASIA…`.
    AwsAccessKeyId,
    /// `account/AIDA…` or `account/AROA…`: survives a rename, not a re-creation.
    AwsPrincipalId,
    /// `fingerprint key id.HMAC` of a canonical secret value.
    SecretHmac,
    /// `fingerprint key id.HMAC` of the hash that a provider publishes of a secret, with the
    /// provider: whoever has the hash alone and whoever has the secret come to the same.
    SecretDigest,
    /// `iss` and `jti` of a JWT.
    JwtId,
    /// SHA-256 of a certificate's DER, hex.
    CertificateSha256,
    /// SHA-256 of a SubjectPublicKeyInfo's DER, hex.
    SpkiSha256,
    /// OpenSSH's `SHA256:…` fingerprint of a public key.
    SshKeySha256,
    /// `cluster system identifier/role oid`.
    PostgresRole,
    /// `host:port/role`, the host in lower case: a login as a connection string names it.
    PostgresLogin,
    /// `fingerprint key id.HMAC` of a SCRAM StoredKey.
    PostgresVerifier,
    /// `provider://host:port/user`, the host in lower case: a login at another server than
    /// PostgreSQL, as an address names it; `kerberos://realm/name` likewise.
    DatabaseLogin,
    /// `fingerprint key id.HMAC` of such a login with what its server keeps of the password.
    DatabaseVerifier,
    /// Of an entry of a directory: `S-1-5-21-…` in a domain of Windows, otherwise its entryUUID.
    DirectoryId,
    /// `cluster uid/object uid`.
    KubernetesUid,
    /// Numeric `uniqueId` of a service account, or the id of one of its keys.
    GcpUniqueId,
    /// `tenant/app id` or a credential's `keyId`.
    EntraId,
    /// `issuer/client id/grant id`.
    OauthGrant,
    /// App, installation or token id.
    GithubId,
    /// A SPIFFE id.
    SpiffeId,
    /// `system:id`, for programs that push what has no kind of its own here.
    Uid,
}

impl KeyKind {
    /// Whether a thing has at most one key of this kind, so that two different ones are proof
    /// of two things (CV-32). A secret's HMAC is none: one access key may have been written
    /// down with two secrets, one of them wrong.
    pub const fn is_uid(self) -> bool {
        !matches!(
            self,
            Self::SecretHmac
                | Self::SecretDigest
                | Self::PostgresLogin
                | Self::SpkiSha256
                | Self::JwtId
                | Self::PostgresVerifier
                | Self::DatabaseLogin
                | Self::DatabaseVerifier
        )
    }
}

/// A hard key.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Key {
    /// What it is made of.
    pub kind: KeyKind,
    /// Its value in the form its kind prescribes; never a secret. At most 512 bytes.
    pub value: String,
}

impl Key {
    /// A key of `kind`.
    pub fn new(kind: KeyKind, value: impl Into<String>) -> Self {
        Self {
            kind,
            value: value.into(),
        }
    }

    /// Whether the value is a fingerprint, which only equal fingerprint keys make comparable.
    pub const fn is_fingerprint(&self) -> bool {
        matches!(
            self.kind,
            KeyKind::SecretHmac
                | KeyKind::SecretDigest
                | KeyKind::PostgresVerifier
                | KeyKind::DatabaseVerifier
        )
    }

    /// The key that equal secrets share.
    pub fn secret(fingerprint: &Fingerprint) -> Self {
        Self::new(KeyKind::SecretHmac, fingerprint.to_string())
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = serde_json::to_value(self).ok();
        f.write_str(
            word.as_ref()
                .and_then(|word| word.as_str())
                .unwrap_or_default(),
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, crate::clean(&self.value))
    }
}

/// HMAC-SHA-256 of a canonical secret under one tenant's fingerprint key (CV-35).
///
/// Fingerprints under different keys cannot be compared: they carry the key's id, and never match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Id of the fingerprint key: 16 hex digits; tells nothing of the key.
    pub key: String,
    /// The HMAC: 64 hex digits.
    pub mac: String,
}

impl Fingerprint {
    /// The first 16 digits of the HMAC: enough to tell apart what one slot held over time.
    pub fn short(&self) -> &str {
        self.mac.get(..16).unwrap_or(&self.mac)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key, self.mac)
    }
}
