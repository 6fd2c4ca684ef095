//! The list of rules, in the order of the manual.

mod expired;
mod expiring;
mod never_rotated;
mod open_secret;
mod privileged_key;
mod refused_merge;
mod unowned;

use crate::Rule;

/// Every rule, in the order of the manual.
pub static RULES: &[&Rule] = &[
    &open_secret::RULE,
    &privileged_key::RULE,
    &expired::RULE,
    &expiring::RULE,
    &never_rotated::RULE,
    &unowned::RULE,
    &refused_merge::RULE,
];
