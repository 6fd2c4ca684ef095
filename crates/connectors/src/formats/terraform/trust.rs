//! Whom the roles of a configuration trust, as far as its file says it: policy documents that are
//! written as data sources, and names that the same file gives a value.
//!
//! What is filled in from elsewhere stays in the document as `${…}`: a rule sees that it is open
//! there, and judges the rest.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::config::some;
use crate::formats::tree;

/// Statements, conditions and values of one document beyond these are not looked at.
const PARTS_MAX: usize = 200;
/// Names of one file that stand for a text.
const NAMES_MAX: usize = 10_000;
/// References in references are followed so far.
const DEPTH_MAX: usize = 4;
const DOCUMENT: &str = "data.aws_iam_policy_document.";

/// What the names in one file stand for.
#[derive(Debug, Default)]
pub(super) struct Trusts {
    /// `data.aws_iam_policy_document.NAME` to the document.
    documents: BTreeMap<String, Value>,
    /// `local.NAME`, `aws_iam_openid_connect_provider.NAME.arn` to a text.
    texts: BTreeMap<String, String>,
}

impl Trusts {
    /// Reads the names of a configuration.
    pub(super) fn of(tree: &Value) -> Self {
        let mut out = Self::default();
        for body in tree.get("locals").into_iter().flat_map(some) {
            for (name, value) in tree::members(body, &[]) {
                if let Some(text) = value.as_str() {
                    out.name(format!("local.{name}"), text.to_owned());
                }
            }
        }
        for (block, before) in [("resource", ""), ("data", "data.")] {
            for (name, bodies) in tree::members(tree, &[block, "aws_iam_openid_connect_provider"]) {
                let mut urls = some(bodies).filter_map(|body| written(body, "url"));
                if let Some(url) = urls.next() {
                    out.provider(
                        &format!("{before}aws_iam_openid_connect_provider.{name}"),
                        url,
                    );
                }
            }
        }
        for (name, bodies) in tree::members(tree, &["data", "aws_iam_policy_document"]) {
            if let Some(body) = some(bodies).next() {
                out.documents.insert(name.to_owned(), document(body));
            }
        }
        out
    }

    fn name(&mut self, name: String, text: String) {
        if self.texts.len() < NAMES_MAX {
            self.texts.insert(name, text);
        }
    }

    /// A provider's address says whose tokens it takes; its ARN ends with that.
    fn provider(&mut self, name: &str, url: &str) {
        let url = self.filled(url, 0);
        let host = url.trim_start_matches("https://").trim_end_matches('/');
        self.name(format!("{name}.url"), host.to_owned());
        let arn = format!("arn:aws:iam::${{account}}:oidc-provider/{host}");
        self.name(format!("{name}.arn"), arn);
    }

    /// The trust policy that `attribute` is, with what this file fills in.
    pub(super) fn policy(&self, attribute: &Value) -> Option<Value> {
        let parsed;
        let document = match attribute {
            Value::String(text) => match self.referred(text) {
                Some(document) => document,
                None => {
                    parsed = serde_json::from_str::<Value>(text).ok()?;
                    &parsed
                }
            },
            other => other,
        };
        document.is_object().then(|| self.each_filled(document, 0))
    }

    /// The document that is meant by `${data.aws_iam_policy_document.NAME.json}`, and by nothing
    /// else around it.
    fn referred(&self, text: &str) -> Option<&Value> {
        let inner = text.strip_prefix("${")?.strip_suffix('}')?.trim();
        let rest = inner.strip_prefix(DOCUMENT)?;
        let (name, rest) = rest.split_at(rest.find(['.', '['])?);
        let member = rest.rsplit('.').next()?;
        matches!(member, "json" | "minified_json")
            .then(|| self.documents.get(name))
            .flatten()
    }

    /// `value` with the texts that names stand for, in keys as well.
    fn each_filled(&self, value: &Value, depth: usize) -> Value {
        if depth > 16 {
            return Value::String("${…}".to_owned());
        }
        match value {
            Value::String(text) => Value::String(self.filled(text, 0)),
            Value::Array(list) => {
                let each = list.iter().map(|one| self.each_filled(one, depth + 1));
                Value::Array(each.collect())
            }
            Value::Object(table) => {
                let each = table
                    .iter()
                    .map(|(name, one)| (self.filled(name, 0), self.each_filled(one, depth + 1)));
                Value::Object(each.collect())
            }
            other => other.clone(),
        }
    }

    /// `text` with every `${NAME}` that stands for a text.
    fn filled(&self, text: &str, depth: usize) -> String {
        if depth >= DEPTH_MAX || !text.contains("${") {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((inner, behind)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                break;
            };
            match self.stands_for(inner.trim()) {
                // Names in what a name stands for; of a ring of them some stay open.
                Some(text) if out.len() < 4096 => out.push_str(&self.filled(text, depth + 1)),
                _ => {
                    out.push_str("${");
                    out.push_str(inner);
                    out.push('}');
                }
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    /// What `name` stands for; one of several with an index is meant like the only one.
    fn stands_for(&self, name: &str) -> Option<&str> {
        let bare = match (name.find('['), name.find(']')) {
            (Some(open), Some(close)) if open < close => {
                format!("{}{}", &name[..open], &name[close + 1..])
            }
            _ => name.to_owned(),
        };
        self.texts.get(&bare).map(String::as_str)
    }
}

/// A policy document as AWS takes it, of one written in blocks.
fn document(body: &Value) -> Value {
    let mut statements: Vec<Value> = blocks(body, "statement").map(statement).collect();
    for other in ["source_policy_documents", "override_policy_documents"] {
        if body.get(other).is_some() {
            statements.push(open(other));
        }
    }
    if is_dynamic(body, "statement") {
        statements.push(open("dynamic statement"));
    }
    json!({ "Statement": statements })
}

fn statement(body: &Value) -> Value {
    let mut out = Map::new();
    let effect = written(body, "effect").unwrap_or("Allow");
    out.insert("Effect".to_owned(), effect.into());
    for (name, theirs) in [("actions", "Action"), ("not_actions", "NotAction")] {
        if let Some(list) = body.get(name) {
            out.insert(theirs.to_owned(), list.clone());
        }
    }
    if let Some(principal) = principal(body, "principals") {
        out.insert("Principal".to_owned(), principal);
    }
    if let Some(principal) = principal(body, "not_principals") {
        out.insert("NotPrincipal".to_owned(), principal);
    }
    if is_dynamic(body, "condition") {
        out.insert("Condition".to_owned(), open("dynamic condition"));
    } else if let Some(condition) = condition(body) {
        out.insert("Condition".to_owned(), condition);
    }
    Value::Object(out)
}

/// Principals by their kind.
fn principal(body: &Value, block: &str) -> Option<Value> {
    if is_dynamic(body, block) {
        return Some(open("dynamic principals"));
    }
    let mut kinds: Map<String, Value> = Map::new();
    for one in blocks(body, block) {
        let kind = written(one, "type").unwrap_or("${type}");
        let who = one.get("identifiers").cloned().unwrap_or_default();
        if kind == "*" {
            return Some("*".into());
        }
        let there = kinds
            .entry(kind)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(there) = there {
            match who {
                Value::Array(list) => there.extend(list),
                other => there.push(other),
            }
        }
    }
    (!kinds.is_empty()).then_some(Value::Object(kinds))
}

/// Conditions by their test and what they ask.
fn condition(body: &Value) -> Option<Value> {
    let mut tests: Map<String, Value> = Map::new();
    for one in blocks(body, "condition") {
        let test = written(one, "test").unwrap_or("${test}");
        let asked = written(one, "variable").unwrap_or("${variable}");
        let values = one.get("values").cloned().unwrap_or_default();
        let test = tests.entry(test).or_insert_with(|| json!({}));
        if let Value::Object(test) = test {
            // A second condition of one test on one claim stands beside the first, not in its place.
            let mut name = asked.to_owned();
            while test.contains_key(&name) && name.len() < 1_000 {
                name.insert_str(0, "and:");
            }
            test.insert(name, values);
        }
    }
    (!tests.is_empty()).then_some(Value::Object(tests))
}

/// The text of an attribute, references in it included.
fn written<'v>(body: &'v Value, name: &str) -> Option<&'v str> {
    body.get(name).and_then(Value::as_str)
}

fn blocks<'v>(body: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    body.get(name).into_iter().flat_map(some).take(PARTS_MAX)
}

/// Whether blocks of that name are made by an expression.
fn is_dynamic(body: &Value, name: &str) -> bool {
    body.get("dynamic")
        .and_then(|made| made.get(name))
        .is_some()
}

/// What stands where something is filled in later.
fn open(what: &str) -> Value {
    Value::String(format!("${{{what}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::terraform::hcl;

    fn policy(text: &str) -> Option<Value> {
        let tree = hcl::read(text).tree;
        let role = &tree["resource"]["aws_iam_role"]["r"][0]["assume_role_policy"];
        Trusts::of(&tree).policy(role)
    }

    const BLOCKS: &str = r#"
locals { issuer = "token.actions.githubusercontent.com" }
resource "aws_iam_openid_connect_provider" "github" { url = "https://${local.issuer}" }
data "aws_iam_policy_document" "ci" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = ["repo:acme/${var.repository}:*"]
    }
  }
}
resource "aws_iam_role" "r" { assume_role_policy = data.aws_iam_policy_document.ci.json }
"#;

    #[test]
    fn a_document_in_blocks_is_the_one_that_aws_takes() {
        assert_eq!(
            policy(BLOCKS).unwrap(),
            json!({"Statement": [{
                "Effect": "Allow",
                "Action": ["sts:AssumeRoleWithWebIdentity"],
                "Principal": {"Federated": [
                    "arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com"
                ]},
                "Condition": {"StringLike": {
                    "token.actions.githubusercontent.com:sub": ["repo:acme/${var.repository}:*"]
                }},
            }]})
        );
    }

    #[test]
    fn what_is_made_by_an_expression_stays_open() {
        let dynamic = BLOCKS.replace("    condition {", "    dynamic \"condition\" {");
        let condition = &policy(&dynamic).unwrap()["Statement"][0]["Condition"];
        assert_eq!(condition, "${dynamic condition}");
        let merged = BLOCKS.replace(
            "  statement {",
            "  source_policy_documents = var.more\n  statement {",
        );
        let statements = policy(&merged).unwrap();
        assert_eq!(statements["Statement"][1], "${source_policy_documents}");
        // Another document than the one that is named, and no document at all.
        for other in [
            "data.aws_iam_policy_document.ci2.json",
            "var.trust",
            "data.aws_iam_policy_document.ci.id",
        ] {
            let text = BLOCKS.replace("data.aws_iam_policy_document.ci.json", other);
            assert_eq!(policy(&text), None, "{other}");
        }
    }

    #[test]
    fn a_ring_of_names_ends() {
        let tree =
            hcl::read("locals {\n a = \"${local.b}${local.b}\"\n b = \"${local.a}${local.a}\"\n}")
                .tree;
        let filled = Trusts::of(&tree).filled("${local.a}", 0);
        assert!(filled.len() < 10_000 && filled.contains("${"), "{filled}");
    }

    #[test]
    fn a_heredoc_and_jsonencode_are_read_with_what_is_open_in_them() {
        let json =
            "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"${var.who}\"}}]}";
        let heredoc = format!(
            "resource \"aws_iam_role\" \"r\" {{\n assume_role_policy = <<EOT\n{json}\nEOT\n}}"
        );
        let encoded = "resource \"aws_iam_role\" \"r\" {\n assume_role_policy = jsonencode({\n Statement = [{ Effect = \"Allow\", Principal = { AWS = var.who } }]\n })\n}";
        for text in [heredoc.as_str(), encoded] {
            let told = policy(text).unwrap();
            assert_eq!(
                told["Statement"][0]["Principal"]["AWS"], "${var.who}",
                "{text}"
            );
        }
    }
}
