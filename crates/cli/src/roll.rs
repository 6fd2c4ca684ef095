//! Opening the roll: its store, and the engine over it with its keys.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, KeyPaths};
use model::Tenant;
use store::{Location, Options, PassOutcome, Reading, Store};
use vault::FingerprintKey;

use crate::error::Error;
use crate::interrupt;
use crate::output::Gauge;
use crate::settings::Settings;

/// An open roll, to read from.
pub(crate) struct Roll {
    /// The state.
    pub(crate) store: Store,
    /// Whose.
    pub(crate) tenant: Tenant,
}

/// Where the roll is kept.
///
/// # Errors
/// An address that cannot be read, or no home directory and no `--store`.
pub(crate) fn location(settings: &Settings) -> Result<Location, Error> {
    match &settings.store {
        Some(given) => given.parse().map_err(Error::from_store("--store")),
        None => {
            let dir = settings.environment.data_dir().ok_or_else(|| {
                Error::usage("expected `--store`, `XDG_DATA_HOME` or `HOME`, got none of them")
            })?;
            Ok(Location::Sqlite(dir.join("keyroll.db")))
        }
    }
}

/// Where the key files lie.
///
/// # Errors
/// A store on PostgreSQL without both files named.
pub(crate) fn key_paths(settings: &Settings, location: &Location) -> Result<KeyPaths, Error> {
    let fingerprint = settings.fingerprint_key_file.clone();
    KeyPaths::for_store(location, fingerprint, settings.seal_key_file.clone())
        .map_err(|error| Error::usage(error.to_string()))
}

impl Roll {
    /// Opens a roll that is there already: who asks a question does not make one.
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Error> {
        let location = location(settings)?;
        if let Location::Sqlite(path) = &location
            && !path.try_exists().map_err(Error::because(format!(
                "cannot look for a roll at `{location}`"
            )))?
        {
            return Err(
                Error::failed(format!("there is no roll at `{location}` yet"))
                    .hint("`keyroll scan` takes one"),
            );
        }
        Self::open_or_make(settings, &location)
    }

    /// Opens a roll, and makes it where there is none.
    ///
    /// # Errors
    /// It cannot be opened or made.
    pub(crate) fn open_or_make(settings: &Settings, location: &Location) -> Result<Self, Error> {
        let store = Store::open(location, &Options::default()).map_err(Error::from_store(
            format!("cannot open the roll at `{location}`"),
        ))?;
        Ok(Self {
            store,
            tenant: settings.tenant.clone(),
        })
    }

    /// The engine over this roll: what decides and acts. Makes keys at first use.
    ///
    /// # Errors
    /// A key is missing, is another one, or may be read by others.
    pub(crate) fn engine(&self, settings: &Settings) -> Result<Engine, Error> {
        let paths = key_paths(settings, self.store.location())?;
        let environment = settings.environment.clone();
        let clock = Arc::new(move || environment.now());
        let (store, tenant) = (self.store.clone(), self.tenant.clone());
        let engine = Engine::open(store, tenant, &paths, &settings.environment.person(), clock)
            .map_err(Error::from_engine("cannot open the keys of this roll"))?;
        settings.interrupt.frees(&engine);
        Ok(engine)
    }

    /// Makes `key`, of another roll, the fingerprint key of this one.
    ///
    /// # Errors
    /// This roll has another key, or the log or the key's file cannot be written.
    pub(crate) fn enrol(&self, settings: &Settings, key: FingerprintKey) -> Result<(), Error> {
        let paths = key_paths(settings, self.store.location())?;
        let environment = settings.environment.clone();
        let clock = Arc::new(move || environment.now());
        let (store, tenant) = (self.store.clone(), self.tenant.clone());
        let person = settings.environment.person();
        Engine::enrol(store, tenant, &paths, &person, clock, key)
            .map(drop)
            .map_err(Error::from_engine("cannot take the key over"))
    }

    /// Reads in one consistent view.
    ///
    /// # Errors
    /// The store refused or broke.
    pub(crate) fn read<T>(
        &self,
        each: impl FnOnce(&mut Reading<'_>, &Tenant) -> Result<T, store::Error>,
    ) -> Result<T, Error> {
        self.store
            .read(|reading| each(reading, &self.tenant))
            .map_err(Error::from_store("cannot read the roll"))
    }

    /// How much of the world stands behind this roll.
    ///
    /// # Errors
    /// The store refused or broke.
    pub(crate) fn gauge(&self) -> Result<Gauge, Error> {
        self.read(|reading, tenant| {
            let behind = tell::coverage(reading, tenant)?;
            Ok(Gauge {
                sources: behind.sources,
                gaps: behind.gaps,
                ..Gauge::default()
            })
        })
    }
}

impl Roll {
    /// Of what the latest passes set out to read, how much they could: things seen against things
    /// seen and gaps met.
    ///
    /// # Errors
    /// The store refused or broke.
    pub(crate) fn percent_read(&self) -> Result<u64, Error> {
        let passes = self.read(|reading, tenant| reading.passes(tenant, None, PASSES_LOOKED_AT))?;
        let mut latest = BTreeSet::new();
        let (mut seen, mut missed) = (0, 0);
        for pass in passes.iter().filter(|pass| pass.finished.is_some()) {
            if latest.insert((&pass.source, &pass.scope)) {
                let failed = pass.outcome == Some(PassOutcome::Failed);
                seen += pass.counts.seen;
                missed += pass.gaps.max(u64::from(failed));
            }
        }
        Ok(percent(seen, missed))
    }
}

/// The part that was read; only nothing missed is all of it.
pub(crate) fn percent(seen: u64, missed: u64) -> u64 {
    match missed {
        0 => 100,
        _ => (seen * 100 / (seen + missed)).min(99),
    }
}

/// Passes looked at for the gauge, latest first.
const PASSES_LOOKED_AT: usize = 1000;

/// Begins the name of a private directory; the number of its process follows.
const EPHEMERAL: &str = "keyroll-";
/// Those of others are left alone for so long: a process in another container has a number that
/// nobody here knows.
const SWEPT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what processes left that were killed before they could: a copy of a roll, with names and
/// owners; not before a day has passed. Nothing is said of what cannot be removed: it is not needed.
fn sweep(parent: &Path) {
    use std::os::unix::fs::MetadataExt;
    let Ok(ours) = std::fs::metadata("/proc/self").map(|us| us.uid()) else {
        return;
    };
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().and_then(|name| name.strip_prefix(EPHEMERAL));
        let process = name.and_then(|name| name.split_once('-')?.0.parse::<u32>().ok());
        let is_gone = |process| !Path::new("/proc").join(format!("{process}")).exists();
        let is_ours = |held: std::fs::Metadata| {
            let age = held.modified().ok().and_then(|at| at.elapsed().ok());
            let is_old = age.is_some_and(|age| age > SWEPT_AFTER);
            is_old && held.is_dir() && held.uid() == ours && held.mode() & 0o777 == 0o700
        };
        // Not followed, should it be a link.
        if process.is_some_and(is_gone) && entry.metadata().is_ok_and(is_ours) {
            interrupt::remove_dir(&entry.path());
        }
    }
}

/// A store in a directory of its own that goes when this is dropped.
pub(crate) struct Ephemeral {
    dir: PathBuf,
}

impl Ephemeral {
    /// Makes a private directory.
    ///
    /// # Errors
    /// The temporary directory takes none.
    pub(crate) fn make(settings: &Settings) -> Result<Self, Error> {
        sweep(&std::env::temp_dir());
        let name = format!("{EPHEMERAL}{}-{}", std::process::id(), settings.now.0);
        let dir = std::env::temp_dir().join(name);
        let mut make = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
        // It must not be there: one that somebody else made is not ours to use.
        make.create(&dir).map_err(Error::because(
            "cannot make a directory for the ephemeral roll",
        ))?;
        settings.interrupt.removes_dir(&dir);
        Ok(Self { dir })
    }

    /// Where its database lies.
    pub(crate) fn location(&self) -> Location {
        Location::Sqlite(self.dir.join("keyroll.db"))
    }
}

impl Drop for Ephemeral {
    fn drop(&mut self) {
        interrupt::remove_dir(&self.dir);
    }
}
