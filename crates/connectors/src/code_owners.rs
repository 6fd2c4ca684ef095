//! `CODEOWNERS`: who answers for which files of a repository, in the syntax of GitHub and GitLab.
//!
//! Source: GitHub, "About code owners"; GitLab, "Code Owners syntax and error handling". Of the
//! lines that match a path the last one counts; under GitLab's section headings, the last of each
//! section. Patterns are matched in time linear in pattern times path, whatever they hold.

use model::{Attribute, Confidence, Observation};

/// Where a repository keeps the file, the first one found counts.
pub(crate) const PLACES: &[&str] = &[
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".gitlab/CODEOWNERS",
];

/// GitHub reads no larger one.
pub(crate) const BYTES_MAX: u64 = 3 * 1024 * 1024;
/// Lines read.
const LINES_MAX: usize = 20_000;
/// Owners told of one path.
const OWNERS_MAX: usize = 20;
/// Parts of a pattern, and of a path.
const PARTS_MAX: usize = 128;

/// A parsed file.
#[derive(Debug, Default)]
pub(crate) struct CodeOwners {
    lines: Vec<Line>,
    /// Owners of lines that name none, by section.
    defaults: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Line {
    section: usize,
    pattern: Pattern,
    owners: Vec<String>,
}

/// Who owns a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owners {
    /// As the file spells them.
    pub(crate) names: Vec<String>,
    /// Whether only lines for everything else name them.
    pub(crate) catch_all: bool,
}

impl CodeOwners {
    /// Reads a file; lines that are none are passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut read = Self {
            lines: Vec::new(),
            defaults: vec![Vec::new()],
        };
        for line in text.lines().take(LINES_MAX) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(defaults) = section(line) {
                read.defaults.push(defaults);
                continue;
            }
            let mut words = words(line).into_iter();
            let Some(pattern) = words.next().and_then(|word| Pattern::parse(&word)) else {
                continue;
            };
            read.lines.push(Line {
                section: read.defaults.len() - 1,
                pattern,
                owners: owners(words),
            });
        }
        read
    }

    /// `told` with whom the file names for `path`; a line for everything else is but a guess.
    pub(crate) fn tell(&self, told: Observation, path: &str) -> Observation {
        match self.of(path) {
            Some(owners) if owners.catch_all => {
                told.concluded(Attribute::CODE_OWNERS, owners.names, Confidence::Guessed)
            }
            Some(owners) => told.is(Attribute::CODE_OWNERS, owners.names),
            None => told,
        }
    }

    /// Who owns `path`, given from the root of the repository.
    pub(crate) fn of(&self, path: &str) -> Option<Owners> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut last: Vec<Option<&Line>> = vec![None; self.defaults.len()];
        for line in self
            .lines
            .iter()
            .filter(|line| line.pattern.matches(&parts))
        {
            last[line.section] = Some(line);
        }
        let mut names = Vec::new();
        let mut catch_all = true;
        for line in last.into_iter().flatten() {
            let owners = match line.owners.as_slice() {
                [] => &self.defaults[line.section],
                _ => &line.owners,
            };
            catch_all &= owners.is_empty() || line.pattern.everything;
            names.extend(owners.iter().cloned());
        }
        names.truncate(OWNERS_MAX);
        (!names.is_empty()).then_some(Owners { names, catch_all })
    }
}

/// `[Section] @owner`, `^[Optional][2] @owner`: the owners of its lines that name none.
fn section(line: &str) -> Option<Vec<String>> {
    let line = line.strip_prefix('^').unwrap_or(line).strip_prefix('[')?;
    let (name, rest) = line.split_once(']')?;
    // An approval count may follow.
    let rest = match rest.strip_prefix('[') {
        Some(count) => count.split_once(']')?.1,
        None => rest,
    };
    let heading = !name.trim().is_empty() && (rest.is_empty() || rest.starts_with(' '));
    heading.then(|| owners(words(rest).into_iter()))
}

/// `@user`, `@organisation/team`, addresses. Roles such as `@@maintainer` are nobody in particular.
fn owners(words: impl Iterator<Item = String>) -> Vec<String> {
    words
        .filter(|word| word.contains('@') && !word.starts_with("@@"))
        .take(OWNERS_MAX)
        .map(|word| model::shorten(&word, 120))
        .collect()
}

/// Split at blanks; `\ ` is a blank in a word, and ` #` begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let begins = words.last().is_some_and(String::is_empty);
        match letter {
            '\\' => match (letters.next(), words.last_mut()) {
                (Some(next), Some(word)) => word.push(next),
                _ => break,
            },
            '#' if begins => break,
            ' ' | '\t' if begins => {}
            ' ' | '\t' => words.push(String::new()),
            _ => words.last_mut().map_or((), |word| word.push(letter)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A pattern, by the parts between its slashes.
#[derive(Debug)]
struct Pattern {
    parts: Vec<Part>,
    /// Whether it also takes what lies below what it matches.
    below: bool,
    /// Whether it takes every file: the line for everything else.
    everything: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// `**`: any number of directories.
    Any,
    /// One name, with `*` and `?` in it.
    Name(Vec<char>),
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let directory = text.ends_with('/');
        let trimmed = text.trim_matches('/');
        let rooted = text.starts_with('/') || trimmed.contains('/');
        let mut parts: Vec<Part> = Vec::new();
        if !rooted {
            parts.push(Part::Any);
        }
        for part in trimmed.split('/').filter(|part| !part.is_empty()) {
            if part != "**" {
                parts.push(Part::Name(part.chars().collect()));
            } else if parts.last() != Some(&Part::Any) {
                parts.push(Part::Any);
            }
        }
        let star = Part::Name(vec!['*']);
        // `docs/*` takes the files of `docs` and not those of its directories.
        let shallow = rooted && parts.last() == Some(&star) && !directory;
        if directory && parts.last() != Some(&Part::Any) {
            parts.push(star);
        }
        let everything = parts
            .iter()
            .all(|part| *part == Part::Any || *part == Part::Name(vec!['*']))
            && !shallow;
        let fit = text.starts_with('/') || !parts.is_empty();
        (fit && parts.len() <= PARTS_MAX && !text.starts_with('!')).then_some(Self {
            parts,
            below: !shallow,
            everything,
        })
    }

    fn matches(&self, path: &[&str]) -> bool {
        if path.len() > PARTS_MAX {
            return false;
        }
        // Up to which parts of the path the pattern's beginning reaches.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            let mut next = vec![false; path.len() + 1];
            match part {
                Part::Any => {
                    let mut any = false;
                    for (at, reached) in reached.iter().enumerate() {
                        any |= reached;
                        next[at] = any;
                    }
                }
                Part::Name(glob) => {
                    for (at, name) in path.iter().enumerate() {
                        next[at + 1] = reached[at] && fits(glob, name);
                    }
                }
            }
            reached = next;
        }
        match reached.split_last() {
            Some((whole, part)) => *whole || (self.below && part.contains(&true)),
            None => false,
        }
    }
}

/// Whether a name fits a glob of `*` and `?`: back to the last star where it does not go on.
pub(crate) fn fits(glob: &[char], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut g, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    g = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, path: &str) -> String {
        let owners = CodeOwners::parse(text).of(path);
        owners.map_or_else(String::new, |owners| owners.names.join(" "))
    }

    /// GitHub, "Example of a CODEOWNERS file".
    #[test]
    fn each_form_of_pattern_takes_what_its_manual_says() {
        for (pattern, takes, leaves) in [
            ("*", "a/b.rs", ""),
            ("*.js", "web/src/a.js", "web/src/a.jsx"),
            ("/build/logs/", "build/logs/x/y.log", "a/build/logs/y.log"),
            ("docs/*", "docs/a.md", "docs/deep/a.md"),
            ("apps/", "x/apps/y/z", "x/apps"),
            ("/docs/", "docs/deep/a.md", "x/docs/a.md"),
            ("**/logs", "deeply/nested/logs/a", "deeply/log"),
            ("/apps/github", "apps/github/x", "x/apps/github"),
            ("src/**/key.?em", "src/a/b/key.pem", "src/a/b/key.pemm"),
            ("a*b*c", "x/aXbYbZc", "x/aXbY"),
        ] {
            let text = format!("{pattern} @ann");
            assert_eq!(of(&text, takes), "@ann", "{pattern} {takes}");
            assert_eq!(of(&text, leaves), "", "{pattern} {leaves}");
        }
    }

    #[test]
    fn the_last_line_that_matches_counts_and_an_empty_one_frees() {
        let text = "* @all # everything\n/apps/ @acme/apps bob@x.com\n/apps/free\n";
        assert_eq!(of(text, "README"), "@all");
        assert_eq!(of(text, "apps/a/.env"), "@acme/apps bob@x.com");
        assert_eq!(of(text, "apps/free/.env"), "");
        assert!(CodeOwners::parse(text).of("README").unwrap().catch_all);
        assert!(!CodeOwners::parse(text).of("apps/a").unwrap().catch_all);
    }

    /// GitLab, "Code Owners sections".
    #[test]
    fn each_section_adds_its_owners_and_gives_its_default() {
        let text = "[Docs][2] @docs\n*.md\n^[Data] @data\n/db/ @@maintainer\n/db/x @dba\n";
        assert_eq!(of(text, "db/a.md"), "@docs @data");
        assert_eq!(of(text, "db/x"), "@dba");
    }

    #[test]
    fn a_blank_in_a_path_is_escaped() {
        assert_eq!(of("/my\\ app/ @ann", "my app/x"), "@ann");
    }

    #[test]
    fn a_pattern_made_to_run_long_does_not() {
        let pattern = format!("{}b @ann", "*a".repeat(2_000));
        let stars = "**/".repeat(5_000);
        let path = "a".repeat(4_000);
        assert_eq!(of(&pattern, &path), "");
        assert_eq!(of(&format!("{stars}x @ann"), "a/b/x"), "@ann");
    }
}
