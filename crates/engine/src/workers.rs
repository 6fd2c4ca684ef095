//! Threads that look at files beside the one that walks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use connectors::Workers;

/// More than this wait for one another: the walk reads with one.
const THREADS_MAX: usize = 16;

/// So many threads, the one that walks among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads(usize);

impl Threads {
    /// `wanted`, within bounds.
    pub(crate) fn of(wanted: usize) -> Self {
        Self(wanted.clamp(1, THREADS_MAX))
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
        thread::scope(|scope| {
            for _ in 1..self.0.min(jobs) {
                let named = thread::Builder::new().name("looks at files".to_owned());
                if named.spawn_scoped(scope, work).is_err() {
                    // The system gives no more; whoever is here does the rest.
                    break;
                }
            }
            work();
        });
    }
}

#[cfg(test)]
mod tests {
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
}
