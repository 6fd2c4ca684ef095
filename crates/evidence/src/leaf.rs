//! One entry of the log: who did what to what, when, and what came of it.

use model::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Error, canonical};

/// The longest leaf: `tlog-tiles` writes the length of an entry in 16 bits.
pub const LEAF_BYTES_MAX: usize = 65_535;

/// The version of the leaf's form.
const VERSION: u64 = 1;

/// What sort of event a leaf holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeafKind {
    /// What a person decided: an owner named, a finding muted, a scanner enrolled.
    Decision,
    /// A plan as it was saved, before anything was done.
    Plan,
    /// An act about to be done: written before the request goes out.
    Intent,
    /// What the provider answered to an act.
    Receipt,
    /// One probe and its outcome.
    Probe,
    /// The judgement over a credential: proven, residual or unverifiable.
    Proof,
    /// A change of state of a revocation.
    Transition,
}

impl LeafKind {
    /// Every kind, in the order of the chain.
    pub const ALL: [Self; 7] = [
        Self::Decision,
        Self::Plan,
        Self::Intent,
        Self::Receipt,
        Self::Probe,
        Self::Proof,
        Self::Transition,
    ];

    /// The word in the leaf.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Plan => "plan",
            Self::Intent => "intent",
            Self::Receipt => "receipt",
            Self::Probe => "probe",
            Self::Proof => "proof",
            Self::Transition => "transition",
        }
    }
}

/// One entry of the log.
///
/// A body is made from what can be serialized, and a `Secret` cannot: no leaf holds one.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    kind: LeafKind,
    at: Timestamp,
    actor: String,
    subject: String,
    body: Value,
}

impl Leaf {
    /// What `actor` did at `at` to `subject`, with `body` as the detail.
    ///
    /// `actor` and `subject` are ids as the roll has them (`person:ada`, `crd-…`, `pln-…`).
    ///
    /// # Errors
    /// [`Error::Body`] if `body` holds a fraction, is too deep or does not serialize.
    pub fn new(
        kind: LeafKind,
        at: Timestamp,
        actor: &str,
        subject: &str,
        body: &impl Serialize,
    ) -> Result<Self, Error> {
        let body = serde_json::to_value(body).map_err(|e| Error::Body { why: e.to_string() })?;
        let leaf = Self {
            kind,
            at,
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            body,
        };
        Self::from_bytes(&leaf.encode()?)
    }

    /// What sort of event it is.
    pub const fn kind(&self) -> LeafKind {
        self.kind
    }

    /// When it was, by the clock of the node that wrote it.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Who did it.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// What it was done to.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The detail.
    pub const fn body(&self) -> &Value {
        &self.body
    }

    /// The canonical bytes: what is stored, exported and hashed (RFC 6962, section 2.1).
    ///
    /// # Errors
    /// [`Error::LeafLength`] above [`LEAF_BYTES_MAX`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.encode()
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`Error::LeafForm`] if they are not what [`Leaf::to_bytes`] writes for what they say.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        within(bytes.len())?;
        Self::from_value(canonical::decode(bytes)?)
    }

    /// Reads a value that is known to come from canonical bytes.
    pub(crate) fn from_value(value: Value) -> Result<Self, Error> {
        let form = |why: &str| Error::LeafForm {
            why: why.to_owned(),
        };
        let Value::Object(mut members) = value else {
            return Err(form("it is no object"));
        };
        if members.get("v").and_then(Value::as_u64) != Some(VERSION) {
            return Err(form(
                "expected version 1; a newer keyroll may have written it",
            ));
        }
        let mut text = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Error::LeafForm {
                why: format!("expected a text as `{name}`"),
            }),
        };
        let (actor, subject, kind, at) =
            (text("actor")?, text("subject")?, text("kind")?, text("at")?);
        let body = members
            .remove("body")
            .ok_or_else(|| form("it has no `body`"))?;
        if members.len() != 1 {
            return Err(form("it has members that a leaf does not have"));
        }
        let kind = LeafKind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind);
        let kind = kind.ok_or_else(|| form("a newer keyroll may know its `kind`, this one not"))?;
        let time: Timestamp = at.parse().map_err(|_| form("its `at` is no time"))?;
        if time.to_string() != at {
            return Err(form("its `at` is not spelled as it would be written"));
        }
        Ok(Self {
            kind,
            at: time,
            actor,
            subject,
            body,
        })
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut members = Map::new();
        members.insert("actor".to_owned(), self.actor.clone().into());
        members.insert("at".to_owned(), self.at.to_string().into());
        members.insert("body".to_owned(), self.body.clone());
        members.insert("kind".to_owned(), self.kind.as_str().into());
        members.insert("subject".to_owned(), self.subject.clone().into());
        members.insert("v".to_owned(), VERSION.into());
        // One level is left for the line of a bundle around it.
        let bytes = canonical::encode(&Value::Object(members), 1)?;
        within(bytes.len())?;
        Ok(bytes)
    }
}

fn within(bytes: usize) -> Result<(), Error> {
    if bytes > LEAF_BYTES_MAX {
        return Err(Error::LeafLength {
            bytes,
            bytes_max: LEAF_BYTES_MAX,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn leaf() -> Leaf {
        let at = Timestamp::from_seconds(1_770_000_000);
        Leaf::new(
            LeafKind::Decision,
            at,
            "person:ada",
            "crd-1",
            &json!({"owner": "ops", "n": 1}),
        )
        .unwrap()
    }

    #[test]
    fn a_leaf_is_written_in_one_way() {
        let expected = "{\"actor\":\"person:ada\",\"at\":\"2026-02-02T02:40:00Z\",\
            \"body\":{\"n\":1,\"owner\":\"ops\"},\"kind\":\"decision\",\"subject\":\"crd-1\",\"v\":1}";
        assert_eq!(
            String::from_utf8(leaf().to_bytes().unwrap()).unwrap(),
            expected
        );
        assert_eq!(Leaf::from_bytes(expected.as_bytes()).unwrap(), leaf());
    }

    #[test]
    fn a_leaf_that_says_more_less_or_otherwise_is_refused() {
        let text = String::from_utf8(leaf().to_bytes().unwrap()).unwrap();
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"v\":1", "\"v\":1,\"w\":1"),
            ("decision", "whim"),
            ("02:40:00Z", "02:40:00.0Z"),
            ("\"actor\":\"person:ada\",", ""),
            ("\"crd-1\"", "7"),
        ] {
            assert!(text.contains(from));
            assert!(
                Leaf::from_bytes(text.replace(from, to).as_bytes()).is_err(),
                "{to}"
            );
        }
    }

    #[test]
    fn a_fraction_or_a_flood_is_no_body() {
        let with = |body: Value| {
            Leaf::new(LeafKind::Probe, Timestamp::default(), "a", "s", &body)
                .unwrap_err()
                .to_string()
        };
        assert!(with(json!(0.5)).contains("fraction"));
        assert!(with(json!("x".repeat(70_000))).contains("65535"));
    }
}
