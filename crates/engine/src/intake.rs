//! Takes what a pass brings: observations to the spool, gaps and what was set aside counted,
//! everything within bounds.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::Event;
use model::{Attribute, Fact, Gap, Observation, Reason, Scope, Told, Value};

use crate::Error;
use crate::spool::Spool;

/// Gaps kept of one pass. Beyond it, the whole part counts as not read.
const GAPS_MAX: usize = 10_000;
/// Bytes of one observation. A larger one becomes a gap.
const OBSERVATION_BYTES_MAX: usize = 256 * 1024;
/// Memory for what is being sorted; the rest goes to disk.
const SPOOL_MEMORY_MAX: usize = 64 * 1024 * 1024;

/// What one pass brought, as it comes in.
pub(crate) struct Intake {
    spool: Spool,
    scope: Scope,
    fingerprint_key: String,
    gaps: Vec<Gap>,
    gaps_lost: u64,
    set_aside: BTreeMap<&'static str, u64>,
    failed: Option<Error>,
}

/// What one pass brought.
pub(crate) struct Taken {
    /// What was seen.
    pub(crate) spool: Spool,
    /// What could not be read.
    pub(crate) gaps: Vec<Gap>,
    /// What was recognised and is no identity, by kind.
    pub(crate) set_aside: BTreeMap<&'static str, u64>,
}

impl Intake {
    /// Takes in a pass over `scope`; what does not fit in memory goes to `dir`. Secrets that
    /// were not fingerprinted under `fingerprint_key` are kept and marked unmatchable.
    pub(crate) fn new(scope: &Scope, dir: &Path, fingerprint_key: &str) -> Self {
        Self {
            spool: Spool::new(dir, SPOOL_MEMORY_MAX),
            scope: scope.clone(),
            fingerprint_key: fingerprint_key.to_owned(),
            gaps: Vec::new(),
            gaps_lost: 0,
            set_aside: BTreeMap::new(),
            failed: None,
        }
    }

    /// How many observations came so far.
    pub(crate) const fn seen(&self) -> u64 {
        self.spool.len()
    }

    /// Takes one event.
    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Seen(observation) => self.observation(observation),
            Event::Gap(gap) => self.gap(gap),
            Event::SetAside { what } => *self.set_aside.entry(what).or_default() += 1,
        }
    }

    /// Takes one gap.
    pub(crate) fn gap(&mut self, gap: Gap) {
        if self.gaps.len() < GAPS_MAX {
            self.gaps.push(gap);
        } else {
            self.gaps_lost += 1;
        }
    }

    fn observation(&mut self, mut observation: Observation) {
        let scope = observation.scope.clone();
        if !self.scope.contains(&scope) {
            let told = format!(
                "`{}` was seen outside of the part that was to be read",
                observation.native
            );
            return self.gap(Gap::new(&self.scope.clone(), Reason::Unsupported, told));
        }
        mark_unmatchable(&mut observation, &self.fingerprint_key);
        if observation.to_bytes().len() > OBSERVATION_BYTES_MAX {
            let told = format!(
                "`{}` tells more than {OBSERVATION_BYTES_MAX} bytes",
                observation.native
            );
            return self.gap(Gap::new(&scope, Reason::Unsupported, told));
        }
        match self.spool.push(&observation) {
            Ok(()) => {}
            Err(Error::Unfit(told))
                if self.failed.is_none() && observation.native.len() > crate::spool::NATIVE_MAX =>
            {
                self.gap(Gap::new(&scope, Reason::Unsupported, told));
            }
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }

    /// Ends the intake.
    ///
    /// # Errors
    /// The disk gave out on the way; nothing of the pass may be concluded.
    pub(crate) fn end(mut self) -> Result<Taken, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.gaps_lost > 0 {
            let told = format!(
                "{} more gaps than the {GAPS_MAX} that are kept",
                self.gaps_lost
            );
            self.gaps
                .push(Gap::new(&self.scope, Reason::Unsupported, told));
        }
        self.gaps.sort();
        self.gaps.dedup();
        Ok(Taken {
            spool: self.spool,
            gaps: self.gaps,
            set_aside: self.set_aside,
        })
    }
}

/// Marks a secret that another key than ours fingerprinted: it can match nothing here.
fn mark_unmatchable(observation: &mut Observation, own: &str) {
    let foreign = |key: &model::Key| {
        let under = key.value.split_once('.').map(|(under, _)| under);
        key.is_fingerprint() && under != Some(own)
    };
    if observation.keys.iter().any(foreign) {
        let fact = Fact::stated(Told::Is(Value::Flag(false)));
        observation.facts.insert(Attribute::MATCHABLE, fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Key, KeyKind, Kind};

    fn seen(key: &str) -> Observation {
        let secret = Key::new(KeyKind::SecretHmac, format!("{key}.{}", "0".repeat(64)));
        Observation::new(Kind::Credential, "/srv/.env#A", &Scope::whole()).key(secret)
    }

    #[test]
    fn what_an_unenrolled_scanner_saw_is_kept_and_marked_unmatchable() {
        let mut own = seen("aaaa");
        mark_unmatchable(&mut own, "aaaa");
        assert!(!own.facts.contains_key(&Attribute::MATCHABLE));
        let mut foreign = seen("bbbb");
        mark_unmatchable(&mut foreign, "aaaa");
        assert_eq!(
            foreign.facts[&Attribute::MATCHABLE].told,
            Told::Is(Value::Flag(false))
        );
        assert_eq!(
            foreign.keys.len(),
            1,
            "the key is kept for the day its scanner enrols"
        );
    }

    #[test]
    fn more_gaps_than_are_kept_hide_the_whole_part() {
        let dir = tempfile::tempdir().unwrap();
        let mut intake = Intake::new(&Scope::whole(), dir.path(), "aaaa");
        for n in 0..GAPS_MAX + 5 {
            intake.gap(Gap::new(&Scope::of(format!("{n}")), Reason::Denied, "403"));
        }
        let taken = intake.end().unwrap();
        assert!(taken.gaps.iter().any(|gap| gap.scope == Scope::whole()));
    }
}
