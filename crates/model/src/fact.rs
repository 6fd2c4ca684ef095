//! Facts: one attribute of one thing as one source tells it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

mod json;

use json::Written;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, Told};

/// The name of an attribute in snake case. The constants are the ones Keyroll itself reads;
/// a source may tell others, which are kept and shown.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Attribute(Cow<'static, str>);

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Attribute {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($text));)*

            /// Every attribute that Keyroll itself reads.
            pub const KNOWN: &[Self] = &[$(Self::$name),*];
        }
    };
}

attributes! {
    /// What people call it.
    NAME = "name";
    /// Its type in its provider's words: `aws_iam_user`, `postgres_role`, `password`.
    TYPE = "type";
    /// `aws`, `postgres`, `x509`, `ssh`, …
    PROVIDER = "provider";
    /// One of [`crate::Class`].
    CLASS = "class";
    /// `prod`, `staging`, …
    ENVIRONMENT = "environment";
    /// What it is for.
    PURPOSE = "purpose";
    /// Who or what made it.
    CREATED_BY = "created_by";
    /// When it came into being at its provider.
    CREATED_AT = "created_at";
    /// When its secret was last changed.
    ROTATED_AT = "rotated_at";
    /// When it was last used.
    LAST_USED_AT = "last_used_at";
    /// For what it was last used: a service, an address.
    LAST_USED_FOR = "last_used_for";
    /// From when on its source counts uses, where that is later than its beginning.
    USES_COUNTED_SINCE = "uses_counted_since";
    /// Up to when uses were counted, where that is earlier than the reading of the source.
    USES_COUNTED_UNTIL = "uses_counted_until";
    /// Which uses its source does not see, in a few words.
    USES_INCOMPLETE = "uses_incomplete";
    /// When it stops being accepted by itself.
    EXPIRES_AT = "expires_at";
    /// From when it is accepted.
    VALID_FROM = "valid_from";
    /// `active`, `inactive`, `disabled`.
    STATUS = "status";
    /// One of [`crate::Validity`]: whether its provider still lets it in.
    VALIDITY = "validity";
    /// What the provider said to whoever came with it, in a few words.
    VALIDITY_BECAUSE = "validity_because";
    /// `root`, `superuser`, `admin` or another word for what it may do; absent: nothing special.
    PRIVILEGE = "privilege";
    /// Whom the source names as owner; a suggestion, never a decision.
    OWNER_HINT = "owner_hint";
    /// Whom `CODEOWNERS` names for the file that holds it, as it spells them.
    CODE_OWNERS = "code_owners";
    /// Who wrote the commit that brought it in: `Ann <ann@example.com>`.
    AUTHOR = "author";
    /// When that commit was written.
    COMMITTED_AT = "committed_at";
    /// How many files that commit changed, counted up to 1,000.
    COMMIT_FILES = "commit_files";
    /// Who wrote most of the versions of the file that holds it.
    MAIN_AUTHOR = "main_author";
    /// When a person left.
    LEFT_AT = "left_at";
    /// Other names a person goes by: further mail addresses, user names.
    ALSO_CALLED = "also_called";
    /// A file and perhaps a line in which a secret lies.
    PLACE = "place";
    /// The line in that file, from 1.
    LINE = "line";
    /// The variable, section or field that holds a secret.
    FIELD = "field";
    /// How the file that holds it may be read, in octal: `0600`.
    FILE_MODE = "file_mode";
    /// Whether what lies there is protected by a pass phrase.
    ENCRYPTED = "encrypted";
    /// Where a login goes: `host:port`.
    ENDPOINT = "endpoint";
    /// As whom a login goes.
    USER = "user";
    /// Which database, account, project or cluster it belongs to.
    ACCOUNT = "account";
    /// Amazon resource name.
    ARN = "arn";
    /// Names of roles and groups it belongs to.
    MEMBER_OF = "member_of";
    /// Rights in the provider's words.
    RIGHTS = "rights";
    /// Policy documents or trust in the provider's words.
    POLICY = "policy";
    /// Who may take it on.
    TRUSTS = "trusts";
    /// Tags and labels.
    TAGS = "tags";
    /// How many sessions of it are live as the source is read.
    SESSIONS = "sessions";
    /// X.509 subject.
    SUBJECT = "subject";
    /// X.509 issuer, JWT issuer.
    ISSUER = "issuer";
    /// Names a certificate is for.
    ALT_NAMES = "alt_names";
    /// Serial number.
    SERIAL = "serial";
    /// Key algorithm and size: `rsa-2048`, `ed25519`.
    ALGORITHM = "algorithm";
    /// Free text.
    COMMENT = "comment";
    /// Whether multi-factor authentication is on.
    MFA = "mfa";
    /// How a password verifier is made: `scram-sha-256:4096:<salt>`; never the verifier.
    VERIFIER = "verifier";
    /// `true`: only the name of a credential stands in the place; its value lies elsewhere.
    BY_REFERENCE = "by_reference";
    /// `false`: fingerprinted under a key of another tenant or scanner, so it can match nothing here.
    MATCHABLE = "matchable";
}

impl Attribute {
    /// An attribute by its name: 1 to 64 of `a-z`, `0-9`, `_`. Anything else is folded into that.
    pub fn named(name: &str) -> Self {
        let folded: String = name
            .chars()
            .take(64)
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        Self(Cow::Owned(folded))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::clean(&self.0))
    }
}

/// A value. Times are text in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text; a time in RFC 3339.
    Text(String),
    /// Texts in an order that means something, or sorted.
    List(Vec<String>),
    /// Texts by name.
    Table(BTreeMap<String, String>),
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }
    /// The time, if it is the text of one.
    pub fn time(&self) -> Option<Timestamp> {
        self.text().and_then(|text| text.parse().ok())
    }
    /// The number, if it is one.
    pub const fn number(&self) -> Option<i64> {
        if let Self::Number(number) = self {
            Some(*number)
        } else {
            None
        }
    }
    /// The flag, if it is one.
    pub const fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self {
            Some(*flag)
        } else {
            None
        }
    }
    /// The list, if it is one.
    pub fn list(&self) -> Option<&[String]> {
        if let Self::List(list) = self {
            Some(list)
        } else {
            None
        }
    }
}

impl fmt::Display for Value {
    /// For people: cleaned, lists and tables in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{}", if *flag { "yes" } else { "no" }),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(&crate::clean(text)),
            Self::List(list) => f.write_str(&crate::clean(&list.join(", "))),
            Self::Table(table) => {
                let pairs: Vec<_> = table
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                f.write_str(&crate::clean(&pairs.join(", ")))
            }
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Text(at.to_string())
    }
}
impl From<Vec<String>> for Value {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}
impl From<BTreeMap<String, String>> for Value {
    fn from(table: BTreeMap<String, String>) -> Self {
        Self::Table(table)
    }
}

/// How sure a source can be of what it tells. Later ones weigh more.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Concluded from names or habits.
    Guessed,
    /// Concluded from something stated: an account from a key id.
    Derived,
    /// The system that keeps it says so.
    #[default]
    Stated,
}

/// What one source tells of one attribute, and how sure it can be. The source is that of the
/// sighting it belongs to, the time that of the sighting's version.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "Written<'static>")]
pub struct Fact {
    /// What it says.
    pub told: Told<Value>,
    /// How sure it can be.
    pub confidence: Confidence,
}

impl Fact {
    /// A fact that the source of record states.
    pub const fn stated(told: Told<Value>) -> Self {
        Self {
            told,
            confidence: Confidence::Stated,
        }
    }
}

/// The facts of one sighting, by attribute.
pub type Facts = BTreeMap<Attribute, Fact>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_absence_and_value_are_three_words_in_json() {
        let facts = [
            Fact::stated(Told::Is("x".into())),
            Fact::stated(Told::Absent),
            Fact::stated(Told::CannotTell),
            Fact {
                told: Told::Is(7.into()),
                confidence: Confidence::Guessed,
            },
        ];
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(
            text,
            r#"[{"is":"x"},"absent","cannot_tell",{"told":{"is":7},"confidence":"guessed"}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<Fact>>(&text).unwrap(), facts);
    }
}
