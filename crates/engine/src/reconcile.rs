//! Brings what one pass saw into the roll (decisions 13 and 15).
//!
//! What is known of the source and what was seen of it stream past one another in the order of
//! their keys; only differences become rows, a batch of them in one transaction. Nothing else is
//! written: a pass that changes nothing leaves its own row and no other.
//!
//! **Invariant:** each transaction is complete in itself: what hangs together with a change is
//! resolved and summarised with it. A process that dies between two leaves a roll that is right
//! about everything it holds, and the next pass goes on where this one ended.
//!
//! **Invariant:** each transaction begins with the lease's token. Held by
//! `a_pass_whose_lease_was_taken_over_changes_nothing_more`.

use inventory::{Change, Conflict, Keyed, OutOfOrder, PassRead, Seen};
use model::{EntityId, Kind, Observation, SourceId, Tenant, Timestamp};
use store::{Assigned, Lease, PassCounts, Reading, Store, Writing};

use crate::Error;
use crate::spool::{Bodies, BodyAt, KINDS, OfKind, Spool, Spooled};

mod known;
mod settle;

pub use settle::owner as owner_that_counts;

use known::KnownPages;
pub(crate) use settle::Placing;
use settle::Settling;

/// As many changes go into one transaction.
const BATCH_CHANGES: usize = 2_000;

/// A pass that wrote so many batches may have changed what plans of statements should be.
const MANY_BATCHES: u64 = 8;

/// As many bytes of observations go into one transaction.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// A pass that is under way: where its changes go, and the lease under which they are written.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The store.
    pub store: &'a Store,
    /// Whose roll.
    pub tenant: &'a Tenant,
    /// What was read.
    pub source: &'a SourceId,
    /// The number of the pass, which the caller begins and ends.
    pub pass: i64,
    /// The lease on the source. Every batch is refused once another holds it (ST-5).
    pub lease: &'a Lease,
    /// When the changes are written.
    pub now: Timestamp,
}

/// Brings what a pass saw into the roll; what it could not read is in `read`.
///
/// Repeating it is harmless, after a crash as well: what is there already is no change. `tell`
/// hears, each time a batch is written, how many of the things seen are dealt with.
///
/// # Errors
/// Another process took the source's lease over; the store or the disk gave out. What was written
/// before that stays, and is right.
pub fn reconcile(
    run: &Run<'_>,
    spool: Spool,
    read: &PassRead,
    tell: &mut dyn FnMut(u64),
) -> Result<PassCounts, Error> {
    let settling = Settling {
        run,
        started: read.started,
    };
    let (mut entries, bodies) = spool.sorted()?;
    let mut counts = PassCounts::default();
    let mut batch = Batch::new(&settling, &bodies);
    for kind in KINDS {
        let known = KnownPages::new(run, kind);
        let seen = OfKind {
            entries: &mut entries,
            kind,
        };
        let seen = seen.map(|entry| entry.map(seen_of));
        let mut changes = inventory::merge(known, seen, read);
        while let Some(change) = changes.next() {
            if batch.push(change?, &mut counts)? {
                tell(counts.seen + changes.seen());
            }
        }
        batch.flush()?;
        counts.seen += changes.seen();
    }
    batch.end()?;
    Ok(counts)
}

fn seen_of(entry: Spooled) -> Seen<BodyAt> {
    Seen {
        kind: entry.kind,
        native: entry.native,
        hash: entry.hash,
        body: entry.body,
    }
}

impl From<OutOfOrder> for Error {
    fn from(error: OutOfOrder) -> Self {
        Self::Unfit(error.to_string())
    }
}

/// Changes on their way into one transaction.
struct Batch<'a> {
    settling: &'a Settling<'a>,
    bodies: &'a Bodies,
    changes: Vec<store::Change>,
    bytes: usize,
    /// Batches that were written.
    written: u64,
}

impl<'a> Batch<'a> {
    const fn new(settling: &'a Settling<'a>, bodies: &'a Bodies) -> Self {
        Self {
            settling,
            bodies,
            changes: Vec::new(),
            bytes: 0,
            written: 0,
        }
    }

    /// Answers whether the batch was full and is written.
    fn push(&mut self, change: Change<BodyAt>, counts: &mut PassCounts) -> Result<bool, Error> {
        let change = match change {
            Change::New(seen) => {
                counts.new += 1;
                store::Change::New(self.read(seen.body)?)
            }
            Change::Changed(seen) => {
                counts.changed += 1;
                store::Change::Changed(self.read(seen.body)?)
            }
            Change::Back(seen) => {
                counts.back += 1;
                store::Change::Back(self.read(seen.body)?)
            }
            Change::Missing { kind, native } => {
                counts.missing += 1;
                store::Change::Missing { kind, native }
            }
        };
        self.changes.push(change);
        let is_full = self.changes.len() >= BATCH_CHANGES || self.bytes >= BATCH_BYTES;
        if is_full {
            self.flush()?;
        }
        Ok(is_full)
    }

    fn read(&mut self, body: BodyAt) -> Result<Observation, Error> {
        let bytes = self.bodies.read(body)?;
        self.bytes += bytes.len();
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::Unfit(format!("what was seen does not read back: {error}")))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() {
            return Ok(());
        }
        self.settling.settle(&changes)?;
        self.written += 1;
        // A table that was empty a moment ago is read by plans for an empty table: what there is
        // is counted again each time there may be four times as much of it,
        if changes.len() >= BATCH_CHANGES
            && self.written.ilog2().is_multiple_of(2)
            && self.written.is_power_of_two()
        {
            self.settling.run.store.refresh_statistics()?;
        }
        Ok(())
    }

    /// and once more where much was written: kinds come one after another, so that until the end
    /// there may have been none of one.
    fn end(&self) -> Result<(), Error> {
        if self.written >= MANY_BATCHES {
            self.settling.run.store.after_load()?;
        }
        Ok(())
    }
}

/// Writes the line of a thing again, from its sightings and what people decided: after a
/// decision about its owner, which is part of the line.
///
/// # Errors
/// The store gave out.
pub fn refresh(
    writing: &mut Writing<'_>,
    tenant: &Tenant,
    entity: &EntityId,
    now: Timestamp,
) -> Result<(), store::Error> {
    writing.lock_roll(tenant)?;
    let Some(before) = writing.entity_row(tenant, entity)? else {
        return Ok(());
    };
    let members: Vec<_> = writing
        .sightings_of(tenant, &before.id)?
        .into_iter()
        .map(|one| one.key)
        .collect();
    let parts: Vec<_> = members.iter().map(EntityId::of).collect();
    let mut row = before;
    row.owner = settle::owner(writing.owners_among(tenant, &parts)?);
    let line = Assigned {
        row,
        sources: members.iter().map(|one| one.source.clone()).collect(),
        members,
        aliases: Vec::new(),
    };
    writing.assign(tenant, now, &[line], &[])
}

/// The merges that were refused around a thing, because they would have put two different
/// unique ids into one (CV-32).
///
/// # Errors
/// The store gave out, or too much hangs together.
pub fn conflicts(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    entity: &EntityId,
) -> Result<Vec<Conflict>, Error> {
    let members: Vec<_> = reading
        .sightings_of(tenant, entity)?
        .into_iter()
        .map(|one| one.key)
        .collect();
    let held = reading.closure(tenant, &members, settle::CONNECTED_MAX)?;
    let keyed: Vec<_> = held
        .iter()
        .map(|one| Keyed {
            sighting: &one.key,
            keys: &one.keys,
        })
        .collect();
    Ok(inventory::resolve(&keyed).conflicts)
}

/// What a change of the store is about.
fn subject(change: &store::Change) -> (Kind, &str) {
    match change {
        store::Change::New(seen) | store::Change::Changed(seen) | store::Change::Back(seen) => {
            (seen.kind, &seen.native)
        }
        store::Change::Missing { kind, native } => (*kind, native),
    }
}
