//! Log-ins of command line tools: a path, its shape, and where in it the secrets stand.
//!
//! To add a tool: one row in `cli_tokens/tools.rs`.

mod tools;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::{Attribute, CredentialType, Timestamp};
use serde_json::{Map, Value};

use super::text::{ini, is_placeholder, secret, unquoted};
use super::{FileAt, Format, FormatSpec, Found, Seen, name_of, terraform, tree};
use crate::jwt;
use crate::login::Login;
use tools::{PLACES, Shape, TOOLS, Tool};

/// More members than this in one file are not looked at.
const MEMBERS_MAX: usize = 20_000;
/// A token alone in its file is no longer than this.
const WHOLE_BYTES_MAX: usize = 16 * 1024;

pub(super) struct CliTokens;

impl Format for CliTokens {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "cli_tokens",
            reads: "tokens and passwords with which command line tools log in",
            places: PLACES,
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        tool_of(path, name).is_some()
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(tool) = tool_of(file.path, file.name()) else {
            return;
        };
        let value = match tool.shape {
            Shape::Json => tree::json(file, seen),
            Shape::Yaml => tree::yaml(file, seen),
            Shape::Toml => tree::toml(file, seen),
            Shape::Ini => Some(sections(file.text(seen))),
            Shape::Hcl => Some(terraform::hcl_tree(file, seen)),
            Shape::Whole => whole(file, seen),
        };
        let Some(value) = value else { return };
        let mut walk = Walk {
            tool,
            root: &value,
            left: MEMBERS_MAX,
            seen,
        };
        for pattern in tool.secrets {
            let parts: Vec<&str> = pattern.split('.').collect();
            walk.step(&value, &parts, &mut Vec::new(), &value);
        }
        if walk.left == 0 {
            seen.unsupported("more members than such a file has; not all were read");
        }
    }
}

/// The tool whose file lies at `path`. That is asked of every file, so most are looked up by the
/// name of their file; those called `*.end` are few.
fn tool_of(path: &str, name: &str) -> Option<&'static Tool> {
    static TOOLS_BY_NAME: LazyLock<BTreeMap<&str, Vec<&Tool>>> = LazyLock::new(|| {
        let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for tool in TOOLS {
            let name = name_of(tool.path);
            let name = if name.starts_with('*') { "*" } else { name };
            by_name.entry(name).or_default().push(tool);
        }
        by_name
    });
    let called = |name: &str| {
        TOOLS_BY_NAME
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let lies_there = |tool: &&&Tool| path.ends_with(tool.path);
    let ends_there = |tool: &&&Tool| {
        tool.path.rsplit_once("/*").is_some_and(|(dir, end)| {
            let above = path.strip_suffix(name).unwrap_or_default();
            name.ends_with(end)
                && above
                    .strip_suffix('/')
                    .is_some_and(|above| above.ends_with(dir))
        })
    };
    let named = called(name).iter().find(lies_there);
    named
        .or_else(|| called("*").iter().find(ends_there))
        .copied()
}

/// An INI file as a tree: what stands before the first section at its root.
fn sections(text: &str) -> Value {
    let mut root = Map::new();
    for (n, section) in ini(text).into_iter().enumerate() {
        let entries = section
            .entries
            .iter()
            .map(|(name, value, _)| ((*name).to_owned(), Value::from(unquoted(value))));
        if section.name.is_empty() {
            root.extend(entries);
            continue;
        }
        // WireGuard writes one section of the same name for each peer.
        let mut name = section.name.to_owned();
        if root.contains_key(&name) {
            name = format!("{name} {n}");
        }
        root.insert(name, Value::Object(entries.collect()));
    }
    Value::Object(root)
}

/// A file that holds a token and nothing else.
fn whole(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen).trim();
    if text.is_empty() {
        return None;
    }
    if text.len() > WHOLE_BYTES_MAX || text.contains(char::is_whitespace) {
        seen.broken("expected one token, got something else");
        return None;
    }
    let token = ("token".to_owned(), Value::from(text));
    Some(Value::Object(Map::from_iter([token])))
}

struct Walk<'a, 's> {
    tool: &'static Tool,
    root: &'a Value,
    left: usize,
    seen: &'s mut Seen,
}

impl<'a> Walk<'a, '_> {
    /// One part of a pattern further: no deeper than the pattern is long.
    fn step(&mut self, value: &'a Value, parts: &[&str], way: &mut Vec<String>, around: &'a Value) {
        let Some((part, parts)) = parts.split_first() else {
            if let Some(text) = value.as_str() {
                self.found(text, way, around);
            }
            return;
        };
        let members: Vec<(String, &Value)> = match value {
            Value::Object(table) => table
                .iter()
                .filter(|(name, _)| matches(name, part))
                .map(|(name, value)| (name.clone(), value))
                .collect(),
            Value::Array(list) if *part == "*" => list
                .iter()
                .enumerate()
                .map(|(n, value)| (n.to_string(), value))
                .collect(),
            _ => return,
        };
        for (name, member) in members {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            way.push(name);
            self.step(member, parts, way, value);
            way.pop();
        }
    }

    /// The address of an index with a log-in in it; without one it holds nothing.
    fn address(&mut self, text: &str, way: &[String]) -> bool {
        let is_url = way.last().is_some_and(|name| name.ends_with("index-url"));
        if !is_url {
            return false;
        }
        if let Some(login) = Login::parse(text)
            && let Some(found) = login.into_found(&model::shorten(&way.join("."), 100))
        {
            self.seen
                .found(found.is(Attribute::PROVIDER, self.tool.provider));
        }
        true
    }

    fn found(&mut self, text: &str, way: &[String], around: &Value) {
        if is_placeholder(text) {
            return;
        }
        if text.contains("://") && self.address(text, way) {
            return;
        }
        let name = way.last().map_or("", String::as_str).to_ascii_lowercase();
        let claims = jwt::claims(text);
        let credential = match &claims {
            Some(claims) => jwt::type_of(claims),
            None if name.contains("pass") => CredentialType::Password,
            None => CredentialType::ApiToken,
        };
        let root = self.root;
        let beside = |names: &[&str]| {
            let of = |table: &'_ Value| {
                let mut texts = names.iter().filter_map(|name| tree::text(table, &[name]));
                texts.next().map(str::to_owned)
            };
            of(around).or_else(|| of(root))
        };
        // The way leads through hosts, where a file lists several.
        let through = way.iter().rev().find(|part| part.contains('.'));
        let endpoint = beside(self.tool.endpoint).or_else(|| through.cloned());
        let mut found = Found::secret(
            credential,
            model::shorten(&way.join("."), 100),
            secret(text),
        )
        .is(Attribute::PROVIDER, self.tool.provider)
        .maybe(Attribute::USER, beside(self.tool.user))
        .maybe(Attribute::ENDPOINT, endpoint.as_deref().map(plain));
        if let Some(claims) = &claims {
            found = jwt::told_by(found, claims);
        } else if !name.contains("refresh") {
            let ends = beside(&["expiration_time", "expires_at", "expiry"]);
            let ends = ends.and_then(|text| text.parse::<Timestamp>().ok());
            found = found.maybe(Attribute::EXPIRES_AT, ends);
        }
        self.seen.found(found);
    }
}

/// An address without a user's part and without what may follow its path.
fn plain(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or_default();
    let end = format!("{host}/{path}");
    let end = end.trim_end_matches('/');
    if scheme.is_empty() {
        end.to_owned()
    } else {
        format!("{scheme}://{end}")
    }
}

/// Whether a name is what a part of a pattern says; one `*` stands for any letters.
fn matches(name: &str, part: &str) -> bool {
    match part.split_once('*') {
        None => name == part,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests;
