//! AWS policy documents in attributes: who is trusted, what is allowed.

use serde_json::Value;

/// Statements beyond these tell nothing new.
const STATEMENTS_MAX: usize = 200;

/// What a policy says in short.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    /// `AWS:arn:aws:iam::1:root`, `Service:ec2.amazonaws.com`, `Federated:…`, `*`.
    pub(super) principals: Vec<String>,
    /// What its allowing statements allow.
    pub(super) actions: Vec<String>,
    /// Whether an identity provider of another system is trusted.
    pub(super) federated: bool,
}

/// The policy in an attribute, as a document or as the text of one.
pub(super) fn of(attribute: Option<&Value>) -> Option<Policy> {
    let parsed;
    let document = match attribute? {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text).ok()?;
            &parsed
        }
        other => other,
    };
    let mut out = Policy::default();
    for statement in some(document.get("Statement")?).take(STATEMENTS_MAX) {
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            continue;
        }
        match statement.get("Principal") {
            Some(Value::Object(kinds)) => {
                for (kind, who) in kinds {
                    out.federated |= kind == "Federated";
                    let who = some(who).filter_map(Value::as_str);
                    out.principals
                        .extend(who.map(|who| format!("{kind}:{who}")));
                }
            }
            Some(Value::String(all)) => out.principals.push(all.clone()),
            _ => {}
        }
        let actions = statement.get("Action").into_iter().flat_map(some);
        out.actions
            .extend(actions.filter_map(Value::as_str).map(str::to_owned));
    }
    out.principals.dedup();
    Some(out)
}

/// One value, or those of a list.
fn some(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(list) => list.iter(),
        other => std::slice::from_ref(other).iter(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trust_tells_whom_it_trusts() {
        let text = r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": ["arn:aws:iam::1:oidc-provider/x"]}}}"#;
        let told = of(Some(&json!(text))).unwrap();
        assert_eq!(
            told.principals,
            ["Federated:arn:aws:iam::1:oidc-provider/x"]
        );
        assert!(told.federated);
        assert_eq!(of(Some(&json!("no policy"))), None);
    }
}
