//! Every target over its corpus, and over seeded mutations of it: what fuzzing found stays
//! found, with no fuzzer installed.

#![expect(
    clippy::unwrap_used,
    reason = "a corpus that cannot be read is a test that fails"
)]

mod mutation;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fuzz::Target;
use mutation::Mutations;

/// Inputs are committed: a folder is no place for what a fuzzer collects by the thousand.
const CORPUS_BYTES_MAX: u64 = 256 * 1024;

/// Made of each corpus.
const MUTATIONS: (usize, usize) = (1_000, 20_000);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The inputs of a target with their names, in the order of the names. A file format has those
/// of its recording as well.
fn inputs(target: &Target) -> Vec<(String, Vec<u8>)> {
    let kept = std::fs::read_dir(corpus().join(&target.name));
    let kept = kept.into_iter().flatten().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    });
    let mut inputs: Vec<_> = kept.chain(recorded(&target.name)).collect();
    inputs.sort();
    inputs
}

/// The files in the recording of the format that a target is for.
fn recorded(target: &str) -> Vec<(String, Vec<u8>)> {
    let Some(format) = target.strip_prefix("format_") else {
        return Vec::new();
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../connectors/testdata/files")
        .join(format)
        .join("answers.json");
    let recording: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let answers = recording.as_object().unwrap().iter();
    answers
        .filter(|(question, _)| question.starts_with("READ "))
        .filter_map(|(question, answer)| {
            let text = answer.get("text")?.as_str()?;
            Some((question.clone(), text.as_bytes().to_vec()))
        })
        .collect()
}

/// Runs `input`; a failure names the target and where the input is kept.
fn run(target: &Target, input: &[u8], what: &str) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| target.run(input))).map_err(|_| {
        let kept = std::env::temp_dir().join(format!("keyroll-fuzz-{}", target.name));
        std::fs::write(&kept, input).unwrap();
        format!(
            "`{}` claims: {}; not so for {what}, kept in {}",
            target.name,
            target.claim,
            kept.display()
        )
    })
}

/// Fails with one line for each target that does not hold.
fn assert_held(results: impl Iterator<Item = Result<(), String>>) {
    let failed: Vec<_> = results.filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets: BTreeSet<_> = fuzz::all().into_iter().map(|one| one.name).collect();
    let folders: BTreeSet<_> = std::fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let unknown: Vec<_> = folders.difference(&targets).collect();
    assert!(unknown.is_empty(), "no target for corpus/ {unknown:?}");
    assert_eq!(targets.len(), fuzz::all().len(), "one name is given twice");
}

#[test]
fn a_corpus_is_small() {
    for target in fuzz::all() {
        let bytes: u64 = inputs(&target)
            .iter()
            .map(|(_, input)| input.len() as u64)
            .sum();
        assert!(bytes > 0, "`{}` has no input in corpus/", target.name);
        assert!(
            bytes <= CORPUS_BYTES_MAX,
            "`{}`: {bytes} bytes",
            target.name
        );
    }
}

#[test]
fn every_claim_holds_for_every_input_of_the_corpus() {
    assert_held(fuzz::all().iter().map(|target| {
        run(target, b"", "nothing")?;
        inputs(target).iter().try_for_each(|(name, input)| {
            run(target, input, &format!("corpus/{}/{name}", target.name))
        })
    }));
}

#[test]
fn every_claim_holds_for_seeded_mutations_of_the_corpus() {
    let rounds = testkit::rounds(MUTATIONS.0, MUTATIONS.1);
    assert_held(fuzz::all().iter().map(|target| {
        let inputs: Vec<_> = inputs(target).into_iter().map(|(_, input)| input).collect();
        let mut mutations = Mutations::new(&target.name, inputs);
        (0..rounds)
            .try_for_each(|round| run(target, &mutations.next(), &format!("mutation {round}")))
    }));
}
