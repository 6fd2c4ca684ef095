//! The rules for secrets in text, given to connectors that search files (decision 20).

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use connectors::{Detected, Detections, Detector};
use leaks::{Apart, Checksum, Mode, What};
use model::{Attribute, Confidence, Gap, Reason, Value};

/// What rules of a tree may cost: so long, and for every mebibyte that is searched so long more.
/// Ours take about a hundredth of that.
const TIME: Duration = Duration::from_secs(10);
const TIME_A_MIB: Duration = Duration::from_secs(1);

/// The rules for one source.
pub(crate) struct Secrets {
    rules: Arc<leaks::Detector>,
    beside: Option<Beside>,
    /// Why those of the tree are not used.
    unused: Option<Gap>,
    /// What was named, with a slash behind: rules know paths below it.
    root: String,
}

/// Rules of whoever wrote what is read. They are given up where they cost too much time.
pub(crate) struct Beside {
    apart: Apart,
    given_up: AtomicBool,
    spent_micros: AtomicU64,
    searched: AtomicU64,
}

impl Secrets {
    /// `rules` for what lies below `root`.
    pub(crate) fn new(rules: Arc<leaks::Detector>, root: &str) -> Self {
        Self {
            rules,
            beside: None,
            unused: None,
            root: format!("{}/", root.trim_end_matches('/')),
        }
    }

    /// With those of the tree.
    pub(crate) fn beside(mut self, beside: Beside) -> Self {
        self.beside = Some(beside);
        self
    }

    /// Without those of the tree, and why.
    pub(crate) fn without(mut self, why: Gap) -> Self {
        self.unused = Some(why);
        self
    }

    /// That rules of the tree were not used, or were given up on the way.
    pub(crate) fn gap(&self) -> Option<Gap> {
        let beside = self.beside.as_ref();
        if beside.is_some_and(|beside| beside.given_up.load(Ordering::Acquire)) {
            let told = "they took too much time and were given up on the way";
            return Some(crate::rules::gap(Reason::Unsupported, told));
        }
        self.unused.clone()
    }

    /// As connectors know it.
    pub(crate) fn detector(&self) -> &dyn Detector {
        self
    }
}

impl Detector for Secrets {
    fn detect(&self, path: &str, bytes: &[u8]) -> Detections {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        // In a history, paths begin at the top of the repository.
        let path = path.trim_start_matches('/');
        if let Some(beside) = &self.beside
            && let Some(both) = beside.detect(path, bytes)
        {
            return both;
        }
        let mut found = Vec::new();
        let summary = self
            .rules
            .scan(bytes, Some(path), &mut |one| found.extend(detected(one)));
        Detections {
            found,
            allowed: summary.muted,
        }
    }
}

impl Beside {
    pub(crate) const fn new(apart: Apart) -> Self {
        Self {
            apart,
            given_up: AtomicBool::new(false),
            spent_micros: AtomicU64::new(0),
            searched: AtomicU64::new(0),
        }
    }

    /// What ours find but for what the tree allows, and what its rules find besides; `None` where
    /// that takes too much time, now or before.
    fn detect(&self, path: &str, bytes: &[u8]) -> Option<Detections> {
        if self.given_up.load(Ordering::Acquire) {
            return None;
        }
        let begun = Instant::now();
        let told = self.in_time(path, bytes, begun + self.left(bytes.len()));
        if told.is_none() {
            self.given_up.store(true, Ordering::Release);
        }
        let spent = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.spent_micros.fetch_add(spent, Ordering::AcqRel);
        told
    }

    /// How long this and all before it may take, less what all before it took.
    fn left(&self, bytes: usize) -> Duration {
        let bytes = bytes as u64;
        let searched = bytes + self.searched.fetch_add(bytes, Ordering::AcqRel);
        let mebibytes = u32::try_from(searched >> 20).unwrap_or(u32::MAX);
        let spent = Duration::from_micros(self.spent_micros.load(Ordering::Acquire));
        (TIME + TIME_A_MIB.saturating_mul(mebibytes)).saturating_sub(spent)
    }

    fn in_time(&self, path: &str, bytes: &[u8], until: Instant) -> Option<Detections> {
        let mut told = Detections::default();
        let mut taken: Vec<Range<u64>> = Vec::new();
        told.allowed += scan(&self.apart.ours, path, bytes, until, &mut |one| {
            taken.push(one.range.clone());
            told.found.extend(detected(one));
        })?;
        // A rule may match where it is written down, and means nothing by that.
        let theirs = self.apart.theirs.as_ref();
        if let Some(theirs) = theirs.filter(|_| path != crate::rules::FILE) {
            told.allowed += scan(theirs, path, bytes, until, &mut |one| {
                // What ours know is told as theirs.
                let at = taken.partition_point(|range| range.end <= one.range.start);
                if taken
                    .get(at)
                    .is_none_or(|range| range.start >= one.range.end)
                {
                    told.found.extend(detected(one));
                }
            })?;
        }
        told.found.sort_by_key(|one| one.line);
        Some(told)
    }
}

/// How much of what `detector` found is allowed; `None` where it is not done by then.
fn scan(
    detector: &leaks::Detector,
    path: &str,
    bytes: &[u8],
    until: Instant,
    sink: &mut dyn FnMut(leaks::Match),
) -> Option<u64> {
    let in_time = || Instant::now() <= until;
    let summary = detector.scan_while(bytes, Some(path), &in_time, sink)?;
    Some(summary.muted)
}

/// A match as connectors know it; none where it is no credential or one written for a manual.
fn detected(one: leaks::Match) -> Option<Detected> {
    let What::Credential(credential) = one.rule.what else {
        return None;
    };
    if one.mode == Mode::Example {
        return None;
    }
    let mut facts: Vec<(Attribute, Value)> = one
        .facts
        .iter()
        .map(|fact| (Attribute::named(fact.name), fact.value.as_str().into()))
        .collect();
    if one.rule.provider != "any" && !one.rule.provider.is_empty() {
        facts.push((Attribute::PROVIDER, one.rule.provider.as_str().into()));
    }
    if one.mode == Mode::Test {
        facts.push((Attribute::ENVIRONMENT, "test".into()));
    }
    match one.checksum {
        Checksum::Valid => facts.push((Attribute::named("checksum"), "valid".into())),
        Checksum::Invalid => facts.push((Attribute::named("checksum"), "invalid".into())),
        Checksum::Absent => {}
    }
    let (confidence, word) = match one.confidence {
        leaks::Confidence::High => (Confidence::Derived, "high"),
        leaks::Confidence::Medium => (Confidence::Derived, "medium"),
        leaks::Confidence::Low => (Confidence::Guessed, "low"),
    };
    facts.push((Attribute::named("detection"), word.into()));
    // A rule that others wrote knows no provider, and must not be taken for one of ours that does:
    // by its rule a credential is shown to a provider.
    let rule = match one.rule.provider.as_str() {
        "" => format!("gitleaks:{}", one.rule.id),
        _ => one.rule.id.clone(),
    };
    Some(Detected {
        rule,
        credential,
        secret: one.secret,
        line: usize::try_from(one.line).unwrap_or(usize::MAX),
        confidence,
        facts,
    })
}
