//! Descriptions of MCP servers: which credentials a server needs before any is given to it.
//!
//! Read are `server.json` of the MCP registry (`packages`, `remotes`) and `server.yaml` of
//! Docker's MCP catalogue (`config.secrets`, `oauth`).
//!
//! The server is an identity (`mcp_server`, class agentic; `transport`, `endpoint`, `package`,
//! `version`). Each secret it needs is a credential by reference, used by it: `declared` is
//! true, `required` says whether it works without, `login` is `oauth` where a person consents.

use model::{Attribute, Class, Kind, Told};
use serde_json::Value;

use super::literals::sounds_secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, tree};

/// More variables than this of one server are not looked at.
const VARIABLES_MAX: usize = 500;

pub(super) struct McpServer;

impl Format for McpServer {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "mcp_server",
            reads: "credentials that tool servers of AI agents declare to need",
            places: &["server.json", "server.yaml"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        matches!(name, "server.json" | "server.yaml" | "server.yml")
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        // Other programs have files of this name: what is no description tells nothing.
        let mut own = Seen::default();
        let json = file.name().ends_with(".json");
        let value = if json {
            tree::json(file, &mut own)
        } else {
            tree::yaml(file, &mut own)
        };
        let Some(value) = value else {
            seen.gaps.append(&mut own.gaps);
            return;
        };
        let Some(name) = tree::text(&value, &["name"]) else {
            return;
        };
        if json && is_registered(&value) {
            registered(name, &value, seen);
        } else if !json && is_listed(&value) {
            listed(name, &value, seen);
        }
    }
}

/// Whether it is an entry of the MCP registry.
fn is_registered(value: &Value) -> bool {
    value.get("packages").is_some_and(Value::is_array)
        || value.get("remotes").is_some_and(Value::is_array)
}

/// Whether it is an entry of Docker's catalogue.
fn is_listed(value: &Value) -> bool {
    let kind = tree::text(value, &["type"]);
    matches!(kind, Some("server" | "remote" | "poci"))
        && (value.get("about").is_some() || value.get("config").is_some())
}

fn thing(name: &str) -> Thing {
    Thing::new(Kind::Identity, "server", "mcp_server")
        .is(Attribute::NAME, name)
        .is(Attribute::CLASS, Class::Agentic)
        .is(Attribute::named("declared"), true)
}

/// A credential that the server declares to need.
fn needed(field: &str, name: &str, required: Option<bool>, seen: &mut Seen) {
    let found = Found::referenced(field, name, "whoever starts the tool server")
        .is(Attribute::CLASS, Class::Agentic)
        .is(Attribute::named("declared"), true)
        .with(|told| told.told(Attribute::named("required"), Told::or_cannot_tell(required)))
        .used_in_file_by("server");
    seen.found(found);
}

/// `server.yaml` of Docker's catalogue.
fn listed(name: &str, value: &Value, seen: &mut Seen) {
    let remote = tree::text(value, &["remote", "url"]);
    let transport = tree::text(value, &["remote", "transport_type"]);
    let stdio = remote.is_none().then_some("stdio");
    seen.thing(
        thing(name)
            .maybe(Attribute::ENDPOINT, remote)
            .maybe(Attribute::named("transport"), transport.or(stdio))
            .maybe(Attribute::named("package"), tree::text(value, &["image"]))
            .maybe(
                Attribute::named("source"),
                tree::text(value, &["source", "project"]),
            ),
    );
    for secret in tree::list(value, &["config", "secrets"]) {
        let text = |name: &str| secret.get(name).and_then(Value::as_str);
        if let Some(variable) = text("env").or_else(|| text("name")) {
            let required = secret.get("required").and_then(Value::as_bool);
            needed(&format!("secret {variable}"), variable, required, seen);
        }
    }
    for login in tree::list(value, &["oauth"]) {
        let text = |name: &str| login.get(name).and_then(Value::as_str);
        if let Some(variable) = text("env").or_else(|| text("secret")) {
            let field = format!("oauth {variable}");
            let found = Found::referenced(field, variable, "whoever starts the tool server")
                .is(Attribute::CLASS, Class::Agentic)
                .is(Attribute::named("declared"), true)
                .is(Attribute::named("login"), "oauth")
                .maybe(Attribute::PROVIDER, text("provider"))
                .used_in_file_by("server");
            seen.found(found);
        }
    }
    for variable in tree::list(value, &["config", "env"]) {
        if let Some(name) = variable.get("name").and_then(Value::as_str)
            && sounds_secret(name)
        {
            needed(&format!("env {name}"), name, None, seen);
        }
    }
}

/// `server.json` of the MCP registry.
fn registered(name: &str, value: &Value, seen: &mut Seen) {
    let packages = tree::list(value, &["packages"]);
    let remotes = tree::list(value, &["remotes"]);
    let first = |list: &'_ [Value], names: &[&str]| {
        let texts = list.iter();
        let mut texts = texts.flat_map(|one| names.iter().map(|name| tree::text(one, &[name])));
        texts.find_map(|text| text.map(str::to_owned))
    };
    let remote_kind = first(remotes, &["type", "transport_type"]);
    let kind = packages
        .iter()
        .find_map(|one| tree::text(one, &["transport", "type"]));
    seen.thing(
        thing(name)
            .maybe(Attribute::named("version"), tree::text(value, &["version"]))
            .maybe(Attribute::ENDPOINT, first(remotes, &["url"]))
            .maybe(
                Attribute::named("transport"),
                kind.map(str::to_owned).or(remote_kind),
            )
            .maybe(
                Attribute::named("package"),
                first(packages, &["identifier", "name"]),
            ),
    );
    for one in packages.iter().chain(remotes) {
        for list in [
            &["environmentVariables"][..],
            &["environment_variables"],
            &["packageArguments"],
            &["package_arguments"],
            &["runtimeArguments"],
            &["runtime_arguments"],
            &["headers"],
            &["transport", "headers"],
        ] {
            let variables = tree::list(one, list).iter().take(VARIABLES_MAX);
            variables.for_each(|variable| registered_variable(variable, seen));
        }
    }
}

fn registered_variable(variable: &Value, seen: &mut Seen) {
    let flag = |names: [&str; 2]| {
        let mut flags = names.iter().filter_map(|name| variable.get(*name));
        flags.find_map(Value::as_bool)
    };
    let hidden = flag(["isSecret", "is_secret"]);
    let required = flag(["isRequired", "is_required"]);
    if let Some(name) = variable.get("name").and_then(Value::as_str)
        && (hidden == Some(true) || hidden.is_none() && sounds_secret(name))
    {
        needed(&format!("secret {name}"), name, required, seen);
    }
    // `Authorization: Bearer {token}` has the token's description beside it.
    for (name, inner) in tree::members(variable, &["variables"]) {
        let flag = |name: &str| inner.get(name).and_then(Value::as_bool);
        if flag("isSecret").or(flag("is_secret")) == Some(true) {
            needed(&format!("secret {name}"), name, flag("isRequired"), seen);
        }
    }
}
