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
    #[error("{what} is being worked on by {by}{}; {}", begun(.since.as_ref()), wait(*.ended, *.until))]
    Busy {
        /// What.
        what: String,
        /// Who: for whom, and which process.
        by: String,
        /// Since when, where that is known.
        since: Option<model::Timestamp>,
        /// Whether whoever is at it is known to be no more.
        ended: bool,
        /// Until when its lease holds, unless it is renewed.
        until: model::Timestamp,
    },

    /// What was named cannot be found, or not without doubt.
    #[error("{0}")]
    Unfit(String),

    /// The world could not be reached at all.
    #[error("{0}")]
    Refused(connectors::Refusal),
}

fn begun(since: Option<&model::Timestamp>) -> String {
    since.map_or_else(String::new, |at| format!(" since {at}"))
}

fn wait(ended: bool, until: model::Timestamp) -> String {
    if ended {
        format!(
            "that one has ended, but what it asked for may still be on its way: try again at {until}"
        )
    } else {
        "try again when it is done, or stop it first".to_owned()
    }
}
