//! The roll as machines are told of it, and the language in which lines are asked for.
//!
//! One shape for each kind of answer, whoever asks: `keyroll … -o json` prints it, the interface
//! sends it. Start at [`line`], the shape of a thing on the roll, and [`Filter`].
//!
//! **Invariant:** a time is RFC 3339, `"never"` where the source says that there is none, and
//! `null` where no source can tell. Held by `an_end_that_is_none_differs_from_one_that_nobody_can_tell`.
//!
//! **Deliberately absent:** tables, colours, words for people (`crates/cli`); HTTP
//! (`crates/server`).

mod filter;
mod finding;
mod judged;
mod likeness;
mod line;
mod log;
mod near;
mod owners;
mod places;
mod plans;
mod sources;
mod thing;
mod why;

pub use filter::{Field, Filter, FilterError, Term, TimeField, When, span};
pub use finding::finding;
pub use judged::{Judged, judge};
pub use line::{line, time};
pub use log::leaf;
pub use near::nearest;
pub use owners::owners;
pub use places::{Place, places, places_of, users};
pub use plans::{plan, plan_line};
pub use sources::{Coverage, Source, coverage, gap, run, source, sources};
pub use thing::Thing;
pub use why::{Why, other};

/// What one line or page tells, by field.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// The fields of a value that is an object.
fn fields(value: serde_json::Value) -> Fields {
    match value {
        serde_json::Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
