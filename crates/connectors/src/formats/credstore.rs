//! What systemd keeps for units to load as credentials (systemd.exec, "Credentials"): one file for
//! each, called as the credential is. What is encrypted to the machine is counted and not read.

use model::{Attribute, CredentialType};

use super::text::{is_placeholder, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen};
use crate::armour;

/// What is there for every program is no longer than this; a longer file is a text like others.
const SECRET_BYTES_MAX: usize = 4096;

pub(super) struct Credstore;

impl Format for Credstore {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "credstore",
            reads: "credentials that systemd keeps for units to load",
            places: &["/etc/credstore/*", "/etc/credstore.encrypted/*"],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        is_sealed(path) || is_kept(path, "/credstore/")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if is_sealed(file.path) {
            seen.set_aside("encrypted credential of a unit");
            seen.texts_are_all = true;
            return;
        }
        // What says itself what it is, others read.
        if armour::is_in(file.bytes) || file.bytes.contains(&0) {
            return;
        }
        let text = file.text(seen).trim_end_matches(['\r', '\n']);
        let is_one = !text.is_empty() && !text.contains('\n') && text.len() <= SECRET_BYTES_MAX;
        if !is_one || is_placeholder(text) || text.starts_with(['{', '[']) {
            return;
        }
        let name = file.name();
        if PLAIN.iter().any(|plain| name.starts_with(plain)) {
            return;
        }
        let credential = match name.to_ascii_lowercase().contains("pass") {
            true => CredentialType::Password,
            false => CredentialType::ApiToken,
        };
        let field = format!("credential {}", model::shorten(name, 80));
        let found = Found::secret(credential, field, secret(text))
            .is(Attribute::NAME, model::shorten(name, 120))
            .line(1);
        seen.found(found);
    }
}

/// What systemd itself takes as credentials and is none: settings, keys that are public, hashes
/// (systemd.system-credentials(7)).
const PLAIN: [&str; 16] = [
    "firstboot.",
    "fstab.",
    "getty.",
    "journal.",
    "login.",
    "network.",
    "passwd.hashed-password.",
    "passwd.shell.",
    "ssh.",
    "sysctl.",
    "system.",
    "systemd.",
    "sysusers.",
    "tmpfiles.",
    "udev.",
    "vmm.",
];

fn is_sealed(path: &str) -> bool {
    is_kept(path, "/credstore.encrypted/")
}

/// Whether a file lies right in a directory that is called so where systemd looks for it.
fn is_kept(path: &str, dir: &str) -> bool {
    path.rsplit_once(dir).is_some_and(|(above, name)| {
        let system = ["/etc", "/run", "/usr/lib", "/usr/local/lib"];
        !name.contains('/') && system.iter().any(|one| above.ends_with(one))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Seen {
        let mut seen = Seen::default();
        let file = FileAt {
            path,
            bytes: text.as_bytes(),
        };
        if Credstore.recognises(path, file.name()) {
            Credstore.read(&file, &mut seen);
        }
        seen
    }

    #[test]
    fn one_line_is_a_secret_and_what_is_sealed_is_counted() {
        let secret = "xK7pWm2Xc9Rt4Hs6\n";
        let seen = read("/etc/credstore/shop.db-password", secret);
        assert_eq!(seen.found[0].field, "credential shop.db-password");
        let sealed = read(
            "/etc/credstore.encrypted/shop.db",
            "Whxqht+dQJax1aZeCGLxmiA=",
        );
        assert!(sealed.found.is_empty() && sealed.texts_are_all);
        assert_eq!(sealed.aside.len(), 1);
        for (path, text) in [
            ("/srv/shop/credstore/db", secret),
            ("/etc/credstore/below/db", secret),
            ("/etc/credstore/conf", "a = 1\nb = 2\n"),
            ("/etc/credstore/empty", ""),
        ] {
            assert!(read(path, text).found.is_empty(), "{path}");
        }
    }
}
