//! Who wrote lines: the commit that brought each of them in, by a walk from the newest commit.
//!
//! A line is older than a commit if the same words stand in what one of its parents has at that
//! path; where a parent has nothing there, in the file of the very same content that it has
//! elsewhere, because it was moved. That is no comparison line by line: of two equal lines in a
//! file the older one is meant, and indenting one anew does not make it new. For the line of a
//! secret or the head of a declaration, which stand there once, it is the same.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use connectors::{LineAt, Refusal, Written, line_mark};
use gix_hash::ObjectId;
use gix_object::FindExt as _;
use gix_odb::HeaderExt as _;
use model::{Timestamp, shorten};

use super::GitLimits;
use super::people::People;
use super::repository::Repository;

/// Commits walked; lines that are older have no author.
const COMMITS_MAX: usize = 20_000;
/// Directories kept in mind.
const TREES_MAX: usize = 20_000;
/// Files of one commit among which a moved one is looked for.
const MOVED_MAX: usize = 50_000;
/// Files of a commit are counted up to here.
const FILES_MAX: u32 = 1_000;
/// Directories nested deeper than this are not opened.
const DEPTH_MAX: usize = 256;

/// A file in one commit, with the lines of it whose beginning is looked for.
struct Open {
    path: String,
    blob: ObjectId,
    lines: Vec<Line>,
}

#[derive(Clone, Copy)]
struct Line {
    /// Its place in the question.
    at: usize,
    mark: u64,
}

/// A commit on the way.
struct Commit {
    tree: ObjectId,
    parents: Vec<ObjectId>,
}

/// What a directory holds.
type Tree = Rc<Vec<Entry>>;

struct Entry {
    name: String,
    id: ObjectId,
    is_tree: bool,
}

/// A walk.
struct Blame<'a> {
    repository: &'a Repository,
    objects: gix_odb::Handle,
    limits: GitLimits,
    people: People,
    trees: HashMap<ObjectId, Tree>,
    /// Where each content lies in the tree last searched for what was moved.
    moved: Option<(ObjectId, HashMap<ObjectId, String>)>,
    told: Vec<Option<Written>>,
}

/// Who wrote each of `lines`; nothing where the newest commit has no such line, or its beginning
/// is further back than is walked.
pub(super) fn written(
    repository: &Repository,
    limits: GitLimits,
    stop: &AtomicBool,
    lines: &[LineAt],
) -> Result<Vec<Option<Written>>, Refusal> {
    let mut blame = Blame {
        repository,
        objects: repository.open(limits)?,
        limits,
        people: People::default(),
        trees: HashMap::new(),
        moved: None,
        told: vec![None; lines.len()],
    };
    blame.walk(lines, stop);
    Ok(blame.told)
}

impl Blame<'_> {
    fn walk(&mut self, lines: &[LineAt], stop: &AtomicBool) {
        let Some(head) = self.repository.head() else {
            return;
        };
        let Some(commit) = self.commit(head) else {
            return;
        };
        self.people = People::of_tree(&self.objects, commit.tree);
        let mut open: HashMap<ObjectId, Vec<Open>> = HashMap::new();
        open.insert(head, self.begin(commit.tree, lines));
        let mut waiting = BinaryHeap::from([(i64::MAX, head)]);
        let shallow: HashSet<ObjectId> = self.repository.shallow().into_iter().collect();
        let mut walked = 0;
        while let Some((_, id)) = waiting.pop() {
            let Some(mut files) = open.remove(&id).filter(|files| !files.is_empty()) else {
                continue;
            };
            walked += 1;
            if walked > COMMITS_MAX || stop.load(Ordering::Relaxed) {
                return;
            }
            let Some(commit) = self.commit(id) else {
                continue;
            };
            for parent in commit.parents.iter().take(16) {
                let (older, rest) = self.pass(files, *parent);
                files = rest;
                if !older.is_empty() {
                    open.entry(*parent).or_default().extend(older);
                    waiting.push((self.seconds(*parent), *parent));
                }
            }
            // Where a shallow clone ends, what lies before it is not known.
            if !shallow.contains(&id) {
                self.tell(id, &commit, &files);
            }
        }
    }

    /// The files of the newest commit that have the lines asked for.
    fn begin(&mut self, tree: ObjectId, lines: &[LineAt]) -> Vec<Open> {
        let mut by_path: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
        for (at, line) in lines.iter().enumerate() {
            let line_at = by_path.entry(line.path.as_str()).or_default();
            line_at.push(Line {
                at,
                mark: line.mark,
            });
        }
        let mut files = Vec::new();
        for (path, mut lines) in by_path {
            let Some(blob) = self.find(tree, path) else {
                continue;
            };
            let marks = self.marks(blob);
            lines.retain(|line| marks.contains(&line.mark));
            files.push(Open {
                path: path.to_owned(),
                blob,
                lines,
            });
        }
        files.retain(|file| !file.lines.is_empty());
        files
    }

    /// What of `files` the parent has already, and what is left.
    fn pass(&mut self, files: Vec<Open>, parent: ObjectId) -> (Vec<Open>, Vec<Open>) {
        let Some(tree) = self.commit(parent).map(|commit| commit.tree) else {
            return (Vec::new(), files);
        };
        let (mut older, mut rest) = (Vec::new(), Vec::new());
        for file in files {
            let same = |path: String, blob| (path, blob);
            let before = match self.find(tree, &file.path) {
                Some(blob) => Some(same(file.path.clone(), blob)),
                None => self
                    .moved(tree, file.blob)
                    .map(|path| same(path, file.blob)),
            };
            let Some((path, blob)) = before else {
                rest.push(file);
                continue;
            };
            let (known, new): (Vec<Line>, Vec<Line>) = if blob == file.blob {
                (file.lines, Vec::new())
            } else {
                let marks = self.marks(blob);
                let known = |line: &Line| marks.contains(&line.mark);
                file.lines.into_iter().partition(known)
            };
            if !known.is_empty() {
                older.push(Open {
                    path,
                    blob,
                    lines: known,
                });
            }
            if !new.is_empty() {
                rest.push(Open {
                    path: file.path,
                    blob: file.blob,
                    lines: new,
                });
            }
        }
        (older, rest)
    }

    /// These lines came in with this commit.
    fn tell(&mut self, id: ObjectId, commit: &Commit, files: &[Open]) {
        if files.is_empty() {
            return;
        }
        let mut buffer = Vec::new();
        let Ok(found) = self.objects.find_commit(&id, &mut buffer) else {
            return;
        };
        let Some((author, seconds)) = self.people.author(&found) else {
            return;
        };
        let before = commit.parents.first().and_then(|id| self.commit(*id));
        let before = before.map(|commit| commit.tree);
        let mut count = 0;
        self.changed(before, Some(commit.tree), 0, &mut count);
        for line in files.iter().flat_map(|file| &file.lines) {
            if let Some(told) = self.told.get_mut(line.at) {
                *told = Some(Written {
                    commit: id.to_string(),
                    author: shorten(&author, 200),
                    at: Some(Timestamp::from_seconds(seconds)),
                    files: count,
                });
            }
        }
    }

    /// Counts the files that differ between two trees.
    fn changed(
        &mut self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        depth: usize,
        count: &mut u32,
    ) {
        if before == after || *count >= FILES_MAX || depth > DEPTH_MAX {
            return;
        }
        let mut of = |id: Option<ObjectId>| id.map(|id| self.tree(id)).unwrap_or_default();
        let (before, after) = (of(before), of(after));
        let old: HashMap<&str, &Entry> = before
            .iter()
            .map(|entry| (entry.name.as_str(), entry))
            .collect();
        for entry in after.iter() {
            let was = old.get(entry.name.as_str());
            if was.is_some_and(|was| was.id == entry.id) {
                continue;
            }
            if entry.is_tree {
                let was = was.filter(|was| was.is_tree).map(|was| was.id);
                self.changed(was, Some(entry.id), depth + 1, count);
            } else {
                *count += 1;
            }
            if *count >= FILES_MAX {
                return;
            }
        }
    }

    /// Where in `tree` the content lies, if it is a file of it.
    fn moved(&mut self, tree: ObjectId, blob: ObjectId) -> Option<String> {
        if self.moved.as_ref().is_none_or(|(of, _)| *of != tree) {
            let mut places = HashMap::new();
            let mut waiting = vec![(tree, String::new(), 0)];
            while let Some((id, dir, depth)) = waiting.pop() {
                for entry in self.tree(id).iter() {
                    let path = format!("{dir}{}", entry.name);
                    if !entry.is_tree {
                        places.insert(entry.id, path);
                    } else if depth < DEPTH_MAX {
                        waiting.push((entry.id, format!("{path}/"), depth + 1));
                    }
                }
                if places.len() > MOVED_MAX {
                    // Too much to tell what was moved from what is new.
                    places.clear();
                    break;
                }
            }
            self.moved = Some((tree, places));
        }
        let (_, places) = self.moved.as_ref()?;
        places.get(&blob).cloned()
    }

    /// The content at `path`.
    fn find(&mut self, tree: ObjectId, path: &str) -> Option<ObjectId> {
        let (mut id, mut is_tree) = (tree, true);
        for name in path.split('/') {
            let entries = is_tree.then(|| self.tree(id))?;
            let entry = entries.iter().find(|entry| entry.name == name)?;
            (id, is_tree) = (entry.id, entry.is_tree);
        }
        (!is_tree).then_some(id)
    }

    fn tree(&mut self, id: ObjectId) -> Tree {
        if let Some(known) = self.trees.get(&id) {
            return Rc::clone(known);
        }
        let mut buffer = Vec::new();
        let entries = match self.objects.find_tree_iter(&id, &mut buffer) {
            Ok(tree) => tree
                .flatten()
                .filter(|one| one.mode.is_tree() || one.mode.is_blob())
                .map(|one| Entry {
                    name: one.filename.to_string(),
                    id: one.oid.to_owned(),
                    is_tree: one.mode.is_tree(),
                })
                .collect(),
            Err(_) => Vec::new(),
        };
        if self.trees.len() >= TREES_MAX {
            self.trees.clear();
        }
        let tree = Rc::new(entries);
        self.trees.insert(id, Rc::clone(&tree));
        tree
    }

    /// The marks of all lines of a content.
    fn marks(&self, blob: ObjectId) -> HashSet<u64> {
        let fits = |header: gix_odb::find::Header| header.size() <= self.limits.blob_bytes_max;
        let mut bytes = Vec::new();
        let read = self.objects.header(blob).is_ok_and(fits)
            && self.objects.find_blob(&blob, &mut bytes).is_ok();
        if !read {
            return HashSet::new();
        }
        bytes.split(|byte| *byte == b'\n').map(line_mark).collect()
    }

    fn commit(&self, id: ObjectId) -> Option<Commit> {
        let mut buffer = Vec::new();
        let found = self.objects.find_commit(&id, &mut buffer).ok()?;
        Some(Commit {
            tree: found.tree(),
            parents: found.parents().collect(),
        })
    }

    fn seconds(&self, id: ObjectId) -> i64 {
        let mut buffer = Vec::new();
        let found = self.objects.find_commit(&id, &mut buffer).ok();
        let who = found.as_ref().and_then(|one| one.committer().ok());
        who.map_or(0, |who| who.seconds())
    }
}
