//! Every content of a history once, in the order in which commits brought them in.

mod between;
mod change;
mod revision;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use connectors::{Blob, Blobs, Change, Refusal, is_text};
use gix_hash::ObjectId;
use gix_object::FindExt as _;
use gix_odb::HeaderExt as _;
use model::{Secret, Timestamp};

use super::GitLimits;
use super::people::People;
use super::repository::{Repository, unsupported};

/// Directories nested deeper than this are not opened.
const DEPTH_MAX: usize = 256;
/// More gaps than this of single objects tell a person nothing new.
const GAPS_MAX: usize = 100;

/// A history that is being read.
pub(super) struct History<'a> {
    repository: &'a Repository,
    objects: gix_odb::Handle,
    limits: GitLimits,
    stop: &'a AtomicBool,
    /// Trees and contents that were met.
    met: HashSet<ObjectId>,
    /// Contents that the newest commit holds.
    in_head: HashSet<ObjectId>,
    /// Who the authors are.
    people: People,
    /// The commit that a change is told against, and which files of it were handed out.
    before: Option<change::Before>,
    /// What waits to be handed out.
    out: Blobs,
    out_bytes: usize,
    told: usize,
    /// Contents so far, and how many of them are wanted no more.
    count: u64,
    passed: u64,
}

/// A commit on the way.
struct Commit {
    tree: ObjectId,
    parents: Vec<ObjectId>,
    seconds: i64,
}

/// Who brought contents in.
struct Author {
    commit: String,
    name: String,
    at: Option<Timestamp>,
}

/// Why nothing more is read.
enum Over {
    /// Nobody listens any more, or it was stopped.
    Unheard,
    /// There is nothing of the kind that was asked for.
    Refused(Refusal),
}

/// Where answers go.
pub(super) type Answers = SyncSender<Result<Blobs, Refusal>>;

impl<'a> History<'a> {
    /// Reads the history of `repository`, or one `change` of it, and hands it out in answers; the
    /// first `from` contents are passed over. Ends when nobody listens.
    pub(super) fn tell(
        repository: &'a Repository,
        change: Option<&Change>,
        limits: GitLimits,
        stop: &'a AtomicBool,
        from: u64,
        to: &Answers,
    ) {
        let objects = match repository.open(limits) {
            Ok(objects) => objects,
            Err(refusal) => {
                let _ = to.send(Err(refusal));
                return;
            }
        };
        let mut history = Self {
            repository,
            objects,
            limits,
            stop,
            met: HashSet::new(),
            in_head: HashSet::new(),
            people: People::default(),
            before: None,
            out: Blobs::default(),
            out_bytes: 0,
            told: 0,
            count: 0,
            passed: from,
        };
        let told = match change {
            None => {
                history.out.gaps.clone_from(&repository.gaps);
                history.walk(to)
            }
            Some(Change::Staged { index }) => history.staged(index.as_deref(), to),
            Some(Change::Commits { base, head }) => history.added(base, head, to),
        };
        let last = match told {
            Ok(()) => Ok(std::mem::take(&mut history.out)),
            Err(Over::Refused(refusal)) => Err(refusal),
            Err(Over::Unheard) => return,
        };
        // The last answer leads nowhere.
        let _ = to.send(last);
    }

    fn walk(&mut self, to: &Answers) -> Result<(), Over> {
        let (tips, head) = self.tips();
        let commits = self.commits(tips);
        if let Some(tree) = head.and_then(|id| commits.get(&id)).map(|one| one.tree) {
            self.people = People::of_tree(&self.objects, tree);
            self.in_head = self.contents(tree);
        }
        for id in in_order(&commits) {
            let Some(commit) = commits.get(&id) else {
                continue;
            };
            let mut author = None;
            self.tree(commit.tree, &id, &mut author, to)?;
        }
        Ok(())
    }

    /// Where the history begins: every reference, and the checked-out commit.
    fn tips(&mut self) -> (Vec<ObjectId>, Option<ObjectId>) {
        let store = self.repository.references();
        let mut tips = Vec::new();
        let references = store.iter().ok().and_then(|platform| {
            let all = platform.all().ok()?;
            Some(all.collect::<Vec<_>>())
        });
        match references {
            Some(all) => {
                for reference in all {
                    match reference.map(|one| one.target) {
                        Ok(gix_ref::Target::Object(id)) => tips.push(id),
                        // What it names is a reference as well.
                        Ok(gix_ref::Target::Symbolic(_)) => {}
                        Err(_) => self.gap("/", "a reference that cannot be read"),
                    }
                }
            }
            None => self.gap("/", "its references cannot be read"),
        }
        let head = self.repository.follow("HEAD");
        tips.extend(head);
        (tips, head)
    }

    /// Every commit that can be reached.
    fn commits(&mut self, tips: Vec<ObjectId>) -> HashMap<ObjectId, Commit> {
        let shallow: HashSet<ObjectId> = self.repository.shallow().into_iter().collect();
        let mut commits = HashMap::new();
        let mut waiting = tips;
        let mut buffer = Vec::new();
        while let Some(id) = waiting.pop() {
            if commits.contains_key(&id) || self.stop.load(Ordering::Relaxed) {
                continue;
            }
            if commits.len() >= self.limits.commits_max {
                self.gap("/", "it has more commits than are walked");
                break;
            }
            let Some(id) = self.peeled(id, &mut buffer) else {
                continue;
            };
            let Ok(found) = self.objects.find_commit(&id, &mut buffer) else {
                self.gap("/", &format!("commit {id} is missing or broken"));
                continue;
            };
            let parents: Vec<_> = if shallow.contains(&id) {
                Vec::new()
            } else {
                found.parents().collect()
            };
            let commit = Commit {
                tree: found.tree(),
                seconds: found.committer().map_or(0, |who| who.seconds()),
                parents,
            };
            waiting.extend(
                commit
                    .parents
                    .iter()
                    .filter(|id| !commits.contains_key(*id)),
            );
            commits.insert(id, commit);
        }
        commits
    }

    /// The commit that a tag names; nothing where it names something else.
    fn peeled(&self, mut id: ObjectId, buffer: &mut Vec<u8>) -> Option<ObjectId> {
        for _ in 0..5 {
            match self.objects.find(&id, buffer) {
                Ok(data) if data.kind == gix_object::Kind::Tag => {
                    id = self.objects.find_tag(&id, buffer).ok()?.target();
                }
                Ok(data) if data.kind != gix_object::Kind::Commit => return None,
                // A commit, or what is missing: whoever reads it says so.
                _ => return Some(id),
            }
        }
        None
    }

    /// Every content below `tree`.
    fn contents(&self, tree: ObjectId) -> HashSet<ObjectId> {
        let (mut contents, mut met) = (HashSet::new(), HashSet::new());
        let mut waiting = vec![tree];
        let mut buffer = Vec::new();
        while let Some(id) = waiting.pop() {
            if !met.insert(id) {
                continue;
            }
            let Ok(tree) = self.objects.find_tree_iter(&id, &mut buffer) else {
                continue;
            };
            for entry in tree.flatten() {
                if entry.mode.is_tree() {
                    waiting.push(entry.oid.to_owned());
                } else if entry.mode.is_blob() {
                    contents.insert(entry.oid.to_owned());
                }
            }
        }
        contents
    }

    /// Hands out the contents below `tree` that no earlier commit held.
    fn tree(
        &mut self,
        tree: ObjectId,
        commit: &ObjectId,
        author: &mut Option<Author>,
        to: &Answers,
    ) -> Result<(), Over> {
        let mut waiting = vec![(tree, String::new(), 0)];
        let mut buffer = Vec::new();
        while let Some((id, path, depth)) = waiting.pop() {
            if !self.met.insert(id) {
                continue;
            }
            if depth > DEPTH_MAX {
                self.gap(&path, "more directories deep than are opened");
                continue;
            }
            let entries: Vec<_> = match self.objects.find_tree_iter(&id, &mut buffer) {
                Ok(tree) => tree
                    .flatten()
                    .map(|one| (one.mode, one.filename.to_string(), one.oid.to_owned()))
                    .collect(),
                Err(_) => {
                    self.gap(&path, &format!("directory {id} is missing or broken"));
                    continue;
                }
            };
            for (mode, name, id) in entries {
                let path = if path.is_empty() {
                    name
                } else {
                    format!("{path}/{name}")
                };
                if mode.is_tree() {
                    waiting.push((id, path, depth + 1));
                } else if mode.is_blob() && self.met.insert(id) {
                    self.blob(id, path, commit, author, to)?;
                }
            }
        }
        Ok(())
    }

    /// Hands out one content, if it is text.
    fn blob(
        &mut self,
        id: ObjectId,
        path: String,
        commit: &ObjectId,
        author: &mut Option<Author>,
        to: &Answers,
    ) -> Result<(), Over> {
        self.count += 1;
        if self.count <= self.passed {
            return Ok(());
        }
        match self.objects.header(id) {
            Ok(header) if header.size() > self.limits.blob_bytes_max => {
                let mib = self.limits.blob_bytes_max >> 20;
                self.gap(&path, &format!("longer than {mib} MiB; it was not read"));
                return Ok(());
            }
            Ok(_) => {}
            Err(_) => {
                self.gap(&path, &format!("content {id} is missing or broken"));
                return Ok(());
            }
        }
        let mut bytes = Vec::new();
        if self.objects.find_blob(&id, &mut bytes).is_err() {
            self.gap(&path, &format!("content {id} is missing or broken"));
            return Ok(());
        }
        if !is_text(&bytes) {
            return Ok(());
        }
        self.tell_before(&path);
        let author = author.get_or_insert_with(|| self.author(commit));
        self.out_bytes += bytes.len();
        self.out.blobs.push(Blob {
            path,
            bytes: Secret::new(bytes),
            id: id.to_string(),
            commit: author.commit.clone(),
            author: author.name.clone(),
            at: author.at,
            in_head: self.in_head.contains(&id),
        });
        self.hand_out(to)
    }

    /// Sends what waits, if that is enough for an answer.
    fn hand_out(&mut self, to: &Answers) -> Result<(), Over> {
        if self.out_bytes < self.limits.answer_bytes {
            return Ok(());
        }
        self.out_bytes = 0;
        let mut full = std::mem::take(&mut self.out);
        full.next = Some(self.count);
        let stopped = self.stop.load(Ordering::Relaxed);
        to.send(Ok(full))
            .ok()
            .filter(|()| !stopped)
            .ok_or(Over::Unheard)
    }

    fn author(&self, commit: &ObjectId) -> Author {
        if commit.is_null() {
            // Nobody has committed it yet.
            return Author {
                commit: String::new(),
                name: String::new(),
                at: None,
            };
        }
        let mut buffer = Vec::new();
        let found = self.objects.find_commit(commit, &mut buffer).ok();
        let who = found.and_then(|commit| self.people.author(&commit));
        let (name, seconds) = who.map_or((String::new(), None), |(name, at)| (name, Some(at)));
        Author {
            commit: commit.to_string(),
            name,
            at: seconds.map(Timestamp::from_seconds),
        }
    }

    fn gap(&mut self, path: &str, told: &str) {
        self.told += 1;
        let told = match self.told.cmp(&GAPS_MAX) {
            std::cmp::Ordering::Less => told,
            std::cmp::Ordering::Equal => "more objects could not be read than are listed",
            std::cmp::Ordering::Greater => return,
        };
        self.out.gaps.push((path.to_owned(), unsupported(told)));
    }
}

/// Commits in an order in which each comes after its parents, older ones first: the first that
/// holds a content is the one that brought it in, whatever clocks said.
fn in_order(commits: &HashMap<ObjectId, Commit>) -> Vec<ObjectId> {
    let mut children: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
    let mut missing: HashMap<ObjectId, usize> = HashMap::new();
    for (id, commit) in commits {
        let known: Vec<_> = commit
            .parents
            .iter()
            .filter(|parent| commits.contains_key(*parent))
            .collect();
        missing.insert(*id, known.len());
        for parent in known {
            children.entry(*parent).or_default().push(*id);
        }
    }
    let seconds = |id: &ObjectId| commits.get(id).map_or(0, |one| one.seconds);
    let mut ready: BinaryHeap<_> = missing
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(id, _)| Reverse((seconds(id), *id)))
        .collect();
    let mut order = Vec::with_capacity(commits.len());
    while let Some(Reverse((_, id))) = ready.pop() {
        order.push(id);
        for child in children.remove(&id).unwrap_or_default() {
            if let Some(count) = missing.get_mut(&child) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(Reverse((seconds(&child), child)));
                }
            }
        }
    }
    order
}
