//! Terraform (and OpenTofu): plans, states and configurations.
//!
//! Facts beside the usual ones: `address` (the resource in its file), `planned_action` (what a
//! plan would do), `data_source` (looked up, not made), `federation` (a role trusts another
//! system's identity provider), `rotation` (of a key in a key service), `subject` (whom a grant
//! names, in the provider's words), `secret_store` (the place a secret value is stored in),
//! `backend` (where a configuration keeps its state).

mod catalog;
mod config;
mod credential;
mod federated;
mod hcl;
mod pipelines;
mod plan;
mod resource;
mod state;
mod tell;
mod trust;

use serde_json::Value;

use super::tree::json;
use super::{FileAt, Format, FormatSpec, Seen, declared, settings};

/// So much of a file of any name is looked at.
const HEAD_BYTES: usize = 512;
/// More resources than this in one file are not looked at.
const RESOURCES_MAX: usize = 20_000;

/// The JSON of `terraform show -json`.
pub(super) struct TerraformPlan;
/// `terraform.tfstate`, versions 3 and 4.
pub(super) struct TerraformState;
/// `*.tf`, `*.tfvars` and their JSON forms.
pub(super) struct TerraformConfig;

impl Format for TerraformPlan {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "terraform_plan",
            reads: "identities, keys, secrets and grants in plans and states as `terraform show -json` writes them",
            places: &["tfplan.json", "*.tfplan.json", "plan.json"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.ends_with(".json") && (name.contains("tfplan") || name.contains("tf_plan"))
    }

    fn marks(&self) -> &'static [&'static str] {
        &["terraform_version"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        // A state in its own form says its version as a number and is another format.
        head(bytes).is_some_and(|head| {
            within(head, b"\"format_version\"") && within(head, b"\"terraform_version\"")
        })
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if let Some(value) = json(file, seen) {
            plan::read(&value, seen);
            settings::locate(seen, file.bytes);
        }
    }
}

impl Format for TerraformState {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "terraform_state",
            reads: "identities, keys, secrets and grants in states, with the secret values they keep in clear",
            places: &["terraform.tfstate", "*.tfstate", "*.tfstate.backup"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.ends_with(".tfstate") || name.ends_with(".tfstate.backup")
    }

    fn marks(&self) -> &'static [&'static str] {
        &["terraform_version"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        head(bytes).is_some_and(|head| {
            within(head, b"\"terraform_version\"")
                && within(head, b"\"serial\"")
                && within(head, b"\"lineage\"")
        })
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if file.bytes.trim_ascii().is_empty() {
            return;
        }
        if let Some(value) = json(file, seen) {
            state::read(&value, seen);
            settings::locate(seen, file.bytes);
        }
    }
}

impl Format for TerraformConfig {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "terraform_config",
            reads: "identities, keys, secrets and grants that configurations declare, and secrets written into them",
            places: &["*.tf", "*.tfvars", "*.tf.json", "*.tfvars.json", "*.tofu"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        [".tf", ".tfvars", ".tf.json", ".tfvars.json", ".tofu"]
            .iter()
            .any(|end| name.ends_with(end))
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let variables = file.name().contains(".tfvars");
        if file.name().ends_with(".json") {
            if let Some(value) = json(file, seen) {
                config::read(&value, variables, seen);
            }
        } else {
            config::read(&hcl_tree(file, seen), variables, seen);
            declared::in_blocks(&String::from_utf8_lossy(file.bytes), seen);
        }
        settings::locate(seen, file.bytes);
    }
}

/// A file in HCL as the tree of Terraform's JSON syntax.
pub(super) fn hcl_tree(file: &FileAt<'_>, seen: &mut Seen) -> Value {
    let read = hcl::read(file.text(seen));
    if let Some(line) = read.broken {
        seen.broken(format!("expected HCL, got something else at line {line}"));
    }
    if read.cut {
        seen.unsupported(
            "more or deeper nested blocks than a configuration has; not all were read",
        );
    }
    read.tree
}

/// The beginning of what may be a JSON object.
fn head(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    head.trim_ascii_start().starts_with(b"{").then_some(head)
}

fn within(head: &[u8], word: &[u8]) -> bool {
    crate::armour::find(head, word).is_some()
}
