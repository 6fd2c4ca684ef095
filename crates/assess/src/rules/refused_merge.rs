//! A thing that shares a hard key with another, and was kept apart from it.
//!
//! A hard key makes two sightings one thing, unless each has a unique id of its own (CV-32).
//! Then either one secret serves two identities, or one source is wrong about an id: somebody has
//! to look, because nothing that is told of the one is told of the other.

use inventory::Conflict;
use model::{Severity, SightingKey};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "refused-merge",
    title: "two things share what only one can have",
    owasp: "NHI9",
    severity: Severity::Low,
    next: "keyroll why {id}",
    check,
};

/// Sides that the reason names.
const NAMED_MAX: usize = 3;

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    match thing.refused {
        None => Ruling::unknown("more hangs together with it than is looked through at once"),
        Some([]) => Ruling::pass(),
        Some(refused) => {
            let rulings = refused.iter().map(|one| Ruling::fail(why(thing, one)));
            rulings.flatten().collect()
        }
    }
}

fn why(thing: &Thing<'_>, refused: &Conflict) -> String {
    let ours = |sighting: &SightingKey| {
        let members = &thing.entity.members;
        members.iter().any(|member| member.sighting == *sighting)
    };
    let others: Vec<String> = refused
        .sides
        .iter()
        .filter(|(_, sighting)| !ours(sighting))
        .map(|(id, sighting)| format!("`{}` ({sighting})", model::clean(id)))
        .collect();
    let mut named = others[..others.len().min(NAMED_MAX)].join(", ");
    let sides = refused.sides_count - (refused.sides.len() - others.len());
    if sides > NAMED_MAX {
        named.push_str(&format!(" and {} more", sides - NAMED_MAX));
    }
    format!(
        "its {} is also that of {named}; they differ in their {} and were not merged",
        refused.key.kind, refused.differ_in
    )
}
