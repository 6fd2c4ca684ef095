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
        &["service_account\"", "authorized_user\""]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..4096).unwrap_or(bytes);
        let has = |word: &[u8]| armour::find(head, word).is_some();
        head.trim_ascii_start().starts_with(b"{")
            && (has(b"\"service_account\"") && has(b"\"private_key\"")
                || has(b"authorized_user\"") && has(b"\"refresh_token\""))
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if let Some(value) = tree::json(file, seen) {
            tell(&value, seen);
        }
    }
}

/// Profiles that stand on another one are followed so deep.
const DEPTH_MAX: usize = 4;

/// Tells of the credential that `value` is.
pub(super) fn tell(value: &Value, seen: &mut Seen) {
    tell_within(value, "", 0, seen);
}

/// The same; `value` stands at `within` of its file.
fn tell_within(value: &Value, within: &str, depth: usize, seen: &mut Seen) {
    let text = |name: &str| tree::text(value, &[name]);
    match text("type") {
        Some("service_account") => tell_key(value, within, seen),
        Some("authorized_user") => tell_refresh_token(value, within, seen),
        // A person of another identity provider, who is known to Google by this token.
        Some("external_account_authorized_user") => tell_refresh_token(value, within, seen),
        Some("impersonated_service_account") => {
            let before = seen.found.len();
            if let Some(source) = value
                .get("source_credentials")
                .filter(|_| depth < DEPTH_MAX)
            {
                let within = format!("{within}source_credentials.");
                tell_within(source, &within, depth + 1, seen);
            }
            let whom = text("service_account_impersonation_url").and_then(impersonated);
            for found in seen.found.iter_mut().skip(before) {
                if let Some(whom) = whom {
                    found.told = found
                        .told
                        .clone()
                        .is(Attribute::named("impersonates"), whom);
                }
            }
            if seen.found.len() == before {
                seen.set_aside(NO_SECRET);
            }
        }
        // It says whom to ask and holds nothing itself.
        Some("external_account") => seen.set_aside(NO_SECRET),
        _ => {}
    }
}

const NO_SECRET: &str = "profile without a secret";

/// The account in `…/serviceAccounts/ACCOUNT:generateAccessToken`.
fn impersonated(address: &str) -> Option<&str> {
    let (_, account) = address.rsplit_once("/serviceAccounts/")?;
    let account = account.split(':').next()?;
    (account.contains('@') && account.len() <= 256).then_some(account)
}

/// A token for which Google gives short-lived ones until somebody takes it back.
fn tell_refresh_token(value: &Value, within: &str, seen: &mut Seen) {
    let text = |name: &str| tree::text(value, &[name]);
    let Some(token) = text("refresh_token") else {
        return;
    };
    let field = format!("{within}refresh_token");
    seen.found(
        Found::secret(CredentialType::ApiToken, field, secret(token))
            .is(Attribute::PROVIDER, "google")
            .maybe(Attribute::USER, text("client_id"))
            .maybe(Attribute::named("audience"), text("audience"))
            .maybe(Attribute::ACCOUNT, text("quota_project_id")),
    );
}

/// The key of a service account.
fn tell_key(value: &Value, within: &str, seen: &mut Seen) {
    let text = |name: &str| tree::text(value, &[name]);
    let Some(key) = text("private_key") else {
        return;
    };
    let mut own = Seen::default();
    private_key::read_armour(key.as_bytes(), "private_key", 1, &mut own);
    let Some(key) = own.keys.pop() else {
        seen.broken("a service account's key that is cut off or broken");
        return;
    };
    let field = format!("{within}private_key");
    let mut found = Found::secret(CredentialType::PrivateKey, field, key.body)
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

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "1//0dgBoo0XTTTxTB3S8oWZuvLzeruUfpmAtdZoXmAEMW8WRq4z";

    fn read(text: &str) -> Seen {
        let file = FileAt {
            path: "/home/ann/shop/login.json",
            bytes: text.as_bytes(),
        };
        assert!(Gcloud.contained_in(file.bytes), "{text}");
        let mut seen = Seen::default();
        Gcloud.read(&file, &mut seen);
        seen
    }

    #[test]
    fn who_is_impersonated_stands_on_a_token_that_is_told() {
        let source = format!(
            r#"{{"type": "authorized_user", "client_id": "7.apps", "refresh_token": "{TOKEN}"}}"#
        );
        let address = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/deploy@acme.iam.gserviceaccount.com:generateAccessToken";
        let text = format!(
            r#"{{"type": "impersonated_service_account", "service_account_impersonation_url": "{address}", "source_credentials": {source}}}"#
        );
        let seen = read(&text);
        let told = &seen.found[0];
        assert_eq!(told.field, "source_credentials.refresh_token");
        let whom = told.told.fact(&Attribute::named("impersonates"));
        let whom = whom.is().and_then(|whom| whom.text());
        assert_eq!(whom, Some("deploy@acme.iam.gserviceaccount.com"));
        assert!(seen.aside.is_empty());
    }

    #[test]
    fn a_person_of_another_identity_provider_has_a_refresh_token() {
        let text = format!(
            r#"{{"type": "external_account_authorized_user", "audience": "//iam.googleapis.com/locations/global/workforcePools/p/providers/x", "refresh_token": "{TOKEN}"}}"#
        );
        assert_eq!(read(&text).found[0].field, "refresh_token");
    }

    #[test]
    fn a_profile_that_stands_on_none_is_counted() {
        let mut seen = Seen::default();
        let text = r#"{"type": "impersonated_service_account", "source_credentials": {"type": "external_account"}}"#;
        tell(&serde_json::from_str(text).unwrap(), &mut seen);
        assert!(seen.found.is_empty() && !seen.aside.is_empty());
    }
}
