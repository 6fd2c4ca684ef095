//! Tables of cron (crontab(5)): who runs what, and the secrets in variables and commands.
//!
//! A job is an identity of type `cron_job` with the facts `user`, `schedule` and `command` (the
//! program alone).

use std::collections::BTreeSet;

use model::{Attribute, Class, CredentialType, Kind};

use super::text::{is_placeholder, is_template, lines, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, dotenv};
use crate::login::Login;

/// Where cron keeps the tables of users.
const SPOOL: &str = "/var/spool/cron/";

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
        name == "crontab" || path.contains("/cron.d/") || path.contains(SPOOL)
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        // The system's own tables name a user before the command.
        let named = file.path.ends_with("/etc/crontab") || file.path.contains("/cron.d/");
        // Those of users are called as they are.
        let whose = file.path.contains(SPOOL).then(|| file.name());
        let mut variables = String::new();
        let mut fields = BTreeSet::new();
        let text = file.text(seen);
        // A script, or what a table is made out of.
        let is_other = text.starts_with("#!") || is_template(text);
        for (number, line) in lines(text) {
            let line = line.trim();
            let job = job(line, named).filter(|_| !line.starts_with('#'));
            // A line for each line, so that numbers stay those of the file.
            if job.is_none() {
                variables.push_str(line);
                if is_odd(line) && !is_other && seen.gaps.is_empty() {
                    seen.broken(format!(
                        "line {number}: expected a schedule and a command, got something else"
                    ));
                }
            }
            variables.push('\n');
            let Some(job) = job else { continue };
            let name = super::name_of(job.does()).trim_matches(['"', '\'', '`', ';']);
            let mut field = format!("job {} {name}", job.user.unwrap_or_default());
            while !fields.insert(field.clone()) {
                field.push('+');
            }
            let thing = Thing::new(Kind::Identity, field.as_str(), "cron_job")
                .is(Attribute::NAME, model::shorten(name, 120))
                .is(Attribute::CLASS, Class::Workload)
                .is(Attribute::PROVIDER, "cron")
                .is(Attribute::named("schedule"), job.schedule.as_str())
                .is(Attribute::named("command"), model::shorten(job.does(), 120))
                .is(Attribute::LINE, i64::try_from(number).unwrap_or(i64::MAX))
                .maybe(Attribute::USER, job.user.or(whose));
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

/// Commands that only ask whether to run, go somewhere or wait.
const BEFORE: &[&str] = &[
    ".", ":", "[", "[[", "cd", "command", "echo", "export", "perl", "set", "sleep", "source",
    "test", "true", "umask", "which",
];

/// Commands that say how to run another one.
const ROUND: &[&str] = &[
    "chronic", "env", "exec", "flock", "if", "ionice", "nice", "nohup", "sudo", "then", "time",
    "timeout",
];

/// The program that one command of a line runs, without what is wrapped round it.
fn unwrapped<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut words = words.iter().copied().peekable();
    loop {
        while words.next_if(|word| assigns(word)).is_some() {}
        let word = words.next()?;
        let name = super::name_of(word);
        if !ROUND.contains(&name) {
            return Some(word);
        }
        // Options, numbers, variables; a lock is a file.
        let further = |word: &&str| {
            word.starts_with(|first: char| first == '-' || first.is_ascii_digit())
                || word.contains('=')
                || (name == "flock" && word.starts_with('/'))
        };
        while words.next_if(further).is_some() {}
    }
}

/// Whether a word sets a variable for the command that follows it.
fn assigns(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
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
        let mut times = vec![first];
        times.extend(words.by_ref().take(4));
        if times.len() < 5 || !times.iter().all(|word| is_time(word)) {
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

/// Whether a word is one part of a schedule: `*/5`, `1-5,7`, `mon-fri`, `jan`.
fn is_time(word: &str) -> bool {
    const NAMES: &[&str] = &[
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may", "jun",
        "jul", "aug", "sep", "oct", "nov", "dec", "h", "l", "w",
    ];
    let is_name = |run: &str| {
        let lower = run.to_ascii_lowercase();
        run.is_empty() || NAMES.contains(&lower.as_str())
    };
    word.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '/' | ',' | '-' | '~' | '#' | '?'))
        && word.split(|c: char| !c.is_ascii_alphabetic()).all(is_name)
}

/// Whether a line is neither empty nor a comment, and sets no variable.
fn is_odd(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#') && !line.contains('=')
}

impl Job<'_> {
    /// How many words set a variable for the command alone.
    fn assigned(&self) -> usize {
        self.words.iter().take_while(|word| assigns(word)).count()
    }

    fn program(&self) -> &str {
        self.words.get(self.assigned()).copied().unwrap_or_default()
    }

    /// The program that the job is there for: what comes before it only asks whether to run,
    /// goes somewhere or waits, and what is wrapped round it says how to run it.
    fn does(&self) -> &str {
        let words = self.words.get(self.assigned()..).unwrap_or_default();
        let mut parts = words.split(|word| matches!(*word, "&&" | "||" | ";" | "|" | "{" | "("));
        let named = parts.find_map(|part| {
            let program = unwrapped(part)?;
            (!BEFORE.contains(&super::name_of(program))).then_some(program)
        });
        named.unwrap_or_else(|| self.program())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_made_of_times_and_not_of_words() {
        for line in ["*/5 1-5,7 * jan mon-fri /opt/x", "H H(0 * * * /opt/x"] {
            let told = job(line, false).is_some();
            assert_eq!(told, !line.contains('('), "{line}");
        }
        assert!(job("hello world this is not cron", false).is_none());
    }

    #[test]
    fn a_job_is_named_after_what_it_is_there_for() {
        for (command, expected) in [
            ("/usr/local/bin/backup --all", "/usr/local/bin/backup"),
            ("A=b pg_dump shop | gzip > /b/shop.gz", "pg_dump"),
            (
                "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }",
                "run-parts",
            ),
            (
                "test -x /usr/bin/certbot -a -d /x && perl -e 'sleep int(rand(9))' && certbot -q renew",
                "certbot",
            ),
            ("[ -x /opt/a ] && /opt/a", "/opt/a"),
            ("test -e /run/x || MODE=1 /opt/scrub --all", "/opt/scrub"),
            ("flock -n /run/x.lock nice -n 10 /opt/sync", "/opt/sync"),
            ("timeout 30 curl -s https://x.test", "curl"),
            ("test -f /x", "test"),
        ] {
            let line = format!("5 4 * * * {command}");
            let job = job(&line, false).unwrap();
            assert_eq!(job.does(), expected, "{command}");
        }
    }
}
