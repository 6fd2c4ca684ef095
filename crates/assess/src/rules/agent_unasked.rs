//! An AI agent that acts without asking anybody.
//!
//! Whatever it reads can tell it what to do: a page, an issue, the answer of a tool. Where nobody
//! is asked, that is done with everything the agent and its tool servers hold. Let it ask before
//! commands and changes, name the few tools that need no question, and keep the rest in a sandbox.

use model::{Attribute, Kind, Severity, Told, Value};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "agent-unasked",
    title: "an AI agent acts without asking",
    owasp: "NHI5",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

/// How Codex writes that it never asks; what it may do then, its sandbox says.
const CODEX_NEVER: &str = "approval_policy = never";
/// Sandboxes that keep it from everything but the files it works on.
const SANDBOXES: &[&str] = &["read-only", "workspace-write"];

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let entity = thing.entity;
    if entity.kind != Kind::Identity || entity.missing_since.is_some() {
        return Vec::new();
    }
    match thing.type_() {
        "ai_agent" => agent(thing),
        "mcp_server" => server(thing),
        _ => Vec::new(),
    }
}

fn agent(thing: &Thing<'_>) -> Vec<Ruling> {
    let mut by = list(thing, "unasked_by");
    let sandbox = thing.entity.text(&Attribute::named("sandbox"));
    if by == [CODEX_NEVER] {
        match sandbox {
            None => {
                return Ruling::unknown(
                    "it never asks, and its configuration does not say what its sandbox lets it do",
                );
            }
            Some(sandbox) if SANDBOXES.contains(&sandbox) => return Ruling::pass(),
            Some(_) => {}
        }
    }
    if by.is_empty() {
        let says = ["auto_approve", "approval", "tools_allowed", "tools_denied"];
        let says = says.map(Attribute::named);
        let told = says
            .iter()
            .any(|name| thing.entity.facts.contains_key(name));
        return if told { Ruling::pass() } else { Vec::new() };
    }
    if let Some(sandbox) = sandbox {
        by.push(format!("sandbox_mode = {sandbox}"));
    }
    Ruling::fail(format!(
        "it does whatever it decides: {}",
        model::clean(&by.join(", "))
    ))
}

/// Of a tool server whose tools the agent calls unasked. Some that are named are a choice.
fn server(thing: &Thing<'_>) -> Vec<Ruling> {
    if thing.is_off() {
        return Vec::new();
    }
    let unasked = list(thing, "tools_unasked");
    match unasked.iter().any(|one| one == "*") {
        true => Ruling::fail("every tool of it is called without asking"),
        false if unasked.is_empty() => Vec::new(),
        false => Ruling::pass(),
    }
}

fn list(thing: &Thing<'_>, name: &'static str) -> Vec<String> {
    match thing.entity.fact(&Attribute::named(name)) {
        Told::Is(Value::List(list)) => list.clone(),
        _ => Vec::new(),
    }
}
