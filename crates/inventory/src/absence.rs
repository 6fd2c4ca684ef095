//! What a pass lets us call gone.
//!
//! **Invariant:** only a part that was read whole can make a thing missing. A refusal, a
//! throttle or a broken page opens a hole in coverage and changes nothing else.

use std::collections::BTreeSet;

use model::{Gap, Scope, Timestamp};

/// What one pass set out to read, and what it could not.
#[derive(Clone, Debug)]
pub struct PassRead {
    /// Which part of the source it set out to read.
    pub scope: Scope,
    /// What it could not read of it.
    pub gaps: Vec<Gap>,
    /// When it began.
    pub started: Timestamp,
}

/// The parts of a source that one pass read whole.
///
/// Says the same as [`Gap::none_hides`], in time that does not grow with the number of gaps: a
/// pass with ten thousand refusals over a million known things must stay a matter of seconds.
#[derive(Debug)]
pub struct ReadWhole {
    scope: Scope,
    holes: BTreeSet<Scope>,
}

impl ReadWhole {
    /// What `pass` read whole.
    pub fn of(pass: &PassRead) -> Self {
        Self {
            scope: pass.scope.clone(),
            holes: pass.gaps.iter().map(|gap| gap.scope.clone()).collect(),
        }
    }

    /// Whether absence from the pass proves absence from `part`.
    pub fn covers(&self, part: &Scope) -> bool {
        self.scope.contains(part) && !self.hole_above(part) && !self.hole_below(part)
    }

    fn hole_above(&self, part: &Scope) -> bool {
        !self.holes.is_empty()
            && (0..=part.0.len()).any(|depth| {
                let above = Scope(part.0.iter().take(depth).cloned().collect());
                self.holes.contains(&above)
            })
    }

    /// In the order of scopes all parts of `part` stand right behind it.
    fn hole_below(&self, part: &Scope) -> bool {
        self.holes
            .range(part..)
            .next()
            .is_some_and(|hole| part.contains(hole))
    }
}

#[cfg(test)]
mod tests {
    use model::Reason;
    use proptest::prelude::*;

    use super::*;

    fn scope() -> impl Strategy<Value = Scope> {
        prop::collection::vec("[ab]", 0..4).prop_map(Scope)
    }

    proptest! {
        #[test]
        fn the_index_of_gaps_says_what_the_list_says(
            scope in scope(), holes in prop::collection::vec(scope(), 0..6), part in self::scope()
        ) {
            let gaps: Vec<_> = holes.iter().map(|hole| Gap::new(hole, Reason::Denied, "403")).collect();
            let pass = PassRead { scope: scope.clone(), gaps: gaps.clone(), started: Timestamp(0) };
            prop_assert_eq!(ReadWhole::of(&pass).covers(&part), Gap::none_hides(&scope, &gaps, &part));
        }
    }
}
