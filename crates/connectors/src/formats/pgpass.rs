//! libpq's password file: `host:port:database:user:password` (PostgreSQL manual, "The Password File").

use model::{Attribute, Secret};

use super::text::lines;
use super::{FileAt, Format, FormatSpec, Seen};
use crate::login::{Login, host_name};

pub(super) struct Pgpass;

impl Format for Pgpass {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "pgpass",
            reads: "passwords of PostgreSQL roles, as libpq keeps them",
            places: &["~/.pgpass"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        matches!(name, ".pgpass" | "pgpass.conf")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        for (number, line) in lines(file.text(seen)) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let Some([host, port, database, user, password]) = fields(line) else {
                seen.broken(format!(
                    "line {number}: expected host:port:database:user:password"
                ));
                continue;
            };
            let given = |text: &String| (text != "*" && !text.is_empty()).then(|| text.clone());
            let login = Login {
                provider: "postgres".to_owned(),
                user: given(&user),
                host: given(&host).and_then(|host| host_name(&host)),
                port: match port.as_str() {
                    "" => Some(5432),
                    port => port.parse().ok(),
                },
                database: given(&database),
                password: Some(Secret::new(password.into_bytes())),
            };
            let field = format!("{user} on {host}");
            if let Some(found) = login.into_found(&field) {
                let found = match found.told.facts.contains_key(&Attribute::ENDPOINT) {
                    true => found,
                    // A wildcard is an answer of a kind: any server.
                    false => found.is(Attribute::ENDPOINT, format!("{host}:{port}")),
                };
                seen.found(found.line(number));
            }
        }
    }
}

/// The five fields; `\:` and `\\` stand for the letters themselves.
fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields: [String; 5] = Default::default();
    let mut n = 0;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => fields[n].push(letters.next()?),
            // What follows the password is ignored, as libpq does.
            ':' if n == 4 => break,
            ':' => n += 1,
            _ => fields[n].push(letter),
        }
    }
    (n == 4 && !fields[4].is_empty()).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_colon_belongs_to_its_field() {
        let fields = fields(r"db:5432:*:ann\:b:p\\w:rest").unwrap();
        assert_eq!(fields[3], "ann:b");
        assert_eq!(fields[4], r"p\w");
        assert!(super::fields("db:5432:x:ann").is_none());
    }
}
