//! Keytabs: long-term keys of principals of Kerberos (MIT Kerberos, "Keytab file format").
//!
//! Each version of a principal's key is one credential, whatever ciphers it is kept for; what is
//! fingerprinted is the strongest of them. Beside the facts of all secrets: `user` (the
//! principal without its realm), `account` (the realm), `key_version`, `encryption` (the ciphers),
//! `written_at`, and `superseded`, where the file has a later version.

use std::collections::BTreeMap;

use model::{Attribute, CredentialType, Secret, Timestamp};

use super::{FileAt, Format, FormatSpec, Found, Seen};
use crate::ldap_accounts::kerberos_key;

pub(super) struct Keytab;

/// More entries than any file has.
const ENTRIES_MAX: usize = 10_000;
/// More names than any principal is made of.
const NAMES_MAX: u16 = 16;

/// Ciphers by their numbers (RFC 3961 section 8, RFC 8009), the strongest first.
const CIPHERS: &[(u16, &str)] = &[
    (20, "aes256-cts-hmac-sha384-192"),
    (18, "aes256-cts-hmac-sha1-96"),
    (19, "aes128-cts-hmac-sha256-128"),
    (17, "aes128-cts-hmac-sha1-96"),
    (26, "camellia256-cts-cmac"),
    (25, "camellia128-cts-cmac"),
    (23, "arcfour-hmac"),
    (24, "arcfour-hmac-exp"),
    (16, "des3-cbc-sha1"),
    (3, "des-cbc-md5"),
    (2, "des-cbc-md4"),
    (1, "des-cbc-crc"),
];

impl Format for Keytab {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "keytab",
            reads: "keys of principals of Kerberos, whose accounts a directory has",
            places: &["/etc/krb5.keytab", "*.keytab"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name == "krb5.keytab" || name.ends_with(".keytab")
    }

    fn holds_something(&self) -> bool {
        true
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        // Two bytes are little to tell a file by: its first entry has to be one as well.
        let Some((order, rest)) = begun(bytes) else {
            return false;
        };
        matches!(Rest { bytes: rest, order }.step(), Step::Key(_))
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some((order, bytes)) = begun(file.bytes) else {
            seen.broken("expected a keytab of version 1 or 2, got something else");
            return;
        };
        let mut rest = Rest { bytes, order };
        let mut keys: BTreeMap<(String, String, u32), Vec<Entry>> = BTreeMap::new();
        for n in 1.. {
            match rest.step() {
                Step::End => break,
                _ if n > ENTRIES_MAX => {
                    seen.unsupported(format!("holds more than {ENTRIES_MAX} keys"));
                    break;
                }
                Step::Hole => {}
                Step::Broken => {
                    seen.broken(format!("entry {n}: expected a key, got something else"));
                    break;
                }
                Step::Key(entry) => {
                    let of = (entry.realm.clone(), entry.name.clone(), entry.version);
                    keys.entry(of).or_default().push(entry);
                }
            }
        }
        let mut latest: BTreeMap<(String, String), u32> = BTreeMap::new();
        for (realm, name, version) in keys.keys() {
            let known = latest.entry((realm.clone(), name.clone())).or_default();
            *known = (*known).max(*version);
        }
        for ((realm, name, version), entries) in keys {
            let last = latest.get(&(realm.clone(), name.clone())).copied();
            let superseded = last.is_some_and(|last| last > version);
            if let Some(found) = told((&realm, &name, version), entries, superseded) {
                seen.found(found);
            }
        }
    }
}

/// One version of a principal's key.
fn told(of: (&str, &str, u32), mut entries: Vec<Entry>, superseded: bool) -> Option<Found> {
    let (realm, name, version) = of;
    entries.sort_by_key(|entry| rank(entry.cipher));
    let ciphers: Vec<String> = entries.iter().map(|entry| cipher(entry.cipher)).collect();
    let written = entries.iter().map(|entry| entry.written).max()?;
    let strongest = entries.into_iter().next()?;
    let field = format!("{name}@{realm} version {version}");
    let mut found = Found::secret(CredentialType::Password, field, strongest.key)
        .is(Attribute::PROVIDER, "kerberos")
        .is(Attribute::USER, name)
        .is(Attribute::ACCOUNT, realm)
        .is(Attribute::named("key_version"), i64::from(version))
        .is(Attribute::named("encryption"), ciphers)
        // It lies wherever the program that uses it was told to look.
        .is(Attribute::named("tool_file"), "own");
    if written > 0 {
        let at = Timestamp::from_seconds(i64::from(written));
        found = found.is(Attribute::named("written_at"), at.to_string());
    }
    if superseded {
        found = found.is(Attribute::named("superseded"), true);
    }
    Some(match kerberos_key(realm, name) {
        Some(key) => found.held_by(key),
        None => found,
    })
}

fn rank(number: u16) -> usize {
    let at = CIPHERS.iter().position(|(known, _)| *known == number);
    at.unwrap_or(CIPHERS.len())
}

fn cipher(number: u16) -> String {
    let known = CIPHERS.iter().find(|(known, _)| *known == number);
    known.map_or_else(
        || format!("cipher {number}"),
        |(_, name)| (*name).to_owned(),
    )
}

/// In which order the bytes of a number stand, and whether a type of name follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Version 1: that of the machine that wrote it; nearly all are little-endian.
    Little,
    /// Version 2: that of networks.
    Big,
}

/// What stands behind the version.
fn begun(bytes: &[u8]) -> Option<(Order, &[u8])> {
    match bytes {
        [5, 1, rest @ ..] => Some((Order::Little, rest)),
        [5, 2, rest @ ..] => Some((Order::Big, rest)),
        _ => None,
    }
}

/// One key.
struct Entry {
    realm: String,
    /// `HTTP/web.acme.test`.
    name: String,
    version: u32,
    cipher: u16,
    /// Seconds since 1970.
    written: u32,
    key: Secret,
}

/// What was not read yet.
struct Rest<'a> {
    bytes: &'a [u8],
    order: Order,
}

/// What comes next in a file.
enum Step {
    Key(Entry),
    /// A key that was taken out.
    Hole,
    Broken,
    End,
}

impl<'a> Rest<'a> {
    fn step(&mut self) -> Step {
        if self.bytes.is_empty() {
            return Step::End;
        }
        let Some(size) = self.number32() else {
            return Step::Broken;
        };
        // As a signed number it is negative for a hole; zero ends a file that was cut to a size.
        let (hole, size) = match size {
            0 => return Step::End,
            size if size > i32::MAX.unsigned_abs() => (true, size.wrapping_neg()),
            size => (false, size),
        };
        let taken = usize::try_from(size).ok().and_then(|size| self.take(size));
        let Some(bytes) = taken else {
            return Step::Broken;
        };
        if hole {
            return Step::Hole;
        }
        let order = self.order;
        Self { bytes, order }
            .entry()
            .map_or(Step::Broken, Step::Key)
    }

    fn entry(mut self) -> Option<Entry> {
        // Version 1 counts the realm as one of the names.
        let names = match self.order {
            Order::Little => self.number16()?.checked_sub(1)?,
            Order::Big => self.number16()?,
        };
        if names > NAMES_MAX {
            return None;
        }
        let realm = self.text()?;
        let name: Vec<_> = (0..names).map(|_| self.text()).collect::<Option<_>>()?;
        if self.order == Order::Big {
            // The type of the name says how it is looked up, not whose it is.
            self.number32()?;
        }
        let written = self.number32()?;
        let short = *self.take(1)?.first()?;
        let cipher = self.number16()?;
        let key = self.counted()?;
        // A version beyond 255 stands once more behind the key.
        let long = self.number32().filter(|long| *long > 0);
        (!key.is_empty()).then(|| Entry {
            realm,
            name: name.join("/"),
            version: long.unwrap_or_else(|| u32::from(short)),
            cipher,
            written,
            key: Secret::new(key.to_vec()),
        })
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number16(&mut self) -> Option<u16> {
        let bytes = *self.take(2)?.first_chunk()?;
        Some(match self.order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        })
    }

    fn number32(&mut self) -> Option<u32> {
        let bytes = *self.take(4)?.first_chunk()?;
        Some(match self.order {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let count = usize::from(self.number16()?);
        self.take(count)
    }

    /// A name: printable, and not without end.
    fn text(&mut self) -> Option<String> {
        let text = std::str::from_utf8(self.counted()?).ok()?;
        let plain = !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
        plain.then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of version 2, with its size before it.
    fn entry(names: &[&str], kvno: u32, cipher: u16, key: &[u8]) -> Vec<u8> {
        let counted = |bytes: &[u8]| {
            let count = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            [count.as_slice(), bytes].concat()
        };
        let count = u16::try_from(names.len()).unwrap().to_be_bytes();
        let mut body = [count.as_slice(), &counted(b"ACME.TEST")].concat();
        names
            .iter()
            .for_each(|one| body.extend(counted(one.as_bytes())));
        body.extend([0, 0, 0, 1]);
        body.extend(1_764_000_000_u32.to_be_bytes());
        body.push(u8::try_from(kvno & 0xff).unwrap());
        body.extend(cipher.to_be_bytes());
        body.extend(counted(key));
        body.extend(kvno.to_be_bytes());
        let size = u32::try_from(body.len()).unwrap().to_be_bytes();
        [size.as_slice(), &body].concat()
    }

    fn read(bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        let path = "/etc/krb5.keytab";
        Keytab.read(&FileAt { path, bytes }, &mut seen);
        seen
    }

    #[test]
    fn each_version_of_a_key_is_told_once_and_by_its_strongest_cipher() {
        let mut bytes = vec![5, 2];
        bytes.extend(entry(&["HTTP", "web.acme.test"], 300, 23, b"weak"));
        bytes.extend(entry(&["HTTP", "web.acme.test"], 300, 18, b"strong"));
        bytes.extend((-8_i32).to_be_bytes());
        bytes.extend([0; 8]);
        bytes.extend(entry(&["HTTP", "web.acme.test"], 2, 18, b"old"));
        let seen = read(&bytes);
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        assert!(Keytab.contained_in(&bytes));
        let told: Vec<_> = seen
            .found
            .iter()
            .map(|one| (one.field.as_str(), one.secret.as_ref().unwrap().expose()))
            .collect();
        assert_eq!(
            told,
            [
                ("HTTP/web.acme.test@ACME.TEST version 2", b"old".as_slice()),
                ("HTTP/web.acme.test@ACME.TEST version 300", b"strong"),
            ]
        );
        let superseded = |n: usize| {
            seen.found[n]
                .told
                .facts
                .contains_key(&Attribute::named("superseded"))
        };
        assert!(superseded(0) && !superseded(1));
    }

    #[test]
    fn a_file_of_version_1_counts_the_realm_as_a_name() {
        // Two names, one of which is the realm; no type of name.
        let mut body = vec![2, 0, 4, 0];
        body.extend(b"ACME\x03\0app");
        body.extend([0, 0, 0, 0, 7, 17, 0, 3, 0]);
        body.extend(b"key");
        let mut bytes = vec![5, 1];
        bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend(body);
        let seen = read(&bytes);
        assert_eq!(seen.found.len(), 1, "{:?}", seen.gaps);
        assert_eq!(seen.found[0].field, "app@ACME version 7");
    }

    #[test]
    fn what_is_cut_off_is_a_gap_after_what_stands_before_it() {
        let mut bytes = vec![5, 2];
        bytes.extend(entry(&["a"], 1, 18, b"one"));
        let whole = bytes.len();
        bytes.extend(entry(&["b"], 1, 18, b"two"));
        let seen = read(&bytes[..whole + 9]);
        assert_eq!((seen.found.len(), seen.gaps.len()), (1, 1));
        for bytes in [&[5_u8, 3][..], b"", b"\x05\x02\x7f\xff\xff\xff"] {
            assert_eq!(read(bytes).gaps.len(), 1);
            assert!(!Keytab.contained_in(bytes));
        }
    }
}
