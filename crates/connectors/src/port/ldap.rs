//! The words of questions to a directory (LDAP, RFC 4511): one page of a search, and what comes
//! of it.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Refusal;

/// One page of a search (RFC 4511 section 4.5.1, RFC 2696). It reads and cannot do more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Name of the entry to begin at; empty: the root of the server itself.
    pub base: String,
    /// How far below it.
    pub depth: Depth,
    /// Which entries.
    pub filter: Filter,
    /// Which attributes of them; no wildcards.
    pub attributes: Vec<String>,
    /// Only which attributes an entry has, without their values. What holds a secret may be
    /// asked for in no other way.
    #[serde(default)]
    pub names_only: bool,
    /// Where to go on: what an earlier answer's `next` said.
    #[serde(default)]
    pub page: String,
}

/// How far below its base a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// The base alone.
    Base,
    /// The base and all that is below it.
    Whole,
}

/// Which entries are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Those for which each of these holds.
    All(Vec<Self>),
    /// Those for which one of these holds.
    Any(Vec<Self>),
    /// Those for which this does not hold.
    Not(Box<Self>),
    /// Those that have the attribute.
    Has(String),
    /// Those of which the attribute has this value.
    Is(String, String),
    /// Those of which the attribute fits the value by a rule of the server's.
    Fits {
        /// The attribute.
        attribute: String,
        /// Object id of the rule.
        rule: String,
        /// The value.
        value: String,
    },
}

impl Filter {
    /// Those of this object class.
    pub fn class(name: &str) -> Self {
        Self::Is("objectClass".to_owned(), name.to_owned())
    }

    /// Those that have the attribute.
    pub fn has(attribute: &str) -> Self {
        Self::Has(attribute.to_owned())
    }
}

/// As RFC 4515 writes it.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |f: &mut fmt::Formatter<'_>, sign: char, all: &[Self]| {
            write!(f, "({sign}")?;
            all.iter().try_for_each(|one| write!(f, "{one}"))?;
            f.write_str(")")
        };
        match self {
            Self::All(all) => each(f, '&', all),
            Self::Any(all) => each(f, '|', all),
            Self::Not(one) => write!(f, "(!{one})"),
            Self::Has(attribute) => write!(f, "({attribute}=*)"),
            Self::Is(attribute, value) => write!(f, "({attribute}={})", escaped(value)),
            Self::Fits {
                attribute,
                rule,
                value,
            } => write!(f, "({attribute}:{rule}:={})", escaped(value)),
        }
    }
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '*' | '(' | ')' | '\\' | '\0' => out.push_str(&format!("\\{:02x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

/// Some of what a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// What to pass in the next question; none where this was the last.
    #[serde(default)]
    pub next: Option<String>,
    /// Addresses of other servers that are said to hold the rest. Nobody is asked there.
    #[serde(default)]
    pub referrals: Vec<String>,
    /// Why the rest of this page did not come.
    #[serde(default)]
    pub refused: Option<Refusal>,
}

/// An entry of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its distinguished name.
    pub name: String,
    /// Values by attribute, in lower case.
    pub attributes: BTreeMap<String, Vec<Octets>>,
}

/// A value: bytes, most often a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Octets(pub Vec<u8>);

/// A text, or anything in base64.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Binary { base64: String },
}

impl From<Written> for Octets {
    fn from(written: Written) -> Self {
        Self(match written {
            Written::Text(text) => text.into_bytes(),
            Written::Binary { base64 } => STANDARD.decode(base64).unwrap_or_default(),
        })
    }
}

impl From<Octets> for Written {
    fn from(octets: Octets) -> Self {
        match String::from_utf8(octets.0) {
            Ok(text) => Self::Text(text),
            Err(odd) => Self::Binary {
                base64: STANDARD.encode(odd.as_bytes()),
            },
        }
    }
}

impl Octets {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl Entry {
    /// The values of an attribute.
    pub fn all(&self, attribute: &str) -> &[Octets] {
        let found = self.attributes.get(&attribute.to_ascii_lowercase());
        found.map_or(&[], Vec::as_slice)
    }

    /// The texts of an attribute.
    pub fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.all(attribute).iter().filter_map(Octets::text)
    }

    /// The first text of an attribute.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.texts(attribute).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_written_as_its_standard_writes_it() {
        let filter = Filter::All(vec![
            Filter::class("user"),
            Filter::Not(Box::new(Filter::has("mail"))),
            Filter::Fits {
                attribute: "memberOf".to_owned(),
                rule: "1.2.3".to_owned(),
                value: "cn=a (b)*\\".to_owned(),
            },
        ]);
        assert_eq!(
            filter.to_string(),
            r"(&(objectClass=user)(!(mail=*))(memberOf:1.2.3:=cn=a \28b\29\2a\5c))"
        );
    }

    #[test]
    fn what_is_no_text_is_written_and_read_back() {
        for bytes in [b"ann".to_vec(), vec![0xff, 0]] {
            let text = serde_json::to_string(&Octets(bytes.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Octets>(&text).unwrap().0, bytes);
        }
    }
}
