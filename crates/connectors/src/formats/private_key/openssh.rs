//! OpenSSH's own form of private keys (OpenSSH, `PROTOCOL.key`): the public half stands in clear.

use model::Told;

use super::Parts;
use crate::public_key::{PublicKey, Strings};

/// What can be told of it; `None` where it is cut off.
pub(super) fn parts(bytes: &[u8]) -> Option<Parts> {
    let mut rest = Strings(bytes.strip_prefix(b"openssh-key-v1\0")?);
    let cipher = rest.next()?;
    let _derivation = rest.next()?;
    let _parameters = rest.next()?;
    if rest.number()? != 1 {
        return None;
    }
    let public = PublicKey::from_ssh(rest.next()?)?;
    let private = rest.next()?;
    let encrypted = cipher != b"none";
    let mut parts = Parts::plain("openssh", None, Some(public));
    parts.encrypted = Told::Is(encrypted);
    if !encrypted {
        parts.comment = comment(private);
    }
    Some(parts)
}

/// The comment is the last string before the padding 1, 2, 3, …; how many strings come first
/// depends on the kind of key.
fn comment(private: &[u8]) -> Option<String> {
    let mut rest = Strings(private);
    (rest.number()? == rest.number()?).then_some(())?;
    let before = match rest.next()? {
        b"ssh-ed25519" => 2,
        b"ssh-rsa" => 6,
        b"ssh-dss" => 5,
        kind if kind.starts_with(b"ecdsa-sha2-") => 3,
        _ => return None,
    };
    for _ in 0..before {
        rest.next()?;
    }
    let comment = std::str::from_utf8(rest.next()?).ok()?;
    (!comment.is_empty()).then(|| model::shorten(comment, 200))
}
