//! Configuration files: what may stand in them, and which one has the last word (CL-21).
//!
//! Flags and `KEYROLL_*` variables come first, then `KEYROLL_CONFIG_TOML` (configuration as
//! content), then the nearest `.keyroll.toml` above the working directory, then the user's
//! `config.toml`, then `/etc/keyroll/config.toml`. Each key is taken from the first that has it.
//!
//! **Invariant:** a project's `.keyroll.toml` comes with a checkout and may be hostile: it may
//! not say where the roll and its keys lie. Held by `a_project_cannot_move_the_roll`.

mod keys;
mod layers;

use std::path::PathBuf;

use model::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arguments::ColorWhen;

pub(crate) use layers::{Layers, Origin};

/// Configuration of `keyroll`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Configuration {
    /// Where the roll is kept: a file, or `postgres://…`. Not in a project's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store: Option<String>,
    /// Whose roll. Not in a project's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    /// The key that secrets are fingerprinted under. Not in a project's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint_key_file: Option<PathBuf>,
    /// The key that sealed values and evidence are kept under. Not in a project's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seal_key_file: Option<PathBuf>,
    /// Output formats, as after `--output`. A project's file may not write to files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Vec<String>>,
    /// When to use colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) color: Option<ColorWhen>,
    /// Whether progress is shown in a terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<bool>,
    /// At most so many rows; 0: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    /// Exit with 3 if a finding is at least so severe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fail_on: Option<Severity>,
    /// Exit with 5 if less than so many percent could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    pub(crate) min_coverage: Option<u8>,
    /// A source that failed, or low coverage, is no reason to exit with 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_partial: Option<bool>,
    /// Rules for secrets, a file in gitleaks' form. Not in a project's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<PathBuf>,
    /// What `keyroll scan` does.
    pub(crate) scan: Scan,
}

/// What `keyroll scan` does.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scan {
    /// What is read when no source is named. Not in a project's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sources: Option<Vec<String>>,
}

/// The JSON Schema of a configuration file.
pub(crate) fn schema() -> serde_json::Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let schema = settings
        .into_generator()
        .into_root_schema_for::<Configuration>();
    schema.to_value()
}

/// Every key, with the parts of a path joined by dots.
pub(crate) fn keys() -> Vec<String> {
    keys::all(&schema())
}
