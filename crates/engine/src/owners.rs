//! Who might own what is on the roll, and who has left.

use inventory::owners::{self, Answer, Left};
use model::{Attribute, Kind, Told};
use store::{Filter, Page, Reading};

use crate::{Engine, Error, Looked};

/// Rows fetched at once while the whole roll streams past.
const ROWS: usize = 1_000;
/// The status of whoever left.
pub(crate) const LEFT: &str = "left";

impl Engine {
    /// Everybody whom a list of leavers has, as it was last read.
    ///
    /// # Errors
    /// The store gave out.
    pub fn left(&self) -> Result<Left, Error> {
        Ok(self.store.read(|reading| self.left_in(reading))?)
    }

    fn left_in(&self, reading: &mut Reading<'_>) -> Result<Left, store::Error> {
        let filter = Filter {
            kind: Some(Kind::Owner),
            missing: Some(false),
            ..Filter::default()
        };
        let mut page = Page {
            limit: ROWS,
            ..Page::default()
        };
        let mut left = Left::nobody();
        loop {
            let rows = reading.roll(&self.tenant, &filter, &page)?;
            for row in &rows.rows {
                if row.status.as_deref() == Some(LEFT) {
                    self.leaver(reading, &row.id, &mut left)?;
                }
            }
            match rows.next {
                Some(next) => page.after = Some(next),
                None => return Ok(left),
            }
        }
    }

    fn leaver(
        &self,
        reading: &mut Reading<'_>,
        id: &model::EntityId,
        left: &mut Left,
    ) -> Result<(), store::Error> {
        for sighting in reading.sightings_of(&self.tenant, id)? {
            if sighting.missing_since.is_some() {
                continue;
            }
            let seen = &sighting.observation;
            let others = match seen.fact(&Attribute::ALSO_CALLED) {
                Told::Is(value) => value.list().unwrap_or_default(),
                Told::Absent | Told::CannotTell => &[],
            };
            let since = seen.fact(&Attribute::LEFT_AT);
            let since = since.is().and_then(|value| value.time());
            left.add(&seen.native, others, since);
        }
        Ok(())
    }

    /// Who might own a thing, by all that is told of it and of its holder.
    pub fn suggested(&self, looked: &Looked, left: &Left) -> Answer {
        owners::suggest(&looked.entity, looked.holder.as_ref(), left, self.now())
    }

    /// Hands on everything on the roll that `filter` wants, in full, one thing at a time, until
    /// `each` says that it is enough. Memory does not grow with the roll.
    ///
    /// # Errors
    /// The store gave out, or `each` did.
    pub fn each(
        &self,
        filter: &Filter,
        each: &mut dyn FnMut(&Looked) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut page = Page {
            limit: ROWS,
            ..Page::default()
        };
        loop {
            let (looked, next) = self.store.read(|reading| {
                let rows = reading.roll(&self.tenant, filter, &page)?;
                let mut looked = Vec::with_capacity(rows.rows.len());
                for row in &rows.rows {
                    looked.extend(self.look_in(reading, &row.id)?);
                }
                self.find_refused(reading, looked.as_mut_slice())?;
                Ok((looked, rows.next))
            })?;
            for one in &looked {
                if !each(one)? {
                    return Ok(());
                }
            }
            match next {
                Some(after) => page.after = Some(after),
                None => return Ok(()),
            }
        }
    }
}
