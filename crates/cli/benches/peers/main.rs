//! Searching for secrets beside Kingfisher: first what was found, then how fast.
//!
//! `scripts/bench cli`, or `cargo bench -p cli --bench peers` where `scripts/provide peers` and
//! `scripts/corpus` were run. Both run in turn, in the same minutes, over the same bytes: released
//! packages of public registries, and secrets of many providers that nobody ever had, planted
//! from a seed. What counts is the processor's time; the clock's stands beside it. A missed bar
//! is a failure of the benchmark.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails where its fixture does"
)]

mod corpus;
mod found;
mod history;
mod home;
mod measure;
mod pairs;
mod screens;
mod tree;

use std::process::Command;

use measure::Cost;

/// The program that is measured, unless `KEYROLL_BENCH_PROGRAM` names another build of it.
const KEYROLL: &str = env!("CARGO_BIN_EXE_keyroll");
/// Rules that the comparison is made with, at least.
const RULES_MIN: usize = 300;
/// From here on all that is planted follows.
const SEED: u64 = 20_261_128;

fn main() {
    let mut bars = Bars::default();
    let rules = leaks::Detector::new().unwrap().rules().count();
    bars.at_least("rules", rules as f64, RULES_MIN as f64);
    home::one_file(&mut bars);
    home::known_places(&mut bars);
    match corpus::Corpus::find() {
        Ok(corpus) => {
            tree::compare(&corpus, &mut bars);
            history::compare(&corpus, &mut bars);
            screens::look(&corpus, &mut bars);
        }
        Err(missing) => {
            println!(
                "\nskipped: the comparison with Kingfisher ({missing}; run `scripts/bench cli`)"
            );
        }
    }
    bars.end();
}

/// What was asked and what came.
#[derive(Default)]
pub(crate) struct Bars {
    missed: Vec<String>,
}

impl Bars {
    /// `figure` is to be no more than `bar`.
    pub(crate) fn at_most(&mut self, what: &str, figure: f64, bar: f64) {
        self.told(what, figure, bar, figure <= bar);
    }

    /// `figure` is to be no less than `bar`.
    pub(crate) fn at_least(&mut self, what: &str, figure: f64, bar: f64) {
        self.told(what, figure, bar, figure >= bar);
    }

    fn told(&mut self, what: &str, figure: f64, bar: f64, met: bool) {
        let word = if met { "met" } else { "MISSED" };
        println!(
            "  {what}: {figure:.2}, bar {bar}, ratio {:.2}: {word}",
            figure / bar
        );
        if !met {
            self.missed.push(format!("{what}: {figure:.2} (bar {bar})"));
        }
    }

    fn end(self) {
        assert!(self.missed.is_empty(), "missed: {}", self.missed.join("; "));
    }
}

/// A command of ours that keeps nothing and knows nobody's settings.
pub(crate) fn keyroll(words: &[&str]) -> Command {
    let program = std::env::var_os("KEYROLL_BENCH_PROGRAM");
    let mut command = Command::new(program.unwrap_or_else(|| KEYROLL.into()));
    command.args(["scan", "--ephemeral", "-q"]).args(words);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KEYROLL_") {
            command.env_remove(name);
        }
    }
    command
}
