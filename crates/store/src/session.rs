//! What a caller holds while it reads or writes: one transaction with the store's operations.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

use model::Tenant;

use crate::Error;
use crate::engine::{Bulk, Session};
use crate::passes::Seen;
use crate::value::{Row, Value};

/// What must be true when a write has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives loss of power: for everything acknowledged to a caller (vault, evidence,
    /// plans, receipts, decisions).
    Full,
    /// It survives the death of the process; loss of power may take the last of it. For
    /// collection, which can be repeated.
    Repeatable,
}

/// One consistent view of the store.
pub struct Reading<'s> {
    pub(crate) session: Box<dyn Session + 's>,
    pub(crate) shards: u32,
    /// How far the latest passes reached, as far as it was asked: it is the same for every
    /// sighting of a source.
    pub(crate) seen: Seen,
}

/// One transaction that writes; all reads are there too and see what was written.
pub struct Writing<'s> {
    reading: Reading<'s>,
    /// Tenants whose roll this transaction has locked.
    pub(crate) locked: BTreeSet<Tenant>,
}

impl<'s> Reading<'s> {
    pub(crate) fn new(session: Box<dyn Session + 's>, shards: u32) -> Self {
        Self {
            session,
            shards,
            seen: Seen::default(),
        }
    }

    pub(crate) fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.session.rows(sql, params)
    }

    /// Hands over each row as it comes.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        mut take: impl FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.session.each(sql, params, &mut take)
    }

    /// The first row, where there is at most one.
    pub(crate) fn row(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.session.rows(sql, params)?.into_iter().next())
    }

    pub(crate) fn bulk_rows(
        &mut self,
        bulk: &Bulk,
        fixed: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, Error> {
        self.session.bulk_rows(bulk, fixed, rows)
    }
}

impl<'s> Writing<'s> {
    pub(crate) fn new(session: Box<dyn Session + 's>, shards: u32) -> Self {
        Self {
            reading: Reading::new(session, shards),
            locked: BTreeSet::new(),
        }
    }

    pub(crate) fn commit(self) -> Result<(), Error> {
        self.reading.session.commit()
    }

    pub(crate) fn run(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        // What is written may be a pass.
        self.reading.seen = Seen::default();
        self.reading.session.run(sql, params)
    }

    pub(crate) fn bulk(
        &mut self,
        bulk: &Bulk,
        fixed: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<u64, Error> {
        self.reading.seen = Seen::default();
        self.reading.session.bulk(bulk, fixed, rows)
    }
}

impl<'s> Deref for Writing<'s> {
    type Target = Reading<'s>;
    fn deref(&self) -> &Reading<'s> {
        &self.reading
    }
}

impl<'s> DerefMut for Writing<'s> {
    fn deref_mut(&mut self) -> &mut Reading<'s> {
        &mut self.reading
    }
}
