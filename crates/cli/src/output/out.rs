//! Where a format goes: standard output, or a file that is there whole or not at all.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Format;
use super::wanted::Target;
use crate::error::Error;
use crate::settings::Settings;

/// One output that is open.
pub(super) struct Out<'s> {
    to: Box<dyn Write + 's>,
    /// The file, for messages; `None`: standard output.
    path: Option<PathBuf>,
    draft: Option<Draft>,
    /// Who read standard output left, and files are still to be written.
    left: bool,
    /// Nothing else is written.
    alone: bool,
}

impl<'s> Out<'s> {
    /// Opens what `target` names.
    ///
    /// # Errors
    /// A file that cannot be made; what is no text, on a terminal.
    pub(super) fn open(settings: &'s Settings, target: &Target) -> Result<Self, Error> {
        let alone = settings.wanted.targets.len() == 1;
        let out = |to, path, draft| Self {
            to,
            path,
            draft,
            left: false,
            alone,
        };
        let Some(path) = &target.path else {
            return Ok(out(stdout(settings, target.format)?, None, None));
        };
        let doing = format!("cannot write `{}`", path.display());
        let (file, draft) = Draft::open(path).map_err(Error::because(doing))?;
        if let Some(draft) = &draft {
            settings.interrupt.removes_file(&draft.path);
        }
        let path = Some(path.clone());
        Ok(out(Box::new(BufWriter::new(file)), path, draft))
    }

    /// Everything is written: a file gets its name.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.flush()?;
        match self.draft.take() {
            Some(draft) => draft.becomes_final().map_err(|error| self.named(error)),
            None => Ok(()),
        }
    }

    fn named(&self, error: io::Error) -> io::Error {
        match &self.path {
            Some(path) => io::Error::new(error.kind(), format!("`{}`: {error}", path.display())),
            None => error,
        }
    }

    /// A reader who leaves ends a command that writes for nobody else, and no other.
    fn told<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe && !self.alone => {
                self.left = true;
                Ok(instead)
            }
            other => other.map_err(|error| self.named(error)),
        }
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left {
            return Ok(bytes.len());
        }
        let written = self.to.write(bytes);
        self.told(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.left {
            return Ok(());
        }
        let flushed = self.to.flush();
        self.told(flushed, ())
    }
}

fn stdout(settings: &Settings, format: Format) -> Result<Box<dyn Write + '_>, Error> {
    if format != Format::Parquet {
        return Ok(Box::new(BufWriter::new(settings.terminal.stdout())));
    }
    if settings.terminal.out {
        let told = "Parquet is no text, and standard output is a terminal";
        return Err(Error::usage(told).hint("`-o parquet=FILE` writes a file"));
    }
    // What is no text goes past whoever looks for styles in it.
    Ok(Box::new(BufWriter::new(io::stdout().lock())))
}

/// A file under another name beside its own; without [`Draft::becomes_final`] it goes.
struct Draft {
    path: PathBuf,
    becomes: PathBuf,
}

impl Draft {
    /// A fresh draft of `path`; or `path` itself, where that is a device, a pipe, or a file whose
    /// place must not be taken by another.
    fn open(path: &Path) -> io::Result<(File, Option<Self>)> {
        let existing = match OpenOptions::new().write(true).open(path) {
            Ok(file) => {
                let about = file.metadata()?;
                if !replaceable(&about) {
                    return File::create(path).map(|file| (file, None));
                }
                Some(about.permissions())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let becomes = match &existing {
            // What a link points to is written, not the link.
            Some(_) => std::fs::canonicalize(path)?,
            None => path.to_owned(),
        };
        match Self::beside(becomes, existing.as_ref()) {
            // A directory that takes no new file may still hold one that can be written.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && existing.is_some() => {
                File::create(path).map(|file| (file, None))
            }
            other => other.map(|(file, draft)| (file, Some(draft))),
        }
    }

    fn beside(becomes: PathBuf, mode: Option<&Permissions>) -> io::Result<(File, Self)> {
        let mut name = std::ffi::OsString::from(".");
        name.push(becomes.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let path = becomes.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        let draft = Self { path, becomes };
        if let Some(mode) = mode {
            file.set_permissions(mode.clone())?;
        }
        Ok((file, draft))
    }

    fn becomes_final(self) -> io::Result<()> {
        std::fs::rename(&self.path, &self.becomes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Once it has its name there is none to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether a new file may take the place of this one: it is ours, and has no second name.
fn replaceable(file: &Metadata) -> bool {
    file.is_file() && file.nlink() == 1 && file.uid() == rustix::process::geteuid().as_raw()
}

/// Whether a file could be written at `path`, as far as can be told before anything is done.
///
/// # Errors
/// It is a directory, or there is none to put it into.
pub(super) fn fits(path: &Path) -> Result<(), Error> {
    let shown = model::clean(&path.display().to_string());
    if path.is_dir() {
        let told = format!("expected a file to write, got the directory `{shown}`");
        return Err(Error::usage(told).hint(format!("for example `{shown}/roll.json`")));
    }
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() && !dir.is_dir() => {
            let dir = model::clean(&dir.display().to_string());
            let told = format!("there is no directory `{dir}` to write `{shown}` into");
            Err(Error::usage(told).hint("make it first"))
        }
        _ => Ok(()),
    }
}

/// The file that `path` means, whichever way it is spelt.
pub(super) fn identity(path: &Path) -> PathBuf {
    let spelt = || {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = std::fs::canonicalize(dir.unwrap_or(Path::new("."))).ok()?;
        Some(dir.join(path.file_name()?))
    };
    std::fs::canonicalize(path)
        .ok()
        .or_else(spelt)
        .unwrap_or_else(|| path.to_owned())
}
