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
    let made_of = thing.entity.kind == Kind::Resource && thing.type_() == "github_oidc_subject";
    if made_of && thing.entity.missing_since.is_none() {
        return claims(thing);
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
        return match issuers.iter().any(|issuer| is_open(issuer)) {
            true => Ruling::unknown("whose tokens its pool takes is filled in later"),
            false => Ruling::pass(),
        };
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

/// Claims of GitHub's tokens that strangers cannot have as well.
const OWN: &[&str] = &[
    "repo",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "enterprise",
    "enterprise_id",
    "workflow_ref",
];

/// Claims that strangers have as well, if they call a workflow that is public, or bring a person to
/// start a run of theirs.
const BORROWED: &[&str] = &["job_workflow_ref", "actor", "actor_id"];

/// Of what the subjects of GitHub's tokens are made of: without a claim that names an owner, any
/// repository of anybody can have tokens of the same subject.
fn claims(thing: &Thing<'_>) -> Vec<Ruling> {
    let default = thing.entity.fact(&Attribute::named("default"));
    if default.is().and_then(|one| one.flag()) == Some(true) {
        return Ruling::pass();
    }
    let Told::Is(Fact::List(claims)) = thing.entity.fact(&Attribute::named("claims")) else {
        return Ruling::unknown("no source tells what its subjects are made of");
    };
    if claims.iter().any(|one| OWN.contains(&one.as_str())) {
        return Ruling::pass();
    }
    if claims.iter().any(|one| is_open(one)) {
        return Ruling::unknown("what its subjects are made of is filled in later");
    }
    if claims.iter().any(|one| BORROWED.contains(&one.as_str())) {
        return Ruling::unknown(
            "its subjects name a workflow or a person, and no owner: whoever calls that workflow \
             has them too, if it is public",
        );
    }
    Ruling::fail(format!(
        "subjects are made of `{}` alone, which tokens of strangers can have as well",
        model::clean(&claims.join("`, `"))
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
        return match is_open(issuer) {
            true => Ruling::unknown("whose tokens are taken is filled in later"),
            false => Ruling::pass(),
        };
    };
    let pattern = thing.entity.fact(&Attribute::named("is_pattern"));
    let subject = match pattern.is().and_then(|one| one.flag()) {
        Some(true) => match matched(subject) {
            Some(pattern) => pattern,
            None => return Ruling::unknown("the expression that subjects match cannot be read"),
        },
        _ => subject,
    };
    if is_wide(fixed(subject)) || is_wide(subject) && !is_open(subject) {
        return Ruling::fail(format!(
            "tokens of {shared} are taken for `{}`, which strangers can match",
            model::clean(subject)
        ));
    }
    if is_open(subject) && is_wide(&format!("{}*", fixed(subject))) {
        return Ruling::unknown("the owner in the subject is filled in later");
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
    let mut wide = Vec::new();
    let mut open = Vec::new();
    for statement in each(document.get("Statement")) {
        match of_statement(statement) {
            Width::Narrow => {}
            Width::Wide(why) => wide.push(why),
            Width::Open(what) => open.push(what),
        }
    }
    match (wide.is_empty(), open.first()) {
        (false, _) => Ruling::fail(wide.join("; ")),
        (true, Some(what)) => Ruling::unknown(format!("{what} is filled in later")),
        (true, None) => Ruling::pass(),
    }
}

/// How many one statement takes.
enum Width {
    /// Those that are named.
    Narrow,
    /// Too many, and why.
    Wide(String),
    /// That depends on what is filled in later.
    Open(&'static str),
}

/// Whether Terraform, CloudFormation or a template fills something in later. A variable of AWS
/// (`${aws:username}`) is filled in at each request, and is a part of the policy.
pub(super) fn is_open(text: &str) -> bool {
    let mut after = text.split("${").skip(1);
    after.any(|inner| !inner.starts_with("aws:"))
}

fn open(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(is_open)
}

fn of_statement(statement: &Value) -> Width {
    if open(Some(statement)) {
        return Width::Open("a statement of it");
    }
    let effect = statement.get("Effect");
    if open(effect) {
        return Width::Open("what a statement of it does");
    }
    if effect.and_then(Value::as_str) != Some("Allow") {
        return Width::Narrow;
    }
    let condition = statement.get("Condition");
    let Some(principal) = statement.get("Principal") else {
        return match statement.get("NotPrincipal").is_some() && condition.is_none() {
            true => Width::Wide("anybody but those it names may take it on".to_owned()),
            false => Width::Narrow,
        };
    };
    let aws = || each(principal.get("AWS")).filter_map(Value::as_str);
    if (principal.as_str() == Some("*") || aws().any(|one| one == "*")) && condition.is_none() {
        return Width::Wide("anybody with an AWS account may take it on".to_owned());
    }
    let provider = each(principal.get("Federated")).find_map(|one| {
        let name = one.as_str()?;
        SHARED.iter().find(|shared| name.ends_with(*shared))
    });
    // The claims that are asked for tell whose tokens they are, where the provider is open.
    let provider = provider.or_else(|| {
        let mut named = each(principal.get("Federated")).peekable();
        let all_open = named.peek().is_some() && named.all(|one| open(Some(one)));
        asked_of(condition).filter(|_| all_open || open(Some(principal)))
    });
    if let Some(provider) = provider {
        return of_tokens(statement, provider);
    }
    let names = || {
        each(Some(principal)).chain(
            principal
                .as_object()
                .into_iter()
                .flatten()
                .flat_map(|(_, one)| each(Some(one))),
        )
    };
    let whole = |one: &Value| {
        one.as_str()
            .is_some_and(|text| is_open(text) && fixed(text).is_empty())
    };
    // An account of one's own that is filled in is named all the same. Who everybody is asked of is
    // narrowed by a condition; what a provider that everybody shares is asked, only its claims tell.
    let federated = || open(Some(principal)) || each(principal.get("Federated")).any(whole);
    match names().any(whole) && (condition.is_none() || federated()) {
        true => Width::Open("whom it trusts"),
        false => Width::Narrow,
    }
}

/// Of a statement that takes tokens of `provider`, which everybody shares.
fn of_tokens(statement: &Value, provider: &str) -> Width {
    let condition = statement.get("Condition");
    let subjects = conditions(statement, "sub");
    if subjects.is_empty() {
        return match conditions_are_open(condition) {
            true => Width::Open("what it asks of a token"),
            false => Width::Wide(format!(
                "any token of {provider} is taken: no condition on `sub`"
            )),
        };
    }
    for subject in &subjects {
        if is_wide(fixed(subject)) || is_wide(subject) && !is_open(subject) {
            return Width::Wide(format!(
                "tokens of {provider} are taken for `{}`, which strangers can match",
                model::clean(subject)
            ));
        }
    }
    // Whatever is filled in: behind the owner it takes in nobody else.
    let hides = |subject: &&str| is_open(subject) && is_wide(&format!("{}*", fixed(subject)));
    if subjects.iter().any(hides) {
        return Width::Open("the owner in the condition on `sub`");
    }
    // Google's `aud` is the client itself; elsewhere it is what keeps tokens for others out.
    match (
        conditions(statement, "aud").is_empty(),
        conditions_are_open(condition),
    ) {
        (false, _) => Width::Narrow,
        (true, true) => Width::Open("what it asks of a token"),
        (true, false) => Width::Wide(format!(
            "tokens of {provider} for anybody else are taken: no condition on `aud`"
        )),
    }
}

/// What stands before the first thing that is filled in later.
fn fixed(text: &str) -> &str {
    text.split("${").next().unwrap_or_default()
}

/// The shared provider whose claims a condition asks for.
fn asked_of(condition: Option<&Value>) -> Option<&'static &'static str> {
    let asked = condition?.as_object()?.values();
    let mut names = asked
        .filter_map(Value::as_object)
        .flat_map(|keys| keys.keys());
    names.find_map(|name| {
        let host = name.rsplit_once(':')?.0;
        SHARED.iter().find(|shared| host.ends_with(*shared))
    })
}

/// Whether a condition may ask for more than is written: it, a test or a claim in it is filled in
/// later.
fn conditions_are_open(condition: Option<&Value>) -> bool {
    let Some(condition) = condition else {
        return false;
    };
    if open(Some(condition)) {
        return true;
    }
    // The last part of a claim's name is what is asked for; whose tokens, the one before.
    let claim_is_open = |name: &String| {
        name == "(expression)" || is_open(name.rsplit_once("}:").map_or(name, |(_, claim)| claim))
    };
    condition
        .as_object()
        .into_iter()
        .flatten()
        .any(|(test, keys)| {
            is_open(test)
                || test == "(expression)"
                || open(Some(keys))
                || keys
                    .as_object()
                    .is_some_and(|keys| keys.keys().any(claim_is_open))
        })
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
