//! OCSF: one event a line (FM-6 to FM-10).
//!
//! What is wrong with an identity or its credential is an *IAM Analysis Finding* (2008). What a
//! rule could not judge is a *Compliance Finding* (2003) of status 0, unknown, which its schema
//! has a word for and 2008 has not. An identity of the roll is a *User Inventory Info* (5003);
//! the schema has no class for a credential whose holder nobody knows.

use std::io::{self, Write};

use model::{Severity, Timestamp};
use serde_json::{Map, Value, json};

use super::list::Emit;
use super::{Fields, Gauge, Row, json};

/// The lists that OCSF has classes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Findings.
    Findings,
    /// Lines of the roll.
    Roll,
}

/// Releases of the schema whose shapes are written; the first is the default.
pub(crate) const VERSIONS: [&str; 2] = ["1.8.0", "1.9.0"];

/// Events, one a line.
pub(super) struct Events {
    pub(super) of: Of,
    /// The release of the schema.
    pub(super) version: &'static str,
    /// When the command began: when these events were made.
    pub(super) now: Timestamp,
    /// How much of the world stands behind them.
    pub(super) gauge: Gauge,
}

impl Emit for Events {
    fn gauge(&mut self, gauge: &Gauge) {
        self.gauge = gauge.clone();
    }

    fn row(&mut self, out: &mut dyn Write, row: &Row, _: &Fields) -> io::Result<()> {
        // The selection of fields is for people's formats; OCSF has its own shape.
        let event = match self.of {
            Of::Findings => Some(self.finding(row)),
            Of::Roll => self.inventory(row),
        };
        let Some(mut event) = event else {
            return Ok(());
        };
        // Each event goes its own way, so each says what it stands on (CL-18).
        event["unmapped"]["gauge"] = self.gauge.record();
        writeln!(out, "{}", json::line(&without_nulls(event)))
    }

    fn end(&mut self, _: &mut dyn Write, _: &[String]) -> io::Result<()> {
        Ok(())
    }
}

impl Events {
    /// What every event has (FM-7).
    fn event(&self, class: u32, name: &str, activity: (u32, &str), severity: (u32, &str)) -> Value {
        let category = class / 1000;
        json!({
            "activity_id": activity.0,
            "activity_name": activity.1,
            "category_uid": category,
            "category_name": if category == 2 { "Findings" } else { "Discovery" },
            "class_uid": class,
            "class_name": name,
            "type_uid": class * 100 + activity.0,
            "type_name": format!("{name}: {}", activity.1),
            "severity_id": severity.0,
            "severity": severity.1,
            "time": milliseconds(self.now),
            "metadata": {
                "version": self.version,
                "product": {
                    "name": "Keyroll",
                    "vendor_name": "Keyroll",
                    "version": env!("CARGO_PKG_VERSION"),
                },
            },
        })
    }

    fn finding(&self, row: &Row) -> Value {
        let fields = &row.fields;
        let word = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let unknown = word("verdict") == "unknown";
        let (class, name) = if unknown {
            (2003, "Compliance Finding")
        } else {
            (2008, "IAM Analysis Finding")
        };
        let severity = severity(word("severity"));
        let mut event = self.event(class, name, (1, "Create"), severity);
        let muted = fields
            .get("muted_until")
            .is_some_and(|until| !until.is_null());
        let (status_id, status) = if muted { (3, "Suppressed") } else { (1, "New") };
        let mut put = |name: &str, value: Value| event[name] = value;
        put("status_id", json!(status_id));
        put("status", json!(status));
        put(
            "message",
            json!(format!("{}: {}", word("name"), word("why"))),
        );
        put(
            "finding_info",
            json!({
                "uid": word("finding"),
                "title": word("title"),
                "desc": word("why"),
                "types": [word("owasp")],
                "analytic": {"uid": word("rule"), "name": word("rule"), "type_id": 1, "type": "Rule"},
            }),
        );
        put(
            "risk_score",
            fields.get("risk").cloned().unwrap_or_default(),
        );
        put("remediation", json!({"desc": word("next")}));
        put("resources", json!([resource(row)]));
        if unknown {
            put(
                "compliance",
                json!({
                    "standards": ["OWASP Non-Human Identities Top 10 2025"],
                    "control": word("owasp"),
                    "status_id": 0,
                    "status": "Unknown",
                }),
            );
        } else {
            put("identity_activity_metrics", metrics(row));
            if let Some(user) = user(row) {
                put("user", user);
            }
        }
        let kept = ["path", "line", "factors", "muted_until"];
        let kept = kept.iter().filter_map(|name| {
            let value = fields.get(*name).filter(|value| !value.is_null())?;
            Some(((*name).to_owned(), value.clone()))
        });
        put("unmapped", Value::Object(kept.collect()));
        event
    }

    /// An identity of the roll; `None` for what no class is about.
    fn inventory(&self, row: &Row) -> Option<Value> {
        if row.fields.get("kind").and_then(Value::as_str) != Some("identity") {
            return None;
        }
        let mut event = self.event(
            5003,
            "User Inventory Info",
            (2, "Collect"),
            (1, "Informational"),
        );
        event["user"] = user(row)?;
        let kept = row.fields.iter().filter(|(_, value)| !value.is_null());
        let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
        event["unmapped"] = Value::Object(kept.collect());
        Some(event)
    }
}

/// A word about the thing: of its line on the roll.
fn of_thing<'r>(row: &'r Row, name: &str) -> Option<&'r Value> {
    let detail = row.detail.get(name);
    detail
        .or_else(|| row.fields.get(name))
        .filter(|value| !value.is_null())
}

/// The thing that a finding is about.
fn resource(row: &Row) -> Value {
    let mut resource = Map::new();
    for (ours, theirs) in [("id", "uid"), ("name", "name"), ("type", "type")] {
        if let Some(value) = of_thing(row, ours) {
            resource.insert(theirs.to_owned(), value.clone());
        }
    }
    if let Some(owner) = of_thing(row, "owner") {
        resource.insert("owner".to_owned(), json!({"name": owner}));
    }
    resource.into()
}

/// The identity that a line is about, or that holds the credential it is about.
fn user(row: &Row) -> Option<Value> {
    if of_thing(row, "kind").and_then(Value::as_str) != Some("identity") {
        let holder = of_thing(row, "holder")?;
        return Some(json!({"uid": holder, "type_id": 0}));
    }
    // The schema knows no finer kinds than `Service` (FM-10); the exact one is in `type`.
    let human = of_thing(row, "class").is_none_or(|class| class == "human_operated");
    Some(json!({
        "uid": of_thing(row, "id")?,
        "name": of_thing(row, "name")?,
        "type_id": if human { 0 } else { 4 },
        "type": of_thing(row, "type"),
    }))
}

/// What is known of use; at least one of its members is there (FM-8).
fn metrics(row: &Row) -> Value {
    let time = |name: &str| {
        let text = of_thing(row, name).and_then(Value::as_str)?;
        text.parse().ok().map(|at| json!(milliseconds(at)))
    };
    let mut metrics = Map::new();
    if let Some(at) = time("first_seen") {
        metrics.insert("first_seen_time".to_owned(), at);
    }
    if of_thing(row, "kind").and_then(Value::as_str) == Some("credential") {
        let mut credential = json!({"uid": of_thing(row, "id"), "type": of_thing(row, "type")});
        if let Some(at) = time("last_used_at") {
            credential["last_used_time"] = at;
        }
        metrics.insert("programmatic_credentials".to_owned(), json!([credential]));
    }
    metrics.into()
}

/// An attribute that nobody tells is left out: the schema knows no null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let told = map.into_iter().filter(|(_, value)| !value.is_null());
            told.map(|(name, value)| (name, without_nulls(value)))
                .collect()
        }
        Value::Array(list) => list.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn severity(word: &str) -> (u32, &'static str) {
    match crate::words::severity(word) {
        None => (0, "Unknown"),
        Some(Severity::Info) => (1, "Informational"),
        Some(Severity::Low) => (2, "Low"),
        Some(Severity::Medium) => (3, "Medium"),
        Some(Severity::High) => (4, "High"),
        Some(Severity::Critical) => (5, "Critical"),
    }
}

/// OCSF counts milliseconds, Keyroll microseconds.
const fn milliseconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1000)
}
