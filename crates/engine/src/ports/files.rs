//! The file system of this machine, behind bounds.
//!
//! **Invariant:** what lies outside of the roots is never opened, links are never followed,
//! nothing but regular files is ever read, and a search stays on the file system it began on.
//! Held by the tests below, each against a real file system.

mod pieces;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::{
    Answer, Entry, EntryKind, File, LineAt, Piece, Port, Question, Refusal, Unpacked, Written,
};
use model::{Reason, Secret};
use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, statat};
use rustix::io::Errno;

use super::archive::{Archive, ArchiveLimits};
use pieces::Pieces;

/// How much one pass may ask of the file system.
#[derive(Clone, Copy, Debug)]
pub struct FileLimits {
    /// A directory with more entries is not listed; that is a gap.
    pub entries_max: usize,
    /// A file is read no further than this, whatever the connector asks for.
    pub file_bytes_max: u64,
    /// After so many files and directories the pass is over.
    pub questions_max: u64,
    /// After so many bytes the pass is over.
    pub bytes_max: u64,
    /// After so long the pass is over.
    pub time_max: Duration,
    /// How much is unpacked of one archive.
    pub archive: ArchiveLimits,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            entries_max: 100_000,
            file_bytes_max: 64 << 20,
            questions_max: 5_000_000,
            bytes_max: 64 << 30,
            time_max: Duration::from_secs(3600),
            archive: ArchiveLimits::default(),
        }
    }
}

/// Answers questions about files at and below its roots.
#[derive(Debug)]
pub struct FilesPort {
    roots: Vec<Root>,
    limits: FileLimits,
    stop: Arc<AtomicBool>,
    began: Option<Instant>,
    questions: u64,
    bytes: u64,
    /// The directory asked about last: its files are asked about next.
    last: Option<(PathBuf, OwnedFd)>,
    /// The archive that is being unpacked.
    archive: Option<(String, Archive)>,
    /// The file that is being read piece by piece.
    pieces: Option<(String, Pieces)>,
}

/// What a person named.
#[derive(Debug)]
struct Root {
    /// As it was named.
    named: PathBuf,
    /// Where that leads; links in what a person named are meant. `None`: it is not there.
    real: Option<PathBuf>,
    /// The file system it is on.
    device: Option<u64>,
}

/// Where a question goes.
struct Place {
    /// The directory that holds it.
    dir: PathBuf,
    /// Its name there; `None`: the file system's own root.
    name: Option<std::ffi::OsString>,
    /// The file system it has to be on.
    device: Option<u64>,
    /// How far below its root the directory lies: no link is allowed from there on.
    root: PathBuf,
}

impl FilesPort {
    /// A port to what lies at and below `roots`.
    pub fn new(roots: Vec<PathBuf>) -> Self {
        let mut roots: Vec<_> = roots.into_iter().map(Root::find).collect();
        // The longest first: it knows best.
        roots.sort_by_key(|root| std::cmp::Reverse(root.named.as_os_str().len()));
        Self {
            roots,
            limits: FileLimits::default(),
            stop: Arc::default(),
            began: None,
            questions: 0,
            bytes: 0,
            last: None,
            archive: None,
            pieces: None,
        }
    }

    /// With other limits.
    #[must_use]
    pub const fn limits(mut self, limits: FileLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Over as soon as `stop` is set.
    #[must_use]
    pub fn stopped_by(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// Whether the pass may go on.
    fn tick(&mut self) -> Result<(), Refusal> {
        self.questions += 1;
        let began = *self.began.get_or_insert_with(Instant::now);
        let told = if self.stop.load(Ordering::Relaxed) {
            "stopped before its end".to_owned()
        } else if self.questions > self.limits.questions_max {
            format!(
                "more than {} files and directories",
                self.limits.questions_max
            )
        } else if self.bytes > self.limits.bytes_max {
            format!("more than {} MiB of files", self.limits.bytes_max >> 20)
        } else if began.elapsed() > self.limits.time_max {
            format!("took longer than {} s", self.limits.time_max.as_secs())
        } else {
            return Ok(());
        };
        Err(Refusal {
            stop: true,
            ..Refusal::new(Reason::Unsupported, told)
        })
    }

    fn place(&self, path: &str) -> Result<Place, Refusal> {
        let path = Path::new(path);
        let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        if !path.is_absolute() || !path.components().all(plain) {
            return Err(Refusal::new(
                Reason::Unsupported,
                "expected an absolute path without `..`",
            ));
        }
        let found = self
            .roots
            .iter()
            .find_map(|root| Some((root, path.strip_prefix(&root.named).ok()?)));
        let Some((root, below)) = found else {
            return Err(
                Refusal::new(Reason::Denied, "outside of what was named to be read")
                    .code("ENOTNAMED"),
            );
        };
        let Some(real) = &root.real else {
            return Err(refusal(Errno::NOENT));
        };
        let whole = if below.as_os_str().is_empty() {
            real.clone()
        } else {
            real.join(below)
        };
        let name = whole.file_name().map(ToOwned::to_owned);
        let dir = whole.parent().unwrap_or(&whole).to_owned();
        Ok(Place {
            dir,
            name,
            device: root.device,
            root: real.clone(),
        })
    }

    /// The directory of a place, opened without following a link below its root.
    fn dir(&mut self, place: &Place) -> Result<&OwnedFd, Refusal> {
        let known = self.last.as_ref().is_some_and(|(dir, _)| *dir == place.dir);
        if !known {
            let opened = open_below(&place.root, &place.dir).map_err(refusal)?;
            self.last = Some((place.dir.clone(), opened));
        }
        match &self.last {
            Some((_, opened)) => Ok(opened),
            None => Err(refusal(Errno::NOENT)),
        }
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let place = self.place(path)?;
        let limit = self.limits.entries_max;
        let dir = self.dir(&place)?;
        let flags = OFlags::RDONLY
            | OFlags::DIRECTORY
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK;
        let opened = match &place.name {
            Some(name) => openat(dir, name.as_os_str(), flags, Mode::empty()),
            None => open("/", flags, Mode::empty()),
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(Errno::NOTDIR) => return Err(self.no_directory(&place)),
            Err(told) => return Err(refusal(told)),
        };
        let stat = fstat(&opened).map_err(refusal)?;
        if place
            .device
            .is_some_and(|device| device != device_of(&stat))
        {
            return Err(elsewhere());
        }
        let mut entries = Vec::new();
        for entry in Dir::read_from(&opened).map_err(refusal)? {
            let entry = entry.map_err(refusal)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if entries.len() == limit {
                let told = format!("a directory of more than {limit} entries");
                return Err(Refusal::new(Reason::Unsupported, told).code("E2BIG"));
            }
            // What vanished since is not there.
            let Ok(stat) = statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            entries.push(Entry {
                // Odd bytes become U+FFFD, by which a connector knows that it cannot ask for it.
                name: name.to_string_lossy().into_owned(),
                kind: kind_of(&stat, place.device),
                size: u64::try_from(stat.st_size).unwrap_or(0),
            });
        }
        Ok(entries)
    }

    /// Why something that should have been listed is no directory: another file system's file
    /// is a gap, anything else is simply none.
    fn no_directory(&mut self, place: &Place) -> Refusal {
        let device = place.device;
        let stat = match (self.dir(place), &place.name) {
            (Ok(dir), Some(name)) => statat(dir, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW).ok(),
            _ => None,
        };
        let is_file = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        match stat {
            Some(stat)
                if is_file(&stat) && device.is_some_and(|device| device != device_of(&stat)) =>
            {
                elsewhere()
            }
            _ => refusal(Errno::NOTDIR),
        }
    }

    /// A regular file, opened for reading.
    fn open(&mut self, path: &str) -> Result<(OwnedFd, Stat), Refusal> {
        let place = self.place(path)?;
        let Some(name) = &place.name else {
            return Err(refusal(Errno::ISDIR));
        };
        let dir = self.dir(&place)?;
        // Looked at before it is opened: opening a device may do something.
        let stat = statat(dir, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW).map_err(refusal)?;
        regular(&stat, place.device)?;
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(dir, name.as_os_str(), flags, Mode::empty()).map_err(refusal)?;
        // And after: it may have been replaced in between.
        let stat = fstat(&opened).map_err(refusal)?;
        regular(&stat, place.device)?;
        Ok((opened, stat))
    }

    fn read(&mut self, path: &str, bytes_max: u64) -> Result<File, Refusal> {
        let limit = bytes_max.min(self.limits.file_bytes_max);
        let (opened, stat) = self.open(path)?;
        let (bytes, cut) = contents(&opened, &stat, limit).map_err(refusal)?;
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(File {
            bytes,
            cut,
            mode: stat.st_mode & 0o7777,
        })
    }

    fn piece(&mut self, path: &str, from: u64) -> Result<Piece, Refusal> {
        let going_on = self
            .pieces
            .as_ref()
            .is_some_and(|(of, pieces)| of == path && pieces.at() == from);
        if !going_on {
            let (opened, _) = self.open(path)?;
            let pieces = Pieces::open(std::fs::File::from(opened), from)?;
            self.pieces = Some((path.to_owned(), pieces));
        }
        let Some((_, pieces)) = &mut self.pieces else {
            return Err(refusal(Errno::NOENT));
        };
        let piece = pieces.next();
        if piece.next.is_none() {
            self.pieces = None;
        }
        let bytes = u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(piece)
    }

    fn unpack(&mut self, path: &str, from: u64) -> Result<Unpacked, Refusal> {
        let going_on = self
            .archive
            .as_ref()
            .is_some_and(|(of, archive)| of == path && archive.at == from);
        if !going_on {
            let (opened, stat) = self.open(path)?;
            let file = rawzip::FileReader::from(std::fs::File::from(opened));
            let len = u64::try_from(stat.st_size).unwrap_or(0);
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            let archive = Archive::open(file, len, name, from, self.limits.archive)?;
            self.archive = Some((path.to_owned(), archive));
        }
        let Some((_, archive)) = &mut self.archive else {
            return Ok(Unpacked::default());
        };
        let some = archive.next();
        if !matches!(&some, Ok(some) if some.next.is_some()) {
            self.archive = None;
        }
        let some = some?;
        let files = some.entries.iter().filter_map(|entry| entry.file.as_ref());
        let bytes: usize = files.map(|file| file.bytes.len()).sum();
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        Ok(some)
    }
}

impl FilesPort {
    /// The history of a repository below a root is read as that root's own.
    fn blame(&self, dir: &str, lines: &[LineAt]) -> Result<Vec<Option<Written>>, Refusal> {
        self.place(dir)?;
        let below = |root: &&Root| Path::new(dir).starts_with(&root.named);
        let root = self
            .roots
            .iter()
            .find(below)
            .ok_or_else(|| Refusal::new(Reason::Unsupported, "outside of what was named"))?;
        super::git::blame(&root.named, dir, lines, &self.stop)
    }
}

impl Port for FilesPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        self.tick()?;
        match question {
            Question::List { dir } => self.list(dir).map(Answer::Entries),
            Question::Read { path, bytes_max } => self.read(path, *bytes_max).map(Answer::File),
            Question::Piece { path, from } => self.piece(path, *from).map(Answer::Piece),
            Question::Blame { dir, lines } => self.blame(dir, lines).map(Answer::Written),
            Question::Unpack { path, from } => self.unpack(path, *from).map(Answer::Unpacked),
            Question::Http(_)
            | Question::Sql(_)
            | Question::Redis { .. }
            | Question::Spire { .. }
            | Question::Ldap(_)
            | Question::Git { .. }
            | Question::GitChange { .. }
            | Question::Tls(_) => Err(Refusal::new(
                Reason::Unsupported,
                "a port to files answers nothing else",
            )),
        }
    }
}

impl Root {
    fn find(named: PathBuf) -> Self {
        let real = named.canonicalize().ok();
        let device = real
            .as_deref()
            .and_then(|real| statat(CWD, real, AtFlags::SYMLINK_NOFOLLOW).ok());
        Self {
            named,
            real,
            device: device.map(|stat| device_of(&stat)),
        }
    }
}

/// Opens `dir`, component by component from `root` on, so that no link put there meanwhile
/// leads out. Above `root` the way is as it was found.
fn open_below(root: &Path, dir: &Path) -> Result<OwnedFd, Errno> {
    #[cfg(target_os = "linux")]
    let way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let way = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (start, below) = match dir.strip_prefix(root) {
        Ok(below) => (root, below),
        // The directory that holds the root itself.
        Err(_) => (dir, Path::new("")),
    };
    let mut at = open(start, way, Mode::empty())?;
    for part in below.components() {
        at = openat(&at, part.as_os_str(), way, Mode::empty())?;
    }
    Ok(at)
}

/// At most `limit` bytes, and whether there were more.
fn contents(file: &OwnedFd, stat: &Stat, limit: u64) -> Result<(Secret, bool), Errno> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let size = usize::try_from(stat.st_size).unwrap_or(0).min(limit);
    // Room for all of it and a byte more: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(size.saturating_add(1));
    loop {
        let filled = bytes.len();
        if filled == bytes.capacity() {
            if filled > limit {
                break;
            }
            // It grew since, or its size is not told, as in /proc.
            let room = filled
                .saturating_mul(2)
                .clamp(4096, limit.saturating_add(1));
            let mut wider = Vec::with_capacity(room.max(filled + 1));
            wider.extend_from_slice(&bytes);
            drop(Secret::new(std::mem::replace(&mut bytes, wider)));
        }
        match rustix::io::read(file.as_fd(), spare_capacity(&mut bytes)) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(told) => {
                drop(Secret::new(bytes));
                return Err(told);
            }
        }
    }
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((Secret::new(bytes), cut))
}

fn regular(stat: &Stat, device: Option<u64>) -> Result<(), Refusal> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if device.is_none_or(|device| device == device_of(stat)) => Ok(()),
        FileType::RegularFile => Err(elsewhere()),
        FileType::Symlink => Err(refusal(Errno::LOOP)),
        FileType::Directory => Err(refusal(Errno::ISDIR)),
        _ => Err(Refusal::new(Reason::Unsupported, "a device, a pipe or a socket").code("ENXIO")),
    }
}

fn kind_of(stat: &Stat, device: Option<u64>) -> EntryKind {
    let here = device.is_none_or(|device| device == device_of(stat));
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory if here => EntryKind::Directory,
        FileType::RegularFile if here => EntryKind::File,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

#[cfg_attr(
    target_os = "linux",
    expect(
        clippy::useless_conversion,
        reason = "the type differs between systems"
    )
)]
fn device_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_dev).unwrap_or(u64::MAX)
}

fn elsewhere() -> Refusal {
    Refusal::new(
        Reason::Unsupported,
        "on another file system; name it to have it read",
    )
    .code("EXDEV")
}

fn refusal(told: Errno) -> Refusal {
    let (reason, code, words) = match told {
        Errno::ACCESS => (Reason::Denied, "EACCES", "permission denied"),
        Errno::PERM => (Reason::Denied, "EPERM", "not permitted"),
        Errno::NOENT => (Reason::Failed, "ENOENT", "not there"),
        Errno::NOTDIR => (Reason::Failed, "ENOTDIR", "not a directory"),
        Errno::ISDIR => (Reason::Failed, "EISDIR", "a directory"),
        Errno::LOOP => (
            Reason::Unsupported,
            "ELOOP",
            "a symbolic link, which is not followed",
        ),
        Errno::NAMETOOLONG => (
            Reason::Unsupported,
            "ENAMETOOLONG",
            "a name that is too long",
        ),
        Errno::MFILE | Errno::NFILE => (Reason::Throttled, "EMFILE", "too many open files"),
        other => return Refusal::new(Reason::Failed, std::io::Error::from(other).to_string()),
    };
    Refusal::new(reason, words).code(code)
}

#[cfg(test)]
mod tests;
