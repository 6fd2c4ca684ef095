//! Work that goes on after its answer: a bounded number of threads, each piece once at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::Problem;

/// Pieces at once.
const AT_ONCE: usize = 8;

/// What is going on.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<Mutex<BTreeSet<String>>>);

/// The place of one piece; free again when this is dropped, however the work ended.
struct Place {
    of: Busy,
    what: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.names().remove(&self.what);
    }
}

impl Busy {
    fn names(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins `work` on a thread of its own.
    ///
    /// # Errors
    /// It is going on already (409), or too much is (503).
    pub(crate) fn begin(
        &self,
        what: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), Problem> {
        let place = {
            let mut names = self.names();
            if names.contains(what) {
                let told = format!("{what} is going on already");
                return Err(Problem::conflict(told, "wait for it").retry(5));
            }
            if names.len() >= AT_ONCE {
                return Err(Problem::busy());
            }
            names.insert(what.to_owned());
            Place {
                of: self.clone(),
                what: what.to_owned(),
            }
        };
        let thread = std::thread::Builder::new().spawn(move || {
            let _place = place;
            work();
        });
        thread.map(drop).map_err(|_| Problem::busy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_piece_goes_on_once_at_a_time_and_its_place_is_free_again() {
        let busy = Busy::default();
        let (end, ended) = mpsc::channel::<()>();
        let (done, over) = mpsc::channel::<()>();
        let wait = move || {
            let _ = ended.recv();
            drop(done);
        };
        busy.begin("a", wait).unwrap();
        assert_eq!(busy.begin("a", || {}).unwrap_err().status().as_u16(), 409);
        busy.begin("b", || {}).unwrap();
        end.send(()).unwrap();
        assert!(
            over.recv_timeout(std::time::Duration::from_secs(10))
                .is_err()
        );
        while busy.names().contains("a") {
            std::thread::yield_now();
        }
        busy.begin("a", || {}).unwrap();
    }
}
