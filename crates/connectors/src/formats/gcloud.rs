//! Google Cloud credentials in JSON: service account keys and application default credentials.

use model::{Attribute, CredentialType, Key, KeyKind};
use serde_json::Value;

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, private_key, tree};
use crate::armour;

pub(super) struct Gcloud;

impl Format for Gcloud {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "gcloud",
            reads: "service account keys and refresh tokens of Google Cloud",
            places: &[
                "~/.config/gcloud/application_default_credentials.json",
                "*.json",
            ],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        path.ends_with("/gcloud/application_default_credentials.json")
            || path.contains("/gcloud/legacy_credentials/") && path.ends_with("/adc.json")
    }

    fn marks(&self) -> &'static [&'static str] {
        &["service_account\""]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..4096).unwrap_or(bytes);
        head.trim_ascii_start().starts_with(b"{")
            && armour::find(head, b"\"service_account\"").is_some()
            && armour::find(head, b"\"private_key\"").is_some()
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if let Some(value) = tree::json(file, seen) {
            tell(&value, seen);
        }
    }
}

/// Tells of the credential that `value` is.
pub(super) fn tell(value: &Value, seen: &mut Seen) {
    let text = |name: &str| tree::text(value, &[name]);
    match text("type") {
        Some("service_account") => {
            let Some(key) = text("private_key") else {
                return;
            };
            let mut own = Seen::default();
            private_key::read_armour(key.as_bytes(), "private_key", 1, &mut own);
            let Some(key) = own.keys.pop() else {
                seen.broken("a service account's key that is cut off or broken");
                return;
            };
            let mut found = Found::secret(CredentialType::PrivateKey, "private_key", key.body)
                .is(Attribute::PROVIDER, "google")
                .maybe(Attribute::USER, text("client_email"))
                .maybe(Attribute::ACCOUNT, text("project_id"))
                .maybe(Attribute::ALGORITHM, key.algorithm);
            for key in key.public.iter().flat_map(|public| public.keys()) {
                found = found.key(key);
            }
            // The key's id names it at the provider; the account's id names the account.
            if let Some(id) = text("private_key_id").filter(|id| id.len() <= 128) {
                found = found
                    .is(Attribute::NAME, id)
                    .key(Key::new(KeyKind::GcpUniqueId, id));
            }
            if let Some(id) = text("client_id").filter(|id| id.len() <= 128) {
                found = found.held_by(Key::new(KeyKind::GcpUniqueId, id));
            }
            seen.found(found);
        }
        Some("authorized_user") => {
            if let Some(token) = text("refresh_token") {
                seen.found(
                    Found::secret(CredentialType::ApiToken, "refresh_token", secret(token))
                        .is(Attribute::PROVIDER, "google")
                        .maybe(Attribute::USER, text("client_id"))
                        .maybe(Attribute::ACCOUNT, text("quota_project_id")),
                );
            }
        }
        // It says whom to ask and holds nothing itself.
        Some("external_account" | "impersonated_service_account") => {
            seen.set_aside("profile without a secret");
        }
        _ => {}
    }
}
