//! The roll of another moment, put together once and kept for a while.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Engine, Past};
use model::{Tenant, Timestamp};
use store::{Location, Moment, Options, Store};

use super::Problem;

/// Rolls of other moments that are kept; the one asked for longest ago goes first.
const KEPT: usize = 4;

/// Rolls of other moments.
#[derive(Default)]
pub(crate) struct Moments {
    /// Held while one is put together, so that whoever asks for the same waits for it.
    kept: Mutex<Vec<Arc<Held>>>,
}

/// One of them.
struct Held {
    tenant: Tenant,
    at: Timestamp,
    roll: Store,
    /// Goes with this.
    _dir: Directory,
}

impl Moments {
    /// The engine over the roll as it was at `at`, as known now.
    pub(crate) fn of(&self, engine: &Engine, at: Timestamp) -> Result<Engine, Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |one: &Arc<Held>| one.at == at && one.tenant == engine.tenant;
        let held = match kept.iter().position(is_it) {
            Some(place) => kept.remove(place),
            None => Arc::new(Held::make(engine, at)?),
        };
        let past = engine.of_past(held.roll.clone(), at);
        kept.push(held);
        if kept.len() > KEPT {
            kept.remove(0);
        }
        Ok(past)
    }
}

impl Held {
    fn make(engine: &Engine, at: Timestamp) -> Result<Self, Problem> {
        let dir = Directory::make()?;
        let roll = Store::open(
            &Location::Sqlite(dir.0.join("keyroll.db")),
            &Options::default(),
        )?;
        let past = Past {
            from: &engine.store,
            to: &roll,
            tenant: &engine.tenant,
            moment: Moment {
                at,
                known: engine.now(),
            },
        };
        past.whole()?;
        Ok(Self {
            tenant: engine.tenant.clone(),
            at,
            roll,
            _dir: dir,
        })
    }
}

/// A private directory that goes when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn make() -> Result<Self, Problem> {
        let name = format!(
            "keyroll-{}-{}",
            std::process::id(),
            super::around::by_chance()
        );
        let dir = std::env::temp_dir().join(name);
        let mut make = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
        // It must not be there: one that somebody else made is not ours to use.
        make.create(&dir).map_err(|_| Problem::ours())?;
        Ok(Self(dir))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed lies in the temporary directory, readable by its owner alone; the
        // next `keyroll` sweeps it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
