//! Two programs in turn.

use std::process::Command;

use crate::Cost;
use crate::corpus::Corpus;
use crate::measure::{median, run};

/// How often each runs; medians count.
const PAIRS: usize = 5;

/// What both came to: ours, then the peer's.
pub(crate) struct Pair {
    pub(crate) ours: Cost,
    pub(crate) theirs: Cost,
    /// The middle of the ratios of processor time within each pair, theirs to ours.
    pub(crate) ratio: f64,
}

/// Runs both in turn and prints it. What they report lies in `.make/bench/keyroll.json` and
/// `kingfisher.json` then.
pub(crate) fn in_turn(
    corpus: &Corpus,
    bytes: u64,
    ours: impl Fn() -> Command,
    theirs: impl Fn() -> Command,
) -> Pair {
    let (we, they) = (corpus.made("keyroll.json"), corpus.made("kingfisher.json"));
    let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        our_costs.push(run(ours(), &we));
        their_costs.push(run(theirs(), &they));
    }
    let mut ratios: Vec<_> = our_costs
        .iter()
        .zip(&their_costs)
        .map(|(a, b)| b.cpu / a.cpu)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let pair = Pair {
        ours: median(&our_costs),
        theirs: median(&their_costs),
        ratio: ratios[PAIRS / 2],
    };
    println!(
        "  {:<12} {:>9} {:>9} {:>9} {:>12}",
        "", "CPU s", "wall s", "MB held", "MB per CPU s"
    );
    for (name, cost) in [("keyroll", pair.ours), ("Kingfisher", pair.theirs)] {
        let rate = bytes as f64 / 1e6 / cost.cpu;
        println!(
            "  {name:<12} {:>9.2} {:>9.2} {:>9.0} {rate:>12.0}",
            cost.cpu, cost.wall, cost.memory
        );
    }
    let all: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    println!(
        "  processor time, Kingfisher's to ours, in each pair: {}",
        all.join(" ")
    );
    pair
}

/// Kingfisher, as it is called here: nothing is asked of any provider, and archives are left
/// alone, as ours are. Its rules are compiled once, before anything is measured.
pub(crate) fn kingfisher(corpus: &Corpus, words: &[&str]) -> Command {
    let mut command = Command::new(&corpus.kingfisher);
    command
        .args([
            "scan",
            "--no-validate",
            "--no-update-check",
            "--no-extract-archives",
        ])
        .args(["--format", "json"])
        .args(words)
        .env("KF_RULE_CACHE_DIR", corpus.made("kingfisher-rules"));
    command
}
