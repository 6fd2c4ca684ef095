//! What a format saw in one file, before fingerprints, pairs and places are worked out.

use model::{
    Attribute, CredentialType, Fact, Key, Kind, Observation, Reason, Relation, Secret, Told, Value,
};

use super::ShortLived;
use crate::Detected;
use crate::public_key::PublicKey;

/// More credentials, or identities and resources, than this in one file are not looked at; a gap
/// says so. States of Terraform and reports hold thousands.
const ITEMS_MAX: usize = 10_000;
/// More keys than this in one file are not looked at; a gap says so.
const KEYS_MAX: usize = 1_000;
/// More certificates than this in one file are not looked at; a gap says so.
const CERTIFICATES_MAX: usize = 10_000;
/// More gaps than this of one file tell a person nothing new.
const GAPS_MAX: usize = 16;
/// Foreign text in a fact is cut at this many characters.
const TEXT_MAX: usize = 512;

/// What a format saw in one file.
#[derive(Debug, Default)]
pub struct Seen {
    /// Credentials that stand for themselves.
    pub found: Vec<Found>,
    /// Private keys: what else is known of them depends on their neighbours.
    pub keys: Vec<PrivateKey>,
    /// Public halves that may belong to a private key beside them.
    pub publics: Vec<PublicHalf>,
    /// Certificates: credentials only where their key is near.
    pub certificates: Vec<Certificate>,
    /// Who uses credentials and what they reach: identities, resources, grants, owners.
    pub things: Vec<Thing>,
    /// What was recognised and is no credential, by kind.
    pub aside: Vec<&'static str>,
    /// Texts in it that rules search one by one.
    pub texts: Vec<Text>,
    /// Whether those texts are all there is to search: the bytes round them only dress them up.
    pub texts_are_all: bool,
    /// Containers of a CI whose passwords are no credentials.
    pub short_lived: ShortLived,
    /// Whether it is kept with code ([`super::Format::is_code`]).
    pub is_code: bool,
    /// What could not be read.
    pub gaps: Vec<(Reason, String)>,
}

/// A text within a file that rules search by itself: a notebook's cell.
#[derive(Debug)]
pub struct Text {
    /// Where in the file it stands: `cell 3`.
    pub field: String,
    /// What it says. Secrets may be in it.
    pub text: Secret,
}

/// A credential that stands for itself: a stored secret or an accepted public key.
#[derive(Debug)]
pub struct Found {
    /// The variable, section or field that holds it; tells it from others in its file.
    pub field: String,
    /// The secret; none where what lies there is public.
    pub secret: Option<Secret>,
    /// What tells this one from a later one in the same field, where there is no secret.
    pub mark: String,
    /// What is told of it; native id, place and fingerprint are added later.
    pub told: Observation,
}

/// Something that a file tells of and that is no credential: a workflow, a service account, a
/// tool server, a resource.
#[derive(Debug)]
pub struct Thing {
    /// Where in the file it stands; names it for ever, as far as the file does.
    pub field: String,
    /// What is told of it; native id and place are added later.
    pub told: Observation,
}

/// A private key.
#[derive(Debug)]
pub struct PrivateKey {
    /// The field that holds it; empty where it is the file's own content.
    pub field: String,
    /// From which line on, from 1.
    pub line: Option<usize>,
    /// The key as it lies there, without armour.
    pub body: Secret,
    /// `pkcs8`, `pkcs1`, `sec1`, `openssh`, `putty`, `pgp`.
    pub form: &'static str,
    /// Whether a pass phrase protects it.
    pub encrypted: Told<bool>,
    /// `rsa-2048`, `ed25519`, where it can be told.
    pub algorithm: Option<String>,
    /// Its public half, where that can be told.
    pub public: Option<PublicKey>,
    /// What its maker wrote beside it.
    pub comment: Option<String>,
    /// Whether a comment on its line says that it may stand there.
    pub allowed: bool,
}

/// A public key in a file of its own.
#[derive(Debug)]
pub struct PublicHalf {
    /// The key.
    pub key: PublicKey,
    /// What its maker wrote beside it.
    pub comment: Option<String>,
}

/// A certificate.
#[derive(Debug)]
pub struct Certificate {
    /// SHA-256 of its DER, hex.
    pub sha256: String,
    /// Its key.
    pub key: PublicKey,
    /// Whether it may sign others.
    pub authority: bool,
    /// What is told of it; native id and place are added later.
    pub told: Observation,
}

impl Seen {
    /// Keeps a credential.
    pub(crate) fn found(&mut self, found: Found) {
        if self.has_room(self.found.len(), ITEMS_MAX, "credentials") {
            self.found.push(found);
        }
    }

    /// Keeps a private key.
    pub(crate) fn key(&mut self, key: PrivateKey) {
        if self.has_room(self.keys.len(), KEYS_MAX, "private keys") {
            self.keys.push(key);
        }
    }

    /// Keeps a public half.
    pub(crate) fn public(&mut self, public: PublicHalf) {
        if self.has_room(self.publics.len(), KEYS_MAX, "public keys") {
            self.publics.push(public);
        }
    }

    /// Keeps a certificate.
    pub(crate) fn certificate(&mut self, certificate: Certificate) {
        if self.has_room(self.certificates.len(), CERTIFICATES_MAX, "certificates") {
            self.certificates.push(certificate);
        }
    }

    /// Keeps something that is no credential.
    pub(crate) fn thing(&mut self, thing: Thing) {
        if self.has_room(self.things.len(), ITEMS_MAX, "identities and resources") {
            self.things.push(thing);
        }
    }

    /// Keeps a text to be searched by rules.
    pub(crate) fn text(&mut self, field: impl Into<String>, text: String) {
        if self.has_room(self.texts.len(), CERTIFICATES_MAX, "texts") {
            let field = field.into();
            let text = Secret::new(text.into_bytes());
            self.texts.push(Text { field, text });
        }
    }

    /// Counts what is no credential.
    pub(crate) fn set_aside(&mut self, what: &'static str) {
        if self.aside.len() < CERTIFICATES_MAX {
            self.aside.push(what);
        }
    }

    /// Something in it is broken or cut off. `told` holds nothing of the file.
    pub(crate) fn broken(&mut self, told: impl Into<String>) {
        self.gap(Reason::Failed, told.into());
    }

    /// Something in it is beyond us. `told` holds nothing of the file.
    pub(crate) fn unsupported(&mut self, told: impl Into<String>) {
        self.gap(Reason::Unsupported, told.into());
    }

    /// A gap of its own, as it was told of a part of the file.
    pub(super) fn gap(&mut self, reason: Reason, told: String) {
        let gap = (reason, told);
        if self.gaps.len() < GAPS_MAX && !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    fn has_room(&mut self, count: usize, limit: usize, of: &str) -> bool {
        if count >= limit {
            self.unsupported(format!(
                "holds more than {limit} {of}; the rest was not read"
            ));
        }
        count < limit
    }
}

impl Found {
    /// A secret of type `credential` in `field`.
    pub(crate) fn secret(
        credential: CredentialType,
        field: impl Into<String>,
        secret: Secret,
    ) -> Self {
        Self {
            field: field.into(),
            secret: Some(secret),
            mark: String::new(),
            told: blank(credential),
        }
    }

    /// A secret that a rule found in text; its rule is its field.
    pub(crate) fn detected(one: Detected) -> Self {
        let mut found = Self::secret(one.credential, one.rule.as_str(), one.secret)
            .is(Attribute::named("rule"), one.rule)
            .line(one.line);
        for (attribute, value) in one.facts {
            let fact = Fact {
                told: Told::Is(cut(value)),
                confidence: one.confidence,
            };
            found.told.facts.insert(attribute, fact);
        }
        found
    }

    /// In one text of the file: the line counts from the beginning of that text.
    #[must_use]
    pub(crate) fn within(mut self, text: &Text) -> Self {
        self.field = format!("{} in {}", self.field, text.field);
        if let Some(line) = self.told.facts.remove(&Attribute::LINE) {
            self.told.facts.insert(Attribute::named("text_line"), line);
        }
        self.is(Attribute::named("text"), text.field.as_str())
    }

    /// A private key that stands for itself: known by its public half, where that can be told.
    pub(crate) fn of_key(key: PrivateKey) -> Self {
        let mut found = Self::secret(CredentialType::PrivateKey, key.field, key.body)
            .is(Attribute::named("form"), key.form)
            .with(|told| told.told(Attribute::ENCRYPTED, key.encrypted));
        let public = key.public.as_ref();
        for one in public.into_iter().flat_map(PublicKey::keys) {
            found = found.key(one);
        }
        let algorithm = key.public.map(|public| public.algorithm).or(key.algorithm);
        found
            .with(|told| told.told(Attribute::ALGORITHM, Told::or_cannot_tell(algorithm)))
            .maybe(Attribute::COMMENT, key.comment)
    }

    /// A credential of which only the name stands here; its value lies in `kept_in`.
    pub(crate) fn referenced(field: impl Into<String>, name: &str, kept_in: &str) -> Self {
        Self::public(CredentialType::ApiToken, &field.into(), "reference")
            .is(Attribute::NAME, name)
            .is(Attribute::BY_REFERENCE, true)
            .is(Attribute::named("kept_in"), kept_in)
    }

    /// Whether only its name stands here.
    pub(crate) fn is_reference(&self) -> bool {
        self.told.facts.contains_key(&Attribute::BY_REFERENCE)
    }

    /// Something public of type `credential` in `field`, told apart by `mark`.
    pub(crate) fn public(credential: CredentialType, field: &str, mark: &str) -> Self {
        Self {
            field: field.to_owned(),
            secret: None,
            mark: mark.to_owned(),
            told: blank(credential),
        }
    }

    /// With a fact that the file states. A text is cut; an empty one tells nothing.
    #[must_use]
    pub(crate) fn is(mut self, attribute: Attribute, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.text() != Some("") {
            self.told = self.told.is(attribute, cut(value));
        }
        self
    }

    /// With a fact that the file may state.
    #[must_use]
    pub(crate) fn maybe<T: Into<Value>>(self, attribute: Attribute, value: Option<T>) -> Self {
        match value {
            Some(value) => self.is(attribute, value),
            None => self,
        }
    }

    /// At a line, from 1.
    #[must_use]
    pub(crate) fn line(self, line: usize) -> Self {
        self.is(Attribute::LINE, i64::try_from(line).unwrap_or(i64::MAX))
    }

    /// With whatever is told of it changed by `f`.
    #[must_use]
    pub(crate) fn with(mut self, f: impl FnOnce(Observation) -> Observation) -> Self {
        self.told = f(self.told);
        self
    }

    /// With a hard key.
    #[must_use]
    pub(crate) fn key(self, key: Key) -> Self {
        self.with(|told| told.key(key))
    }

    /// Handed to the identity at `field` of the same file, which works with it.
    #[must_use]
    pub(crate) fn used_in_file_by(self, field: &str) -> Self {
        self.with(|told| told.link(Relation::UsedBy, Kind::Identity, in_file(field)))
    }

    /// Held by the identity that bears `key`.
    #[must_use]
    pub(crate) fn held_by(self, key: Key) -> Self {
        self.with(|told| told.link_key(Relation::Holder, Kind::Identity, key))
    }
}

impl Thing {
    /// A thing of `kind` at `field`, of `type_` in its provider's words.
    pub fn new(kind: Kind, field: impl Into<String>, type_: &str) -> Self {
        let told = Observation::new(kind, "", &model::Scope::whole()).is(Attribute::TYPE, type_);
        Self {
            field: field.into(),
            told,
        }
    }

    /// With a fact that the file states. A text is cut; an empty one tells nothing.
    #[must_use]
    pub fn is(mut self, attribute: Attribute, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.text() != Some("") {
            self.told = self.told.is(attribute, cut(value));
        }
        self
    }

    /// With a fact that the file may state.
    #[must_use]
    pub fn maybe<T: Into<Value>>(self, attribute: Attribute, value: Option<T>) -> Self {
        match value {
            Some(value) => self.is(attribute, value),
            None => self,
        }
    }

    /// With whatever is told of it changed by `f`.
    #[must_use]
    pub fn with(mut self, f: impl FnOnce(Observation) -> Observation) -> Self {
        self.told = f(self.told);
        self
    }

    /// Standing in `relation` to the thing of `kind` at `field` of the same file.
    #[must_use]
    pub fn link(self, relation: Relation, kind: Kind, field: &str) -> Self {
        self.with(|told| told.link(relation, kind, in_file(field)))
    }
}

/// How a thing of the same file is named before its path is known: [`Seen`] is read by one who
/// knows it, and puts it in front.
pub(crate) fn in_file(field: &str) -> String {
    format!("#{field}")
}

/// An observation of a credential of which only the type is told.
pub(crate) fn blank(credential: CredentialType) -> Observation {
    Observation::new(Kind::Credential, "", &model::Scope::whole()).is(Attribute::TYPE, credential)
}

fn cut(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(model::shorten(&text, TEXT_MAX)),
        Value::List(list) => Value::List(
            list.into_iter()
                .take(64)
                .map(|text| model::shorten(&text, TEXT_MAX))
                .collect(),
        ),
        other => other,
    }
}
