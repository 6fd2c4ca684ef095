//! PKCS #12 (RFC 7292): bags of keys and certificates, most of them encrypted.

use model::Told;

use super::password::{KNOWN, ROUNDS_MAX, Rounds, Seal, opened};
use super::{Store, keep, key};
use crate::der::{self, Der};
use crate::formats::{Seen, x509};

const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
const EXPLICIT: u8 = 0xa0;
const IMPLICIT: u8 = 0x80;
const SET: u8 = 0x31;
const BMP_STRING: u8 = 0x1e;
/// More parts or bags than this in one store are not looked at.
const BAGS_MAX: usize = 2_000;

/// What is carried through the parts of one store.
struct Reading<'s> {
    store: Store,
    /// The password that opens it, if it is a known one.
    password: Option<&'static str>,
    rounds: Rounds,
    /// Keys wait for the certificates: theirs may stand in a later part.
    seen: &'s mut Seen,
    bags: usize,
    closed: bool,
}

/// Reads a store; `None` where it is none.
pub(super) fn read(bytes: &[u8], seen: &mut Seen) -> Option<Store> {
    let mut pfx = Der::new(bytes).sequence()?;
    let version = pfx.integer()?;
    let mut safe = pfx.sequence()?;
    if version != [3] || safe.take(der::OBJECT_ID)?.strip_prefix(PKCS7)? != [1] {
        seen.unsupported("a PKCS #12 store that is signed or of another version");
        return Some(Store {
            whole: false,
            ..Store::new("pkcs12")
        });
    }
    let content = Der::new(safe.take(EXPLICIT)?).take(der::OCTET_STRING)?;
    let mut reading = Reading {
        store: Store::new("pkcs12"),
        password: None,
        rounds: Rounds(ROUNDS_MAX),
        seen,
        bags: 0,
        closed: false,
    };
    match pfx.sequence() {
        None => "none".clone_into(&mut reading.store.integrity),
        Some(data) => reading.seal(Seal::read(data), content),
    }
    let mut parts = Der::new(content).sequence()?;
    while let Some(part) = parts.sequence() {
        if reading.part(part).is_none() {
            reading.store.whole = false;
            reading
                .seen
                .broken("a part of a PKCS #12 store that is broken");
        }
        reading.bags += 1;
        if reading.bags > BAGS_MAX {
            break;
        }
    }
    if reading.closed {
        reading.store.whole = false;
        let told = "a key store in which certificates are encrypted as well; what it holds is told only with its password";
        reading.seen.unsupported(told);
    }
    if reading.bags > BAGS_MAX {
        reading.store.whole = false;
        let told = format!("more than {BAGS_MAX} entries; the rest was not read");
        reading.seen.unsupported(told);
    }
    Some(reading.store)
}

impl Reading<'_> {
    fn seal(&mut self, seal: Option<Seal<'_>>, content: &[u8]) {
        let Some(seal) = seal else {
            "unknown".clone_into(&mut self.store.integrity);
            return;
        };
        seal.name.clone_into(&mut self.store.integrity);
        self.store.iterations = Some(i64::from(seal.rounds));
        let known = KNOWN
            .iter()
            .find(|(password, _)| seal.fits(password, content, &mut self.rounds));
        self.password = known.map(|(password, _)| *password);
        self.store.opens_with = match known {
            Some((_, name)) => Told::Is(*name),
            // Where no rounds were left, nobody knows.
            None if self.rounds.0 < seal.rounds => Told::CannotTell,
            None => Told::Absent,
        };
    }

    /// One part of the store: bags in clear, or encrypted as a whole.
    fn part(&mut self, mut part: Der<'_>) -> Option<()> {
        match part.take(der::OBJECT_ID)?.strip_prefix(PKCS7)? {
            [1] => self.bags(Der::new(part.take(EXPLICIT)?).take(der::OCTET_STRING)?),
            [6] => {
                let mut data = Der::new(part.take(EXPLICIT)?).sequence()?;
                data.integer();
                let mut info = data.sequence()?;
                info.take(der::OBJECT_ID)?;
                let algorithm = info.sequence()?;
                let sealed = info.take(IMPLICIT)?;
                match self.open(algorithm, sealed) {
                    Some(plain) => self.bags(&plain),
                    None => {
                        self.closed = true;
                        Some(())
                    }
                }
            }
            _ => {
                self.closed = true;
                Some(())
            }
        }
    }

    fn open(&mut self, algorithm: Der<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        opened(algorithm, sealed, self.password?, &mut self.rounds)
    }

    fn bags(&mut self, content: &[u8]) -> Option<()> {
        let mut bags = Der::new(content).sequence()?;
        while let Some(mut bag) = bags.sequence() {
            self.bags += 1;
            if self.bags > BAGS_MAX {
                break;
            }
            let id = bag.take(der::OBJECT_ID)?.strip_prefix(BAG)?;
            let value = bag.take(EXPLICIT)?;
            let alias = bag.take(SET).and_then(alias).unwrap_or_default();
            match id {
                [1] => self.key(&alias, value, Some(value)),
                [2] => {
                    let mut info = Der::new(value).sequence()?;
                    let algorithm = info.sequence()?;
                    let sealed = info.take(der::OCTET_STRING)?;
                    let plain = self.open(algorithm, sealed);
                    self.key(&alias, value, plain.as_deref());
                }
                [3] => self.certificate(&alias, value)?,
                [5] => self.store.secrets = self.store.secrets.saturating_add(1),
                [4] => {}
                _ => self.store.whole = false,
            }
        }
        Some(())
    }

    fn key(&mut self, alias: &str, value: &[u8], plain: Option<&[u8]>) {
        self.store.keys = self.store.keys.saturating_add(1);
        let number = self.store.keys.to_string();
        let name = if alias.is_empty() { &number } else { alias };
        self.seen.key(key(name, "pkcs12", value, plain, None));
    }

    fn certificate(&mut self, alias: &str, value: &[u8]) -> Option<()> {
        let mut bag = Der::new(value).sequence()?;
        self.store.certificates = self.store.certificates.saturating_add(1);
        if bag.take(der::OBJECT_ID)? != X509 {
            return Some(());
        }
        let bytes = Der::new(bag.take(EXPLICIT)?).take(der::OCTET_STRING)?;
        match x509::certificate(bytes) {
            Some(one) => keep(one, alias, self.seen),
            None => self
                .seen
                .broken("a certificate in a key store that is broken"),
        }
        Some(())
    }
}

/// The friendly name among a bag's attributes.
fn alias(attributes: &[u8]) -> Option<String> {
    let mut attributes = Der::new(attributes);
    while let Some(mut attribute) = attributes.sequence() {
        if attribute.take(der::OBJECT_ID)? == FRIENDLY_NAME {
            let text = Der::new(attribute.take(SET)?).take(BMP_STRING)?;
            let (pairs, _) = text.as_chunks::<2>();
            let letters: Vec<_> = pairs.iter().map(|two| u16::from_be_bytes(*two)).collect();
            return Some(String::from_utf16_lossy(&letters));
        }
    }
    None
}
