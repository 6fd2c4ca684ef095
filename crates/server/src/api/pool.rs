//! Work that waits for a store, on so many threads and no more.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Problem;

/// Pieces of work at once: what the readers of a store take in.
const AT_ONCE: usize = 32;
/// More that wait for a place; whoever comes then is told to come again.
const IN_LINE: usize = 512;

/// A bounded pool of threads that may wait.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    line: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Pool {
    fn default() -> Self {
        Self::of(AT_ONCE, IN_LINE)
    }
}

impl Pool {
    fn of(at_once: usize, in_line: usize) -> Self {
        Self {
            line: Arc::new(Semaphore::new(at_once + in_line)),
            places: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Does `work` on a thread that may wait. It is done to its end even if nobody waits for the
    /// answer any more.
    ///
    /// # Errors
    /// Too much waits already, or `work` says so.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let in_line = Arc::clone(&self.line).try_acquire_owned();
        let in_line = in_line.map_err(|_| Problem::busy())?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| Problem::busy())?;
        let done = tokio::task::spawn_blocking(move || {
            let came_to = work();
            drop((place, in_line));
            came_to
        });
        done.await.unwrap_or_else(|_| Err(Problem::ours()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use std::sync::mpsc;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_more_than_the_places_and_the_line_is_told_to_come_again() {
        let pool = Pool::of(1, 1);
        let (end, ended) = mpsc::channel::<()>();
        let first = pool.run(move || Ok(ended.recv().is_ok()));
        let second = pool.run(|| Ok(true));
        let (mut first, mut second) = (Box::pin(first), Box::pin(second));
        // Each is polled once: the first has the place, the second stands in line.
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        let third = pool.run(|| Ok(true)).await.unwrap_err();
        assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
        end.send(()).unwrap();
        assert!(first.await.unwrap() && second.await.unwrap());
        assert!(pool.run(|| Ok(true)).await.unwrap());
    }
}
