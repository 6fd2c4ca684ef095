//! GitHub Actions: workflows and composite actions (GitHub Docs, "Workflow syntax").
//!
//! Beside what all CI tells: `permissions` of the job's own token (a table, `read-all` or
//! `write-all`; silence is the repository's default), `oidc_subject` (the form of the subject
//! under which clouds may trust it), `secrets_inherited`, `checks_out_pull_request` (code of a
//! pull request runs in the repository's own context), `unpinned_actions` (foreign actions that
//! are handed secrets and are not fixed to a commit), `unpinned_with_token` (those that are handed
//! the job's own token and no secret), and of a composite action `secret_inputs` (what it takes
//! and hands on, where the name speaks of a secret).

mod login;

use model::{Attribute, Told};
use serde_json::Value;

use super::{Job, Jobs, jobs, named_after, settings, sounds_secret, texts};
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
                for text in texts(step) {
                    for name in workflow.secret_inputs(text) {
                        job.tells("secret_inputs", name);
                    }
                }
                workflow.step(step, &value, Reach::default(), &mut job, seen);
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

/// What is in reach of a step.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    /// Secrets of the repository, or those that whoever uses an action hands to it.
    secrets: bool,
    /// The token that is made for the job.
    token: bool,
}

impl Reach {
    fn and(self, other: Self) -> Self {
        Self {
            secrets: self.secrets || other.secrets,
            token: self.token || other.token,
        }
    }
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
        if let Some(uses) = tree::text(value, &["uses"]).filter(|uses| !is_pinned(uses)) {
            let given = value.get("secrets").map(texts).unwrap_or_default();
            match inherits || self.reach(&given).secrets {
                true => job.tells("unpinned_actions", uses),
                // A workflow that is called has the token of whoever calls it.
                false => job.tells("unpinned_with_token", uses),
            }
        }
        job.handed(texts(value).into_iter().flat_map(secrets));
        let shared = self.value.get("env").map(texts).unwrap_or_default();
        job.handed(shared.iter().copied().flat_map(secrets));
        let env = |value: &Value| self.reach(&value.get("env").map(texts).unwrap_or_default());
        let mut shared = env(self.value).and(env(value));
        // Who may ask for a token of the job may log in wherever the job may.
        shared.secrets |= federated;
        for owner in [self.value, value] {
            job.literals(owner, &["env"], "env", self.file, seen);
            login::by_variables(owner, &mut job);
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
            self.step(step, value, shared, &mut job, seen);
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

    /// One step of `whole`, a job or an action; `shared`: what the environment of that brings into
    /// its reach.
    fn step(&self, step: &Value, whole: &Value, shared: Reach, job: &mut Job, seen: &mut Seen) {
        job.handed(texts(step).into_iter().flat_map(secrets));
        job.literals(step, &["env"], "env", self.file, seen);
        job.literals(step, &["with"], "with", self.file, seen);
        login::by_variables(step, job);
        let fetched = tree::text(step, &["run"]).or_else(|| step.get("run")?.as_str());
        let mut foreign = fetched.is_some_and(fetches_pull_request);
        if let Some(uses) = tree::text(step, &["uses"]) {
            let reach = shared.and(self.reach(&texts(step)));
            if is_foreign(uses) && !is_pinned(uses) {
                match reach {
                    Reach { secrets: true, .. } => job.tells("unpinned_actions", uses),
                    Reach { token: true, .. } => job.tells("unpinned_with_token", uses),
                    _ => {}
                }
            }
            let action = uses.split('@').next().unwrap_or_default();
            foreign |= action == "actions/checkout"
                && ["ref", "repository"]
                    .iter()
                    .filter_map(|input| step.get("with")?.get(input)?.as_str())
                    .any(is_of_pull_request);
            let set_to = |name: &str| {
                let mut around = [step, whole, self.value].into_iter();
                around.find_map(|one| tree::text(one, &["env", name]))
            };
            login::by_action(action, step, set_to, job);
        }
        if foreign && job.lists.contains_key("untrusted_triggers") {
            job.thing = std::mem::replace(&mut job.thing, empty())
                .is(Attribute::named("checks_out_pull_request"), true);
        }
    }

    /// What these texts bring into reach.
    fn reach(&self, given: &[&str]) -> Reach {
        let own = |text: &&str| {
            let of_own = |name: &&str| self.is_own_token(name);
            takes_own_token(text) || inputs(text).iter().any(of_own)
        };
        Reach {
            secrets: given
                .iter()
                .any(|text| !secrets(text).is_empty() || !self.secret_inputs(text).is_empty()),
            token: given.iter().any(own),
        }
    }

    /// The inputs of a composite action that a text takes and whose names speak of a secret.
    fn secret_inputs<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut names = inputs(text);
        names.retain(|name| {
            self.value.get("runs").is_some() && sounds_secret(name) && !self.is_own_token(name)
        });
        names
    }

    /// Whether an input of the action is the job's own token where nobody says otherwise.
    fn is_own_token(&self, input: &str) -> bool {
        let default = |inputs: &Value| {
            inputs
                .get(input)?
                .get("default")?
                .as_str()
                .map(takes_own_token)
        };
        self.value.get("inputs").and_then(default) == Some(true)
    }
}

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

/// Whether a text takes the token that is made for the job and dies with it.
fn takes_own_token(text: &str) -> bool {
    text.contains("${{")
        && (text.contains("github.token") || named_after(text, "secrets").contains(&"GITHUB_TOKEN"))
}

/// The inputs of an action that a text takes: `inputs.NAME`; names may hold hyphens.
fn inputs(text: &str) -> Vec<&str> {
    let is_named = |c: char| super::is_name(c) || c == '-';
    let named = |(at, word): (usize, &str)| {
        let inside = text[..at].ends_with(|c| is_named(c) || c == '.');
        let name = text[at + word.len()..].split(|c| !is_named(c)).next()?;
        (!inside && !name.is_empty()).then_some(name)
    };
    let all = text.match_indices("inputs.").take(super::NAMES_MAX);
    match text.contains("${{") {
        true => all.filter_map(named).collect(),
        false => Vec::new(),
    }
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
    super::is_commit(version.strip_prefix("sha256:").unwrap_or(version))
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
    fn only_a_registry_that_takes_identities_makes_a_stored_password_needless() {
        let text = |registry: &str| {
            format!(
                "on: push\nenv: {{OURS: registry.acme.test, GITHUB: ghcr.io}}\njobs:\n  a:\n    steps:\n      - uses: docker/login-action@v3\n        with: {{{registry} username: ann, password: '${{{{ secrets.HUB }}}}'}}\n"
            )
        };
        for (registry, expected) in [
            ("registry: ghcr.io,", true),
            ("registry: '${{ env.GITHUB }}',", true),
            ("registry: 1.dkr.ecr.eu-west-1.amazonaws.com,", true),
            ("", false),
            ("registry: docker.io,", false),
            ("registry: '${{ env.OURS }}',", false),
            ("registry: '${{ vars.REGISTRY }}',", false),
        ] {
            let told = fact(&text(registry), "static_logins");
            assert_eq!(told.is_some(), expected, "{registry}");
        }
    }

    #[test]
    fn an_action_that_hands_on_what_it_is_handed_has_to_pin_to_whom() {
        let text = |given: &str| {
            format!(
                "inputs:\n  api-token: {{required: true}}\n  own: {{default: '${{{{ github.token }}}}'}}\n  colour: {{}}\nruns:\n  using: composite\n  steps:\n    - uses: some/action@v1\n      with: {{x: '${{{{ inputs.{given} }}}}'}}\n"
            )
        };
        let secret = text("api-token");
        assert!(fact(&secret, "unpinned_actions").is_some());
        assert!(
            fact(&secret, "secret_inputs")
                .unwrap()
                .contains("api-token")
        );
        let own = text("own");
        assert_eq!(fact(&own, "unpinned_actions"), None);
        assert!(fact(&own, "unpinned_with_token").is_some());
        let plain = text("colour");
        for name in ["unpinned_actions", "unpinned_with_token", "secret_inputs"] {
            assert_eq!(fact(&plain, name), None, "{name}");
        }
    }

    #[test]
    fn an_action_that_is_handed_the_job_s_own_token_is_told_as_that() {
        let job = |env: &str, uses: &str, token: &str| {
            let step = format!("{{uses: {uses}, with: {{t: '{token}'}}}}");
            format!("on: push\njobs:\n  a:\n    env: {{{env}}}\n    steps:\n      - {step}\n")
        };
        let own = "${{ secrets.GITHUB_TOKEN }}";
        for (text, expected) in [
            (job("", "some/action@v1", own), true),
            (job("", "some/action@v1", "${{ github.token }}"), true),
            (job(&format!("T: '{own}'"), "some/action@v1", "x"), true),
            (job("", "actions/stale@v9", own), false),
            (
                job("", &format!("some/action@{}", "a".repeat(40)), own),
                false,
            ),
            (job("", "some/action@v1", "x"), false),
        ] {
            let told = fact(&text, "unpinned_with_token");
            assert_eq!(told.is_some(), expected, "{text}");
            assert_eq!(fact(&text, "unpinned_actions"), None, "{text}");
        }
        let called = "on: push\njobs:\n  a:\n    uses: acme/all/.github/workflows/x.yml@v1\n";
        assert!(fact(called, "unpinned_with_token").is_some());
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
