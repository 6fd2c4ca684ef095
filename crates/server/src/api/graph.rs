//! How one thing hangs together with others, laid out in columns.
//!
//! The layout depends on nothing but what is shown: the same roll gives the same picture.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::extract::{Path, State};
use engine::Engine;
use model::{EntityId, Kind, Relation};
use serde::{Deserialize, Serialize};
use store::Row;
use utoipa::{IntoParams, ToSchema};

use super::ask::Asked;
use super::told::Told;
use super::{Api, Caller, Problem, roll};

/// Things shown at most.
const NODES_MAX: usize = 2_000;
/// Things shown unless said.
const NODES: usize = 200;
/// Steps away from the first thing at most.
const DEPTH_MAX: u32 = 4;
/// Neighbours of one thing that are looked at.
const NEIGHBOURS_MAX: usize = 500;
/// From one column to the next, and from one thing to the one below.
const APART: (u32, u32) = (280, 64);

/// How far a graph reaches.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Reach {
    /// Steps away from the thing: 1 to 4
    #[param(value_type = Option<u32>, minimum = 1, maximum = 4, default = 2)]
    depth: Option<String>,
    /// Things shown: 1 to 2000
    #[param(value_type = Option<u32>, minimum = 1, maximum = 2000, default = 200)]
    limit: Option<String>,
}

/// Things and how they hang together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Whether there is more than is shown.
    cut: bool,
}

/// One thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Node {
    id: String,
    name: String,
    kind: String,
    #[serde(rename = "type")]
    type_: String,
    class: Option<String>,
    /// 0 what is stored, 1 who consumes, 2 identities, 3 permissions, 4 resources.
    column: u32,
    x: u32,
    y: u32,
    /// Neighbours that are not shown.
    more: u32,
}

/// How one hangs together with another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(crate) struct Edge {
    from: String,
    to: String,
    relation: String,
    /// Which source says so; null: several things do.
    source: Option<String>,
    /// `stated`: a source says so.
    confidence: &'static str,
}

/// Show how a thing hangs together with others
#[utoipa::path(get, path = "/v1/identities/{id}/graph", tag = "roll", params(("id" = String, description = "Its id, or one it had"), Reach), responses(
    (status = 200, body = Graph, example = json!({
        "nodes": [{"id": "idn-5b1f0c6f2a9d4e37", "name": "billing", "kind": "identity", "type": "postgres_role", "class": "workload", "column": 2, "x": 560, "y": 0, "more": 0}],
        "edges": [], "cut": false
    })),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing on the roll has this id")
))]
pub(crate) async fn graph(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(reach): Asked<Reach>,
) -> Result<Told<Graph>, Problem> {
    let depth = within("depth", reach.depth.as_deref(), 2, DEPTH_MAX)?;
    let most = u32::try_from(NODES_MAX).unwrap_or(u32::MAX);
    let least = u32::try_from(NODES).unwrap_or(200);
    let limit = within("limit", reach.limit.as_deref(), least, most)?;
    let work = move |engine: &Engine| {
        let first = roll::look(engine, &id)?.row.id;
        let mut walk = Walk::from(first, usize::try_from(limit).unwrap_or(NODES));
        walk.go(engine, depth)?;
        walk.lay_out(engine)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

fn within(name: &str, given: Option<&str>, usual: u32, most: u32) -> Result<u32, Problem> {
    let Some(given) = given else { return Ok(usual) };
    let read = given.parse().ok().filter(|n| (1..=most).contains(n));
    read.ok_or_else(|| {
        let expected = format!("`{name}` to be 1 to {most}");
        Problem::unfit(&expected, given, "leave it out")
    })
}

/// What was reached.
struct Walk {
    /// Each with its steps from the first.
    found: BTreeMap<EntityId, u32>,
    edges: BTreeSet<Edge>,
    more: BTreeMap<EntityId, u32>,
    line: VecDeque<EntityId>,
    limit: usize,
}

impl Walk {
    fn from(first: EntityId, limit: usize) -> Self {
        Self {
            found: BTreeMap::from([(first.clone(), 0)]),
            edges: BTreeSet::new(),
            more: BTreeMap::new(),
            line: VecDeque::from([first]),
            limit,
        }
    }

    /// Goes on step by step, nearest first.
    fn go(&mut self, engine: &Engine, depth: u32) -> Result<(), Problem> {
        while let Some(id) = self.line.pop_front() {
            let steps = self.found.get(&id).copied().unwrap_or(0);
            for (other, edge) in neighbours(engine, &id)? {
                if !self.found.contains_key(&other) {
                    if steps >= depth || self.found.len() >= self.limit {
                        *self.more.entry(id.clone()).or_default() += 1;
                        continue;
                    }
                    self.found.insert(other.clone(), steps + 1);
                    self.line.push_back(other);
                }
                self.edges.insert(edge);
            }
        }
        Ok(())
    }

    /// Columns by what a thing is, rows by name.
    fn lay_out(self, engine: &Engine) -> Result<Graph, Problem> {
        let ids: Vec<_> = self.found.keys().cloned().collect();
        let mut rows = engine
            .store
            .read(|reading| reading.entity_rows(&engine.tenant, &ids))?;
        let consumes: BTreeSet<&str> = self
            .edges
            .iter()
            .filter(|edge| edge.relation == Relation::UsedBy.as_str())
            .map(|edge| edge.to.as_str())
            .collect();
        rows.sort_by(|a, b| {
            (column(a, &consumes), &a.name, &a.id).cmp(&(column(b, &consumes), &b.name, &b.id))
        });
        let mut below = [0_u32; 5];
        let mut nodes = Vec::with_capacity(rows.len());
        for row in &rows {
            let column = column(row, &consumes);
            let place = &mut below[column.min(4)];
            let column = u32::try_from(column).unwrap_or(4);
            nodes.push(Node {
                id: row.id.as_str().to_owned(),
                name: row.name.clone(),
                kind: row.kind.as_str().to_owned(),
                type_: row.type_.clone(),
                class: row.class.clone(),
                column,
                x: column * APART.0,
                y: *place * APART.1,
                more: self.more.get(&row.id).copied().unwrap_or(0),
            });
            *place += 1;
        }
        let shown: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        let both =
            |edge: &Edge| shown.contains(edge.from.as_str()) && shown.contains(edge.to.as_str());
        let edges = self
            .edges
            .iter()
            .filter(|edge| both(edge))
            .cloned()
            .collect();
        Ok(Graph {
            edges,
            cut: !self.more.is_empty(),
            nodes,
        })
    }
}

/// In which column a thing stands.
fn column(row: &Row, consumes: &BTreeSet<&str>) -> usize {
    match row.kind {
        Kind::Credential | Kind::Use => 0,
        Kind::Identity if consumes.contains(row.id.as_str()) => 1,
        Kind::Owner => 1,
        Kind::Identity => 2,
        Kind::Grant => 3,
        Kind::Resource => 4,
    }
}

/// What a thing points at, and what points at it; in order, each once.
fn neighbours(engine: &Engine, id: &EntityId) -> Result<BTreeMap<EntityId, Edge>, Problem> {
    let found = engine.store.read(|reading| {
        let tenant = &engine.tenant;
        let mut found = BTreeMap::new();
        let sightings = reading.sightings_of(tenant, id)?;
        let links = sightings.iter().flat_map(|one| {
            let links = one.observation.links.iter();
            links.map(|link| (one.key.source.clone(), link.clone()))
        });
        let links: Vec<_> = links.take(NEIGHBOURS_MAX).collect();
        let targets: Vec<_> = links
            .iter()
            .map(|(source, link)| (source.clone(), link.to.clone()))
            .collect();
        let resolved = reading.resolve(tenant, &targets)?;
        for ((source, link), to) in links.iter().zip(resolved) {
            if let Some(to) = to.filter(|to| to != id) {
                let edge = edge(id, &to, link.relation, Some(source.as_str()));
                found.entry(to).or_insert(edge);
            }
        }
        for (from, relation) in reading
            .incoming(tenant, id)?
            .into_iter()
            .take(NEIGHBOURS_MAX)
        {
            if from != *id {
                let edge = edge(&from, id, relation, None);
                found.entry(from).or_insert(edge);
            }
        }
        Ok(found)
    })?;
    Ok(found)
}

fn edge(from: &EntityId, to: &EntityId, relation: Relation, source: Option<&str>) -> Edge {
    Edge {
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
        relation: relation.as_str().to_owned(),
        source: source.map(str::to_owned),
        confidence: "stated",
    }
}
