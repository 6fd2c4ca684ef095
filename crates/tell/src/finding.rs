//! A finding, as machines are told of it.

use model::Finding;
use serde_json::json;

use crate::{Fields, fields};

/// A finding for machines.
pub fn finding(finding: &Finding) -> Fields {
    let suggested = finding.suggested.as_ref();
    fields(json!({
        "finding": finding.id,
        "fingerprint": finding.print,
        "rule": finding.rule,
        "title": finding.title,
        "owasp": finding.owasp,
        "severity": finding.severity,
        "risk": finding.risk,
        "verdict": finding.verdict.as_str(),
        "why": finding.verdict.why(),
        "id": finding.entity,
        "name": finding.name,
        "path": finding.place.as_ref().map(|place| &place.path),
        "line": finding.place.as_ref().and_then(|place| place.line),
        "source": finding.source,
        "owner": finding.owner,
        "suggested_owner": suggested.map(|one| &one.who),
        "may_own_it": suggested.map(|one| json!({"suggested": [one]})),
        "validity": finding.validity,
        "factors": finding.factors,
        "next": finding.next,
        "muted_until": finding.mute.as_ref().map(|mute| mute.until),
    }))
}
