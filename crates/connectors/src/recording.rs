//! A port that answers from a file: recordings for tests and for trying a connector out.
//!
//! A recording is a JSON object: `recorded` says when and from what, every other member maps a
//! question to its answer. Questions are written in one line:
//!
//! ```text
//! POST iam Action=ListUsers&MaxItems=100      -> {"status": 200, "body": "…"}
//! GET /projects/7?page=2                      -> {"status": 200, "body": "…"}
//! POST kms@eu-west-1 TrentService.ListKeys {} -> {"status": 200, "body": "…"}
//! LIST /home/ann                              -> [{"name": ".env", "kind": "file", "size": 12}]
//! READ /home/ann/.env                         -> {"text": "A=b", "mode": "0600"}
//! PIECE /srv/audit.log 0                      -> {"text": "{…}\n"}
//! UNPACK /srv/a.tar 0                         -> {"packed": [{"path": ".env", "text": "A=b"}]}
//! GIT /srv/shop 0                             -> {"blobs": [{"path": ".env", "text": "A=b", …}], "next": 1}
//! BLAME /srv/shop .env:1                      -> {"written": [{"commit": "3c4e…", "author": "Ann <ann@…>", "files": 2}]}
//! SQL select 1                                -> {"rows": [["1"]]}
//! REDIS ACL GETUSER ann                       -> {"reply": ["flags", ["on"]]}
//! LDAP dc=example (objectClass=user)          -> {"entries": [{"name": "cn=ann", "attributes": {"cn": ["ann"]}}]}
//! TLS api.example:443                         -> {"chain": ["MII…"], "version": "TLS 1.3"}
//! SQL subject@shop select 1                   -> {"refusal": {"reason": "denied", "code": "28P01", "told": "…"}}
//! ```
//!
//! A question that is not in it is refused, so one recording shows gaps as well.

use std::collections::BTreeMap;

use base64::Engine as _;
use model::{Reason, Secret, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::port::ldap::{Depth, Page, Search};
use crate::spire;
use crate::{
    Answer, Blob, Blobs, Change, Entry, EntryKind, File, Handshake, Method, Packed, Piece, Port,
    Question, Refusal, Reply, Request, Response, Rows, Unpacked, Whom, Written,
};

/// A port that answers from a file.
#[derive(Clone, Debug)]
pub struct Recording {
    answers: BTreeMap<String, Value>,
    /// Every question asked, in one line each, in order.
    pub asked: Vec<String>,
    /// Whether any question declared that it may change something.
    pub changed: bool,
}

/// What is wrong with a recording.
#[derive(Debug, thiserror::Error)]
#[error("expected a recording, a JSON object of question to answer: {0}")]
pub struct Broken(#[from] serde_json::Error);

#[derive(Deserialize)]
#[serde(untagged)]
enum Answered {
    Refusal {
        refusal: Refusal,
    },
    Http(Response),
    History(History),
    Packed(WrittenArchive),
    Text {
        text: String,
        #[serde(default)]
        mode: Option<String>,
    },
    Base64 {
        base64: String,
        #[serde(default)]
        mode: Option<String>,
    },
    Tls(Handshake),
    Blame {
        written: Vec<Option<Written>>,
    },
    // Before rows: an empty list would read as no rows.
    Entries(Vec<Entry>),
    Redis {
        reply: Reply,
    },
    Spire {
        spire: Box<spire::Page>,
    },
    Page(Page),
    Rows(Rows),
}

/// [`Unpacked`] as a recording writes it: text files alone.
#[derive(Deserialize)]
struct WrittenArchive {
    packed: Vec<WrittenEntry>,
    #[serde(default)]
    gaps: Vec<(String, Refusal)>,
    #[serde(default)]
    next: Option<u64>,
}

#[derive(Deserialize)]
struct WrittenEntry {
    path: String,
    text: String,
}

impl From<WrittenArchive> for Unpacked {
    fn from(written: WrittenArchive) -> Self {
        let entries = written.packed.into_iter().map(|one| Packed {
            path: one.path,
            kind: EntryKind::File,
            file: Some(File {
                bytes: Secret::new(one.text.into_bytes()),
                cut: false,
                mode: 0o600,
            }),
        });
        Self {
            entries: entries.collect(),
            gaps: written.gaps,
            next: written.next,
        }
    }
}

/// [`Blobs`] as a recording writes them.
#[derive(Deserialize)]
struct History {
    blobs: Vec<WrittenBlob>,
    #[serde(default)]
    gaps: Vec<(String, Refusal)>,
    #[serde(default)]
    next: Option<u64>,
}

#[derive(Deserialize)]
struct WrittenBlob {
    path: String,
    text: String,
    id: String,
    commit: String,
    author: String,
    at: Option<Timestamp>,
    #[serde(default)]
    in_head: bool,
}

impl From<History> for Blobs {
    fn from(written: History) -> Self {
        let blobs = written.blobs.into_iter().map(|one| Blob {
            path: one.path,
            bytes: Secret::new(one.text.into_bytes()),
            id: one.id,
            commit: one.commit,
            author: one.author,
            at: one.at,
            in_head: one.in_head,
        });
        Self {
            replaced: Vec::new(),
            blobs: blobs.collect(),
            gaps: written.gaps,
            next: written.next,
        }
    }
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// It is not a JSON object.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let answers: BTreeMap<String, Value> = serde_json::from_str(text)?;
        Ok(Self {
            answers,
            asked: Vec::new(),
            changed: false,
        })
    }

    /// The one line that names `question` in a recording.
    pub fn line(question: &Question) -> String {
        match question {
            Question::Http(request) => http_line(request),
            Question::List { dir } => format!("LIST {dir}"),
            Question::Read { path, .. } => format!("READ {path}"),
            Question::Piece { path, from } => format!("PIECE {path} {from}"),
            Question::Unpack { path, from } => format!("UNPACK {path} {from}"),
            Question::Git { dir, from } => format!("GIT {dir} {from}"),
            Question::GitChange { dir, change, from } => match change {
                Change::Staged { .. } => format!("GIT {dir} staged {from}"),
                Change::Commits { base, head } => format!("GIT {dir} {base}..{head} {from}"),
            },
            Question::Blame { dir, lines } => {
                let lines: Vec<_> = lines
                    .iter()
                    .map(|one| format!(" {}:{}", one.path, one.line))
                    .collect();
                format!("BLAME {dir}{}", lines.concat())
            }
            Question::Redis { words } => format!("REDIS {}", words.join(" ")),
            Question::Spire { call, after } => match after.as_str() {
                "" => format!("SPIRE {}", call.method()),
                after => format!("SPIRE {} after {after}", call.method()),
            },
            Question::Ldap(search) => ldap_line(search),
            Question::Tls(greeting) => {
                let mut line = format!("TLS {}:{}", greeting.host, greeting.port);
                if greeting.server_name != greeting.host {
                    line = format!("{line} as {}", greeting.server_name);
                }
                match greeting.starttls.as_str() {
                    "" => line,
                    protocol => format!("{line} after {protocol}"),
                }
            }
            Question::Sql(statement) => {
                let text = statement
                    .text
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                let database = &statement.database;
                let at = if database.is_empty() {
                    String::new()
                } else {
                    format!("@{database}")
                };
                let whom = whom_prefix(statement.whom);
                let values: Vec<_> = statement
                    .values
                    .iter()
                    .map(|value| format!(" [{value}]"))
                    .collect();
                let by = format!("{}{at}", whom.trim_end());
                let by = if by.is_empty() { by } else { format!("{by} ") };
                format!("SQL {by}{text}{}", values.concat())
            }
        }
    }
}

/// The line of a question to an HTTP interface.
fn http_line(request: &Request) -> String {
    let pairs: Vec<_> = request
        .parameters
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();
    let whom = whom_prefix(request.whom);
    let at = match request.region.as_str() {
        "" => String::new(),
        region => format!("@{region}"),
    };
    let path = request.segments.join("/");
    if let Some(json) = &request.json {
        let asked = match json.operation.as_str() {
            "" => format!("/{path}"),
            operation => operation.to_owned(),
        };
        let service = &request.service;
        return format!("POST {whom}{service}{at} {asked} {}", json.body);
    }
    match request.method {
        Method::Post if request.segments.is_empty() => {
            format!("POST {whom}{}{at} {}", request.service, pairs.join("&"))
        }
        method => {
            let verb = match method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Put => "PUT",
                Method::Delete => "DELETE",
            };
            let query = if pairs.is_empty() {
                String::new()
            } else {
                format!("?{}", pairs.join("&"))
            };
            let form = form_asked(request);
            let of = match request.service.as_str() {
                "" => String::new(),
                service => format!("{service}{at} "),
            };
            format!("{verb} {whom}{of}/{path}{query}{form}")
        }
    }
}

/// The line of a search: which attributes it wants is not in it.
fn ldap_line(search: &Search) -> String {
    let base = match search.base.as_str() {
        "" => "ROOT",
        base => base,
    };
    let depth = match search.depth {
        Depth::Base => "only ",
        Depth::Whole => "",
    };
    let names = if search.names_only { " names" } else { "" };
    let page = match search.page.as_str() {
        "" => String::new(),
        page => format!(" after {page}"),
    };
    format!("LDAP {depth}{base} {}{names}{page}", search.filter)
}

/// A page as a server gives it: with no attribute but those asked for.
fn asked_for(question: &Question, mut page: Page) -> Page {
    if let Question::Ldap(search) = question {
        for entry in &mut page.entries {
            entry.attributes = std::mem::take(&mut entry.attributes)
                .into_iter()
                .map(|(name, values)| (name.to_ascii_lowercase(), values))
                .filter(|(name, _)| {
                    let mut wanted = search.attributes.iter();
                    wanted.any(|one| one.eq_ignore_ascii_case(name))
                })
                .collect();
        }
    }
    page
}

/// ` as application/json`, where a form is asked for.
fn form_asked(request: &Request) -> String {
    match request.accept.as_str() {
        "" => String::new(),
        form => format!(" as {form}"),
    }
}

fn whom_prefix(whom: Whom) -> &'static str {
    match whom {
        Whom::Collector => "",
        Whom::Subject => "subject ",
        Whom::Held => "held ",
        Whom::Minted => "minted ",
        Whom::Nobody => "nobody ",
    }
}

impl Port for Recording {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let line = Self::line(question);
        self.asked.push(line.clone());
        self.changed |= match question {
            Question::Http(request) => request.changes,
            Question::Sql(statement) => statement.changes,
            Question::List { .. }
            | Question::Read { .. }
            | Question::Piece { .. }
            | Question::Unpack { .. }
            | Question::Git { .. }
            | Question::GitChange { .. }
            | Question::Blame { .. }
            | Question::Redis { .. }
            | Question::Spire { .. }
            | Question::Ldap(_)
            | Question::Tls(_) => false,
        };
        let Some(value) = self.answers.get(&line) else {
            return Err(Refusal::new(
                Reason::Denied,
                format!("not in the recording: {line}"),
            ));
        };
        let broken = |told: String| {
            Refusal::new(
                Reason::Failed,
                format!("broken recording at `{line}`: {told}"),
            )
        };
        let written: Answered =
            serde_json::from_value(value.clone()).map_err(|e| broken(e.to_string()))?;
        let limit = if let Question::Read { bytes_max, .. } = question {
            *bytes_max
        } else {
            u64::MAX
        };
        match written {
            Answered::Refusal { refusal } => Err(refusal),
            Answered::Http(response) => Ok(Answer::Http(response)),
            Answered::History(history) => Ok(Answer::Blobs(history.into())),
            Answered::Packed(archive) => Ok(Answer::Unpacked(archive.into())),
            Answered::Blame { written } => Ok(Answer::Written(written)),
            Answered::Tls(handshake) => Ok(Answer::Tls(handshake)),
            Answered::Page(page) => Ok(Answer::Page(asked_for(question, page))),
            Answered::Redis { reply } => Ok(Answer::Reply(reply)),
            Answered::Spire { spire } => Ok(Answer::Spire(spire)),
            Answered::Rows(rows) => Ok(Answer::Rows(rows)),
            Answered::Entries(entries) => Ok(Answer::Entries(entries)),
            Answered::Text { text, mode } => Ok(held(question, text.into_bytes(), mode, limit)),
            Answered::Base64 { base64, mode } => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(base64);
                let bytes = bytes.map_err(|e| broken(e.to_string()))?;
                Ok(held(question, bytes, mode, limit))
            }
        }
    }
}

/// What a file holds, in one piece or as a file.
fn held(question: &Question, bytes: Vec<u8>, mode: Option<String>, limit: u64) -> Answer {
    match question {
        Question::Piece { .. } => Answer::Piece(Piece {
            bytes: Secret::new(bytes),
            next: None,
            refused: None,
        }),
        _ => file(bytes, mode, limit),
    }
}

fn file(mut bytes: Vec<u8>, mode: Option<String>, limit: u64) -> Answer {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    let mode = mode
        .and_then(|mode| u32::from_str_radix(&mode, 8).ok())
        .unwrap_or(0o600);
    Answer::File(File {
        bytes: Secret::new(bytes),
        cut,
        mode,
    })
}
