//! Holds every connector and every file format to the same contract (style notes SY-1 to SY-12).
//!
//! A connector's recording is `testdata/<name>/answers.json`. Beside questions and answers it
//! says `recorded` (when, from what), `target` and `options` (text to text). Under `secrets` it
//! may list every secret value that stands in it, under `hidden` what else must not come out,
//! such as lines of a private key: the tests look for them in everything that was observed.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "recordings are files")]

mod contract;
mod fake;
mod formats;
mod history;
mod hostile;
mod linked;
mod manual;
mod microsoft;
mod notebook;
mod owned;
mod spire;

mod workers;
