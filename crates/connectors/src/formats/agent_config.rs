//! Configurations of AI agents: which tool servers they start, what these may do unasked, and
//! the credentials they carry.
//!
//! The agent is an identity (`ai_agent`, class agentic): `tools_allowed`, `tools_denied`,
//! `approval` (how it asks before it acts, in the client's word), `auto_approve` (it does not),
//! `unasked_by` (the settings that say so of everything, or of any command).
//! Each server is one (`mcp_server`), a member of the agent: `command`, `package`, `pinned`
//! (whether a version or digest is fixed), `transport`, `endpoint`, `tools_allowed`,
//! `tools_denied`, `auto_approve`, `status`. Credentials in `env`, headers, arguments and
//! addresses are used by their server; those that only name a variable are `by_reference`.

mod client;
mod posture;
mod server;

use model::{Attribute, Class, Kind};
use serde_json::Value;

use super::literals::{literals, sounds_secret};
use super::{FileAt, Format, FormatSpec, Seen, Thing, tree};

/// Tables nested deeper than this hold no configuration.
const DEPTH_MAX: usize = 12;
/// More members than this in one file are not looked at.
const MEMBERS_MAX: usize = 20_000;

pub(super) struct AgentConfig;

impl Format for AgentConfig {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "agent_config",
            reads: "AI agents, their tool servers, what they may do unasked, and their credentials",
            places: &[
                "mcp.json",
                ".mcp.json",
                "claude_desktop_config.json",
                "~/.claude.json",
                ".vscode/settings.json",
                "~/.codex/config.toml",
                "~/.config/goose/config.yaml",
                "librechat.yaml",
                "opencode.json",
                "OAI_CONFIG_LIST",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        client::of(path, name).is_some()
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let value = match file.name().rsplit('.').next() {
            Some("toml") => tree::toml(file, seen),
            Some("yaml" | "yml") => tree::yaml(file, seen),
            _ => tree::json_with_comments(file, seen),
        };
        let Some(value) = value else {
            return;
        };
        let client = client::of(file.path, file.name()).unwrap_or("agent");
        let mut walk = Walk {
            file: file.bytes,
            seen,
            members: 0,
            agent: false,
        };
        walk.table("", &value, 0);
        let told = posture::of(&value);
        // A file of settings that says nothing of agents is an editor's.
        if walk.agent || told.says_something() || !client.starts_with("editor") {
            let name = client.trim_start_matches("editor ");
            let agent = Thing::new(Kind::Identity, "agent", "ai_agent")
                .is(Attribute::NAME, name)
                .is(Attribute::CLASS, Class::Agentic);
            seen.thing(told.onto(agent));
        }
    }
}

/// A walk through a configuration.
struct Walk<'a, 's> {
    file: &'a [u8],
    seen: &'s mut Seen,
    members: usize,
    /// Whether there was a tool server or a model's key.
    agent: bool,
}

impl<'a> Walk<'a, '_> {
    /// One table, which stands at `way`, and what is below it.
    fn table(&mut self, way: &str, value: &'a Value, depth: usize) {
        let named = tree::members(value, &[]).map(|(name, value)| (name.to_owned(), value));
        let listed = value.as_array().into_iter().flatten();
        let listed = listed.zip(1..).map(|(value, n)| (format!("{n}"), value));
        for (name, inner) in named.chain(listed) {
            self.members += 1;
            if self.members > MEMBERS_MAX || depth > DEPTH_MAX {
                self.seen.unsupported(
                    "more or deeper nested members than a configuration has; not all were read",
                );
                return;
            }
            let at = if way.is_empty() {
                name.clone()
            } else {
                model::shorten(&format!("{way}.{name}"), 100)
            };
            if server::is_table(&name, inner) {
                self.servers(way, &at, inner);
            } else if !inner.is_string() {
                self.table(&at, inner, depth + 1);
            }
        }
        self.own(way, value);
    }

    /// The tool servers in a table or list at `at`.
    fn servers(&mut self, way: &str, at: &str, value: &'a Value) {
        let named = tree::members(value, &[]);
        let listed = value.as_array().into_iter().flatten();
        let listed = listed.map(|one| (tree::text(one, &["name"]).unwrap_or("server"), one));
        for (name, one) in named.chain(listed) {
            if server::is_one(one) {
                self.agent = true;
                server::read(
                    name,
                    way,
                    &format!("{at}.{name}"),
                    one,
                    self.file,
                    self.seen,
                );
            }
        }
    }

    /// The agent's own keys in a table at `way`.
    fn own(&mut self, way: &str, value: &'a Value) {
        let pairs = tree::pairs(value, &[]);
        let before = self.seen.found.len();
        literals(pairs.iter().copied(), way, self.file, self.seen, |found| {
            found.used_in_file_by("agent")
        });
        self.agent |=
            self.seen.found.len() > before && pairs.iter().any(|(name, _)| sounds_secret(name));
    }
}
