//! What can be typed: the verbs and the flags that all of them share.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::builder::{FalseyValueParser, Resettable};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser};
use model::{Severity, Timestamp};

use crate::commands::Command;

/// What was typed, before anything is looked up.
pub(crate) struct Typed {
    /// The verb with its own arguments.
    pub(crate) command: Command,
    /// The flags that all verbs share.
    pub(crate) shared: Shared,
    /// Which of those were given, or their variables.
    pub(crate) given: BTreeSet<String>,
}

/// The roll of every machine identity: who owns it, what it can reach, when it must die, and proof that it is gone.
#[derive(Debug, Parser)]
#[command(
    name = "keyroll",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 error, 2 usage, 3 findings at or above --fail-on, \
                  4 authentication needed, 5 coverage too low or a named source failed, 130 interrupted.\n\
                  Start with `keyroll scan`: it reads only, and sends nothing anywhere."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every verb.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Shared {
    /// Where the roll is kept: a file, or `postgres://…`
    ///
    /// Default: `keyroll/keyroll.db` in `$XDG_DATA_HOME`.
    #[arg(long, global = true, value_name = "URL", env = "KEYROLL_STORE")]
    pub(crate) store: Option<String>,
    /// Whose roll
    #[arg(long, global = true, value_name = "NAME", env = "KEYROLL_TENANT")]
    pub(crate) tenant: Option<String>,
    /// The key that secrets are fingerprinted under; beside an embedded store by default
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "KEYROLL_FINGERPRINT_KEY_FILE"
    )]
    pub(crate) fingerprint_key_file: Option<PathBuf>,
    /// The key that sealed values and evidence are kept under; beside an embedded store by default
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "KEYROLL_SEAL_KEY_FILE"
    )]
    pub(crate) seal_key_file: Option<PathBuf>,
    /// table, json, ndjson, csv, yaml, md, html, sarif, ocsf, cyclonedx, parquet, toon, lines, codequality or gauge;
    /// `FORMAT=PATH` writes a file; may be repeated
    #[arg(short, long, global = true, value_name = "FORMAT[=PATH]", env = "KEYROLL_OUTPUT", action = ArgAction::Append)]
    pub(crate) output: Vec<String>,
    /// Only these fields, as JSON unless `-o` says otherwise
    #[arg(
        long,
        global = true,
        value_name = "FIELD,…",
        env = "KEYROLL_JSON",
        value_delimiter = ',',
        num_args = 1
    )]
    pub(crate) json: Vec<String>,
    /// Filter the JSON by an expression of jq; with `-o ndjson`, row by row
    #[arg(long, global = true, value_name = "EXPR", env = "KEYROLL_JQ")]
    pub(crate) jq: Option<String>,
    /// The release of OCSF that `-o ocsf` follows: 1.8.0 or 1.9.0
    #[arg(
        long,
        global = true,
        value_name = "VERSION",
        env = "KEYROLL_OCSF_VERSION"
    )]
    pub(crate) ocsf_version: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", env = "KEYROLL_COLOR")]
    pub(crate) color: Option<ColorWhen>,
    /// Show no progress
    #[arg(long, global = true, env = "KEYROLL_NO_PROGRESS", value_parser = FalseyValueParser::new())]
    pub(crate) no_progress: bool,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, env = "KEYROLL_QUIET", value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,
}

/// When to use colour.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two axes of time (`docs/GLOSSARY.md`: as of, known at).
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Moment {
    /// What was true then, as known now: `2026-03-01`, `2026-03-01T12:00:00Z`
    #[arg(long, value_name = "TIME", env = "KEYROLL_AS_OF")]
    pub(crate) as_of: Option<Timestamp>,
    /// What was known then
    #[arg(long, value_name = "TIME", env = "KEYROLL_KNOWN_AT")]
    pub(crate) known_at: Option<Timestamp>,
}

/// How much is shown.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Limit {
    /// At most so many rows; 0: all (default: 1000 in a terminal, else all)
    #[arg(long, value_name = "ROWS", env = "KEYROLL_LIMIT", value_parser = whole, allow_negative_numbers = true)]
    pub(crate) limit: Option<u64>,
}

/// What makes the exit code say no.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Gate {
    /// Exit with 3 if a finding is at least so severe: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", env = "KEYROLL_FAIL_ON", value_parser = severity)]
    pub(crate) fail_on: Option<Severity>,
    /// Exit with 5 if less than so many percent of what was asked for could be read
    #[arg(long, value_name = "PERCENT", env = "KEYROLL_MIN_COVERAGE", value_parser = percent, allow_negative_numbers = true)]
    pub(crate) min_coverage: Option<u8>,
    /// A source that failed, or low coverage, is no reason to exit with 5
    #[arg(long, env = "KEYROLL_ALLOW_PARTIAL", value_parser = FalseyValueParser::new())]
    pub(crate) allow_partial: bool,
}

/// Consent given beforehand.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Consent {
    /// Do not ask
    #[arg(short, long, env = "KEYROLL_YES", value_parser = FalseyValueParser::new())]
    pub(crate) yes: bool,
}

fn severity(text: &str) -> Result<Severity, String> {
    crate::words::severity(text)
        .ok_or_else(|| "expected one of info, low, medium, high, critical".to_owned())
}

/// A whole number, as people write one.
pub(crate) fn whole(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "expected a whole number, 0 or more".to_owned())
}

fn percent(text: &str) -> Result<u8, String> {
    let read = text.parse().ok().filter(|percent| *percent <= 100);
    read.ok_or_else(|| "expected a whole number from 0 to 100".to_owned())
}

/// The whole command tree, as completion and the test of variables see it.
pub(crate) fn tree() -> clap::Command {
    without_values(Cli::command())
}

/// The tree as it is parsed: a verb's help shows its own flags, the first page those of every verb.
fn parsed() -> clap::Command {
    let mut tree = tree();
    tree.build();
    tree.mut_subcommands(without_shared)
}

fn without_shared(command: clap::Command) -> clap::Command {
    let shared = |argument: &clap::Arg| argument.is_global_set() && argument.get_id() != "help";
    let command = command.mut_args(|argument| {
        let hidden = shared(&argument);
        argument.hide(hidden)
    });
    let command = match command.get_name() {
        "help" => command,
        _ => command.after_help(
            "`keyroll --help` shows the flags of every verb: --store, --output, --json, …",
        ),
    };
    command.mut_subcommands(without_shared)
}

/// Variables are named in help, never their values: a URL may hold a password. One that is empty
/// is not given: CI sets those for inputs that nobody filled in.
fn without_values(command: clap::Command) -> clap::Command {
    let argument = |argument: clap::Arg| match argument.get_env() {
        Some(name) if std::env::var_os(name).is_some_and(|value| value.is_empty()) => {
            argument.env(Resettable::Reset)
        }
        _ => argument.hide_env_values(true),
    };
    command.mut_args(argument).mut_subcommands(without_values)
}

/// Reads the command line.
///
/// # Errors
/// What clap refuses; help and version come this way too.
pub(crate) fn parse() -> Result<Typed, clap::Error> {
    let matches = parsed().try_get_matches()?;
    let cli = Cli::from_arg_matches(&matches)?;
    let shared = [
        "store",
        "tenant",
        "fingerprint_key_file",
        "seal_key_file",
        "output",
        "color",
    ];
    let given = shared
        .iter()
        .filter(|id| matches.value_source(id).is_some());
    Ok(Typed {
        command: cli.command,
        shared: cli.shared,
        given: given.map(|id| (*id).to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(command: &clap::Command, path: &str, wrong: &mut Vec<String>) {
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            if argument.is_positional() || matches!(id, "help" | "version") {
                continue;
            }
            let variable = argument
                .get_env()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if !variable.starts_with("KEYROLL_") {
                wrong.push(format!("{path} --{id}"));
            }
        }
        for sub in command.get_subcommands() {
            each(sub, &format!("{path} {}", sub.get_name()), wrong);
        }
    }

    #[test]
    fn every_flag_has_a_variable() {
        let mut wrong = Vec::new();
        each(&tree(), "keyroll", &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_command_tree_is_sound() {
        tree().debug_assert();
        assert!(
            parsed()
                .try_get_matches_from(["keyroll", "ls", "-o", "json", "--store", "x"])
                .is_ok()
        );
    }
}
