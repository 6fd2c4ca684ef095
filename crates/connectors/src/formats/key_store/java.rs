//! JKS and JCEKS: certificates lie open, keys are sealed, a hash over the password seals it all.

use aws_lc_rs::digest;
use model::Told;

use super::password::{KNOWN, utf16};
use super::{Store, keep, key};
use crate::formats::{Certificate, Seen, x509};

/// More entries than this are not looked at.
const ENTRIES_MAX: u32 = 5_000;
/// More certificates than this in one chain are not looked at.
const CHAIN_MAX: u32 = 100;
/// What Sun's key store mixes into its seal.
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// Bytes of the seal at the end: SHA-1.
const SEAL: usize = 20;

/// Reads a store; `None` where not even its head is one.
pub(super) fn read(form: &'static str, bytes: &[u8], seen: &mut Seen) -> Option<Store> {
    let body = bytes.get(..bytes.len().checked_sub(SEAL)?)?;
    let mut rest = Rest(body.get(4..)?);
    let version = rest.number()?;
    let count = rest.number()?;
    if !matches!(version, 1 | 2) {
        seen.unsupported("a Java key store of a version that is not known");
        return None;
    }
    let mut store = Store::new(form);
    "sha1 over the password".clone_into(&mut store.integrity);
    store.opens_with = opens_with(body, bytes.get(body.len()..)?);
    for _ in 0..count.min(ENTRIES_MAX) {
        match entry(form, version, &mut rest, &mut store, seen) {
            Some(true) => {}
            Some(false) => return Some(store),
            None => {
                store.whole = false;
                seen.broken("a Java key store that is cut off or broken");
                return Some(store);
            }
        }
    }
    if count > ENTRIES_MAX {
        store.whole = false;
        seen.unsupported(format!(
            "more than {ENTRIES_MAX} entries; the rest was not read"
        ));
    }
    Some(store)
}

/// One entry; `Some(false)` where nothing after it can be found.
fn entry(
    form: &'static str,
    version: u32,
    rest: &mut Rest<'_>,
    store: &mut Store,
    seen: &mut Seen,
) -> Option<bool> {
    let tag = rest.number()?;
    let alias = String::from_utf8_lossy(rest.short()?).into_owned();
    rest.take(8)?;
    match tag {
        1 => {
            let sealed = rest.long()?;
            let mut chain = Vec::new();
            for _ in 0..rest.number()?.min(CHAIN_MAX) {
                chain.extend(certificate(version, rest, store, seen)?);
            }
            store.keys = store.keys.saturating_add(1);
            seen.key(key(&alias, form, sealed, None, chain.first()));
            for one in chain {
                keep(one, &alias, seen);
            }
        }
        2 => {
            if let Some(one) = certificate(version, rest, store, seen)? {
                keep(one, &alias, seen);
            }
        }
        3 => {
            store.secrets = store.secrets.saturating_add(1);
            store.whole = false;
            seen.unsupported("a secret key in Java's own form; what follows it was not read");
            return Some(false);
        }
        _ => return None,
    }
    Some(true)
}

/// A certificate; the inner `None` where it is of another kind or broken.
fn certificate(
    version: u32,
    rest: &mut Rest<'_>,
    store: &mut Store,
    seen: &mut Seen,
) -> Option<Option<Certificate>> {
    let x509 = version == 1 || rest.short()? == b"X.509";
    let bytes = rest.long()?;
    store.certificates = store.certificates.saturating_add(1);
    let read = x509.then(|| x509::certificate(bytes)).flatten();
    if read.is_none() {
        seen.broken("a certificate in a key store that is broken or of another kind");
    }
    Some(read)
}

fn opens_with(body: &[u8], seal: &[u8]) -> Told<&'static str> {
    let opened = KNOWN.iter().find(|(password, _)| {
        let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        hash.update(&utf16(password));
        hash.update(WHITENER);
        hash.update(body);
        hash.finish().as_ref() == seal
    });
    opened.map_or(Told::Absent, |(_, name)| Told::Is(*name))
}

/// Numbers and strings as Java writes them: high byte first.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A text with a length of two bytes.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(usize::from(length))
    }

    /// Bytes with a length of four.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }
}
