//! The three repositories of the tests in their large form: filled with released packages, as
//! code that is vendored, of which nobody has planted anything.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::corpus::{Corpus, empty, link};
use crate::measure::run;
use crate::{Bars, SEED, keyroll};

/// Of ten places that are said to leak, so many may not.
const NOISE_MAX: f64 = 0.1;

/// What is named of each, and how much of it is noise.
pub(crate) fn look(corpus: &Corpus, bars: &mut Bars) {
    let uses = ["web", "monorepo", "infra"];
    for (repository, packages) in testkit::repositories::three(SEED).iter().zip(uses) {
        let dir = corpus.made(repository.name);
        empty(&dir);
        let mut bytes = 0;
        for (name, version) in corpus.of(packages) {
            bytes += link(
                &corpus.package(name, version),
                &dir.join("third_party").join(name),
            );
        }
        repository.write(&dir).unwrap();
        for words in [
            &["init", "-q", "-b", "main"][..],
            &["add", "-A"],
            &["commit", "-q", "-m", "All"],
        ] {
            let done = Command::new("git")
                .current_dir(&dir)
                .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
                .args(words)
                .status();
            assert!(done.unwrap().success(), "git {words:?}");
        }
        let out = corpus.made("keyroll.json");
        let cost = run(keyroll(&["-o", "json", dir.to_str().unwrap()]), &out);
        let told = told(&out, &dir);
        let leaks: BTreeSet<_> = repository
            .leaks
            .iter()
            .map(|(path, _)| path.clone())
            .collect();
        let noise: Vec<_> = told.difference(&leaks).collect();
        println!(
            "\n{}: {} MB and its history, {:.1} s on the clock, {:.1} s of processor; {} files leak, {} are named",
            repository.name,
            bytes / 1_000_000,
            cost.wall,
            cost.cpu,
            leaks.len(),
            told.len()
        );
        for path in noise.iter().take(20) {
            println!("  named, and not planted: {path}");
        }
        bars.at_least(
            "leaking files named",
            told.intersection(&leaks).count() as f64 / leaks.len() as f64,
            1.0,
        );
        bars.at_most(
            "of the files named, not planted",
            noise.len() as f64 / told.len() as f64,
            NOISE_MAX,
        );
    }
}

/// Files in which a secret is said to lie in clear.
fn told(report: &Path, dir: &Path) -> BTreeSet<String> {
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let findings = report.as_array().unwrap().iter();
    findings
        .filter(|one| one["rule"] == "secret-in-text" && one["verdict"] == "fail")
        .filter_map(|one| one["path"].as_str())
        .map(|path| Path::new(path).strip_prefix(dir).unwrap_or(Path::new(path)))
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}
