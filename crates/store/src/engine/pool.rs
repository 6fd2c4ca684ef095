//! A bounded pool of connections: a wait for one ends, and what went wrong is thrown away.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;

type Make<C> = Box<dyn Fn() -> Result<C, Error> + Send + Sync>;

pub(crate) struct Pool<C> {
    state: Mutex<State<C>>,
    freed: Condvar,
    max: usize,
    wait: Duration,
    make: Make<C>,
}

struct State<C> {
    idle: Vec<C>,
    out: usize,
}

impl<C> Pool<C> {
    pub(crate) fn new(max: usize, wait: Duration, make: Make<C>) -> Self {
        Self {
            state: Mutex::new(State {
                idle: Vec::new(),
                out: 0,
            }),
            freed: Condvar::new(),
            max,
            wait,
            make,
        }
    }

    /// An idle connection or a new one; waits at most the pool's time for one to come back.
    pub(crate) fn hold(&self) -> Result<Held<'_, C>, Error> {
        let deadline = Instant::now() + self.wait;
        let mut state = self.lock();
        loop {
            if let Some(item) = state.idle.pop() {
                state.out += 1;
                return Ok(self.held(item));
            }
            if state.out < self.max {
                state.out += 1;
                drop(state);
                return self.fresh();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Busy {
                    waited_ms: u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX),
                });
            }
            state = self
                .freed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn fresh(&self) -> Result<Held<'_, C>, Error> {
        match (self.make)() {
            Ok(item) => Ok(self.held(item)),
            Err(error) => {
                self.lock().out -= 1;
                self.freed.notify_one();
                Err(error)
            }
        }
    }

    const fn held(&self, item: C) -> Held<'_, C> {
        Held {
            pool: self,
            item: Some(item),
            broken: false,
        }
    }

    /// Nothing inside can be left half-way, so a panic of another thread is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back to its pool when dropped, unless it is broken.
pub(crate) struct Held<'p, C> {
    pool: &'p Pool<C>,
    item: Option<C>,
    broken: bool,
}

impl<C> Held<'_, C> {
    /// It will be closed instead of used again.
    pub(crate) const fn discard(&mut self) {
        self.broken = true;
    }

    /// Puts a connection made anew in the place of one that was lost.
    pub(crate) fn replace(&mut self) -> Result<(), Error> {
        self.item = Some((self.pool.make)()?);
        self.broken = false;
        Ok(())
    }
}

impl<C> Deref for Held<'_, C> {
    type Target = C;
    #[expect(clippy::unwrap_used, reason = "filled from `hold` until `drop`")]
    fn deref(&self) -> &C {
        self.item.as_ref().unwrap()
    }
}

impl<C> DerefMut for Held<'_, C> {
    #[expect(clippy::unwrap_used, reason = "filled from `hold` until `drop`")]
    fn deref_mut(&mut self) -> &mut C {
        self.item.as_mut().unwrap()
    }
}

impl<C> Drop for Held<'_, C> {
    fn drop(&mut self) {
        let item = self.item.take().filter(|_| !self.broken);
        let mut state = self.pool.lock();
        state.out -= 1;
        state.idle.extend(item);
        drop(state);
        self.pool.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_a_connection_ends_with_a_clear_error() {
        let pool = Pool::new(1, Duration::from_millis(20), Box::new(|| Ok(7)));
        let held = pool.hold().unwrap();
        assert!(matches!(pool.hold(), Err(Error::Busy { waited_ms: 20 })));
        drop(held);
        assert_eq!(*pool.hold().unwrap(), 7);
    }

    #[test]
    fn a_connection_that_could_not_be_made_does_not_use_up_the_pool() {
        let pool: Pool<u8> = Pool::new(1, Duration::ZERO, Box::new(|| Err(Error::ReadOnly)));
        for _ in 0..3 {
            assert!(matches!(pool.hold(), Err(Error::ReadOnly)));
        }
    }
}
