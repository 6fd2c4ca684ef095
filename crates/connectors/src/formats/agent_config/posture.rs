//! What an agent may do without asking.

use model::Attribute;
use serde_json::Value;

use crate::formats::{Thing, tree};

/// Settings of one file that are told.
const TOLD_MAX: usize = 32;
/// Projects of one file that are looked at.
const PROJECTS_MAX: usize = 1_000;

/// What a configuration says of asking.
#[derive(Default)]
pub(super) struct Posture {
    allowed: Vec<String>,
    denied: Vec<String>,
    approval: Option<String>,
    unasked: Option<bool>,
    sandbox: Option<String>,
    /// The settings by which it acts and never asks, as they are written.
    by: Vec<String>,
}

/// A setting whose value is the way of asking, and the values that mean: never.
type Mode = (&'static [&'static str], &'static [&'static str]);
const MODES: &[Mode] = &[
    // Claude Code, Codex, Goose, OpenCode.
    (&["permissions", "defaultMode"], &["bypassPermissions"]),
    (&["approval_policy"], &["never"]),
    (&["GOOSE_MODE"], &["auto"]),
    (&["permission"], &["allow"]),
    // Gemini CLI and Qwen Code, Cursor's command line, Zed.
    (&["general", "defaultApprovalMode"], &["yolo"]),
    (&["tools", "approvalMode"], &["yolo"]),
    (&["approvalMode"], &["yolo", "unrestricted"]),
    (&["agent", "tool_permissions", "default"], &["allow"]),
];
/// Values that mean: does not ask before it changes files.
const EDITS: &[&str] = &["auto_edit", "auto-edit"];
/// Settings that, if true, mean: never ask.
const FLAGS: &[&[&str]] = &[
    &["chat.tools.autoApprove"],
    &["chat.tools.global.autoApprove"],
    &["agent", "always_allow_tool_actions"],
    &["options", "yolo"],
    &["yolo"],
    &["yes-always"],
];
/// Settings that, if true, mean: some things are done unasked (calls that are held to be safe, the
/// start of a project's servers).
const SOME: &[&[&str]] = &[
    &["enableAllProjectMcpServers"],
    &["autoAccept"],
    &["tools", "autoAccept"],
];
/// Lists of what may be done unasked.
const UNASKED: &[&[&str]] = &[
    &["permissions", "allow"],
    &["permissions", "allowed_tools"],
    &["allowedTools"],
    &["tools", "allowed"],
    &["terminalAllowlist"],
    &["mcpAllowlist"],
    &["roo-cline.allowedCommands"],
    &["windsurf.cascadeCommandsAllowList"],
    &["kiroAgent.trustedCommands"],
    &["allow"],
];
/// Tables of what may be done unasked: of commands or tools, with `true` or `allow`.
const TABLES: &[&[&str]] = &[
    &["chat.tools.terminal.autoApprove"],
    &["permission"],
    &["permission", "bash"],
];

/// What `value` says.
pub(super) fn of(value: &Value) -> Posture {
    let mut told = Posture::default();
    for (path, never) in MODES {
        if let Some(mode) = tree::text(value, path) {
            let is_never = never.contains(&mode);
            told.does(is_never || EDITS.contains(&mode));
            told.approval = Some(mode.to_owned());
            if is_never {
                told.by(path, mode);
            }
        }
    }
    for path in FLAGS {
        if let Some(flag) = at(value, path).and_then(Value::as_bool) {
            told.does(flag);
            if flag {
                told.by(path, "true");
            }
        }
    }
    for path in SOME {
        if let Some(flag) = at(value, path).and_then(Value::as_bool) {
            told.does(flag);
        }
    }
    let projects = tree::members(value, &["projects"]).map(|(_, one)| one);
    for one in std::iter::once(value).chain(projects.take(PROJECTS_MAX)) {
        told.wide_lists(one);
    }
    for path in TABLES {
        for (name, allowed) in tree::members(value, path) {
            let is_allowed = allowed.as_bool() == Some(true)
                || allowed.as_str() == Some("allow")
                || allowed.get("approve").and_then(Value::as_bool) == Some(true);
            if is_allowed && is_wide(name) {
                told.does(true);
                // Of all, what is asked for all the same may be all that matters.
                let mut others = tree::members(value, path);
                if name != "*" || !others.any(|(_, one)| asks(one)) {
                    told.by(path, name);
                }
            }
        }
    }
    let list = |paths: &[&[&str]]| -> Vec<String> {
        let texts = paths.iter().flat_map(|path| tree::texts(value, path));
        texts.map(str::to_owned).collect()
    };
    told.allowed = list(UNASKED);
    told.allowed.extend(list(&[&["coreTools"]]));
    told.denied = list(&[
        &["permissions", "deny"],
        &["disallowedTools"],
        &["tools", "exclude"],
        &["excludeTools"],
    ]);
    told.sandbox = tree::text(value, &["sandbox_mode"]).map(str::to_owned);
    told
}

/// Whether a table of what may be done has something that is asked for, or never done.
fn asks(value: &Value) -> bool {
    match value {
        Value::String(word) => matches!(word.as_str(), "ask" | "deny"),
        Value::Object(inner) => inner.values().any(asks),
        _ => false,
    }
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |at, name| at.get(name))
}

/// Whether a name of a tool or command stands for all of them, or for any command of a shell.
pub(super) fn is_wide(name: &str) -> bool {
    const ANY: &[&str] = &["*", "**", "*:*", "all", "/.*/", "/^.*$/", "/.+/", "mcp__*"];
    const SHELLS: &[&str] = &[
        "bash",
        "shell",
        "run_shell_command",
        "shelltool",
        "execute_bash",
        "execute_command",
        "terminal",
    ];
    let name = name.trim().to_ascii_lowercase();
    let (tool, inside) = match name.split_once('(') {
        Some((tool, rest)) => (tool, rest.trim_end_matches(')')),
        None => (name.as_str(), "*"),
    };
    ANY.contains(&name.as_str())
        || SHELLS.contains(&tool) && matches!(inside, "*" | ":*" | "*:*" | "**")
}

impl Posture {
    fn does(&mut self, unasked: bool) {
        self.unasked = Some(self.unasked == Some(true) || unasked);
    }

    fn by(&mut self, path: &[&str], value: &str) {
        if self.by.len() < TOLD_MAX {
            let told = format!("{} = {value}", path.join("."));
            self.by.push(model::shorten(&told, 120));
        }
    }

    fn wide_lists(&mut self, value: &Value) {
        for path in UNASKED {
            for name in tree::texts(value, path) {
                if is_wide(name) {
                    self.by(path, name);
                }
            }
        }
    }

    /// Whether there is anything.
    pub(super) fn says_something(&self) -> bool {
        self.unasked.is_some()
            || !self.allowed.is_empty()
            || !self.denied.is_empty()
            || !self.by.is_empty()
    }

    /// `agent` with it.
    pub(super) fn onto(self, agent: Thing) -> Thing {
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        agent
            .maybe(Attribute::named("tools_allowed"), some(self.allowed))
            .maybe(Attribute::named("tools_denied"), some(self.denied))
            .maybe(Attribute::named("approval"), self.approval)
            .maybe(Attribute::named("auto_approve"), self.unasked)
            .maybe(Attribute::named("unasked_by"), some(self.by))
            .maybe(Attribute::named("sandbox"), self.sandbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client, its configuration, and the settings in it by which its agent never asks.
    const CASES: &str = r#"
Claude Code | {"permissions": {"defaultMode": "bypassPermissions"}} | permissions.defaultMode = bypassPermissions
Claude Code, edits | {"permissions": {"defaultMode": "acceptEdits"}} |
Claude Code, all | {"permissions": {"allow": ["*"]}} | permissions.allow = *
Claude Code, shell | {"permissions": {"allow": ["Bash(*)", "Bash(git:*)"]}} | permissions.allow = Bash(*)
Claude Code, named | {"permissions": {"allow": ["Bash(git:*)", "Read"]}} |
Claude Code, servers | {"enableAllProjectMcpServers": true} |
Gemini CLI, what is safe | {"tools": {"autoAccept": true}} |
OpenCode, all but | {"permission": {"*": "allow", "bash": "ask"}} |
OpenCode, all | {"permission": {"*": "allow", "edit": "allow"}} | permission = *
Claude Code, a project | {"projects": {"/srv": {"allowedTools": ["Bash"]}}} | allowedTools = Bash
Codex | {"approval_policy": "never", "sandbox_mode": "danger-full-access"} | approval_policy = never
Codex, asks | {"approval_policy": "on-request"} |
Gemini CLI | {"tools": {"allowed": ["run_shell_command"]}} | tools.allowed = run_shell_command
Gemini CLI, named | {"tools": {"allowed": ["run_shell_command(git)"], "core": ["*"]}} |
Qwen Code | {"tools": {"approvalMode": "yolo"}} | tools.approvalMode = yolo
Cursor | {"permissions": {"allow": ["Shell(*)"]}, "approvalMode": "allowlist"} | permissions.allow = Shell(*)
Cursor, all | {"approvalMode": "unrestricted"} | approvalMode = unrestricted
Cursor, lists | {"terminalAllowlist": ["git"], "mcpAllowlist": ["*:*"]} | mcpAllowlist = *:*
VS Code | {"chat.tools.global.autoApprove": true} | chat.tools.global.autoApprove = true
VS Code, commands | {"chat.tools.terminal.autoApprove": {"/.*/": true, "rm": false}} | chat.tools.terminal.autoApprove = /.*/
VS Code, asks | {"chat.tools.autoApprove": false, "chat.tools.terminal.autoApprove": {"/.*/": false}} |
Windsurf | {"windsurf.cascadeCommandsAllowList": ["*"]} | windsurf.cascadeCommandsAllowList = *
Roo Code | {"roo-cline.allowedCommands": ["npm test", "*"]} | roo-cline.allowedCommands = *
Kiro | {"kiroAgent.trustedCommands": ["npm *"]} |
Continue | {"allow": ["*"]} | allow = *
Zed | {"agent": {"always_allow_tool_actions": true}} | agent.always_allow_tool_actions = true
Aider | {"yes-always": true} | yes-always = true
Goose | {"GOOSE_MODE": "smart_approve"} |
OpenCode | {"permission": {"bash": "allow", "edit": "ask"}} | permission = bash
OpenCode, patterns | {"permission": {"bash": {"*": "allow"}}} | permission.bash = *
OpenCode, named | {"permission": {"bash": {"git status": "allow", "*": "ask"}}} |
Crush | {"options": {"yolo": true}} | options.yolo = true
"#;

    #[test]
    fn each_clients_way_never_to_ask_is_known_and_what_is_near_it_is_not() {
        let cases: Vec<_> = CASES.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(cases.len(), 32);
        for case in cases {
            let mut parts = case.split(" |").map(str::trim);
            let mut next = || parts.next().unwrap();
            let (client, value, by) = (next(), next(), next());
            let value = serde_json::from_str(value).unwrap();
            assert_eq!(of(&value).by.join("; "), by, "{client}");
        }
    }
}
