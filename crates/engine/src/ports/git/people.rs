//! Who the authors of commits are: their names by the repository's own `.mailmap`, which leads
//! former names and addresses to those of today (gitmailmap(5)).

use gix_hash::ObjectId;
use gix_object::{CommitRef, FindExt as _};
use gix_odb::HeaderExt as _;

/// A `.mailmap` is read up to here.
const BYTES_MAX: u64 = 1 << 20;

/// Names of authors.
#[derive(Default)]
pub(super) struct People {
    map: Option<gix_mailmap::Snapshot>,
}

impl People {
    /// As the `.mailmap` at the root of `tree` has them.
    pub(super) fn of_tree(objects: &gix_odb::Handle, tree: ObjectId) -> Self {
        let mut buffer = Vec::new();
        let mut found = None;
        if let Ok(entries) = objects.find_tree_iter(&tree, &mut buffer) {
            let mut entries = entries.flatten();
            let file = entries.find(|one| one.filename == ".mailmap" && one.mode.is_blob());
            found = file.map(|one| one.oid.to_owned());
        }
        let small = |id: &ObjectId| {
            let header = objects.header(*id);
            header.is_ok_and(|header| header.size() <= BYTES_MAX)
        };
        let mut bytes = Vec::new();
        let Some(blob) = found.filter(small) else {
            return Self::default();
        };
        let read = objects.find_blob(&blob, &mut bytes).is_ok();
        Self {
            map: read.then(|| gix_mailmap::Snapshot::from_bytes(&bytes)),
        }
    }

    /// Name and address of a commit's author, and when they wrote it, in seconds.
    pub(super) fn author(&self, commit: &CommitRef<'_>) -> Option<(String, i64)> {
        let who = commit.author().ok()?;
        let mapped = self.map.as_ref().and_then(|map| map.try_resolve(who));
        let name = match mapped {
            Some(known) => format!("{} <{}>", known.name, known.email),
            None => format!("{} <{}>", who.name, who.email),
        };
        Some((name, who.seconds()))
    }
}
