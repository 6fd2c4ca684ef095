//! Passwords in preferences of group policies (`cpassword` in `Groups.xml` and its like).
//!
//! They are encrypted under a key that Microsoft published ([MS-GPPREF] 2.2.1.1.4), so whoever
//! can read the file has them. They are told as what they are, and so match the same password
//! wherever else it lies.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::{Attribute, CredentialType, Secret};

use crate::formats::{FileAt, Format, FormatSpec, Found, Seen, utf16, xml};

/// Files of preferences that may hold a password.
const FILES: &[&str] = &[
    "groups.xml",
    "services.xml",
    "scheduledtasks.xml",
    "datasources.xml",
    "drives.xml",
    "printers.xml",
];
/// The published key.
const KEY: [u8; 32] = [
    0x4e, 0x99, 0x06, 0xe8, 0xfc, 0xb6, 0x6c, 0xc9, 0xfa, 0xf4, 0x93, 0x10, 0x62, 0x0f, 0xfe, 0xe8,
    0xf4, 0x96, 0xe8, 0x06, 0xcc, 0x05, 0x79, 0x90, 0x20, 0x9b, 0x09, 0xa4, 0x33, 0xb6, 0x6c, 0x1b,
];

pub(in crate::formats) struct GroupPolicy;

impl Format for GroupPolicy {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "group_policy",
            reads: "passwords that group policies hand to every machine of a domain",
            places: &[
                "Groups.xml",
                "Services.xml",
                "ScheduledTasks.xml",
                "DataSources.xml",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        FILES.contains(&name.to_ascii_lowercase().as_str())
            && (path.contains("/Preferences/")
                || path.contains("/Policies/")
                || name != "services.xml")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(document) = xml::document(file.text(seen), 1, seen) else {
            return;
        };
        for node in document.descendants() {
            let Some(written) = node.attribute("cpassword").filter(|text| !text.is_empty()) else {
                continue;
            };
            let user = ["userName", "accountName", "runAs", "username"]
                .iter()
                .find_map(|name| node.attribute(*name));
            let Some(secret) = opened(written) else {
                seen.broken("a password of a group policy that cannot be opened");
                continue;
            };
            let field = format!("cpassword of {}", user.unwrap_or("nobody named"));
            let line = xml::line(node);
            seen.found(
                Found::secret(CredentialType::Password, field, secret)
                    .is(Attribute::PROVIDER, "windows")
                    .maybe(Attribute::USER, user)
                    .is(
                        Attribute::PURPOSE,
                        "encrypted under a key that is published",
                    )
                    .is(Attribute::named("key_published"), true)
                    .line(line),
            );
        }
    }
}

fn opened(written: &str) -> Option<Secret> {
    let mut bytes = STANDARD_NO_PAD.decode(written.trim_end_matches('=')).ok()?;
    let key = UnboundCipherKey::new(&AES_256, &KEY).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let context = DecryptionContext::Iv128(FixedLength::from([0; 16]));
    let plain = key.decrypt(&mut bytes, context).ok()?;
    let text = utf16::hidden(plain)?;
    (!text.is_empty()).then(|| Secret::from(text.as_str()))
}
