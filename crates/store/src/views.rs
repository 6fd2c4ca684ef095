//! The documented views that `query` reads: the same names and columns on both engines.
//!
//! Instants are text such as `2026-03-01T12:00:00Z` and compare as text. `scope`, `facts`,
//! `hard_keys` and `hints` are JSON: `facts -> 'name' ->> 'is'`, `scope ->> 0` read them on both.
//!
//! `docs/reference/query.md` is written from here. Held by `the_page_says_what_the_views_are`.

mod examples;
mod meanings;

pub use examples::{EXAMPLES, Example};
pub use meanings::meaning;

/// One documented view.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// What one of its rows is.
    pub says: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
}

/// Columns that hold JSON.
pub(crate) const JSON_COLUMNS: [&str; 4] = ["scope", "facts", "hard_keys", "hints"];

/// Every view that a query may read.
pub const VIEWS: &[View] = &[
    View {
        name: "identities",
        says: "one identity over all sources",
        columns: &[
            "id",
            "name",
            "type",
            "provider",
            "class",
            "environment",
            "status",
            "privilege",
            "owner",
            "owner_hint",
            "sources",
            "credentials",
            "created_at",
            "last_used_at",
            "expires_at",
            "first_seen",
            "missing_since",
        ],
    },
    View {
        name: "credentials",
        says: "one credential over all sources",
        columns: &[
            "id",
            "name",
            "type",
            "provider",
            "class",
            "environment",
            "status",
            "privilege",
            "holder",
            "owner",
            "owner_hint",
            "sources",
            "places",
            "created_at",
            "rotated_at",
            "last_used_at",
            "expires_at",
            "first_seen",
            "missing_since",
        ],
    },
    View {
        name: "grants",
        says: "one right of an identity on a resource",
        columns: &[
            "id",
            "name",
            "type",
            "provider",
            "status",
            "privilege",
            "holder",
            "first_seen",
            "missing_since",
        ],
    },
    View {
        name: "resources",
        says: "one thing that is reached",
        columns: &[
            "id",
            "name",
            "type",
            "provider",
            "environment",
            "owner",
            "first_seen",
            "missing_since",
        ],
    },
    View {
        name: "sightings",
        says: "one thing as one source sees it now",
        columns: &[
            "entity",
            "source",
            "kind",
            "native",
            "scope",
            "first_seen",
            "since",
            "missing_since",
            "facts",
            "hard_keys",
            "hints",
        ],
    },
    View {
        name: "versions",
        says: "one past or present state of a sighting, on both axes of time",
        columns: &[
            "entity",
            "source",
            "kind",
            "native",
            "version",
            "valid_from",
            "valid_to",
            "seen_from",
            "seen_to",
            "facts",
        ],
    },
    View {
        name: "links",
        says: "how one thing stands to another, as one source tells it",
        columns: &[
            "entity",
            "source",
            "relation",
            "to_entity",
            "to_kind",
            "to_native",
        ],
    },
    View {
        name: "sources",
        says: "one configured source",
        columns: &["id", "connector", "target", "target_kind", "added"],
    },
    View {
        name: "passes",
        says: "one pass over a source",
        columns: &[
            "source", "pass", "scope", "started", "finished", "outcome", "seen", "added",
            "changed", "missing", "back", "gaps",
        ],
    },
    View {
        name: "gaps",
        says: "one part that could not be read at last",
        columns: &["source", "scope", "reason", "told", "needs", "seen_at"],
    },
    View {
        name: "owners",
        says: "one decision about an owner",
        columns: &["entity", "kind", "owner", "by_whom", "at"],
    },
    View {
        name: "mutes",
        says: "one muted finding",
        columns: &["finding", "reason", "by_whom", "at", "until"],
    },
    View {
        name: "plans",
        says: "one plan",
        columns: &["id", "subject", "name", "act", "by_whom", "created"],
    },
    View {
        name: "revocations",
        says: "where one revocation stands",
        columns: &[
            "plan", "subject", "state", "open", "step", "next_at", "updated",
        ],
    },
    View {
        name: "evidence",
        says: "one leaf of the evidence log, in hex",
        columns: &["leaf_no", "leaf"],
    },
];

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const HEAD: &str = include_str!("views/query.head.md");

    fn page() -> String {
        let mut page = HEAD.to_owned();
        for view in VIEWS {
            let (name, says) = (view.name, view.says);
            let _ = write!(page, "\n## `{name}`\n\nA row is {says}.\n\n");
            page.push_str("| column | says |\n|---|---|\n");
            for column in view.columns {
                let _ = writeln!(page, "| `{column}` | {} |", meaning(column));
            }
            for example in EXAMPLES.iter().filter(|one| one.view == name) {
                let Example { asks, sql, .. } = example;
                let _ = write!(page, "\n{asks}:\n\n```sh\nkeyroll query \"{sql}\"\n```\n");
            }
        }
        page
    }

    #[test]
    fn the_page_says_what_the_views_are() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/query.md");
        if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page(),
            "docs/reference/query.md is older than the views; \
             `INSTA_UPDATE=always cargo test -p store --lib the_page` writes it anew"
        );
    }

    #[test]
    fn every_view_has_an_example_that_can_be_pasted() {
        for view in VIEWS {
            assert!(
                EXAMPLES.iter().any(|one| one.view == view.name),
                "{}",
                view.name
            );
        }
        for example in EXAMPLES {
            assert!(example.sql.contains(example.view), "{}", example.sql);
            assert!(
                !example.sql.contains(['"', '$', '`', '\\', '!']),
                "{}",
                example.sql
            );
        }
    }
}
