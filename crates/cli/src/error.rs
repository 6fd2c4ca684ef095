//! Why a command could not do what it was asked, told once, with its causes and what to do.

use std::error::Error as Cause;
use std::io::{self, Write};

use crate::terminal::{BAD, HINT, Terminal};

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What was typed or configured makes no sense.
    #[error("{told}")]
    Usage {
        /// Expected and got.
        told: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Somebody has to log in, or give a key.
    #[error("{told}")]
    Authentication {
        /// Expected and got.
        told: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It did not work.
    #[error("{told}")]
    Failed {
        /// What was being done.
        told: String,
        /// Why.
        source: Option<Box<dyn Cause + Send + Sync>>,
        /// What to do.
        hint: Option<String>,
    },
    /// Standard output or an output file was refused.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

impl Error {
    /// A usage error.
    pub(crate) fn usage(told: impl Into<String>) -> Self {
        Self::Usage {
            told: told.into(),
            hint: None,
        }
    }

    /// A failure without a cause of its own.
    pub(crate) fn failed(told: impl Into<String>) -> Self {
        Self::Failed {
            told: told.into(),
            source: None,
            hint: None,
        }
    }

    /// A failure of `doing`, with its cause.
    pub(crate) fn because<E: Cause + Send + Sync + 'static>(
        doing: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let told = doing.into();
        move |source| Self::Failed {
            told,
            source: Some(Box::new(source)),
            hint: None,
        }
    }

    /// A failure of the store.
    pub(crate) fn from_store(doing: impl Into<String>) -> impl FnOnce(store::Error) -> Self {
        let told = doing.into();
        move |error| match error {
            store::Error::Location { .. } => Self::usage(format!("{told}: {error}")),
            store::Error::QueryRefused { .. } | store::Error::QueryFailed { .. } => {
                Self::usage(error.to_string())
            }
            other => Self::because(told)(other),
        }
    }

    /// Of what is decided about accounts and tokens.
    pub(crate) fn from_denied(doing: impl Into<String>) -> impl FnOnce(engine::Denied) -> Self {
        let doing = doing.into();
        move |denied| match denied {
            engine::Denied::Broken(error) => Self::from_engine(doing)(error),
            other => Self::failed(format!("{doing}: {other}")),
        }
    }

    /// A failure of the engine.
    pub(crate) fn from_engine(doing: impl Into<String>) -> impl FnOnce(engine::Error) -> Self {
        let told = doing.into();
        move |error| match error {
            engine::Error::Store(error) => Self::from_store(told)(error),
            // A key that is missing or exposed is for whoever holds it to put right.
            engine::Error::KeyFile { .. } => Self::Authentication {
                told: error.to_string(),
                hint: None,
            },
            engine::Error::Unfit(why) => Self::failed(why),
            other => Self::because(told)(other),
        }
    }

    /// Passes over that a reader left before the end: what was done was done, and its gates hold.
    pub(crate) fn unless_reader_left(shown: Result<(), Self>) -> Result<(), Self> {
        match shown {
            Err(error) if error.reader_left() => Ok(()),
            other => other,
        }
    }

    /// Whether nothing went wrong but that nobody reads on.
    pub(crate) fn reader_left(&self) -> bool {
        matches!(self, Self::Output(broken) if broken.kind() == io::ErrorKind::BrokenPipe)
    }

    /// With what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, todo: impl Into<String>) -> Self {
        match &mut self {
            Self::Usage { hint, .. }
            | Self::Authentication { hint, .. }
            | Self::Failed { hint, .. } => {
                *hint = Some(todo.into());
            }
            Self::Output(_) => {}
        }
        self
    }

    /// What to do next, if that was said.
    pub(crate) fn todo(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. }
            | Self::Authentication { hint, .. }
            | Self::Failed { hint, .. } => hint.as_deref(),
            Self::Output(_) => None,
        }
    }

    /// Says it on standard error; a reader who left is no error.
    pub(crate) fn print(&self, terminal: &Terminal) {
        if self.reader_left() {
            return;
        }
        let mut stderr = terminal.stderr();
        // Nowhere is left to say that standard error is closed.
        let _ = stderr.write_all(self.told().as_bytes());
    }

    /// The message with its causes and the hint, styled.
    fn told(&self) -> String {
        let mut out = format!("{BAD}error:{BAD:#} {}\n", model::clean(&self.to_string()));
        let mut said = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many libraries repeat their cause in their own message.
            if !said.contains(&text) {
                out.push_str(&format!("  because: {}\n", model::clean(&text)));
            }
            said = text;
            cause = error.source();
        }
        if let Some(todo) = self.todo() {
            out.push_str(&format!("\n{HINT}hint:{HINT:#} {}\n", model::clean(todo)));
        }
        out
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_its_causes_once_and_what_to_do() {
        let cause = io::Error::other("the disk is full\u{1b}[2J");
        let error = Error::because("cannot open the roll")(cause).hint("free some space");
        let told = anstream::adapter::strip_str(&error.told()).to_string();
        assert_eq!(
            told,
            "error: cannot open the roll\n  because: the disk is full\\u{1b}[2J\n\nhint: free some space\n"
        );
    }
}
