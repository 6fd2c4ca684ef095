//! GitHub Actions: workflows and composite actions (GitHub Docs, "Workflow syntax").
//!
//! Beside what all CI tells: `permissions` of the job's own token (a table, `read-all` or
//! `write-all`; silence is the repository's default), `oidc_subject` (the form of the subject
//! under which clouds may trust it), `secrets_inherited`, `checks_out_pull_request` (code of a
//! pull request runs in the repository's own context), `unpinned_actions` (foreign actions that
//! are handed secrets and are not fixed to a commit).

use model::{Attribute, Told};
use serde_json::Value;

use super::{Job, Jobs, jobs, named_after, settings, static_login, texts};
use crate::formats::text::is_reference;
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

/// Events that strangers can cause and that run with the repository's secrets.
const UNTRUSTED: &[&str] = &[
    "pull_request_target",
    "workflow_run",
    "issue_comment",
    "issues",
    "discussion",
    "discussion_comment",
];

pub(in crate::formats) struct GithubActions;

impl Format for GithubActions {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "github_actions",
            reads: "jobs of GitHub Actions: their secrets, rights, clouds and unpinned actions",
            places: &[".github/workflows/*.yml", "action.yml"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        yaml && (path.contains("/.github/workflows/")
            || path.contains("/.gitea/workflows/")
            || path.contains("/.forgejo/workflows/")
            || matches!(name, "action.yml" | "action.yaml"))
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = settings(file, seen) else {
            return;
        };
        tree::expect_tables(&value, "jobs", seen);
        let mut roll = Jobs::new("github actions secrets");
        let stem = file.name().rsplit_once('.').map_or("", |(stem, _)| stem);
        let workflow = Workflow {
            value: &value,
            name: tree::text(&value, &["name"]).unwrap_or(stem),
            file: file.bytes,
        };
        if value.get("runs").is_some() && value.get("jobs").is_none() {
            let mut job = Job::new(workflow.name, "github_action");
            for step in tree::list(&value, &["runs", "steps"]) {
                workflow.step(step, false, &mut job, seen);
            }
            roll.add(job, seen);
        }
        for (id, job) in jobs(&value, &["jobs"], seen) {
            let job = workflow.job(id, job, seen);
            roll.add(job, seen);
        }
        roll.settle(seen);
    }
}

struct Workflow<'a> {
    value: &'a Value,
    name: &'a str,
    file: &'a [u8],
}

impl Workflow<'_> {
    fn job(&self, id: &str, value: &Value, seen: &mut Seen) -> Job {
        let environment = tree::text(value, &["environment", "name"])
            .or_else(|| tree::text(value, &["environment"]));
        let rights = value
            .get("permissions")
            .or_else(|| self.value.get("permissions"));
        let federated = may_federate(rights);
        let named = value.get("environment").is_some_and(|one| !one.is_null());
        let subject = federated.then(|| match environment {
            Some(one) => format!("repo:OWNER/REPOSITORY:environment:{one}"),
            None if named => "repo:OWNER/REPOSITORY:environment:NAME".to_owned(),
            None => "repo:OWNER/REPOSITORY:ref:REF".to_owned(),
        });
        let mut job = Job::new(id, "github_actions_job")
            .maybe(Attribute::named("workflow"), Some(self.name))
            .maybe(Attribute::ENVIRONMENT, environment)
            .maybe(Attribute::named("oidc_subject"), subject);
        job.thing = job
            .thing
            .with(|told| told.told(Attribute::named("permissions"), permissions(rights)));
        self.triggers(&mut job);
        runners(value, &mut job);
        let inherits = tree::text(value, &["secrets"]) == Some("inherit");
        if inherits || texts(value).into_iter().any(takes_all) {
            job = job.maybe(Attribute::named("secrets_inherited"), Some(true));
        }
        if let Some(uses) = tree::text(value, &["uses"]) {
            let handed = inherits || value.get("secrets").is_some();
            if handed && !is_pinned(uses) {
                job.tells("unpinned_actions", uses);
            }
        }
        job.handed(texts(value).into_iter().flat_map(secrets));
        let shared = self.value.get("env").map(texts).unwrap_or_default();
        job.handed(shared.iter().copied().flat_map(secrets));
        let in_reach = |value: &Value| {
            let env = value.get("env").map(texts).unwrap_or_default();
            env.into_iter().any(|text| !secrets(text).is_empty())
        };
        // Who may ask for a token of the job may log in wherever the job may.
        let shared = in_reach(self.value) || in_reach(value) || federated;
        for owner in [self.value, value] {
            job.literals(owner, &["env"], "env", self.file, seen);
            stored_logins(owner, &mut job);
        }
        for part in ["env", "credentials"] {
            job.literals(value, &["container", part], "container", self.file, seen);
        }
        for (name, service) in tree::members(value, &["services"]) {
            let made_with = tree::pairs(service, &["env"]);
            seen.short_lived.container(name, made_with);
            for part in ["env", "credentials"] {
                let within = format!("services.{name}.{part}");
                job.literals(service, &[part], &within, self.file, seen);
            }
        }
        for step in tree::list(value, &["steps"]) {
            self.step(step, shared, &mut job, seen);
        }
        job
    }

    fn triggers(&self, job: &mut Job) {
        let on = self.value.get("on").or_else(|| self.value.get("true"));
        let Some(on) = on else { return };
        let mut names = tree::texts(on, &[]);
        names.extend(tree::members(on, &[]).map(|(name, _)| name));
        for name in names {
            job.tells("triggers", name);
            if UNTRUSTED.contains(&name) {
                job.tells("untrusted_triggers", name);
            }
        }
    }

    /// One step; `shared`: secrets of the job's environment are in its reach.
    fn step(&self, step: &Value, shared: bool, job: &mut Job, seen: &mut Seen) {
        job.handed(texts(step).into_iter().flat_map(secrets));
        job.literals(step, &["env"], "env", self.file, seen);
        job.literals(step, &["with"], "with", self.file, seen);
        stored_logins(step, job);
        let fetched = tree::text(step, &["run"]).or_else(|| step.get("run")?.as_str());
        if fetched.is_some_and(fetches_pull_request) && job.lists.contains_key("untrusted_triggers")
        {
            job.thing = std::mem::replace(&mut job.thing, empty())
                .is(Attribute::named("checks_out_pull_request"), true);
        }
        let Some(uses) = tree::text(step, &["uses"]) else {
            return;
        };
        let own = texts(step)
            .into_iter()
            .any(|text| !secrets(text).is_empty());
        if (own || shared) && is_foreign(uses) && !is_pinned(uses) {
            job.tells("unpinned_actions", uses);
        }
        let action = uses.split('@').next().unwrap_or_default();
        let from = |name: &str| step.get("with").and_then(|with| with.get(name));
        let text = |name: &str| from(name).and_then(Value::as_str);
        let foreign = action == "actions/checkout"
            && ["ref", "repository"]
                .iter()
                .filter_map(|input| text(input))
                .any(is_of_pull_request);
        if foreign && job.lists.contains_key("untrusted_triggers") {
            job.thing = std::mem::replace(&mut job.thing, empty())
                .is(Attribute::named("checks_out_pull_request"), true);
        }
        for (name, system, stored, federated) in LOGINS {
            if action != *name {
                continue;
            }
            let given = |input: &&str| from(input).is_some_and(|value| !is_own_token(value));
            if stored.iter().any(given) {
                job.tells("static_logins", *system);
            } else if federated.iter().any(|input| from(input).is_some()) || federated.is_empty() {
                job.tells("federation", *system);
            }
            for input in ["role-to-assume", "service_account", "client-id"] {
                if let Some(whom) = text(input).filter(|whom| !is_reference(whom)) {
                    job.tells("assumes", whom);
                }
            }
        }
    }
}

/// The systems to which a workflow, job or step logs in by secrets in its variables; what another
/// step has made in the same run is not stored.
fn stored_logins(value: &Value, job: &mut Job) {
    for (name, value) in tree::pairs(value, &["env"]) {
        let made = ["steps.", "needs."].iter().any(|one| value.contains(one));
        if let (Some(system), true, false) = (static_login(name), is_reference(value), made) {
            job.tells("static_logins", system);
        }
    }
}

/// Actions that log in: name, system, inputs that take a stored secret, inputs that take an
/// identity to federate with (none: whatever has no stored secret federates).
type Login = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);
const LOGINS: &[Login] = &[
    (
        "aws-actions/configure-aws-credentials",
        "aws",
        &["aws-access-key-id", "aws-secret-access-key"],
        &["role-to-assume"],
    ),
    (
        "google-github-actions/auth",
        "gcp",
        &["credentials_json"],
        &["workload_identity_provider"],
    ),
    ("azure/login", "azure", &["creds"], &["client-id"]),
    ("Azure/login", "azure", &["creds"], &["client-id"]),
    (
        "hashicorp/vault-action",
        "vault",
        &["token", "secretId", "githubToken"],
        &["role"],
    ),
    ("pypa/gh-action-pypi-publish", "pypi", &["password"], &[]),
    (
        "docker/login-action",
        "registry",
        &["password"],
        &["registry-type"],
    ),
];

fn empty() -> crate::formats::Thing {
    crate::formats::Thing::new(model::Kind::Identity, "", "")
}

fn secrets(text: &str) -> Vec<&str> {
    let mut names = named_after(text, "secrets");
    // The job's own token is made for it and dies with it; an empty context has no name.
    names.retain(|name| !matches!(*name, "GITHUB_TOKEN" | "inherit"));
    if !text.contains("${{") {
        names.clear();
    }
    names
}

/// Whether a text takes all secrets at once, or one whose name is worked out when it runs.
fn takes_all(text: &str) -> bool {
    text.contains("${{")
        && (text.contains("toJSON(secrets)")
            || text.contains("toJson(secrets)")
            || text
                .match_indices("secrets[")
                .any(|(at, word)| super::is_computed(&text[at + word.len() - 1..])))
}

/// Whether a value is the token that is made for the job and dies with it.
fn is_own_token(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    (text.contains("secrets.GITHUB_TOKEN") || text.contains("github.token"))
        && secrets(text).is_empty()
}

/// Whether what is checked out is the code of a pull request.
fn is_of_pull_request(at: &str) -> bool {
    [
        "github.event.pull_request.head",
        "github.event.workflow_run.head",
        "github.head_ref",
        "refs/pull/",
    ]
    .iter()
    .any(|word| at.contains(word))
}

/// Whether a script fetches the code of a pull request.
fn fetches_pull_request(script: &str) -> bool {
    script.contains("gh pr checkout")
        || script.contains("git fetch") && script.contains("pull/")
        || script.contains("git checkout") && is_of_pull_request(script)
}

/// Whether somebody else than GitHub or the repository itself wrote the action.
fn is_foreign(uses: &str) -> bool {
    !uses.starts_with("./") && !uses.starts_with("actions/") && !uses.starts_with("github/")
}

/// Whether the action is fixed to one commit or digest, or lies in the repository itself.
fn is_pinned(uses: &str) -> bool {
    if uses.starts_with("./") {
        return true;
    }
    let version = uses.rsplit_once('@').map_or("", |(_, version)| version);
    let version = version.strip_prefix("sha256:").unwrap_or(version);
    matches!(version.len(), 40 | 64) && version.chars().all(|c| c.is_ascii_hexdigit())
}

fn may_federate(rights: Option<&Value>) -> bool {
    match rights {
        Some(Value::String(all)) => all == "write-all",
        Some(table) => tree::text(table, &["id-token"]) == Some("write"),
        None => false,
    }
}

fn permissions(rights: Option<&Value>) -> Told<model::Value> {
    match rights {
        Some(Value::String(all)) => Told::Is(all.as_str().into()),
        Some(table @ Value::Object(_)) => {
            let pairs = tree::pairs(table, &[]).into_iter().take(64);
            let pairs =
                pairs.map(|(name, level)| (model::shorten(name, 64), model::shorten(level, 64)));
            Told::Is(model::Value::Table(pairs.collect()))
        }
        _ => Told::CannotTell,
    }
}

fn runners(value: &Value, job: &mut Job) {
    let mut names = tree::texts(value, &["runs-on"]);
    names.extend(tree::texts(value, &["runs-on", "labels"]));
    let own = names.contains(&"self-hosted") || tree::text(value, &["runs-on", "group"]).is_some();
    for name in names {
        job.tells("runs_on", name);
    }
    if own {
        job.thing =
            std::mem::replace(&mut job.thing, empty()).is(Attribute::named("self_hosted"), true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> crate::formats::Thing {
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/r/.github/workflows/a.yml",
            bytes: text.as_bytes(),
        };
        GithubActions.read(&file, &mut seen);
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        seen.things.remove(0)
    }

    fn fact(text: &str, name: &'static str) -> Option<String> {
        let thing = job(text);
        let fact = thing.told.fact(&Attribute::named(name));
        fact.is().map(ToString::to_string)
    }

    #[test]
    fn code_of_a_pull_request_matters_where_the_repository_s_secrets_are() {
        let text =
            |on: &str, step: &str| format!("on: [{on}]\njobs:\n  a:\n    steps:\n      - {step}\n");
        let head =
            "{uses: actions/checkout@v4, with: {ref: '${{ github.event.pull_request.head.sha }}'}}";
        for (on, step, expected) in [
            ("pull_request_target", head, true),
            ("pull_request", head, false),
            ("pull_request_target", "{uses: actions/checkout@v4}", false),
            (
                "pull_request_target",
                "{uses: actions/checkout@v4, with: {ref: 'refs/pull/${{ github.event.number }}/merge'}}",
                true,
            ),
            (
                "issue_comment",
                "{run: 'gh pr checkout ${{ github.event.issue.number }}'}",
                true,
            ),
        ] {
            let told = fact(&text(on, step), "checks_out_pull_request");
            assert_eq!(told.is_some(), expected, "{on} {step}");
        }
    }

    #[test]
    fn an_action_within_reach_of_a_token_of_the_job_has_to_be_pinned() {
        let text = "on: push\npermissions: {id-token: write}\njobs:\n  a:\n    environment: '${{ matrix.stage }}'\n    steps:\n      - uses: some/action@v1\n";
        assert!(
            fact(text, "unpinned_actions")
                .unwrap()
                .contains("some/action@v1")
        );
        // The environment is filled in later, and there is one.
        assert!(
            fact(text, "oidc_subject")
                .unwrap()
                .contains("environment:NAME")
        );
        let text = text.replace("id-token: write", "contents: read");
        assert_eq!(fact(&text, "unpinned_actions"), None);
    }

    #[test]
    fn all_secrets_at_once_are_told_as_that() {
        for value in ["toJSON(secrets)", "secrets[matrix.key]"] {
            let text = format!(
                "on: push\njobs:\n  a:\n    steps:\n      - run: x\n        env: {{A: '${{{{ {value} }}}}'}}\n"
            );
            assert!(fact(&text, "secrets_inherited").is_some(), "{value}");
            assert_eq!(fact(&text, "secrets"), None, "{value}");
        }
    }

    #[test]
    fn a_login_with_the_job_s_own_token_stores_nothing() {
        let text = |token: &str| {
            format!(
                "on: push\njobs:\n  a:\n    steps:\n      - uses: docker/login-action@v3\n        with: {{registry: ghcr.io, password: '${{{{ {token} }}}}'}}\n"
            )
        };
        assert_eq!(fact(&text("secrets.GITHUB_TOKEN"), "static_logins"), None);
        assert_eq!(fact(&text("github.token"), "static_logins"), None);
        assert!(fact(&text("secrets.HUB"), "static_logins").is_some());
    }

    #[test]
    fn a_login_by_variables_of_the_workflow_or_the_job_counts_as_well() {
        let env = "env: {AWS_SECRET_ACCESS_KEY: '${{ secrets.AWS }}'}";
        let steps = "steps: [{run: x}]";
        let job = format!("on: push\njobs:\n  a:\n    {env}\n    {steps}\n");
        let workflow = format!("on: push\n{env}\njobs:\n  a:\n    {steps}\n");
        for text in [job, workflow] {
            assert!(
                fact(&text, "static_logins").unwrap().contains("aws"),
                "{text}"
            );
        }
        for env in [
            "AWS_REGION: '${{ vars.REGION }}'",
            "AWS_SECRET_ACCESS_KEY: '${{ steps.assume.outputs.key }}'",
        ] {
            let text = format!("on: push\njobs:\n  a:\n    env: {{{env}}}\n    {steps}\n");
            assert_eq!(fact(&text, "static_logins"), None, "{text}");
        }
    }

    #[test]
    fn what_an_anchor_brings_is_the_job_s_own() {
        let text = "on: push\nx: &login\n  env: {AWS_SECRET_ACCESS_KEY: '${{ secrets.AWS }}'}\njobs:\n  a:\n    steps:\n      - <<: *login\n        run: x\n";
        assert!(fact(text, "secrets").unwrap().contains("AWS"));
        assert!(fact(text, "static_logins").is_some());
    }
}
