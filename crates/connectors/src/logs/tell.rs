//! Tells what a fold came to as observations.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Attribute, Confidence, Fact, Fingerprint, Key, Kind, Native, Observation, Relation, Scope,
    Timestamp, Told, Turn,
};

use super::fold::{Fold, LogId, Span, Standing};
use super::platform::platform;
use crate::aws_iam::observe::native;
use crate::published;

/// Stretches of days that are named; of more their number is told.
const STRETCHES_MAX: usize = 10;

/// Makes the keyed fingerprint of a hash, in hex, that a provider publishes.
pub(crate) type Keyed<'a> = &'a dyn Fn(&str, &str) -> Fingerprint;

/// What the logs tell, in a fixed order. `unread`: what of them could not be read, if anything.
pub(crate) fn observations(
    fold: &Fold,
    unread: Option<&str>,
    keyed: Option<Keyed<'_>>,
) -> Vec<Observation> {
    let identities = Settled::new(&fold.identities);
    let credentials = Settled::new(&fold.credentials);
    let windows: BTreeMap<&LogId, Window> = fold
        .logs
        .iter()
        .map(|(log, span)| (log, Window::of(log, span, unread)))
        .collect();
    let mut told: Vec<_> = windows
        .iter()
        .map(|(log, window)| of_log(log, window, fold))
        .collect();
    for one in identities.standing.values() {
        told.push(of_standing(Kind::Identity, one, &windows));
    }
    let lasting = credentials
        .standing
        .values()
        .filter(|one| !is_over(one, fold));
    for one in lasting {
        let mut credential = of_standing(Kind::Credential, one, &windows);
        if let Some(keyed) = keyed.filter(|_| !one.published.is_empty()) {
            let print = keyed(&one.provider, &one.published);
            credential = known_by_hash(credential, one, &print);
        }
        if let Some(holder) = identities.at(&one.holder.text) {
            credential = credential.link(Relation::Holder, Kind::Identity, id(holder));
        }
        told.push(credential);
    }
    told
}

/// How many credentials are not told, because they were over before their logs end.
pub(crate) fn over(fold: &Fold) -> usize {
    let all = fold.credentials.values();
    all.filter(|one| is_over(one, fold)).count()
}

/// Whether it is of a kind that lives for so short a time that it was over when its logs end. Of
/// an app there is another one for every hour.
fn is_over(one: &Standing, fold: &Fold) -> bool {
    let ends = one.logs.iter().filter_map(|log| fold.logs.get(log)?.last);
    let until = last_day(one);
    until.is_some_and(|until| ends.max().is_some_and(|end| until < end))
}

/// When it is over at the latest, by when it was used first.
fn last_day(one: &Standing) -> Option<Timestamp> {
    Some(one.first_used? + one.lives?)
}

/// `told` with the key that whoever holds the secret comes to as well. What has no other id is
/// called by it.
fn known_by_hash(mut told: Observation, one: &Standing, print: &Fingerprint) -> Observation {
    if one.native.is_empty() && one.handle.is_empty() {
        told.native = format!("{}/hashed/{}", one.type_, print.short());
    }
    if let Some(until) = last_day(one) {
        told = told.concluded(Attribute::EXPIRES_AT, until, Confidence::Derived);
    }
    told.key(published::key(print))
}

/// What those in `part`, which is a part of `fold`, are told as.
pub(crate) fn natives(fold: &Fold, part: &Fold) -> BTreeSet<(Kind, Native)> {
    let mut told = BTreeSet::new();
    for (kind, all, part) in [
        (Kind::Identity, &fold.identities, &part.identities),
        (Kind::Credential, &fold.credentials, &part.credentials),
    ] {
        let settled = Settled::new(all);
        let each = part.keys().filter_map(|place| settled.at(place));
        told.extend(each.map(|one| (kind, id(one))));
    }
    let logs = part.logs.keys();
    told.extend(logs.map(|log| (Kind::Resource, of_log_id(log))));
    told
}

/// Whether one of those in `part` is told under the id of another one.
pub(crate) fn moved(fold: &Fold, part: &Fold) -> bool {
    [
        (&fold.identities, &part.identities),
        (&fold.credentials, &part.credentials),
    ]
    .into_iter()
    .any(|(all, part)| {
        // Only what is named by its handle alone is another's.
        let alone = part.iter().any(|(_, one)| one.native.is_empty());
        let handles: BTreeSet<_> = part.values().map(|one| one.handle.as_str()).collect();
        let found = || {
            let settled = Settled::new(all);
            let moved = settled.moved.keys().filter_map(|place| all.get(*place));
            moved
                .into_iter()
                .any(|one| handles.contains(one.handle.as_str()))
        };
        (alone || all.values().any(|one| one.native.is_empty())) && found()
    })
}

/// Days on which nothing is in a log though it goes on after them: log, account, and which.
pub(crate) fn silent_days(fold: &Fold) -> BTreeMap<&LogId, String> {
    let silent = |(log, span)| Some((log, stretches(span)?));
    fold.logs.iter().filter_map(silent).collect()
}

/// All of one kind, those that a log names by their handle alone joined with those it also names
/// by id.
struct Settled<'a> {
    standing: BTreeMap<&'a str, Standing>,
    moved: BTreeMap<&'a str, &'a str>,
}

impl<'a> Settled<'a> {
    fn new(all: &'a BTreeMap<String, Standing>) -> Self {
        let mut called: BTreeMap<(&str, &str), Vec<(&'a str, &Standing)>> = BTreeMap::new();
        for (place, one) in all.iter().filter(|(_, one)| !one.native.is_empty()) {
            if !one.handle.is_empty() {
                called
                    .entry((&*one.type_, &one.handle))
                    .or_default()
                    .push((place, one));
            }
        }
        let mut standing: BTreeMap<&str, Standing> = BTreeMap::new();
        let mut moved = BTreeMap::new();
        for (place, one) in all {
            let known = called.get(&(&*one.type_, one.handle.as_str()));
            let known = known.filter(|_| one.native.is_empty());
            let to = known.and_then(|known| whose(one, known)).unwrap_or(place);
            if to != place {
                moved.insert(place.as_str(), to);
            }
            standing.entry(to).or_default().merge(one);
        }
        Self { standing, moved }
    }

    fn at(&self, place: &str) -> Option<&Standing> {
        self.standing
            .get(self.moved.get(place).copied().unwrap_or(place))
    }
}

/// Which of those that were called so is meant: the last that was born before what is told.
fn whose<'a>(told: &Standing, known: &[(&'a str, &Standing)]) -> Option<&'a str> {
    let at = told.seen?;
    let born = |one: &Standing| one.born.as_ref().map(|(at, _)| *at);
    let before = known
        .iter()
        .filter(|(_, one)| born(one).is_none_or(|born| born <= at));
    let last = before.max_by_key(|(place, one)| (born(one), *place));
    last.map(|(place, _)| *place)
}

/// From when to when uses are counted, and which are not.
struct Window {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    incomplete: Vec<String>,
}

impl Window {
    fn of(log: &LogId, span: &Span, unread: Option<&str>) -> Self {
        let lacks = platform(log.0).and_then(|one| (one.lacks)(&span.parts));
        let silent = stretches(span).map(|days| format!("nothing is in it of {days}"));
        Self {
            since: span.first,
            until: span.last,
            incomplete: lacks
                .map(str::to_owned)
                .into_iter()
                .chain(silent)
                .chain(unread.map(str::to_owned))
                .collect(),
        }
    }

    fn told(&self, one: Observation) -> Observation {
        let mut one = one;
        for (attribute, at) in [
            (Attribute::USES_COUNTED_SINCE, self.since),
            (Attribute::USES_COUNTED_UNTIL, self.until),
        ] {
            if let Some(at) = at {
                one = one.is(attribute, at);
            }
        }
        if !self.incomplete.is_empty() {
            let why = model::shorten(&self.incomplete.join("; "), 300);
            one = one.is(Attribute::USES_INCOMPLETE, why);
        }
        one
    }
}

/// Days without an event between the first and the last, as a person reads them.
fn stretches(span: &Span) -> Option<String> {
    let mut days = span.days.iter();
    let mut before = *days.next()?;
    let (mut told, mut count, mut missing) = (Vec::new(), 0, 0);
    for day in days {
        let (from, to) = (before + 1, day - 1);
        before = *day;
        if from > to {
            continue;
        }
        count += 1;
        missing += to - from + 1;
        if told.len() < STRETCHES_MAX {
            let (first, last) = (date(from), date(to));
            told.push(if from == to {
                first
            } else {
                format!("{first} to {last}")
            });
        }
    }
    if missing == 0 {
        return None;
    }
    let more = count - told.len();
    let more = if more > 0 {
        format!(" and {more} more times")
    } else {
        String::new()
    };
    let days = if missing == 1 { "day" } else { "days" };
    Some(format!("{missing} {days}: {}{more}", told.join(", ")))
}

fn date(day: i64) -> String {
    let text = Timestamp::from_seconds(day.saturating_mul(86_400)).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

fn of_log_id((kind, account): &LogId) -> String {
    native(&format!("{kind}/{account}"))
}

fn of_log(log: &LogId, window: &Window, fold: &Fold) -> Observation {
    let (kind, account) = log;
    let name = match account.is_empty() {
        true => (*kind).to_owned(),
        false => format!("{kind} of {account}"),
    };
    let mut one = Observation::new(
        Kind::Resource,
        of_log_id(log),
        &Scope(vec!["logs".to_owned(), (*kind).to_owned()]),
    )
    .is(Attribute::TYPE, "audit_log")
    .is(Attribute::NAME, name)
    .is(Attribute::named("log"), *kind);
    if !account.is_empty() {
        one = one.is(Attribute::ACCOUNT, account.as_str());
    }
    let parts = fold.logs.get(log).map(|span| &span.parts);
    if let Some(parts) = parts.filter(|parts| !parts.is_empty()) {
        let parts: Vec<_> = parts.iter().cloned().collect();
        one = one.is(Attribute::named("parts"), parts);
    }
    window.told(one)
}

/// The native id of one: its type keeps ids of two platforms apart.
pub(crate) fn id(one: &Standing) -> String {
    let id = if one.native.is_empty() {
        &one.handle
    } else {
        &one.native
    };
    native(&format!("{}/{id}", one.type_))
}

fn of_standing(kind: Kind, one: &Standing, windows: &BTreeMap<&LogId, Window>) -> Observation {
    let part = if kind == Kind::Identity {
        "identities"
    } else {
        "credentials"
    };
    let name = match (one.name.text.as_str(), one.handle.as_str()) {
        ("", "") => one.native.clone(),
        ("", handle) => handle.to_owned(),
        (name, _) => name.to_owned(),
    };
    let mut told = Observation::new(kind, id(one), &Scope::of(part))
        .is(Attribute::TYPE, &*one.type_)
        .is(Attribute::PROVIDER, &*one.provider)
        .is(Attribute::NAME, name.as_str());
    if !one.account.text.is_empty() {
        told = told.is(Attribute::ACCOUNT, one.account.text.as_str());
    }
    if let Some((kind, value)) = &one.key {
        told = told.key(Key::new(*kind, value.as_str()));
    } else {
        told = told.is(
            Attribute::named("named_alone"),
            "its log tells no id of it that an inventory tells as well",
        );
    }
    if !one.handle.is_empty() {
        let (hint, value) = match &*one.type_ {
            "aws_iam_user" | "aws_iam_role" | "aws_account_root" => ("arn", one.handle.as_str()),
            "google_service_account" => ("email", one.handle.as_str()),
            type_ @ "kubernetes_service_account" => (type_, one.handle.as_str()),
            "azuread_service_principal" => ("client_id", one.handle.trim_start_matches("app/")),
            _ => ("name", name.as_str()),
        };
        told = told.hint(hint, model::shorten(value, 300));
        if one.provider == "aws" && kind == Kind::Identity {
            told = told.concluded(Attribute::ARN, one.handle.as_str(), Confidence::Derived);
        }
    }
    of_life(of_use(told, one, windows), one)
}

/// When it was used, over which window.
fn of_use(told: Observation, one: &Standing, windows: &BTreeMap<&LogId, Window>) -> Observation {
    let own: Vec<_> = one.logs.iter().filter_map(|log| windows.get(log)).collect();
    // Over several logs: as far as all of them reach, and whatever any of them lacks.
    let incomplete: BTreeSet<_> = own.iter().flat_map(|one| one.incomplete.iter()).collect();
    let window = Window {
        since: own.iter().filter_map(|one| one.since).max(),
        until: own.iter().filter_map(|one| one.until).min(),
        incomplete: incomplete.into_iter().cloned().collect(),
    };
    let complete = window.incomplete.is_empty() && one.born.is_some();
    let mut told = match one.used.at {
        Some(at) => told.is(Attribute::LAST_USED_AT, at),
        // It began in the log, which tells of every use.
        None if complete => told.told::<Timestamp>(Attribute::LAST_USED_AT, Told::Absent),
        None => told.told::<Timestamp>(Attribute::LAST_USED_AT, Told::CannotTell),
    };
    if let Some(at) = one.first_used {
        told = told.is(Attribute::named("first_used_at"), at);
    }
    if !one.used.text.is_empty() {
        told = told.is(Attribute::LAST_USED_FOR, one.used.text.as_str());
    }
    window.told(told)
}

/// What became of it, and by whom. An inventory that is read now knows better what it is.
fn of_life(mut told: Observation, one: &Standing) -> Observation {
    let derived = Confidence::Derived;
    if let Some((at, by)) = &one.born {
        told = told.concluded(Attribute::CREATED_AT, *at, derived);
        if !by.is_empty() {
            told = told.is(Attribute::CREATED_BY, by.as_str());
        }
    }
    for (what, latest) in [("changed", &one.changed), ("ended", &one.ended)] {
        if let Some(at) = latest.at {
            told = told.is(Attribute::named(&format!("{what}_at")), at);
            if !latest.text.is_empty() {
                told = told.is(
                    Attribute::named(&format!("{what}_by")),
                    latest.text.as_str(),
                );
            }
        }
    }
    match one.turn {
        Some((_, Turn::Off | Turn::Ended)) => {
            told = told.concluded(Attribute::STATUS, "inactive", derived);
        }
        Some((_, Turn::On)) => told = told.concluded(Attribute::STATUS, "active", derived),
        _ => {}
    }
    if let Some(at) = one.expires {
        let fact = Fact {
            told: Told::Is(at.into()),
            confidence: derived,
        };
        told.facts.insert(Attribute::EXPIRES_AT, fact);
    }
    told
}
