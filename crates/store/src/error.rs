//! Why the store could not do what it was asked; each variant says whose turn it is.

use std::path::PathBuf;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operator's: another place is needed.
    #[error(
        "state file `{path}` is on a network file system ({kind}); put it on a local disk, or give `--store` a PostgreSQL address"
    )]
    NetworkFileSystem {
        /// Where the file is or would be.
        path: PathBuf,
        /// What kind of file system it is.
        kind: String,
    },
    /// The operator's: another place is needed.
    #[error(
        "state file `{path}` is on a file system that a program serves (`{kind}`) and that is not known to be local, so its locks cannot be trusted; put it on a local disk, or give `--store` a PostgreSQL address"
    )]
    UnknownFileSystem {
        /// Where the file is or would be.
        path: PathBuf,
        /// Its type in the mount table.
        kind: String,
    },
    /// The operator's: a newer program has been here.
    #[error(
        "the store was written by a newer keyroll (schema {found}), this one knows schema {known}: upgrade keyroll"
    )]
    Newer {
        /// Version of the store.
        found: u32,
        /// Latest version this program knows.
        known: u32,
    },
    /// The operator's: the store was never written by a program that may write.
    #[error(
        "state is at schema {found}, expected {known}, and was opened for reading only; run any command that writes first"
    )]
    Older {
        /// Version of the store.
        found: u32,
        /// Version this program needs.
        known: u32,
    },
    /// The caller's: some other program's database.
    #[error("`{path}` is not a Keyroll store: expected application id {expected:#x}, got {got:#x}")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Ours.
        expected: i64,
        /// The file's.
        got: i64,
    },
    /// The operator's: a store that lost its beginning, or never had one.
    #[error(
        "`{path}` was cut off: its {bytes} bytes are less than a store begins with; restore a backup, or remove it if it never held anything"
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// How long it is.
        bytes: u64,
    },
    /// The operator's: the file may be read by others.
    #[error("`{path}` may be read by others (mode {mode:04o}); run `chmod {wanted:o} {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// The caller's: not a place a store can be.
    #[error("expected a path or `postgres://user@host/database`, got `{given}`")]
    Location {
        /// What was given, without any password.
        given: String,
    },
    /// Nobody's: try again.
    #[error(
        "the store stayed busy for {waited_ms} ms: another process or thread is writing; try again"
    )]
    Busy {
        /// How long was waited.
        waited_ms: u64,
    },
    /// The operator's.
    #[error(
        "no space left for the store; nothing of this change was written. Make room and try again"
    )]
    Full,
    /// The operator's: the server is not there, or refuses us.
    #[error("cannot reach the store at {at}")]
    Unreachable {
        /// Address without a password.
        at: String,
        /// What came.
        #[source]
        source: Cause,
    },
    /// The operator's: trust anchors cannot be read.
    #[error("cannot read trust anchors for PostgreSQL from {from}")]
    TrustAnchors {
        /// File, or the platform.
        from: String,
        /// What came.
        #[source]
        source: Cause,
    },
    /// The operator's: nothing can be written where the store lies.
    #[error(
        "expected a directory that can be written, `{}` is none: an embedded store writes beside itself even to be read; copy it with the files beside it to such a place", path.display()
    )]
    Unwritable {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The caller's: this store was opened for reading only.
    #[error("the store was opened for reading only")]
    ReadOnly,
    /// The caller's: the feed no longer reaches back that far.
    #[error(
        "shard {shard} of the change feed begins after {floor}, asked for what follows {asked}: rebuild from the roll"
    )]
    BehindRetention {
        /// Which shard.
        shard: u32,
        /// What the reader has seen.
        asked: i64,
        /// The last sequence number that is gone.
        floor: i64,
    },
    /// Nobody's: another took over.
    #[error(
        "fencing token {held} of `{name}` is behind {current}: another took this work over, and nothing was written"
    )]
    Fenced {
        /// Which lease.
        name: String,
        /// The stale token.
        held: i64,
        /// The token that holds now.
        current: i64,
    },
    /// The caller's: someone appended in between.
    #[error(
        "expected to append evidence at {expected}, but the log has {size} leaves; read its head again"
    )]
    EvidenceMoved {
        /// The index the caller wanted.
        expected: u64,
        /// The size of the log.
        size: u64,
    },
    /// The caller's: a write that would undo a later one.
    #[error("{what} was changed since it was read, and nothing was written; read it again")]
    Conflict {
        /// What it is.
        what: &'static str,
    },
    /// The caller's: too much hangs together.
    #[error("more than {max} sightings hang together by hard keys; one of the keys names too much")]
    TooConnected {
        /// The limit given.
        max: usize,
    },
    /// Ours: what the store holds does not read back.
    #[error(
        "the store holds {what} that does not read back: keep it as it is, and restore a backup elsewhere (`keyroll restore`)"
    )]
    Corrupt {
        /// What it is.
        what: &'static str,
        /// What came.
        #[source]
        source: Option<Cause>,
    },
    /// The caller's: a query the store does not run.
    #[error("query refused: {why}")]
    QueryRefused {
        /// Why, and what to write instead.
        why: String,
    },
    /// The caller's: the query is wrong or asks too much.
    #[error("query failed: {why}")]
    QueryFailed {
        /// In the engine's words.
        why: String,
    },
    /// The caller's: a restore would mix two rolls.
    #[error("the target at {at} already holds a roll; restore into an empty one")]
    NotEmpty {
        /// Where.
        at: String,
    },
    /// The caller's: an archive that was cut, altered or made by something newer.
    #[error("the archive cannot be used: {why}; nothing was written")]
    Archive {
        /// Why.
        why: String,
    },
    /// A file did not do what was asked.
    #[error("cannot {doing} `{path}`")]
    File {
        /// What was tried.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What came.
        #[source]
        source: std::io::Error,
    },
    /// An engine did not do what was asked.
    #[error("the store's engine failed while it was to {doing}")]
    Engine {
        /// What was tried.
        doing: String,
        /// What came.
        #[source]
        source: Cause,
    },
}

impl Error {
    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what, source: None }
    }

    pub(crate) fn unreadable(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Corrupt {
            what,
            source: Some(source.into()),
        }
    }

    pub(crate) fn file(
        doing: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| {
            if source.kind() == std::io::ErrorKind::StorageFull {
                return Self::Full;
            }
            Self::File {
                doing,
                path,
                source,
            }
        }
    }
}
