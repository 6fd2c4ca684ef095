//! The process's surroundings, read once.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Variables, the working directory and the clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    /// Where the command was called.
    pub(crate) here: PathBuf,
    /// Whose process it is.
    uid: u32,
    /// What this machine calls that user.
    login: Option<String>,
}

/// The users of a machine are listed in less than this.
const PASSWD_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl Environment {
    /// The real one. A variable that is no UTF-8 is passed over: none of ours can be.
    pub(crate) fn read() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let uid = rustix::process::getuid().as_raw();
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            here: std::env::current_dir().unwrap_or_default(),
            login: login_of(uid),
            uid,
        }
    }

    /// One made for a test.
    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            variables: pairs.iter().map(owned).collect(),
            here: PathBuf::from("/srv/here"),
            uid: 4321,
            login: None,
        }
    }

    /// The value of a variable, if it holds anything.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether a variable holds anything.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a switch is on: it holds something other than `0`, `false`, `no` and `off`.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| {
            !matches!(
                value.to_ascii_lowercase().as_str(),
                "0" | "false" | "no" | "off" | "n" | "f"
            )
        })
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// A directory of the XDG base directory specification; a relative one is ignored, as it says.
    fn xdg(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let given = self
            .get(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        given.or_else(|| self.home().map(|home| home.join(below_home)))
    }

    /// `$XDG_DATA_HOME/keyroll`.
    pub(crate) fn data_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_DATA_HOME", ".local/share")
            .map(|dir| dir.join("keyroll"))
    }

    /// `$XDG_CONFIG_HOME/keyroll`.
    pub(crate) fn config_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_CONFIG_HOME", ".config")
            .map(|dir| dir.join("keyroll"))
    }

    /// Who is at the keyboard, as evidence names it: `person:ann`, or `uid:1000` where nobody
    /// knows a name.
    pub(crate) fn person(&self) -> String {
        let given = self.get("USER").or_else(|| self.get("LOGNAME"));
        match given.map(str::to_owned).or_else(|| self.login.clone()) {
            Some(name) => format!("person:{}", model::shorten(&model::clean(&name), 64)),
            None => format!("uid:{}", self.uid),
        }
    }

    /// The time. A debug build can be told another (`KEYROLL_NOW`), so that snapshots hold still.
    pub(crate) fn now(&self) -> Timestamp {
        if cfg!(debug_assertions)
            && let Some(told) = self.get("KEYROLL_NOW").and_then(|text| text.parse().ok())
        {
            return told;
        }
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The login name of a user who is listed on this machine. Users of a directory are not: their
/// shell sets `USER`.
fn login_of(uid: u32) -> Option<String> {
    let mut text = Vec::new();
    let file = std::fs::File::open("/etc/passwd").ok()?;
    file.take(PASSWD_BYTES_MAX).read_to_end(&mut text).ok()?;
    login_in(&String::from_utf8_lossy(&text), uid)
}

/// The first field of the line whose third is `uid`: `ann:x:1000:…`.
fn login_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_acts_has_a_name_or_at_least_a_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\n+::::::\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
        assert_eq!(login_in(passwd, 1000).as_deref(), Some("ann"));
        assert_eq!(login_in(passwd, 1001), None);
        let nobody = Environment::of(&[]);
        assert_eq!(nobody.person(), "uid:4321");
        let listed = Environment {
            login: Some("ann".to_owned()),
            ..nobody
        };
        assert_eq!(listed.person(), "person:ann");
        assert_eq!(Environment::of(&[("USER", "bob")]).person(), "person:bob");
    }
}
