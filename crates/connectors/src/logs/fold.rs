//! What events come to: who was born, changed, used and ended, and what each log covers.
//!
//! **Invariant:** the order of events, how they are split over folds that are joined, and how
//! often each is told change nothing. Everything kept is the least or the greatest of what was
//! told, or a set of it; nothing is counted, so an event told twice needs no remembering.
//!
//! **Invariant:** what is kept grows with identities, credentials and days, never with events.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::{AuditEvent, Duration, EventOutcome, KeyKind, Kind, Life, Party, Timestamp, Turn};
use serde::{Deserialize, Serialize};

/// Identities, and credentials, that are kept: of more, those whose names sort first.
const SUBJECTS_MAX: usize = 200_000;
/// Accounts of logs that are kept, likewise.
const LOGS_MAX: usize = 10_000;
/// Parts of a log, and logs that tell of one thing.
const PARTS_MAX: usize = 32;
/// A longer id or name names nothing.
const ID_MAX: usize = 1_024;
const TEXT_MAX: usize = 300;
/// Days that one log may cover: a century.
const DAYS_MAX: usize = 36_525;

const DAY_MICROS: i64 = 86_400_000_000;

/// What events come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) identities: BTreeMap<String, Standing>,
    pub(crate) credentials: BTreeMap<String, Standing>,
    pub(crate) logs: BTreeMap<LogId, Span>,
    /// Whether there was more than is kept.
    pub(crate) beyond: bool,
}

/// A log, and the account it is of.
pub(crate) type LogId = (&'static str, String);

/// What one log covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    /// Days since 1970 on which anything is in it.
    pub(crate) days: BTreeSet<i64>,
    pub(crate) parts: BTreeSet<String>,
}

/// How one identity or credential stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) type_: Cow<'static, str>,
    pub(crate) provider: Cow<'static, str>,
    pub(crate) native: String,
    pub(crate) key: Option<(KeyKind, String)>,
    pub(crate) handle: String,
    /// The hash that its provider publishes of it.
    pub(crate) published: String,
    /// How long one of its kind lives at most.
    pub(crate) lives: Option<Duration>,
    pub(crate) name: Latest,
    pub(crate) account: Latest,
    /// When anything was told of it last.
    pub(crate) seen: Option<Timestamp>,
    /// The logs that tell of it.
    #[serde(with = "super::platform::log_ids")]
    pub(crate) logs: BTreeSet<LogId>,
    pub(crate) first_used: Option<Timestamp>,
    /// When, and with which action.
    pub(crate) used: Latest,
    /// When it began, and by whom it was made.
    pub(crate) born: Option<(Timestamp, String)>,
    /// When it was changed last, and by whom.
    pub(crate) changed: Latest,
    /// When it ended, and by whom.
    pub(crate) ended: Latest,
    /// What last became of it: [`Turn::Changed`] is nothing of that kind.
    pub(crate) turn: Option<(Timestamp, Turn)>,
    pub(crate) expires: Option<Timestamp>,
    /// The place in `identities` of whom it belongs to.
    pub(crate) holder: Latest,
}

/// The text that was told last; of two at one time the greater.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub(crate) at: Option<Timestamp>,
    pub(crate) text: String,
}

impl Latest {
    fn join(&mut self, at: Timestamp, text: &str) {
        if self.at < Some(at) {
            self.at = Some(at);
            if self.text != text {
                text.clone_into(&mut self.text);
            }
        } else if self.at == Some(at) && self.text.as_str() < text {
            text.clone_into(&mut self.text);
        }
    }

    fn merge(&mut self, other: &Self) {
        if let Some(at) = other.at {
            self.join(at, &other.text);
        }
    }
}

impl Span {
    /// Joins what another part of the same log covers.
    pub(crate) fn merge(&mut self, other: &Self) {
        least(&mut self.first, other.first);
        self.last = self.last.max(other.last);
        self.days.extend(&other.days);
        self.parts.extend(other.parts.iter().cloned());
        while self.days.len() > DAYS_MAX {
            self.days.pop_last();
        }
        while self.parts.len() > PARTS_MAX {
            self.parts.pop_last();
        }
    }
}

/// The lesser of two, where silence is no less.
fn least<T: Ord>(mine: &mut Option<T>, theirs: Option<T>) {
    if let Some(theirs) = theirs
        && mine.as_ref().is_none_or(|mine| theirs < *mine)
    {
        *mine = Some(theirs);
    }
}

impl Fold {
    /// Forgets the hashes of tokens, and those that are known by nothing else.
    pub(crate) fn forget_published(&mut self) {
        self.credentials.retain(|place, _| !place.contains(BY_HASH));
        for one in self.credentials.values_mut() {
            one.published.clear();
        }
    }

    /// Takes what an event that happened at `at` tells.
    pub(crate) fn take(&mut self, event: &AuditEvent<'_>, at: Timestamp) {
        let log = (event.log, cut(&event.account, TEXT_MAX).to_owned());
        self.cover(&log, at, &event.part);
        let used = |standing: &mut Standing| {
            least(&mut standing.first_used, Some(at));
            standing.used.join(at, cut(&event.action, TEXT_MAX));
        };
        if event.outcome != EventOutcome::NotLetIn {
            let mut holder = None;
            if let Some(actor) = &event.actor {
                holder = self.stand(Kind::Identity, actor, &log, at, used);
            }
            if let Some(credential) = &event.credential {
                self.stand(Kind::Credential, credential, &log, at, |standing| {
                    used(standing);
                    standing.held_by(at, holder.as_deref());
                });
            }
        }
        for life in &event.lives {
            self.live(life, &event.by, &log, at);
        }
        self.bound();
    }

    fn live(&mut self, life: &Life<'_>, by: &str, log: &LogId, at: Timestamp) {
        let by = cut(by, TEXT_MAX);
        let holder = life.holder.as_ref();
        let holder = holder.and_then(|holder| self.stand(Kind::Identity, holder, log, at, |_| {}));
        self.stand(life.kind, &life.of, log, at, |standing| {
            match life.turn {
                Turn::Born => least(&mut standing.born, Some((at, by.to_owned()))),
                Turn::Changed => standing.changed.join(at, by),
                Turn::Ended => standing.ended.join(at, by),
                Turn::On | Turn::Off => {}
            }
            if life.turn != Turn::Changed {
                standing.turn = standing.turn.max(Some((at, life.turn)));
            }
            standing.expires = standing.expires.max(life.expires);
            standing.held_by(at, holder.as_deref());
        });
    }

    fn cover(&mut self, log: &LogId, at: Timestamp, part: &str) {
        let span = match self.logs.get_mut(log) {
            Some(span) => span,
            None => self.logs.entry(log.clone()).or_default(),
        };
        least(&mut span.first, Some(at));
        span.last = span.last.max(Some(at));
        span.days.insert(at.0.div_euclid(DAY_MICROS));
        if span.days.len() > DAYS_MAX {
            span.days.pop_last();
        }
        if !part.is_empty() && !span.parts.contains(part) {
            span.parts.insert(cut(part, TEXT_MAX).to_owned());
            if span.parts.len() > PARTS_MAX {
                span.parts.pop_last();
            }
        }
    }

    /// Lets `with` change how `party` stands, and gives its place; `None` where nothing names it.
    fn stand(
        &mut self,
        kind: Kind,
        party: &Party<'_>,
        log: &LogId,
        at: Timestamp,
        with: impl FnOnce(&mut Standing),
    ) -> Option<String> {
        let place = place(party)?;
        let map = match kind {
            Kind::Credential => &mut self.credentials,
            _ => &mut self.identities,
        };
        let standing = match map.get_mut(&place) {
            Some(standing) => standing,
            None => map.entry(place.clone()).or_insert_with(|| Standing {
                type_: Cow::Borrowed(party.type_),
                provider: Cow::Borrowed(party.provider),
                native: party.native.to_string(),
                ..Standing::default()
            }),
        };
        standing.called(party, log, at);
        with(standing);
        Some(place)
    }

    /// Joins what another part of the same logs came to.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (of, map) in [
            (&other.identities, &mut self.identities),
            (&other.credentials, &mut self.credentials),
        ] {
            for (place, theirs) in of {
                map.entry(place.clone()).or_default().merge(theirs);
            }
        }
        for (log, theirs) in &other.logs {
            self.logs.entry(log.clone()).or_default().merge(theirs);
        }
        self.beyond |= other.beyond;
        self.bound();
    }

    /// Holds to the limits.
    fn bound(&mut self) {
        self.beyond |= keep_first(&mut self.identities, SUBJECTS_MAX);
        self.beyond |= keep_first(&mut self.credentials, SUBJECTS_MAX);
        self.beyond |= keep_first(&mut self.logs, LOGS_MAX);
    }
}

/// Keeps those of `map` that sort first, and says whether there were more. One of the first of
/// all is one of the first of any part, so what is left was never dropped on the way.
fn keep_first<K: Ord, V>(map: &mut BTreeMap<K, V>, most: usize) -> bool {
    let beyond = map.len() > most;
    while map.len() > most {
        map.pop_last();
    }
    beyond
}

/// Stands before the published hash of a token that has no id.
const BY_HASH: char = '\u{7f}';

/// Where it stands: by its type and id, else by its handle, else by its published hash: sorted
/// behind the others, because of those there may be one for every hour.
fn place(party: &Party<'_>) -> Option<String> {
    let ways = [
        ('#', &party.native),
        ('~', &party.handle),
        (BY_HASH, &party.published),
    ];
    let (mark, id) = ways.into_iter().find(|(_, id)| !id.is_empty())?;
    (id.len() <= ID_MAX).then(|| {
        let mut place = String::with_capacity(party.type_.len() + 1 + id.len());
        place.push_str(party.type_);
        place.push(mark);
        place.push_str(id);
        place
    })
}

impl Standing {
    fn called(&mut self, party: &Party<'_>, log: &LogId, at: Timestamp) {
        if let Some((kind, value)) = &party.key
            && self
                .key
                .as_ref()
                .is_none_or(|(_, mine)| mine.as_str() > value.as_ref())
            && value.len() <= ID_MAX / 2
        {
            self.key = Some((*kind, value.to_string()));
        }
        let handle = party.handle.as_ref();
        let fits = !handle.is_empty() && handle.len() <= ID_MAX;
        if fits && (self.handle.is_empty() || handle < self.handle.as_str()) {
            handle.clone_into(&mut self.handle);
        }
        let published = party.published.as_ref();
        let fits = !published.is_empty() && published.len() <= ID_MAX;
        if fits && (self.published.is_empty() || published < self.published.as_str()) {
            published.clone_into(&mut self.published);
        }
        self.lives = self.lives.max(party.lives);
        self.seen = self.seen.max(Some(at));
        if &*self.provider < party.provider {
            self.provider = Cow::Borrowed(party.provider);
        }
        if !party.name.is_empty() {
            self.name.join(at, cut(&party.name, TEXT_MAX));
        }
        let account = match party.account.as_ref() {
            "" => log.1.as_str(),
            own => cut(own, TEXT_MAX),
        };
        if !account.is_empty() {
            self.account.join(at, account);
        }
        if !self.logs.contains(log) {
            self.logs.insert(log.clone());
            self.few_logs();
        }
    }

    fn held_by(&mut self, at: Timestamp, holder: Option<&str>) {
        if let Some(holder) = holder {
            self.holder.join(at, holder);
        }
    }

    fn few_logs(&mut self) {
        while self.logs.len() > PARTS_MAX {
            self.logs.pop_last();
        }
    }

    /// Joins what is known of the same one elsewhere.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.type_, &other.type_),
            (&mut self.provider, &other.provider),
        ] {
            if *mine < *theirs {
                mine.clone_from(theirs);
            }
        }
        if self.native.is_empty() {
            self.native.clone_from(&other.native);
        }
        for (mine, theirs) in [
            (&mut self.handle, &other.handle),
            (&mut self.published, &other.published),
        ] {
            if !theirs.is_empty() && (mine.is_empty() || theirs < &*mine) {
                mine.clone_from(theirs);
            }
        }
        self.lives = self.lives.max(other.lives);
        let keys = [&self.key, &other.key].into_iter().flatten();
        self.key = keys.min_by(|a, b| a.1.cmp(&b.1)).cloned();
        for (mine, theirs) in [
            (&mut self.name, &other.name),
            (&mut self.account, &other.account),
            (&mut self.used, &other.used),
            (&mut self.changed, &other.changed),
            (&mut self.ended, &other.ended),
            (&mut self.holder, &other.holder),
        ] {
            mine.merge(theirs);
        }
        self.logs.extend(other.logs.iter().cloned());
        self.few_logs();
        self.seen = self.seen.max(other.seen);
        least(&mut self.first_used, other.first_used);
        least(&mut self.born, other.born.clone());
        self.turn = self.turn.max(other.turn);
        self.expires = self.expires.max(other.expires);
    }
}

/// `text`, or as much of its beginning as fits into `most` bytes.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests;
