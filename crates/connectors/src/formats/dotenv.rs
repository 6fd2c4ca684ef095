//! Environment files: `.env`, `production.env`, `.env.local`, `/etc/environment`.

pub(super) mod group;
pub(super) mod variables;

use super::{FileAt, Format, FormatSpec, Found, Seen};

pub(super) struct Dotenv;

impl Format for Dotenv {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "dotenv",
            reads: "passwords, tokens and keys in environment files, connection strings included",
            places: &[".env", ".env.*", "*.env", ".envrc", "/etc/environment"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        name == ".env"
            || name == ".envrc"
            || name.starts_with(".env.")
            || name.ends_with(".env")
            || path == "/etc/environment"
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let mut variables = variables::read(file.text(seen), seen);
        if is_example(file.name()) {
            // What is meant to be copied and filled in holds nothing that opens a door.
            let mut sample = Seen::default();
            group::credentials(&mut variables, &mut sample);
            sample
                .found
                .iter()
                .for_each(|_| seen.set_aside("example value"));
            return;
        }
        group::credentials(&mut variables, seen);
    }
}

/// The credentials in `text`, assignments a line each, that stand in a file of another kind.
pub(super) fn found(text: &str, seen: &mut Seen) -> Vec<Found> {
    let mut own = Seen::default();
    let mut variables = variables::read(text, &mut own);
    group::credentials(&mut variables, &mut own);
    if !own.gaps.is_empty() {
        seen.broken("an assignment that cannot be read");
    }
    own.keys.into_iter().for_each(|key| seen.key(key));
    own.found
}

fn is_example(name: &str) -> bool {
    name.split('.').any(|part| {
        matches!(
            part,
            "example" | "sample" | "template" | "dist" | "defaults"
        )
    })
}
