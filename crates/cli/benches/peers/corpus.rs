//! Where the packages are, and the scanner to compare with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which package is used for what.
const LIST: &str = include_str!("../../../../scripts/corpus.txt");

/// What `scripts/provide peers` and `scripts/corpus` brought.
pub(crate) struct Corpus {
    made: PathBuf,
    /// The peer's program.
    pub(crate) kingfisher: PathBuf,
}

impl Corpus {
    /// Where all is there; otherwise what is missing.
    pub(crate) fn find() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let made = root.canonicalize().unwrap().join(".make");
        let kingfisher = kingfisher(&made.join("peers")).ok_or("no kingfisher-bin")?;
        let corpus = Self { made, kingfisher };
        let absent =
            Self::lines().find(|(_, name, version)| !corpus.package(name, version).is_dir());
        match absent {
            Some((_, name, version)) => Err(format!("no package {name} {version}")),
            None => Ok(corpus),
        }
    }

    fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let lines = LIST
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            (words[0], words[2], words[3])
        })
    }

    /// Names and versions of the packages for `what`, in the order of the list.
    pub(crate) fn of(&self, what: &str) -> Vec<(&'static str, &'static str)> {
        Self::lines()
            .filter(|(uses, ..)| uses.split(',').any(|one| one == what))
            .map(|(_, name, version)| (name, version))
            .collect()
    }

    /// Where a package lies.
    pub(crate) fn package(&self, name: &str, version: &str) -> PathBuf {
        self.made.join(format!("bench/packages/{name}-{version}"))
    }

    /// A file or directory that this benchmark makes.
    pub(crate) fn made(&self, name: &str) -> PathBuf {
        self.made.join("bench").join(name)
    }
}

fn kingfisher(peers: &Path) -> Option<PathBuf> {
    // The program itself: what pip puts beside Python starts a Python first.
    let libraries = std::fs::read_dir(peers.join("lib")).ok()?;
    libraries
        .flatten()
        .map(|one| one.path().join("site-packages/kingfisher/bin/kingfisher"))
        .find(|path| path.is_file())
}

/// The files below `dir`, as paths from there, in order.
pub(crate) fn files(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let below = path.strip_prefix(dir).unwrap();
                found.insert(below.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// Puts the files of `from` at `to` by hard links; says how many bytes they are.
pub(crate) fn link(from: &Path, to: &Path) -> u64 {
    let mut bytes = 0;
    for path in files(from) {
        let at = to.join(&path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::hard_link(from.join(&path), &at).unwrap();
        bytes += at.metadata().unwrap().len();
    }
    bytes
}

/// An empty directory at `path`, whatever was there.
pub(crate) fn empty(path: &Path) {
    if path.exists() {
        std::fs::remove_dir_all(path).unwrap();
    }
    std::fs::create_dir_all(path).unwrap();
}
