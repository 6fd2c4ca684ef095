//! What lies in archives and in container images, read as files are.
//!
//! What is in them is kept until the last entry is read: only then is known which of them are
//! layers of an image, in which order, and what later ones take away.

mod whereabouts;

use std::collections::BTreeMap;

use model::{Attribute, Reason, Secret};

use super::image::{self, Names};
use super::pairs::At;
use super::place::place_in;
use super::search::{secret_in, seen_in};
use super::sight;
use super::walk::{Walk, is_absent, join, say_cut};
use crate::context::of_each;
use crate::formats::{self, Seen};
use crate::{Context, Detector, Entry, EntryKind, Error, File, Packed, Packing, Refusal, Stop};
use whereabouts::{Facts, Whereabouts};

/// What stands between an archive and what lies in it.
const IN: &str = "!/";
/// More credentials, certificates and things than this in one archive are not kept.
const ITEMS_MAX: usize = 100_000;
/// A longer document is none of an image.
const DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// Documents of one archive that are kept until its images are known.
const DOCUMENTS_BYTES_MAX: usize = 64 << 20;
/// More entries than this are not asked for; the port's own limit is far below it.
const ENTRIES_MAX: u64 = 100_000_000;

/// What one archive, or one directory that is an image, was seen to hold.
struct Held {
    /// What stands before each place in it: `/srv/app.tar!/`, `/srv/layout/`.
    base: String,
    files: Vec<One>,
    /// How much those files hold.
    items: usize,
    /// Places in it (empty: all of it), and why they could not be read.
    gaps: Vec<(String, Refusal)>,
    documents: BTreeMap<String, Secret>,
    document_bytes: usize,
    /// Names by the archive they are in; empty for the outermost.
    names: BTreeMap<String, Names>,
}

/// A file in which something was seen.
struct One {
    inside: String,
    mode: u32,
    seen: Seen,
}

/// Whether these entries are those of an OCI image layout.
pub(super) fn is_layout(entries: &[Entry]) -> bool {
    ["oci-layout", "index.json"]
        .iter()
        .all(|name| entries.iter().any(|entry| entry.name == *name))
}

impl Walk<'_, '_> {
    /// Reads an archive.
    pub(super) fn archive(&mut self, path: &str) -> Result<(), Stop> {
        let mut held = Held::new(format!("{path}{IN}"));
        let stopped = self.unpack(path, "", &mut held);
        // What was read before somebody stopped it stays.
        self.tell(held)?;
        stopped
    }

    /// Reads a directory that is an image: its layers are archives in it.
    pub(super) fn layout(&mut self, dir: &str) -> Result<(), Stop> {
        let mut held = Held::new(join(dir, ""));
        let stopped = self.blobs(dir, &mut held);
        self.tell(held)?;
        stopped
    }

    fn blobs(&mut self, dir: &str, held: &mut Held) -> Result<(), Stop> {
        for name in ["index.json", "manifest.json"] {
            self.blob(dir, name.to_owned(), held)?;
        }
        let blobs = join(dir, "blobs");
        for algorithm in self.list(&blobs)?.unwrap_or_default() {
            if algorithm.kind != EntryKind::Directory {
                continue;
            }
            let below = join(&blobs, &algorithm.name);
            for entry in self.list(&below)?.unwrap_or_default() {
                if entry.kind == EntryKind::File {
                    let inside = format!("blobs/{}/{}", algorithm.name, entry.name);
                    self.blob(dir, inside, held)?;
                }
            }
        }
        Ok(())
    }

    fn blob(&mut self, dir: &str, inside: String, held: &mut Held) -> Result<(), Stop> {
        let path = join(dir, &inside);
        if !self.is_first_visit(&path) {
            return Ok(());
        }
        let Some(head) = self.head(&path)? else {
            return Ok(());
        };
        if Packing::of(head.bytes.expose()).is_some() {
            return self.unpack(&path, &format!("{inside}{IN}"), held);
        }
        let worth = super::bytes_worth_reading(&inside, head.bytes.expose());
        if worth > 0
            && let Some(file) = self.read(&path, worth)?
        {
            let seen = look(self.cx.detector(), &inside, &file);
            held.keep(self.cx, &inside, &file, seen);
        }
        Ok(())
    }

    /// Keeps what the archive at `path` holds, each place in it behind `prefix`.
    fn unpack(&mut self, path: &str, prefix: &str, held: &mut Held) -> Result<(), Stop> {
        let part = prefix.strip_suffix(IN).unwrap_or(prefix);
        let mut next = Some(0);
        while let Some(from) = next {
            let some = match self.cx.unpack(path, from) {
                Ok(some) => some,
                Err(refusal) => {
                    let stop = refusal.stop;
                    held.gaps.push((part.to_owned(), refusal));
                    return if stop { Err(Stop) } else { Ok(()) };
                }
            };
            for (inside, refusal) in some.gaps {
                let inside = match inside.as_str() {
                    "" => part.to_owned(),
                    _ => format!("{prefix}{inside}"),
                };
                held.gaps.push((inside, refusal));
            }
            held.take(self.cx, prefix, &some.entries);
            let told = if held.items > ITEMS_MAX {
                format!("holds more than {ITEMS_MAX} credentials and things; the rest was not read")
            } else if from > ENTRIES_MAX {
                format!("holds more than {ENTRIES_MAX} entries; the rest was not read")
            } else {
                // An answer that leads nowhere would be asked for ever.
                next = some.next.filter(|next| *next > from);
                continue;
            };
            let refusal = Refusal::new(Reason::Unsupported, told);
            held.gaps.push((part.to_owned(), refusal));
            return Ok(());
        }
        Ok(())
    }

    /// Tells what was held, in the order of places and put together by directory.
    fn tell(&mut self, mut held: Held) -> Result<(), Stop> {
        let (files, gaps) = (
            std::mem::take(&mut held.files),
            std::mem::take(&mut held.gaps),
        );
        let images = image::images(&held.documents);
        let whereabouts = Whereabouts::of(&held, &images);
        let mut files: Vec<_> = files
            .into_iter()
            .map(|one| (whereabouts.path(&one.inside), one))
            .collect();
        let dir = |path: &str| path.rsplit_once('/').unwrap_or_default().0.to_owned();
        files.sort_by_cached_key(|(path, one)| (dir(path), path.clone(), one.inside.clone()));
        let mut facts = BTreeMap::new();
        let mut last = String::new();
        for (path, one) in files {
            if dir(&path) != last {
                self.settle_packed(&mut facts);
                last = dir(&path);
            }
            if let Some(told) = whereabouts.facts(&one.inside) {
                facts.insert(path.clone(), told);
            }
            let place = place_in(&whereabouts.archive, &inner(&one.inside));
            let at = At {
                path,
                mode: one.mode,
                place,
            };
            self.keep(&at, one.seen)?;
        }
        self.settle_packed(&mut facts);
        for (inside, refusal) in gaps {
            self.refused(&whereabouts.path(&inside), &refusal)?;
        }
        Ok(())
    }

    fn settle_packed(&mut self, facts: &mut BTreeMap<String, Facts>) {
        for mut told in self.kept.settle(self.cx) {
            let place = told.fact(&Attribute::PLACE);
            let place = place
                .is()
                .and_then(|place| place.text())
                .unwrap_or_default();
            if let Some(facts) = facts.get(place) {
                told = facts.tell(told);
            }
            let told = self.with_owners(told);
            self.cx.observe(told);
        }
        facts.clear();
    }
}

impl Held {
    fn new(base: String) -> Self {
        Self {
            base,
            files: Vec::new(),
            items: 0,
            gaps: Vec::new(),
            documents: BTreeMap::new(),
            document_bytes: 0,
            names: BTreeMap::new(),
        }
    }

    fn take(&mut self, cx: &mut Context<'_>, prefix: &str, entries: &[Packed]) {
        let mut files = Vec::new();
        for entry in entries {
            let inside = format!("{prefix}{}", entry.path);
            let (archive, name) = inside.rsplit_once(IN).unwrap_or(("", &inside));
            let names = self.names.entry(archive.to_owned()).or_default();
            names.note(name, entry.kind);
            if !is_in_git(name) {
                files.extend(entry.file.as_ref().map(|file| (inside, file)));
            } else if name.ends_with("/HEAD") || name == ".git/HEAD" {
                cx.set_aside("git history");
            }
        }
        let detector = cx.detector();
        let seen = of_each(cx.workers(), &files, |(inside, file)| {
            look(detector, inside, file)
        });
        for ((inside, file), seen) in files.iter().zip(seen) {
            self.keep(cx, inside, file, seen);
        }
    }

    /// Keeps what was seen in a file.
    fn keep(&mut self, cx: &mut Context<'_>, inside: &str, file: &File, mut seen: Seen) {
        let path = inner(inside);
        if file.cut {
            say_cut(formats::known_by_name(&path), &mut seen);
        }
        let place = place_in(self.archive(), &path);
        for (reason, told) in std::mem::take(&mut seen.gaps) {
            if !place.is_for_show() {
                self.gaps
                    .push((inside.to_owned(), Refusal::new(reason, told)));
            }
        }
        for what in std::mem::take(&mut seen.aside) {
            cx.set_aside(what);
        }
        self.document(inside, &file.bytes);
        let items = seen.found.len()
            + seen.keys.len()
            + seen.publics.len()
            + seen.certificates.len()
            + seen.things.len();
        if items > 0 {
            self.items += items;
            self.files.push(One {
                inside: inside.to_owned(),
                mode: file.mode,
                seen,
            });
        }
    }

    /// Keeps what may tell of an image.
    fn document(&mut self, inside: &str, bytes: &Secret) {
        let name = formats::name_of(inside);
        let may_be = name.ends_with(".json") || format!("/{inside}").contains("/blobs/");
        let is_json = matches!(bytes.expose().trim_ascii_start().first(), Some(b'{' | b'['));
        let room = DOCUMENTS_BYTES_MAX.saturating_sub(self.document_bytes);
        if may_be && is_json && bytes.len() <= DOCUMENT_BYTES_MAX.min(room) {
            self.document_bytes += bytes.len();
            self.documents.insert(inside.to_owned(), bytes.clone());
        }
    }

    /// The archive's own path.
    fn archive(&self) -> &str {
        self.base.trim_end_matches('/').trim_end_matches('!')
    }
}

/// What every format that knows a file sees in it, and rules do.
fn look(detector: Option<&dyn Detector>, inside: &str, file: &File) -> Seen {
    seen_in(detector, &inner(inside), file.bytes.expose())
}

/// Of a repository's insides only its own configuration is read, as in a directory.
fn is_in_git(name: &str) -> bool {
    let below = match name.find(".git/") {
        Some(0) => &name[".git/".len()..],
        Some(at) if name.as_bytes()[at - 1] == b'/' => &name[at + ".git/".len()..],
        _ => return false,
    };
    below != "config"
}

/// Where something is by the innermost archive, as a path from that archive's root.
fn inner(inside: &str) -> String {
    let name = inside.rsplit_once(IN).map_or(inside, |(_, name)| name);
    format!("/{name}")
}

/// Reads again the secret that bears `mark` and lay at `path` in an archive; none where it is
/// there no longer.
pub(super) fn read_again(
    cx: &mut Context<'_>,
    path: &str,
    mark: &str,
) -> Result<Option<Secret>, Error> {
    let Some((_, name)) = path.rsplit_once(IN) else {
        return Ok(None);
    };
    for archive in archives_of(cx, path) {
        let mut next = Some(0);
        while let Some(from) = next.filter(|from| *from <= ENTRIES_MAX) {
            let some = match cx.unpack(&archive, from) {
                Ok(some) => some,
                Err(refusal) if is_absent(&refusal) || refusal.code == "EISDIR" => break,
                Err(refusal) => return Err(refusal.into()),
            };
            for entry in &some.entries {
                let inner = inner(&entry.path);
                if inner[1..] == *name
                    && let Some(file) = &entry.file
                    && let Some(found) = secret_in(cx, &inner, file.bytes.expose(), mark)
                {
                    return Ok(Some(found));
                }
            }
            next = some.next.filter(|next| *next > from);
        }
    }
    Ok(None)
}

/// The files that may be the archive in which `path` lies: what stands before one of its marks,
/// and the blobs of a layout whose digest it names.
fn archives_of(cx: &mut Context<'_>, path: &str) -> Vec<String> {
    let mut archives = Vec::new();
    for (at, _) in path.match_indices(IN) {
        let file = &path[..at];
        let Some((layout, digest)) = file.rsplit_once(sight::LAYER) else {
            archives.push(file.to_owned());
            continue;
        };
        archives.push(layout.to_owned());
        let blobs = join(layout, "blobs/sha256");
        let blob = cx.list(&blobs).ok().and_then(|entries| {
            let named = |entry: &Entry| !digest.is_empty() && entry.name.starts_with(digest);
            entries.into_iter().find(named)
        });
        archives.extend(blob.map(|entry| join(&blobs, &entry.name)));
    }
    archives
}
