//! Answers that are on their way before they are asked for, within the same pace as all others.

use std::collections::VecDeque;

use connectors::{Refusal, Request, Response};
use model::Reason;
use tokio::task::JoinHandle;

use super::{Line, wait};

/// No more answers are on their way, or wait to be asked for. What was told first and not asked for
/// is given up first.
const AHEAD_MAX: usize = 64;

/// Questions that were told to come soon, with their answers.
#[derive(Default)]
pub(super) struct Ahead(VecDeque<(Request, JoinHandle<Result<Response, Refusal>>)>);

impl Ahead {
    /// Puts a question on its way.
    pub(super) fn push(&mut self, request: Request, answer: JoinHandle<Result<Response, Refusal>>) {
        self.0.push_back((request, answer));
        while self.0.len() > AHEAD_MAX
            && let Some((_, answer)) = self.0.pop_front()
        {
            answer.abort();
        }
    }

    /// Whether `request` is on its way.
    pub(super) fn holds(&self, request: &Request) -> bool {
        self.0.iter().any(|(one, _)| one == request)
    }

    /// The answer to `request`, if it is on its way.
    pub(super) fn take(
        &mut self,
        line: &Line,
        request: &Request,
    ) -> Option<Result<Response, Refusal>> {
        let at = self.0.iter().position(|(one, _)| one == request)?;
        let (_, answer) = self.0.remove(at)?;
        let lost = || Refusal::new(Reason::Failed, "the question was given up");
        let told = wait(&line.runtime, &line.stop, answer);
        Some(told.and_then(|told| told.map_err(|_| lost())?))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        for (_, answer) in &self.0 {
            answer.abort();
        }
    }
}
