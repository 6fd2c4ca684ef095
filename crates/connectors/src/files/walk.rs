//! The walk through directories: what is opened, how much of it, and what becomes a gap.
//!
//! **Invariant:** links are not followed, and no bound is passed in silence: what is not read
//! because of one is a gap.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Observation, Reason, Scope};

use super::archive;
use super::batch::{Batch, ReadFile, Waiting};
use super::kept::Kept;
use super::lines::Lines;
use super::pairs::At;
use super::place::{Place, is_dull, place_below};
use super::{FILE_BYTES_MAX, SEARCH_BYTES_MAX, sight};
use crate::code_owners::{self, CodeOwners};
use crate::formats::{self, Seen, as_utf8};
use crate::packing::is_packed_name;
use crate::{Context, Entry, EntryKind, File, Packing, Refusal, Stop};

/// So much of it is looked at to tell text from other bytes.
const HEAD_BYTES: u64 = 4096;
/// A file no longer than this is read at once: to open it twice would cost more than to read
/// all of it in vain.
const AT_ONCE_BYTES: u64 = 256 * 1024;
/// Directories deeper than this below where a search began are not opened.
const DEPTH_MAX: usize = 64;
/// Keys and certificates of one directory that are put together; more are taken in batches.
const PAIRS_MAX: usize = 20_000;
/// More of what files of variables hold does not wait for services of directories below.
const VARIABLES_MAX: usize = 5_000;
/// Gaps of single files in one directory; one more says that there are others.
const FILE_GAPS_MAX: usize = 100;
/// Of more directories at once they are not counted.
const GAP_DIRS_MAX: usize = 10_000;

/// What is counted of links below a directory that is searched.
const LINK: &str = "symbolic link, not followed";

/// A walk.
pub(super) struct Walk<'cx, 'a> {
    pub(super) cx: &'cx mut Context<'a>,
    /// Whether one root is all there is to read.
    alone: bool,
    /// Whether rules search the text: only in what a person named (decision 21).
    searching: bool,
    /// What they named last.
    pub(super) root: String,
    /// Directories that they named as sources of their own: a report may tell of those.
    pub(super) beside: Vec<String>,
    /// Files and directories that were read: known places and roots may overlap.
    visited: BTreeSet<String>,
    pub(super) kept: Kept,
    /// Repositories met on the way, with whom their `CODEOWNERS` names.
    owned: Vec<(String, CodeOwners)>,
    /// Files that reports name and that were compared with them.
    pub(super) compared: usize,
    /// Lines whose authors are to be asked for.
    lines: Lines,
    /// What files of variables hold: a service of a directory below may be given one of them.
    variables: Vec<Observation>,
    /// Files that are read and wait to be looked at.
    batch: Batch,
    /// How many gaps there are of single entries of which directory.
    gaps: BTreeMap<String, usize>,
}

/// Whether the refusal says that nothing is there: an absence, not a gap.
pub(super) fn is_absent(refusal: &Refusal) -> bool {
    matches!(refusal.code.as_str(), "ENOENT" | "ENOTDIR") && !refusal.stop
}

/// A name in a directory as a path.
pub(super) fn join(dir: &str, name: &str) -> String {
    if dir.ends_with('/') {
        format!("{dir}{name}")
    } else {
        format!("{dir}/{name}")
    }
}

impl<'cx, 'a> Walk<'cx, 'a> {
    pub(super) fn new(cx: &'cx mut Context<'a>, alone: bool) -> Self {
        Self {
            beside: super::list(cx.option("beside")),
            cx,
            alone,
            searching: false,
            root: String::new(),
            visited: BTreeSet::new(),
            kept: Kept::default(),
            owned: Vec::new(),
            compared: 0,
            lines: Lines::default(),
            variables: Vec::new(),
            batch: Batch::default(),
            gaps: BTreeMap::new(),
        }
    }

    /// Searches a directory, or reads a file, that a person named: it has to be there.
    pub(super) fn root(&mut self, path: &str) -> Result<(), Stop> {
        self.searching = true;
        path.clone_into(&mut self.root);
        match self.cx.list(path) {
            Ok(entries) => self.search(path, Some(entries)),
            Err(refusal) if refusal.code == "ENOTDIR" => self.named_file(path, true),
            Err(refusal) => {
                let whole = Scope::whole();
                // Where it is all that was asked for, all of the source is hidden.
                let part = if self.alone {
                    whole
                } else {
                    sight::scope(path)
                };
                let needs = needs(path);
                self.cx.gap(&part, &refusal, Some(&needs))
            }
        }
    }

    /// Reads a file in a known place: it need not be there.
    pub(super) fn place(&mut self, path: &str) -> Result<(), Stop> {
        self.named_file(path, false)
    }

    /// Searches a directory in full.
    pub(super) fn below(&mut self, dir: &str) -> Result<(), Stop> {
        self.search(dir, None)
    }

    /// A directory's entries; `None` where it is not there or became a gap.
    pub(super) fn list(&mut self, dir: &str) -> Result<Option<Vec<Entry>>, Stop> {
        match self.cx.list(dir) {
            Ok(entries) => Ok(Some(self.named(dir, entries)?)),
            Err(refusal) if is_absent(&refusal) => Ok(None),
            Err(refusal) => self.refused(dir, &refusal).map(|()| None),
        }
    }

    /// A link where a credential usually lies.
    pub(super) fn link(&mut self, path: &str) -> Result<(), Stop> {
        let told = "a symbolic link, which is not followed; name what it leads to";
        self.refused(path, &Refusal::new(Reason::Unsupported, told))
    }

    /// Something that is neither file nor directory here: another file system is a gap, and so
    /// is a pipe under a name that a format knows; other sockets and devices are nothing to read.
    pub(super) fn other(&mut self, path: &str) -> Result<(), Stop> {
        match self.cx.list(path) {
            Err(refusal) if !is_absent(&refusal) => self.refused(path, &refusal),
            Err(refusal) if refusal.code == "ENOTDIR" && formats::known_by_name(path) => {
                let told = "a pipe, a socket or a device, which is not read";
                self.refused(path, &Refusal::new(Reason::Unsupported, told))
            }
            _ => Ok(()),
        }
    }

    /// Reads files of one directory, and puts together what belongs together.
    pub(super) fn files(&mut self, dir: &str, entries: &[Entry]) -> Result<(), Stop> {
        for entry in entries {
            let path = join(dir, &entry.name);
            self.file(&path, entry.size)?;
        }
        self.wait(Waiting::Settle)
    }

    /// Reads a file that somebody named, or that has a name of its own: all that is read of one
    /// that a directory holds, and also where its name says that it is worth nothing.
    fn named_file(&mut self, path: &str, must_be: bool) -> Result<(), Stop> {
        if must_be && self.head_is_archive(path) {
            self.visited.insert(path.to_owned());
            return self.archive(path);
        }
        let known = !must_be || formats::known_by_name(path);
        match self.cx.read(path, bytes_max(known)) {
            Ok(file) => {
                self.visited.insert(path.to_owned());
                self.take(path, file, known)?;
                self.wait(Waiting::Settle)
            }
            Err(refusal) if is_absent(&refusal) && !must_be => Ok(()),
            Err(refusal) => self.refused(path, &refusal),
        }
    }

    fn search(&mut self, root: &str, entries: Option<Vec<Entry>>) -> Result<(), Stop> {
        let mut waiting = vec![(root.to_owned(), 0)];
        let mut first = entries;
        while let Some((dir, depth)) = waiting.pop() {
            if !self.visited.insert(format!("{dir}/")) {
                continue;
            }
            let entries = match first.take() {
                Some(entries) => Some(self.named(&dir, entries)?),
                None => self.list(&dir)?,
            };
            let Some(entries) = entries else { continue };
            if depth > 0 && entries.iter().any(|entry| entry.name == "CACHEDIR.TAG") {
                // Its maker says that it can be made again at any time (bford.info/cachedir).
                self.cx.set_aside("cache directory");
                continue;
            }
            let is_repository = entries.iter().any(|entry| entry.name == ".git");
            if is_repository && self.cx.option("no_history").is_none() {
                self.lines.repository(&dir);
            }
            if depth == 0 || is_repository {
                self.code_owners(&dir, &entries)?;
            }
            if self.searching && archive::is_layout(&entries) {
                self.layout(&dir)?;
            }
            let (files, dirs): (Vec<_>, Vec<_>) = entries
                .into_iter()
                .partition(|entry| entry.kind == EntryKind::File);
            self.files(&dir, &files)?;
            // Last in, first out: in reverse, so that the walk goes by name.
            for entry in dirs.iter().rev() {
                let path = join(&dir, &entry.name);
                match entry.kind {
                    EntryKind::Directory if entry.name == ".git" => self.git(&path)?,
                    EntryKind::Directory if depth >= DEPTH_MAX => {
                        let told = format!("more than {DEPTH_MAX} directories deep");
                        self.refused(&path, &Refusal::new(Reason::Unsupported, told))?;
                    }
                    EntryKind::Directory => waiting.push((path, depth + 1)),
                    EntryKind::Other => self.other(&path)?,
                    EntryKind::Link => self.cx.set_aside(LINK),
                    EntryKind::File => {}
                }
            }
        }
        Ok(())
    }

    /// Learns whom the `CODEOWNERS` of a repository names, wherever it keeps it.
    fn code_owners(&mut self, root: &str, entries: &[Entry]) -> Result<(), Stop> {
        let has = |place: &&&str| {
            let first = place.split('/').next();
            entries
                .iter()
                .any(|entry| Some(entry.name.as_str()) == first)
        };
        for place in code_owners::PLACES.iter().filter(has) {
            let path = join(root, place);
            match self.cx.read(&path, code_owners::BYTES_MAX) {
                Ok(file) => {
                    let text = String::from_utf8_lossy(file.bytes.expose());
                    self.owned.push((root.to_owned(), CodeOwners::parse(&text)));
                    return Ok(());
                }
                Err(refusal) if is_absent(&refusal) => {}
                Err(refusal) => self.refused(&path, &refusal)?,
            }
        }
        Ok(())
    }

    /// `told` with whom the innermost repository around it names for its file.
    pub(super) fn with_owners(&self, told: Observation) -> Observation {
        let place = told.fact(&Attribute::PLACE);
        let Some(path) = place.is().and_then(|place| place.text()).map(str::to_owned) else {
            return told;
        };
        let mut around: Option<(&str, &CodeOwners)> = None;
        for (root, owners) in &self.owned {
            let below = path
                .strip_prefix(root.as_str())
                .is_some_and(|rest| root.ends_with('/') || rest.starts_with('/'));
            if below && around.is_none_or(|(known, _)| known.len() < root.len()) {
                around = Some((root, owners));
            }
        }
        match around {
            Some((root, owners)) => owners.tell(told, &path[root.len()..]),
            None => told,
        }
    }

    /// Of a repository's insides only its own configuration is read, as bytes (CL-11).
    fn git(&mut self, dir: &str) -> Result<(), Stop> {
        self.cx.set_aside("git history");
        self.place(&join(dir, "config"))
    }

    /// Entries that can be asked for; the others become gaps.
    fn named(&mut self, dir: &str, entries: Vec<Entry>) -> Result<Vec<Entry>, Stop> {
        let mut out = Vec::with_capacity(entries.len());
        for entry in entries {
            let odd = matches!(entry.name.as_str(), "" | "." | "..")
                || entry
                    .name
                    .contains(['/', '\0', char::REPLACEMENT_CHARACTER]);
            if odd {
                let path = join(dir, &entry.name.replace('/', "_"));
                let told = "a name that is no UTF-8 or no name";
                self.refused(&path, &Refusal::new(Reason::Unsupported, told))?;
            } else {
                out.push(entry);
            }
        }
        Ok(out)
    }

    fn file(&mut self, path: &str, size: u64) -> Result<(), Stop> {
        let known = formats::known_by_name(path);
        let name = formats::name_of(path);
        let packed = is_packed_name(name);
        // What is packed in a package is published, too.
        let closed = packed && (!self.searching || self.kind_of(path) == Place::Package);
        if (!known && (is_dull(name) || closed))
            || size == 0 && !formats::holds_something(path)
            || !self.visited.insert(path.to_owned())
        {
            return Ok(());
        }
        if (packed || !known) && size > AT_ONCE_BYTES {
            let Some(head) = self.read(path, HEAD_BYTES)? else {
                return Ok(());
            };
            if self.is_archive(&head) && !closed {
                return self.archive(path);
            }
            if !known && !is_text(head.bytes.expose()) {
                let is_blank = head.bytes.expose().iter().all(|byte| *byte == 0);
                return match packed && !closed && !is_blank {
                    true => self.no_archive(path),
                    false => Ok(()),
                };
            }
        }
        match self.read(path, bytes_max(known))? {
            Some(file) if self.is_archive(&file) && !closed => self.archive(path),
            Some(file) if known || is_text(file.bytes.expose()) => self.take(path, file, known),
            Some(file)
                if packed && !closed && file.bytes.expose().iter().any(|byte| *byte != 0) =>
            {
                self.no_archive(path)
            }
            _ => Ok(()),
        }
    }

    /// What is called an archive and begins like none.
    fn no_archive(&mut self, path: &str) -> Result<(), Stop> {
        if self.kind_of(path).is_for_show() {
            return Ok(());
        }
        let told = "expected an archive or a compressed file, got something else";
        self.refused(path, &Refusal::new(Reason::Failed, told))
    }

    /// What kind of place it is.
    fn kind_of(&self, path: &str) -> Place {
        place_below(&self.root, path)
    }

    /// Whether it is opened: archives are only in what a person named.
    fn is_archive(&self, file: &File) -> bool {
        self.searching && Packing::of(file.bytes.expose()).is_some()
    }

    /// The same of a file that is not read yet: what is packed in it may be long.
    fn head_is_archive(&mut self, path: &str) -> bool {
        let head = self.cx.read(path, HEAD_BYTES);
        head.is_ok_and(|head| self.is_archive(&head))
    }

    /// Whether a file or directory is visited for the first time.
    pub(super) fn is_first_visit(&mut self, path: &str) -> bool {
        self.visited.insert(path.to_owned())
    }

    /// Reads the beginning of a file: enough to tell what it is.
    pub(super) fn head(&mut self, path: &str) -> Result<Option<File>, Stop> {
        self.read(path, HEAD_BYTES)
    }

    pub(super) fn read(&mut self, path: &str, bytes_max: u64) -> Result<Option<File>, Stop> {
        match self.cx.read(path, bytes_max) {
            Ok(file) => Ok(Some(file)),
            Err(refusal) if is_absent(&refusal) => Ok(None),
            Err(refusal) => self.refused(path, &refusal).map(|()| None),
        }
    }

    /// Hands in a file that was read, to be looked at with others.
    fn take(&mut self, path: &str, file: File, known: bool) -> Result<(), Stop> {
        let one = ReadFile {
            path: path.to_owned(),
            file,
            known,
            searched: self.searching,
        };
        self.wait(Waiting::File(one))
    }

    fn wait(&mut self, one: Waiting) -> Result<(), Stop> {
        match self.batch.take(one) {
            true => self.look(),
            false => Ok(()),
        }
    }

    /// Looks at all that waits, and keeps what is in it.
    fn look(&mut self) -> Result<(), Stop> {
        let mut stopped = Ok(());
        for (one, seen) in self.batch.look(self.cx.workers(), self.cx.detector()) {
            match (one, seen) {
                (Waiting::File(one), Some(seen)) if stopped.is_ok() => {
                    stopped = self.keep_file(&one, seen);
                    if self.kept.waiting() > PAIRS_MAX || stopped.is_err() {
                        self.settle();
                    }
                }
                (Waiting::File(_), _) => {}
                (Waiting::Settle, _) => self.settle(),
            }
        }
        stopped
    }

    /// Keeps what one file holds.
    fn keep_file(&mut self, one: &ReadFile, mut seen: Seen) -> Result<(), Stop> {
        let path = one.path.as_str();
        if one.searched {
            self.match_reported(path, &mut seen);
        }
        if one.file.cut {
            say_cut(one.known, &mut seen);
        }
        let place = self.kind_of(path);
        if !place.is_for_show() {
            for (reason, told) in std::mem::take(&mut seen.gaps) {
                self.refused(path, &Refusal::new(reason, told))?;
            }
        }
        if place != Place::Package {
            let bytes = as_utf8(one.file.bytes.expose());
            self.lines.remember(path, &bytes, &seen);
        }
        let at = At {
            path: path.to_owned(),
            mode: one.file.mode,
            place,
        };
        self.keep(&at, seen)
    }

    /// Observes what a file holds; what cannot be named is a gap.
    pub(super) fn keep(&mut self, at: &At, seen: Seen) -> Result<(), Stop> {
        if self.kept.take(self.cx, at, seen) {
            return Ok(());
        }
        let told = "what lies there cannot be named: the path is too long";
        self.refused(&at.path, &Refusal::new(Reason::Unsupported, told))
    }

    /// Puts together what waits, and observes it.
    fn settle(&mut self) {
        for told in self.kept.settle(self.cx) {
            let told = self.with_owners(told);
            if let Some(told) = self.lines.keep(told) {
                self.observe(told);
            }
        }
        if self.lines.are_many() {
            self.ask();
        }
    }

    /// Observes what still waits, for its authors or for services.
    pub(super) fn finish(&mut self) {
        // Who was stopped hears it once; what was read before stays.
        let _ = self.look();
        self.ask();
        let mut variables = std::mem::take(&mut self.variables);
        self.kept.hand(&mut variables);
        for told in variables {
            self.cx.observe(told);
        }
    }

    /// Asks who wrote the lines that wait for it.
    fn ask(&mut self) {
        for told in self.lines.ask(self.cx) {
            self.observe(told);
        }
    }

    fn observe(&mut self, told: Observation) {
        let place = told.fact(&Attribute::PLACE);
        let path = place.is().and_then(|place| place.text());
        if path.is_some_and(may_be_handed) && self.variables.len() < VARIABLES_MAX {
            self.variables.push(told);
        } else {
            self.cx.observe(told);
        }
    }

    pub(super) fn refused(&mut self, path: &str, refusal: &Refusal) -> Result<(), Stop> {
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        // Files wait to be looked at while the walk goes on: those of a few directories at once.
        if self.gaps.len() > GAP_DIRS_MAX {
            self.gaps.clear();
        }
        let count = self.gaps.entry(dir.to_owned()).or_default();
        *count += 1;
        let count = *count;
        let needs = needs(path);
        if count <= FILE_GAPS_MAX || refusal.stop {
            return self.cx.gap(&sight::scope(path), refusal, Some(&needs));
        }
        if count == FILE_GAPS_MAX + 1 {
            let told = format!("more than {FILE_GAPS_MAX} entries that could not be read");
            let refusal = Refusal::new(refusal.reason, told);
            return self.cx.gap(&sight::scope(dir), &refusal, Some(&needs));
        }
        Ok(())
    }
}

/// Whether a service of a directory that comes later may say that it is given this file.
fn may_be_handed(path: &str) -> bool {
    // Where systems keep variables of units, and credentials for them.
    let for_units = ["/default/", "/sysconfig/", "/conf.d/", "/credstore/"];
    let is_of = |name: &str| {
        let format = formats::format(name);
        format.is_some_and(|one| one.recognises(path, formats::name_of(path)))
    };
    is_of("dotenv") || for_units.iter().any(|dir| path.contains(dir))
}

fn needs(path: &str) -> String {
    format!("read permission on {}, or run as root", model::clean(path))
}

/// Whether bytes begin as a text does: it holds no zero byte once it is read as what it says it is.
pub fn is_text(bytes: &[u8]) -> bool {
    let head = as_utf8(bytes.get(..8192).unwrap_or(bytes));
    memchr::memchr(0, &head).is_none()
}

/// A file that a format knows by name is read up to here; any other text is searched further.
const fn bytes_max(known: bool) -> u64 {
    if known {
        FILE_BYTES_MAX
    } else {
        SEARCH_BYTES_MAX
    }
}

/// Says that a file is longer than what was read of it.
pub(super) fn say_cut(known: bool, seen: &mut Seen) {
    let limit = bytes_max(known) >> 20;
    seen.unsupported(format!(
        "longer than {limit} MiB; only its beginning was read"
    ));
}

/// How many bytes are worth reading of a file at `path` that begins with `head`: none of what
/// holds no text and is known by no format. For whoever unpacks files before they are asked for.
pub fn bytes_worth_reading(path: &str, head: &[u8]) -> u64 {
    let known = formats::known_by_name(path);
    if !known && (is_dull(formats::name_of(path)) || !is_text(head)) {
        return 0;
    }
    bytes_max(known)
}
