//! Configurations of AI agents: what they hand to their tool servers, and their own keys.

use model::{Attribute, Class, CredentialType, Kind};
use serde_json::Value;

use super::text::{is_placeholder, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, tree};
use crate::login::Login;
use crate::{jwt, token};

/// Tables nested deeper than this hold no configuration.
const DEPTH_MAX: usize = 12;
/// More members than this in one file are not looked at.
const MEMBERS_MAX: usize = 20_000;

pub(super) struct AgentConfig;

impl Format for AgentConfig {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "agent_config",
            reads: "secrets that AI agents hand to their tool servers, and the agents' own keys",
            places: &[
                "mcp.json",
                ".mcp.json",
                "claude_desktop_config.json",
                "~/.claude.json",
                "~/.codex/auth.json",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        matches!(
            name,
            "mcp.json"
                | ".mcp.json"
                | "mcp_config.json"
                | "claude_desktop_config.json"
                | ".claude.json"
        ) || [
            "/.claude/settings.json",
            "/.claude/settings.local.json",
            "/.claude/.credentials.json",
            "/.codex/auth.json",
            "/.gemini/settings.json",
            "/.gemini/oauth_creds.json",
        ]
        .iter()
        .any(|end| path.ends_with(end))
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::json(file, seen) else {
            return;
        };
        servers(&value, seen);
        // Level by level, with the way there as the field's name.
        let mut waiting = vec![(String::new(), &value, 0)];
        let mut members = 0;
        while let Some((way, value, depth)) = waiting.pop() {
            for (name, value) in tree::members(value, &[]) {
                members += 1;
                if members > MEMBERS_MAX || depth > DEPTH_MAX {
                    seen.unsupported(
                        "more or deeper nested members than a configuration has; not all were read",
                    );
                    return;
                }
                let path = if way.is_empty() {
                    name.to_owned()
                } else {
                    format!("{way}.{name}")
                };
                match value {
                    Value::String(text) => read_text(&path, name, text, seen),
                    Value::Object(_) => {
                        waiting.push((model::shorten(&path, 100), value, depth + 1))
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The tool servers that the agent may start or call: each acts for it.
fn servers(value: &Value, seen: &mut Seen) {
    for table in ["mcpServers", "servers"] {
        for (name, server) in tree::members(value, &[table]) {
            let command = tree::text(server, &["command"]);
            let url = tree::text(server, &["url"]);
            if command.is_none() && url.is_none() {
                continue;
            }
            let thing = Thing::new(Kind::Identity, server_field(name), "mcp_server")
                .is(Attribute::NAME, name)
                .is(Attribute::CLASS, Class::Agentic)
                .maybe(Attribute::ENDPOINT, url.map(without_query))
                .maybe(Attribute::named("command"), command);
            seen.thing(thing);
        }
    }
}

/// Where a tool server stands in the file.
fn server_field(name: &str) -> String {
    format!("server {name}")
}

/// An address up to where secrets may follow, without a user's part.
fn without_query(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
                .trim_end_matches('/')
                .to_owned()
        }
        None => plain.to_owned(),
    }
}

fn read_text(path: &str, name: &str, text: &str, seen: &mut Seen) {
    // A header says the kind of token before it.
    let value = text.strip_prefix("Bearer ").unwrap_or(text);
    let found = if let Some(claims) = jwt::claims(value) {
        Some(jwt::told_by(
            Found::secret(jwt::type_of(&claims), path, secret(value)),
            &claims,
        ))
    } else if let Some(provider) = token::provider_of(value) {
        Some(
            Found::secret(CredentialType::ApiToken, path, secret(value))
                .is(Attribute::PROVIDER, provider),
        )
    } else if let Some(login) = Login::parse(value) {
        login.into_found(path)
    } else {
        sounds_secret(name, value)
            .then(|| Found::secret(CredentialType::ApiToken, path, secret(value)))
    };
    if let Some(found) = found {
        seen.found(match path.split('.').collect::<Vec<_>>().as_slice() {
            ["mcpServers" | "servers", server, ..] => found
                .is(
                    Attribute::PURPOSE,
                    format!("handed to tool server {server}"),
                )
                .used_in_file_by(&server_field(server)),
            [.., "mcpServers", server, "env" | "headers", _] => found.is(
                Attribute::PURPOSE,
                format!("handed to tool server {server}"),
            ),
            _ => found,
        });
    }
}

fn sounds_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let sounds = [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "API_KEY",
        "APIKEY",
        "AUTHORIZATION",
        "PRIVATE_KEY",
        "ACCESS_KEY",
    ]
    .iter()
    .any(|word| name.contains(word));
    let plain = value.len() >= 12 && !value.contains([' ', '/', '\\']) && !is_placeholder(value);
    sounds
        && plain
        && !["_ID", "URL", "FILE", "PATH", "TYPE", "EXPIR"]
            .iter()
            .any(|word| name.contains(word))
}
