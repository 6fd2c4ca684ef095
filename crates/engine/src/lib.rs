//! The loop at the edge: collecting, reconciling, deciding, carrying out, proving.
//!
//! Start at [`Engine`]. `collect` makes one pass over one source; `reconcile` brings it into the
//! roll; `plan`, `execute` and `verify` are the chain from a plan to its proof. Everything that
//! touches the world is under `ports`.
//!
//! **Invariant:** what a person decides and what a plan does is in the evidence log in the same
//! transaction that makes it true: no log, no act. Held by
//! `without_the_log_nothing_is_decided_and_nothing_is_done`.

mod access;
mod changed;
mod collect;
mod copies;
mod covered;
pub mod crash;
mod decide;
mod enrol;
mod error;
mod execute;
mod fingerprints;
mod held;
mod intake;
mod journal;
mod keys;
mod liveness;
mod logins;
mod look;
mod metrics;
mod owners;
mod past;
mod plan;
mod ports;
mod process;
mod push;
mod read_again;
pub mod receive;
pub mod reconcile;
mod record;
mod ring;
mod rules;
mod scan;
mod secrets;
mod sources;
mod spec;
pub mod spool;
mod workers;

use std::sync::Arc;

use model::{Tenant, Timestamp};
use store::Store;

pub use access::{
    ADMINISTRATOR, Denied, Handed, Link, Offer, Origin, SESSION_HOURS, SESSION_IDLE, SignedIn,
    TOKEN_DAYS,
};
pub use changed::{Changed, changed};
pub use collect::{Pass, PassReport, Progress};
pub use connectors::Change;
pub use enrol::fingerprint_key_of;
pub use error::Error;
pub use execute::{Advance, Applied, Crowd, Live, Provider, Tried, Verified, World};
pub use keys::{KeyPaths, Keys, SystemRandom, read_key_file, system_clock, write_key_file};
pub use liveness::{Asked, Liveness, Round};
pub use look::Looked;
pub use model::Ownership;
pub use past::{Difference, Past, What, between};
pub use ports::{
    ArchiveLimits, Bearer, FileLimits, FilesPort, HttpLimits, HttpPort, LdapLimits, LdapPort,
    MysqlPort, OutsideLimits, RedisLimits, RedisPort, Said, SpireLimits, SpirePort, SqlLimits,
    SqlPort, TlsLimits, TlsPort, index_paths, read_page, read_reply,
};
#[doc(hidden)]
pub use ports::{foreign, grpc_says, leads_to_tls, read_method, read_spire_page, unpack_all};
pub use reconcile::owner_that_counts;
pub use record::Ledger;
pub use ring::{Rewrapped, Term};
pub use rules::{Rules, Stated, text_in_tree};
pub use scan::{Machine, Scanned};
pub use sources::Opened;
pub use spec::{Directory, Endpoint, Postgres, Server, Spec, SpireServer};

/// Tells what time it is. Tests give their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One tenant's roll with its keys and its ledger: what every command works on.
#[derive(Clone)]
pub struct Engine {
    /// The state.
    pub store: Store,
    /// Whose roll it is.
    pub tenant: Tenant,
    /// Fingerprint key and barrier.
    pub keys: Keys,
    /// The evidence log's pen.
    pub ledger: Ledger,
    /// Who is at work, for evidence: `person:ann`.
    pub actor: String,
    clock: Clock,
    rules: Rules,
    threads: Arc<workers::Threads>,
    runtime: Arc<std::sync::OnceLock<tokio::runtime::Runtime>>,
}

impl Engine {
    /// The engine over `store`; keys are made at first use.
    ///
    /// # Errors
    /// A key is missing, is another one, or may be read by others.
    pub fn open(
        store: Store,
        tenant: Tenant,
        paths: &KeyPaths,
        actor: &str,
        clock: Clock,
    ) -> Result<Self, Error> {
        let keys = Keys::open(&store, &tenant, paths)?;
        Self::with_keys(store, tenant, keys, actor, clock)
    }

    fn with_keys(
        store: Store,
        tenant: Tenant,
        keys: Keys,
        actor: &str,
        clock: Clock,
    ) -> Result<Self, Error> {
        let ledger = Ledger::open(&store, &tenant, &keys)?;
        Ok(Self {
            store,
            tenant,
            keys,
            ledger,
            actor: actor.to_owned(),
            clock,
            rules: Rules::default(),
            threads: Arc::default(),
            runtime: Arc::default(),
        })
    }

    /// The same, looking at files with so many threads. What is found does not depend on it.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Arc::new(workers::Threads::of(threads));
        self
    }

    /// The same, finding secrets by other rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The same at work for another: evidence names `actor`.
    #[must_use]
    pub fn acting_as(&self, actor: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            ..self.clone()
        }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The runtime on which protocols run, started when it is first needed.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn runtime(&self) -> Result<tokio::runtime::Handle, Error> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime.handle().clone());
        }
        let build = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = build.map_err(|source| Error::Files {
            doing: "starting threads for",
            path: "the network".into(),
            source,
        })?;
        // Of two that start it at once, one runtime is kept and the other one goes.
        Ok(self.runtime.get_or_init(|| runtime).handle().clone())
    }
}
