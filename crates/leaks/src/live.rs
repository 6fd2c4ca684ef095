//! How a credential's provider is asked whether it still lets the credential in: data under
//! `live/`, one file a family, and pure functions from a secret to a question and from an answer
//! to a verdict. Nothing is sent from here.
//!
//! Every question reads. None rotates, revokes, spends or writes: what has no such question is
//! listed as not asked, with the reason.
//!
//! **Invariant:** only an answer that the data names as a denial of the credential makes it dead
//! (revocation.md RP-2); what the data does not name is unknown. Held by
//! `what_no_sign_names_is_unknown`.

mod answer;
mod template;

use std::sync::OnceLock;

use model::Secret;
use serde::Deserialize;

pub use answer::{Answer, Principal};
pub use template::{Ask, Unasked};

use crate::Error;

/// Each file's name and text.
const FILES: &[(&str, &str)] = &[
    ("ai", include_str!("../live/ai.toml")),
    ("clouds", include_str!("../live/clouds.toml")),
    ("code", include_str!("../live/code.toml")),
    ("work", include_str!("../live/work.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    check: Vec<Check>,
    #[serde(default)]
    unasked: Vec<NotAsked>,
}

/// How the credentials that some rules find are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Whose credentials they are, in the rules' word.
    pub provider: String,
    /// The rules whose finds are asked this way.
    pub rules: Vec<String>,
    /// What is asked, for people.
    pub asks: String,
    /// Where the provider describes it.
    pub source: String,
    /// Whom to ask; none: whoever uses Keyroll has to name the host.
    pub host: Option<String>,
    /// Who else may have issued such a credential: a denial by `host` then tells nothing.
    pub elsewhere: Option<String>,
    /// `GET`, or `POST` where the provider takes no other way to read.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query; may hold `{secret}` and `{user}`.
    pub path: String,
    /// Headers; values may hold `{secret}`.
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    /// `user:password` of basic authentication (RFC 7617); may hold `{secret}` and `{user}`.
    pub basic: Option<String>,
    /// What is sent beside it.
    pub body: Option<String>,
    /// `sigv4`: the secret signs the question and is not sent.
    pub signed: Option<String>,
    /// Signs that the credential was let in; one is enough.
    pub live: Vec<Sign>,
    /// Signs that the credential was denied; one is enough.
    pub dead: Vec<Sign>,
    /// Where the answer says whom the credential acts for.
    pub principal: Option<Named>,
}

fn get() -> String {
    "GET".to_owned()
}

/// What an answer has to be. All that is given must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// One of these statuses.
    pub status: Vec<u16>,
    /// A field of the answer's JSON, dotted, must be there; numbers count places in a list.
    pub field: Option<String>,
    /// That field is this.
    pub is: Option<toml::Value>,
    /// The field, or without one the answer, holds this text.
    pub contains: Option<String>,
}

/// Where an answer names the principal; fields as in [`Sign::field`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// What it is: `github_user`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its id, which its provider gives nobody else.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
    /// Within what the id is unique, where that is not the provider.
    pub within: Option<String>,
}

/// Credentials nobody asks for, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotAsked {
    /// The rules that find them.
    pub rules: Vec<String>,
    /// Why.
    pub why: String,
}

/// Everything the data says.
#[derive(Debug, Default)]
pub struct Checks {
    /// How to ask.
    pub checks: Vec<Check>,
    /// What is not asked.
    pub unasked: Vec<NotAsked>,
}

impl Checks {
    /// The built-in checks.
    ///
    /// # Errors
    /// A data file is wrong, which the tests of the catalogue exclude.
    pub fn builtin() -> Result<&'static Self, Error> {
        static CHECKS: OnceLock<Checks> = OnceLock::new();
        if let Some(checks) = CHECKS.get() {
            return Ok(checks);
        }
        let mut all = Self::default();
        for (name, text) in FILES {
            let file: File = toml::from_str(text).map_err(|error| Error::File {
                file: format!("live/{name}.toml"),
                reason: error.to_string(),
            })?;
            all.checks.extend(file.check);
            all.unasked.extend(file.unasked);
        }
        Ok(CHECKS.get_or_init(|| all))
    }

    /// How what `rule` finds is asked for.
    pub fn of(&self, rule: &str) -> Option<&Check> {
        let finds = |check: &&Check| check.rules.iter().any(|one| one == rule);
        self.checks.iter().find(finds)
    }

    /// Why what `rule` finds is not asked for.
    pub fn why_not(&self, rule: &str) -> &str {
        let named = |one: &&NotAsked| one.rules.iter().any(|of| of == rule);
        let found = self.unasked.iter().find(named);
        found.map_or("no check is known for it", |one| &one.why)
    }
}

impl Check {
    /// The question about `secret`. `user` goes with it where the provider wants both; `host` is
    /// whom somebody named to be asked instead of the provider's own.
    ///
    /// # Errors
    /// What is missing, or why the secret cannot be written into the question.
    pub fn ask(
        &self,
        secret: &Secret,
        user: Option<&str>,
        host: Option<&str>,
    ) -> Result<Ask, Unasked> {
        template::fill(self, secret, user, host)
    }

    /// What an answer says. `named` tells that somebody named the host that answered, so that a
    /// denial is one of the credential's own issuer.
    pub fn judge(&self, status: u16, body: &[u8], secret: &Secret, named: bool) -> Answer {
        let told: serde_json::Value =
            serde_json::from_slice(body).unwrap_or(serde_json::Value::Null);
        answer::judge(self, status, (&told, body), secret, named)
    }

    /// As [`Self::judge`], of an answer that was no JSON and was turned into it.
    pub fn judge_value(
        &self,
        status: u16,
        told: &serde_json::Value,
        secret: &Secret,
        named: bool,
    ) -> Answer {
        answer::judge(self, status, (told, &[]), secret, named)
    }

    /// Whether the secret is a part of the address that is asked: whoever logs addresses on the
    /// way, a proxy that takes TLS apart for one, would log it.
    pub fn is_in_address(&self) -> bool {
        self.path.contains("{secret}")
    }
}
