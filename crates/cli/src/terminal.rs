//! Whether there is a terminal, and whether it gets colour (CL-13, CL-23).

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::arguments::ColorWhen;
use crate::environment::Environment;
use crate::interrupt::Interrupt;

/// Proven, and nothing else.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What somebody must do today.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Soon, or not for ever.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// Nobody can tell.
pub(crate) const UNKNOWN: Style = AnsiColor::BrightBlack.on_default();
/// What can be acted on.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
/// A heading.
pub(crate) const HEAD: Style = Style::new().bold();

/// Where output goes and how it may look.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    /// Standard output is a terminal.
    pub(crate) out: bool,
    /// Standard error is a terminal.
    pub(crate) err: bool,
    /// Standard input is a terminal: somebody can be asked.
    pub(crate) input: bool,
    /// Standard output gets colour.
    pub(crate) paint_out: bool,
    /// Standard error gets colour.
    pub(crate) paint_err: bool,
}

impl Terminal {
    /// As the environment alone has it.
    pub(crate) fn plain(environment: &Environment) -> Self {
        Self::new(environment, ColorWhen::Auto)
    }

    /// As flag and environment have it.
    pub(crate) fn new(environment: &Environment, when: ColorWhen) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let input = io::stdin().is_terminal() && !environment.is_set("KEYROLL_PROMPT_DISABLED");
        Self {
            out,
            err,
            input,
            paint_out: paints(environment, when, out),
            paint_err: paints(environment, when, err),
        }
    }

    /// Standard output; styles are stripped where they are not wanted.
    pub(crate) fn stdout(&self) -> impl Write {
        AutoStream::new(io::stdout().lock(), choice(self.paint_out))
    }

    /// Standard error; styles are stripped where they are not wanted.
    pub(crate) fn stderr(&self) -> impl Write {
        AutoStream::new(io::stderr().lock(), choice(self.paint_err))
    }
}

const fn choice(paint: bool) -> ColorChoice {
    if paint {
        ColorChoice::AlwaysAnsi
    } else {
        ColorChoice::Never
    }
}

/// Standard input shows nothing of what is typed, until this is dropped or somebody interrupts.
pub(crate) struct Hushed(Termios);

impl Hushed {
    /// Hushes the terminal that standard input is.
    ///
    /// # Errors
    /// It is none, or does not do it.
    pub(crate) fn input(interrupt: &Interrupt) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hushed = before.clone();
        hushed.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown all the same.
        hushed.local_modes.insert(LocalModes::ECHONL);
        interrupt.restores(&before);
        tcsetattr(io::stdin(), OptionalActions::Now, &hushed)?;
        Ok(Self(before))
    }
}

impl Drop for Hushed {
    fn drop(&mut self) {
        // A terminal that went away shows nothing any more.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// `--color` first, then `NO_COLOR`, then `FORCE_COLOR` and `CLICOLOR_FORCE`, then `CLICOLOR=0`.
fn paints(environment: &Environment, when: ColorWhen, terminal: bool) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if environment.is_given("NO_COLOR") => false,
        ColorWhen::Auto => {
            environment.is_set("FORCE_COLOR")
                || environment.is_set("CLICOLOR_FORCE")
                || (terminal
                    && environment.get("CLICOLOR") != Some("0")
                    && environment.get("TERM") != Some("dumb"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_wins_over_force_color_and_the_flag_over_both() {
        let env = |pairs: &[(&str, &str)]| Environment::of(pairs);
        let both = env(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")]);
        assert!(!paints(&both, ColorWhen::Auto, true));
        assert!(paints(&both, ColorWhen::Always, false));
        assert!(paints(
            &env(&[("CLICOLOR_FORCE", "1")]),
            ColorWhen::Auto,
            false
        ));
        assert!(!paints(&env(&[("CLICOLOR", "0")]), ColorWhen::Auto, true));
        assert!(paints(&env(&[]), ColorWhen::Auto, true));
        assert!(
            paints(&env(&[("NO_COLOR", "")]), ColorWhen::Auto, true),
            "empty is not given"
        );
    }
}
