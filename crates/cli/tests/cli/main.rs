//! The command line from outside: the real binary, its arguments, exit code and both outputs.
//!
//! What people read is held by snapshots of whole sessions over a fixed clock; a debug build is
//! told the time by `KEYROLL_NOW`.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod access;
mod accounts;
mod allowed;
mod assigned;
mod chain;
mod change;
mod clones;
mod clusters;
mod configuration;
mod configured;
mod databases;
mod described;
mod directories;
mod exits;
mod first_screen;
mod formats;
mod gitleaks;
mod help;
mod histories;
mod hostile;
mod imports;
mod integrations;
mod interrupted;
mod keys;
mod keystone;
mod leaves;
mod linking;
mod lists;
mod live;
mod logins;
mod logs;
mod long_files;
mod microsoft;
mod outputs;
mod owners;
mod past;
mod places;
mod planted;
mod planted_acts;
mod readme;
mod receiving;
mod rights;
mod rules;
mod saved;
mod secrets;
mod seen;
mod spire;
mod stores;
mod stub;
mod templates;
mod terminal;
mod tokens;
mod trusts;
mod truth_kubernetes;
mod units;
mod variables;
mod world;
