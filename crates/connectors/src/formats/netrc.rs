//! `.netrc`: logins by machine (GNU inetutils manual, "The .netrc file").

use model::{Attribute, CredentialType};

use super::git_credentials::provider_of_host;
use super::text::{LINES_MAX, is_reference, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen};
use crate::token;

pub(super) struct Netrc;

impl Format for Netrc {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "netrc",
            reads: "logins of curl, git and others, by machine",
            places: &["~/.netrc"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        matches!(name, ".netrc" | "_netrc")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let mut words = words(file.text(seen));
        let (mut machine, mut user) = ("", "");
        let (mut cut, mut comment) = (false, 0);
        while let Some((number, word)) = words.next() {
            let mut value = || {
                let next = words.next();
                cut |= next.is_none();
                next.map_or("", |(_, value)| value)
            };
            match word {
                "machine" => (machine, user) = (value(), ""),
                "default" => (machine, user) = ("", ""),
                "login" => user = value(),
                "password" => {
                    let password = value();
                    if !is_reference(password) {
                        seen.found(login(machine, user, password).line(number));
                    }
                }
                "account" => {
                    value();
                }
                // A macro goes up to an empty line, of which words know nothing: what follows
                // is not read, and that is said.
                "macdef" => {
                    seen.unsupported(format!(
                        "line {number}: a macro; what follows it was not read"
                    ));
                    return;
                }
                _ if word.starts_with('#') => comment = number,
                _ if comment == number || !seen.gaps.is_empty() => {}
                _ => seen.broken(format!(
                    "line {number}: expected `machine`, `login` or `password`, got something else"
                )),
            }
        }
        if cut {
            seen.broken("cut off: a value is missing at its end");
        }
    }
}

fn login(machine: &str, user: &str, password: &str) -> Found {
    let by_form = token::provider_of(password);
    let credential = if by_form.is_some() {
        CredentialType::ApiToken
    } else {
        CredentialType::Password
    };
    let place = if machine.is_empty() {
        "any machine"
    } else {
        machine
    };
    let field = if user.is_empty() {
        place.to_owned()
    } else {
        format!("{user} on {place}")
    };
    Found::secret(credential, field, secret(password))
        .maybe(
            Attribute::PROVIDER,
            by_form.or_else(|| provider_of_host(machine)),
        )
        .is(Attribute::USER, user)
        .is(Attribute::ENDPOINT, machine.to_lowercase())
}

/// Words with their lines, comments left out.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take(LINES_MAX)
        .enumerate()
        .flat_map(|(n, line)| {
            let line = if line.trim_start().starts_with('#') {
                ""
            } else {
                line
            };
            line.split_whitespace()
                .map(move |word| (n + 1, super::text::unquoted(word)))
        })
}
