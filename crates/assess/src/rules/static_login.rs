//! A pipeline or workload that logs in to a cloud with a stored secret where it could use an
//! identity of its own.
//!
//! The stored secret is there for whoever gets into the pipeline or its files, and for years.
//! Clouds take the token that a pipeline, a pod or a function is given by what runs it (OpenID
//! Connect, a role of its own): nothing is stored, and nothing is to be rotated. Where only the
//! host decides whether there is such a token, the rule says that it cannot tell.

use model::{Attribute, CredentialType, Kind, Severity, Told, Value};

use crate::{Ground, Rule, Ruling, Thing, Workload};

pub(super) const RULE: Rule = Rule {
    id: "static-login",
    title: "a stored secret opens a cloud where an identity of its own would do",
    owasp: "NHI4",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

/// A cloud that takes tokens of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cloud {
    Aws,
    Google,
    Azure,
}

/// What runs a workload and gives it an identity.
struct Platform {
    /// How the types of what it runs begin.
    types: &'static [&'static str],
    /// Clouds that take the identity it gives.
    opens: &'static [Cloud],
    /// What to use in place of the secret.
    instead: &'static str,
}

const EVERY: &[Cloud] = &[Cloud::Aws, Cloud::Google, Cloud::Azure];

const PLATFORMS: &[Platform] = &[
    Platform {
        types: &["kubernetes_", "helm_release"],
        opens: EVERY,
        instead: "the token of its service account",
    },
    Platform {
        types: &[
            "github_action",
            "gitlab_ci_job",
            "azure_pipelines_job",
            "bitbucket_step",
            "buildkite_step",
            "circleci_job",
        ],
        opens: EVERY,
        instead: "the token that is made for each run",
    },
    Platform {
        types: &[
            "aws_lambda_function",
            "aws_ecs_task_definition",
            "aws_codebuild_project",
        ],
        opens: &[Cloud::Aws, Cloud::Google],
        instead: "its own role",
    },
    Platform {
        types: &["google_cloudfunctions", "google_cloud_run"],
        opens: EVERY,
        instead: "its own service account",
    },
    Platform {
        types: &[
            "azurerm_function_app",
            "azurerm_linux_function_app",
            "azurerm_windows_function_app",
        ],
        opens: EVERY,
        instead: "its managed identity",
    },
];

/// Types of what has an identity of its own only where its host lends it one.
const HOSTED: &[&str] = &[
    "compose_service",
    "container_image",
    "systemd_unit",
    "cron_job",
    "jenkins_pipeline",
    "drone_step",
];

/// Users that a finding names.
const NAMED_MAX: usize = 3;

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    match thing.entity.kind {
        Kind::Identity if thing.entity.missing_since.is_none() => pipeline(thing),
        Kind::Credential => handed(thing),
        _ => Vec::new(),
    }
}

/// A pipeline, by what its file says of how it logs in.
fn pipeline(thing: &Thing<'_>) -> Vec<Ruling> {
    let told = |name: &'static str| match thing.entity.fact(&Attribute::named(name)) {
        Told::Is(Value::List(list)) => list.iter().map(|one| model::clean(one)).collect(),
        Told::Is(Value::Text(text)) => vec![model::clean(text)],
        Told::Is(_) | Told::Absent | Told::CannotTell => Vec::<String>::new(),
    };
    let stored = told("static_logins");
    if !stored.is_empty() {
        return Ruling::fail(format!(
            "it logs in to {} with a stored secret",
            stored.join(", ")
        ));
    }
    if !told("federation").is_empty() {
        return Ruling::pass();
    }
    // Workloads elsewhere list the secrets they are given as well; only pipelines run on something.
    let in_pipeline = thing
        .entity
        .facts
        .contains_key(&Attribute::named("runs_on"))
        || thing
            .entity
            .facts
            .contains_key(&Attribute::named("triggers"));
    if in_pipeline && !told("secrets").is_empty() {
        return Ruling::unknown("it is handed secrets, and no source tells what they open");
    }
    Vec::new()
}

/// A credential that opens a cloud, by whom it is handed to.
fn handed(thing: &Thing<'_>) -> Vec<Ruling> {
    if !thing.is_live_credential() || thing.is_off() {
        return Vec::new();
    }
    if let Some(why) = beside_federation(thing) {
        return Ruling::fail(why);
    }
    let Some(cloud) = opens(thing) else {
        return Vec::new();
    };
    let platform = |user: &Workload| {
        let takes = |one: &&Platform| one.opens.contains(&cloud) && begins(user, one.types);
        PLATFORMS.iter().find(takes)
    };
    if let Some(platform) = thing.users.iter().find_map(platform) {
        let of = |user: &&Workload| begins(user, platform.types);
        let named: Vec<_> = thing.users.iter().filter(of).map(name).collect();
        return Ruling::fail(format!(
            "it is kept for {}, and {} takes {} instead",
            listed(named),
            cloud.name(),
            platform.instead
        ));
    }
    let hosted: Vec<_> = thing
        .users
        .iter()
        .filter(|user| begins(user, HOSTED))
        .map(name)
        .collect();
    if hosted.is_empty() {
        return Vec::new();
    }
    Ruling::unknown(format!(
        "it is kept for {}; whether the host lends it an identity that {} takes, no source tells",
        listed(hosted),
        cloud.name()
    ))
}

/// A password of an application that takes tokens of whoever works as it: what needs none has one.
fn beside_federation(thing: &Thing<'_>) -> Option<String> {
    let of_azure = thing.entity.text(&Attribute::PROVIDER) == Some("azure")
        && thing.type_() == CredentialType::Password.as_str();
    let holder = thing.holder.filter(|_| of_azure)?;
    let Told::Is(Value::List(trusted)) = holder.fact(&Attribute::TRUSTS) else {
        return None;
    };
    let first = trusted.first()?;
    Some(format!(
        "its application takes tokens of `{}` and needs no secret",
        model::shorten(&model::clean(first), 160)
    ))
}

impl Cloud {
    const fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Google => "Google Cloud",
            Self::Azure => "Azure",
        }
    }
}

/// The cloud that a credential opens for as long as nobody revokes it.
fn opens(thing: &Thing<'_>) -> Option<Cloud> {
    let provider = thing.entity.text(&Attribute::PROVIDER);
    let field = thing.entity.text(&Attribute::FIELD).unwrap_or_default();
    let type_ = thing.type_();
    if type_ == CredentialType::AwsAccessKey.as_str() {
        Some(Cloud::Aws)
    } else if type_ == CredentialType::PrivateKey.as_str() && provider == Some("google") {
        Some(Cloud::Google)
    } else if ["AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET"]
        .iter()
        .any(|name| field.ends_with(name))
    {
        Some(Cloud::Azure)
    } else {
        None
    }
}

fn begins(user: &Workload, types: &[&str]) -> bool {
    types.iter().any(|type_| user.type_.starts_with(type_))
}

fn name(user: &Workload) -> String {
    model::shorten(&model::clean(&user.name), 40)
}

fn listed(mut names: Vec<String>) -> String {
    names.sort_unstable();
    names.dedup();
    let more = if names.len() > NAMED_MAX { ", …" } else { "" };
    names.truncate(NAMED_MAX);
    format!("{}{more}", names.join(", "))
}
