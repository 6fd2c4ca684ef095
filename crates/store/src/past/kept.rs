//! What stood beside the sightings at a moment: passes with their gaps, and plans.

use model::{Tenant, Timestamp};

use crate::engine::Mode;
use crate::tables::tables;
use crate::{Durability, Error, Store};

/// Tables whose rows say when they came to be, with which of them belong to an instant ($2).
const KEPT: [(&str, &str); 3] = [
    ("pass", "tenant = $1 AND started <= $2"),
    (
        "gap",
        "tenant = $1 AND EXISTS (SELECT 1 FROM pass p WHERE p.tenant = gap.tenant
           AND p.source = gap.source AND p.pass = gap.pass AND p.finished <= $2)",
    ),
    ("plan", "tenant = $1 AND created <= $2"),
];

impl Store {
    /// Puts into `to`, which holds none yet, the passes that had begun `until` then, with what
    /// those that had ended could not read, and the plans there were. A pass that ended later
    /// was under way.
    ///
    /// # Errors
    /// Either store refused or broke.
    pub fn recall_passes(&self, tenant: &Tenant, until: Timestamp, to: &Self) -> Result<(), Error> {
        let of_then = [tenant.into(), until.into()];
        let mut source = self.engine().begin(Mode::Read)?;
        let mut target = to.engine().begin(Mode::Write(Durability::Repeatable))?;
        let tables = tables();
        for (name, only) in KEPT {
            let table = tables.iter().find(|table| table.name == name);
            let table = table.ok_or_else(|| Error::corrupt("a schema of its own"))?;
            table.each_row_of(source.as_mut(), only, &of_then, |page| {
                table.insert(target.as_mut(), &page)
            })?;
        }
        target.run(
            "UPDATE pass SET finished = NULL, outcome = NULL, seen = 0, added = 0, changed = 0,
               missing = 0, back = 0, gaps = 0, gaps_kept = 0
             WHERE tenant = $1 AND finished > $2",
            &of_then,
        )?;
        target.commit()
    }
}
