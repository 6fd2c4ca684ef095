//! When two sightings are one thing (coverage.md CV-32 to CV-34).
//!
//! Sightings of one kind that share a hard key are one thing, unless that would put two
//! different unique ids of one kind into one set: then the key joins nothing over that line,
//! and says so. A sighting that could belong to either side belongs to neither.
//!
//! **Invariant:** the answer is a function of the *set* of sightings. Keys are gone through in
//! an order of their own, and each is judged over all who bear it at once.

use std::collections::BTreeSet;

use model::{EntityId, Key, KeyKind, Kind, SightingKey};

mod sets;

use sets::Sets;

/// One sighting with its hard keys.
#[derive(Clone, Copy, Debug)]
pub struct Keyed<'a> {
    /// The sighting.
    pub sighting: &'a SightingKey,
    /// Its hard keys.
    pub keys: &'a BTreeSet<Key>,
}

/// Sightings that are one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The thing's id: that of its smallest member.
    pub id: EntityId,
    /// Its members, smallest first.
    pub members: Vec<SightingKey>,
    /// For each member the keys it shares with others in the group (CV-34).
    pub joined_by: Vec<BTreeSet<Key>>,
}

/// A key that would have put two different unique ids into one set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// What the things are.
    pub kind: Kind,
    /// The key they share.
    pub key: Key,
    /// The kind of unique id in which they differ.
    pub differ_in: KeyKind,
    /// Each of the ids with the smallest sighting that bears it, in order; at most
    /// [`Conflict::SIDES_MAX`] of them.
    pub sides: Vec<(String, SightingKey)>,
    /// How many sides there are in all.
    pub sides_count: usize,
}

impl Conflict {
    /// As many sides as are named.
    pub const SIDES_MAX: usize = 16;
}

/// Who is one, and what stood against it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Every sighting is in exactly one; ordered by smallest member.
    pub groups: Vec<Group>,
    /// The merges that were refused, in order.
    pub conflicts: Vec<Conflict>,
}

/// Groups `sightings` into things.
///
/// Takes whole components: everything that is connected with these sightings by keys. Time
/// grows as sorting does.
pub fn resolve(sightings: &[Keyed<'_>]) -> Resolution {
    let mut members: Vec<Keyed<'_>> = sightings.to_vec();
    members.sort_unstable_by(|a, b| (a.sighting, a.keys).cmp(&(b.sighting, b.keys)));
    members.dedup_by(|a, b| a.sighting == b.sighting);

    let mut sets = Sets::new(&members);
    let mut conflicts = Vec::new();
    let bearers = bearers(&members);
    for borne in bearers.chunk_by(|a, b| a.same_key(b)) {
        if borne.len() > 1 {
            join(&mut sets, borne, &members, &mut conflicts);
        }
    }
    conflicts.sort_unstable();
    Resolution {
        groups: groups(&mut sets, &members, &bearers),
        conflicts,
    }
}

/// That one member bears one key. The order of the fields is the order of judging.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bears<'a> {
    strength: u8,
    kind: Kind,
    key: &'a Key,
    member: usize,
}

impl Bears<'_> {
    fn same_key(&self, other: &Self) -> bool {
        self.kind == other.kind && self.key == other.key
    }
}

fn bearers<'a>(members: &[Keyed<'a>]) -> Vec<Bears<'a>> {
    let mut all = Vec::new();
    for (member, keyed) in members.iter().enumerate() {
        all.extend(keyed.keys.iter().map(|key| Bears {
            strength: strength(key.kind),
            kind: keyed.sighting.kind,
            key,
            member,
        }));
    }
    all.sort_unstable();
    all
}

/// Smaller is stronger: unique ids before what only tends to be unique, addresses last.
const fn strength(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::SecretHmac | KeyKind::SecretDigest => 1,
        KeyKind::JwtId => 2,
        KeyKind::SpkiSha256 => 3,
        KeyKind::PostgresVerifier => 4,
        KeyKind::DatabaseVerifier => 5,
        KeyKind::PostgresLogin => 6,
        KeyKind::DatabaseLogin => 7,
        _ => 0,
    }
}

/// Joins all who bear one key, as far as their unique ids allow.
fn join(
    sets: &mut Sets<'_>,
    borne: &[Bears<'_>],
    members: &[Keyed<'_>],
    conflicts: &mut Vec<Conflict>,
) {
    let mut roots: Vec<usize> = borne.iter().map(|bears| sets.root(bears.member)).collect();
    roots.sort_unstable();
    roots.dedup();
    if roots.len() < 2 {
        return;
    }
    let contested = contested(sets, &roots);
    for kind in &contested {
        conflicts.push(conflict(sets, &roots, *kind, &borne[0], members));
    }
    // Who says the same about every contested kind, saying nothing included, is one.
    let mut sides: Vec<(Vec<(KeyKind, &str)>, usize)> = roots
        .into_iter()
        .map(|root| (sets.uids_of(root, &contested), root))
        .collect();
    sides.sort_unstable();
    for side in sides.chunk_by(|a, b| a.0 == b.0) {
        let doubtful = side[0].0.windows(2).any(|two| two[0].0 == two[1].0);
        if !doubtful {
            for (_, root) in &side[1..] {
                sets.unite(side[0].1, *root);
            }
        }
    }
}

/// The kinds of unique id in which these sets differ.
fn contested(sets: &Sets<'_>, roots: &[usize]) -> BTreeSet<KeyKind> {
    let mut uids: Vec<_> = roots.iter().flat_map(|root| sets.uids(*root)).collect();
    uids.sort_unstable();
    uids.dedup();
    uids.windows(2)
        .filter(|two| two[0].0 == two[1].0)
        .map(|two| two[0].0)
        .collect()
}

fn conflict(
    sets: &Sets<'_>,
    roots: &[usize],
    differ_in: KeyKind,
    borne: &Bears<'_>,
    members: &[Keyed<'_>],
) -> Conflict {
    let mut sides: Vec<(&str, usize)> = roots
        .iter()
        .flat_map(|root| sets.uids(*root).iter().map(|uid| (*uid, sets.least(*root))))
        .filter(|((kind, _), _)| *kind == differ_in)
        .map(|((_, value), least)| (value, least))
        .collect();
    sides.sort_unstable();
    sides.dedup_by_key(|side| side.0);
    Conflict {
        kind: borne.kind,
        key: borne.key.clone(),
        differ_in,
        sides_count: sides.len(),
        sides: sides
            .into_iter()
            .take(Conflict::SIDES_MAX)
            .map(|(value, least)| (value.to_owned(), members[least].sighting.clone()))
            .collect(),
    }
}

fn groups(sets: &mut Sets<'_>, members: &[Keyed<'_>], bearers: &[Bears<'_>]) -> Vec<Group> {
    let mut shared: Vec<(usize, &Key)> = Vec::new();
    for borne in bearers.chunk_by(|a, b| a.same_key(b)) {
        let mut rooted: Vec<(usize, usize)> = borne
            .iter()
            .map(|bears| (sets.root(bears.member), bears.member))
            .collect();
        rooted.sort_unstable();
        for group in rooted
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|group| group.len() > 1)
        {
            shared.extend(group.iter().map(|(_, member)| (*member, borne[0].key)));
        }
    }
    shared.sort_unstable_by_key(|(member, _)| *member);

    let mut shared = shared.into_iter().peekable();
    let mut place_of_root: Vec<Option<usize>> = vec![None; members.len()];
    let mut groups: Vec<Group> = Vec::new();
    for (member, keyed) in members.iter().enumerate() {
        let root = sets.root(member);
        // Members come smallest first, so the first one met gives the group its id.
        let place = *place_of_root[root].get_or_insert_with(|| {
            groups.push(Group {
                id: EntityId::of(keyed.sighting),
                members: Vec::new(),
                joined_by: Vec::new(),
            });
            groups.len() - 1
        });
        let mut joined_by = BTreeSet::new();
        while let Some((_, key)) = shared.next_if(|(of, _)| *of == member) {
            joined_by.insert(key.clone());
        }
        groups[place].members.push(keyed.sighting.clone());
        groups[place].joined_by.push(joined_by);
    }
    groups
}

#[cfg(test)]
mod tests;
