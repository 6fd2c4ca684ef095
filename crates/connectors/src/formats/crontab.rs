//! Tables of cron (crontab(5)): who runs what, and the secrets in variables and commands.
//!
//! A job is an identity of type `cron_job` with the facts `user`, `schedule` and `command` (the
//! program alone).

use std::collections::BTreeSet;

use model::{Attribute, Class, CredentialType, Kind};

use super::text::{is_placeholder, lines, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, dotenv};
use crate::login::Login;

pub(super) struct Crontab;

impl Format for Crontab {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "crontab",
            reads: "jobs of cron: as whom they run, and secrets in their variables and commands",
            places: &[
                "/etc/crontab",
                "/etc/cron.d/*",
                "/var/spool/cron/*",
                "crontab",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        name == "crontab" || path.contains("/cron.d/") || path.contains("/var/spool/cron/")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        // The system's own tables name a user before the command.
        let named = file.path.ends_with("/etc/crontab") || file.path.contains("/cron.d/");
        let mut variables = String::new();
        let mut fields = BTreeSet::new();
        for (number, line) in lines(file.text(seen)) {
            let line = line.trim();
            let job = job(line, named).filter(|_| !line.starts_with('#'));
            // A line for each line, so that numbers stay those of the file.
            if job.is_none() {
                variables.push_str(line);
            }
            variables.push('\n');
            let Some(job) = job else { continue };
            let mut field = format!("job {} {}", job.user.unwrap_or_default(), job.program());
            while !fields.insert(field.clone()) {
                field.push('+');
            }
            let thing = Thing::new(Kind::Identity, field.as_str(), "cron_job")
                .is(Attribute::NAME, model::shorten(job.program(), 120))
                .is(Attribute::CLASS, Class::Workload)
                .is(Attribute::PROVIDER, "cron")
                .is(Attribute::named("schedule"), job.schedule.as_str())
                .is(
                    Attribute::named("command"),
                    model::shorten(job.program(), 120),
                )
                .is(Attribute::LINE, i64::try_from(number).unwrap_or(i64::MAX))
                .maybe(Attribute::USER, job.user);
            seen.thing(thing);
            for found in job.secrets(seen) {
                seen.found(found.line(number).used_in_file_by(&field));
            }
        }
        for found in dotenv::found(&variables, seen) {
            seen.found(found);
        }
    }
}

struct Job<'a> {
    schedule: String,
    user: Option<&'a str>,
    words: Vec<&'a str>,
}

/// A line's job; `None` where it sets a variable or is neither.
fn job(line: &str, named: bool) -> Option<Job<'_>> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let schedule = if first.starts_with('@') {
        first.to_owned()
    } else {
        let plain = |word: &str| {
            word.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '/' | ',' | '-' | '~'))
        };
        let mut times = vec![first];
        times.extend(words.by_ref().take(4));
        if times.len() < 5 || !times.iter().all(|word| plain(word)) {
            return None;
        }
        times.join(" ")
    };
    let user = if named { Some(words.next()?) } else { None };
    let words: Vec<_> = words.take(512).collect();
    (!words.is_empty()).then_some(Job {
        schedule,
        user,
        words,
    })
}

impl Job<'_> {
    /// How many words set a variable for the command alone.
    fn assigned(&self) -> usize {
        let sets = |word: &&&str| {
            word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        self.words.iter().take_while(sets).count()
    }

    fn program(&self) -> &str {
        self.words.get(self.assigned()).copied().unwrap_or_default()
    }

    /// What is secret in the command: variables before it, addresses with a log-in, options
    /// that say what they are.
    fn secrets(&self, seen: &mut Seen) -> Vec<Found> {
        let (before, after) = self.words.split_at(self.assigned());
        let mut out = dotenv::found(&before.join("\n"), seen);
        let mysql = super::name_of(self.program()).starts_with("mysql");
        for word in after.iter().skip(1) {
            let word = word.trim_matches(['"', '\'']);
            let option = ["--password=", "--token=", "--api-key=", "--secret="]
                .iter()
                .find_map(|option| word.strip_prefix(option).map(|value| (*option, value)));
            let short = word.strip_prefix("-p").filter(|_| mysql);
            let given = option.or_else(|| short.map(|value| ("-p", value)));
            if let Some((option, value)) = given {
                if !value.is_empty() && !is_placeholder(value) {
                    let credential = if option.contains('p') && !option.contains("api") {
                        CredentialType::Password
                    } else {
                        CredentialType::ApiToken
                    };
                    let value = value.trim_matches(['"', '\'']);
                    out.push(Found::secret(
                        credential,
                        option.trim_end_matches('='),
                        secret(value),
                    ));
                }
            } else if let Some(found) = Login::parse(word)
                .filter(|login| login.password.is_some() && !is_placeholder(word))
                .and_then(|login| login.into_found("address"))
            {
                out.push(found);
            }
        }
        out
    }
}
