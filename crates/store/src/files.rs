//! The files of an embedded store: made for the owner's eyes, refused where others may look.

use std::fs::{self, DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::network_fs::{Judged, judge, mounted_as};
use crate::{Error, Options};

/// Makes sure that `path` is a file of ours on a local disk that no one else may read.
///
/// A missing file is made with mode 0600, missing directories with mode 0700, unless it is opened
/// for reading only.
pub(crate) fn prepare(path: &Path, options: &Options) -> Result<(), Error> {
    let read_only = options.read_only;
    let folder = folder_of(path);
    if !read_only && !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(Error::file("make the directory", &folder))?;
    }
    refuse_network(path, &folder, &options.mounts)?;
    if !read_only {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match made {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => drop(other.map_err(Error::file("make", path))?),
        }
    }
    let file = fs::metadata(path).map_err(Error::file("open", path))?;
    if !file.is_file() {
        let told = std::io::Error::other("it is not a file");
        return Err(Error::file("open", path)(told));
    }
    let mode = file.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed {
            path: path.to_path_buf(),
            mode,
            wanted: 0o600,
        });
    }
    Ok(())
}

/// `path` with its directory resolved, so that the file itself can be opened without following.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf, Error> {
    let folder = folder_of(path);
    let folder = folder
        .canonicalize()
        .map_err(Error::file("find", &folder))?;
    Ok(path
        .file_name()
        .map_or(folder.clone(), |name| folder.join(name)))
}

pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(target_os = "linux")]
fn refuse_network(path: &Path, folder: &Path, mounts: &Path) -> Result<(), Error> {
    let found = rustix::fs::statfs(folder)
        .map_err(|error| Error::file("examine the file system of", folder)(error.into()))?;
    // Kept as bits: the kernel's type is signed on some machines, the numbers are of 32 bits.
    let magic = u64::from(found.f_type as u32);
    // Without a table, the kernel's number decides alone.
    let table = fs::read(mounts).unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let whole = folder
        .canonicalize()
        .unwrap_or_else(|_| folder.to_path_buf());
    let path = path.to_path_buf();
    match judge(magic, mounted_as(&table, &whole.to_string_lossy())) {
        Judged::Local => Ok(()),
        Judged::Network(kind) => Err(Error::NetworkFileSystem { path, kind }),
        Judged::Unknown(kind) => Err(Error::UnknownFileSystem {
            path,
            kind: model::shorten(&model::clean(&kind), 60),
        }),
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_network(_: &Path, _: &Path, _: &Path) -> Result<(), Error> {
    Ok(())
}
