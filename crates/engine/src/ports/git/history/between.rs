//! Which commits one commit reaches and another does not, without walking all of a history.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::atomic::Ordering;

use gix_hash::ObjectId;
use gix_object::FindExt as _;

use super::{Commit, History};

/// Commits that one reaches and another does not.
#[derive(Default)]
pub(super) struct Between {
    /// By their ids.
    pub(super) new: HashMap<ObjectId, Commit>,
    /// Where the two meet.
    pub(super) meet: Vec<ObjectId>,
}

/// How a commit was met on the way.
struct Mark {
    from_base: bool,
    read: bool,
}

impl Mark {
    const fn of(from_base: bool) -> Self {
        Self {
            from_base,
            read: false,
        }
    }
}

impl History<'_> {
    /// The commits that `head` reaches and `base` does not, the younger ones first.
    pub(super) fn between(&mut self, base: ObjectId, head: ObjectId) -> Between {
        let shallow: HashSet<ObjectId> = self.repository.shallow().into_iter().collect();
        let mut commits: HashMap<ObjectId, Commit> = HashMap::new();
        let mut marks = HashMap::new();
        let mut waiting = BinaryHeap::new();
        let mut open: usize = 0;
        marks.insert(base, Mark::of(true));
        waiting.push((i64::MAX, base));
        if head != base {
            marks.insert(head, Mark::of(false));
            waiting.push((i64::MAX, head));
            open = 1;
        }
        let mut oldest = i64::MAX;
        while let Some((seconds, id)) = waiting.pop()
            // Commits as old as the oldest new one may still turn out to be its heirs in `base`.
            && (open > 0 || seconds >= oldest)
            && commits.len() < self.limits.commits_max
            && !self.stop.load(Ordering::Relaxed)
        {
            let Some(mark) = marks.get_mut(&id) else {
                continue;
            };
            let from_base = mark.from_base;
            open -= usize::from(!from_base && !mark.read);
            mark.read = true;
            let Some(commit) = self.commit(&id, &shallow) else {
                continue;
            };
            for parent in commit.parents.clone() {
                let seconds = self.seconds(&parent);
                match marks.get_mut(&parent) {
                    None => {
                        open += usize::from(!from_base);
                        marks.insert(parent, Mark::of(from_base));
                        waiting.push((seconds, parent));
                    }
                    Some(known) if from_base && !known.from_base => {
                        known.from_base = true;
                        if known.read {
                            // It was taken for new before its younger heir was met; what lies
                            // behind it has to be told at once.
                            waiting.push((i64::MAX, parent));
                        } else {
                            open -= 1;
                        }
                    }
                    Some(_) => {}
                }
            }
            if !from_base {
                oldest = oldest.min(commit.seconds);
            }
            commits.insert(id, commit);
        }
        if open > 0 {
            self.gap("/", "it has more commits than are walked");
        }
        let is_new = |id: &ObjectId| marks.get(id).is_some_and(|mark| !mark.from_base);
        commits.retain(|id, _| is_new(id));
        let parents = commits.values().flat_map(|commit| &commit.parents);
        let mut meet: Vec<_> = parents.filter(|id| !is_new(id)).copied().collect();
        meet.sort();
        meet.dedup();
        Between { new: commits, meet }
    }

    fn commit(&mut self, id: &ObjectId, shallow: &HashSet<ObjectId>) -> Option<Commit> {
        let mut buffer = Vec::new();
        let Ok(found) = self.objects.find_commit(id, &mut buffer) else {
            self.gap("/", &format!("commit {id} is missing or broken"));
            return None;
        };
        let parents = if shallow.contains(id) {
            Vec::new()
        } else {
            found.parents().collect()
        };
        Some(Commit {
            tree: found.tree(),
            seconds: found.committer().map_or(0, |who| who.seconds()),
            parents,
        })
    }

    fn seconds(&self, id: &ObjectId) -> i64 {
        let mut buffer = Vec::new();
        let found = self.objects.find_commit(id, &mut buffer).ok();
        let who = found.as_ref().and_then(|one| one.committer().ok());
        who.map_or(0, |who| who.seconds())
    }

    /// Where a shallow clone ends within the change, what lay between is not known.
    pub(super) fn tell_shallow(&mut self, between: &Between) {
        let shallow = self.repository.shallow();
        if shallow.iter().any(|id| between.new.contains_key(id)) {
            let have = between.new.len();
            self.gap(
                "/",
                &format!(
                    "a shallow clone that ends within the change, after {have} commits: what \
                     came and went before them was not seen; fetch all of it (GitHub: \
                     `fetch-depth: 0`, GitLab: `GIT_DEPTH: 0`, or `git fetch --unshallow`)"
                ),
            );
        }
    }
}
