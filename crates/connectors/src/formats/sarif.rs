//! SARIF 2.1.0 of other secret scanners (OASIS, "Static Analysis Results Interchange Format").
//!
//! A result is a credential `by_reference`: the report only names it. It tells `rule`,
//! `scanner`, `kept_in` (the file and line that the report names), `status` = `suppressed`
//! where the scanner's users said so, and `matchable` = no: a report has no secret to make a
//! fingerprint of. Messages and snippets are not kept, whatever they hold.

use model::{Attribute, CredentialType};
use serde_json::Value;

use super::{FileAt, Format, FormatSpec, Found, Seen, tree};
use crate::armour;

/// Where a file says of itself that it is one.
const HEAD_BYTES: usize = 2048;
/// More results than this are not read.
const RESULTS_MAX: usize = 20_000;
/// Scanners all of whose results are secrets.
const SCANNERS: &[&str] = &[
    "gitleaks",
    "trufflehog",
    "kingfisher",
    "detect-secrets",
    "ggshield",
    "gitguardian",
    "noseyparker",
    "nosey parker",
    "titus",
    "betterleaks",
    "secretlint",
    "whispers",
    "talisman",
    "ripsecrets",
    "keyroll",
];
/// Words in the names of rules about secrets, of scanners that look for other things as well.
const WORDS: &[&str] = &[
    "secret",
    "credential",
    "password",
    "private-key",
    "private_key",
    "api-key",
    "api_key",
    "apikey",
    "access-token",
    "hardcoded-token",
    "cwe-798",
    "cwe-259",
    "cwe-321",
];

pub(super) struct Sarif;

impl Format for Sarif {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "sarif",
            reads: "secrets that other scanners reported in SARIF",
            places: &["*.sarif", "*.sarif.json"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.ends_with(".sarif") || name.ends_with(".sarif.json")
    }

    fn marks(&self) -> &'static [&'static str] {
        &["sarif-schema-2."]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        head.trim_ascii_start().starts_with(b"{")
            && armour::find(head, b"sarif-schema-2.").is_some()
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::json(file, seen) else {
            return;
        };
        if tree::text(&value, &["version"]) != Some("2.1.0") {
            seen.unsupported("expected SARIF 2.1.0, got another version");
            return;
        }
        let mut count = 0;
        for run in tree::list(&value, &["runs"]) {
            let scanner = tree::text(run, &["tool", "driver", "name"]).unwrap_or("scanner");
            let all = SCANNERS.contains(&scanner.to_ascii_lowercase().as_str());
            for result in tree::list(run, &["results"]) {
                let odd = result.get("ruleId").is_some_and(|id| !id.is_string());
                if odd {
                    seen.broken("expected the name of a rule, got something else");
                }
                if !all && !is_of_secret(run, result) {
                    continue;
                }
                count += 1;
                if count > RESULTS_MAX {
                    seen.unsupported(format!(
                        "holds more than {RESULTS_MAX} results; the rest was not read"
                    ));
                    return;
                }
                seen.found(reported(scanner, count, result));
            }
        }
    }
}

fn rule_of(result: &Value) -> &str {
    let id = tree::text(result, &["ruleId"]).or_else(|| tree::text(result, &["rule", "id"]));
    id.unwrap_or("rule")
}

/// Whether the rule, by its name or tags, is about secrets.
fn is_of_secret(run: &Value, result: &Value) -> bool {
    let id = rule_of(result);
    let rules = tree::list(run, &["tool", "driver", "rules"]);
    let rule = rules
        .iter()
        .find(|rule| tree::text(rule, &["id"]) == Some(id));
    let tags = rule.map(|rule| tree::texts(rule, &["properties", "tags"]));
    tags.unwrap_or_default()
        .into_iter()
        .chain([id])
        .any(|word| {
            let word = word.to_ascii_lowercase();
            WORDS.iter().any(|known| word.contains(known))
        })
}

fn reported(scanner: &str, n: usize, result: &Value) -> Found {
    let rule = model::shorten(rule_of(result), 120);
    let place = tree::list(result, &["locations"])
        .first()
        .and_then(|one| one.get("physicalLocation"));
    let uri = place.and_then(|place| tree::text(place, &["artifactLocation", "uri"]));
    let line = place
        .and_then(|place| place.pointer("/region/startLine"))
        .and_then(Value::as_i64);
    let uri = uri.map(|uri| model::shorten(uri.split(['?', '#']).next().unwrap_or_default(), 300));
    let kept_in = match (&uri, line) {
        (Some(uri), Some(line)) => format!("{uri}:{line}"),
        (Some(uri), None) => uri.clone(),
        _ => "an unnamed place".to_owned(),
    };
    let suppressed = !tree::list(result, &["suppressions"]).is_empty();
    let commit = result.pointer("/partialFingerprints/commitSha");
    let name = format!("{rule} in {kept_in}");
    Found::referenced(format!("result {n} {rule}"), &name, &kept_in)
        .is(Attribute::TYPE, type_of(&rule))
        .is(Attribute::named("rule"), rule)
        .is(Attribute::named("scanner"), scanner)
        .is(Attribute::MATCHABLE, false)
        .maybe(Attribute::named("commit"), commit.and_then(Value::as_str))
        .maybe(Attribute::STATUS, suppressed.then_some("suppressed"))
}

fn type_of(rule: &str) -> CredentialType {
    let rule = rule.to_ascii_lowercase();
    if rule.contains("private-key") || rule.contains("private_key") || rule.contains("privatekey") {
        CredentialType::PrivateKey
    } else if rule.contains("password") {
        CredentialType::Password
    } else if rule.contains("jwt") {
        CredentialType::Jwt
    } else {
        CredentialType::ApiToken
    }
}
