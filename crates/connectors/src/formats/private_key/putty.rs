//! PuTTY's form of private keys (PuTTY manual, appendix C): the public half stands in clear.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Secret, Told};

use super::Parts;
use crate::formats::{FileAt, Seen};
use crate::public_key::PublicKey;

const BEGIN: &[u8] = b"PuTTY-User-Key-File-";

pub(super) fn is_in(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGIN)
}

pub(super) fn read(file: &FileAt<'_>, seen: &mut Seen) {
    let mut lines = file.text(seen).lines().take(10_000);
    let mut parts = Parts::unknown("putty", Told::CannotTell);
    let mut private = Vec::new();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        let count = value.trim().parse().unwrap_or(0).min(1_000);
        match name {
            "Encryption" => parts.encrypted = Told::Is(value.trim() != "none"),
            "Comment" => parts.comment = Some(model::shorten(value.trim(), 200)),
            "Public-Lines" => {
                parts.public =
                    decoded(&mut lines, count).and_then(|blob| PublicKey::from_ssh(&blob))
            }
            "Private-Lines" => private = decoded(&mut lines, count).unwrap_or_default(),
            _ => {}
        }
    }
    if private.is_empty() {
        seen.broken("a PuTTY key that is cut off");
        return;
    }
    parts.algorithm = parts.public.as_ref().map(|key| key.algorithm.clone());
    seen.key(parts.into_key(Secret::new(private)));
}

fn decoded<'a>(lines: &mut impl Iterator<Item = &'a str>, count: usize) -> Option<Vec<u8>> {
    let text: String = lines.take(count).map(str::trim).collect();
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}
