//! Recognises what vaults and storage accounts hold: metadata alone, never a value.
//!
//! Source: Key Vault REST 7.5 (lists of secrets, keys, certificates), Azure Resource Manager
//! (`vaults/secrets`, `vaults/keys`, `storageAccounts`).

use model::{Attribute, CredentialType, Kind, Observation, Relation, Timestamp, Told};
use serde_json::Value;

use super::apps::thumbprint;
use super::arm::{start, tagged};
use super::{Estate, Object, either, either_text, flag, inner, text};

/// What lies where: `https://NAME.vault.azure.net/secrets/x`, or a resource below a vault.
struct At<'a> {
    vault: String,
    collection: &'a str,
    name: &'a str,
}

/// What a vault is called on the roll; names of vaults are those of hosts, and one in the world.
pub(super) fn place(vault: &str) -> String {
    format!("vault/{}", vault.to_ascii_lowercase())
}

fn at(id: &str) -> Option<At<'_>> {
    let collections = ["secrets", "keys", "certificates"];
    let (vault, rest) = if let Some(rest) = id.strip_prefix("https://") {
        let (host, path) = rest.split_once('/')?;
        let (vault, domain) = host.split_once('.')?;
        if !(domain.starts_with("vault.") || domain.starts_with("managedhsm.")) {
            return None;
        }
        (vault, path)
    } else {
        let lower = id.to_ascii_lowercase();
        const VAULTS: &str = "/providers/microsoft.keyvault/vaults/";
        let from = lower.find(VAULTS)? + VAULTS.len();
        id.get(from..)?.split_once('/')?
    };
    let mut parts = rest.split('/');
    let collection = parts.next().filter(|one| collections.contains(one))?;
    let name = parts
        .next()
        .filter(|name| !name.is_empty() && name.len() <= 127)?;
    let fits = !vault.is_empty() && vault.len() <= 64;
    fits.then(|| At {
        vault: vault.to_ascii_lowercase(),
        collection,
        name,
    })
}

pub(super) fn recognise(estate: &mut Estate, object: &Object) {
    let attributes = inner(object, "attributes").or_else(|| {
        let properties = inner(object, "properties")?;
        inner(properties, "attributes")
    });
    let Some(attributes) = attributes else {
        return;
    };
    let ids = ["id", "kid"]
        .into_iter()
        .filter_map(|name| text(object, name));
    let Some(at) = ids.filter_map(at).next() else {
        return;
    };
    // A certificate keeps its key and its bytes under its own name beside it.
    if flag(object, "managed") == Some(true) {
        estate.set_aside("key or secret that a certificate of a vault keeps");
        return;
    }
    match at.collection {
        "secrets" => {
            let one = held(
                Kind::Credential,
                "azurerm_key_vault_secret",
                &at,
                attributes,
            );
            let kind = either_text(object, "contentType").map(|kind| model::shorten(kind, 100));
            let one = one.told(Attribute::PURPOSE, Told::or_absent(kind));
            estate.keep("secrets", tagged(one, object));
        }
        "keys" => {
            let one = held(Kind::Resource, "azurerm_key_vault_key", &at, attributes);
            let algorithm = either_text(object, "kty").map(str::to_ascii_lowercase);
            let one = one.told(Attribute::ALGORITHM, Told::or_cannot_tell(algorithm));
            estate.keep("keys", tagged(one, object));
        }
        _ => {
            let of_type = CredentialType::X509Certificate.as_str();
            let mut one = held(Kind::Credential, of_type, &at, attributes)
                .is(Attribute::named("kept_in"), "azurerm_key_vault_certificate");
            let print =
                text(object, "x509ThumbprintHex").or_else(|| text(object, "x509Thumbprint"));
            if let Some(print) = print.and_then(thumbprint) {
                one = one
                    .is(Attribute::named("thumbprint"), print.as_str())
                    .hint("certificate_sha1", print);
            }
            let subject = text(object, "subject").map(|one| model::shorten(one, 300));
            let one = one.told(Attribute::SUBJECT, Told::or_cannot_tell(subject));
            estate.keep("certificates", tagged(one, object));
        }
    }
}

fn held(kind: Kind, of_type: &str, at: &At<'_>, attributes: &Object) -> Observation {
    let native = format!("{}/{}/{}", place(&at.vault), at.collection, at.name);
    let first = |names: &[&str]| names.iter().find_map(|name| moment(attributes.get(*name)?));
    let (made, changed) = (first(&["created"]), first(&["updated"]));
    start(kind, of_type, &native, "vaults", at.name)
        .is(Attribute::ACCOUNT, at.vault.as_str())
        .is(
            Attribute::STATUS,
            if flag(attributes, "enabled") == Some(false) {
                "disabled"
            } else {
                "active"
            },
        )
        .told(Attribute::CREATED_AT, Told::or_cannot_tell(made))
        // A change of a tag counts as one too, so a rotation is no later than this.
        .told(
            Attribute::named("changed_at"),
            Told::or_cannot_tell(changed),
        )
        .told(
            Attribute::EXPIRES_AT,
            Told::or_absent(first(&["expires", "exp"])),
        )
        .told(
            Attribute::VALID_FROM,
            Told::or_absent(first(&["notBefore", "nbf"])),
        )
        .told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell)
        .link(
            Relation::On,
            Kind::Resource,
            super::grants::native(&place(&at.vault)),
        )
}

/// A time in RFC 3339, as the command line has it, or in seconds, as the interface has it.
fn moment(value: &Value) -> Option<Timestamp> {
    const SECONDS_MAX: i64 = 253_402_300_799;
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => {
            let seconds = number
                .as_i64()
                .filter(|one| (0..=SECONDS_MAX).contains(one))?;
            Some(Timestamp::from_seconds(seconds))
        }
        _ => None,
    }
}

/// A storage account: two keys that open all of it, unless it takes none.
pub(super) fn storage(estate: &mut Estate, object: &Object, id: &str) {
    let name = id.rsplit('/').next().unwrap_or(id);
    let native = format!("storage/{name}");
    // Where nothing is said, keys are taken.
    let taken = either(object, "allowSharedKeyAccess").and_then(Value::as_bool) != Some(false);
    let days = either(object, "keyPolicy").and_then(|one| one.get("keyExpirationPeriodInDays"));
    let public = either(object, "allowBlobPublicAccess").and_then(Value::as_bool);
    let account = start(
        Kind::Resource,
        "azurerm_storage_account",
        &native,
        "storage",
        name,
    )
    .is(Attribute::named("resource_id"), id)
    .is(Attribute::named("shared_key_allowed"), taken)
    .told(
        Attribute::named("key_days_max"),
        Told::or_absent(days.and_then(Value::as_i64)),
    )
    .told(
        Attribute::named("public_blobs_allowed"),
        Told::or_cannot_tell(public),
    );
    estate.keep("storage accounts", tagged(account, object));
    let made = either(object, "keyCreationTime");
    for slot in ["key1", "key2"] {
        let at = made.and_then(|made| moment(made.get(slot)?));
        // A slot that was filled anew holds another key.
        let since = at.map_or_else(String::new, |at| format!("@{at}"));
        let one = start(
            Kind::Credential,
            "azure_storage_key",
            &format!("{native}/{slot}{since}"),
            "storage",
            &format!("{slot} of {name}"),
        )
        .is(Attribute::STATUS, if taken { "active" } else { "disabled" })
        .is(Attribute::ACCOUNT, name)
        .is(
            Attribute::RIGHTS,
            vec!["everything in the storage account".to_owned()],
        )
        .told(Attribute::CREATED_AT, Told::or_cannot_tell(at))
        .told::<i64>(Attribute::EXPIRES_AT, Told::Absent)
        .told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell)
        .link(Relation::On, Kind::Resource, super::grants::native(&native));
        estate.keep("storage keys", one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_same_by_its_address_and_by_its_resource() {
        let ids = [
            "https://Shop.vault.azure.net/secrets/db/0a1b",
            "https://shop.vault.azure.cn:443/secrets/db",
            "/subscriptions/1/resourceGroups/g/providers/Microsoft.KeyVault/vaults/shop/secrets/db",
        ];
        for id in ids {
            let at = at(id).unwrap();
            assert_eq!(
                (at.vault.as_str(), at.collection, at.name),
                ("shop", "secrets", "db"),
                "{id}"
            );
        }
        for none in [
            "https://example.com/secrets/db",
            "https://shop.vault.azure.net/",
            "/subscriptions/1",
        ] {
            assert!(at(none).is_none(), "{none}");
        }
    }

    #[test]
    fn a_time_is_read_as_text_and_in_seconds() {
        let text = moment(&"2026-01-05T10:00:00+00:00".into());
        assert_eq!(text, moment(&1_767_607_200.into()));
        assert!(text.is_some() && moment(&i64::MAX.into()).is_none());
    }
}
