//! What a description says of an interface, as it is written (TOML).

use std::collections::BTreeMap;

use model::{Attribute, CredentialType, Kind, Relation};
use serde::Deserialize;

use super::template::{Path, Template};

/// An interface: who is let in, what it lists, and what of that is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    /// A noun of the system: lower case, digits and underscores.
    pub(super) name: String,
    /// What people call the system.
    pub(super) title: String,
    /// What is read, in one line.
    pub(super) reads: String,
    /// How a source is named: `gitlab:HOST/PROJECT`.
    pub(super) form: String,
    /// The host that is asked, where no source names one.
    #[serde(default)]
    pub(super) host: Option<String>,
    /// Where the provider describes the interface.
    pub(super) manual: String,
    /// What it was tried against, besides its recording.
    #[serde(default)]
    pub(super) tried: String,
    /// The rights that reading all of it takes.
    pub(super) needs: Vec<String>,
    /// Questions a second that its provider bears.
    #[serde(default = "per_second")]
    pub(super) requests_per_second: u32,
    pub(super) login: LoginAs,
    /// Headers that go with every question.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// How a refusal shows in an answer that says 200.
    #[serde(default)]
    pub(super) fails: Option<Fails>,
    /// What the interface has no way to tell: a gap each time.
    #[serde(default)]
    pub(super) gap: Vec<Declared>,
    pub(super) list: Vec<List>,
}

const fn per_second() -> u32 {
    5
}

/// Who is let in.
#[derive(Debug, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum LoginAs {
    /// A token in a header.
    Header {
        header: String,
        #[serde(default)]
        before: String,
        variable: String,
    },
    /// `user:password` (RFC 7617).
    Basic { variable: String },
    /// Several tokens, each in a header of its own, in this order.
    Headers {
        headers: Vec<String>,
        variable: String,
    },
    /// `id:secret` of a client, exchanged for a token (RFC 6749 section 4.4).
    Client {
        path: String,
        #[serde(default)]
        parameters: BTreeMap<String, String>,
        variable: String,
    },
}

/// How an interface refuses with status 200.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fails {
    /// A flag that is false then.
    pub(super) unless: Path,
    /// The provider's word for why.
    pub(super) why: Path,
    /// Words that say that a right lacks.
    #[serde(default)]
    pub(super) denied: Vec<String>,
    /// Words that say that it was too much.
    #[serde(default)]
    pub(super) throttled: Vec<String>,
}

/// Something that cannot be told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    pub(super) part: String,
    pub(super) told: String,
}

/// One list of the interface.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// The part of the source that it is.
    pub(super) name: String,
    /// Its path: each part between slashes is one segment, whatever a template puts there.
    pub(super) path: String,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Template>,
    /// What is posted, where the interface lists by POST: it stands here whole, so that no text
    /// of anybody else comes into it. Only descriptions that come with Keyroll may post.
    #[serde(default)]
    pub(super) post: Option<BTreeMap<String, serde_json::Value>>,
    /// Where in an answer the items are: an array, or an object of which each value is one.
    #[serde(default)]
    pub(super) items: Path,
    /// What is there is one item, and no list.
    #[serde(default)]
    pub(super) single: bool,
    /// An empty list is left out of an answer that is an object.
    #[serde(default)]
    pub(super) may_lack: bool,
    #[serde(default)]
    pub(super) page: Option<Paging>,
    /// A place in an answer that is there when the answer was cut short and nothing leads on.
    #[serde(default)]
    pub(super) cut_if: Option<Path>,
    /// The right that it takes.
    #[serde(default)]
    pub(super) needs: Option<String>,
    /// Statuses that say there are none: the feature is not in use.
    #[serde(default)]
    pub(super) none_on: Vec<u16>,
    /// Asked for each item of this list; or of these, which lie equally deep.
    #[serde(default)]
    pub(super) for_each: Option<Parents>,
    /// Of those items, the ones that it is asked for; all if it is left out.
    #[serde(default)]
    pub(super) asked_if: Option<Only>,
    /// What an item is called as a part of the source; for lists that others are asked for.
    #[serde(default)]
    pub(super) called: Option<Template>,
    /// Items of which this holds are meant, for what is seen and for what is asked of each.
    #[serde(default)]
    pub(super) only: Option<Only>,
    /// What is seen in an item.
    #[serde(default)]
    pub(super) see: Vec<See>,
}

/// Whose items a list is asked for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Parents {
    One(String),
    Several(Vec<String>),
}

impl Parents {
    pub(super) const fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names.as_slice(),
        }
    }
}

/// How a list goes on.
#[derive(Debug, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Paging {
    /// Pages are numbered; one without items is the last.
    Number {
        parameter: String,
        #[serde(default = "one")]
        first: u64,
    },
    /// So many items are passed over; a page without items is the last.
    Offset {
        parameter: String,
        #[serde(default)]
        first: u64,
    },
    /// An answer tells where to go on, unless it is the last.
    Cursor { parameter: String, at: Path },
    /// The page after an item, while the answer says that there are more.
    After {
        parameter: String,
        at: Path,
        more: Path,
    },
    /// An answer tells the address where to go on: its parameters are taken, nothing else of it.
    Next { at: Path },
    /// The parameters of the address in the header `Link` (RFC 8288), or what Microsoft's
    /// `x-ms-continuationtoken` says.
    Link,
}

const fn one() -> u64 {
    1
}

/// A field with the value that is meant; any but none and an empty text, where no value is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Only {
    pub(super) at: Path,
    #[serde(default)]
    pub(super) is: Option<serde_json::Value>,
}

/// One thing that an item tells of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct See {
    #[serde(deserialize_with = "word")]
    pub(super) kind: Kind,
    /// What the source calls it; an item without it is a gap.
    pub(super) native: Template,
    #[serde(default)]
    pub(super) only: Option<Only>,
    /// What is so of each.
    #[serde(default)]
    pub(super) is: BTreeMap<String, model::Value>,
    #[serde(default)]
    pub(super) facts: BTreeMap<String, FactAt>,
    #[serde(default)]
    pub(super) links: Vec<LinkTo>,
    #[serde(default)]
    pub(super) keys: Vec<KeyOf>,
    /// The item is a setting: it is seen where what it is set to is a credential.
    #[serde(default)]
    pub(super) setting: Option<SettingOf>,
}

/// A setting: a name with a value, which may be a secret. The value is looked at and never told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingOf {
    /// What it is called.
    pub(super) name: Path,
    /// What it is set to; it may not be shown.
    pub(super) at: Path,
    /// Where its provider says that it is secret, whatever its name.
    #[serde(default)]
    pub(super) secret_if: Option<Only>,
    /// Settings of which this is equal stand side by side: a key id beside its secret.
    #[serde(default)]
    pub(super) beside: Option<Template>,
}

/// Where a fact stands.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum FactAt {
    Plain(Path),
    Full(FactIn),
}

/// Where a fact stands, and how it is written there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactIn {
    pub(super) at: Option<Path>,
    /// Instead of a place: a text with places in it.
    pub(super) text: Option<Template>,
    #[serde(default, rename = "as")]
    pub(super) form: Form,
    /// What it says if the field is not there; otherwise it cannot tell.
    #[serde(default)]
    pub(super) missing: Missing,
    /// Values that say "none", besides null.
    #[serde(default)]
    pub(super) none: Vec<serde_json::Value>,
    /// The provider's words in ours; others stay as they are.
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    /// Our word for every other one: `revoked_at` with a time in it says `inactive`.
    #[serde(default)]
    pub(super) others: Option<String>,
    /// Our word for none: `revoked_at` without a time says `active`.
    #[serde(default)]
    pub(super) null: Option<String>,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// As JSON has it; a time as RFC 3339 or a date.
    #[default]
    Plain,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// A list of the fields of an object with their values: `issues:write`, `account.keys:read`.
    Pairs,
}

/// What a field that is not there says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Missing {
    /// Nothing.
    #[default]
    CannotTell,
    /// That there is none.
    Absent,
}

/// A link to a thing of the same source; left out where a place in it is empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkTo {
    pub(super) relation: Relation,
    #[serde(deserialize_with = "word")]
    pub(super) kind: Kind,
    pub(super) native: Template,
}

/// A hard key; left out where a place in it is empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyOf {
    pub(super) kind: model::KeyKind,
    pub(super) value: Template,
    #[serde(default, rename = "as")]
    pub(super) form: KeyForm,
}

/// How a hard key is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyForm {
    /// As it is kept.
    #[default]
    Plain,
    /// As a public key of OpenSSH, whose fingerprint is the key: `ssh-ed25519 AAAA… comment`.
    SshPublicKey,
    /// As the SHA-256 of a public key in base64: `SHA256:MJJH14…=`.
    Fingerprint,
}

/// Attributes whose values are times.
pub(super) const TIMES: [Attribute; 5] = [
    Attribute::CREATED_AT,
    Attribute::ROTATED_AT,
    Attribute::LAST_USED_AT,
    Attribute::EXPIRES_AT,
    Attribute::VALID_FROM,
];

/// Why a description is none.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is no TOML of this shape.
    #[error("line {line}: {told}")]
    Form {
        /// From 1.
        line: usize,
        /// What the parser says.
        told: String,
    },
    /// It says what cannot be.
    #[error("{place}: expected {expected}, got `{got}`")]
    Content {
        /// In which part of it.
        place: String,
        /// What could be there.
        expected: &'static str,
        /// What is, cleaned and shortened.
        got: String,
    },
}

impl Unfit {
    pub(super) fn new(place: impl Into<String>, expected: &'static str, got: &str) -> Self {
        Self::Content {
            place: place.into(),
            expected,
            got: model::shorten(&model::clean(got), 80),
        }
    }
}

fn word<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

impl Description {
    /// Reads and checks one.
    pub(super) fn parse(text: &str) -> Result<Self, Unfit> {
        let description: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            Unfit::Form {
                line: 1 + before.unwrap_or_default().matches('\n').count(),
                told: model::shorten(&model::clean(error.message()), 200),
            }
        })?;
        description.check()?;
        Ok(description)
    }

    /// The names of the parts of a target, in their order: `HOST`, `PROJECT`.
    pub(super) fn parts(&self) -> Vec<&str> {
        let target = self.form.split_once(':').map_or("", |(_, target)| target);
        target.split('/').filter(|part| !part.is_empty()).collect()
    }

    fn check(&self) -> Result<(), Unfit> {
        let is_name = |text: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            !text.is_empty() && text.chars().all(plain)
        };
        if !is_name(&self.name) {
            return Err(Unfit::new("name", "a-z, 0-9 and _", &self.name));
        }
        let parts = self.parts();
        if parts.is_empty() || (self.host.is_none() && parts.first() != Some(&"HOST")) {
            let expected = "`word:HOST/PART`, or `word:PART` where `host` is given";
            return Err(Unfit::new("form", expected, &self.form));
        }
        if !(1..=1000).contains(&self.requests_per_second) {
            let got = self.requests_per_second.to_string();
            return Err(Unfit::new("requests_per_second", "1 to 1000", &got));
        }
        for (name, value) in &self.headers {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let fits = !name.is_empty() && name.chars().all(is_of_name);
            if !fits || !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
                let expected = "names of letters, digits and `-`, and values in ASCII";
                return Err(Unfit::new("headers", expected, name));
            }
        }
        for list in &self.list {
            self.check_list(list, &parts)?;
        }
        Ok(())
    }

    /// How many items enclose one of `list`.
    fn ups(&self, list: &List) -> Result<usize, Unfit> {
        let unfit = |expected, name: &str| {
            let place = format!("list `{}`: for_each", list.name);
            Err(Unfit::new(place, expected, name))
        };
        let mut depth = None;
        for name in list.for_each.iter().flat_map(Parents::names) {
            // Only lists above are parents, so that this ends.
            let mut above = self.list.iter().take_while(|one| one.name != list.name);
            let parent = above.find(|one| one.name == *name);
            let Some(parent) = parent.filter(|one| one.called.is_some()) else {
                return unfit("a list above that says what its items are `called`", name);
            };
            let ups = 1 + self.ups(parent)?;
            if depth.is_some_and(|known| known != ups) {
                return unfit("lists that lie equally deep", name);
            }
            depth = Some(ups);
        }
        Ok(depth.unwrap_or(0))
    }

    fn check_list(&self, list: &List, parts: &[&str]) -> Result<(), Unfit> {
        let place = |what: &str| format!("list `{}`: {what}", list.name);
        let ups = self.ups(list)?;
        let known = |template: &Template| template.is_known(ups, parts);
        let segments = list.segments()?;
        for asked in segments.iter().chain(list.parameters.values()) {
            if !known(asked) || asked.asks_item() {
                let expected = "parts of the target, and fields of `^` whom it is asked for";
                return Err(Unfit::new(place("path"), expected, &asked.to_string()));
            }
        }
        if list.post.is_some() && (list.page.is_some() || !list.parameters.is_empty()) {
            let expected = "neither `page` nor `parameters` beside what is posted";
            return Err(Unfit::new(place("post"), expected, &list.name));
        }
        for see in &list.see {
            let texts = see.links.iter().map(|link| &link.native);
            let texts = texts.chain(see.keys.iter().map(|key| &key.value));
            let beside = see.setting.as_ref().and_then(|one| one.beside.as_ref());
            let texts = texts.chain(beside);
            if let Some(text) = texts.chain([&see.native]).find(|text| !known(text)) {
                let expected = "fields of the item, of `^` what it belongs to, parts of the target";
                return Err(Unfit::new(place("see"), expected, &text.to_string()));
            }
            check_facts(see, &place)?;
        }
        Ok(())
    }
}

fn check_facts(see: &See, place: &dyn Fn(&str) -> String) -> Result<(), Unfit> {
    for name in see.facts.keys().chain(see.is.keys()) {
        if Attribute::named(name).as_str() != name {
            return Err(Unfit::new(place("see"), "the name of a fact", name));
        }
    }
    for (name, fact) in &see.facts {
        if let FactAt::Full(full) = fact
            && full.at.is_some() == full.text.is_some()
        {
            let expected = "either `at` or `text` for a fact";
            return Err(Unfit::new(place("see"), expected, name));
        }
    }
    if see.setting.is_some() && see.kind != Kind::Credential {
        let expected = "`setting` for a credential alone";
        return Err(Unfit::new(place("see"), expected, see.kind.as_str()));
    }
    let type_ = see.is.get("type").and_then(model::Value::text);
    let type_ = type_.unwrap_or_default();
    if see.kind == Kind::Credential && type_.parse::<CredentialType>().is_err() {
        let expected = "`is.type` of a credential to be a type of credential";
        return Err(Unfit::new(place("see"), expected, type_));
    }
    Ok(())
}

impl List {
    /// The segments of its path.
    pub(super) fn segments(&self) -> Result<Vec<Template>, Unfit> {
        let segments = self.path.trim_matches('/').split('/');
        segments
            .map(|one| {
                one.parse()
                    .map_err(|expected| Unfit::new(format!("list `{}`", self.name), expected, one))
            })
            .collect()
    }
}
