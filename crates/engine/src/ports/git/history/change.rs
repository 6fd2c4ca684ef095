//! What one change adds: the index against the checked-out commit, or some commits against others.
//!
//! Contents that are replaced are told as well, so that only what is new is spoken of. The trees
//! are compared by their ids, so that what did not change is not read.

use std::collections::{HashMap, HashSet};

use connectors::{Refusal, Replaced, is_text};
use gix_hash::ObjectId;
use gix_index::entry::{Flags, Mode};
use gix_index::extension::Tree;
use gix_object::FindExt as _;
use gix_odb::HeaderExt as _;
use model::{Reason, Secret};

use super::{Answers, DEPTH_MAX, History, Over, in_order};
use crate::ports::git::index;

/// Of files that are gone, more than so much is not looked at: what moved may then seem new.
const GONE_BYTES_MAX: usize = 64 << 20;
const GONE_FILES_MAX: usize = 20_000;
/// Commits against which one file is compared.
const TREES_MAX: usize = 8;

/// What commits are told against.
pub(super) struct Before {
    trees: Vec<ObjectId>,
    /// Files whose former content was handed out.
    told: HashSet<String>,
}

/// The files of a commit, as far as the index may differ from them.
#[derive(Default)]
struct Old {
    files: HashMap<Vec<u8>, ObjectId>,
    /// Directories in which nothing differs, each with a slash at its end.
    same: Vec<Vec<u8>>,
}

impl History<'_> {
    /// Hands out what the index holds and the checked-out commit does not.
    pub(super) fn staged(&mut self, index: Option<&str>, to: &Answers) -> Result<(), Over> {
        let Some(bytes) = self.repository.index(index).map_err(Over::Refused)? else {
            return Ok(());
        };
        let state = index::read(self.repository.hash, &bytes).map_err(Over::Refused)?;
        let head = self.repository.head();
        let tree = head.map(|id| self.tree_of(&id)).transpose()?;
        let sparse = sparse(&state);
        let mut old = Old::default();
        if let Some(tree) = tree {
            old = self.old(tree, state.tree(), &sparse);
        }
        let mut changed = Vec::new();
        for entry in state.entries() {
            let path: &[u8] = entry.path(&state);
            if old.is_same(path) {
                continue;
            }
            let before = old.files.remove(path);
            let is_file = [Mode::FILE, Mode::FILE_EXECUTABLE].contains(&entry.mode);
            let is_whole =
                entry.flags.stage_raw() == 0 && !entry.flags.contains(Flags::INTENT_TO_ADD);
            if is_file && is_whole && before != Some(entry.id) {
                let path = String::from_utf8_lossy(path).into_owned();
                changed.push((path, entry.id, before));
            }
        }
        let mut gone: Vec<_> = old.files.into_iter().collect();
        gone.sort();
        let gone = gone.into_iter().map(|(path, id)| {
            let path = String::from_utf8_lossy(&path).into_owned();
            (path, id)
        });
        self.tell_gone(gone.collect());
        let nobody = ObjectId::null(self.repository.hash);
        for (path, id, before) in changed {
            if let Some(text) = before.and_then(|id| self.text(&id)) {
                self.replaced(Some(path.clone()), path.clone(), text);
            }
            self.blob(id, path, &nobody, &mut None, to)?;
        }
        Ok(())
    }

    /// The files below `tree`, without directories that the index holds unchanged.
    fn old(
        &mut self,
        tree: ObjectId,
        cached: Option<&Tree>,
        sparse: &HashMap<Vec<u8>, ObjectId>,
    ) -> Old {
        let mut old = Old::default();
        let mut waiting = vec![(tree, Vec::new(), cached, 0)];
        let mut buffer = Vec::new();
        while let Some((id, dir, cached, depth)) = waiting.pop() {
            let is_cached = cached.is_some_and(|one| one.num_entries.is_some() && one.id == id);
            if is_cached || sparse.contains_key(&dir) {
                if sparse.get(&dir).is_some_and(|held| *held != id) {
                    let path = String::from_utf8_lossy(&dir).into_owned();
                    self.gap(&path, "a changed directory of a sparse index; `git sparse-checkout disable` shows it");
                }
                old.same.push(dir);
                continue;
            }
            let path = String::from_utf8_lossy(&dir).into_owned();
            if depth > DEPTH_MAX {
                self.gap(&path, "more directories deep than are opened");
                continue;
            }
            let Ok(entries) = self.objects.find_tree_iter(&id, &mut buffer) else {
                self.gap(&path, &format!("directory {id} is missing or broken"));
                continue;
            };
            for entry in entries.flatten() {
                let mut path = dir.clone();
                let name: &[u8] = entry.filename;
                path.extend_from_slice(name);
                if entry.mode.is_tree() {
                    let below = cached.and_then(|one| {
                        one.children
                            .iter()
                            .find(|child| child.name.as_slice() == name)
                    });
                    path.push(b'/');
                    waiting.push((entry.oid.to_owned(), path, below, depth + 1));
                } else if entry.mode.is_blob() {
                    old.files.insert(path, entry.oid.to_owned());
                }
            }
        }
        old.same.sort();
        old
    }

    /// Hands out what the commits bring that `head` reaches and `base` does not.
    pub(super) fn added(&mut self, base: &str, head: &str, to: &Answers) -> Result<(), Over> {
        let (base, head) = (self.resolve(base)?, self.resolve(head)?);
        let between = self.between(base, head);
        self.tell_shallow(&between);
        let mut trees = vec![self.tree_of(&base)?];
        for id in &between.meet {
            trees.extend(self.tree_of(id));
        }
        trees.dedup();
        for tree in &trees {
            self.pass_over(*tree);
        }
        let now = self.tree_of(&head)?;
        self.in_head = self.contents(now);
        // What was taken away since the two parted.
        let parted = trees.get(1).or_else(|| trees.first()).copied();
        if let Some(parted) = parted {
            let gone = self.gone(parted, now);
            self.tell_gone(gone);
        }
        trees.truncate(TREES_MAX);
        self.before = Some(Before {
            trees,
            told: HashSet::new(),
        });
        for id in in_order(&between.new) {
            if let Some(commit) = between.new.get(&id) {
                let mut author = None;
                self.tree(commit.tree, &id, &mut author, to)?;
            }
        }
        Ok(())
    }

    /// The directory that a commit holds.
    pub(super) fn tree_of(&self, commit: &ObjectId) -> Result<ObjectId, Over> {
        let mut buffer = Vec::new();
        match self.objects.find_commit(commit, &mut buffer) {
            Ok(found) => Ok(found.tree()),
            Err(_) => Err(Over::Refused(Refusal::new(
                Reason::Failed,
                format!("commit {commit} is missing or broken"),
            ))),
        }
    }

    /// Counts everything below `tree` as told.
    fn pass_over(&mut self, tree: ObjectId) {
        let mut waiting = vec![tree];
        let mut buffer = Vec::new();
        while let Some(id) = waiting.pop() {
            if !self.met.insert(id) {
                continue;
            }
            let Ok(entries) = self.objects.find_tree_iter(&id, &mut buffer) else {
                continue;
            };
            for entry in entries.flatten() {
                if entry.mode.is_tree() {
                    waiting.push(entry.oid.to_owned());
                } else {
                    self.met.insert(entry.oid.to_owned());
                }
            }
        }
    }

    /// Files below `old` that are not below `new`, with what they held.
    fn gone(&self, old: ObjectId, new: ObjectId) -> Vec<(String, ObjectId)> {
        let mut gone = Vec::new();
        let mut waiting = vec![(old, Some(new), String::new(), 0)];
        while let Some((old, new, dir, depth)) = waiting.pop() {
            if Some(old) == new || depth > DEPTH_MAX || gone.len() >= GONE_FILES_MAX {
                continue;
            }
            let now = new.map(|id| self.entries(&id)).unwrap_or_default();
            for (name, (is_tree, id)) in self.entries(&old) {
                let path = format!("{dir}{}", String::from_utf8_lossy(&name));
                match (is_tree, now.get(&name)) {
                    (true, Some((true, new))) => {
                        waiting.push((id, Some(*new), format!("{path}/"), depth + 1));
                    }
                    (true, _) => waiting.push((id, None, format!("{path}/"), depth + 1)),
                    (false, None) => gone.push((path, id)),
                    (false, Some(_)) => {}
                }
            }
        }
        gone
    }

    /// Files and directories of one directory.
    fn entries(&self, tree: &ObjectId) -> HashMap<Vec<u8>, (bool, ObjectId)> {
        let mut buffer = Vec::new();
        let Ok(entries) = self.objects.find_tree_iter(tree, &mut buffer) else {
            return HashMap::new();
        };
        entries
            .flatten()
            .filter(|entry| entry.mode.is_tree() || entry.mode.is_blob())
            .map(|entry| {
                let name = entry.filename.to_vec();
                (name, (entry.mode.is_tree(), entry.oid.to_owned()))
            })
            .collect()
    }

    fn tell_gone(&mut self, gone: Vec<(String, ObjectId)>) {
        let mut bytes = 0;
        for (path, id) in gone {
            let Some(text) = self.text(&id) else { continue };
            bytes += text.len();
            if bytes > GONE_BYTES_MAX {
                break;
            }
            self.replaced(None, path, text);
        }
    }

    /// Hands out what `path` held before the commits that are told, once.
    pub(super) fn tell_before(&mut self, path: &str) {
        let Some(before) = &mut self.before else {
            return;
        };
        if !before.told.insert(path.to_owned()) {
            return;
        }
        let mut ids: Vec<_> = before.trees.clone();
        ids = ids
            .iter()
            .filter_map(|tree| self.file(*tree, path))
            .collect();
        ids.sort();
        ids.dedup();
        for id in ids {
            if let Some(text) = self.text(&id) {
                self.replaced(Some(path.to_owned()), path.to_owned(), text);
            }
        }
    }

    /// The content at `path` below `tree`.
    fn file(&self, tree: ObjectId, path: &str) -> Option<ObjectId> {
        let mut id = tree;
        let mut buffer = Vec::new();
        for name in path.split('/') {
            let mut entries = self
                .objects
                .find_tree_iter(&id, &mut buffer)
                .ok()?
                .flatten();
            id = entries.find(|entry| entry.filename == name)?.oid.to_owned();
        }
        Some(id)
    }

    fn replaced(&mut self, path: Option<String>, was: String, text: Vec<u8>) {
        self.out_bytes += text.len();
        self.out.replaced.push(Replaced {
            path,
            was,
            bytes: Secret::new(text),
        });
    }

    /// A content, if it is text and not too long.
    fn text(&self, id: &ObjectId) -> Option<Vec<u8>> {
        if self.objects.header(id).ok()?.size() > self.limits.blob_bytes_max {
            return None;
        }
        let mut bytes = Vec::new();
        self.objects.find_blob(id, &mut bytes).ok()?;
        is_text(&bytes).then_some(bytes)
    }
}

impl Old {
    /// Whether `path` lies in a directory in which nothing differs.
    fn is_same(&self, path: &[u8]) -> bool {
        let after = self.same.partition_point(|dir| dir.as_slice() <= path);
        // Directories in the list lie in none of each other, so one alone can hold it.
        after > 0 && path.starts_with(&self.same[after - 1])
    }
}

/// Directories that a sparse index holds as one entry, with a slash at their end.
fn sparse(state: &gix_index::State) -> HashMap<Vec<u8>, ObjectId> {
    if !state.is_sparse() {
        return HashMap::new();
    }
    let entries = state
        .entries()
        .iter()
        .filter(|entry| entry.mode.is_sparse());
    entries
        .map(|entry| {
            let path: &[u8] = entry.path(state);
            let mut path = path.to_vec();
            if !path.ends_with(b"/") {
                path.push(b'/');
            }
            (path, entry.id)
        })
        .collect()
}
