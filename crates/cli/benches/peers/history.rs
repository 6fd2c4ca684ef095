//! A git history: releases of packages, committed one directory at a time, as a company with its
//! libraries in one repository would, and secrets that came and went between.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use testkit::planted::Planted;

use crate::corpus::{Corpus, empty, files};
use crate::measure::run;
use crate::{Bars, SEED, found, keyroll, pairs};

/// A shorter history says little.
const COMMITS_MIN: f64 = 300.0;
/// Seconds between two commits: a day and an hour.
const STEP: u64 = 90_000;
const AUTHORS: [&str; 5] = [
    "Ann Lee",
    "Bo Strand",
    "Chidi Okafor",
    "Dana Ruiz",
    "Emil Novak",
];

/// Both over the same history.
pub(crate) fn compare(corpus: &Corpus, bars: &mut Bars) {
    let planted = testkit::planted::plant(1, SEED + 1);
    let repository = corpus.made("history.git");
    let (commits, bytes) = made(corpus, &repository, &planted);
    let dir = repository.to_str().unwrap();
    let ours = || keyroll(&["-o", "json", dir]);
    let theirs = || pairs::kingfisher(corpus, &["--git-history", "full", dir]);

    println!(
        "\na git history: {commits} commits, {} MB of contents",
        bytes / 1_000_000
    );
    let (we, they) = (corpus.made("keyroll.json"), corpus.made("kingfisher.json"));
    run(ours(), &we);
    run(theirs(), &they);
    let (ours_found, theirs_found) = found::table(
        &planted,
        &found::by_keyroll(&we, &repository),
        &found::by_kingfisher(&they, &repository),
    );
    let pair = pairs::in_turn(corpus, bytes, ours, theirs);
    bars.at_least("commits", commits as f64, COMMITS_MIN);
    bars.at_least(
        "planted found, times Kingfisher's",
        ours_found as f64 / theirs_found as f64,
        1.0,
    );
    bars.at_least("processor time, Kingfisher's to ours", pair.ratio, 1.0);
    bars.at_most(
        "time on the clock, ours to Kingfisher's",
        pair.ours.wall / pair.theirs.wall,
        1.0,
    );
}

/// The repository, made anew where what it is made of has changed; its commits, and the bytes of
/// all its contents.
fn made(corpus: &Corpus, repository: &Path, planted: &[Planted]) -> (usize, u64) {
    let stream = Stream::of(corpus, planted);
    let mark = repository.join("made-of");
    let is_there = std::fs::read_to_string(&mark).is_ok_and(|made_of| made_of == stream.made_of);
    if !is_there {
        empty(repository);
        git(repository, &["init", "-q", "--bare", "-b", "main", "."]);
        let mut import = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(repository)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        import
            .stdin
            .take()
            .unwrap()
            .write_all(&stream.bytes)
            .unwrap();
        assert!(import.wait().unwrap().success(), "git fast-import");
        // As a server would keep it.
        git(
            repository,
            &["-c", "pack.threads=2", "repack", "-adfq", "--depth=50"],
        );
        std::fs::write(&mark, &stream.made_of).unwrap();
    }
    (stream.commits, stream.contents)
}

fn git(dir: &Path, words: &[&str]) {
    let done = Command::new("git").args(words).current_dir(dir).status();
    assert!(done.unwrap().success(), "git {words:?}");
}

/// What `git fast-import` reads.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    commits: usize,
    contents: u64,
    /// In words, for whoever asks whether it has changed.
    made_of: String,
}

impl Stream {
    fn of(corpus: &Corpus, planted: &[Planted]) -> Self {
        let mut stream = Self::default();
        let releases = by_turns(corpus.of("history"));
        let mut held: BTreeMap<&str, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        let mut waiting = planted.iter();
        let mut gone = Vec::new();
        for (name, version) in releases {
            writeln!(stream.made_of, "{name} {version}").unwrap();
            let dir = corpus.package(name, version);
            let now: BTreeMap<_, _> = files(&dir)
                .into_iter()
                .map(|path| (path.clone(), std::fs::read(dir.join(path)).unwrap()))
                .collect();
            let before = held.insert(name, now).unwrap_or_default();
            for (part, changes) in changes(&before, &held[name]) {
                stream.commit(&format!("{name} {version}: {part}"));
                for (path, content) in changes {
                    stream.change(&format!("vendor/{name}/{path}"), content);
                }
            }
            // Two secrets come with each release, and of those before it every other one goes.
            for (path, text) in std::mem::take(&mut gone) {
                stream.commit("Take the settings from the environment");
                stream.change(path, Some(text));
            }
            for (at, one) in waiting.by_ref().take(2).enumerate() {
                stream.commit(&format!("Configure {}", one.provider));
                stream.change(&one.path, Some(one.text.as_bytes()));
                if at == 0 {
                    gone.push((
                        one.path.as_str(),
                        b"# Taken from the environment.\n".as_slice(),
                    ));
                }
            }
        }
        for one in waiting {
            stream.commit(&format!("Configure {}", one.provider));
            stream.change(&one.path, Some(one.text.as_bytes()));
        }
        stream.made_of.push_str("first edition\n");
        stream
    }

    fn commit(&mut self, message: &str) {
        let author = AUTHORS[self.commits % AUTHORS.len()];
        let name = author.split(' ').next().unwrap().to_ascii_lowercase();
        let when = 1_500_000_000 + self.commits as u64 * STEP;
        self.commits += 1;
        write!(
            self.bytes,
            "commit refs/heads/main\ncommitter {author} <{name}@acme.test> {when} +0000\ndata {}\n{message}\n",
            message.len()
        )
        .unwrap();
    }

    fn change(&mut self, path: &str, content: Option<&[u8]>) {
        let Some(content) = content else {
            writeln!(self.bytes, "D {path}").unwrap();
            return;
        };
        writeln!(self.bytes, "M 100644 inline {path}\ndata {}", content.len()).unwrap();
        self.bytes.extend_from_slice(content);
        self.bytes.push(b'\n');
        self.contents += content.len() as u64;
    }
}

/// Releases of all packages beside one another, each package's in order.
fn by_turns(releases: Vec<(&'static str, &'static str)>) -> Vec<(&'static str, &'static str)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut numbered: Vec<_> = releases
        .into_iter()
        .map(|(name, version)| {
            let count = counts.entry(name).or_default();
            *count += 1;
            (*count, name, version)
        })
        .collect();
    numbered.sort_by_key(|(count, ..)| *count);
    numbered
        .into_iter()
        .map(|(_, name, version)| (name, version))
        .collect()
}

type Changes<'a> = BTreeMap<String, Vec<(&'a str, Option<&'a [u8]>)>>;

/// What is another content now, what is new and what is gone, by directory.
fn changes<'a>(
    before: &'a BTreeMap<String, Vec<u8>>,
    now: &'a BTreeMap<String, Vec<u8>>,
) -> Changes<'a> {
    let mut changes = Changes::new();
    let part = |path: &str| path.split('/').take(2).collect::<Vec<_>>().join("/");
    // What is gone first: a directory may take the name of a file.
    for path in before.keys().filter(|path| !now.contains_key(*path)) {
        changes
            .entry(part(path))
            .or_default()
            .push((path.as_str(), None));
    }
    for (path, content) in now {
        if before.get(path) != Some(content) {
            changes
                .entry(part(path))
                .or_default()
                .push((path.as_str(), Some(content.as_slice())));
        }
    }
    changes
}
