//! Holds the descriptions of GitHub and GitLab to answers in their recorded shapes, read as answers
//! that were saved.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::{Fingerprints, Recording};
use model::{Attribute, Fingerprint, Kind, Secret};
use serde_json::{Value, json};

use crate::disk::{Roll, pass, texts};

/// What a file of recorded shapes holds under `name`.
fn shape(dir: &Path, file: &str, name: &str) -> Value {
    let bytes = std::fs::read(dir.join(file)).unwrap();
    let mut all: Value = serde_json::from_slice(&bytes).unwrap();
    all[name].take()
}

/// Answers by what is asked for them, as a pass over `connector` reads them.
fn read(connector: &str, target: &str, answers: &[(&str, Value)]) -> Roll {
    let recording: BTreeMap<_, _> = answers
        .iter()
        .map(|(asked, body)| {
            let answer = json!({"status": 200, "body": body.to_string(), "whole": true});
            (format!("GET {asked}"), answer)
        })
        .collect();
    let mut port = Recording::parse(&json!(recording).to_string()).unwrap();
    pass(connector, target, &BTreeMap::new(), (&mut port, &Unkeyed))
}

/// Variables are looked at; what their fingerprints are says nothing here.
struct Unkeyed;

impl Fingerprints for Unkeyed {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        Fingerprint {
            key: String::new(),
            mac: "0".repeat(32),
        }
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

fn names<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    let list = list.as_array().unwrap();
    assert!(!list.is_empty(), "the shape holds nothing");
    list.iter()
        .map(|one| one[field].as_str().unwrap())
        .collect()
}

/// A pass over an organization that answers in these shapes.
fn github(dir: &Path, sso: &Value) -> Roll {
    let actions = |name| shape(dir, "actions.json", name);
    let fine = shape(
        dir,
        "personal_access_tokens.json",
        "FINE_GRAINED_PERSONAL_ACCESS_TOKENS",
    );
    let repository =
        json!([{"id": 1, "name": "shop", "full_name": "acme/shop", "archived": false}]);
    let mut environments = actions("GET_REPO_ENVIRONMENTS");
    environments.as_array_mut().unwrap().truncate(1);
    let (org, repo, env) = (
        "/orgs/acme",
        "/repos/acme/shop",
        "/repos/acme/shop/environments/production",
    );
    let (hundred, thirty) = ("?per_page=100", "?per_page=30");
    let list = |name: &str, shape| json!({name: actions(shape)});
    let asked = [
        (
            format!("{org}/installations{hundred}"),
            json!({"installations": []}),
        ),
        (
            format!("{org}/actions/secrets{hundred}"),
            list("secrets", "GET_ORG_SECRETS"),
        ),
        (
            format!("{org}/actions/variables{thirty}"),
            list("variables", "GET_ORG_VARIABLES"),
        ),
        (format!("{org}/personal-access-tokens{hundred}"), fine),
        (
            format!("{org}/credential-authorizations{hundred}"),
            sso.clone(),
        ),
        (format!("{org}/repos{hundred}&type=all"), repository),
        (
            format!("{repo}/actions/secrets{hundred}"),
            list("secrets", "GET_REPO_SECRETS"),
        ),
        (
            format!("{repo}/actions/variables{thirty}"),
            list("variables", "GET_REPO_VARIABLES"),
        ),
        (
            format!("{repo}/actions/workflows{hundred}"),
            list("workflows", "GET_REPO_WORKFLOWS"),
        ),
        (
            format!("{repo}/environments{hundred}"),
            json!({"environments": environments}),
        ),
        (
            format!("{env}/secrets{hundred}"),
            list("secrets", "GET_ENV_SECRETS_PRODUCTION"),
        ),
        (
            format!("{env}/variables{thirty}"),
            list("variables", "GET_ENV_VARIABLES_PRODUCTION"),
        ),
    ];
    let asked: Vec<_> = asked
        .iter()
        .map(|(path, body)| (path.as_str(), body.clone()))
        .collect();
    read("github_organization", "acme", &asked)
}

#[test]
fn every_secret_token_and_workflow_in_the_recorded_shapes_of_github_is_on_the_roll() {
    let Some(dir) = testkit::truth("cartography/github") else {
        return;
    };
    let tokens = |name| shape(&dir, "personal_access_tokens.json", name);
    let sso = tokens("SAML_CREDENTIAL_AUTHORIZATIONS");
    let roll = github(&dir, &sso);
    let credentials = texts(&roll, Some(Kind::Credential), &Attribute::NAME);
    let identities = texts(&roll, Some(Kind::Identity), &Attribute::NAME);
    let of_actions = |shape_: &str| -> Vec<String> {
        let all = shape(&dir, "actions.json", shape_);
        names(&all, "name").into_iter().map(str::to_owned).collect()
    };
    for name in of_actions("GET_ORG_SECRETS") {
        assert!(credentials.contains(&name), "{name}");
    }
    for name in names(&tokens("FINE_GRAINED_PERSONAL_ACCESS_TOKENS"), "token_name") {
        assert!(credentials.contains(name), "{name}");
    }
    for name in of_actions("GET_REPO_SECRETS") {
        assert!(
            credentials.contains(&format!("{name} of acme/shop")),
            "{name}"
        );
    }
    for name in of_actions("GET_ENV_SECRETS_PRODUCTION") {
        let name = format!("{name} of production of acme/shop");
        assert!(credentials.contains(&name), "{name}");
    }
    for name in of_actions("GET_REPO_WORKFLOWS") {
        assert!(
            identities.contains(&format!("{name} of acme/shop")),
            "{name}"
        );
    }
    let let_in = roll
        .seen
        .iter()
        .filter(|one| one.native.starts_with("authorized/"));
    assert_eq!(let_in.count(), sso.as_array().unwrap().len());
    // Variables that are no secrets are not called such.
    let plain = |name: &&String| name.contains("NODE_VERSION") || name.contains("LOG_LEVEL");
    assert_eq!(credentials.iter().find(plain), None);
    testkit::aloud(&format!(
        "github: {} credentials, {} identities",
        credentials.len(),
        identities.len()
    ));
}

#[test]
fn every_secret_variable_and_runner_in_the_recorded_shapes_of_gitlab_is_on_the_roll() {
    let Some(dir) = testkit::truth("cartography/gitlab") else {
        return;
    };
    let group = shape(
        &dir,
        "organizations.json",
        "GET_GITLAB_ORGANIZATION_RESPONSE",
    );
    let (id, path) = (
        group["id"].to_string(),
        group["full_path"].as_str().unwrap(),
    );
    let projects = shape(&dir, "projects.json", "GET_GITLAB_PROJECTS_RESPONSE");
    let project = projects[0]["id"].to_string();
    let of_group = shape(&dir, "ci_variables.json", "GET_GROUP_VARIABLES_RESPONSE");
    let of_project = shape(&dir, "ci_variables.json", "GET_PROJECT_VARIABLES_RESPONSE");
    let runners = shape(&dir, "runners.json", "GET_GROUP_RUNNERS_LIST");
    let roll = read(
        "gitlab_group",
        &format!("git.example/{path}"),
        &[
            (
                &format!("/api/v4/groups/{path}?with_projects=false"),
                group.clone(),
            ),
            (
                &format!(
                    "/api/v4/groups/{path}/projects?include_subgroups=true&per_page=100&with_shared=false"
                ),
                projects.clone(),
            ),
            (
                &format!("/api/v4/groups/{id}/variables?per_page=100"),
                of_group.clone(),
            ),
            (
                &format!("/api/v4/groups/{id}/runners?per_page=100&type=group_type"),
                runners.clone(),
            ),
            (
                &format!("/api/v4/projects/{project}/variables?per_page=100"),
                of_project.clone(),
            ),
        ],
    );
    let identities = texts(&roll, Some(Kind::Identity), &Attribute::NAME);
    for name in names(&runners, "description") {
        assert!(identities.contains(name), "{name}");
    }
    let natives: Vec<_> = roll.seen.iter().map(|one| one.native.as_str()).collect();
    let masked = |all: &Value, of: &str| {
        for one in all.as_array().unwrap() {
            let scope = one["environment_scope"].as_str().unwrap_or_default();
            let native = format!("variable/{of}/{}/{scope}", one["key"].as_str().unwrap());
            let secret = one["masked"] == true;
            assert_eq!(natives.contains(&native.as_str()), secret, "{native}");
        }
    };
    masked(&of_group, &format!("group/{id}"));
    masked(&of_project, &format!("project/{project}"));
    let resources = roll.seen.iter().filter(|one| one.kind == Kind::Resource);
    assert_eq!(resources.count(), 1 + projects.as_array().unwrap().len());
    let told = serde_json::to_string(&roll.seen).unwrap();
    assert!(!told.contains("should-not-be-stored"), "a value was told");
    testkit::aloud(&format!("gitlab: {} seen", roll.seen.len()));
}
