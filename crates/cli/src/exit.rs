//! Exit codes (ecosystem.md 1.4): documented, stable, and one for each reason.

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use crate::error::Error;

const FINDINGS: u8 = 3;
const AUTHENTICATION: u8 = 4;
const INCOMPLETE: u8 = 5;

/// How a command ended that did what it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// It did its work, and what it looked at is broken.
    pub(crate) failed: bool,
    /// Something reached `--fail-on`, or a check that was asked for did not hold.
    pub(crate) findings: bool,
    /// A named source failed wholly, or coverage is below `--min-coverage`.
    pub(crate) incomplete: bool,
}

impl Outcome {
    /// Done, covered, clean.
    pub(crate) const CLEAN: Self = Self {
        failed: false,
        findings: false,
        incomplete: false,
    };
}

/// The code for an outcome. Findings of an incomplete run are a lower bound: 5 outranks 3 (CL-20).
pub(crate) fn of(outcome: &Outcome) -> ExitCode {
    ExitCode::from(code(*outcome))
}

const fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome { failed: true, .. } => 1,
        Outcome {
            incomplete: true, ..
        } => INCOMPLETE,
        Outcome { findings: true, .. } => FINDINGS,
        Outcome::CLEAN => 0,
    }
}

/// The code for an error.
pub(crate) fn of_error(error: &Error) -> ExitCode {
    match error {
        Error::Usage { .. } => ExitCode::from(2),
        Error::Authentication { .. } => ExitCode::from(AUTHENTICATION),
        error if error.reader_left() => ExitCode::SUCCESS,
        Error::Output(_) | Error::Failed { .. } => ExitCode::FAILURE,
    }
}

/// The code for what clap ended: 0 for help and version, else 2; 1 where the help went nowhere.
pub(crate) fn of_usage(refused: &clap::Error, printed: &io::Result<()>) -> ExitCode {
    match printed {
        // A reader who left is nobody's fault.
        Err(error) if error.kind() != ErrorKind::BrokenPipe && refused.exit_code() == 0 => {
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    u8::try_from(refused.exit_code()).map_or(ExitCode::from(2), ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_run_outranks_its_findings() {
        let findings = Outcome {
            findings: true,
            ..Outcome::CLEAN
        };
        assert_eq!(code(Outcome::CLEAN), 0);
        assert_eq!(code(findings), 3);
        assert_eq!(
            code(Outcome {
                incomplete: true,
                ..findings
            }),
            5
        );
    }
}
