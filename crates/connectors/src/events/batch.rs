//! What records that were sent come to: the fold that files of logs are read into, joined piece
//! by piece and kept row by row.
//!
//! **Invariant:** order, pieces and repetition change nothing of what is kept. It is the fold's.

use std::collections::BTreeSet;

use model::{Gap, Kind, Native, Observation, Reason, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use crate::logs::fold::{Fold, Span, Standing};
use crate::logs::platform::platform;
use crate::logs::reading::Reader;
use crate::logs::split::Records;
use crate::logs::tell;

/// What records come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    fold: Fold,
}

/// An identity or credential of which nothing said before that it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Born {
    /// Of which kind.
    pub kind: Kind,
    /// Its id in what is told of it.
    pub native: Native,
    /// Its type.
    pub type_: String,
    /// Its provider.
    pub provider: String,
    /// What people call it.
    pub name: String,
    /// The account it is of.
    pub account: String,
    /// When it began, as the event says.
    pub at: Timestamp,
    /// By whom it was made.
    pub by: String,
}

/// What joining came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// The rows that are otherwise than before, by their names.
    pub rows: BTreeSet<String>,
    /// Who began, and was not known to have begun.
    pub born: Vec<Born>,
    /// Whether one is now told under another id than its own: all must be told again.
    pub moved: bool,
}

/// A row of what is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Row {
    Standing(Box<Standing>),
    Log(Span),
}

const IDENTITY: &str = "identity ";
const CREDENTIAL: &str = "credential ";
const LOG: &str = "log ";

impl Events {
    /// Reads records, a JSON object a line, and tells what of them could not be read.
    pub fn read(records: &[u8], now: Timestamp) -> (Self, Option<String>) {
        let (mut fold, mut reader) = (Fold::default(), Reader::new(now));
        let mut cut = Records::new();
        cut.push(records, true, &mut |line, cut| {
            reader.record(line, cut, &mut fold)
        });
        // What is kept waits in the store, where no hash of a token may stand.
        fold.forget_published();
        (Self { fold }, reader.end(None).unread)
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.fold.logs.is_empty()
    }

    /// Whether anything began, changed or ended; all else is use.
    pub fn tells_of_lives(&self) -> bool {
        let all = self
            .fold
            .identities
            .values()
            .chain(self.fold.credentials.values());
        all.into_iter().any(|one| {
            one.born.is_some()
                || one.turn.is_some()
                || one.changed.at.is_some()
                || one.ended.at.is_some()
        })
    }

    /// All that is kept, a name and a row of JSON each.
    pub fn rows(&self) -> Vec<(String, Vec<u8>)> {
        let standing = |of: &'static str| {
            move |(place, one): (&String, &Standing)| {
                (format!("{of}{place}"), Row::Standing(Box::new(one.clone())))
            }
        };
        let identities = self.fold.identities.iter().map(standing(IDENTITY));
        let credentials = self.fold.credentials.iter().map(standing(CREDENTIAL));
        let logs = self.fold.logs.iter();
        let logs = logs.map(|((log, account), span)| {
            (format!("{LOG}{log} {account}"), Row::Log(span.clone()))
        });
        let all = identities.chain(credentials).chain(logs);
        all.filter_map(|(name, row)| Some((name, serde_json::to_vec(&row).ok()?)))
            .collect()
    }

    /// The rows of these names.
    pub fn rows_of(&self, names: &BTreeSet<String>) -> Vec<(String, Vec<u8>)> {
        self.only(names).rows()
    }

    /// What stands in the rows of these names.
    fn only(&self, names: &BTreeSet<String>) -> Self {
        let mut fold = Fold::default();
        for name in names {
            if let Some(place) = name.strip_prefix(IDENTITY) {
                let one = self.fold.identities.get_key_value(place);
                fold.identities
                    .extend(one.map(|(place, one)| (place.clone(), one.clone())));
            } else if let Some(place) = name.strip_prefix(CREDENTIAL) {
                let one = self.fold.credentials.get_key_value(place);
                fold.credentials
                    .extend(one.map(|(place, one)| (place.clone(), one.clone())));
            } else if let Some(log) = log_of(name) {
                let span = self.fold.logs.get(&log).cloned();
                fold.logs.extend(span.map(|span| (log, span)));
            }
        }
        Self { fold }
    }

    /// Takes back a row that was kept. Whether it could be read.
    pub fn take_row(&mut self, name: &str, row: &[u8]) -> bool {
        let Ok(row) = serde_json::from_slice(row) else {
            return false;
        };
        match row {
            Row::Standing(one) => {
                let (map, place) =
                    match (name.strip_prefix(IDENTITY), name.strip_prefix(CREDENTIAL)) {
                        (Some(place), _) => (&mut self.fold.identities, place),
                        (None, Some(place)) => (&mut self.fold.credentials, place),
                        (None, None) => return false,
                    };
                map.entry(place.to_owned()).or_default().merge(&one);
            }
            Row::Log(span) => {
                let Some(log) = log_of(name) else {
                    return false;
                };
                self.fold.logs.entry(log).or_default().merge(&span);
            }
        }
        true
    }

    /// All that is kept in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rows = self.rows();
        let rows: Vec<_> = rows
            .into_iter()
            .filter_map(|(name, row)| Some((name, String::from_utf8(row).ok()?)))
            .collect();
        serde_json::to_vec(&rows).unwrap_or_default()
    }

    /// What [`Events::to_bytes`] made; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rows: Vec<(String, String)> = serde_json::from_slice(bytes).ok()?;
        let mut events = Self::default();
        for (name, row) in rows {
            if !events.take_row(&name, row.as_bytes()) {
                return None;
            }
        }
        Some(events)
    }

    /// Joins what others came to.
    pub fn join(&mut self, other: &Self) -> Joined {
        let names: BTreeSet<_> = other.rows().into_iter().map(|(name, _)| name).collect();
        let before = self.only(&names);
        self.fold.merge(&other.fold);
        let after = self.only(&names);
        let mut joined = Joined::default();
        for name in names {
            let one = BTreeSet::from([name.clone()]);
            if before.only(&one) != after.only(&one) {
                joined.rows.insert(name);
            }
        }
        let begun = [
            (
                Kind::Identity,
                &before.fold.identities,
                &after.fold.identities,
            ),
            (
                Kind::Credential,
                &before.fold.credentials,
                &after.fold.credentials,
            ),
        ];
        for (kind, before, after) in begun {
            let new = after.iter().filter(|(place, _)| {
                before
                    .get(*place)
                    .is_none_or(|before| before.born.is_none())
            });
            joined
                .born
                .extend(new.filter_map(|(_, one)| born(kind, one)));
        }
        joined
            .born
            .sort_by(|a, b| (a.at, a.kind, &a.native).cmp(&(b.at, b.kind, &b.native)));
        joined.moved = tell::moved(&self.fold, &after.fold);
        joined
    }

    /// What is told of all, or of those in the rows of these names.
    pub fn observations(&self, of: Option<&BTreeSet<String>>) -> Vec<Observation> {
        // Hashes that providers publish were forgotten: there is nothing to be keyed.
        let told = tell::observations(&self.fold, None, None);
        let Some(names) = of else {
            return told;
        };
        let wanted = tell::natives(&self.fold, &self.only(names).fold);
        told.into_iter()
            .filter(|one| wanted.contains(&(one.kind, one.native.clone())))
            .collect()
    }

    /// What these events cannot tell. Where `whole`, all that is kept is told: who was told
    /// before and is not now is no more.
    pub fn gaps(&self, whole: bool) -> Vec<Gap> {
        let gap = |scope: &Scope, told: String| Gap::new(scope, Reason::Unsupported, told);
        let mut gaps = Vec::new();
        for ((log, account), days) in tell::silent_days(&self.fold) {
            let scope = Scope::of("days").part(log).part(account);
            let told = format!("nothing came of {days}: nobody acted, or something was lost");
            gaps.push(gap(&scope, told));
        }
        let told = "events tell of those who acted since they are sent, and list nobody else: \
                    who is not in them may be there all the same";
        let over = if whole && !self.fold.beyond {
            Scope::of("others")
        } else {
            Scope::whole()
        };
        gaps.push(gap(&over, told.to_owned()));
        gaps
    }
}

/// The log that a row is of.
fn log_of(name: &str) -> Option<(&'static str, String)> {
    let (log, account) = name.strip_prefix(LOG)?.split_once(' ')?;
    Some((platform(log)?.log, account.to_owned()))
}

fn born(kind: Kind, one: &Standing) -> Option<Born> {
    let (at, by) = one.born.clone()?;
    let name = [&one.name.text, &one.handle, &one.native];
    let name = name.into_iter().find(|name| !name.is_empty());
    Some(Born {
        kind,
        native: tell::id(one),
        type_: one.type_.to_string(),
        provider: one.provider.to_string(),
        name: name.cloned().unwrap_or_default(),
        account: one.account.text.clone(),
        at,
        by,
    })
}
