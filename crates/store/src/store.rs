//! A store: opened once, cloned freely, used from any thread.

use std::sync::Arc;

use model::Tenant;

use crate::engine::postgres::Postgres;
use crate::engine::sqlite::Sqlite;
use crate::engine::{Dialect, Engine, Mode, postgres, sqlite};
use crate::query::{QueryLimits, Table};
use crate::session::{Durability, Reading, Writing};
use crate::{Error, Location, Options, files, migrate};

/// An open store. Cheap to clone; every clone is the same store.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    location: Location,
    shards: u32,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.location)
    }
}

impl Store {
    /// Opens what is at `location`, makes it where there is nothing, and brings its schema up to
    /// [`crate::SCHEMA`], unless `options` say to read only.
    ///
    /// # Errors
    /// Among others [`Error::NetworkFileSystem`], [`Error::Exposed`], [`Error::NotOurs`],
    /// [`Error::Newer`], [`Error::Unreachable`], [`Error::Busy`].
    pub fn open(location: &Location, options: &Options) -> Result<Self, Error> {
        let engine = engine_at(location, options)?;
        let shards = migrate::migrate(engine.as_ref(), options.read_only)?;
        Ok(Self {
            engine,
            location: location.clone(),
            shards,
        })
    }

    /// Makes the store at `location` as it was at an older schema, if it is not that far yet.
    pub(crate) fn made(location: &Location, schema: u32) -> Result<Self, Error> {
        let engine = engine_at(location, &Options::default())?;
        let shards = migrate::make(engine.as_ref(), schema)?;
        Ok(Self {
            engine,
            location: location.clone(),
            shards,
        })
    }

    /// Where it is.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    pub(crate) const fn shards(&self) -> u32 {
        self.shards
    }

    /// The version of its schema.
    pub fn schema_version(&self) -> Result<u32, Error> {
        let mut session = self.engine.begin(Mode::Read)?;
        migrate::version(session.as_mut())
    }

    /// Gives `each` one consistent view of the store.
    pub fn read<T>(
        &self,
        each: impl FnOnce(&mut Reading<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let session = self.engine.begin(Mode::Read)?;
        each(&mut Reading::new(session, self.shards))
    }

    /// Gives `each` a transaction and commits it if the answer is `Ok`; else nothing is written.
    ///
    /// When this has answered, what was written is as durable as `durability` says.
    pub fn write<T, E: From<Error>>(
        &self,
        durability: Durability,
        each: impl FnOnce(&mut Writing<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let session = self.engine.begin(Mode::Write(durability))?;
        let mut writing = Writing::new(session, self.shards);
        let answer = each(&mut writing)?;
        writing.commit()?;
        Ok(answer)
    }

    /// Lets the engine count what its plans are made from: after a load, or it goes on as if
    /// tables were as empty as they were before.
    pub fn refresh_statistics(&self) -> Result<(), Error> {
        let mut session = self.engine.begin(Mode::Write(Durability::Repeatable))?;
        match session.dialect() {
            Dialect::Sqlite => session.script(sqlite::ANALYZE)?,
            Dialect::Postgres => session.script(&format!("ANALYZE {}", postgres::LOADED))?,
        }
        session.commit()
    }

    /// The same at the end of a load, with whatever else the engine wants then: lists and counts
    /// are fast from there.
    pub fn after_load(&self) -> Result<(), Error> {
        self.engine.after_load()
    }

    /// Runs one read-only statement in the engine's own dialect over the documented views
    /// ([`crate::VIEWS`]), which show nothing but this tenant's rows (decision 16).
    ///
    /// # Errors
    /// [`Error::QueryRefused`] for what is no such statement, [`Error::QueryFailed`] with the
    /// engine's words, also when it took too long.
    pub fn query(&self, tenant: &Tenant, sql: &str, limits: &QueryLimits) -> Result<Table, Error> {
        let statement = crate::query::checked(sql)?;
        self.engine.query(tenant.as_str(), &statement, limits)
    }
}

fn engine_at(location: &Location, options: &Options) -> Result<Arc<dyn Engine>, Error> {
    Ok(match location {
        Location::Sqlite(path) => {
            files::prepare(path, options)?;
            Arc::new(Sqlite::open(path, options)?)
        }
        Location::Postgres(url) => Arc::new(Postgres::open(url, options)?),
    })
}
