//! The typed questions a connector may ask of the world, and what comes back.
//!
//! The engine answers them for real, a [`crate::Recording`] from a file. A question names *as
//! whom* it is asked; it never carries a credential.

mod http;
pub mod ldap;

use std::fmt;

use model::{Reason, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::spire;

pub use http::{Json, Method, Request, Response};

/// As whom a question is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// As the source's own, configured identity.
    #[default]
    Collector,
    /// As the bearer of the credential under revocation: a new login each time.
    Subject,
    /// Over the session that was opened as the subject before the cut and is still held. The
    /// first such question opens it; later ones never open another.
    Held,
    /// With the temporary credentials that the subject minted before the cut.
    Minted,
    /// As nobody.
    Nobody,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Of an HTTP interface.
    Http(Request),
    /// What lies in a directory.
    List {
        /// Absolute path.
        dir: String,
    },
    /// What a file holds.
    Read {
        /// Absolute path.
        path: String,
        /// More than this is cut off and said so.
        bytes_max: u64,
    },
    /// The next piece of a file of any size, unpacked where it is compressed.
    Piece {
        /// Absolute path.
        path: String,
        /// How many unpacked bytes to pass over: what an earlier answer's `next` said.
        from: u64,
    },
    /// The next entries of an archive, with what is worth reading of them. Archives in it are
    /// opened as well.
    Unpack {
        /// Absolute path of the archive.
        path: String,
        /// How many entries to pass over: what an earlier answer's `next` said.
        from: u64,
    },
    /// Of a database.
    Sql(Statement),
    /// Of Redis: a command that changes nothing, word by word.
    Redis {
        /// `ACL`, `GETUSER`, `ann`.
        words: Vec<String>,
    },
    /// Of a SPIRE server: a call that changes nothing.
    Spire {
        /// Which.
        call: spire::Call,
        /// Where a list goes on: what an earlier page said; empty at its beginning.
        after: String,
    },
    /// Of a directory: one page of a search.
    Ldap(ldap::Search),
    /// The next files in the history of a repository, each content once.
    Git {
        /// Absolute path of the repository: a work tree or a bare one.
        dir: String,
        /// How many contents to pass over: what an earlier answer's `next` said.
        from: u64,
    },
    /// The next files that a change adds to a repository, with what it replaces.
    GitChange {
        /// Absolute path of the repository.
        dir: String,
        /// Which change.
        change: Change,
        /// How many contents to pass over: what an earlier answer's `next` said.
        from: u64,
    },
    /// Who wrote lines of files, by the history of the repository around them.
    Blame {
        /// Absolute path of the repository.
        dir: String,
        /// Which lines.
        lines: Vec<LineAt>,
    },
    /// Of an endpoint that speaks TLS: what it shows to whoever comes.
    Tls(Greeting),
}

/// A line of a file in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAt {
    /// Path of the file, from the repository's root.
    pub path: String,
    /// The number of the line as the file lies there now, from 1; for a person.
    pub line: u32,
    /// What it says, as [`line_mark`] has it.
    pub mark: u64,
}

/// The commit that brought a line in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The commit, hex.
    pub commit: String,
    /// Its author: name and address, by the repository's `.mailmap`.
    pub author: String,
    /// When the author wrote it.
    pub at: Option<Timestamp>,
    /// How many files it changed, counted up to 1,000.
    pub files: u32,
}

/// What a line says, without blanks: 64 bits of FNV-1a, enough to find it again in a file.
pub fn line_mark(line: &[u8]) -> u64 {
    let letters = line.iter().filter(|byte| !byte.is_ascii_whitespace());
    letters.fold(0xcbf2_9ce4_8422_2325, |mark, byte| {
        (mark ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A TLS handshake, and nothing after it. Whatever chain comes is taken: it is looked at, not
/// trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The name asked for (RFC 6066 section 3), which the certificate has to bear.
    pub server_name: String,
    /// `postgres`, `smtp`, `imap` or `ldap`, where TLS is asked for in that protocol first.
    #[serde(default)]
    pub starttls: String,
}

/// What an endpoint showed in its handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// The certificates in DER, base64, in the order sent: the endpoint's own first.
    pub chain: Vec<String>,
    /// `TLS 1.2`, `TLS 1.3`; none where the endpoint gave up after its chain.
    #[serde(default)]
    pub version: Option<String>,
    /// The cipher suite in IANA's words.
    #[serde(default)]
    pub cipher: Option<String>,
    /// Whether it asked for a certificate of the client.
    #[serde(default)]
    pub asks_for_certificate: bool,
    /// What a verification against this machine's trust anchors says: nothing where it is
    /// content, otherwise `expired`, `not_yet_valid`, `unknown_issuer`, `name_mismatch`,
    /// `bad_signature`, `not_for_servers`, `revoked`, `refused`. None without any anchor.
    #[serde(default)]
    pub objections: Option<Vec<String>>,
}

/// A change of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// What the next commit would bring: where the index differs from the checked-out commit.
    Staged {
        /// The index file, where it is another one than the repository's own: a file in its
        /// directory.
        index: Option<String>,
    },
    /// What the commits bring that `head` reaches and `base` does not.
    Commits {
        /// A commit, branch or tag, perhaps with `~2` or `^1` behind it.
        base: String,
        /// Another one.
        head: String,
    },
}

/// A statement for a database. Values go in `values`, never in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// As whom.
    #[serde(default)]
    pub whom: Whom,
    /// In which database; empty: the one the source names.
    #[serde(default)]
    pub database: String,
    /// The text, with `$1`, `$2`, … Where an identifier is needed, it comes through
    /// [`Statement::quoted`].
    pub text: String,
    /// The values, as text; the text casts them.
    #[serde(default)]
    pub values: Vec<String>,
    /// Whether it may change something. The engine runs all others read-only.
    #[serde(default)]
    pub changes: bool,
}

impl Statement {
    /// A read-only statement as the collector, in the source's own database.
    pub fn reading(text: impl Into<String>) -> Self {
        Self {
            whom: Whom::Collector,
            database: String::new(),
            text: text.into(),
            values: Vec::new(),
            changes: false,
        }
    }

    /// With one more value.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.values.push(value.into());
        self
    }

    /// In another database of the cluster.
    #[must_use]
    pub fn database(mut self, name: &str) -> Self {
        self.database = name.to_owned();
        self
    }

    /// Asked as somebody else.
    #[must_use]
    pub fn asked_as(mut self, whom: Whom) -> Self {
        self.whom = whom;
        self
    }

    /// Declared to change something.
    #[must_use]
    pub fn changing(mut self) -> Self {
        self.changes = true;
        self
    }

    /// `name` as an SQL identifier: in double quotes, inner ones doubled; `None` where no
    /// database takes it (a zero byte).
    pub fn quoted(name: &str) -> Option<String> {
        (!name.contains('\0')).then(|| format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

/// Rows of texts; `None` is SQL's null. A statement that returns none gives `affected` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The rows.
    #[serde(default)]
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows changed.
    #[serde(default)]
    pub affected: u64,
}

/// What Redis says to a command (its protocol specification, RESP2). Its errors are refusals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A number.
    Number(i64),
    /// A text; what is no UTF-8 in it is replaced.
    Text(String),
    /// Several, one behind another: a map is its names and values in turn.
    List(Vec<Self>),
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// The name alone. What is no UTF-8 comes with its odd bytes escaped and cannot be read.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes.
    #[serde(default)]
    pub size: u64,
}

/// What an entry is. Links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A directory on the same file system.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A socket, a device, a pipe, another file system.
    Other,
}

/// What a file holds. It may hold secrets, so its bytes are one.
#[derive(Clone, Debug)]
pub struct File {
    /// The bytes, up to the limit asked for.
    pub bytes: Secret,
    /// Whether there was more.
    pub cut: bool,
    /// Permission bits.
    pub mode: u32,
}

/// A piece of a file. It may hold secrets, so its bytes are one.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The bytes, unpacked.
    pub bytes: Secret,
    /// What to pass over in the next question; none where this was the last.
    pub next: Option<u64>,
    /// Why the rest cannot be read: it is damaged or ends early.
    pub refused: Option<Refusal>,
}

/// One entry of an archive.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Path in the archive, without a slash in front: `etc/app/.env`; in an archive that lies in
    /// it `layer.tar!/etc/app/.env`. Text, and never a path of this machine.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// What it holds, where that is worth reading ([`crate::bytes_worth_reading`]).
    pub file: Option<File>,
}

/// Some of an archive.
#[derive(Clone, Debug, Default)]
pub struct Unpacked {
    /// Entries, in the order in which they lie there.
    pub entries: Vec<Packed>,
    /// What could not be read: a path in the archive (empty: the rest of it), and why.
    pub gaps: Vec<(String, Refusal)>,
    /// What to pass over in the next question; none where this was the last.
    pub next: Option<u64>,
}

/// One content of a file in a repository's history, with where it came in.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Path in the repository, from its root.
    pub path: String,
    /// What lay there. It may hold secrets, so its bytes are one.
    pub bytes: Secret,
    /// The object's id, hex.
    pub id: String,
    /// The commit that brought it in, hex: the first in order of history.
    pub commit: String,
    /// That commit's author: name and address as written.
    pub author: String,
    /// When the author wrote it.
    pub at: Option<Timestamp>,
    /// Whether the newest commit of the checked-out branch still holds it.
    pub in_head: bool,
}

/// A content that a change replaces or takes away.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// The file that holds another content after the change; `None` where the file is gone, and
    /// what it held may have moved anywhere.
    pub path: Option<String>,
    /// What kind of text it was is told by this path.
    pub was: String,
    /// What it held. It may hold secrets, so its bytes are one.
    pub bytes: Secret,
}

/// Some of a repository's history.
#[derive(Clone, Debug, Default)]
pub struct Blobs {
    /// Of a change: what was there before, in no later answer than what takes its place.
    pub replaced: Vec<Replaced>,
    /// Contents, in the order in which they came into the history.
    pub blobs: Vec<Blob>,
    /// What could not be read: a path or object, and why.
    pub gaps: Vec<(String, Refusal)>,
    /// What to pass over in the next question; none where this was the last.
    pub next: Option<u64>,
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Question::Http`].
    Http(Response),
    /// To [`Question::List`].
    Entries(Vec<Entry>),
    /// To [`Question::Read`].
    File(File),
    /// To [`Question::Piece`].
    Piece(Piece),
    /// To [`Question::Unpack`].
    Unpacked(Unpacked),
    /// To [`Question::Sql`].
    Rows(Rows),
    /// To [`Question::Redis`].
    Reply(Reply),
    /// To [`Question::Spire`].
    Spire(Box<spire::Page>),
    /// To [`Question::Ldap`].
    Page(ldap::Page),
    /// To [`Question::Git`] and [`Question::GitChange`].
    Blobs(Blobs),
    /// To [`Question::Blame`], a line each; nothing where nobody is known.
    Written(Vec<Option<Written>>),
    /// To [`Question::Tls`].
    Tls(Handshake),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In the words of gaps.
    pub reason: Reason,
    /// The provider's own code, where it gave one: an SQLSTATE, `InvalidClientTokenId`.
    #[serde(default)]
    pub code: String,
    /// For a person; never a secret.
    pub told: String,
    /// The pass was stopped: ask nothing more.
    #[serde(default)]
    pub stop: bool,
}

impl Refusal {
    /// A refusal without a code.
    pub fn new(reason: Reason, told: impl Into<String>) -> Self {
        Self {
            reason,
            code: String::new(),
            told: told.into(),
            stop: false,
        }
    }

    /// With the provider's code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.as_str() {
            "" => write!(f, "{}: {}", self.reason.as_str(), model::clean(&self.told)),
            code => write!(
                f,
                "{} ({}): {}",
                self.reason.as_str(),
                model::clean(code),
                model::clean(&self.told)
            ),
        }
    }
}

/// Whoever answers questions.
pub trait Port {
    /// Answers one question.
    ///
    /// # Errors
    /// A [`Refusal`] where there is no answer at all. An HTTP status of any kind is an answer.
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal>;

    /// Is told what is asked next, so that it may ask it already: what it is told is read-only and
    /// independent of what is answered before. A port that does not is no worse but slower.
    fn soon(&mut self, questions: &[Question]) {
        let _ = questions;
    }
}
