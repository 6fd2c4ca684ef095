//! Where a store is and how it is opened.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;

/// Where a store is: a file, or a database of a PostgreSQL server.
///
/// Reads a path, `sqlite:path`, `postgres://…` or `postgresql://…`. Neither `Display` nor
/// `Debug` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file; `-wal` and `-shm` lie beside it.
    Sqlite(PathBuf),
    /// A connection URL, password included.
    Postgres(String),
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nothing is written, not even a migration.
    pub read_only: bool,
    /// How long a call waits for another writer before it ends with [`Error::Busy`].
    pub busy_wait: Duration,
    /// Trust anchors for PostgreSQL in PEM; by default those of the platform.
    pub ca_file: Option<PathBuf>,
    /// The mount table that says on what a file lies: the kernel's, unless a test has its own.
    pub mounts: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            busy_wait: Duration::from_secs(10),
            ca_file: None,
            mounts: PathBuf::from("/proc/self/mountinfo"),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |given: &str| Error::Location {
            given: model::shorten(&model::clean(given), 120),
        };
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return match text.parse::<tokio_postgres::Config>() {
                _ if crate::engine::sslmode::of(text).is_none() => {
                    Err(refused(&without_password(text)))
                }
                _ => Ok(Self::Postgres(text.to_owned())),
            };
        }
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err(refused(&without_password(text)));
        }
        // An address that was mistyped is no file: as the name of one it would be told everywhere.
        let shown = model::without_login(text);
        if path == text && !text.starts_with(['/', '.']) && shown != text {
            return Err(refused(&shown));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.write_str(&model::clean(&path.to_string_lossy())),
            Self::Postgres(url) => f.write_str(&model::clean(&without_password(url))),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// `url` without its password and without its parameters, which may hold one as well.
///
/// A password that was not escaped may hold `@`, `?` or `#`: where it ends cannot be told then,
/// and what follows the user's name is left out.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.split('?').next().unwrap_or_default().to_owned();
    };
    match rest.split_once('@') {
        Some((login, address)) if !login.contains(['?', '#']) && !address.contains('@') => {
            let user = login.split(':').next().unwrap_or_default();
            let address = address.split(['?', '#']).next().unwrap_or_default();
            format!("{scheme}://{user}@{address}")
        }
        Some(_) => {
            let user = rest.split([':', '/', '@', '?', '#']).next();
            format!("{scheme}://{}@…", user.unwrap_or_default())
        }
        None => {
            let address = rest.split(['?', '#']).next().unwrap_or_default();
            format!("{scheme}://{address}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_nowhere() {
        for url in [
            "postgres://shop:hunter2@db.example:5432/roll",
            "postgresql://shop:hun@ter2/hunter2@db.example/roll?password=hunter2",
            "postgres://shop@db.example/roll?password=hunter2&sslmode=require",
            "postgres://shop@db.example/roll?password=hunter2@x&sslmode=require",
            "postgres://shop:hunter2?x@db.example/roll",
            "postgres://shop:hunter2#x@db.example/roll",
        ] {
            let shown = match url.parse::<Location>() {
                Ok(location) => format!("{location} {location:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("ter2"), "{shown}");
            assert!(shown.contains("shop"), "{shown}");
        }
    }

    #[test]
    fn a_path_and_a_url_are_told_apart() {
        assert_eq!(
            "sqlite:/srv/roll.db".parse::<Location>().unwrap(),
            Location::Sqlite("/srv/roll.db".into())
        );
        assert_eq!(
            "roll.db".parse::<Location>().unwrap(),
            Location::Sqlite("roll.db".into())
        );
        assert!("mysql://x/y".parse::<Location>().is_err());
        let mistyped = "postgres:/shop:hunter2@db.example/roll".parse::<Location>();
        let told = mistyped.unwrap_err().to_string();
        assert!(told.contains("postgres:…@db.example/roll"), "{told}");
        for path in [
            "/srv/a:b@c/roll.db",
            "./a:b@c.db",
            "sqlite:a:b@c.db",
            "a@b.db",
        ] {
            assert!(path.parse::<Location>().is_ok(), "{path}");
        }
        assert!(
            "postgres://u@h/d?sslmode=sometimes"
                .parse::<Location>()
                .is_err()
        );
        assert!("".parse::<Location>().is_err());
    }
}
