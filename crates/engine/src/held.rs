//! Leases as this process holds them: renewed while it works, given back when it is done, taken
//! over from a process of this machine that is no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Duration, SourceId, Timestamp};
use store::Lease;

use crate::process::Process;
use crate::{Engine, Error};

/// How long a lease holds without being renewed.
const LEASE: Duration = Duration::seconds(30);
/// It is renewed so often.
const RENEWED: std::time::Duration = std::time::Duration::from_secs(8);
/// What the leases on sources begin with.
const COLLECT: &str = "collect ";

/// A lease that is renewed while it is held and given back when it is dropped.
pub(crate) struct Held {
    engine: Engine,
    lease: Lease,
    done: Arc<AtomicBool>,
    keeper: Option<std::thread::JoinHandle<()>>,
}

impl Engine {
    /// Gives back the leases under which this process reads sources, because it is about to end
    /// without dropping them: the next one need not wait until they run out. Those under which it
    /// revokes stay, since an answer may still be on its way.
    ///
    /// # Errors
    /// The store refused or broke; the leases then end by themselves.
    pub fn let_go(&self) -> Result<(), Error> {
        let mine = self.holder();
        for lease in self.leases()? {
            if lease.holder == mine && lease.name.starts_with(COLLECT) {
                self.store.release(&self.tenant, &lease)?;
            }
        }
        Ok(())
    }

    /// Who this process is among those that hold leases: for whom, and which.
    fn holder(&self) -> String {
        format!("{} {}", self.actor, Process::this())
    }

    /// When whoever reads `source` now began; nothing where the store does not tell: a pass of what
    /// another program pushed began when that program says.
    fn begun(&self, source: &SourceId) -> Option<Timestamp> {
        connectors::connector(source.connector())?;
        let passes = self
            .store
            .read(|reading| reading.passes(&self.tenant, Some(source), 1));
        let latest = passes.ok()?.into_iter().next()?;
        latest.finished.is_none().then_some(latest.started)
    }

    fn leases(&self) -> Result<Vec<Lease>, Error> {
        let leases = |reading: &mut store::Reading<'_>| reading.leases(&self.tenant, self.now());
        Ok(self.store.read(leases)?)
    }

    fn acquire(&self, name: &str) -> Result<Option<Lease>, Error> {
        let (holder, now) = (self.holder(), self.now());
        let acquired = self
            .store
            .acquire(&self.tenant, name, &holder, LEASE, now)?;
        Ok(acquired)
    }
}

/// Whether whoever holds `lease` was a process of this machine and is no more.
fn is_left(lease: &Lease) -> bool {
    let holder = lease.holder.rsplit(' ').next();
    holder.is_some_and(|holder| Process::this().knows_gone(holder))
}

/// Who holds `lease`, in words.
fn worker(lease: &Lease) -> String {
    let parts = lease.holder.rsplit_once(' ');
    let process = parts.and_then(|(_, process)| Process::this().told(process));
    match (parts, process) {
        (Some((actor, _)), Some(process)) => format!("{} ({process})", model::clean(actor)),
        _ => somebody(),
    }
}

fn somebody() -> String {
    "another process".to_owned()
}

impl Held {
    /// The lease without which nobody writes what a source shows. That of a process that was
    /// killed ends at once: reading leaves nothing under way.
    pub(crate) fn collecting(engine: &Engine, source: &SourceId) -> Result<Self, Error> {
        let name = format!("{COLLECT}{}", source.as_str());
        if let Some(lease) = engine.acquire(&name)? {
            return Ok(Self::keep(engine, lease));
        }
        let leases = engine.leases()?;
        let left = |one: &&Lease| one.name == name && is_left(one);
        if let Some(left) = leases.iter().find(left) {
            engine.store.release(&engine.tenant, left)?;
        }
        Self::acquire(engine, &name).map_err(|error| match error {
            Error::Busy {
                what,
                by,
                ended,
                until,
                ..
            } => Error::Busy {
                what,
                by,
                since: engine.begun(source),
                ended,
                until,
            },
            other => other,
        })
    }

    /// The lease called `name`.
    ///
    /// # Errors
    /// [`Error::Busy`] while another holds it.
    pub(crate) fn acquire(engine: &Engine, name: &str) -> Result<Self, Error> {
        if let Some(lease) = engine.acquire(name)? {
            return Ok(Self::keep(engine, lease));
        }
        let holds = engine.leases()?.into_iter().find(|one| one.name == name);
        let ended = holds.as_ref().is_some_and(is_left);
        let by = holds.as_ref().map_or_else(somebody, worker);
        let until = holds.map_or_else(|| engine.now(), |lease| lease.until);
        Err(Error::Busy {
            what: name.strip_prefix(COLLECT).unwrap_or(name).to_owned(),
            by,
            since: None,
            ended,
            until: Timestamp::from_seconds(until.seconds() + 1),
        })
    }

    fn keep(engine: &Engine, lease: Lease) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let keeper = {
            let (engine, lease, done) = (engine.clone(), lease.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                while !done.load(Ordering::Acquire) {
                    std::thread::park_timeout(RENEWED);
                    if !done.load(Ordering::Acquire) {
                        // A renewal that fails shows as a stale token where it matters: at the write.
                        let _ = engine
                            .store
                            .renew(&engine.tenant, &lease, LEASE, engine.now());
                    }
                }
            })
        };
        Self {
            engine: engine.clone(),
            lease,
            done,
            keeper: Some(keeper),
        }
    }

    /// The lease itself, for fencing writes.
    pub(crate) const fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            let _ = keeper.join();
        }
        // If it cannot be given back it ends by itself.
        let _ = self.engine.store.release(&self.engine.tenant, &self.lease);
    }
}
