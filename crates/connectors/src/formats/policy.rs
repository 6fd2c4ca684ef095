//! AWS policy documents in attributes: who is trusted, what is allowed.

use model::Attribute;
use serde_json::Value;

use super::Thing;

/// A longer policy is none: AWS takes no more than half of this.
const BYTES_MAX: usize = 20 * 1024;
/// Statements beyond these tell nothing new.
const STATEMENTS_MAX: usize = 200;

/// What a policy says in short.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::formats) struct Policy {
    /// `AWS:arn:aws:iam::1:root`, `Service:ec2.amazonaws.com`, `Federated:…`, `*`.
    pub(in crate::formats) principals: Vec<String>,
    /// What its allowing statements allow.
    pub(in crate::formats) actions: Vec<String>,
    /// Whether an identity provider of another system is trusted.
    pub(in crate::formats) federated: bool,
}

/// The policy in an attribute, as a document or as the text of one.
pub(in crate::formats) fn of(attribute: Option<&Value>) -> Option<Policy> {
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

/// `thing` with a trust policy in full, where nothing in it is filled in later: rules judge its
/// conditions.
pub(in crate::formats) fn told(thing: Thing, document: &Value) -> Thing {
    let parsed;
    let document = match document {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                parsed = value;
                &parsed
            }
            Err(_) => return thing,
        },
        other => other,
    };
    let text = document.to_string();
    if !document.is_object() || text.len() > BYTES_MAX || is_open(document) {
        return thing;
    }
    thing.with(|told| told.is(Attribute::POLICY, text))
}

/// Whether something below `value` is filled in later: by Terraform, CloudFormation, a template.
fn is_open(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${") || text.contains("{{"),
        Value::Array(list) => list.iter().any(is_open),
        Value::Object(table) => table
            .iter()
            .any(|(name, value)| name == "Ref" || name.starts_with("Fn::") || is_open(value)),
        _ => false,
    }
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
    fn a_policy_is_told_whole_and_only_where_nothing_is_filled_in_later() {
        let has = |document: Value| {
            let thing = Thing::new(model::Kind::Identity, "r", "aws_iam_role");
            let thing = told(thing, &document);
            let fact = thing.told.fact(&Attribute::POLICY);
            fact.is().and_then(|value| value.text().map(str::len))
        };
        let long = json!({"Statement": [{"Sid": "x".repeat(2_000)}]});
        assert!(has(long).unwrap() > 2_000);
        assert!(has(json!(r#"{"Statement": []}"#)).is_some());
        for open in [
            json!({"Statement": {"Principal": {"Ref": "X"}}}),
            json!({"Statement": {"Principal": "${aws_iam_role.x.arn}"}}),
            json!("${data.aws_iam_policy_document.x.json}"),
            json!({"Statement": "x".repeat(BYTES_MAX)}),
        ] {
            assert_eq!(has(open), None);
        }
    }

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
