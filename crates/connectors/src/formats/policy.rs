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

/// `thing` with a trust policy in full: rules judge its conditions. What is filled in later stands
/// in it as `${…}`, and is judged as open.
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
    let text = opened(document).to_string();
    if !document.is_object() || text.len() > BYTES_MAX {
        return thing;
    }
    thing.with(|told| told.is(Attribute::POLICY, text))
}

/// `value` with `${…}` wherever Terraform, CloudFormation or a template fills something in later.
fn opened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("{{") => {
            Value::String(text.replace("{{", "${").replace("}}", "}"))
        }
        Value::Array(list) => Value::Array(list.iter().map(opened).collect()),
        Value::Object(table) => match filled_in(table) {
            Some(text) => Value::String(text),
            None => {
                let each = table.iter().map(|(name, one)| (name.clone(), opened(one)));
                Value::Object(each.collect())
            }
        },
        other => other.clone(),
    }
}

/// What stands for a function of CloudFormation.
fn filled_in(table: &serde_json::Map<String, Value>) -> Option<String> {
    let (name, of) = table.iter().next().filter(|_| table.len() == 1)?;
    // What a template of texts is filled in with stands in it as `${…}` already.
    if name == "Fn::Sub" {
        let list = of.as_array().and_then(|list| list.first());
        return list.unwrap_or(of).as_str().map(str::to_owned);
    }
    (name == "Ref" || name.starts_with("Fn::")).then(|| format!("${{{name}}}"))
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
    fn a_policy_is_told_whole_with_what_is_filled_in_later_as_open() {
        let has = |document: Value| {
            let thing = Thing::new(model::Kind::Identity, "r", "aws_iam_role");
            let thing = told(thing, &document);
            let fact = thing.told.fact(&Attribute::POLICY);
            fact.is().and_then(|value| value.text().map(str::to_owned))
        };
        let long = json!({"Statement": [{"Sid": "x".repeat(2_000)}]});
        assert!(has(long).unwrap().len() > 2_000);
        assert!(has(json!(r#"{"Statement": []}"#)).is_some());
        for (open, told) in [
            (json!({"Ref": "X"}), "${Ref}"),
            (json!({"Fn::GetAtt": ["X", "Arn"]}), "${Fn::GetAtt}"),
            (
                json!({"Fn::Sub": "repo:${Org}/shop:*"}),
                "repo:${Org}/shop:*",
            ),
            (
                json!({"Fn::Sub": ["repo:${Org}/shop", {"Org": "x"}]}),
                "repo:${Org}/shop",
            ),
            (json!("${aws_iam_role.x.arn}"), "${aws_iam_role.x.arn}"),
            (json!("{{ .Values.role }}"), "${ .Values.role }"),
        ] {
            let document = json!({"Statement": {"Principal": open}});
            let text = json!({"Statement": {"Principal": told}}).to_string();
            assert_eq!(has(document), Some(text));
        }
        for none in [
            json!("${data.aws_iam_policy_document.x.json}"),
            json!({"Statement": "x".repeat(BYTES_MAX)}),
        ] {
            assert_eq!(has(none), None);
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
