//! OpenSSH public keys in files of their own: `id_ed25519.pub`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::lines;
use super::{FileAt, Format, FormatSpec, PublicHalf, Seen};
use crate::public_key::PublicKey;

pub(super) struct SshPublicKey;

impl Format for SshPublicKey {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "ssh_public_key",
            reads: "public halves of SSH keys, to tell whose private key lies beside them",
            places: &["~/.ssh/id_*.pub", "/etc/ssh/ssh_host_*_key.pub"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.ends_with(".pub")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        for (_, line) in lines(file.text(seen)) {
            let mut words = line.split_whitespace();
            let (Some(kind), Some(blob)) = (words.next(), words.next()) else {
                continue;
            };
            // A certificate holds a key and is another thing.
            if kind.contains("-cert-v01@") {
                continue;
            }
            if let Some(key) = decoded(kind, blob) {
                let comment = words.collect::<Vec<_>>().join(" ");
                let comment = (!comment.is_empty()).then(|| model::shorten(&comment, 200));
                seen.public(PublicHalf { key, comment });
            }
        }
    }
}

/// The key written as `kind` and base64; `None` where they do not fit.
pub(crate) fn decoded(kind: &str, blob: &str) -> Option<PublicKey> {
    let bytes = STANDARD.decode(blob).ok()?;
    let named = bytes.get(4..)?.starts_with(kind.as_bytes());
    named.then(|| PublicKey::from_ssh(&bytes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_does_not_fit_its_key_is_no_key() {
        let blob = "AAAAC3NzaC1lZDI1NTE5AAAAIE4K9lDX4aO+S3VvZ7CzsHkQHxXsQKO5TBp7m5rwYJ1u";
        assert!(decoded("ssh-ed25519", blob).is_some());
        assert!(decoded("ssh-rsa", blob).is_none());
        assert!(decoded("ssh-ed25519", "AAAA").is_none());
    }
}
