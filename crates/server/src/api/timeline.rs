//! Everything known of one thing, in the order it was learnt.

use std::collections::BTreeSet;

use ::evidence::Leaf;
use axum::extract::{Path, State};
use engine::{Engine, Looked};
use model::{Attribute, Timestamp, Version};
use serde::Serialize;
use utoipa::ToSchema;

use super::told::Told;
use super::{Api, Caller, Problem, roll};

/// Entries at most, the latest.
const ENTRIES_MAX: usize = 1_000;
/// Sightings whose history is read.
const SIGHTINGS_MAX: usize = 200;
/// Leaves looked through, from the end of the log.
const LEAVES_MAX: u64 = 20_000;

/// One thing that was learnt, decided or done.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(example = json!({"at": "2026-03-01T12:00:00Z", "what": "changed", "source": "aws_iam:123456789012", "detail": "status"}))]
pub(crate) struct Entry {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `seen`, `changed`, `missing`, `back`; the kind of a leaf: `decision`, `intent`, `receipt`, …
    what: String,
    /// Which source told it; `evidence` for a leaf.
    source: String,
    /// What of it.
    detail: String,
}

/// Show everything known of one thing, the latest first
#[utoipa::path(get, path = "/v1/identities/{id}/timeline", tag = "roll", params(("id" = String, description = "Its id, or one it had")), responses(
    (status = 200, body = Vec<Entry>),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing on the roll has this id")
))]
pub(crate) async fn timeline(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Told<Vec<Entry>>, Problem> {
    let work = move |engine: &Engine| {
        let looked = roll::look(engine, &id)?;
        let mut entries = seen(engine, &looked)?;
        entries.extend(decided(engine, &looked)?);
        entries.sort_by(|a, b| b.cmp(a));
        entries.truncate(ENTRIES_MAX);
        Ok(entries)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// What sources told, from the versions of its sightings.
fn seen(engine: &Engine, looked: &Looked) -> Result<Vec<Entry>, Problem> {
    let members = looked.entity.members.iter().take(SIGHTINGS_MAX);
    let mut entries = Vec::new();
    engine.store.read(|reading| {
        for member in members {
            let key = &member.sighting;
            let versions = reading.versions(&engine.tenant, key)?;
            let source = key.source.as_str();
            let mut before: Option<&Version> = None;
            for version in &versions {
                let (what, detail) = match before {
                    None => ("seen", format!("first seen as {}", key.native)),
                    Some(before) if before.seen_to.is_some_and(|end| end < version.seen_from) => {
                        ("back", format!("found again as {}", key.native))
                    }
                    Some(before) => ("changed", differing(before, version)),
                };
                entries.push(entry(version.seen_from, what, source, detail));
                before = Some(version);
            }
            if let Some(at) = member.missing_since {
                let detail = format!("no longer found as {}", key.native);
                entries.push(entry(at, "missing", source, detail));
            }
        }
        Ok(())
    })?;
    Ok(entries)
}

fn entry(at: Timestamp, what: &str, source: &str, detail: String) -> Entry {
    Entry {
        at,
        what: what.to_owned(),
        source: source.to_owned(),
        detail: model::shorten(&detail, 400),
    }
}

/// The attributes that two versions tell otherwise.
fn differing(before: &Version, after: &Version) -> String {
    let (old, new) = (&before.observation, &after.observation);
    let names: BTreeSet<&Attribute> = old.facts.keys().chain(new.facts.keys()).collect();
    let facts = names
        .into_iter()
        .filter(|name| old.facts.get(*name) != new.facts.get(*name));
    let mut words: Vec<&str> = facts.map(Attribute::as_str).collect();
    if old.links != new.links {
        words.push("links");
    }
    if old.keys != new.keys {
        words.push("keys");
    }
    words.join(", ")
}

/// What people decided and plans did, from the latest leaves of the log.
fn decided(engine: &Engine, looked: &Looked) -> Result<Vec<Entry>, Problem> {
    let mut subjects: BTreeSet<&str> = looked.entity.aliases.iter().map(|id| id.as_str()).collect();
    subjects.insert(looked.row.id.as_str());
    let leaves = engine.store.read(|reading| {
        let size = reading.evidence_size(&engine.tenant)?;
        let most = usize::try_from(LEAVES_MAX).unwrap_or(usize::MAX);
        reading.evidence_leaves(&engine.tenant, size.saturating_sub(LEAVES_MAX), most)
    })?;
    let leaves = leaves.iter().filter_map(|(index, bytes)| {
        let leaf = Leaf::from_bytes(bytes).ok()?;
        subjects.contains(leaf.subject()).then(|| {
            let detail = format!("leaf {index} by {}", leaf.actor());
            entry(leaf.at(), leaf.kind().as_str(), "evidence", detail)
        })
    });
    Ok(leaves.collect())
}
