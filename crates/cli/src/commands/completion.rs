//! `keyroll completion`: a script that completes verbs and flags.

use std::io::Write;

use clap_complete::{Shell, generate};
use clap_complete_nushell::Nushell;

use crate::error::Error;
use crate::exit::Outcome;
use crate::settings::Settings;

/// Print a completion script for a shell
///
/// For bash: `keyroll completion bash > ~/.local/share/bash-completion/completions/keyroll`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completion {
    /// For which shell
    shell: For,
}

/// A shell that can complete.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum For {
    Bash,
    Elvish,
    Fish,
    Nu,
    #[value(name = "powershell")]
    PowerShell,
    Zsh,
}

impl Completion {
    /// Prints the script.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let (mut tree, mut script) = (crate::arguments::tree(), Vec::new());
        let shell = match self.shell {
            For::Bash => Shell::Bash,
            For::Elvish => Shell::Elvish,
            For::Fish => Shell::Fish,
            For::PowerShell => Shell::PowerShell,
            For::Zsh => Shell::Zsh,
            For::Nu => {
                generate(Nushell, &mut tree, "keyroll", &mut script);
                settings.terminal.stdout().write_all(&script)?;
                return Ok(Outcome::CLEAN);
            }
        };
        generate(shell, &mut tree, "keyroll", &mut script);
        settings.terminal.stdout().write_all(&script)?;
        Ok(Outcome::CLEAN)
    }
}
