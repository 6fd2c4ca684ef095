//! Recognises what runs in an account: functions, tasks, builds, models, notebooks, instances and
//! agents; as whom each acts, and what its variables hold or refer to.
//!
//! A variable's value is a secret until its fingerprint is taken; no value is told.

use std::collections::BTreeMap;

use model::{Attribute, Class, Confidence, Kind, Observation, Secret, Told};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::Account;
use super::observe::native;
use super::services::{dated, start, within};
use super::shape::{Object, text, time};

/// More variables of one workload than this are not looked at; AWS takes 4 KB of them.
const VARIABLES_MAX: usize = 500;
/// No longer value is kept: none of these services takes one.
const VALUE_BYTES_MAX: usize = 32 * 1024;

/// Something that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// What is told of it by itself.
    pub(crate) told: Observation,
    /// As whom it acts, by what the role is for: `role`, `execution_role`.
    pub(crate) roles: BTreeMap<String, String>,
    /// The ARN of the instance profile that gives it its role.
    pub(crate) profile: Option<String>,
    /// Where the values of its variables lie, by their names.
    pub(crate) references: BTreeMap<String, String>,
    /// Its variables with values of their own, until those are told.
    #[serde(skip)]
    pub(crate) variables: Vec<(String, Secret)>,
    /// Of several revisions the latest is told.
    revision: i64,
}

pub(crate) fn recognise(account: &mut Account, object: &Object) {
    let found = [
        function(object),
        task(object),
        build(object),
        model(object),
        notebook(object),
        instance(object),
        agent(object),
    ];
    for one in found.into_iter().flatten() {
        account.workload(one);
    }
}

impl Account {
    /// Keeps what is told of something that runs; of several revisions the latest.
    pub(crate) fn workload(&mut self, one: Workload) {
        if !self.workloads.contains_key(&one.told.native) && self.full() {
            return;
        }
        let Some(known) = self.workloads.get_mut(&one.told.native) else {
            self.workloads.insert(one.told.native.clone(), one);
            return;
        };
        if known.revision < one.revision {
            *known = one;
        } else if known.revision == one.revision {
            // A list tells less than the answer to a question about one thing.
            known.roles.extend(one.roles);
            known.references.extend(one.references);
            if known.variables.is_empty() {
                known.variables = one.variables;
            }
        }
    }
}

impl Workload {
    fn new(of_type: &str, id: &str, part: &str, name: &str) -> Self {
        let told = start(Kind::Identity, of_type, id, part, name).concluded(
            Attribute::CLASS,
            model::Value::from(Class::Workload),
            Confidence::Derived,
        );
        Self {
            told,
            roles: BTreeMap::new(),
            profile: None,
            references: BTreeMap::new(),
            variables: Vec::new(),
            revision: 0,
        }
    }

    fn told(mut self, change: impl FnOnce(Observation) -> Observation) -> Self {
        self.told = change(self.told);
        self
    }

    fn acting_as(mut self, what: &str, role: Option<String>) -> Self {
        self.roles.extend(role.map(|role| (what.to_owned(), role)));
        self
    }

    /// A variable with a value of its own, or one that names where its value lies.
    fn variable(&mut self, name: &str, value: &str) {
        if is_kept_elsewhere(value) {
            self.refers(name, value);
        } else if self.variables.len() < VARIABLES_MAX && value.len() <= VALUE_BYTES_MAX {
            self.variables.push((name.to_owned(), Secret::from(value)));
        }
    }

    fn refers(&mut self, name: &str, place: &str) {
        if self.references.len() < VARIABLES_MAX && place.len() <= 2048 {
            self.references.insert(name.to_owned(), place.to_owned());
        }
    }

    /// The variables of a map of names to values.
    fn map(mut self, within: &str, held: Option<&Value>) -> Self {
        for (name, value) in held.and_then(Value::as_object).into_iter().flatten() {
            if let Some(value) = value.as_str() {
                self.variable(&named(within, name), value);
            }
        }
        self
    }
}

/// Whether a value is the ARN of a secret or a parameter.
fn is_kept_elsewhere(value: &str) -> bool {
    value.starts_with("arn:")
        && (value.contains(":secretsmanager:")
            || value.contains(":ssm:") && value.contains(":parameter/"))
}

fn named(within: &str, name: &str) -> String {
    match within {
        "" => name.to_owned(),
        within => format!("{within} {name}"),
    }
}

/// A function of Lambda, without its version.
fn function(object: &Object) -> Option<Workload> {
    let arn = text(object, "FunctionArn").filter(|arn| arn.contains(":lambda:"))?;
    let name = text(object, "FunctionName")?;
    if !object.contains_key("Runtime")
        && !object.contains_key("Handler")
        && !object.contains_key("Role")
    {
        return None;
    }
    let arn = arn.split(':').take(7).collect::<Vec<_>>().join(":");
    let variables = object
        .get("Environment")
        .and_then(|held| held.get("Variables"));
    let one = Workload::new("aws_lambda_function", &arn, "functions", &name)
        .acting_as("role", text(object, "Role"))
        .map("", variables);
    Some(one.told(|told| {
        let told = told.told(
            Attribute::PURPOSE,
            Told::or_absent(text(object, "Description")),
        );
        let changed = Told::or_cannot_tell(time(object.get("LastModified")));
        told.told(Attribute::named("changed_at"), changed)
    }))
}

/// A family of task definitions of ECS, as its latest revision has it.
fn task(object: &Object) -> Option<Workload> {
    let arn = text(object, "taskDefinitionArn")?;
    let containers = object.get("containerDefinitions")?.as_array()?;
    let (family, revision) = arn.rsplit_once(':')?;
    let name = text(object, "family").unwrap_or_else(|| family.to_owned());
    let mut one = Workload::new("aws_ecs_task", family, "task_definitions", &name)
        .acting_as("role", text(object, "taskRoleArn"))
        .acting_as("execution_role", text(object, "executionRoleArn"));
    one.revision = revision.parse().ok()?;
    for container in containers.iter().filter_map(Value::as_object) {
        let within = text(container, "name").unwrap_or_default();
        for (list, field) in [("environment", "value"), ("secrets", "valueFrom")] {
            let pairs = container
                .get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            for pair in pairs.filter_map(Value::as_object) {
                let (Some(name), Some(value)) =
                    (text(pair, "name"), pair.get(field).and_then(Value::as_str))
                else {
                    continue;
                };
                match list {
                    "secrets" => one.refers(&named(&within, &name), value),
                    _ => one.variable(&named(&within, &name), value),
                }
            }
        }
        let pull = container.get("repositoryCredentials");
        let pull = pull.and_then(|held| held.get("credentialsParameter")?.as_str());
        if let Some(place) = pull {
            one.refers(&named(&within, "(pulls its image)"), place);
        }
    }
    let revision = one.revision;
    Some(one.told(|told| told.is(Attribute::named("revision"), revision)))
}

/// A project of CodeBuild.
fn build(object: &Object) -> Option<Workload> {
    let arn = text(object, "arn")
        .filter(|arn| arn.contains(":codebuild:") && arn.contains(":project/"))?;
    let (name, role) = (text(object, "name")?, text(object, "serviceRole")?);
    let mut one = Workload::new("aws_codebuild_project", &arn, "build_projects", &name)
        .acting_as("role", Some(role));
    let variables = object
        .get("environment")
        .and_then(|held| held.get("environmentVariables"));
    let pairs = variables.and_then(Value::as_array).into_iter().flatten();
    for pair in pairs.filter_map(Value::as_object) {
        let (Some(name), Some(value)) = (
            text(pair, "name"),
            pair.get("value").and_then(Value::as_str),
        ) else {
            continue;
        };
        match text(pair, "type").as_deref() {
            Some("SECRETS_MANAGER" | "PARAMETER_STORE") => one.refers(&name, value),
            _ => one.variable(&name, value),
        }
    }
    let auth = object.get("source").and_then(|held| held.get("auth"));
    if let Some(place) = auth.and_then(|held| held.get("resource")?.as_str()) {
        one.refers("(fetches its source)", place);
    }
    Some(one.told(|told| {
        let fields = [("created", Attribute::CREATED_AT)];
        let told = told.told(
            Attribute::PURPOSE,
            Told::or_absent(text(object, "description")),
        );
        dated(told, object, &fields)
    }))
}

/// A model of SageMaker with the role it runs as.
fn model(object: &Object) -> Option<Workload> {
    let arn = text(object, "ModelArn").filter(|arn| arn.contains(":sagemaker:"))?;
    let (name, role) = (
        text(object, "ModelName")?,
        text(object, "ExecutionRoleArn")?,
    );
    let mut one =
        Workload::new("aws_sagemaker_model", &arn, "models", &name).acting_as("role", Some(role));
    let first = object.get("PrimaryContainer").into_iter();
    let more = object
        .get("Containers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for container in first.chain(more) {
        let within = container.get("ContainerHostname").and_then(Value::as_str);
        one = one.map(within.unwrap_or_default(), container.get("Environment"));
    }
    Some(one.told(|told| dated(told, object, &[("CreationTime", Attribute::CREATED_AT)])))
}

/// A notebook of SageMaker, through which people act as its role.
fn notebook(object: &Object) -> Option<Workload> {
    let arn = text(object, "NotebookInstanceArn").filter(|arn| arn.contains(":sagemaker:"))?;
    let (name, role) = (
        text(object, "NotebookInstanceName")?,
        text(object, "RoleArn")?,
    );
    let one = Workload::new("aws_sagemaker_notebook", &arn, "notebooks", &name)
        .acting_as("role", Some(role));
    Some(one.told(|told| {
        let told = match text(object, "NotebookInstanceStatus") {
            Some(state) => told.is(Attribute::STATUS, state.to_ascii_lowercase()),
            None => told,
        };
        dated(told, object, &[("CreationTime", Attribute::CREATED_AT)])
    }))
}

/// An instance of EC2 that has a profile: whoever is on it acts as the profile's role.
fn instance(object: &Object) -> Option<Workload> {
    let id = text(object, "InstanceId").filter(|id| id.starts_with("i-"))?;
    let profile = object.get("IamInstanceProfile")?.get("Arn")?.as_str()?;
    let tags = super::shape::tags(object.get("Tags"));
    let name = tags
        .get("Name")
        .filter(|name| !name.is_empty())
        .unwrap_or(&id);
    let native = native(&format!("instance/{id}"));
    let mut one = Workload::new("aws_ec2_instance", &native, "instances", name);
    one.profile = Some(profile.to_owned());
    // The zone begins with the region: `eu-west-1a`, `us-west-2-lax-1a`.
    let zone = object
        .get("Placement")
        .and_then(|held| held.get("AvailabilityZone")?.as_str());
    if let Some(region) = zone.and_then(region_of) {
        one.told.scope = within(&region, "instances");
    }
    let state = object
        .get("State")
        .and_then(|held| held.get("Name")?.as_str().map(str::to_owned));
    let metadata = object
        .get("MetadataOptions")
        .and_then(|held| held.get("HttpTokens")?.as_str());
    Some(one.told(|told| {
        let told = told
            .is(Attribute::named("instance_profile"), profile)
            .told(Attribute::STATUS, Told::or_cannot_tell(state));
        // `optional`: whoever can make the instance ask an address gets its role's credentials.
        let told = match metadata {
            Some(tokens) => told.is(Attribute::named("metadata_tokens"), tokens),
            None => told,
        };
        dated(told, object, &[("LaunchTime", Attribute::CREATED_AT)])
    }))
}

/// The region of a zone.
fn region_of(zone: &str) -> Option<String> {
    let mut parts = zone.split('-');
    let mut region = Vec::new();
    for part in parts.by_ref() {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            region.push(part.to_owned());
        } else {
            region.push(digits);
            return (region.len() >= 3).then(|| region.join("-"));
        }
    }
    None
}

/// An agent of Bedrock.
fn agent(object: &Object) -> Option<Workload> {
    let arn = text(object, "agentArn").filter(|arn| arn.contains(":bedrock:"))?;
    let name = text(object, "agentName").unwrap_or_else(|| arn.clone());
    let one = Workload::new("aws_bedrock_agent", &arn, "agents", &name)
        .acting_as("role", text(object, "agentResourceRoleArn"));
    Some(one.told(|told| {
        let mut told = told.concluded(
            Attribute::CLASS,
            model::Value::from(Class::Agentic),
            Confidence::Derived,
        );
        for (field, attribute) in [
            ("agentStatus", Attribute::STATUS),
            ("foundationModel", Attribute::named("model")),
            ("description", Attribute::PURPOSE),
        ] {
            if let Some(held) = text(object, field) {
                let small = attribute == Attribute::STATUS;
                told = told.is(
                    attribute,
                    if small {
                        held.to_ascii_lowercase()
                    } else {
                        held
                    },
                );
            }
        }
        dated(told, object, &[("createdAt", Attribute::CREATED_AT)])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_a_zone_is_told_of_local_zones_too() {
        for (zone, region) in [
            ("eu-west-1a", Some("eu-west-1")),
            ("us-west-2-lax-1a", Some("us-west-2")),
            ("us-gov-east-1b", Some("us-gov-east-1")),
            ("nowhere", None),
            ("", None),
        ] {
            assert_eq!(region_of(zone).as_deref(), region, "{zone}");
        }
    }
}
