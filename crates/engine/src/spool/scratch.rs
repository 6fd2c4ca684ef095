//! A file without a name that only this process can read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// A file that is appended to and read anywhere.
pub(super) struct Scratch {
    file: File,
    len: u64,
}

impl Scratch {
    /// A new file in `dir`, which is made if it is not there.
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        loop {
            let turn = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!(".spool-{}-{turn}", std::process::id()));
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match opened {
                Ok(file) => {
                    std::fs::remove_file(&path)?;
                    return Ok(Self { file, len: 0 });
                }
                // Left behind by a process that died between the two calls and had our id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How many bytes it holds.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Appends `bytes`.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.len)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Fills `into` with what stands at `at`.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }
}
