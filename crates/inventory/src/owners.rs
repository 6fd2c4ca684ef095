//! Who might answer for a thing: suggested from evidence, scored, with reasons, confirmed by a
//! person and never by itself.
//!
//! Each piece of [`Evidence`] names somebody and is right with a probability that stands in one
//! table (`weights.rs`). The score of a candidate is how likely it is that they own the thing,
//! given all of it: what agrees adds up, what contradicts takes away. Below [`ANSWER_MIN`] there
//! is no answer: a wrong owner costs more than none.
//!
//! Persons and teams are weighed apart, because both may answer for one thing. Pipelines and
//! bots own nothing. Who has left is never suggested, but named.

mod evidence;
mod left;
mod score;
mod weights;
mod who;

pub use evidence::{Evidence, evidence};
pub use left::{Leaver, Left};
pub use score::{Answer, Departed, Suggestion, weigh};
pub use weights::{ANSWER_MIN, Sign};
pub use who::{Expected, Named, Who, read};

use model::{Entity, Timestamp};

/// Who might own `entity`, in both senses: by what is told of it, of its holder, and of who left.
/// No clock: evidence ages up to `now`.
pub fn suggest(entity: &Entity, holder: Option<&Entity>, left: &Left, now: Timestamp) -> Answer {
    let mut pieces = evidence(entity);
    if let Some(holder) = holder {
        let inherited = evidence(holder).into_iter();
        pieces.extend(inherited.map(|piece| Evidence {
            of_holder: true,
            ..piece
        }));
    }
    weigh(&pieces, left, now)
}
