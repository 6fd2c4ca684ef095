//! How each type of credential is revoked, when that bites, and what survives (design, promise 4).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, Told};

/// What kind of actor an identity is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A machine identity that a person drives by hand: a developer's key, a break-glass account.
    HumanOperated,
    /// A program: a service account, a server, a job.
    Workload,
    /// An AI agent, or what acts for one.
    Agentic,
    /// A connection between products: a third-party app, a webhook, CI.
    Integration,
}

impl Class {
    /// The word in the store and in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HumanOperated => "human_operated",
            Self::Workload => "workload",
            Self::Agentic => "agentic",
            Self::Integration => "integration",
        }
    }
}

impl From<Class> for crate::Value {
    fn from(class: Class) -> Self {
        class.as_str().into()
    }
}

/// A type of credential.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CredentialType {
    /// A long-term AWS access key.
    AwsAccessKey,
    /// Temporary AWS credentials minted by STS.
    AwsSession,
    /// A password of an AWS user for the console.
    AwsConsolePassword,
    /// The password of a PostgreSQL login role.
    PostgresPassword,
    /// The password of an account of MariaDB or MySQL.
    MysqlPassword,
    /// A password of a user of Redis or Valkey.
    RedisPassword,
    /// An X.509 certificate that authenticates its bearer together with a key.
    X509Certificate,
    /// A private key in PEM, DER or OpenSSH's form.
    PrivateKey,
    /// A public key that a host accepts for log-in.
    SshAuthorizedKey,
    /// A certificate of OpenSSH, for a user or a host.
    SshCertificate,
    /// A bearer token of a cluster's service account or user.
    KubernetesToken,
    /// A JSON web token.
    Jwt,
    /// A token or key for a programming interface.
    ApiToken,
    /// Any other password.
    Password,
}

impl CredentialType {
    /// Every type, in the order of the manual.
    pub const ALL: [Self; 14] = [
        Self::AwsAccessKey,
        Self::AwsSession,
        Self::AwsConsolePassword,
        Self::PostgresPassword,
        Self::MysqlPassword,
        Self::RedisPassword,
        Self::X509Certificate,
        Self::PrivateKey,
        Self::SshAuthorizedKey,
        Self::SshCertificate,
        Self::KubernetesToken,
        Self::Jwt,
        Self::ApiToken,
        Self::Password,
    ];

    /// The word in facts, the store and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwsAccessKey => "aws_access_key",
            Self::AwsSession => "aws_session",
            Self::AwsConsolePassword => "aws_console_password",
            Self::PostgresPassword => "postgres_password",
            Self::MysqlPassword => "mysql_password",
            Self::RedisPassword => "redis_password",
            Self::X509Certificate => "x509_certificate",
            Self::PrivateKey => "private_key",
            Self::SshAuthorizedKey => "ssh_authorized_key",
            Self::SshCertificate => "ssh_certificate",
            Self::KubernetesToken => "kubernetes_token",
            Self::Jwt => "jwt",
            Self::ApiToken => "api_token",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for CredentialType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CredentialType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or(())
    }
}

impl From<CredentialType> for crate::Value {
    fn from(one: CredentialType) -> Self {
        one.as_str().into()
    }
}

/// How one type of credential is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revocability {
    /// The call or act that really revokes it.
    pub how: &'static str,
    /// How long until that bites; silence where nobody has published a bound.
    pub bites_within: Told<Duration>,
    /// What goes on working afterwards, unless it is cut as well.
    pub survives: &'static [&'static str],
    /// Whether this build can plan, carry out and prove it.
    pub by_us: bool,
}

/// What [`revocability`] is made of.
type Parts = (&'static str, Told<Duration>, &'static [&'static str], bool);

const MYSQL_PASSWORD: Parts = (
    "ACCOUNT LOCK, then KILL its sessions, then DROP USER",
    Told::Is(Duration::seconds(5)),
    &["live sessions, unless they are ended"],
    false,
);

const REDIS_PASSWORD: Parts = (
    "ACL SETUSER off nocommands, then ACL DELUSER, then ACL SAVE",
    Told::Is(Duration::seconds(5)),
    &["live sessions, unless they may run nothing any more"],
    false,
);

/// How credentials of type `of` are revoked (revocation.md section 5).
pub const fn revocability(of: CredentialType) -> Revocability {
    let (how, bites_within, survives, by_us): Parts = match of {
        CredentialType::AwsAccessKey => (
            "UpdateAccessKey to Inactive, then DeleteAccessKey",
            Told::Is(Duration::seconds(60)),
            &["sessions that STS minted from it, up to 36 h"],
            true,
        ),
        CredentialType::AwsSession => (
            "an inline deny for tokens issued before now",
            Told::Is(Duration::minutes(10)),
            &["resource policies that trust the session itself"],
            true,
        ),
        CredentialType::AwsConsolePassword => (
            "DeleteLoginProfile",
            Told::CannotTell,
            &["console sessions until they end, up to 12 h"],
            false,
        ),
        CredentialType::PostgresPassword => (
            "NOLOGIN and no password, then end its sessions, then drop the role",
            Told::Is(Duration::seconds(5)),
            &["live sessions, unless they are ended"],
            true,
        ),
        CredentialType::MysqlPassword => MYSQL_PASSWORD,
        CredentialType::RedisPassword => REDIS_PASSWORD,
        CredentialType::X509Certificate => (
            "revoke at its issuer; each relying party must see the CRL or OCSP answer",
            Told::CannotTell,
            &["relying parties that do not check", "resumed TLS sessions"],
            false,
        ),
        CredentialType::SshCertificate => (
            "a key revocation list on every host, or removing its authority there",
            Told::CannotTell,
            &["open sessions", "hosts without the list, until it expires"],
            false,
        ),
        CredentialType::PrivateKey | CredentialType::SshAuthorizedKey => (
            "remove the public key wherever it is accepted",
            Told::CannotTell,
            &["open sessions", "certificates issued for it"],
            false,
        ),
        CredentialType::KubernetesToken => (
            "delete the object the token is bound to, or the service account",
            Told::Is(Duration::seconds(90)),
            &["relying parties that validate offline, until it expires"],
            false,
        ),
        CredentialType::Jwt => (
            "its issuer's revocation, if there is one",
            Told::CannotTell,
            &["resource servers that validate offline, until it expires"],
            false,
        ),
        CredentialType::ApiToken | CredentialType::Password => (
            "the provider's own revocation",
            Told::CannotTell,
            &["sessions opened with it"],
            false,
        ),
    };
    Revocability {
        how,
        bites_within,
        survives,
        by_us,
    }
}
