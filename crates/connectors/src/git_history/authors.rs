//! Who wrote the versions of which file.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::Blob;

/// Files counted; of more, nobody is said to have written most.
const FILES_MAX: usize = 500_000;
/// Authors told apart.
const AUTHORS_MAX: usize = 50_000;
/// Fewer versions than this are no habit.
const VERSIONS_MIN: u32 = 3;

/// Counts of versions, by file and author.
#[derive(Default)]
pub(super) struct Authors {
    numbers: BTreeMap<String, u32>,
    names: Vec<String>,
    /// By the hash of a path, which is enough to count by.
    versions: BTreeMap<u64, Vec<(u32, u32)>>,
}

impl Authors {
    /// Counts one content as a version by its author.
    pub(super) fn count(&mut self, blob: &Blob) {
        let author = model::shorten(&blob.author, 200);
        let number = match self.numbers.get(&author) {
            Some(number) => *number,
            None if self.names.len() >= AUTHORS_MAX => return,
            None => {
                let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                self.names.push(author.clone());
                self.numbers.insert(author, number);
                number
            }
        };
        let file = hash(&blob.path);
        if self.versions.len() >= FILES_MAX && !self.versions.contains_key(&file) {
            return;
        }
        let counts = self.versions.entry(file).or_default();
        match counts.iter_mut().find(|(who, _)| *who == number) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counts.push((number, 1)),
        }
    }

    /// Whoever wrote more than half of at least three versions of the file.
    pub(super) fn main_of(&self, path: &str) -> Option<&str> {
        let counts = self.versions.get(&hash(path))?;
        let all: u32 = counts.iter().map(|(_, count)| count).sum();
        let most = counts.iter().find(|(_, count)| *count > all / 2)?;
        let author = self.names.get(usize::try_from(most.0).ok()?)?;
        (all >= VERSIONS_MIN).then_some(author)
    }
}

fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wrote_most_of_at_least_three_versions_is_told() {
        let mut authors = Authors::default();
        let mut version = |path: &str, author: &str| {
            authors.count(&Blob {
                path: path.to_owned(),
                bytes: model::Secret::new(Vec::new()),
                id: String::new(),
                commit: String::new(),
                author: author.to_owned(),
                at: None,
                in_head: true,
            });
        };
        for author in ["Ann", "Bob", "Ann"] {
            version("a", author);
            version("b", "Bob");
        }
        version("b", "Ann");
        version("b", "Ann");
        version("b", "Ann");
        version("c", "Ann");
        assert_eq!(authors.main_of("a"), Some("Ann"));
        assert_eq!(authors.main_of("b"), None, "three and three");
        assert_eq!(authors.main_of("c"), None, "one version is no habit");
    }
}
