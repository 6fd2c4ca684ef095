//! Configurations of .NET (`web.config`, `app.config`, `appsettings.json`) and of IIS
//! (`applicationHost.config`).

use model::{Attribute, Class, CredentialType, Kind};
use roxmltree::Node;

use super::account::{account, runs_as};
use crate::formats::settings::{self, Setting};
use crate::formats::text::{is_placeholder, secret};
use crate::formats::{FileAt, Format, FormatSpec, Found, Seen, Thing, tree, xml};

/// More pools than this in one file are not looked at.
const POOLS_MAX: usize = 1_000;

pub(in crate::formats) struct DotnetConfig;

impl Format for DotnetConfig {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "dotnet_config",
            reads: "connection strings, keys and application pools of .NET and IIS",
            places: &[
                "web.config",
                "app.config",
                "*.exe.config",
                "appsettings.json",
                "appsettings.*.json",
                "applicationHost.config",
                "~/.microsoft/usersecrets/*/secrets.json",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        let low = name.to_ascii_lowercase();
        let config = low.ends_with(".config")
            && (low.starts_with("web.")
                || low.starts_with("app.")
                || low.starts_with("applicationhost.")
                || low.ends_with(".exe.config")
                || low.ends_with(".dll.config"));
        config
            || low.ends_with(".json") && low.starts_with("appsettings")
            || low == "secrets.json" && path.to_ascii_lowercase().contains("usersecrets/")
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if file.name().to_ascii_lowercase().ends_with(".json") {
            if let Some(value) = tree::json_with_comments(file, seen) {
                let environment = file.name().split('.').nth(1).filter(|one| *one != "json");
                settings::nested("", &value, seen, |found| {
                    found.maybe(Attribute::ENVIRONMENT, environment)
                });
                settings::locate(seen, file.bytes);
            }
            return;
        }
        let Some(document) = xml::document(file.text(seen), 1, seen) else {
            return;
        };
        for (n, node) in document.descendants().filter(Node::is_element).enumerate() {
            element(n, node, seen);
        }
        let defaults = document
            .descendants()
            .find(|node| node.tag_name().name() == "applicationPoolDefaults");
        let pools = document.descendants().filter(|node| {
            let around = node.parent().map(|one| one.tag_name().name());
            node.tag_name().name() == "add" && around == Some("applicationPools")
        });
        for node in pools.take(POOLS_MAX) {
            pool(node, defaults, seen);
        }
    }
}

/// The credentials in one element.
fn element(n: usize, node: Node<'_, '_>, seen: &mut Seen) {
    let get = |name: &str| node.attribute(name).filter(|text| keeps(text));
    let around = node
        .parent_element()
        .map_or("", |one| one.tag_name().name());
    let line = xml::line(node);
    match node.tag_name().name() {
        "add" if around == "connectionStrings" => {
            if let Some(text) = node.attribute("connectionString") {
                let name = node.attribute("name").unwrap_or("unnamed");
                setting(
                    &format!("connectionStrings.{name}"),
                    "connectionString",
                    text,
                    line,
                    seen,
                );
            }
        }
        "add" if around == "appSettings" => {
            if let (Some(name), Some(text)) = (node.attribute("key"), get("value")) {
                setting(&format!("appSettings.{name}"), name, text, line, seen);
            }
        }
        "machineKey" => {
            for name in ["validationKey", "decryptionKey"] {
                if let Some(text) = get(name).filter(|text| !text.contains("AutoGenerate")) {
                    let found = Found::secret(
                        CredentialType::ApiToken,
                        format!("machineKey.{name}"),
                        secret(text),
                    )
                    .is(Attribute::PROVIDER, "dotnet")
                    .is(
                        Attribute::PURPOSE,
                        "signs and seals what ASP.NET gives to browsers",
                    );
                    seen.found(found.line(line));
                }
            }
        }
        name => {
            // `identity`, `network` of mail, `virtualDirectory`, `user` of forms, …
            let user = node.attribute("userName").or(node.attribute("username"));
            if let Some(text) = get("password").filter(|_| name != "processModel") {
                let (at, host) = (format!("{name}.password {n}"), node.attribute("host"));
                let found = Found::secret(CredentialType::Password, at, secret(text))
                    .maybe(Attribute::USER, user.or(node.attribute("name")))
                    .maybe(Attribute::ENDPOINT, host);
                seen.found(found.line(line));
            }
        }
    }
}

fn setting(field: &str, name: &str, value: &str, line: usize, seen: &mut Seen) {
    let one = Setting {
        name,
        field: field.to_owned(),
        value,
        stated: false,
    };
    settings::adopt(settings::read(&[one]), seen, |found| found.line(line));
}

/// Whether a value is a secret as it stands: IIS seals values as `[enc:…:enc]`.
fn keeps(text: &str) -> bool {
    !is_placeholder(text) && !text.starts_with("[enc:")
}

/// A pool: as whom its applications run.
fn pool(node: Node<'_, '_>, defaults: Option<Node<'_, '_>>, seen: &mut Seen) {
    let name = node.attribute("name").unwrap_or("unnamed");
    let field = format!("pool {}", model::shorten(name, 80));
    if seen.things.iter().any(|thing| thing.field == field) {
        return;
    }
    let own = xml::child(node, "processModel");
    let inherited = defaults.and_then(|one| xml::child(one, "processModel"));
    let get = |name: &str| {
        let of = |model: Option<Node<'_, '_>>| model?.attribute(name).map(str::to_owned);
        of(own).or_else(|| of(inherited))
    };
    let kind = get("identityType").unwrap_or_else(|| "ApplicationPoolIdentity".to_owned());
    let user = match kind.as_str() {
        "SpecificUser" => get("userName").unwrap_or_default(),
        "ApplicationPoolIdentity" => format!("IIS AppPool\\{name}"),
        other => other.to_owned(),
    };
    let thing = Thing::new(Kind::Identity, field.as_str(), "iis_application_pool")
        .is(Attribute::NAME, name)
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::PROVIDER, "windows")
        .is(Attribute::named("identity_type"), kind);
    let password = own.and_then(|model| Some((model, model.attribute("password")?)));
    let sealed = password.is_some_and(|(_, text)| text.starts_with("[enc:"));
    if sealed {
        seen.set_aside("sealed by IIS");
    }
    if let Some((model, text)) = password.filter(|(_, text)| keeps(text)) {
        let found = Found::secret(
            CredentialType::Password,
            format!("{field}.password"),
            secret(text),
        )
        .is(Attribute::PROVIDER, "windows")
        .is(Attribute::USER, account(&user).0)
        .line(xml::line(model));
        seen.found(found.used_in_file_by(&field));
    }
    runs_as(
        thing,
        &user,
        sealed,
        "the configuration, sealed for the machine",
        seen,
    );
}
