//! Threads that look at files beside the one that walks.
//!
//! They live as long as the engine: what a thread learns of a rule's regex as it goes stays with
//! it, and a new one for each batch would learn it anew and leave it behind.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use connectors::Workers;
use rayon_core::{ThreadPool, ThreadPoolBuilder};

/// More than this wait for one another: the walk reads with one.
const THREADS_MAX: usize = 16;

/// So many threads, the one that walks among them.
#[derive(Debug)]
pub(crate) struct Threads {
    wanted: usize,
    /// The others, once there is something to do; `None` where the system gives none.
    others: OnceLock<Option<ThreadPool>>,
}

impl Threads {
    /// `wanted`, within bounds.
    pub(crate) fn of(wanted: usize) -> Self {
        Self {
            wanted: wanted.clamp(1, THREADS_MAX),
            others: OnceLock::new(),
        }
    }

    fn others(&self) -> Option<&ThreadPool> {
        if self.wanted < 2 {
            return None;
        }
        let started = self.others.get_or_init(|| {
            let pool = ThreadPoolBuilder::new().num_threads(self.wanted - 1);
            pool.thread_name(|_| "looks at files".to_owned())
                .build()
                .ok()
        });
        started.as_ref()
    }
}

impl Default for Threads {
    /// As many as this machine has processors for this process.
    fn default() -> Self {
        Self::of(thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Workers for Threads {
    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= jobs {
                    return;
                }
                job(at);
            }
        };
        match self.others() {
            Some(others) => others.in_place_scope(|scope| {
                for _ in 1..self.wanted.min(jobs) {
                    scope.spawn(|_| work());
                }
                work();
            }),
            None => work(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn each_job_is_done_once_however_many_do_them() {
        for threads in [0, 1, 2, 3, 100] {
            let done: Vec<_> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
            Threads::of(threads).run(done.len(), &|at| {
                done[at].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.iter().all(|one| one.load(Ordering::Relaxed) == 1));
        }
        Threads::of(2).run(0, &|_| unreachable!("there is no job"));
    }

    #[test]
    fn the_same_threads_look_at_every_batch() {
        let seen = Mutex::new(BTreeSet::new());
        let threads = Threads::of(3);
        for _ in 0..100 {
            threads.run(30, &|_| {
                let name = format!("{:?}", thread::current().id());
                seen.lock().unwrap().insert(name);
            });
        }
        assert!(seen.into_inner().unwrap().len() <= 3);
    }
}
