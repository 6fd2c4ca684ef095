//! Secrets that nobody ever had, in files as they are found lying about: made up from a seed, in
//! the forms that their providers publish, so that a test knows what there is to be found.

mod files;
mod kinds;
mod made;

use std::path::Path;

use crate::chance::Chance;

pub use files::Form;
pub use kinds::KINDS;
pub use made::{base64, secret};

/// One secret in one file.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Who would have given it out.
    pub provider: &'static str,
    /// What it is called there.
    pub name: &'static str,
    /// Path of the file from the root of the tree.
    pub path: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// All of the file.
    pub text: String,
}

/// Each kind of secret in `rounds` files of different form, below `apps/`.
pub fn plant(rounds: usize, seed: u64) -> Vec<Planted> {
    let mut chance = Chance::seeded(seed);
    let mut planted = Vec::new();
    for round in 0..rounds {
        for (at, (provider, name, template)) in KINDS.iter().enumerate() {
            let form = Form::ALL[(at + round * 4) % Form::ALL.len()];
            let value = secret(template, &mut chance);
            let (mut text, mut line) = form.file(name, &value, &mut chance);
            if *provider == "aws" {
                // A secret key is of no use, and known by nothing, without the id beside it.
                let id = secret("AKIA<b32:16>", &mut chance);
                let beside = text
                    .lines()
                    .nth(line - 1)
                    .unwrap_or_default()
                    .replace(&value, &id)
                    .replace("SECRET_ACCESS_KEY", "ACCESS_KEY_ID")
                    .replace("SecretAccessKey", "AccessKeyId")
                    .replace("secret_access_key", "access_key_id")
                    .replace("secret.access.key", "access.key.id");
                text = insert(&text, line, &beside);
                line += 1;
            }
            planted.push(Planted {
                provider,
                name,
                path: format!("apps/{provider}-{round}-{at}/{}", form.path()).replace(' ', "-"),
                line,
                text,
            });
        }
    }
    planted
}

/// `text` with `line` put before its line `at`, from 1.
fn insert(text: &str, at: usize, line: &str) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    lines.insert(at - 1, line);
    lines.join("\n") + "\n"
}

/// Writes them below `root`.
///
/// # Errors
/// What the file system says.
pub fn write(planted: &[Planted], root: &Path) -> std::io::Result<()> {
    for one in planted {
        let path = root.join(&one.path);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(path, &one.text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_secret_stands_on_its_line() {
        for one in plant(2, 1) {
            let line = one.text.lines().nth(one.line - 1).unwrap();
            let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '.'], "");
            assert!(
                plain(line).contains(&plain(one.name)),
                "{}: {line}",
                one.path
            );
        }
    }

    #[test]
    fn the_same_seed_plants_the_same() {
        let texts = |seed| {
            plant(1, seed)
                .into_iter()
                .map(|one| one.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(3), texts(3));
        assert_ne!(texts(3), texts(4));
    }
}
