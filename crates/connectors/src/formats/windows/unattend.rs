//! Answers of an unattended setup: `unattend.xml`, `autounattend.xml`, `sysprep.xml`
//! (Microsoft Learn, "Unattended Windows Setup Reference").
//!
//! A password that is not plain is written in base64 with the name of its element behind it:
//! hidden from a glance and from nobody else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, CredentialType, Secret};
use roxmltree::Node;

use crate::formats::text::is_placeholder;
use crate::formats::{FileAt, Format, FormatSpec, Found, Seen, utf16, xml};

/// Elements that hold a password.
const PASSWORDS: &[&str] = &["Password", "AdministratorPassword"];

pub(in crate::formats) struct Unattend;

impl Format for Unattend {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "unattend",
            reads: "passwords in the answers of an unattended setup of Windows",
            places: &["unattend.xml", "autounattend.xml", "sysprep.xml"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        name.ends_with(".xml")
            && (name.starts_with("unattend")
                || name.starts_with("autounattend")
                || name == "sysprep.xml")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(document) = xml::document(file.text(seen), 1, seen) else {
            return;
        };
        let elements = document
            .descendants()
            .filter(|node| PASSWORDS.contains(&node.tag_name().name()));
        for (n, node) in elements.enumerate() {
            read_password(n, node, seen);
        }
    }
}

fn read_password(n: usize, node: Node<'_, '_>, seen: &mut Seen) {
    let element = node.tag_name().name();
    let plain = xml::text(node, &["PlainText"]).is_none_or(|text| text != "false");
    let written = xml::text(node, &["Value"]).or_else(|| node.text().map(str::trim));
    let Some(written) = written.filter(|text| !is_placeholder(text) && !is_wiped(text)) else {
        return;
    };
    let Some(secret) = (if plain {
        Some(Secret::from(written))
    } else {
        hidden(written, element)
    }) else {
        return seen.broken("expected a password in base64, got something else");
    };
    let around = node.parent_element();
    let beside = |name: &str| around.and_then(|one| xml::text(one, &[name]));
    let user = match element {
        "AdministratorPassword" => Some("Administrator"),
        _ => beside("Username").or(beside("Name")),
    };
    let of = around.map_or("", |one| one.tag_name().name());
    let field = match n {
        0 => format!("{of}.{element}"),
        n => format!("{of}.{element} {}", n + 1),
    };
    seen.found(
        Found::secret(CredentialType::Password, field, secret)
            .is(Attribute::PROVIDER, "windows")
            .maybe(Attribute::USER, user)
            .maybe(Attribute::ACCOUNT, beside("Domain"))
            .line(xml::line(node)),
    );
}

/// What Windows puts in the place of a password that it has used.
fn is_wiped(text: &str) -> bool {
    text.starts_with("*SENSITIVE*DATA*DELETED*")
}

/// A password in base64 of UTF-16, with the name of its element behind it.
fn hidden(written: &str, element: &str) -> Option<Secret> {
    let bytes = STANDARD.decode(written).ok()?;
    let text = utf16::hidden(&bytes)?;
    let text = text.strip_suffix(element).unwrap_or(&text);
    (!text.is_empty()).then(|| Secret::from(text))
}
