//! A cloud role that more pipelines may take on than anybody meant.
//!
//! A role that trusts an identity provider shared by everybody (GitHub, GitLab, CircleCI, …) must
//! say whose tokens it takes: without a condition on the subject any repository of anybody
//! becomes the role. Write `repo:OWNER/NAME:ref:refs/heads/main` or an environment, and `aud`.

use model::{Attribute, Kind, Severity, Told, Value as Fact};
use serde_json::Value;

use crate::{Ground, Rule, Ruling, Thing};

/// Providers whose tokens anybody can have.
const SHARED: &[&str] = &[
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "oidc.circleci.com",
    "app.terraform.io",
    "api.bitbucket.org",
    "agent.buildkite.com",
    "vstoken.dev.azure.com",
    "accounts.google.com",
];

pub(super) const RULE: Rule = Rule {
    id: "trust-too-wide",
    title: "a role trusts more than it should",
    owasp: "NHI6",
    severity: Severity::Critical,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Identity && thing.entity.missing_since.is_none();
    if here && thing.type_() == "gcp_federated_principal" {
        return federated(thing);
    }
    if here && thing.type_() == "entra_federated_subject" {
        return subject(thing);
    }
    let role = thing.entity.kind == Kind::Identity && thing.type_() == "aws_iam_role";
    if !role || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    let Told::Is(document) = thing.entity.fact(&Attribute::POLICY) else {
        return Ruling::unknown("no source tells whom it trusts");
    };
    let document = document.text().unwrap_or_default();
    match serde_json::from_str::<Value>(document) {
        Ok(document) => judge(&document),
        Err(_) => Ruling::unknown("its trust policy cannot be read"),
    }
}

/// Of a principal of Google Cloud for which another issuer vouches: a pool's provider must say
/// whose tokens it takes, or the grant must name one subject.
fn federated(thing: &Thing<'_>) -> Vec<Ruling> {
    let issuers = match thing.entity.fact(&Attribute::TRUSTS) {
        Told::Is(Fact::List(issuers)) => issuers.as_slice(),
        _ => return Ruling::unknown("no source tells whose tokens its pool takes"),
    };
    let shared = issuers.iter().find_map(|issuer| {
        let host = issuer.trim_start_matches("https://").trim_end_matches('/');
        SHARED
            .iter()
            .find(|one| host == **one || host.starts_with(&format!("{one}/")))
    });
    let Some(shared) = shared else {
        return Ruling::pass();
    };
    let whole = thing.entity.fact(&Attribute::named("whole_pool"));
    let whole = whole.is().and_then(|one| one.flag()) == Some(true);
    let narrowed = matches!(thing.entity.fact(&Attribute::POLICY), Told::Is(_));
    if !whole || narrowed {
        return Ruling::pass();
    }
    Ruling::fail(format!(
        "any token of {shared} is taken: no condition at the provider, and the grant is to all of its pool"
    ))
}

/// Of a subject whose tokens an application of Microsoft Entra takes. It matches a subject letter
/// for letter, unless an expression says whom it matches.
fn subject(thing: &Thing<'_>) -> Vec<Ruling> {
    let told = [Attribute::ISSUER, Attribute::SUBJECT].map(|name| thing.entity.text(&name));
    let [Some(issuer), Some(subject)] = told else {
        return Ruling::unknown("no source tells whose tokens are taken");
    };
    let host = issuer.trim_start_matches("https://").trim_end_matches('/');
    let of = |one: &&&str| host == **one || host.starts_with(&format!("{one}/"));
    let Some(shared) = SHARED.iter().find(of) else {
        return Ruling::pass();
    };
    let pattern = thing.entity.fact(&Attribute::named("is_pattern"));
    let subject = match pattern.is().and_then(|one| one.flag()) {
        Some(true) => match matched(subject) {
            Some(pattern) => pattern,
            None => return Ruling::unknown("the expression that subjects match cannot be read"),
        },
        _ => subject,
    };
    if is_wide(subject) {
        return Ruling::fail(format!(
            "tokens of {shared} are taken for `{}`, which strangers can match",
            model::clean(subject)
        ));
    }
    // What a branch brings runs before anybody has looked at it.
    if subject.ends_with(":pull_request") {
        return Ruling::fail(format!(
            "tokens of {shared} are taken for `{}`: whoever opens a pull request decides what runs",
            model::clean(subject)
        ));
    }
    Ruling::pass()
}

/// The pattern in an expression such as `claims['sub'] matches 'repo:acme/*'`.
fn matched(expression: &str) -> Option<&str> {
    let (_, rest) = expression.split_once("claims['sub']")?;
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix("matches")
        .or_else(|| rest.strip_prefix("eq"))?;
    rest.trim_start().strip_prefix('\'')?.split('\'').next()
}

fn judge(document: &Value) -> Vec<Ruling> {
    let allowed = each(document.get("Statement"))
        .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Allow"));
    let why: Vec<String> = allowed.filter_map(too_wide).collect();
    match why.is_empty() {
        true => Ruling::pass(),
        false => Ruling::fail(why.join("; ")),
    }
}

/// Why one statement that allows takes too many.
fn too_wide(statement: &Value) -> Option<String> {
    let principal = statement.get("Principal")?;
    let anybody = principal.as_str() == Some("*")
        || each(principal.get("AWS")).any(|one| one.as_str() == Some("*"));
    if anybody && statement.get("Condition").is_none() {
        return Some("anybody with an AWS account may take it on".to_owned());
    }
    let provider = each(principal.get("Federated")).find_map(|one| {
        let name = one.as_str()?;
        SHARED.iter().find(|shared| name.ends_with(*shared))
    })?;
    let subjects = conditions(statement, "sub");
    if subjects.is_empty() {
        return Some(format!(
            "any token of {provider} is taken: no condition on `sub`"
        ));
    }
    if let Some(wide) = subjects.iter().find(|subject| is_wide(subject)) {
        return Some(format!(
            "tokens of {provider} are taken for `{}`, which strangers can match",
            model::clean(wide)
        ));
    }
    // Google's `aud` is the client itself; elsewhere it is what keeps tokens for others out.
    conditions(statement, "aud")
        .is_empty()
        .then(|| format!("tokens of {provider} for anybody else are taken: no condition on `aud`"))
}

/// Whether a subject is matched by repositories of other owners: a wildcard before the owner ends.
fn is_wide(subject: &str) -> bool {
    let Some(at) = subject.find(['*', '?']) else {
        return false;
    };
    let fixed = &subject[..at];
    match fixed.split_once(':') {
        // `repo:OWNER/…`, `project_path:GROUP/…`: the owner is whole once a slash follows.
        Some((_, rest)) => !rest.contains(['/', ':']),
        None => !fixed.contains('/'),
    }
}

/// The values that conditions of equality or likeness ask of the claim `name`. A condition that
/// holds where the claim is missing (`…IfExists`) or a negated one asks nothing.
fn conditions<'a>(statement: &'a Value, name: &str) -> Vec<&'a str> {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let asking = operators.into_iter().flatten().filter(|(operator, _)| {
        let operator = operator.rsplit(':').next().unwrap_or_default();
        matches!(
            operator,
            "StringEquals" | "StringLike" | "StringEqualsIgnoreCase"
        )
    });
    asking
        .filter_map(|(_, keys)| keys.as_object())
        .flatten()
        .filter(|(key, _)| key.rsplit(':').next() == Some(name))
        .flat_map(|(_, values)| each(Some(values)))
        .filter_map(Value::as_str)
        .collect()
}

/// The members of a list, or the one value that stands for it.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = value.and_then(Value::as_array);
    let single = value.filter(|_| list.is_none());
    list.into_iter().flatten().chain(single)
}
