//! Systems that a person described: every `.toml` in `KEYROLL_SYSTEMS`, or in `systems/` beside
//! the user's configuration. Never beside what is read: a description says where a token goes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::settings::Settings;

/// The directory that holds them.
pub(crate) const VARIABLE: &str = "KEYROLL_SYSTEMS";
/// A description is shorter.
const BYTES_MAX: u64 = 256 << 10;

/// Reads them all, in the order of their names.
///
/// # Errors
/// A directory that was named is not there, or a file is no description.
pub(crate) fn read(settings: &Settings) -> Result<(), Error> {
    let named = settings.environment.get(VARIABLE).map(PathBuf::from);
    let usual = || settings.environment.config_dir();
    let dir = match &named {
        Some(dir) => dir.clone(),
        None => match usual() {
            Some(dir) => dir.join("systems"),
            None => return Ok(()),
        },
    };
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(error) => return Err(unread(&dir)(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unread(&dir))?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        let mut text = String::new();
        let file = File::open(&path).map_err(unread(&path))?;
        let read = file.take(BYTES_MAX + 1).read_to_string(&mut text);
        read.map_err(unread(&path))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(Error::usage(format!(
                "{}: expected a description of a system, got more than {BYTES_MAX} bytes",
                shown(&path)
            )));
        }
        connectors::describe(&text).map_err(|unfit| {
            Error::usage(format!(
                "{} is no description of a system: {unfit}",
                shown(&path)
            ))
        })?;
    }
    Ok(())
}

fn unread(path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    Error::because(format!("cannot read `{}`", shown(path)))
}

fn shown(path: &Path) -> String {
    model::clean(&path.display().to_string())
}
