//! One tool server of an agent.

use model::{Attribute, Class, Kind, Relation};
use serde_json::Value;

use crate::formats::literals::{arguments, literals, parameters, sounds_secret};
use crate::formats::text::is_reference;
use crate::formats::{Found, Seen, Thing, tree};

/// Names of tables in which clients keep their tool servers.
const TABLES: &[&str] = &[
    "mcpServers",
    "mcp_servers",
    "servers",
    "context_servers",
    "extensions",
    "mcp",
    "mcp.servers",
    "experimental.modelContextProtocolServers",
];
/// Tables of a server that hold names and values.
const VALUES: &[&str] = &[
    "env",
    "envs",
    "environment",
    "headers",
    "http_headers",
    "requestOptions",
    "query",
];

/// Whether `name` names a table or list of tool servers.
pub(super) fn is_table(name: &str, value: &Value) -> bool {
    let listed = value.as_array().into_iter().flatten();
    TABLES.contains(&name)
        && tree::members(value, &[])
            .map(|(_, one)| one)
            .chain(listed)
            .any(is_one)
}

/// Whether a value describes a tool server.
pub(super) fn is_one(value: &Value) -> bool {
    [
        "command",
        "cmd",
        "args",
        "url",
        "uri",
        "serverUrl",
        "httpUrl",
    ]
    .iter()
    .any(|name| value.get(name).is_some())
}

/// Tells of the server `name`, which stands at `at`, in a table below `way`.
pub(super) fn read(name: &str, way: &str, at: &str, one: &Value, file: &[u8], seen: &mut Seen) {
    let field = if matches!(way, "" | "mcp") {
        format!("server {name}")
    } else {
        format!("server {name} of {way}")
    };
    let command = Command::of(one);
    seen.thing(told(name, &field, &command, one));
    let purpose = format!("handed to tool server {name}");
    let handed = |found: Found| {
        found
            .is(Attribute::PURPOSE, purpose.as_str())
            .used_in_file_by(&field)
    };
    for table in VALUES {
        let pairs = tree::pairs(one, &[table]);
        literals(
            pairs.iter().copied(),
            &format!("{at}.{table}"),
            file,
            seen,
            handed,
        );
        for (variable, value) in pairs {
            if is_reference(value) && !value.is_empty() && sounds_secret(variable) {
                let kept = "the agent's environment";
                let found = Found::referenced(format!("{at}.{table}.{variable}"), variable, kept);
                seen.found(handed(found));
            }
        }
    }
    let own = tree::pairs(one, &[]);
    literals(own, at, file, seen, handed);
    let given = arguments(&command.arguments);
    literals(given, &format!("{at}.args"), file, seen, handed);
    if let Some(url) = command.url {
        let given = parameters(url);
        literals(given, &format!("{at}.url"), file, seen, handed);
    }
    for variable in tree::texts(one, &["bearer_token_env_var"])
        .into_iter()
        .chain(tree::texts(one, &["env_keys"]))
    {
        let field = format!("{at}.{variable}");
        let found = Found::referenced(field, variable, "the agent's environment");
        seen.found(handed(found));
    }
}

fn told(name: &str, field: &str, command: &Command<'_>, one: &Value) -> Thing {
    let flag = |name: &str| one.get(name).and_then(Value::as_bool);
    let off = flag("disabled") == Some(true) || flag("enabled") == Some(false);
    let some = |names: &[&str]| -> Option<Vec<String>> {
        let list: Vec<String> = names
            .iter()
            .flat_map(|name| tree::texts(one, &[name]))
            .map(str::to_owned)
            .collect();
        (!list.is_empty()).then_some(list)
    };
    let mut unasked = some(&["autoApprove", "alwaysAllow"]);
    let all = ["trust", "autoApprove", "alwaysAllow"];
    if all.iter().any(|name| flag(name) == Some(true)) {
        unasked = Some(vec!["*".to_owned()]);
    }
    let auto = unasked.is_some().then_some(true);
    let package = command.package();
    Thing::new(Kind::Identity, field, "mcp_server")
        .is(Attribute::NAME, name)
        .is(Attribute::CLASS, Class::Agentic)
        .maybe(Attribute::ENDPOINT, command.url.map(without_query))
        .maybe(Attribute::named("command"), command.program)
        .maybe(Attribute::named("transport"), command.transport(one))
        .maybe(Attribute::named("package"), package)
        .maybe(Attribute::named("pinned"), package.map(is_pinned))
        .maybe(
            Attribute::named("tools_allowed"),
            some(&["includeTools", "enabled_tools", "allowedTools", "tools"]),
        )
        .maybe(
            Attribute::named("tools_denied"),
            some(&["excludeTools", "disabled_tools", "disabledTools"]),
        )
        .maybe(Attribute::named("auto_approve"), auto)
        .maybe(Attribute::named("tools_unasked"), unasked)
        .maybe(Attribute::STATUS, off.then_some("disabled"))
        .link(Relation::MemberOf, Kind::Identity, "agent")
}

/// How a server is started or reached.
struct Command<'a> {
    program: Option<&'a str>,
    arguments: Vec<&'a str>,
    url: Option<&'a str>,
}

impl<'a> Command<'a> {
    fn of(one: &'a Value) -> Self {
        // A text, a list of program and arguments, or a table of both.
        let nested = &["command", "path"];
        let mut words = tree::texts(one, &["command"]);
        words.extend(tree::texts(one, nested));
        words.extend(tree::texts(one, &["cmd"]));
        words.extend(tree::texts(one, &["args"]));
        words.extend(tree::texts(one, &["command", "args"]));
        let url = ["url", "uri", "serverUrl", "httpUrl"]
            .iter()
            .find_map(|name| tree::text(one, &[name]));
        let started = ["command", "cmd"]
            .iter()
            .any(|name| one.get(*name).is_some());
        let program = words.first().copied().filter(|_| started);
        Self {
            arguments: words.split_off(usize::from(started).min(words.len())),
            program,
            url,
        }
    }

    fn transport(&self, one: &'a Value) -> Option<&'a str> {
        let stated = tree::text(one, &["transport"]).or_else(|| tree::text(one, &["type"]));
        stated.or(match (self.url, self.program) {
            (Some(_), _) => Some("http"),
            (None, Some(_)) => Some("stdio"),
            (None, None) => None,
        })
    }

    /// The package or image that is fetched and run.
    fn package(&self) -> Option<&'a str> {
        let program = self.program?.rsplit(['/', '\\']).next()?;
        let mut words = self.arguments.iter().copied();
        match program.trim_end_matches(".cmd").trim_end_matches(".exe") {
            "npx" | "bunx" | "uvx" | "pipx" => {
                words.find(|word| !word.starts_with('-') && !matches!(*word, "run" | "--from"))
            }
            "docker" | "podman" => {
                // The options before an image have values of their own; an image has a slash.
                words.find(|word| {
                    let path = word.starts_with(['/', '.', '-', '$']) || word.contains('=');
                    !path && word.contains('/')
                })
            }
            _ => None,
        }
    }
}

/// Whether a version or a digest of `package` is fixed.
fn is_pinned(package: &str) -> bool {
    if package.contains("@sha256:") || package.contains("==") {
        return true;
    }
    let version = package.get(1..).and_then(|rest| rest.split_once('@'));
    version.is_some_and(|(_, version)| {
        version != "latest" && version.starts_with(|c: char| c.is_ascii_digit())
    })
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
