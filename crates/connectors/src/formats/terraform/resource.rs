//! One resource of a plan, a state or a configuration, and which resources stand for which.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::{What, what};

/// One resource, wherever it was written.
#[derive(Debug)]
pub(super) struct Resource<'a> {
    /// `module.app.aws_iam_user.ci["a"]`: names it in its file.
    pub(super) address: String,
    /// `aws_iam_user`.
    pub(super) type_: &'a str,
    /// Its attributes. What is not known yet is missing, or the source of its expression in `${…}`.
    pub(super) values: &'a Value,
    /// True where an attribute is marked sensitive, in the shape of the attributes.
    pub(super) sensitive: Value,
    /// What the plan would do with it: `create`, `delete, create`.
    pub(super) planned: Option<String>,
    /// Addresses, without index, of what it depends on.
    pub(super) depends: Vec<String>,
    /// Whether it is a data source: it was looked up, not made.
    pub(super) looked_up: bool,
    /// The trust policy that its attribute refers to, where its file has it.
    pub(super) trust: Option<Value>,
}

/// The attribute in which a role says whom it trusts.
pub(super) const TRUST: &str = "assume_role_policy";

impl<'a> Resource<'a> {
    /// A resource of which only this is known.
    pub(super) fn new(address: impl Into<String>, type_: &'a str, values: &'a Value) -> Self {
        Self {
            address: address.into(),
            type_,
            values,
            sensitive: Value::Null,
            planned: None,
            depends: Vec::new(),
            looked_up: false,
            trust: None,
        }
    }

    /// Whom it trusts: a policy, or the text of one.
    pub(super) fn trust(&self) -> Option<&Value> {
        self.trust.as_ref().or_else(|| self.values.get(TRUST))
    }

    /// An attribute that is a text and no reference.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.raw(name).filter(|text| !text.contains("${"))
    }

    /// An attribute that is a text, references included.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.values
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// The text at `way` in a nested block, of which there is usually one in a list.
    pub(super) fn nested(&self, block: &str, name: &str) -> Option<&'a str> {
        let block = self.values.get(block)?;
        block
            .get(0)
            .unwrap_or(block)
            .get(name)?
            .as_str()
            .filter(|text| !text.is_empty() && !text.contains("${"))
    }

    /// The module it stands in, as a prefix of addresses: `module.app.`.
    fn module(&self) -> &str {
        let data = if self.looked_up { "data." } else { "" };
        let own = format!("{data}{}.", self.type_);
        self.address
            .rfind(&own)
            .and_then(|at| self.address.get(..at))
            .unwrap_or_default()
    }
}

/// An address without the indexes of its last part and of modules.
fn bare(address: &str) -> String {
    let mut out = String::new();
    let mut depth = 0usize;
    for letter in address.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            other if depth == 0 => out.push(other),
            _ => {}
        }
    }
    out
}

/// Which identities of a file are called what.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// Noun and name, to address: `user ci`.
    named: BTreeMap<String, Option<String>>,
    /// Address without index, to address; `None` where there are several.
    bare: BTreeMap<String, Option<String>>,
}

/// Attributes that name an identity, with the last word of its type.
const NAMING: &[(&str, &str)] = &[
    ("user", "user"),
    ("user_name", "user"),
    ("username", "user"),
    ("users", "user"),
    ("role", "role"),
    ("roles", "role"),
    ("role_name", "role"),
    ("role_id", "role"),
    ("group", "group"),
    ("service_account_id", "account"),
    ("service_account", "account"),
    ("member", "account"),
    ("members", "account"),
    ("application_id", "application"),
    ("application_object_id", "application"),
    ("service_principal_id", "principal"),
    ("principal_id", "principal"),
    ("principal_id", "identity"),
    ("parent_id", "identity"),
    ("client_id", "client"),
];

impl Identities {
    /// The identities among `resources`.
    pub(super) fn of(resources: &[Resource<'_>]) -> Self {
        let mut out = Self::default();
        for one in resources {
            if !matches!(what(one.type_), Some(What::Identity(_))) {
                continue;
            }
            enter(&mut out.bare, bare(&one.address), &one.address);
            let noun = noun(one.type_);
            for name in [
                "name",
                "id",
                "arn",
                "email",
                "member",
                "unique_id",
                "client_id",
                "object_id",
                "principal_id",
                "account_id",
            ] {
                if let Some(text) = one.text(name) {
                    enter(&mut out.named, format!("{noun} {text}"), &one.address);
                }
            }
        }
        out
    }

    /// The addresses of the identities that `resource` names, by what its attributes say and,
    /// where they are not known yet, by what they refer to.
    pub(super) fn behind(&self, resource: &Resource<'_>) -> Vec<String> {
        let mut out = Vec::new();
        for (attribute, noun) in NAMING {
            let Some(value) = resource.values.get(*attribute) else {
                continue;
            };
            let texts: Vec<&str> = match value {
                Value::String(text) => vec![text],
                Value::Array(list) => list.iter().filter_map(Value::as_str).take(100).collect(),
                _ => continue,
            };
            for text in texts {
                let address = if text.contains("${") {
                    self.referred(resource, text)
                } else {
                    let plain = text.strip_prefix("serviceAccount:").unwrap_or(text);
                    self.named
                        .get(&format!("{noun} {plain}"))
                        .cloned()
                        .flatten()
                };
                out.extend(address);
            }
        }
        if out.is_empty() {
            let depends = resource.depends.iter();
            let known: Vec<_> = depends
                .filter_map(|one| self.bare.get(&bare(one)).cloned().flatten())
                .collect();
            if let [only] = known.as_slice() {
                out.push(only.clone());
            }
        }
        out.sort();
        out.dedup();
        out.retain(|address| *address != resource.address);
        out
    }

    /// The identity that an expression such as `${aws_iam_user.ci.name}` refers to.
    fn referred(&self, resource: &Resource<'_>, text: &str) -> Option<String> {
        let inner = &text[text.find("${")? + 2..];
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let bare_inner = bare(inner);
        let end = bare_inner.find(|c| !word(c)).unwrap_or(bare_inner.len());
        let mut parts = bare_inner[..end].split('.');
        let (type_, name) = (parts.next()?, parts.next()?);
        let address = format!("{}{type_}.{name}", bare(resource.module()));
        self.bare.get(&address).cloned().flatten()
    }
}

fn noun(type_: &str) -> &str {
    let base = match type_.rsplit_once("_v") {
        Some((base, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => base,
        _ => type_,
    };
    base.rsplit('_').next().unwrap_or_default()
}

fn enter(map: &mut BTreeMap<String, Option<String>>, name: String, address: &str) {
    map.entry(name)
        .and_modify(|there| {
            if there.as_deref() != Some(address) {
                *there = None;
            }
        })
        .or_insert_with(|| Some(address.to_owned()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_finds_its_user_by_name_by_reference_and_by_dependency() {
        let user = json!({"name": "ci"});
        let by_name = json!({"user": "ci"});
        let by_reference = json!({"user": "${aws_iam_user.ci.name}"});
        let none = json!({});
        let address = "module.a[\"x.y\"].aws_iam_user.ci";
        let identities = Identities::of(&[Resource::new(address, "aws_iam_user", &user)]);
        let key = |values| {
            Resource::new(
                "module.a[\"x.y\"].aws_iam_access_key.k",
                "aws_iam_access_key",
                values,
            )
        };
        assert_eq!(identities.behind(&key(&by_name)), [address]);
        assert_eq!(identities.behind(&key(&by_reference)), [address]);
        let depends = Resource {
            depends: vec!["module.a.aws_iam_user.ci".to_owned()],
            ..key(&none)
        };
        assert_eq!(identities.behind(&depends), [address]);
        assert!(identities.behind(&key(&none)).is_empty());
    }
}
