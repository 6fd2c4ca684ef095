//! What a connector is given for one pass or one act: questions to ask, and where to put what it saw.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use model::{
    Attribute, Confidence, CredentialType, Fingerprint, Gap, Observation, Reason, Scope, Secret,
    Timestamp, Value,
};

use crate::database::Hashed;
use crate::port::ldap::{Page, Search};
use crate::postgres_roles::Compared;
use crate::spire;
use crate::{
    Answer, Blobs, Change, Entry, File, Greeting, Handshake, LineAt, Piece, Port, Question,
    Refusal, Reply, Request, Response, Rows, Statement, Unpacked, Written,
};

/// The pass is over: its time is up or somebody stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Makes keyed fingerprints of secrets; the key stays with whoever implements it.
pub trait Fingerprints {
    /// The fingerprint of a secret, canonicalised as coverage.md section 6 says (trimmed).
    fn fingerprint(&self, secret: &Secret) -> Fingerprint;

    /// The fingerprint of the SCRAM StoredKey (RFC 5802) of `password`, to be compared with
    /// that of a verifier; `None` if salt or iterations are out of bounds.
    fn scram(&self, password: &Secret, salt_base64: &str, iterations: u32) -> Option<Fingerprint>;

    /// What a database keeps of `password`, in lower-case hex; `None` where nobody computes it.
    fn hashed(&self, how: Hashed, password: &Secret) -> Option<String> {
        let _ = (how, password);
        None
    }

    /// `password`, as it is used for `login` (`host:port/role`), beside what servers on the roll
    /// keep for that login. Nothing is compared where no server of ours knows it.
    fn compared(&self, login: &str, password: &Secret) -> Compared {
        let _ = (login, password);
        Compared::default()
    }
}

/// Does many things at once, as many as there are processors for it; who they are stays with
/// whoever implements it: connectors start nobody.
pub trait Workers {
    /// Calls `job` once with each number below `jobs`, in any order, and returns when all are done.
    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync));
}

/// What comes of each, in their order, by as many as there are to look.
pub(crate) fn of_each<T: Sync, R: Send + Sync>(
    workers: Option<&dyn Workers>,
    all: &[T],
    look: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let Some(workers) = workers.filter(|_| all.len() > 1) else {
        return all.iter().map(look).collect();
    };
    let seen: Vec<OnceLock<R>> = all.iter().map(|_| OnceLock::new()).collect();
    workers.run(all.len(), &|at| {
        if let (Some(one), Some(slot)) = (all.get(at), seen.get(at)) {
            slot.get_or_init(|| look(one));
        }
    });
    // Whoever left one out is made good for.
    let seen = seen.into_iter().zip(all);
    seen.map(|(slot, one)| slot.into_inner().unwrap_or_else(|| look(one)))
        .collect()
}

/// Finds secrets in text of any kind; the rules stay with whoever implements it (decision 20).
pub trait Detector: Sync {
    /// Every secret in `bytes`, in the order of their places. `path` tells what kind of text it
    /// is; rules may allow or disallow places by it.
    fn detect(&self, path: &str, bytes: &[u8]) -> Detections;
}

/// What rules find in one text.
#[derive(Clone, Debug, Default)]
pub struct Detections {
    /// The secrets.
    pub found: Vec<Detected>,
    /// How many matches a comment beside them or an allow-list says are known. Counted and not told.
    pub allowed: u64,
}

/// A secret found in text by a rule.
#[derive(Clone, Debug)]
pub struct Detected {
    /// The rule's stable name.
    pub rule: String,
    /// The type of credential it is.
    pub credential: CredentialType,
    /// The secret.
    pub secret: Secret,
    /// The line it begins in, from 1.
    pub line: usize,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// What its form tells of it: provider, account, issuer, expiry.
    pub facts: Vec<(Attribute, Value)>,
}

/// What a pass brings, one at a time.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something was seen.
    Seen(Observation),
    /// Something could not be read.
    Gap(Gap),
    /// Recognised and set aside: a trust anchor, a public certificate, a package's test key.
    SetAside {
        /// What kind of thing: `trust anchor`, `public certificate`, `test key`.
        what: &'static str,
    },
}

/// What a connector is given for one pass or one act.
pub struct Context<'a> {
    port: &'a mut dyn Port,
    fingerprints: &'a dyn Fingerprints,
    detector: Option<&'a dyn Detector>,
    workers: Option<&'a dyn Workers>,
    target: &'a str,
    options: &'a BTreeMap<String, String>,
    /// When the pass or act began; connectors read no clock.
    pub now: Timestamp,
    sink: &'a mut dyn FnMut(Event),
}

impl<'a> Context<'a> {
    /// A context over a port.
    pub fn new(
        port: &'a mut dyn Port,
        fingerprints: &'a dyn Fingerprints,
        target: &'a str,
        options: &'a BTreeMap<String, String>,
        now: Timestamp,
        sink: &'a mut dyn FnMut(Event),
    ) -> Self {
        Self {
            port,
            fingerprints,
            detector: None,
            workers: None,
            target,
            options,
            now,
            sink,
        }
    }

    /// With rules for secrets in text; without them only known formats are read.
    #[must_use]
    pub fn detecting(mut self, detector: Option<&'a dyn Detector>) -> Self {
        self.detector = detector;
        self
    }

    /// With others who look at files; without them whoever walks looks at each by itself.
    #[must_use]
    pub fn with_workers(mut self, workers: Option<&'a dyn Workers>) -> Self {
        self.workers = workers;
        self
    }

    /// Whoever finds secrets in text, if anybody does.
    pub(crate) fn detector(&self) -> Option<&'a dyn Detector> {
        self.detector
    }

    /// Whoever looks at files beside the one who walks.
    pub(crate) fn workers(&self) -> Option<&'a dyn Workers> {
        self.workers
    }

    /// What the source names: `host:port`, a directory, an account.
    pub fn target(&self) -> &str {
        self.target
    }

    /// An option of the source.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Asks an HTTP interface. Any status is an answer.
    ///
    /// # Errors
    /// No answer at all.
    pub fn http(&mut self, request: Request) -> Result<Response, Refusal> {
        match self.port.ask(&Question::Http(request))? {
            Answer::Http(response) => Ok(response),
            _ => Err(another_answer()),
        }
    }

    /// Lists a directory, sorted by name.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn list(&mut self, dir: &str) -> Result<Vec<Entry>, Refusal> {
        match self.port.ask(&Question::List {
            dir: dir.to_owned(),
        })? {
            Answer::Entries(mut entries) => {
                entries.sort();
                Ok(entries)
            }
            _ => Err(another_answer()),
        }
    }

    /// Reads at most `bytes_max` of a file.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn read(&mut self, path: &str, bytes_max: u64) -> Result<File, Refusal> {
        match self.port.ask(&Question::Read {
            path: path.to_owned(),
            bytes_max,
        })? {
            Answer::File(file) => Ok(file),
            _ => Err(another_answer()),
        }
    }

    /// The piece of the file at `path` that follows its first `from` unpacked bytes.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn piece(&mut self, path: &str, from: u64) -> Result<Piece, Refusal> {
        let path = path.to_owned();
        match self.port.ask(&Question::Piece { path, from })? {
            Answer::Piece(piece) => Ok(piece),
            _ => Err(another_answer()),
        }
    }

    /// Some of the archive at `path`, after the first `from` entries.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn unpack(&mut self, path: &str, from: u64) -> Result<Unpacked, Refusal> {
        let path = path.to_owned();
        match self.port.ask(&Question::Unpack { path, from })? {
            Answer::Unpacked(unpacked) => Ok(unpacked),
            _ => Err(another_answer()),
        }
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// The database refused, or did not answer; the code is its SQLSTATE.
    pub fn sql(&mut self, statement: Statement) -> Result<Rows, Refusal> {
        match self.port.ask(&Question::Sql(statement))? {
            Answer::Rows(rows) => Ok(rows),
            _ => Err(another_answer()),
        }
    }

    /// Sends a command to Redis; it must be one that changes nothing.
    ///
    /// # Errors
    /// Redis refused, or did not answer; the code is the first word of its error.
    pub fn redis(&mut self, words: &[&str]) -> Result<Reply, Refusal> {
        let words = words.iter().map(|one| (*one).to_owned()).collect();
        match self.port.ask(&Question::Redis { words })? {
            Answer::Reply(reply) => Ok(reply),
            _ => Err(another_answer()),
        }
    }

    /// Calls a SPIRE server; a list goes on `after` what its last page said.
    ///
    /// # Errors
    /// The server refused, or did not answer; the code is that of gRPC, in its words.
    pub fn spire(&mut self, call: spire::Call, after: &str) -> Result<spire::Page, Refusal> {
        let after = after.to_owned();
        match self.port.ask(&Question::Spire { call, after })? {
            Answer::Spire(page) => Ok(*page),
            _ => Err(another_answer()),
        }
    }

    /// One page of a search in a directory.
    ///
    /// # Errors
    /// The server refused, or did not answer; the code is the name of its result code.
    pub fn ldap(&mut self, search: Search) -> Result<Page, Refusal> {
        match self.port.ask(&Question::Ldap(search))? {
            Answer::Page(page) => Ok(page),
            _ => Err(another_answer()),
        }
    }

    /// Some of the history of the repository at `dir`, after the first `from` contents.
    ///
    /// # Errors
    /// There is no repository, or it may not be read.
    pub fn git(&mut self, dir: &str, from: u64) -> Result<Blobs, Refusal> {
        let dir = dir.to_owned();
        match self.port.ask(&Question::Git { dir, from })? {
            Answer::Blobs(blobs) => Ok(blobs),
            _ => Err(another_answer()),
        }
    }

    /// Who wrote `lines` of files in the repository at `dir`, a line each.
    ///
    /// # Errors
    /// There is no repository, or it may not be read.
    pub fn blame(
        &mut self,
        dir: &str,
        lines: Vec<LineAt>,
    ) -> Result<Vec<Option<Written>>, Refusal> {
        let dir = dir.to_owned();
        match self.port.ask(&Question::Blame { dir, lines })? {
            Answer::Written(written) => Ok(written),
            _ => Err(another_answer()),
        }
    }

    /// Shakes hands with an endpoint that speaks TLS, and hangs up.
    ///
    /// # Errors
    /// Nobody answered, or no TLS was spoken.
    pub fn tls(&mut self, greeting: Greeting) -> Result<Handshake, Refusal> {
        match self.port.ask(&Question::Tls(greeting))? {
            Answer::Tls(handshake) => Ok(handshake),
            _ => Err(another_answer()),
        }
    }

    /// Some of what `change` adds to the repository at `dir`, after the first `from` contents.
    ///
    /// # Errors
    /// There is no repository or no such change, or it may not be read.
    pub fn git_change(&mut self, dir: &str, change: &Change, from: u64) -> Result<Blobs, Refusal> {
        let (dir, change) = (dir.to_owned(), change.clone());
        match self.port.ask(&Question::GitChange { dir, change, from })? {
            Answer::Blobs(blobs) => Ok(blobs),
            _ => Err(another_answer()),
        }
    }

    /// Keeps what was seen.
    pub fn observe(&mut self, observation: Observation) {
        (self.sink)(Event::Seen(observation));
    }

    /// Keeps that `scope` could not be read, and what permission would let it.
    ///
    /// # Errors
    /// [`Stop`] if the refusal says that the pass is over.
    pub fn gap(
        &mut self,
        scope: &Scope,
        refusal: &Refusal,
        needs: Option<&str>,
    ) -> Result<(), Stop> {
        let mut gap = Gap::new(scope, refusal.reason, refusal.to_string());
        if let (Reason::Denied, Some(needs)) = (refusal.reason, needs) {
            gap = gap.needs(needs);
        }
        (self.sink)(Event::Gap(gap));
        if refusal.stop { Err(Stop) } else { Ok(()) }
    }

    /// Counts something that was recognised and is no identity.
    pub fn set_aside(&mut self, what: &'static str) {
        (self.sink)(Event::SetAside { what });
    }

    /// The keyed fingerprint of a secret.
    pub fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        self.fingerprints.fingerprint(secret)
    }

    /// See [`Fingerprints::compared`].
    pub fn compared(&self, login: &str, password: &Secret) -> Compared {
        self.fingerprints.compared(login, password)
    }

    /// See [`Fingerprints::hashed`].
    pub fn hashed(&self, how: Hashed, password: &Secret) -> Option<String> {
        self.fingerprints.hashed(how, password)
    }

    /// See [`Fingerprints::scram`].
    pub fn scram(
        &self,
        password: &Secret,
        salt_base64: &str,
        iterations: u32,
    ) -> Option<Fingerprint> {
        self.fingerprints.scram(password, salt_base64, iterations)
    }
}

fn another_answer() -> Refusal {
    Refusal::new(Reason::Failed, "the port answered another kind of question")
}
