//! What can go wrong at the edges.

use std::path::PathBuf;

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store refused or broke.
    #[error(transparent)]
    Store(#[from] store::Error),

    /// The evidence log refused or broke; whatever was to be recorded was not done.
    #[error("the evidence log did not take this down, so nothing was done")]
    Evidence(#[from] evidence::Error),

    /// What the evidence log holds does not verify.
    #[error("the evidence log does not match what was signed")]
    Untrue(#[source] evidence::Error),

    /// The barrier refused or broke.
    #[error(transparent)]
    Vault(#[from] vault::Error),

    /// A connector could not do what it was asked.
    #[error(transparent)]
    Connector(#[from] connectors::Error),

    /// A key file cannot be used.
    #[error("{what} `{}`: {why}", path.display())]
    KeyFile {
        /// Which key.
        what: &'static str,
        /// Where it lies.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },

    /// The operating system refused.
    #[error("{doing} `{}`", path.display())]
    Files {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },

    /// Somebody else is at it.
    #[error(
        "{what} is being worked on by another process until {until}; {}",
        if *.ended {
            "that one has ended, but what it asked for may still be on its way: try again then"
        } else {
            "wait, or stop that process"
        }
    )]
    Busy {
        /// What.
        what: String,
        /// Whether whoever is at it is known to be no more.
        ended: bool,
        /// Until when its lease holds.
        until: model::Timestamp,
    },

    /// What was named cannot be found, or not without doubt.
    #[error("{0}")]
    Unfit(String),

    /// The world could not be reached at all.
    #[error("{0}")]
    Refused(connectors::Refusal),
}
