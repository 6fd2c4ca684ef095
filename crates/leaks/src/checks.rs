//! What a credential's own bytes tell, without asking anybody: checksums and structure.

mod aws;
mod base62;
mod jwt;
mod structure;

use serde::Deserialize;

use crate::found::{Checksum, Fact, Mode};

/// A check by its name in the rule files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The account within an access key id.
    AwsKeyId,
    /// 40 letters of base64 that are no hash and no path.
    AwsSecret,
    /// Six digits of base62: CRC-32 of the thirty before them.
    GithubToken,
    /// The same checksum, as npm writes it.
    NpmToken,
    /// The same, of a token of Keyroll's own interface.
    KeyrollToken,
    /// Header, claims, expiry.
    Jwt,
    /// Workspace and application within a Slack token or webhook.
    Slack,
    /// `_test_` is the sandbox.
    Stripe,
    /// 64 bytes in base64.
    Base64Of64,
    /// 32 bytes in base64.
    Base64Of32,
    /// `user:password` in base64 (RFC 7617).
    BasicAuth,
    /// A macaroon names where it is good for.
    PypiToken,
    /// Not a hash by its neighbours: has letters and digits, and is no word.
    Random,
    /// A password; placeholders and words of code are none.
    Password,
    /// The same between others in a list, which may be names of fields: `password2`.
    Argument,
    /// A password where the syntax around it says so: any word but a variable or a placeholder.
    Word,
    /// JSON in base64 that names a key and an organisation.
    GrafanaKey,
    /// A telegram bot's number.
    Telegram,
}

/// The checksum that a token ends in whose `body` stands before it: CRC-32 in six digits of base62.
/// Keyroll's own tokens have it, as those of GitHub and npm do.
pub fn base62_checksum(body: &[u8]) -> [u8; 6] {
    base62::digits(base62::crc32(body))
}

/// What a check says.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) checksum: Checksum,
    pub(crate) mode: Mode,
    pub(crate) facts: Vec<Fact>,
    /// The form is wrong: this is no credential of that kind.
    pub(crate) is_none: bool,
    /// Its place says that it is in use, where its form alone does not.
    pub(crate) is_in_use: bool,
}

impl Outcome {
    fn none() -> Self {
        Self {
            is_none: true,
            ..Self::default()
        }
    }

    fn or_none(is_one: bool) -> Self {
        Self {
            is_none: !is_one,
            ..Self::default()
        }
    }

    /// Written for a manual, if `is_one`.
    pub(crate) fn example(is_one: bool) -> Self {
        Self {
            mode: if is_one {
                Mode::Example
            } else {
                Mode::Unmarked
            },
            ..Self::default()
        }
    }

    fn checksum(is_right: bool) -> Self {
        let checksum = if is_right {
            Checksum::Valid
        } else {
            Checksum::Invalid
        };
        Self {
            checksum,
            ..Self::default()
        }
    }
}

impl Check {
    pub(crate) fn run(self, secret: &[u8]) -> Outcome {
        match self {
            Self::AwsKeyId => aws::key_id(secret),
            Self::AwsSecret => aws::secret(secret),
            Self::GithubToken | Self::NpmToken | Self::KeyrollToken => {
                Outcome::checksum(base62::is_right(secret))
            }
            Self::Jwt => jwt::read(secret),
            Self::Slack => structure::slack(secret),
            Self::Stripe => structure::stripe(secret),
            Self::Base64Of64 => Outcome::or_none(structure::base64_bytes(secret) == Some(64)),
            Self::Base64Of32 => Outcome::or_none(structure::base64_bytes(secret) == Some(32)),
            Self::BasicAuth => structure::basic_auth(secret),
            Self::PypiToken => structure::pypi(secret),
            Self::Random => Outcome::or_none(structure::is_random(secret)),
            Self::Password => Outcome::or_none(crate::generic::is_password(secret)),
            Self::Argument => Outcome {
                is_none: !crate::generic::is_password(secret) || structure::is_name(secret),
                ..Outcome::example(crate::placeholder::is_tame(secret))
            },
            Self::Word => structure::word(secret),
            Self::GrafanaKey => structure::grafana(secret),
            Self::Telegram => structure::telegram(secret),
        }
    }
}
