//! Records that another one holds as a text.
//!
//! Source: `LookupEvents` of CloudTrail, events of CloudWatch Logs, `kube-audit` among the
//! resource logs of Azure.

use serde::Deserialize;

use super::lenient::{Object, Text};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Outer<'a> {
    /// An event as the command line of CloudTrail looks it up.
    #[serde(borrow, rename = "CloudTrailEvent")]
    cloud_trail_event: Text<'a>,
    /// An event of CloudWatch Logs, where EKS writes its audit events.
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    properties: Object<Properties<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Properties<'a> {
    /// An audit event of AKS.
    #[serde(borrow)]
    log: Text<'a>,
}

/// The record that `record` is wrapped around.
pub(super) fn wrapped(record: &[u8]) -> Option<String> {
    let outer: Outer<'_> = serde_json::from_slice(record).ok()?;
    let texts = [
        outer.cloud_trail_event,
        outer.message,
        outer.properties.0.log,
    ];
    let inner = texts
        .into_iter()
        .find(|text| text.as_str().trim_start().starts_with('{'));
    inner.map(|text| text.0.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_within_another_is_found_and_a_plain_text_is_none() {
        for (record, inner) in [
            (
                r#"{"EventId":"1","CloudTrailEvent":"{\"eventName\":\"A\"}"}"#,
                Some("{\"eventName\":\"A\"}"),
            ),
            (
                r#"{"timestamp":1,"message":"{\"kind\":\"Event\"}"}"#,
                Some("{\"kind\":\"Event\"}"),
            ),
            (
                r#"{"category":"kube-audit","properties":{"log":"{\"kind\":\"Event\"}\n"}}"#,
                Some("{\"kind\":\"Event\"}\n"),
            ),
            (r#"{"message":"connection authorized: user=app"}"#, None),
            (r#"{"message":{"a":1}}"#, None),
            ("{", None),
        ] {
            assert_eq!(wrapped(record.as_bytes()).as_deref(), inner, "{record}");
        }
    }
}
