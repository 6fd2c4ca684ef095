//! `keyroll completion`: a script that completes verbs and flags.

use std::io::Write;

use crate::error::Error;
use crate::exit::Outcome;
use crate::settings::Settings;

/// Print a completion script for a shell
///
/// For bash: `keyroll completion bash > ~/.local/share/bash-completion/completions/keyroll`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completion {
    /// For which shell
    shell: clap_complete::Shell,
}

impl Completion {
    /// Prints the script.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut crate::arguments::tree(),
            "keyroll",
            &mut script,
        );
        settings.terminal.stdout().write_all(&script)?;
        Ok(Outcome::CLEAN)
    }
}
