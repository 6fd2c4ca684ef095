//! Events that platforms send as they happen: whether who sends them is who he says, what they
//! are wrapped in, and what they come to.
//!
//! [`open`] checks one delivery and takes the records out of it; [`Events`] reads them by the same
//! readers as files of logs, so that ids and facts are the same by either way.
//!
//! **Invariant:** nothing of a delivery is parsed beyond what its check needs before the check
//! holds. Where the signature covers a body, it covers the bytes that came.
//!
//! **Invariant:** secrets are compared in constant time, all of them, whichever fits.
//!
//! **Deliberately absent:** sockets, clocks, and what was seen before: who receives knows that.

mod aws;
mod batch;
mod bearer;
mod check;
mod event_grid;
mod github;
mod gitlab;
mod okta;
mod pubsub;
mod sns;
mod unwrap;

use std::collections::BTreeMap;

use model::{Secret, Timestamp};

pub use aws::{SqsMessage, sqs_messages};
pub use batch::{Born, Events, Joined};
pub use bearer::{KeySet, TokenRules};
pub use pubsub::{PulledMessage, pulled_messages};

/// Who may deliver, and what shows it.
#[derive(Clone, Debug)]
pub enum Sender {
    /// A webhook of GitHub, which signs the body by a secret (`X-Hub-Signature-256`).
    Github {
        /// The secret, and the one before while it is being changed.
        secrets: Vec<Secret>,
    },
    /// A webhook or a stream of audit events of GitLab: `webhook-signature`, or the token itself.
    Gitlab {
        /// The token, and the one before while it is being changed.
        secrets: Vec<Secret>,
    },
    /// An event hook of Okta, which shows a secret in `Authorization`.
    Okta {
        /// What stands in that header, and what stood there before.
        secrets: Vec<Secret>,
    },
    /// A subscription of Azure Event Grid, by a key in a header.
    EventGrid {
        /// What stands in `Authorization`, and what stood there before.
        secrets: Vec<Secret>,
    },
    /// The same, by a token of Microsoft Entra.
    EventGridToken {
        /// What the token must say.
        rules: TokenRules,
    },
    /// A push subscription of Google Pub/Sub, by a token of Google.
    PubSub {
        /// What the token must say.
        rules: TokenRules,
        /// `projects/P/subscriptions/S`, where it is to be this one.
        subscription: Option<String>,
    },
    /// Topics of Amazon SNS, which signs each message.
    Sns {
        /// ARNs of the topics that may be confirmed and may send.
        topics: Vec<String>,
    },
}

impl Sender {
    /// What the platform is called, also in the path of its webhook.
    pub const fn platform(&self) -> &'static str {
        match self {
            Self::Github { .. } => "github",
            Self::Gitlab { .. } => "gitlab",
            Self::Okta { .. } => "okta",
            Self::EventGrid { .. } | Self::EventGridToken { .. } => "event-grid",
            Self::PubSub { .. } => "pubsub",
            Self::Sns { .. } => "sns",
        }
    }
}

/// One delivery, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// `POST`, `GET`, `OPTIONS`.
    pub method: &'a str,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// The bytes that a signature covers.
    pub body: &'a [u8],
    /// When it came.
    pub at: Timestamp,
}

impl<'a> Delivery<'a> {
    /// The value of a header.
    ///
    /// # Errors
    /// It is there twice: whoever checks one and reads the other is deceived.
    fn header(&self, name: &str) -> Result<Option<&'a str>, Closed> {
        let mut all = self.headers.iter().filter(|(own, _)| own == name);
        let first = all.next().map(|(_, value)| value.as_str());
        if all.next().is_some() {
            return Err(refused(Why::Malformed, "a header that counts came twice"));
        }
        Ok(first)
    }
}

/// Keys of others, by which tokens and signatures are checked.
#[derive(Clone, Copy, Debug)]
pub struct Trusted<'a> {
    /// Those of the issuer of tokens.
    pub keys: Option<&'a KeySet>,
    /// Certificates in PEM, by their address.
    pub certificates: &'a BTreeMap<String, Vec<u8>>,
}

/// A delivery that is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What the platform calls it: equal ids are one delivery.
    pub id: String,
    /// What is to be done.
    pub then: Then,
}

/// What a delivery asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// To take these records of logs, a JSON object a line.
    Take {
        /// The records; empty where it tells of nothing that is kept.
        records: Vec<u8>,
        /// Whether some of them bear the time of the delivery, because they tell none.
        undated: bool,
    },
    /// To prove that somebody is there who knows of the subscription.
    Answer {
        /// What is answered, JSON; may be empty.
        body: String,
        /// Headers of the answer.
        headers: Vec<(&'static str, String)>,
    },
    /// To ask this address, which is one of the platform's own and made here.
    Confirm {
        /// It.
        url: String,
    },
}

/// Why a delivery is not let in, yet or at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is refused.
    Refused(Refused),
    /// The keys of the issuer are not here, or not the one that it names.
    WantsKeys,
    /// The certificate at this address is not here. The address is one of the platform's own.
    WantsCertificate(String),
}

/// Why a delivery is refused. Tells nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Of which kind.
    pub why: Why,
    /// What was expected and what came.
    pub told: &'static str,
}

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Nothing shows who sent it.
    Unsigned,
    /// What shows it does not hold.
    WrongSignature,
    /// It was sent too long ago, or comes from the future.
    Stale,
    /// It is for another one, or from a topic that is none of ours.
    NotMeant,
    /// It cannot be read.
    Malformed,
    /// It is no JSON.
    WrongType,
    /// It is asked by another method.
    WrongMethod,
}

impl Why {
    /// The status of HTTP that says so.
    pub const fn status(self) -> u16 {
        match self {
            Self::Unsigned | Self::WrongSignature | Self::Stale => 401,
            Self::NotMeant => 403,
            Self::Malformed => 400,
            Self::WrongType => 415,
            Self::WrongMethod => 405,
        }
    }

    /// A word for it, as it is counted.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::WrongSignature => "wrong_signature",
            Self::Stale => "stale",
            Self::NotMeant => "not_meant",
            Self::Malformed => "malformed",
            Self::WrongType => "wrong_type",
            Self::WrongMethod => "wrong_method",
        }
    }
}

fn refused(why: Why, told: &'static str) -> Closed {
    Closed::Refused(Refused { why, told })
}

/// Checks who sent a delivery, and takes out of it what it brings.
///
/// # Errors
/// It is refused, or a key of the issuer has to be fetched first.
pub fn open(
    sender: &Sender,
    delivery: &Delivery<'_>,
    trusted: &Trusted<'_>,
) -> Result<Opened, Closed> {
    match sender {
        Sender::Github { secrets } => github::open(secrets, delivery),
        Sender::Gitlab { secrets } => gitlab::open(secrets, delivery),
        Sender::Okta { secrets } => okta::open(secrets, delivery),
        Sender::EventGrid { secrets } => event_grid::open(delivery, |delivery| {
            check::shown(secrets, delivery.header("authorization")?)
        }),
        Sender::EventGridToken { rules } => event_grid::open(delivery, |delivery| {
            bearer::check(rules, trusted.keys, delivery)
        }),
        Sender::PubSub {
            rules,
            subscription,
        } => pubsub::open(rules, subscription.as_deref(), delivery, trusted.keys),
        Sender::Sns { topics } => sns::open(topics, delivery, trusted.certificates),
    }
}

/// A delivery by `POST` of JSON.
fn posted(delivery: &Delivery<'_>) -> Result<(), Closed> {
    if delivery.method != "POST" {
        return Err(refused(Why::WrongMethod, "expected POST"));
    }
    let told = "expected JSON: choose `application/json` where the webhook is set up";
    let kind = delivery.header("content-type")?.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let json = kind.eq_ignore_ascii_case("application/json")
        || (kind.len() > 17
            && kind.to_ascii_lowercase().starts_with("application/")
            && kind.to_ascii_lowercase().ends_with("+json"));
    if json {
        Ok(())
    } else {
        Err(refused(Why::WrongType, told))
    }
}

/// The body, which is JSON.
fn json(body: &[u8]) -> Result<serde_json::Value, Closed> {
    // The parser's own message could repeat a part of the body.
    serde_json::from_slice(body).map_err(|_| refused(Why::Malformed, "the body is no JSON"))
}

/// Records a line each, and whether any of them says so is the caller's to know.
fn lines(records: &[serde_json::Value]) -> Vec<u8> {
    let mut lines = Vec::new();
    for record in records {
        lines.extend_from_slice(record.to_string().as_bytes());
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests;
