//! What an agent may do without asking.

use model::Attribute;
use serde_json::Value;

use crate::formats::{Thing, tree};

/// What a configuration says of asking.
#[derive(Default)]
pub(super) struct Posture {
    allowed: Vec<String>,
    denied: Vec<String>,
    approval: Option<String>,
    unasked: Option<bool>,
    sandbox: Option<String>,
}

/// Settings whose value is the way of asking, by program.
const MODES: &[&[&str]] = &[
    &["permissions", "defaultMode"],
    &["approval_policy"],
    &["GOOSE_MODE"],
    &["permission"],
    &["general", "defaultApprovalMode"],
];
/// Values of them that mean: never ask.
const NEVER: &[&str] = &[
    "bypassPermissions",
    "never",
    "auto",
    "allow",
    "yolo",
    "auto_edit",
];
/// Settings that, if true, mean: never ask.
const FLAGS: &[&[&str]] = &[
    &["enableAllProjectMcpServers"],
    &["autoAccept"],
    &["tools", "autoAccept"],
    &["chat.tools.autoApprove"],
    &["chat.tools.global.autoApprove"],
    &["agent", "always_allow_tool_actions"],
    &["options", "yolo"],
    &["yolo"],
    &["yes-always"],
];

/// What `value` says.
pub(super) fn of(value: &Value) -> Posture {
    let mut told = Posture::default();
    for path in MODES {
        if let Some(mode) = tree::text(value, path) {
            told.unasked = Some(told.unasked == Some(true) || NEVER.contains(&mode));
            told.approval = Some(mode.to_owned());
        }
    }
    for path in FLAGS {
        let flag = path.iter().try_fold(value, |at, name| at.get(name));
        if let Some(flag) = flag.and_then(Value::as_bool) {
            told.unasked = Some(told.unasked == Some(true) || flag);
        }
    }
    let list = |paths: &[&[&str]]| -> Vec<String> {
        let texts = paths.iter().flat_map(|path| tree::texts(value, path));
        texts.map(str::to_owned).collect()
    };
    told.allowed = list(&[
        &["permissions", "allow"],
        &["allowedTools"],
        &["tools", "allowed"],
        &["coreTools"],
        &["permissions", "allowed_tools"],
    ]);
    told.denied = list(&[
        &["permissions", "deny"],
        &["disallowedTools"],
        &["tools", "exclude"],
        &["excludeTools"],
    ]);
    told.sandbox = tree::text(value, &["sandbox_mode"]).map(str::to_owned);
    told
}

impl Posture {
    /// Whether there is anything.
    pub(super) fn says_something(&self) -> bool {
        self.unasked.is_some() || !self.allowed.is_empty() || !self.denied.is_empty()
    }

    /// `agent` with it.
    pub(super) fn onto(self, agent: Thing) -> Thing {
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        agent
            .maybe(Attribute::named("tools_allowed"), some(self.allowed))
            .maybe(Attribute::named("tools_denied"), some(self.denied))
            .maybe(Attribute::named("approval"), self.approval)
            .maybe(Attribute::named("auto_approve"), self.unasked)
            .maybe(Attribute::named("sandbox"), self.sandbox)
    }
}
