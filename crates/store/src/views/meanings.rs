//! What a column says. A name says the same in every view that has it.

/// Every column's name, and what it says.
const MEANINGS: &[(&str, &str)] = &[
    ("act", "what the plan does"),
    (
        "added",
        "when it was added; in `passes`: how many things were new",
    ),
    ("at", "when it was decided"),
    ("back", "how many things came back that had been missing"),
    ("by_whom", "who did it"),
    ("changed", "how many things had changed"),
    ("class", "human_operated, workload, agentic or integration"),
    ("connector", "the connector that reads it"),
    ("created", "when it was made"),
    ("created_at", "when it was made at its provider"),
    ("credentials", "how many credentials open it"),
    (
        "entity",
        "the id over all sources, as `id` in the other views",
    ),
    ("environment", "production, staging, development …"),
    ("expires_at", "when it ends; null: never, or nobody tells"),
    (
        "facts",
        "what the source tells, as JSON: `facts -> 'status' ->> 'is'`",
    ),
    ("finding", "the finding's fingerprint"),
    ("finished", "when the pass ended; null: it did not"),
    ("first_seen", "when a source saw it first"),
    ("gaps", "how many parts could not be read"),
    ("hard_keys", "keys that can have no second bearer, as JSON"),
    ("hints", "keys that may be shared, as JSON"),
    ("holder", "the id of the identity that it belongs to"),
    ("id", "its stable id"),
    (
        "kind",
        "identity, credential, grant or resource; in `owners`: the sense of owning",
    ),
    (
        "last_used_at",
        "when it was used last; null: never, or nobody tells",
    ),
    ("leaf", "the leaf's bytes, in hex"),
    ("leaf_no", "its place in the log, from 0"),
    ("missing", "how many things were not there any more"),
    (
        "missing_since",
        "since when a whole pass has not seen it; null: it is there",
    ),
    ("name", "its name at its provider"),
    ("native", "the source's own id for it"),
    ("needs", "the permission that would let it be read"),
    ("next_at", "when it is tried or probed again"),
    ("open", "1 as long as it is not proven, else 0"),
    ("outcome", "whole, partial or failed"),
    ("owner", "who answers for it, as a person decided"),
    ("owner_hint", "who may answer for it, as a source suggests"),
    ("pass", "its number, counted per source"),
    ("places", "in how many places it was seen"),
    ("plan", "the plan's id"),
    ("privilege", "how much it may do at its provider"),
    ("provider", "the system that it is of"),
    (
        "reason",
        "why; of a gap: denied, throttled, failed or unsupported",
    ),
    (
        "relation",
        "holder, used_by, member_of, trusts, of, on, minted_from, certifies, created_by or owned_by",
    ),
    ("rotated_at", "when its secret was changed last"),
    ("scope", "the part of the source, as JSON"),
    ("seen", "how many things were seen"),
    ("seen_at", "when the pass began that met it"),
    ("seen_from", "from when we knew this state"),
    ("seen_to", "until when we took it for true; null: still"),
    ("since", "since when it is as it is"),
    ("source", "the source's id"),
    ("sources", "how many sources see it"),
    ("started", "when the pass began"),
    (
        "state",
        "requested, authn_cut, sessions_ended, provider_acked, probing, proven, residual, unverifiable, attested or failed",
    ),
    ("status", "active, inactive … as its provider says"),
    ("step", "the step that it is at"),
    ("subject", "the id of what is revoked"),
    ("target", "what the source reads"),
    ("target_kind", "real, emulator or stub"),
    (
        "to_entity",
        "the id of the other thing, where it is on the roll",
    ),
    ("to_kind", "what the other thing is, where it is told"),
    (
        "to_native",
        "the source's own id for the other thing, where it is told",
    ),
    ("told", "what the source answered"),
    ("type", "its type"),
    ("until", "when the mute ends"),
    ("updated", "when it changed last"),
    (
        "valid_from",
        "from when the state was true; null: nobody tells",
    ),
    ("valid_to", "until when it was true; null: still"),
    ("version", "its number, counted per sighting"),
];

/// What the column `name` says; empty where there is none of that name.
#[must_use]
pub fn meaning(name: &str) -> &'static str {
    MEANINGS
        .iter()
        .find(|(column, _)| *column == name)
        .map_or("", |(_, says)| *says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VIEWS;

    #[test]
    fn every_column_is_told_once_and_none_that_is_not_there() {
        for view in VIEWS {
            for column in view.columns {
                assert!(!meaning(column).is_empty(), "{}.{column}", view.name);
            }
        }
        for (at, (name, _)) in MEANINGS.iter().enumerate() {
            assert!(
                VIEWS.iter().any(|view| view.columns.contains(name)),
                "{name}"
            );
            assert!(
                MEANINGS[..at].iter().all(|(other, _)| other < name),
                "{name}"
            );
        }
    }
}
