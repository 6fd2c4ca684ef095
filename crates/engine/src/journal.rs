//! What a pass has read so far, kept with the roll part by part: where it is killed, the next one
//! goes on there and asks nothing twice.
//!
//! Parts hold what connectors made of answers (decision 19), documents such as policies among it,
//! and no secret. A pass that goes on is the one that was killed, so it began when that began; one
//! that comes too late, or is made otherwise, begins anew.

use std::collections::BTreeMap;

use connectors::Journal;
use model::{Duration, Scope, SourceId, Timestamp};
use store::{Durability, JournalPart, Lease};

use crate::{Engine, Error, crash};

/// What was read longer ago is read again.
const KEPT_FOR: Duration = Duration::hours(24);
/// A larger part is not kept: it is read again where the pass is killed.
const PART_BYTES_MAX: usize = 64 << 20;

/// The journal of one pass.
pub(crate) struct Kept<'a> {
    engine: &'a Engine,
    source: SourceId,
    about: String,
    started: Timestamp,
    lease: Lease,
}

/// How a pass is made: by which program, over what, with which options.
pub(crate) fn about(scope: &Scope, options: &BTreeMap<String, String>) -> Result<String, Error> {
    let version = env!("CARGO_PKG_VERSION");
    serde_json::to_string(&(version, scope, options))
        .map_err(|_| Error::Unfit("the options of this source cannot be written down".to_owned()))
}

impl Engine {
    /// When the pass over `source` began that was made as `about` says and was killed, if there is
    /// one to go on with.
    pub(crate) fn unfinished(
        &self,
        source: &SourceId,
        about: &str,
    ) -> Result<Option<Timestamp>, Error> {
        let now = self.now();
        let began = self
            .store
            .read(|reading| reading.journal_began(&self.tenant, source, about))?;
        Ok(began.filter(|began| *began <= now && now.since(*began) < KEPT_FOR))
    }
}

impl<'a> Kept<'a> {
    /// That of a pass over `source` under `lease`, which began at `started`.
    pub(crate) fn new(
        engine: &'a Engine,
        source: &SourceId,
        about: String,
        (started, lease): (Timestamp, &Lease),
    ) -> Self {
        Self {
            engine,
            source: source.clone(),
            about,
            started,
            lease: lease.clone(),
        }
    }
}

impl Journal for Kept<'_> {
    fn kept(&mut self, part: &str) -> Option<Vec<u8>> {
        let read = self
            .engine
            .store
            .read(|reading| reading.journal_part(&self.engine.tenant, &self.source, part));
        // What cannot be read is asked for again.
        let kept = read.ok().flatten()?;
        (kept.about == self.about && kept.started == self.started).then_some(kept.body)
    }

    fn keep(&mut self, part: &str, bytes: Vec<u8>) {
        if bytes.len() > PART_BYTES_MAX {
            return;
        }
        let one = JournalPart {
            part: part.to_owned(),
            about: self.about.clone(),
            started: self.started,
            body: bytes,
        };
        // Whoever lost the lease keeps nothing; it is told so when the pass ends.
        drop(self.engine.store.write(Durability::Repeatable, |writing| {
            writing.fence(&self.engine.tenant, &self.lease)?;
            Ok::<_, Error>(writing.keep_part(&self.engine.tenant, &self.source, &one)?)
        }));
        crash::point("a part is kept");
    }
}
