//! Reads one file into a fold.

use model::{AuditEvent, Duration, Reason, Timestamp};

use super::fold::Fold;
use super::platform::{Platform, detect, is_digest};
use super::postgres;
use super::split::{Cut, Records};
use super::wrapped::wrapped;
use crate::{Context, Refusal};

/// A file in which no record of a log is met so far into it is read no further.
const NOTHING_MAX: u64 = 4 << 20;
/// No log is longer.
const BYTES_MAX: u64 = 1 << 40;
/// Clocks differ by less.
const AHEAD_MAX: Duration = Duration::days(1);

/// What came of one file.
#[derive(Debug, Default)]
pub(crate) struct FileRead {
    /// Records that were read.
    pub(crate) records: u64,
    /// What it is, where it is recognised and no log.
    pub(crate) aside: Option<&'static str>,
    /// What of it could not be read, for a gap.
    pub(crate) unread: Option<String>,
    /// Why the rest of it was not.
    pub(crate) refused: Option<Refusal>,
}

/// Reads the file at `path`, piece by piece.
pub(crate) fn read(cx: &mut Context<'_>, path: &str, fold: &mut Fold) -> FileRead {
    let mut reader = Reader::new(cx.now);
    let mut records = Records::new();
    let mut from = 0;
    let refused = loop {
        let piece = match cx.piece(path, from) {
            Ok(piece) => piece,
            Err(refusal) => break Some(refusal),
        };
        let next = piece.next.filter(|next| *next > from && *next < BYTES_MAX);
        let next = next.filter(|_| piece.refused.is_none());
        records.push(piece.bytes.expose(), next.is_none(), &mut |line, cut| {
            reader.record(line, cut, fold);
        });
        match next {
            Some(next) if reader.read > 0 || next <= NOTHING_MAX => from = next,
            _ => break piece.refused,
        }
    };
    reader.end(refused)
}

/// Reads the records of one file.
pub(crate) struct Reader {
    now: Timestamp,
    /// Whose records came so far.
    platform: Option<&'static Platform>,
    read: u64,
    aside: u64,
    /// Records that are none of a known log, and the first line of them.
    unknown: (u64, u64),
    /// Records that are broken; the first line of them, and why.
    broken: (u64, u64, &'static str),
    /// Records without a time that could be.
    timeless: (u64, u64),
}

impl Reader {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            now,
            platform: None,
            read: 0,
            aside: 0,
            unknown: (0, 0),
            broken: (0, 0, ""),
            timeless: (0, 0),
        }
    }

    pub(crate) fn record(&mut self, line: u64, cut: Cut<'_>, fold: &mut Fold) {
        let bytes = match cut {
            Ok(bytes) => bytes,
            Err(why) => return self.broken(line, why),
        };
        if bytes.trim_ascii_start().starts_with(b"{") {
            return self.json(line, bytes, fold, true);
        }
        match postgres::csv_row(bytes) {
            Some(event) => self.event(line, &event, fold),
            None => count(&mut self.unknown, line),
        }
    }

    /// Reads a record, or the one that it is `wrapped` around.
    fn json(&mut self, line: u64, bytes: &[u8], fold: &mut Fold, wrapped: bool) {
        // A record of the same kind as those before is read at once, and looked at where it is
        // no such one: a record of another platform is one without an action and a time.
        if let Some(platform) = self.platform
            && let Ok(event) = (platform.read)(bytes)
            && event.at.is_some()
            && !event.action.is_empty()
        {
            return self.event(line, &event, fold);
        }
        if wrapped && let Some(inner) = self::wrapped(bytes) {
            return self.json(line, inner.as_bytes(), fold, false);
        }
        let Some(platform) = detect(bytes) else {
            return match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
                Ok(_) if is_digest(bytes) => self.aside += 1,
                Ok(_) => count(&mut self.unknown, line),
                Err(_) => self.broken(line, "expected JSON in UTF-8"),
            };
        };
        match (platform.read)(bytes) {
            Ok(event) => {
                self.platform = Some(platform);
                self.event(line, &event, fold);
            }
            Err(_) => self.broken(line, "expected JSON in UTF-8, each member once"),
        }
    }

    fn event(&mut self, line: u64, event: &AuditEvent<'_>, fold: &mut Fold) {
        self.read += 1;
        match event.at.filter(|at| *at <= self.now + AHEAD_MAX) {
            Some(at) => fold.take(event, at),
            None => count(&mut self.timeless, line),
        }
    }

    fn broken(&mut self, line: u64, why: &'static str) {
        if self.broken.0 == 0 {
            (self.broken.1, self.broken.2) = (line, why);
        }
        self.broken.0 += 1;
    }

    pub(crate) fn end(self, refused: Option<Refusal>) -> FileRead {
        let mut unread = Vec::new();
        let (count, line, why) = self.broken;
        if count > 0 {
            unread.push(format!(
                "{} broken, the first on line {line}: {why}",
                records(count)
            ));
        }
        let (count, line) = self.unknown;
        if count > 0 {
            unread.push(format!(
                "{} of no log that is known, the first on line {line}",
                records(count)
            ));
        }
        let (count, line) = self.timeless;
        if count > 0 {
            unread.push(format!(
                "{} without a time, or with one in the future, the first on line {line}",
                records(count)
            ));
        }
        FileRead {
            records: self.read,
            aside: (self.aside > 0).then_some("digest of a log"),
            unread: (!unread.is_empty()).then(|| unread.join("; ")),
            refused: refused.map(|refusal| match refusal.reason {
                Reason::Failed if self.read > 0 => Refusal {
                    told: format!("{}, after {}", refusal.told, records(self.read)),
                    ..refusal
                },
                _ => refusal,
            }),
        }
    }
}

fn count(of: &mut (u64, u64), line: u64) {
    if of.0 == 0 {
        of.1 = line;
    }
    of.0 += 1;
}

fn records(count: u64) -> String {
    match count {
        1 => "1 record".to_owned(),
        count => format!("{count} records"),
    }
}
