//! The roll of another moment, put together in a store of its own by the rules of now.
//!
//! Every version of every sighting is kept, and what people decided is in the evidence log. So a
//! past moment is taken down as a roll: sightings as they stood, composed by the keys they had
//! then, with the decisions and passes of then. Whatever is asked of the present is asked of it
//! in the same words: lists, pages, findings, queries.
//!
//! **Invariant:** what was printed at a moment is what is told of that moment later, as known
//! then. Held by `what_was_told_at_a_moment_is_told_of_it_later`.

mod between;
mod decided;

use std::collections::BTreeSet;

use model::{EntityId, Kind, SightingKey, Tenant, Timestamp};
use store::{Durability, Moment, Reading, Store, Writing};

pub use between::{Difference, What, between};

use crate::covered::AUDIT_LOG;
use crate::owners::LEFT;
use crate::reconcile::Placing;
use crate::{Engine, Error};

/// Sightings put together in one transaction.
const BLOCK: i64 = 1_000;

/// Names that more lines bear than this, then or at another time, say nothing of what they are for.
const NAMESAKES_MAX: usize = 4_000;

/// After so many blocks the target counts anew what its plans are made from.
const MANY_BLOCKS: u64 = 8;

/// A roll of then that is made.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Where the roll is kept.
    pub from: &'a Store,
    /// An empty store, which becomes the roll of then.
    pub to: &'a Store,
    /// Whose roll.
    pub tenant: &'a Tenant,
    /// Which moment.
    pub moment: Moment,
}

impl Past<'_> {
    /// Takes all of it down, in memory that does not grow with the roll.
    ///
    /// # Errors
    /// Either store refused or broke.
    pub fn whole(&self) -> Result<(), Error> {
        self.beside()?;
        let last = self.from.read(|reading| reading.last_number(self.tenant))?;
        let (mut next, mut written) = (1, 0_u64);
        while next <= last {
            let end = last.min(next + BLOCK - 1);
            let numbers: Vec<i64> = (next..=end).collect();
            self.block(&numbers)?;
            next = end + 1;
            written += 1;
            if written.is_power_of_two() && written.ilog2().is_multiple_of(2) {
                self.to.refresh_statistics()?;
            }
        }
        if written >= MANY_BLOCKS {
            self.to.after_load()?;
        }
        self.aliases()
    }

    /// Takes down what tells of the things that these ids lead to now, and what judges them: they
    /// themselves, what they held and who held them, their namesakes, who had left, what was read.
    /// Lines of what stands further off may lack a part.
    ///
    /// # Errors
    /// Either store refused or broke.
    pub fn around(&self, ids: &[EntityId]) -> Result<(), Error> {
        self.beside()?;
        let (seeds, mut numbers) = self.from.read(|reading| {
            let mut seeds = BTreeSet::new();
            for id in ids {
                let row = reading.entity_row(self.tenant, id)?;
                let id = row.map_or_else(|| id.clone(), |row| row.id);
                let members = reading.sightings_of(self.tenant, &id)?;
                seeds.extend(members.into_iter().map(|one| one.key));
            }
            let seeds: Vec<_> = seeds.into_iter().collect();
            let mut around = reading.around(self.tenant, self.moment, &seeds)?;
            around.extend(self.ground(reading)?);
            Ok((seeds, around))
        })?;
        self.blocks(&numbers)?;
        let mut namesakes = self.namesakes(&seeds)?;
        namesakes.retain(|no| numbers.insert(*no));
        self.blocks(&namesakes)?;
        self.aliases()
    }

    /// What every judgement looks at, whatever is judged: who left, what logs tell of, and which
    /// systems were read.
    fn ground(&self, reading: &mut Reading<'_>) -> Result<BTreeSet<i64>, store::Error> {
        let mut ground = reading.of_each_source(self.tenant, self.moment)?;
        ground.extend(reading.owners_told(self.tenant, LEFT)?);
        let logs = reading.founders_of_type(self.tenant, Kind::Resource, AUDIT_LOG)?;
        ground.extend(logs);
        let from = ground.into_iter().collect();
        reading.with_their_things(self.tenant, self.moment, from)
    }

    /// The identities that bore the names which those of `seeds` would have in other environments.
    fn namesakes(&self, seeds: &[SightingKey]) -> Result<BTreeSet<i64>, Error> {
        let names = self.to.read(|reading| {
            let stood = reading.sightings(self.tenant, seeds)?;
            let were: BTreeSet<EntityId> = stood.into_iter().map(|one| one.entity).collect();
            let were: Vec<_> = were.into_iter().collect();
            let lines = reading.entity_rows(self.tenant, &were)?.into_iter();
            let told = lines.filter(|row| row.kind == Kind::Identity && row.environment.is_some());
            Ok(told.flat_map(|row| assess::namesakes(&row.name)).collect())
        })?;
        Ok(self.from.read(|reading| {
            let from = reading.founders_named(self.tenant, &names, NAMESAKES_MAX)?;
            let from = from.into_iter().collect();
            reading.with_their_things(self.tenant, self.moment, from)
        })?)
    }

    fn blocks(&self, numbers: &BTreeSet<i64>) -> Result<(), Error> {
        let numbers: Vec<_> = numbers.iter().copied().collect();
        let mut blocks = numbers.chunks(usize::try_from(BLOCK).unwrap_or(usize::MAX));
        blocks.try_for_each(|block| self.block(block))
    }

    /// Passes, plans and decisions.
    fn beside(&self) -> Result<(), Error> {
        let until = self.moment.until();
        self.from.recall_passes(self.tenant, until, self.to)?;
        let decided = decided::until(self.from, self.tenant, until)?;
        self.to.write(Durability::Repeatable, |writing| {
            decided.write(writing, self.tenant)
        })
    }

    fn block(&self, numbers: &[i64]) -> Result<(), Error> {
        let stood = self
            .from
            .read(|reading| reading.stood(self.tenant, self.moment, numbers))?;
        if stood.is_empty() {
            return Ok(());
        }
        let touched: BTreeSet<SightingKey> = stood.iter().map(|one| one.key.clone()).collect();
        let placing = Placing {
            tenant: self.tenant,
            now: self.moment.until(),
            recalls: true,
        };
        self.to
            .write(Durability::Repeatable, |writing: &mut Writing<'_>| {
                writing.lock_roll(self.tenant)?;
                writing.recall(self.tenant, &stood)?;
                placing.place(writing, Vec::new(), &touched)
            })
    }

    /// Every id that leads to a thing now led to the one then that held its sighting.
    fn aliases(&self) -> Result<(), Error> {
        let page = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let mut after = None;
        loop {
            let joined = self
                .to
                .read(|reading| reading.joined(self.tenant, after.as_ref(), page))?;
            let ids: Vec<_> = joined.iter().map(|(_, key)| EntityId::of(key)).collect();
            let leading = self
                .from
                .read(|reading| reading.leading(self.tenant, &ids))?;
            let older = ids.into_iter().zip(&joined);
            let older: Vec<_> = older
                .filter(|(old, (id, _))| old != id && leading.contains(old))
                .map(|(old, (id, _))| (old, id.clone()))
                .collect();
            self.to.write(Durability::Repeatable, |writing| {
                writing.recall_aliases(self.tenant, &older)
            })?;
            match joined.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }
}

impl Engine {
    /// The engine over the roll of another moment, where it is `now` then.
    #[must_use]
    pub fn of_past(&self, roll: Store, now: Timestamp) -> Self {
        Self {
            store: roll,
            clock: std::sync::Arc::new(move || now),
            ..self.clone()
        }
    }
}
