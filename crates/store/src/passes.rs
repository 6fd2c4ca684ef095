//! Passes: who read what, when, how far; from them follows when anything was last seen.

use std::collections::BTreeMap;

use model::{Gap, Reason, Scope, SourceId, Tenant, Timestamp};

use crate::engine::Bulk;
use crate::value::{Row, Type, json};
use crate::{Error, Reading, Writing};

/// Gaps of one pass that are kept; the rest is counted.
pub const GAPS_KEPT: usize = 10_000;

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassOutcome {
    /// It read all it set out to read.
    Whole,
    /// It read a part; the gaps say what is missing.
    Partial,
    /// It read nothing.
    Failed,
}

impl PassOutcome {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// What a pass brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassCounts {
    /// Things seen.
    pub seen: u64,
    /// Seen for the first time.
    pub new: u64,
    /// Seen otherwise than before.
    pub changed: u64,
    /// Not found any more.
    pub missing: u64,
    /// Missing before, found again.
    pub back: u64,
}

/// One pass over a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Of which source.
    pub source: SourceId,
    /// Its number, from 1 per source.
    pub pass: i64,
    /// What it set out to read.
    pub scope: Scope,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, if it has.
    pub finished: Option<Timestamp>,
    /// How it ended, if it has.
    pub outcome: Option<PassOutcome>,
    /// What it brought.
    pub counts: PassCounts,
    /// How many parts it could not read, those beyond [`GAPS_KEPT`] included.
    pub gaps: u64,
}

/// A gap with where and when it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGap {
    /// In which source.
    pub source: SourceId,
    /// When the pass began that met it.
    pub started: Timestamp,
    /// What could not be read.
    pub gap: Gap,
}

impl Writing<'_> {
    /// Begins a pass and answers its number. An unfinished one of before stays as it is.
    pub fn begin_pass(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        scope: &Scope,
        started: Timestamp,
    ) -> Result<i64, Error> {
        self.lock_roll(tenant)?;
        let row = self.row(
            "SELECT coalesce(max(pass), 0) FROM pass WHERE tenant = $1 AND source = $2",
            &[tenant.into(), source.into()],
        )?;
        let pass = row.map(|mut row| row.int()).transpose()?.unwrap_or(0) + 1;
        self.run(
            "INSERT INTO pass (tenant, source, pass, scope, started, seen, added, changed, missing,
               back, gaps, gaps_kept) VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, 0, 0)",
            &[
                tenant.into(),
                source.into(),
                pass.into(),
                json(scope)?,
                started.into(),
            ],
        )?;
        Ok(pass)
    }

    /// Ends a pass. The first [`GAPS_KEPT`] gaps are kept, the rest is counted.
    #[expect(clippy::too_many_arguments, reason = "one row of one table")]
    pub fn end_pass(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        pass: i64,
        finished: Timestamp,
        gaps: &[Gap],
        counts: PassCounts,
        outcome: PassOutcome,
    ) -> Result<(), Error> {
        let kept = &gaps[..gaps.len().min(GAPS_KEPT)];
        let ended = self.run(
            "UPDATE pass SET finished = $4, outcome = $5, seen = $6, added = $7, changed = $8,
               missing = $9, back = $10, gaps = $11, gaps_kept = $12
             WHERE tenant = $1 AND source = $2 AND pass = $3 AND finished IS NULL",
            &[
                tenant.into(),
                source.into(),
                pass.into(),
                finished.into(),
                outcome.as_str().into(),
                counts.seen.into(),
                counts.new.into(),
                counts.changed.into(),
                counts.missing.into(),
                counts.back.into(),
                gaps.len().into(),
                kept.len().into(),
            ],
        )?;
        if ended == 0 {
            return Err(Error::Conflict { what: "the pass" });
        }
        const GAP: Bulk = Bulk {
            sql: "INSERT INTO gap (tenant, source, pass, ordinal, scope, reason, told, needs)
                  SELECT $1, $2, CAST($3 AS bigint), r.ordinal, r.scope, r.reason, r.told, r.needs
                  FROM {rows}",
            columns: &[
                ("ordinal", Type::Int),
                ("scope", Type::Json),
                ("reason", Type::Text),
                ("told", Type::Text),
                ("needs", Type::Text),
            ],
        };
        let mut rows = Vec::with_capacity(kept.len());
        for (ordinal, gap) in kept.iter().enumerate() {
            rows.push(vec![
                ordinal.into(),
                json(&gap.scope)?,
                gap.reason.as_str().into(),
                (&gap.told).into(),
                gap.needs.as_deref().into(),
            ]);
        }
        self.bulk(&GAP, &[tenant.into(), source.into(), pass.into()], &rows)?;
        Ok(())
    }
}

const PASS: &str = "source, pass, scope, started, finished, outcome, seen, added, changed, missing,
  back, gaps, gaps_kept";

impl Reading<'_> {
    /// The latest passes, of one source or of all, latest first.
    pub fn passes(
        &mut self,
        tenant: &Tenant,
        source: Option<&SourceId>,
        limit: usize,
    ) -> Result<Vec<Pass>, Error> {
        let rows = self.rows(
            &format!(
                "SELECT {PASS} FROM pass WHERE tenant = $1
                 AND ($2 = '' OR source = $2) ORDER BY started DESC, source, pass DESC LIMIT $3"
            ),
            &[
                tenant.into(),
                source.map_or("", SourceId::as_str).into(),
                limit.into(),
            ],
        )?;
        rows.into_iter().map(|row| Ok(pass(row)?.0)).collect()
    }

    /// What could not be read at last: the gaps of the latest finished pass of each
    /// (source, scope).
    pub fn gaps(
        &mut self,
        tenant: &Tenant,
        source: Option<&SourceId>,
    ) -> Result<Vec<SourceGap>, Error> {
        let rows = self.rows(
            "SELECT g.source, p.started, g.scope, g.reason, g.told, g.needs
             FROM gap g JOIN pass p
               ON p.tenant = g.tenant AND p.source = g.source AND p.pass = g.pass
             WHERE g.tenant = $1 AND ($2 = '' OR g.source = $2) AND p.finished IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM pass q WHERE q.tenant = p.tenant
               AND q.source = p.source AND q.pass > p.pass AND q.scope = p.scope
               AND q.finished IS NOT NULL)
             ORDER BY g.source, g.pass, g.ordinal",
            &[tenant.into(), source.map_or("", SourceId::as_str).into()],
        )?;
        rows.into_iter()
            .map(|mut row| {
                Ok(SourceGap {
                    source: row.parsed("a source's id")?,
                    started: row.time()?,
                    gap: gap(&mut row)?,
                })
            })
            .collect()
    }
}

/// A pass, and how many of its gaps are kept.
fn pass(mut row: Row) -> Result<(Pass, u64), Error> {
    let pass = Pass {
        source: row.parsed("a source's id")?,
        pass: row.int()?,
        scope: row.json("a scope")?,
        started: row.time()?,
        finished: row.time_opt()?,
        outcome: match row.text_opt()?.as_deref() {
            None => None,
            Some("whole") => Some(PassOutcome::Whole),
            Some("partial") => Some(PassOutcome::Partial),
            Some("failed") => Some(PassOutcome::Failed),
            Some(_) => return Err(Error::corrupt("a pass's outcome")),
        },
        counts: PassCounts {
            seen: row.count()?,
            new: row.count()?,
            changed: row.count()?,
            missing: row.count()?,
            back: row.count()?,
        },
        gaps: row.count()?,
    };
    Ok((pass, row.count()?))
}

fn gap(row: &mut Row) -> Result<Gap, Error> {
    Ok(Gap {
        scope: row.json("a scope")?,
        reason: match row.text()?.as_str() {
            "denied" => Reason::Denied,
            "throttled" => Reason::Throttled,
            "failed" => Reason::Failed,
            "unsupported" => Reason::Unsupported,
            _ => return Err(Error::corrupt("a gap's reason")),
        },
        told: row.text()?,
        needs: row.text_opt()?,
    })
}

/// Passes looked at, latest first, before a sighting is said to be last seen when it changed last.
pub(crate) const LOOKED_AT_MAX: usize = 32;

/// The latest finished passes of sources with their gaps: from them follows "last seen".
#[derive(Default)]
pub(crate) struct Seen {
    sources: BTreeMap<(Tenant, SourceId), Vec<Reach>>,
}

/// How far one finished pass reached.
struct Reach {
    started: Timestamp,
    scope: Scope,
    gaps: Vec<Gap>,
    /// Gaps were only counted: it proves nothing of any part.
    overflowed: bool,
}

impl Reading<'_> {
    /// When the last pass began that saw what was there at `scope` from `since` until `missing`.
    pub(crate) fn last_seen(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        scope: &Scope,
        since: Timestamp,
        missing: Option<Timestamp>,
    ) -> Result<Timestamp, Error> {
        let of = (tenant.clone(), source.clone());
        if !self.seen.sources.contains_key(&of) {
            let reaches = self.reaches(tenant, source)?;
            self.seen.sources.insert(of.clone(), reaches);
        }
        let reaches = self.seen.sources.get(&of).map(Vec::as_slice);
        let saw = |reach: &&Reach| {
            missing.is_none_or(|missing| reach.started < missing)
                && !reach.overflowed
                && Gap::none_hides(&reach.scope, &reach.gaps, scope)
        };
        let last = reaches.unwrap_or_default().iter().find(saw);
        // A pass of before cannot have seen what was not there yet.
        Ok(last.map_or(since, |reach| reach.started.max(since)))
    }

    fn reaches(&mut self, tenant: &Tenant, source: &SourceId) -> Result<Vec<Reach>, Error> {
        let rows = self.rows(
            &format!(
                "SELECT {PASS} FROM pass WHERE tenant = $1 AND source = $2
                 AND outcome IN ('whole', 'partial') ORDER BY pass DESC LIMIT $3"
            ),
            &[tenant.into(), source.into(), LOOKED_AT_MAX.into()],
        )?;
        let mut reaches = Vec::with_capacity(rows.len());
        for row in rows {
            let (pass, kept) = pass(row)?;
            let mut gaps = Vec::new();
            if kept > 0 {
                let rows = self.rows(
                    "SELECT scope, reason, told, needs FROM gap
                     WHERE tenant = $1 AND source = $2 AND pass = $3 ORDER BY ordinal",
                    &[tenant.into(), source.into(), pass.pass.into()],
                )?;
                for mut row in rows {
                    gaps.push(gap(&mut row)?);
                }
            }
            reaches.push(Reach {
                started: pass.started,
                scope: pass.scope,
                overflowed: pass.gaps > kept,
                gaps,
            });
        }
        // A pushed collection may come late: the latest pass is the one that began last.
        reaches.sort_by_key(|reach| std::cmp::Reverse(reach.started));
        Ok(reaches)
    }
}
