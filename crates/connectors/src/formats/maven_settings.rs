//! Passwords in XML settings of package tools: Maven's `settings.xml`, NuGet's `NuGet.Config`.

use model::{Attribute, CredentialType};
use roxmltree::Node;

use super::text::{is_reference, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, xml};

pub(super) struct MavenSettings;

impl Format for MavenSettings {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "maven_settings",
            reads: "passwords for package repositories in the settings of Maven and NuGet",
            places: &["~/.m2/settings.xml", "NuGet.Config"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        path.ends_with("/.m2/settings.xml") || name.eq_ignore_ascii_case("nuget.config")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(document) = xml::document(file.text(seen), 1, seen) else {
            return;
        };
        for node in document.descendants() {
            match node.tag_name().name() {
                "server" => maven(node, seen),
                "packageSourceCredentials" => nuget(node, seen),
                _ => {}
            }
        }
    }
}

fn maven(server: Node<'_, '_>, seen: &mut Seen) {
    let child = |name: &str| {
        server
            .children()
            .find(|node| node.has_tag_name(name) || node.tag_name().name() == name)
    };
    let text = |name: &str| child(name).and_then(|node| node.text()).map(str::trim);
    for field in ["password", "passphrase"] {
        let (Some(node), Some(value)) = (child(field), text(field)) else {
            continue;
        };
        // `{…}` is encrypted under a master password that lies elsewhere.
        let encrypted = value.starts_with('{') && value.ends_with('}');
        if is_reference(value) || encrypted {
            continue;
        }
        let id = text("id").unwrap_or_default();
        seen.found(
            Found::secret(
                CredentialType::Password,
                format!("{field} of {id}"),
                secret(value),
            )
            .is(Attribute::PROVIDER, "maven")
            .maybe(Attribute::USER, text("username"))
            .is(Attribute::ENDPOINT, id)
            .line(xml::line(node)),
        );
    }
}

fn nuget(credentials: Node<'_, '_>, seen: &mut Seen) {
    for source in credentials.children().filter(Node::is_element) {
        let name = source.tag_name().name();
        let value = |key: &str| {
            let node = source
                .children()
                .find(|node| node.attribute("key") == Some(key))?;
            Some((node, node.attribute("value")?))
        };
        let Some((node, password)) =
            value("ClearTextPassword").filter(|(_, text)| !is_reference(text))
        else {
            continue;
        };
        seen.found(
            Found::secret(
                CredentialType::Password,
                format!("password of {name}"),
                secret(password),
            )
            .is(Attribute::PROVIDER, "nuget")
            .maybe(Attribute::USER, value("Username").map(|(_, user)| user))
            .is(Attribute::ENDPOINT, name)
            .line(xml::line(node)),
        );
    }
}
