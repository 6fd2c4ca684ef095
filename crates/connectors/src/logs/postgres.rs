//! The server log of PostgreSQL, as `csvlog` and `jsonlog` write it.
//!
//! Source: "Error Reporting and Logging" of the PostgreSQL 18 manual: the columns of both, and
//! the messages of `log_connections`. A statement may hold a password: of it nothing but the
//! name of a role is kept.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome, Kind, Life, Party, Timestamp, Turn};
use serde::Deserialize;

use super::lenient::Text;
use super::platform::Platform;

pub(super) const JSONLOG: Platform = Platform {
    log: "postgres_log",
    marks: &[&["error_severity", "timestamp"], &["error_severity", "pid"]],
    read: |bytes| {
        let line: Line<'_> = serde_json::from_slice(bytes)?;
        Ok(line.event())
    },
    lacks: |parts| {
        let all = parts.contains("connections");
        (!all).then_some("no connection is in it: `log_connections` is off")
    },
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    timestamp: Text<'a>,
    #[serde(borrow)]
    user: Text<'a>,
    #[serde(borrow)]
    dbname: Text<'a>,
    #[serde(borrow)]
    remote_host: Text<'a>,
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    line_num: Text<'a>,
    #[serde(borrow)]
    ps: Text<'a>,
    #[serde(borrow)]
    state_code: Text<'a>,
    #[serde(borrow)]
    error_severity: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    application_name: Text<'a>,
}

/// Columns of a row in version 9.0, and in the latest that adds some.
const COLUMNS_MIN: usize = 23;
const COLUMNS_MAX: usize = 64;

/// A row of `csvlog`; `None`: it is none.
pub(super) fn csv_row(row: &[u8]) -> Option<AuditEvent<'static>> {
    const SEVERITIES: &[&str] = &[
        "DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "ERROR", "FATAL", "PANIC", "DEBUG1", "DEBUG2",
        "DEBUG3", "DEBUG4", "DEBUG5",
    ];
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(row);
    let record = reader.records().next()?.ok()?;
    let cell = |n: usize| Text(Cow::Owned(record.get(n).unwrap_or_default().to_owned()));
    let fits = (COLUMNS_MIN..COLUMNS_MAX).contains(&record.len());
    if !fits || !SEVERITIES.contains(&record.get(11)?) {
        return None;
    }
    let line = Line {
        timestamp: cell(0),
        user: cell(1),
        dbname: cell(2),
        remote_host: cell(4),
        session_id: cell(5),
        line_num: cell(6),
        ps: cell(7),
        error_severity: cell(11),
        state_code: cell(12),
        message: cell(13),
        application_name: cell(22),
    };
    Some(line.event())
}

impl<'a> Line<'a> {
    fn event(self) -> AuditEvent<'a> {
        let message = self.message.as_str();
        let connection = [
            "connection authorized: ",
            "replication connection authorized: ",
        ]
        .iter()
        .find_map(|begin| message.strip_prefix(begin));
        // 28000 and 28P01: the login was refused.
        let refused =
            self.error_severity.as_str() == "FATAL" && self.state_code.as_str().starts_with("28");
        let failed = matches!(self.error_severity.as_str(), "ERROR" | "FATAL" | "PANIC");
        let outcome = match (refused, failed) {
            (true, _) => EventOutcome::NotLetIn,
            (false, true) => EventOutcome::Failure,
            (false, false) => EventOutcome::Success,
        };
        let statement = message.strip_prefix("statement: ").or_else(|| {
            let rest = message.strip_prefix("execute ")?;
            rest.split_once(": ").map(|(_, statement)| statement)
        });
        let life = statement.and_then(life);
        let part = match connection {
            Some(_) => "connections",
            None => "messages",
        };
        let action = match (connection, statement) {
            (Some(_), _) => "connect".to_owned(),
            (None, Some(text)) => first_words(text),
            (None, None) => self.ps.as_str().to_owned(),
        };
        let user = self.user.0;
        AuditEvent {
            id: match self.session_id.is_empty() {
                true => Cow::default(),
                false => Cow::Owned(format!(
                    "{}/{}",
                    self.session_id.as_str(),
                    self.line_num.as_str()
                )),
            },
            at: time(self.timestamp.as_str()),
            log: JSONLOG.log,
            part: Cow::Borrowed(part),
            class: match connection {
                Some(_) => EventClass::Authentication,
                None => EventClass::DatastoreActivity,
            },
            activity: Activity::of_verb(&action),
            action: Cow::Owned(action),
            outcome,
            error: self.state_code.0,
            actor: (!user.is_empty()).then(|| role(user.clone())),
            by: user,
            address: Cow::Owned(self.remote_host.as_str().to_owned()),
            user_agent: self.application_name.0,
            resource: self.dbname.0,
            lives: life.into_iter().collect(),
            ..AuditEvent::default()
        }
    }
}

/// `2026-03-01 12:00:00.123 UTC`. Another zone than UTC is written by a name that many share:
/// such a line has no time.
fn time(text: &str) -> Option<Timestamp> {
    let (clock, zone) = text.rsplit_once(' ')?;
    matches!(zone, "UTC" | "GMT" | "Etc/UTC")
        .then(|| clock.parse().ok())
        .flatten()
}

fn role<'a>(name: Cow<'a, str>) -> Party<'a> {
    Party {
        type_: "postgres_role",
        provider: "postgres",
        handle: Cow::Owned(format!("role/{name}")),
        name,
        ..Party::default()
    }
}

/// The command's own words: nothing of what follows them, which may be secret.
fn first_words(statement: &str) -> String {
    let words = statement.split_ascii_whitespace().take(2);
    let plain = |word: &&str| word.len() <= 16 && word.bytes().all(|b| b.is_ascii_alphabetic());
    words
        .take_while(plain)
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_uppercase()
}

/// Whose beginning, change or end a statement is.
fn life(statement: &str) -> Option<Life<'static>> {
    let mut words = statement.trim_start().splitn(3, char::is_whitespace);
    let turn = match words.next()?.to_ascii_uppercase().as_str() {
        "CREATE" => Turn::Born,
        "ALTER" => Turn::Changed,
        "DROP" => Turn::Ended,
        _ => return None,
    };
    let noun = words.next()?.to_ascii_uppercase();
    if !matches!(noun.as_str(), "ROLE" | "USER" | "GROUP") {
        return None;
    }
    let rest = words.next()?.trim_start();
    let exists = rest
        .get(..10)
        .filter(|head| head.eq_ignore_ascii_case("IF EXISTS "));
    let name = name(exists.map_or(rest, |head| &rest[head.len()..]).trim_start())?;
    Some(Life {
        kind: Kind::Identity,
        of: role(Cow::Owned(name)),
        turn,
        holder: None,
        expires: None,
    })
}

/// A name as SQL writes it: folded to lower case unless it is quoted.
fn name(text: &str) -> Option<String> {
    const NAME_MAX: usize = 63;
    let name = match text.strip_prefix('"') {
        Some(quoted) => {
            let mut name = String::new();
            let mut letters = quoted.chars().peekable();
            loop {
                match letters.next()? {
                    '"' if letters.peek() == Some(&'"') => {
                        letters.next();
                        name.push('"');
                    }
                    '"' => break,
                    letter => name.push(letter),
                }
            }
            name
        }
        None => {
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
            let end = text.find(|c| !plain(c)).unwrap_or(text.len());
            text[..end].to_lowercase()
        }
    };
    let special = matches!(
        name.as_str(),
        "" | "current_user" | "session_user" | "current_role" | "mapping" | "all"
    );
    (!special && name.len() <= NAME_MAX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_tells_the_name_of_a_role_and_no_password() {
        for (statement, told) in [
            (
                "CREATE ROLE app LOGIN PASSWORD 'hunter2'",
                Some(("app", Turn::Born)),
            ),
            (
                "create user \"A\"\"b\" password 'x'",
                Some(("A\"b", Turn::Born)),
            ),
            ("DROP ROLE IF EXISTS Old;", Some(("old", Turn::Ended))),
            (
                "ALTER USER app WITH PASSWORD 'hunter2'",
                Some(("app", Turn::Changed)),
            ),
            ("CREATE USER MAPPING FOR app", None),
            ("CREATE TABLE role (x int)", None),
            ("DROP ROLE \"open", None),
            ("ALTER ROLE", None),
        ] {
            let life = life(statement);
            let read = life.as_ref().map(|life| (life.of.name.as_ref(), life.turn));
            assert_eq!(read, told, "{statement}");
        }
        assert_eq!(first_words("ALTER ROLE 'hunter2'"), "ALTER ROLE");
        assert_eq!(first_words("'hunter2'"), "");
    }

    #[test]
    fn a_time_in_another_zone_than_utc_is_none() {
        assert!(time("2026-03-01 12:00:00.123 UTC").is_some());
        assert_eq!(time("2026-03-01 12:00:00.123 CET"), None);
    }
}
