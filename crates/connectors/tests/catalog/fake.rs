//! Ports that answer badly, a fingerprint key for tests, and one pass over a recording.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use connectors::{
    Answer, Blob, Blobs, Connector, Context, Entry, EntryKind, Event, File, Fingerprints,
    Handshake, Packed, Piece, Port, Question, Recording, Refusal, Reply, Response, Rows, Stop,
    Unpacked, ldap, spire,
};
use model::{Fingerprint, Gap, Observation, Reason, Secret, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A recording with what it says of itself.
pub(crate) struct Recorded {
    pub(crate) path: PathBuf,
    pub(crate) json: Value,
    pub(crate) port: Recording,
    pub(crate) target: String,
    pub(crate) options: BTreeMap<String, String>,
    /// Secret values that are credentials by themselves.
    pub(crate) secrets: Vec<String>,
    /// Parts of secrets, such as lines of a private key.
    pub(crate) hidden: Vec<String>,
}

impl Recorded {
    pub(crate) fn read(folder: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata")
            .join(folder)
            .join("answers.json");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("a recording at {}", path.display()));
        let json: Value = serde_json::from_str(&text).unwrap();
        let get = |name: &str| json.get(name).cloned();
        let read = |value: Value| serde_json::from_value(value).unwrap();
        Self {
            port: Recording::parse(&text).unwrap(),
            target: get("target")
                .map_or_else(|| "fixture".to_owned(), |v| v.as_str().unwrap().to_owned()),
            options: get("options").map(read).unwrap_or_default(),
            secrets: get("secrets").map(texts).unwrap_or_default(),
            hidden: get("hidden").map(texts).unwrap_or_default(),
            path,
            json,
        }
    }
}

fn texts(value: Value) -> Vec<String> {
    serde_json::from_value(value).unwrap()
}

/// What one pass brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) seen: Vec<Observation>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) aside: BTreeMap<&'static str, usize>,
    pub(crate) stopped: bool,
}

impl Pass {
    /// All of it for a person who blesses a snapshot.
    pub(crate) fn shown(&self) -> String {
        serde_json::to_string_pretty(&(&self.seen, &self.gaps, &self.aside)).unwrap()
    }

    /// All of it as text, to look for what must not be in it.
    pub(crate) fn text(&self) -> String {
        format!(
            "{}\n{}\n{:?}",
            serde_json::to_string(&self.seen).unwrap(),
            serde_json::to_string(&self.gaps).unwrap(),
            self.aside
        )
    }
}

/// One pass of `connector` over `port`.
pub(crate) fn pass(
    connector: &dyn Connector,
    port: &mut dyn Port,
    target: &str,
    options: &BTreeMap<String, String>,
) -> Pass {
    let mut out = Pass::default();
    let mut sink = |event| match event {
        Event::Seen(one) => out.seen.push(one),
        Event::Gap(gap) => out.gaps.push(gap),
        Event::SetAside { what } => *out.aside.entry(what).or_default() += 1,
    };
    let mut cx = Context::new(port, &TestKey, target, options, now(), &mut sink);
    let stopped = connector.discover(&mut cx) == Err(Stop);
    out.stopped = stopped;
    out
}

pub(crate) fn now() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().unwrap()
}

/// A fingerprint key that is none: tests only compare.
pub(crate) struct TestKey;

impl Fingerprints for TestKey {
    fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(b"test key");
        hash.update(secret.expose().trim_ascii());
        Fingerprint {
            key: "0000000000000000".to_owned(),
            mac: hash
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        }
    }

    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

/// Refuses everything.
pub(crate) struct Refusing(pub(crate) Reason);

impl Port for Refusing {
    fn ask(&mut self, _: &Question) -> Result<Answer, Refusal> {
        Err(Refusal::new(self.0, "refused by a test"))
    }
}

/// Refuses everything and says that the pass is over; counts how often it was asked.
pub(crate) struct Stopping(pub(crate) usize);

impl Port for Stopping {
    fn ask(&mut self, _: &Question) -> Result<Answer, Refusal> {
        self.0 += 1;
        Err(Refusal {
            stop: true,
            ..Refusal::new(Reason::Failed, "stopped by a test")
        })
    }
}

/// Answers a recording, but every page of a list is its first one: a source that begins anew for
/// ever.
pub(crate) struct Repeating {
    pub(crate) port: Recording,
    pub(crate) asked: usize,
    first: BTreeMap<String, Answer>,
}

impl Repeating {
    pub(crate) const fn new(port: Recording) -> Self {
        Self {
            port,
            asked: 0,
            first: BTreeMap::new(),
        }
    }
}

impl Port for Repeating {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        self.asked += 1;
        let Question::Http(request) = question else {
            return self.port.ask(question);
        };
        let action = request.parameters.get("Action");
        let list = format!("{} {action:?} {:?}", request.service, request.segments);
        if let Some(first) = self.first.get(&list) {
            return Ok(first.clone());
        }
        let first = self.port.ask(question)?;
        self.first.insert(list, first.clone());
        Ok(first)
    }
}

/// Answers a recording, but every content is replaced by `content` and every listing by one
/// file and one directory, for ever: a source that repeats itself and never ends.
pub(crate) struct Answering {
    pub(crate) content: Vec<u8>,
    pub(crate) asked: usize,
}

impl Port for Answering {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        self.asked += 1;
        let text = || String::from_utf8_lossy(&self.content).into_owned();
        Ok(match question {
            Question::Http(_) => Answer::Http(Response {
                status: 200,
                request_id: String::new(),
                body: text(),
                next: BTreeMap::new(),
                whole: false,
            }),
            Question::Read { .. } => Answer::File(File {
                bytes: Secret::new(self.content.clone()),
                cut: false,
                mode: 0o600,
            }),
            Question::Piece { from, .. } => Answer::Piece(Piece {
                bytes: Secret::new(self.content.clone()),
                next: Some(from.saturating_add(1_000_000)),
                refused: None,
            }),
            Question::List { .. } => Answer::Entries(endless()),
            Question::Unpack { from, .. } => Answer::Unpacked(Unpacked {
                entries: vec![Packed {
                    path: ".env".to_owned(),
                    kind: EntryKind::File,
                    file: Some(File {
                        bytes: Secret::new(self.content.clone()),
                        cut: false,
                        mode: 0o600,
                    }),
                }],
                gaps: Vec::new(),
                next: Some(from.saturating_add(1_000_000)),
            }),
            Question::Git { from, .. } | Question::GitChange { from, .. } => Answer::Blobs(Blobs {
                replaced: Vec::new(),
                blobs: vec![Blob {
                    path: ".env".to_owned(),
                    bytes: Secret::new(self.content.clone()),
                    id: String::new(),
                    commit: String::new(),
                    author: String::new(),
                    at: None,
                    in_head: false,
                }],
                gaps: Vec::new(),
                next: Some(from.saturating_add(1_000_000)),
            }),
            Question::Blame { lines, .. } => Answer::Written(vec![None; lines.len()]),
            Question::Tls(_) => Answer::Tls(Handshake {
                chain: vec![text(); 3],
                ..Handshake::default()
            }),
            Question::Ldap(search) => Answer::Page(filled(search, &text())),
            Question::Redis { .. } => Answer::Reply(Reply::List(vec![Reply::Text(text()); 3])),
            Question::Spire { .. } => Answer::Spire(Box::new(spire_page(&text()))),
            Question::Sql(_) => Answer::Rows(Rows {
                rows: vec![vec![Some(text())]; 3],
                affected: 0,
            }),
        })
    }
}

/// A page of anything, with one more behind it.
fn spire_page(text: &str) -> spire::Page {
    spire::Page {
        entries: vec![spire::Entry {
            id: text.to_owned(),
            ..spire::Entry::default()
        }],
        agents: vec![spire::Agent::default()],
        next_page_token: text.to_owned(),
        ..spire::Page::default()
    }
}

/// A page of a directory that has another one behind it, with `text` in every attribute.
fn filled(search: &ldap::Search, text: &str) -> ldap::Page {
    let values = vec![ldap::Octets(text.as_bytes().to_vec()); 3];
    let attributes = search.attributes.iter();
    let entry = ldap::Entry {
        name: format!("cn={text}"),
        attributes: attributes
            .map(|one| (one.to_ascii_lowercase(), values.clone()))
            .collect(),
    };
    ldap::Page {
        entries: vec![entry; 3],
        next: Some("00".to_owned()),
        referrals: vec![format!("ldap://{text}/cn={text}")],
        refused: None,
    }
}

fn endless() -> Vec<Entry> {
    let entry = |name: &str, kind| Entry {
        name: name.to_owned(),
        kind,
        size: 4,
    };
    vec![
        entry("deeper", EntryKind::Directory),
        entry(".env", EntryKind::File),
        entry("server.pem", EntryKind::File),
    ]
}

/// Answers what another port answers, cut in the middle.
pub(crate) struct Truncating(pub(crate) Recording);

impl Port for Truncating {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        Ok(match self.0.ask(question)? {
            Answer::Http(mut response) => {
                let half = response.body.len() / 2;
                let half = (0..=half)
                    .rev()
                    .find(|at| response.body.is_char_boundary(*at));
                response.body.truncate(half.unwrap_or(0));
                Answer::Http(response)
            }
            Answer::File(file) => Answer::File(File {
                bytes: Secret::new(file.bytes.expose()[..file.bytes.len() / 2].to_vec()),
                cut: true,
                mode: file.mode,
            }),
            Answer::Piece(piece) => Answer::Piece(Piece {
                bytes: Secret::new(piece.bytes.expose()[..piece.bytes.len() / 2].to_vec()),
                next: None,
                refused: None,
            }),
            Answer::Rows(mut rows) => {
                for row in &mut rows.rows {
                    row.truncate(row.len() / 2);
                }
                Answer::Rows(rows)
            }
            // A content is whole or missing; what is missing is told beside the others.
            Answer::Blobs(mut some) => {
                let rest = some.blobs.split_off(some.blobs.len() / 2);
                let missing = Refusal::new(Reason::Failed, "missing or broken");
                some.gaps
                    .extend(rest.into_iter().map(|blob| (blob.path, missing.clone())));
                Answer::Blobs(some)
            }
            Answer::Tls(mut handshake) => {
                for one in &mut handshake.chain {
                    one.truncate(one.len() / 2);
                }
                Answer::Tls(handshake)
            }
            Answer::Unpacked(mut some) => {
                let rest = some.entries.split_off(some.entries.len() / 2);
                let missing = Refusal::new(Reason::Failed, "ends early");
                some.gaps
                    .extend(rest.into_iter().map(|one| (one.path, missing.clone())));
                Answer::Unpacked(some)
            }
            // The connection breaks off between two entries.
            Answer::Page(mut page) => {
                page.entries.truncate(page.entries.len().div_ceil(2));
                page.refused = Some(Refusal::new(Reason::Failed, "ends early"));
                Answer::Page(page)
            }
            // Every value in a reply tells its length: a shorter one is none.
            Answer::Reply(_) | Answer::Spire(_) => {
                return Err(Refusal::new(Reason::Failed, "ends early"));
            }
            Answer::Written(mut written) => {
                written.truncate(written.len() / 2);
                Answer::Written(written)
            }
            entries @ Answer::Entries(_) => entries,
        })
    }
}
