//! The rules that come with Keyroll: one data file for each family under `rules/`.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::rule::Form;
use crate::window::{AHEAD_MAX, BACK_MAX};
use crate::{Check, Confidence, Error, Rule};

/// Each file's name and text.
const FILES: &[(&str, &str)] = &[
    ("ai", include_str!("../rules/ai.toml")),
    ("assignments", include_str!("../rules/assignments.toml")),
    ("ci", include_str!("../rules/ci.toml")),
    ("clouds", include_str!("../rules/clouds.toml")),
    ("code", include_str!("../rules/code.toml")),
    ("commerce", include_str!("../rules/commerce.toml")),
    ("data", include_str!("../rules/data.toml")),
    ("identifiers", include_str!("../rules/identifiers.toml")),
    ("identity", include_str!("../rules/identity.toml")),
    ("keys", include_str!("../rules/keys.toml")),
    ("messaging", include_str!("../rules/messaging.toml")),
    ("monitoring", include_str!("../rules/monitoring.toml")),
    ("networks", include_str!("../rules/networks.toml")),
    ("payment", include_str!("../rules/payment.toml")),
    ("software", include_str!("../rules/software.toml")),
    ("work", include_str!("../rules/work.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scanner {
    Armour,
    Assignment,
    Url,
}

/// A rule as it is written down; CONTRIBUTING.md, "Add a rule for secrets", tells the fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    title: String,
    provider: String,
    kind: String,
    token: Option<String>,
    near: Option<String>,
    qualifier: Option<String>,
    regex: Option<String>,
    group: Option<usize>,
    scanner: Option<Scanner>,
    #[serde(default)]
    schemes: Vec<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    entropy: f64,
    check: Option<Check>,
    back: Option<usize>,
    ahead: Option<usize>,
    confidence: Option<Confidence>,
    #[serde(default)]
    hit: Vec<String>,
    #[serde(default)]
    miss: Vec<String>,
}

/// Texts that a rule finds something in, and texts that are nearly like them.
///
/// They are templates: `<b62:36>` stands for 36 random letters and digits, so that this tree
/// holds nothing that looks like a secret. The tests say which words there are.
#[derive(Debug)]
pub struct Examples {
    /// The rule's id.
    pub rule: String,
    /// The rule finds something in each.
    pub hit: Vec<String>,
    /// The rule finds nothing in any.
    pub miss: Vec<String>,
}

/// What is taken as a name's last part where a rule does not say: a credential's usual names.
const QUALIFIER: &str = "api|key|token|secret|pass|pwd|auth|cred|access|bearer";

fn written() -> Result<Vec<Written>, Error> {
    let mut all = Vec::new();
    for (name, text) in FILES {
        let file: File = toml::from_str(text).map_err(|error| Error::File {
            file: format!("rules/{name}.toml"),
            reason: error.to_string(),
        })?;
        all.extend(file.rule);
    }
    Ok(all)
}

/// The built-in rules, in the order of their files.
///
/// # Errors
/// Where a data file is wrong, which the tests of the catalogue exclude.
pub fn builtin() -> Result<Vec<Rule>, Error> {
    let mut ids = BTreeSet::new();
    let mut rules = Vec::new();
    for one in written()? {
        if !ids.insert(one.id.clone()) {
            return Err(Error::Rule {
                rule: one.id,
                reason: "expected an id that no other rule has".to_owned(),
            });
        }
        rules.push(rule(one)?);
    }
    Ok(rules)
}

/// The examples of the built-in rules, in the same order.
///
/// # Errors
/// As [`builtin`].
pub fn examples() -> Result<Vec<Examples>, Error> {
    let examples = |one: Written| Examples {
        rule: one.id,
        hit: one.hit,
        miss: one.miss,
    };
    Ok(written()?.into_iter().map(examples).collect())
}

fn rule(one: Written) -> Result<Rule, Error> {
    let wrong = |reason: &str| Error::Rule {
        rule: one.id.clone(),
        reason: reason.to_owned(),
    };
    let what = one.kind.parse().map_err(|()| {
        wrong("expected as `kind` a type of credential, `password_hash` or `identifier`")
    })?;
    let form = match (&one.token, &one.near, &one.regex, &one.scanner) {
        (Some(token), None, None, None) => Form::Token(token.clone()),
        (None, Some(value), None, None) => Form::Near {
            qualifier: one
                .qualifier
                .clone()
                .unwrap_or_else(|| QUALIFIER.to_owned()),
            value: value.clone(),
        },
        (None, None, Some(regex), None) => Form::Free {
            regex: regex.clone(),
            group: one.group,
        },
        (None, None, None, Some(Scanner::Armour)) => Form::Armour,
        (None, None, None, Some(Scanner::Assignment)) => Form::Assignment,
        (None, None, None, Some(Scanner::Url)) => Form::Url(one.schemes.clone()),
        _ => return Err(wrong("expected one of `token`, `near`, `regex`, `scanner`")),
    };
    let scans = matches!(form, Form::Assignment | Form::Url(_));
    if scans != one.keywords.is_empty() {
        return Err(wrong(
            "expected `keywords`, but for what the scanner of assignments finds",
        ));
    }
    let free = matches!(form, Form::Free { .. });
    let default = if free {
        (128, 512)
    } else {
        (0, crate::window::AHEAD_DEFAULT)
    };
    let window = (
        one.back.unwrap_or(default.0),
        one.ahead.unwrap_or(default.1),
    );
    if window.0 > BACK_MAX || window.1 > AHEAD_MAX {
        return Err(wrong("expected a window within its bounds (window.rs)"));
    }
    let mut rule = Rule::new(one.id.clone(), what, form);
    rule.title = one.title;
    rule.provider = one.provider;
    rule.keywords = one.keywords;
    rule.entropy = one.entropy;
    rule.check = one.check;
    rule.window = window;
    rule.confidence = one.confidence.unwrap_or(rule.confidence);
    Ok(rule)
}
