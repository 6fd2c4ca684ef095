//! What formats of CI share: a job is an identity, and is handed secrets by their names.
//!
//! A job (class integration) tells `secrets` (their names), `federation` (systems it logs in to
//! with a token of its own), `static_logins` (systems it logs in to with a stored secret),
//! `assumes` (roles and accounts it takes on), `triggers`, `runs_on`, `self_hosted`,
//! `environment`, and what a rule may judge: `permissions`, `unpinned_actions`,
//! `untrusted_triggers`. Each secret is a credential by reference (`kept_in`), used by the jobs
//! it is handed to. Values written down in the file are credentials like all others.

mod azure_pipelines;
mod bitbucket_pipelines;
mod buildkite;
mod circleci;
mod drone;
mod github_actions;
mod gitlab_ci;
mod jenkins;

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Class, Kind};
use serde_json::Value;

use super::literals::{literals, sounds_secret};
use super::{FileAt, Found, Seen, Thing, tree};

pub(super) use azure_pipelines::AzurePipelines;
pub(super) use bitbucket_pipelines::BitbucketPipelines;
pub(super) use buildkite::Buildkite;
pub(super) use circleci::Circleci;
pub(super) use drone::Drone;
pub(super) use github_actions::GithubActions;
pub(super) use gitlab_ci::GitlabCi;
pub(super) use jenkins::Jenkins;

/// More jobs than this in one file are not looked at.
const JOBS_MAX: usize = 500;
/// More names than this in one text are not looked at.
const NAMES_MAX: usize = 200;

/// What is counted of passwords that end with a job.
pub(crate) const SHORT_LIVED: &str = "password of a container that ends with its job";

/// One job.
struct Job {
    field: String,
    thing: Thing,
    secrets: BTreeSet<String>,
    lists: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Job {
    /// The job called `name`, of `type_` in its system's words.
    fn new(name: &str, type_: &str) -> Self {
        let field = format!("job {name}");
        let thing = Thing::new(Kind::Identity, field.as_str(), type_)
            .is(Attribute::NAME, name)
            .is(Attribute::CLASS, Class::Integration);
        Self {
            field,
            thing,
            secrets: BTreeSet::new(),
            lists: BTreeMap::new(),
        }
    }

    /// With a fact that the file may state.
    fn maybe<T: Into<model::Value>>(mut self, attribute: Attribute, value: Option<T>) -> Self {
        self.thing = self.thing.maybe(attribute, value);
        self
    }

    /// One more entry of the list `name`.
    fn tells(&mut self, name: &'static str, entry: impl Into<String>) {
        let entry = entry.into();
        if !entry.is_empty() {
            self.lists.entry(name).or_default().insert(entry);
        }
    }

    /// Handed the secrets called so.
    fn handed<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        self.secrets.extend(names.into_iter().map(Into::into));
    }

    /// The literal secrets in a table of names and values.
    fn literals(&self, value: &Value, path: &[&str], within: &str, file: &[u8], seen: &mut Seen) {
        let within = format!("{}.{within}", self.field);
        literals(tree::pairs(value, path), &within, file, seen, |found| {
            found.used_in_file_by(&self.field)
        });
    }
}

/// The jobs of one file.
struct Jobs {
    kept_in: &'static str,
    users: BTreeMap<String, BTreeSet<String>>,
}

impl Jobs {
    /// Jobs that are handed secrets from `kept_in`.
    fn new(kept_in: &'static str) -> Self {
        Self {
            kept_in,
            users: BTreeMap::new(),
        }
    }

    /// Tells of `job`.
    fn add(&mut self, mut job: Job, seen: &mut Seen) {
        for name in &job.secrets {
            let users = self.users.entry(name.clone()).or_default();
            users.insert(job.field.clone());
        }
        if !job.secrets.is_empty() {
            job.lists.insert("secrets", job.secrets);
        }
        for (name, list) in job.lists {
            let list: Vec<String> = list.into_iter().collect();
            job.thing = job.thing.is(Attribute::named(name), list);
        }
        seen.thing(job.thing);
    }

    /// Tells of the secrets that the jobs are handed, and takes out the passwords of containers
    /// that end with them.
    fn settle(self, seen: &mut Seen) {
        let (found, lived) = (std::mem::take(&mut seen.found), &seen.short_lived);
        let (gone, stay): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| {
            let host = one.told.facts.get(&Attribute::ENDPOINT);
            let host = host.and_then(|host| host.told.is()?.text());
            one.secret
                .as_ref()
                .is_some_and(|one| lived.covers(one, host))
        });
        seen.found = stay;
        for _ in gone {
            seen.set_aside(SHORT_LIVED);
        }
        for (name, users) in self.users {
            let mut found = Found::referenced(format!("secret {name}"), &name, self.kept_in);
            for user in users {
                found = found.used_in_file_by(&user);
            }
            seen.found(found);
        }
    }
}

/// The file as a table of settings; a gap where it is something else.
fn settings(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let value = tree::yaml(file, seen)?;
    if !value.is_object() {
        seen.broken("expected a table of settings, got something else");
        return None;
    }
    Some(value)
}

/// The tables of jobs in `value`, by name.
fn jobs<'a>(value: &'a Value, path: &[&str], seen: &mut Seen) -> Vec<(&'a str, &'a Value)> {
    let all: Vec<_> = tree::members(value, path).collect();
    if all.len() > JOBS_MAX {
        seen.unsupported(format!(
            "holds more than {JOBS_MAX} jobs; the rest was not read"
        ));
    }
    all.into_iter().take(JOBS_MAX).collect()
}

/// Every text below `value`.
fn texts(value: &Value) -> Vec<&str> {
    let mut out = Vec::new();
    tree::each_text(value, &mut |text| out.push(text));
    out
}

/// The names that follow `before` in `text`: `secrets.NAME`, `secrets['NAME']`.
fn named_after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let mut out = Vec::new();
    for (at, _) in text.match_indices(before).take(NAMES_MAX) {
        // `needs.secrets.outputs` is a job of that name.
        let inside = text[..at].ends_with(|c| is_name(c) || c == '.');
        let rest = &text[at + before.len()..];
        // `secrets[matrix.key]` names none of them.
        let named = rest.starts_with(['.', '[']) && !is_computed(rest);
        let rest = rest.trim_start_matches(['[', '\'', '"', '.', ' ']);
        let name = rest.split(|c| !is_name(c)).next().unwrap_or_default();
        if !inside && named && !name.is_empty() {
            out.push(name);
        }
    }
    out
}

/// Whether an index is worked out when it runs: `[matrix.key]`.
fn is_computed(rest: &str) -> bool {
    rest.strip_prefix('[')
        .is_some_and(|index| !index.trim_start().starts_with(['\'', '"']))
}

/// The variables that a text reads and whose names sound secret: `$NAME`, `${NAME}`, `$(NAME)`.
fn secret_variables<'a>(text: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
    text.match_indices('$')
        .take(NAMES_MAX)
        .filter_map(|(at, _)| {
            let rest = text[at + 1..].trim_start_matches(['{', '(', '$']);
            let rest = rest.strip_prefix("env:").unwrap_or(rest);
            let name = rest.split(|c| !is_name(c)).next().unwrap_or_default();
            (name.len() > 2 && sounds_secret(name)).then_some(name)
        })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a version is a commit, of SHA-1 or SHA-256.
fn is_commit(at: &str) -> bool {
    matches!(at.len(), 40 | 64) && at.chars().all(|c| c.is_ascii_hexdigit())
}

/// The systems to which well-known names of variables log in with a stored secret.
pub(super) fn static_login(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    [
        ("AWS_SECRET_ACCESS_KEY", "aws"),
        ("GOOGLE_CREDENTIALS", "gcp"),
        ("GCP_SA_KEY", "gcp"),
        ("GCP_CREDENTIALS", "gcp"),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", "gcp"),
        ("GCLOUD_SERVICE_KEY", "gcp"),
        ("AZURE_CREDENTIALS", "azure"),
        ("AZURE_CLIENT_SECRET", "azure"),
        ("ARM_CLIENT_SECRET", "azure"),
        ("VAULT_TOKEN", "vault"),
    ]
    .into_iter()
    .find_map(|(part, system)| name.ends_with(part).then_some(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_read_from_expressions() {
        let text = "${{ secrets.NPM_TOKEN }} ${{ secrets['KEY'] }} my_secrets.X";
        assert_eq!(named_after(text, "secrets"), ["NPM_TOKEN", "KEY"]);
        let text =
            "${{ secrets[matrix.key] }} ${{ needs.secrets.outputs.x }} ${{ toJSON(secrets) }}";
        assert!(named_after(text, "secrets").is_empty());
        let text = "curl -u $DEPLOY_TOKEN ${HOME} $(ApiKey) $CI $env:NUGET_API_KEY";
        let names: Vec<_> = secret_variables(text).collect();
        assert_eq!(names, ["DEPLOY_TOKEN", "ApiKey", "NUGET_API_KEY"]);
    }
}
