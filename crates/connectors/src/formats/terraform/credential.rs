//! Resources that are credentials: with their secret, where the file has it, else as what they are.

use model::{Attribute, CredentialType, Key, KeyKind, Kind, Relation};

use super::resource::Resource;
use super::tell;
use crate::aws_key_id::is_aws_key_id;
use crate::formats::seen::in_file;
use crate::formats::settings::{self, Setting};
use crate::formats::text::{is_placeholder, secret};
use crate::formats::{Found, Seen, private_key, ssh_public_key};

/// Attributes that are the secret itself in a resource that is a credential, the first one first.
const MAIN: &[&str] = &[
    "private_key_pem",
    "private_key_openssh",
    "private_key",
    "secret",
    "secret_id",
    "client_token",
    "token",
    "result",
    "value",
    "password",
    "service_password",
    "api_key",
    "key",
    "access_token",
    "id_token",
    "key_string",
    "secret_access_key",
    "client_secret",
    "private_key_encrypted",
];
/// One key in several forms, of which one is told.
const FORMS: &[&str] = &[
    "private_key_pem",
    "private_key_openssh",
    "private_key_pem_pkcs8",
];

/// Tells of a credential of type `type_` that belongs to the identities `behind`.
pub(super) fn tell(one: &Resource<'_>, type_: CredentialType, behind: &[String], seen: &mut Seen) {
    let ssh = type_ == CredentialType::SshAuthorizedKey;
    let main = MAIN
        .iter()
        .filter(|name| !(ssh && **name == "key"))
        .find_map(|name| Some((*name, one.text(name)?)))
        .filter(|(_, value)| !is_placeholder(value));
    let described = Described { one, type_, behind };
    let mut told = match main {
        Some((name, value)) => described.value(name, value, seen),
        None => false,
    };
    if ssh {
        told |= described.public(seen);
    }
    if !told {
        // It is made, or known, elsewhere: what is on the roll is that there is one.
        let id = described.aws_id();
        let found = Found::public(type_, one.address.as_str(), id.unwrap_or("unknown"))
            .maybe(Attribute::named("id_only"), id.map(|_| true));
        seen.found(described.of(found));
    }
    let mut passed: Vec<&str> = main.map(|(name, _)| name).into_iter().collect();
    if main.is_some_and(|(name, _)| FORMS.contains(&name)) {
        passed.extend(FORMS);
    }
    // Other attributes may hold secrets of their own.
    tell::attributes(one, &passed, behind, seen);
}

/// What is told of a credential besides its secret.
struct Described<'r, 'a> {
    one: &'r Resource<'a>,
    type_: CredentialType,
    behind: &'r [String],
}

impl<'a> Described<'_, 'a> {
    fn of(&self, found: Found) -> Found {
        let mut found = found
            .with(|told| tell::common(told, self.one))
            .is(Attribute::TYPE, self.type_)
            .maybe(Attribute::USER, self.one.text("user"));
        for address in self.behind {
            found =
                found.with(|told| told.link(Relation::Holder, Kind::Identity, in_file(address)));
        }
        if let Some(status) = self.one.text("status") {
            found = found.is(Attribute::STATUS, status.to_ascii_lowercase());
        }
        match self.aws_id() {
            Some(id) => found
                .key(Key::new(KeyKind::AwsAccessKeyId, id))
                .is(Attribute::NAME, id),
            None => found,
        }
    }

    fn aws_id(&self) -> Option<&'a str> {
        let aws = self.type_ == CredentialType::AwsAccessKey;
        self.one.text("id").filter(|id| aws && is_aws_key_id(id))
    }

    /// The secret in attribute `name`: a key in armour, a key file, or as it stands.
    fn value(&self, name: &str, value: &str, seen: &mut Seen) -> bool {
        let address = &self.one.address;
        let before = seen.keys.len();
        private_key::read_armour(value.as_bytes(), &format!("{address}.{name}"), 1, seen);
        if let Some(key) = seen.keys.get_mut(before) {
            // The line in its value says nothing of the line in the file.
            key.line = None;
        } else if let Some(own) = self.key_file(value) {
            settings::adopt(own, seen, |found| self.of(found));
        } else {
            seen.found(self.of(Found::secret(self.type_, address.as_str(), secret(value))));
        }
        true
    }

    /// A key file of a service account, as Google's provider gives it: in base64.
    fn key_file(&self, value: &str) -> Option<Seen> {
        use base64::Engine as _;
        if self.one.type_ != "google_service_account_key" {
            return None;
        }
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(value)
            .ok()?;
        let text = model::Secret::new(bytes);
        let own = settings::read(&[Setting {
            name: "private_key",
            field: self.one.address.clone(),
            value: std::str::from_utf8(text.expose()).ok()?,
            stated: true,
        }]);
        (!own.found.is_empty()).then_some(own)
    }

    /// A public key that is accepted for log-in.
    fn public(&self, seen: &mut Seen) -> bool {
        let mut words = ["public_key", "key"]
            .iter()
            .find_map(|name| self.one.text(name))
            .unwrap_or_default()
            .split_whitespace();
        let Some(key) = words
            .next()
            .zip(words.next())
            .and_then(|(kind, blob)| ssh_public_key::decoded(kind, blob))
        else {
            return false;
        };
        let found = Found::public(self.type_, &self.one.address, "public")
            .is(Attribute::ALGORITHM, key.algorithm.as_str());
        seen.found(self.of(key.keys().fold(found, Found::key)));
        true
    }
}
