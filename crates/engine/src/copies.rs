//! Copies of the whole roll: that one leaves, and that this roll is one, is in the log.

use crate::decide::Decision;
use crate::{Engine, Error};

/// Of what decisions about all of the roll are: it has no id of its own.
const SUBJECT: &str = "roll";
/// The longest name of a place in a leaf, in characters.
const NAME_MAX: usize = 400;

impl Engine {
    /// Notes that a copy of the roll leaves for `to`, before it does.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note_copied(&self, to: &str) -> Result<(), Error> {
        let to = &model::shorten(&model::clean(to), NAME_MAX);
        self.decide(
            SUBJECT,
            self.now(),
            &Decision::RollCopied { to },
            |_| Ok(()),
        )?;
        Ok(())
    }

    /// Notes that this roll was brought back from the copy `from`.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note_restored(&self, from: &str) -> Result<(), Error> {
        let from = &model::shorten(&model::clean(from), NAME_MAX);
        self.decide(
            SUBJECT,
            self.now(),
            &Decision::RollRestored { from },
            |_| Ok(()),
        )?;
        Ok(())
    }
}
