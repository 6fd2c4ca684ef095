//! What the roll covers: which inventories were read and when, and what logs tell of uses.

use std::collections::BTreeSet;

use assess::{Inventories, Inventory, LogWindow, NO_INVENTORY, PART_OF_INVENTORY};
use model::{Attribute, Kind, Observation, Reason, Scope, SourceId};
use store::{Filter, Page, PassOutcome, Reading};

use crate::{Engine, Error};

/// Passes looked through for the sources that were read.
const PASSES_MAX: usize = 10_000;
/// Logs whose windows are known.
const LOGS_MAX: usize = 10_000;
/// The type of a log on the roll.
pub(crate) const AUDIT_LOG: &str = "audit_log";

impl Engine {
    /// Every inventory that was read, at least in part.
    ///
    /// # Errors
    /// The store gave out.
    pub(crate) fn inventories(&self) -> Result<Inventories, Error> {
        Ok(self.store.read(|reading| self.inventories_in(reading))?)
    }

    fn inventories_in(&self, reading: &mut Reading<'_>) -> Result<Inventories, store::Error> {
        let mut inventories = Inventories::none();
        let mut met: BTreeSet<SourceId> = BTreeSet::new();
        for pass in reading.passes(&self.tenant, None, PASSES_MAX)? {
            let read = matches!(
                pass.outcome,
                Some(PassOutcome::Whole | PassOutcome::Partial)
            );
            let connector = pass.source.connector();
            let lists =
                !NO_INVENTORY.contains(&connector) && !PART_OF_INVENTORY.contains(&connector);
            // The latest comes first.
            if !read || !lists || !met.insert(pass.source.clone()) {
                continue;
            }
            let filter = Filter {
                source: Some(pass.source.clone()),
                ..Filter::default()
            };
            let page = Page {
                limit: 1,
                ..Page::default()
            };
            let rows = reading.roll(&self.tenant, &filter, &page)?.rows;
            if let Some(row) = rows.first() {
                let read = Inventory {
                    at: pass.started,
                    holes: self.holes(reading, &pass.source)?,
                };
                inventories.add(&row.provider, pass.source.target(), read);
            }
        }
        Ok(inventories)
    }

    /// The parts of a source that were not read whole. That a system has no way to tell something
    /// hides nobody, except of AWS and of files, whose lists are told missing so.
    fn holes(
        &self,
        reading: &mut Reading<'_>,
        source: &SourceId,
    ) -> Result<BTreeSet<String>, store::Error> {
        let lists_lack =
            source.connector().starts_with("aws_") || source.connector() == "entra_exports";
        let gaps = reading.gaps(&self.tenant, Some(source))?;
        let gaps = gaps.into_iter().map(|one| one.gap);
        let hiding = gaps.filter(|gap| {
            lists_lack || gap.reason != Reason::Unsupported || gap.scope == Scope::whole()
        });
        Ok(hiding
            .map(|gap| gap.scope.0.into_iter().next().unwrap_or_default())
            .collect())
    }

    /// The windows of all logs on the roll.
    ///
    /// # Errors
    /// The store gave out.
    pub(crate) fn log_windows(&self) -> Result<Vec<LogWindow>, Error> {
        Ok(self.store.read(|reading| self.log_windows_in(reading))?)
    }

    fn log_windows_in(&self, reading: &mut Reading<'_>) -> Result<Vec<LogWindow>, store::Error> {
        let filter = Filter {
            kind: Some(Kind::Resource),
            type_: Some(AUDIT_LOG.to_owned()),
            missing: Some(false),
            ..Filter::default()
        };
        let page = Page {
            limit: LOGS_MAX,
            ..Page::default()
        };
        let mut windows = Vec::new();
        for row in reading.roll(&self.tenant, &filter, &page)?.rows {
            for sighting in reading.sightings_of(&self.tenant, &row.id)? {
                windows.extend(window(&sighting.observation));
            }
        }
        Ok(windows)
    }
}

fn window(seen: &Observation) -> Option<LogWindow> {
    let text = |attribute: &Attribute| seen.fact(attribute).is().and_then(|value| value.text());
    let time = |attribute: &Attribute| seen.fact(attribute).is().and_then(|value| value.time());
    Some(LogWindow {
        log: text(&Attribute::named("log"))?.to_owned(),
        account: text(&Attribute::ACCOUNT).unwrap_or_default().to_owned(),
        since: time(&Attribute::USES_COUNTED_SINCE)?,
        until: time(&Attribute::USES_COUNTED_UNTIL)?,
        incomplete: text(&Attribute::USES_INCOMPLETE).map(str::to_owned),
    })
}
