//! A source tree of many languages.

use crate::corpus::{Corpus, empty, link};
use crate::measure::run;
use crate::{Bars, SEED, found, keyroll, pairs};

/// A smaller tree says little.
const MB_MIN: f64 = 300.0;
/// Times the peer's megabytes a second of processor.
const RATIO_MIN: f64 = 1.2;
const MEMORY_MAX: f64 = 200.0;
/// In how many files of different form each kind is planted.
const ROUNDS: usize = 2;

/// Both over the same tree.
pub(crate) fn compare(corpus: &Corpus, bars: &mut Bars) {
    let root = corpus.made("tree");
    empty(&root);
    let packages = corpus.of("tree");
    let bytes: u64 = packages
        .iter()
        .map(|(name, version)| link(&corpus.package(name, version), &root.join("lib").join(name)))
        .sum();
    let planted = testkit::planted::plant(ROUNDS, SEED);
    testkit::planted::write(&planted, &root).unwrap();
    let dir = root.to_str().unwrap();
    let ours = || keyroll(&["--no-history", "-o", "json", dir]);
    let theirs = || pairs::kingfisher(corpus, &["--git-history", "none", dir]);

    println!(
        "\na source tree: {} packages, {} MB",
        packages.len(),
        bytes / 1_000_000
    );
    let (we, they) = (corpus.made("keyroll.json"), corpus.made("kingfisher.json"));
    run(ours(), &we);
    run(theirs(), &they);
    let (ours_found, theirs_found) = found::table(
        &planted,
        &found::by_keyroll(&we, &root),
        &found::by_kingfisher(&they, &root),
    );
    let pair = pairs::in_turn(corpus, bytes, ours, theirs);
    bars.at_least("megabytes of the tree", bytes as f64 / 1e6, MB_MIN);
    bars.at_least(
        "planted found, times Kingfisher's",
        ours_found as f64 / theirs_found as f64,
        1.0,
    );
    bars.at_least(
        "MB per second of processor, times Kingfisher's",
        pair.ratio,
        RATIO_MIN,
    );
    bars.at_most("memory in MB", pair.ours.memory, MEMORY_MAX);
    println!(
        "  on the clock, times Kingfisher's: {:.2}",
        pair.ours.wall / pair.theirs.wall
    );
}
