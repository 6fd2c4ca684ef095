//! Passwords in XML settings of package tools: Maven's `settings.xml`, NuGet's `NuGet.Config`.

use model::{Attribute, CredentialType};
use roxmltree::{Document, Node, ParsingOptions};

use super::text::{is_reference, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen};

/// A document of more elements is not read.
const NODES_MAX: u32 = 100_000;

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
        // No document type: entities that grow are refused, not expanded.
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: NODES_MAX,
            ..ParsingOptions::default()
        };
        let text = file.text(seen);
        if depth(text) > 256 {
            seen.unsupported("nested deeper than settings are");
            return;
        }
        let document = match Document::parse_with_options(text, options) {
            Ok(document) => document,
            Err(told) => {
                seen.broken(format!(
                    "expected XML, got something else at line {}",
                    told.pos().row
                ));
                return;
            }
        };
        for node in document.descendants() {
            match node.tag_name().name() {
                "server" => maven(&document, node, seen),
                "packageSourceCredentials" => nuget(&document, node, seen),
                _ => {}
            }
        }
    }
}

/// How deep a document may be nested: no more than it opens elements before it closes one.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for part in text.split('<').skip(1) {
        if part.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !part.starts_with(['!', '?'])
            && !part.split('>').next().unwrap_or_default().ends_with('/')
        {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

fn maven(document: &Document<'_>, server: Node<'_, '_>, seen: &mut Seen) {
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
            .line(line(document, node)),
        );
    }
}

fn nuget(document: &Document<'_>, credentials: Node<'_, '_>, seen: &mut Seen) {
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
            .line(line(document, node)),
        );
    }
}

fn line(document: &Document<'_>, node: Node<'_, '_>) -> usize {
    let row = document.text_pos_at(node.range().start).row;
    usize::try_from(row).unwrap_or(usize::MAX)
}
