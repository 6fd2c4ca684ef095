//! Disjoint sets that know their smallest member and the unique ids in them.

use std::collections::BTreeSet;

use model::KeyKind;

use super::Keyed;

/// Disjoint sets over the members `0..n`, which are in order.
pub(super) struct Sets<'a> {
    parent: Vec<usize>,
    size: Vec<usize>,
    least: Vec<usize>,
    /// Of a root: kind and value of every unique id in its set, sorted. At most one a kind,
    /// except where one single sighting bears two.
    uids: Vec<Vec<(KeyKind, &'a str)>>,
}

impl<'a> Sets<'a> {
    /// Each member alone.
    pub(super) fn new(members: &[Keyed<'a>]) -> Self {
        let uids = |keyed: &Keyed<'a>| {
            let mut uids: Vec<_> = keyed
                .keys
                .iter()
                .filter(|key| key.kind.is_uid())
                .map(|key| (key.kind, key.value.as_str()))
                .collect();
            uids.sort_unstable();
            uids
        };
        Self {
            parent: (0..members.len()).collect(),
            size: vec![1; members.len()],
            least: (0..members.len()).collect(),
            uids: members.iter().map(uids).collect(),
        }
    }

    /// The root of the set `member` is in.
    pub(super) fn root(&mut self, mut member: usize) -> usize {
        while self.parent[member] != member {
            self.parent[member] = self.parent[self.parent[member]];
            member = self.parent[member];
        }
        member
    }

    /// The unique ids in the set of `root`.
    pub(super) fn uids(&self, root: usize) -> &[(KeyKind, &'a str)] {
        &self.uids[root]
    }

    /// Those of `kinds` among them.
    pub(super) fn uids_of(
        &self,
        root: usize,
        kinds: &BTreeSet<KeyKind>,
    ) -> Vec<(KeyKind, &'a str)> {
        let of = self.uids[root]
            .iter()
            .filter(|(kind, _)| kinds.contains(kind));
        of.copied().collect()
    }

    /// The smallest member of the set of `root`.
    pub(super) fn least(&self, root: usize) -> usize {
        self.least[root]
    }

    /// Makes one set of two.
    pub(super) fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (big, small) = if self.size[a] < self.size[b] {
            (b, a)
        } else {
            (a, b)
        };
        self.parent[small] = big;
        self.size[big] += self.size[small];
        self.least[big] = self.least[big].min(self.least[small]);
        let joined = std::mem::take(&mut self.uids[small]);
        self.uids[big].extend(joined);
        self.uids[big].sort_unstable();
        self.uids[big].dedup();
    }
}
