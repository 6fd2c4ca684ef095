//! Three repositories as companies have them, with what people forgot in them: a web service in
//! Python, a monorepo in TypeScript, an infrastructure of Terraform, Kubernetes and pipelines.
//!
//! Beside what leaked stands what only looks like it: examples, references, checksums of lock
//! files, values that are encrypted, keys of manuals. A scanner that names those is noise.

mod infrastructure;
mod monorepo;
mod web_service;

use std::path::Path;

use crate::chance::Chance;
use crate::planted::secret;

/// A repository that is made.
#[derive(Clone, Debug)]
pub struct Repository {
    /// What it is called.
    pub name: &'static str,
    /// Paths and what lies there.
    pub files: Vec<(String, String)>,
    /// Where something leaked: path and line, from 1.
    pub leaks: Vec<(String, usize)>,
    chance: Chance,
}

/// The three, from a seed.
#[must_use]
pub fn three(seed: u64) -> [Repository; 3] {
    [
        web_service::made(Repository::new("shop-service", seed)),
        monorepo::made(Repository::new("storefront", seed + 1)),
        infrastructure::made(Repository::new("infrastructure", seed + 2)),
    ]
}

impl Repository {
    const fn new(name: &'static str, seed: u64) -> Self {
        Self {
            name,
            files: Vec::new(),
            leaks: Vec::new(),
            chance: Chance::seeded(seed),
        }
    }

    /// Adds a file. Its lines may hold templates of secrets (see [`secret`]) between `[[` and
    /// `]]`, which leak, and between `((` and `))`, which do not: nobody could use them.
    fn file(&mut self, path: &str, text: &str) {
        let mut made = String::new();
        for line in text.lines() {
            let number = made.lines().count() + 1;
            let filled = self.filled(line, "[[", "]]");
            if filled.is_some() {
                self.leaks.push((path.to_owned(), number));
            }
            let line = filled.unwrap_or_else(|| line.to_owned());
            let line = self.filled(&line, "((", "))").unwrap_or(line);
            made.push_str(&line);
            made.push('\n');
        }
        self.files.push((path.to_owned(), made));
    }

    /// `line` with the templates between these brackets filled; none where there is none.
    fn filled(&mut self, line: &str, open: &str, close: &str) -> Option<String> {
        let (before, rest) = line.split_once(open)?;
        let (template, after) = rest.split_once(close)?;
        let made = secret(template, &mut self.chance);
        let line = format!("{before}{made}{after}");
        Some(self.filled(&line, open, close).unwrap_or(line))
    }

    /// Writes it below `root`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, root: &Path) -> std::io::Result<()> {
        for (path, text) in &self.files {
            let path = root.join(path);
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir)?;
            }
            std::fs::write(path, text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_where_it_is_said_to_be_and_no_template_is_left() {
        for repository in three(1) {
            assert!(repository.leaks.len() >= 8, "{}", repository.name);
            for (path, line) in &repository.leaks {
                let file = repository.files.iter().find(|(at, _)| at == path).unwrap();
                let line = file.1.lines().nth(line - 1).unwrap();
                assert!(line.len() > 12, "{path}: {line}");
            }
            for (path, text) in &repository.files {
                for left in ["<hex:", "<b62:", "<b64:", "((<"] {
                    assert!(!text.contains(left), "{path}: {left}");
                }
            }
        }
    }
}
