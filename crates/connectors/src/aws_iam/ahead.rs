//! Asking one question about each of many things, with the next ones on their way.
//!
//! AWS allows so many questions a second, and an answer takes longer than that pace: whoever waits
//! for each before the next is asked uses a part of what is allowed.

use crate::{Context, Request};

/// Things whose questions are on their way while one is waited for: at twenty questions a second
/// enough for answers that take most of a second.
const AHEAD: usize = 16;

/// Tells which questions come after that about `things[at]`. Before the first is answered nothing
/// is told, for its answer says whether the others are worth asking; but where that is `known`.
/// `requests` leaves out those that are not.
pub(super) fn soon<T, I: IntoIterator<Item = Request>>(
    cx: &mut Context<'_>,
    things: &[T],
    (at, known): (usize, bool),
    requests: impl Fn(&T) -> I,
) {
    let next = match (at, known) {
        (0, false) => return,
        // The one that is waited for goes out first.
        (0, true) => 0..AHEAD,
        (1, false) => 1..1 + AHEAD,
        (at, _) => at + AHEAD - 1..at + AHEAD,
    };
    let next = next.start.min(things.len())..next.end.min(things.len());
    cx.soon(things[next].iter().flat_map(requests));
}
