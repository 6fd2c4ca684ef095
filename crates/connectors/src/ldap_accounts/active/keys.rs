//! Public keys of devices that log in as an account ([MS-ADTS] section 2.2.20).

use model::{Attribute, CredentialType, Kind, Observation, Relation, Scope, Told};

use super::account::Account;
use crate::ldap_accounts::words;
use crate::public_key::{PublicKey, hex};

/// Keys of one account that are told.
const KEYS_MAX: usize = 200;

/// What an entry of a key says.
const ID: u8 = 1;
const MATERIAL: u8 = 3;
const USAGE: u8 = 4;
const DEVICE: u8 = 6;
const LAST_LOGON: u8 = 8;
const CREATED: u8 = 9;

/// Keys of devices, each a credential. Beside them, how many could not be read.
pub(super) fn of_devices(
    account: &Account<'_>,
    scope: &Scope,
    holder: &str,
) -> (Vec<Observation>, usize) {
    let mut broken = 0;
    let mut all = Vec::new();
    for value in account.entry.texts("msDS-KeyCredentialLink").take(KEYS_MAX) {
        match device_key(account, scope, holder, value) {
            Some(one) => all.push(one),
            None => broken += 1,
        }
    }
    (all, broken)
}

/// One of them, written as `B:<digits>:<hex>:<name>`.
fn device_key(
    account: &Account<'_>,
    scope: &Scope,
    holder: &str,
    value: &str,
) -> Option<Observation> {
    let digits = value.strip_prefix("B:")?.split(':').nth(1)?;
    let bytes = bytes_of(digits)?;
    let mut rest = bytes.strip_prefix(&[0, 2, 0, 0])?;
    let mut told = Observation::new(Kind::Credential, "", scope)
        .is(Attribute::TYPE, CredentialType::PrivateKey)
        .is(Attribute::PROVIDER, "active_directory")
        .is(Attribute::NAME, format!("device key of {}", account.name))
        .is(Attribute::USER, account.name)
        .is(Attribute::named("public_half_only"), true)
        .told::<i64>(Attribute::EXPIRES_AT, Told::Absent)
        .link(Relation::Holder, Kind::Identity, holder);
    let mut id = None;
    let text = |value: &[u8]| {
        let number = <[u8; 8]>::try_from(value).ok().map(i64::from_le_bytes);
        number.map(|number| number.to_string())
    };
    while !rest.is_empty() {
        let (head, behind) = rest.split_at_checked(3)?;
        let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let (value, behind) = behind.split_at_checked(length)?;
        rest = behind;
        told = match head[2] {
            ID => {
                id = Some(hex(value.get(..32.min(value.len()))?));
                told
            }
            MATERIAL => match rsa(value) {
                Some(key) => {
                    let told = told.is(Attribute::ALGORITHM, key.algorithm.as_str());
                    key.keys().fold(told, Observation::key)
                }
                None => told,
            },
            USAGE => {
                let usage = match value {
                    [1] => "log-in of a device",
                    [7] => "FIDO",
                    [8] => "file encryption",
                    _ => "other",
                };
                told.is(Attribute::named("usage"), usage)
            }
            DEVICE => match words::guid(value) {
                Some(device) => told.is(Attribute::named("device"), device),
                None => told,
            },
            LAST_LOGON => told.told(
                Attribute::LAST_USED_AT,
                words::windows_time(text(value).as_deref()),
            ),
            CREATED => told.told(
                Attribute::CREATED_AT,
                words::windows_time(text(value).as_deref()),
            ),
            _ => told,
        };
    }
    told.native = format!("{holder}/device_key/{}", id?);
    Some(told)
}

/// A public RSA key as Windows keeps it (BCRYPT_RSAKEY_BLOB).
fn rsa(value: &[u8]) -> Option<PublicKey> {
    let rest = value.strip_prefix(b"RSA1")?;
    let (head, rest) = rest.split_at_checked(20)?;
    let number = |at: usize| {
        let digits = head.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(digits.try_into().ok()?)).ok()
    };
    let (exponent, rest) = rest.split_at_checked(number(4)?)?;
    let modulus = rest.get(..number(8)?)?;
    (modulus.len() >= 64 && !exponent.is_empty()).then(|| PublicKey::rsa(modulus, exponent))
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len() <= 64 << 10).then_some(())?;
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::ldap::{Entry, Octets};

    /// The entry of an account with one key of a device in it, made of these parts.
    fn entry(parts: &[(u8, Vec<u8>)]) -> Entry {
        let mut blob = vec![0, 2, 0, 0];
        for (kind, value) in parts {
            blob.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            blob.push(*kind);
            blob.extend(value);
        }
        let value = format!("B:{}:{}:CN=a,DC=b", blob.len() * 2, hex(&blob));
        let text = |text: &str| vec![Octets(text.as_bytes().to_vec())];
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        let attributes = [
            ("msds-keycredentiallink", text(&value)),
            ("useraccountcontrol", text("512")),
            ("samaccountname", text("ann")),
            ("objectguid", vec![Octets(vec![7; 16])]),
            ("objectsid", vec![Octets(sid.to_vec())]),
        ];
        Entry {
            name: "CN=a,DC=b".to_owned(),
            attributes: attributes
                .into_iter()
                .map(|(name, all)| (name.to_owned(), all))
                .collect(),
        }
    }

    fn read(parts: &[(u8, Vec<u8>)]) -> (Vec<Observation>, usize) {
        let entry = entry(parts);
        let account = Account::read(&entry).unwrap();
        of_devices(&account, &Scope::of("accounts"), "account/x")
    }

    #[test]
    fn a_key_of_a_device_is_known_by_its_public_half_and_its_times() {
        let mut blob = b"RSA1".to_vec();
        for number in [2048u32, 3, 256, 0, 0] {
            blob.extend(number.to_le_bytes());
        }
        blob.extend([1, 0, 1]);
        blob.extend([0xc3; 256]);
        let time = 133_171_094_450_000_000i64.to_le_bytes().to_vec();
        let parts = [
            (ID, vec![9; 32]),
            (MATERIAL, blob),
            (USAGE, vec![1]),
            (CREATED, time),
        ];
        let (all, broken) = read(&parts);
        assert_eq!((all.len(), broken), (1, 0));
        assert_eq!(all[0].keys.len(), 2);
        assert_eq!(
            all[0].native,
            format!("account/x/device_key/{}", "09".repeat(32))
        );
        let created = all[0]
            .fact(&Attribute::CREATED_AT)
            .is()
            .unwrap()
            .to_string();
        assert_eq!(created, "2023-01-02T05:04:05Z");
    }

    #[test]
    fn one_that_is_cut_short_or_has_no_id_is_counted() {
        assert_eq!(read(&[(USAGE, vec![1])]).1, 1);
        assert_eq!(
            read(&[(ID, vec![9; 32]), (MATERIAL, b"RSA1\xff".to_vec())])
                .0
                .len(),
            1
        );
        for value in ["", "B:", "B:4:zz:x", "B:8:00020001:x"] {
            let mut entry = entry(&[]);
            let odd = vec![Octets(value.as_bytes().to_vec())];
            entry
                .attributes
                .insert("msds-keycredentiallink".to_owned(), odd);
            let account = Account::read(&entry).unwrap();
            assert_eq!(of_devices(&account, &Scope::of("a"), "h").1, 1, "{value}");
        }
    }
}
