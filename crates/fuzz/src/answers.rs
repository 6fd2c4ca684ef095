//! A port that answers out of the fuzzed bytes, and one pass over it.
//!
//! The input is a list of answers, each ended by a line `%%`. A first line names what it
//! answers: an HTTP action with its status, an SQL statement's turn, a path. An HTTP question
//! takes the first answer of its action, an SQL question the next one; each is given once, so
//! that every pass ends.

use std::collections::BTreeMap;

use connectors::{
    Answer, Blob, Blobs, Connector, Context, Entry, EntryKind, Event, File, Piece, Port, Question,
    Refusal, Response, Rows,
};
use engine::Said;
use model::{Attribute, Observation, Reason, Secret};

use crate::witness::Witness;

/// What ends an answer.
const END: &str = "\n%%\n";

/// More than this from one small input is a flood.
const EVENTS_MAX: usize = 100_000;

/// The facts that rules compare with the clock.
const TIMES: &[Attribute] = &[
    Attribute::CREATED_AT,
    Attribute::EXPIRES_AT,
    Attribute::LAST_USED_AT,
    Attribute::ROTATED_AT,
    Attribute::VALID_FROM,
];

/// Answers out of a list.
pub(crate) struct Answers<'a> {
    left: Vec<&'a str>,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            left: text.split(END).collect(),
        }
    }

    /// The first answer that is headed by `name`, and what follows the name in its head.
    fn named(&mut self, name: &str) -> Option<(&'a str, &'a str)> {
        let at = self.left.iter().position(|answer| {
            let head = answer.lines().next().unwrap_or_default();
            head.split(' ').next() == Some(name)
        })?;
        let (head, body) = halves(self.left.remove(at));
        Some((head.split_once(' ').unwrap_or_default().1, body))
    }
}

/// The first line, and the rest.
fn halves(answer: &str) -> (&str, &str) {
    answer.split_once('\n').unwrap_or((answer, ""))
}

fn none_left() -> Refusal {
    Refusal::new(Reason::Failed, "no answer is left")
}

impl Port for Answers<'_> {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Http(request) => {
                let action = request.parameters.get("Action").map(String::as_str);
                let (status, body) = self.named(action.unwrap_or("GET")).ok_or_else(none_left)?;
                Ok(Answer::Http(Response {
                    status: status.parse().unwrap_or(200),
                    request_id: String::new(),
                    body: body.to_owned(),
                    next: BTreeMap::new(),
                    whole: false,
                }))
            }
            Question::Sql(_) => {
                if self.left.is_empty() {
                    return Err(none_left());
                }
                let (head, body) = halves(self.left.remove(0));
                match head.strip_prefix("refused ") {
                    Some(code) => Err(Refusal::new(Reason::Denied, body).code(code)),
                    None => Ok(Answer::Rows(rows(head, body))),
                }
            }
            // A reply is written in Redis's own form, so what reads it is tried as well.
            Question::Redis { .. } => {
                if self.left.is_empty() {
                    return Err(none_left());
                }
                match engine::read_reply(self.left.remove(0).as_bytes(), 1 << 20)? {
                    Said::Reply(reply) => Ok(Answer::Reply(reply)),
                    Said::Error(text) => Err(Refusal::new(Reason::Denied, text)),
                }
            }
            _ => Err(none_left()),
        }
    }
}

/// Rows, a line each, with tabs between the cells; `\N` is null.
fn rows(head: &str, body: &str) -> Rows {
    let cell = |cell: &str| (cell != "\\N").then(|| cell.replace("\\n", "\n"));
    Rows {
        rows: body
            .lines()
            .map(|line| line.split('\t').map(cell).collect())
            .collect(),
        affected: head.parse().unwrap_or_default(),
    }
}

/// One file that lies in the folder of its path, and nothing else.
pub(crate) struct OneFile<'a> {
    pub(crate) path: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl OneFile<'_> {
    fn place(&self) -> (&str, &str) {
        self.path.rsplit_once('/').unwrap_or(("", self.path))
    }
}

impl Port for OneFile<'_> {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let absent = || Refusal::new(Reason::Failed, "not there").code("ENOENT");
        match question {
            Question::List { dir } if *dir == self.place().0 => Ok(Answer::Entries(vec![Entry {
                name: self.place().1.to_owned(),
                kind: EntryKind::File,
                size: self.bytes.len() as u64,
            }])),
            Question::Read { path, bytes_max } if path == self.path => {
                let limit = usize::try_from(*bytes_max).unwrap_or(usize::MAX);
                Ok(Answer::File(File {
                    bytes: Secret::new(self.bytes.iter().take(limit).copied().collect()),
                    cut: self.bytes.len() > limit,
                    mode: 0o600,
                }))
            }
            // In two pieces, so that a record lies in both.
            Question::Piece { path, from } if path == self.path => {
                let half = self.bytes.len() / 2;
                let (bytes, next) = match (from, half) {
                    (0, 1..) => (&self.bytes[..half], Some(half as u64)),
                    _ => (&self.bytes[half..], None),
                };
                Ok(Answer::Piece(Piece {
                    bytes: Secret::new(bytes.to_vec()),
                    next,
                    refused: None,
                }))
            }
            Question::Git { from: 0, .. } => Ok(Answer::Blobs(Blobs {
                blobs: vec![Blob {
                    path: self.path.trim_start_matches('/').to_owned(),
                    bytes: Secret::new(self.bytes.to_vec()),
                    id: "1f7a7a47".to_owned(),
                    commit: "3c4e2a0c".to_owned(),
                    author: self.path.to_owned(),
                    at: None,
                    in_head: self.bytes.len().is_multiple_of(2),
                }],
                ..Blobs::default()
            })),
            _ => Err(absent()),
        }
    }
}

/// What came of asking: all of it as text, and what was seen.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) natives: Vec<String>,
    pub(crate) seen: Vec<Observation>,
}

/// Lets `connector` tell which source it is and discover all there is, as one pass does.
pub(crate) fn pass(
    connector: &dyn Connector,
    port: &mut dyn Port,
    witness: &Witness,
    target: &str,
    options: &BTreeMap<String, String>,
) -> Told {
    let mut told = Told {
        text: String::new(),
        natives: Vec::new(),
        seen: Vec::new(),
    };
    let mut events = 0;
    let mut sink = |event: Event| {
        events += 1;
        told.text.push_str(&format!("{event:?}\n"));
        if let Event::Seen(seen) = event {
            survives_writing(&seen);
            told.natives.push(seen.native.clone());
            told.seen.push(seen);
        }
    };
    let mut cx = context(port, witness, target, options, &mut sink);
    // Where a pass stops early is no matter here.
    let _ = connector.discover(&mut cx);
    assert!(events <= EVENTS_MAX, "a flood of {events} events");
    told
}

/// What was seen waits in files and in the store as JSON.
pub(crate) fn survives_writing(seen: &Observation) {
    let read = serde_json::to_vec(seen).and_then(|json| serde_json::from_slice(&json));
    match read {
        Ok(again) => assert_eq!(*seen, again, "it is read as something else"),
        Err(why) => panic!("what was seen cannot be written or read again: {why}"),
    }
    for attribute in TIMES {
        if let Some(value) = seen.facts.get(attribute).and_then(|fact| fact.told.is()) {
            assert!(value.time().is_some(), "a time that is none: {value:?}");
        }
    }
}

/// A context at a fixed time.
pub(crate) fn context<'a>(
    port: &'a mut dyn Port,
    witness: &'a Witness,
    target: &'a str,
    options: &'a BTreeMap<String, String>,
    sink: &'a mut dyn FnMut(Event),
) -> Context<'a> {
    let now = model::Timestamp::from_seconds(1_793_610_000);
    Context::new(port, witness, target, options, now, sink)
}
