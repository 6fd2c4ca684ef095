//! What is told of each resource, by its type.

use std::collections::BTreeMap;

use model::{Attribute, Class, CredentialType, Kind, Relation};
use serde_json::Value;

use super::reference;
use crate::formats::policy::Policy;
use crate::formats::seen::in_file;
use crate::formats::text::is_reference;
use crate::formats::{Found, Seen, Thing, policy, settings, tree};

/// Policies and names beyond these of one resource are not told.
const PARTS_MAX: usize = 100;

/// What a type is on the roll.
#[derive(Clone, Copy)]
enum What {
    Identity(Class),
    /// Its value is made when the template is deployed.
    Credential(CredentialType),
    /// A place for secrets, a key, a trust.
    Resource,
    Policy,
}

/// Types, what they are, and their name in other sources.
const TYPES: &[(&str, What, &str)] = &[
    (
        "AWS::IAM::User",
        What::Identity(Class::HumanOperated),
        "aws_iam_user",
    ),
    (
        "AWS::IAM::Group",
        What::Identity(Class::HumanOperated),
        "aws_iam_group",
    ),
    (
        "AWS::IAM::Role",
        What::Identity(Class::Workload),
        "aws_iam_role",
    ),
    (
        "AWS::IAM::InstanceProfile",
        What::Identity(Class::Workload),
        "aws_iam_instance_profile",
    ),
    (
        "AWS::Lambda::Function",
        What::Identity(Class::Workload),
        "aws_lambda_function",
    ),
    (
        "AWS::Serverless::Function",
        What::Identity(Class::Workload),
        "aws_lambda_function",
    ),
    (
        "AWS::ECS::TaskDefinition",
        What::Identity(Class::Workload),
        "aws_ecs_task_definition",
    ),
    (
        "AWS::CodeBuild::Project",
        What::Identity(Class::Integration),
        "aws_codebuild_project",
    ),
    (
        "AWS::IAM::AccessKey",
        What::Credential(CredentialType::AwsAccessKey),
        "aws_iam_access_key",
    ),
    (
        "AWS::ApiGateway::ApiKey",
        What::Credential(CredentialType::ApiToken),
        "aws_api_gateway_api_key",
    ),
    (
        "AWS::AppSync::ApiKey",
        What::Credential(CredentialType::ApiToken),
        "aws_appsync_api_key",
    ),
    (
        "AWS::Cognito::UserPoolClient",
        What::Credential(CredentialType::ApiToken),
        "aws_cognito_user_pool_client",
    ),
    (
        "AWS::EC2::KeyPair",
        What::Credential(CredentialType::SshAuthorizedKey),
        "aws_key_pair",
    ),
    (
        "AWS::SecretsManager::Secret",
        What::Resource,
        "aws_secretsmanager_secret",
    ),
    ("AWS::SSM::Parameter", What::Resource, "aws_ssm_parameter"),
    ("AWS::KMS::Key", What::Resource, "aws_kms_key"),
    (
        "AWS::IAM::OIDCProvider",
        What::Resource,
        "aws_iam_openid_connect_provider",
    ),
    (
        "AWS::IAM::SAMLProvider",
        What::Resource,
        "aws_iam_saml_provider",
    ),
    ("AWS::IAM::ManagedPolicy", What::Policy, "aws_iam_policy"),
    ("AWS::IAM::Policy", What::Policy, "aws_iam_policy"),
    ("AWS::IAM::UserPolicy", What::Policy, "aws_iam_policy"),
    ("AWS::IAM::RolePolicy", What::Policy, "aws_iam_policy"),
];

/// Members that name the identities behind a resource.
const BEHIND: &[&str] = &[
    "UserName",
    "Users",
    "Roles",
    "Groups",
    "Role",
    "TaskRoleArn",
    "ServiceRole",
    "RoleName",
    "IamInstanceProfile",
];

/// One resource of a template.
struct Resource<'a> {
    name: &'a str,
    properties: &'a Value,
    whole: &'a Value,
    type_: &'static str,
}

/// Tells of the resource `name` of the template `whole`, and of the secrets in it.
pub(super) fn read(name: &str, value: &Value, whole: &Value, seen: &mut Seen) {
    static NONE: Value = Value::Null;
    let said = tree::text(value, &["Type"]).unwrap_or_default();
    let known = TYPES.iter().find(|(type_, _, _)| *type_ == said);
    let one = Resource {
        name,
        properties: value.get("Properties").unwrap_or(&NONE),
        whole,
        type_: known.map_or("", |(_, _, type_)| type_),
    };
    let what = known.map(|(_, what, _)| *what);
    match what {
        Some(What::Identity(class)) => one.identity(class, seen),
        Some(What::Credential(kind)) => one.credential(kind, seen),
        Some(What::Resource) => {
            let rotates = one
                .properties
                .get("EnableKeyRotation")
                .and_then(Value::as_bool);
            let rotates = rotates.or_else(|| one.rotated());
            let thing = one.thing(Kind::Resource);
            seen.thing(thing.maybe(Attribute::named("rotation"), rotates));
        }
        Some(What::Policy) => one.policy(seen),
        None => {}
    }
    let identity = matches!(what, Some(What::Identity(_)));
    let field = one.field();
    let within = format!("{field}.Properties");
    let mut properties = one.properties.clone();
    one.stored(&mut properties, seen);
    settings::nested(&within, &properties, seen, |found| match identity {
        true => found.used_in_file_by(&field),
        false => found,
    });
}

impl Resource<'_> {
    fn field(&self) -> String {
        field(self.name)
    }

    /// What every resource says of itself.
    fn thing(&self, kind: Kind) -> Thing {
        let names = [
            "UserName",
            "RoleName",
            "GroupName",
            "Name",
            "FunctionName",
            "Family",
            "ManagedPolicyName",
            "Url",
        ];
        let name = names
            .iter()
            .find_map(|name| tree::text(self.properties, &[name]));
        let tags = self.tags();
        let of = |names: &[&str]| {
            let tag = tags
                .iter()
                .find(|(name, _)| names.contains(&name.to_ascii_lowercase().as_str()));
            tag.map(|(_, value)| value.clone())
        };
        let environment = of(&["environment", "env", "stage"]);
        let owner = of(&["owner", "team", "contact"]);
        let thing = Thing::new(kind, self.field(), self.type_)
            .is(Attribute::NAME, name.unwrap_or(self.name))
            .is(Attribute::PROVIDER, "aws")
            .maybe(Attribute::ENVIRONMENT, environment)
            .maybe(Attribute::OWNER_HINT, owner);
        if tags.is_empty() {
            thing
        } else {
            thing.is(Attribute::TAGS, tags)
        }
    }

    fn tags(&self) -> BTreeMap<String, String> {
        let list = tree::list(self.properties, &["Tags"]).iter();
        let listed =
            list.filter_map(|one| Some((tree::text(one, &["Key"])?, tree::text(one, &["Value"])?)));
        let table = tree::pairs(self.properties, &["Tags"]);
        listed
            .chain(table)
            .filter(|(_, value)| !value.is_empty() && !is_reference(value))
            .take(50)
            .map(|(name, value)| (model::shorten(name, 128), model::shorten(value, 256)))
            .collect()
    }

    /// The identities of this template behind the resource.
    fn behind(&self) -> Vec<String> {
        let mut out = Vec::new();
        for name in BEHIND {
            let value = self.properties.get(*name);
            let some = match value {
                Some(Value::Array(list)) => list.as_slice(),
                Some(one) => std::slice::from_ref(one),
                None => &[],
            };
            let named = some.iter().filter_map(reference::of).take(PARTS_MAX);
            out.extend(named.filter(|name| self.is_identity(name)).map(field));
        }
        out
    }

    fn is_identity(&self, name: &str) -> bool {
        let type_ = tree::text(self.whole, &["Resources", name, "Type"]);
        type_.is_some_and(|type_| {
            TYPES
                .iter()
                .any(|(known, what, _)| *known == type_ && matches!(what, What::Identity(_)))
        })
    }

    fn identity(&self, class: Class, seen: &mut Seen) {
        let mut thing = self.thing(Kind::Identity).is(Attribute::CLASS, class);
        for one in self.behind() {
            thing = thing.link(Relation::MemberOf, Kind::Identity, &one);
        }
        if let Some(document) = self.properties.get("AssumeRolePolicyDocument") {
            if let Some(trust) = policy::of(Some(document)) {
                thing = thing
                    .is(Attribute::TRUSTS, trust.principals)
                    .is(Attribute::named("federation"), trust.federated);
            }
            thing = policy::told(thing, document);
        }
        seen.thing(thing);
        for (n, inline) in tree::list(self.properties, &["Policies"])
            .iter()
            .take(PARTS_MAX)
            .enumerate()
        {
            if let Some(told) = policy::of(inline.get("PolicyDocument")) {
                let name = tree::text(inline, &["PolicyName"]).unwrap_or("inline");
                seen.thing(self.grant(&format!("policy {n}"), name, told));
            }
        }
        for arn in tree::texts(self.properties, &["ManagedPolicyArns"])
            .into_iter()
            .take(PARTS_MAX)
        {
            if !is_reference(arn) {
                let name = arn.rsplit('/').next().unwrap_or(arn);
                let told = Policy {
                    actions: vec![arn.to_owned()],
                    ..Policy::default()
                };
                seen.thing(self.grant(arn, name, told));
            }
        }
    }

    /// A right of this identity.
    fn grant(&self, at: &str, name: &str, told: Policy) -> Thing {
        let field = format!("{}.{at}", self.field());
        let admin = name == "AdministratorAccess" || told.actions.iter().any(|one| one == "*");
        Thing::new(Kind::Grant, field, "aws_iam_policy")
            .is(Attribute::NAME, name)
            .is(Attribute::PROVIDER, "aws")
            .is(Attribute::RIGHTS, told.actions)
            .maybe(Attribute::PRIVILEGE, admin.then_some("admin"))
            .link(Relation::Of, Kind::Identity, &self.field())
    }

    /// A policy of its own: a right of those it is attached to.
    fn policy(&self, seen: &mut Seen) {
        let mut thing = self.thing(Kind::Grant);
        if let Some(told) = policy::of(self.properties.get("PolicyDocument")) {
            let admin = told.actions.iter().any(|one| one == "*");
            thing = thing
                .is(Attribute::RIGHTS, told.actions)
                .maybe(Attribute::PRIVILEGE, admin.then_some("admin"));
        }
        for one in self.behind() {
            thing = thing.link(Relation::Of, Kind::Identity, &one);
        }
        seen.thing(thing);
    }

    fn credential(&self, kind: CredentialType, seen: &mut Seen) {
        // A client of a user pool has a secret only where it asks for one.
        if self.type_ == "aws_cognito_user_pool_client"
            && self
                .properties
                .get("GenerateSecret")
                .and_then(Value::as_bool)
                != Some(true)
        {
            return;
        }
        let status = tree::text(self.properties, &["Status"]).map(str::to_ascii_lowercase);
        let name = tree::text(self.properties, &["KeyName"]).unwrap_or(self.name);
        let mut found = Found::referenced(self.field(), name, "made when the template is deployed")
            .is(Attribute::TYPE, kind)
            .is(Attribute::PROVIDER, "aws")
            .maybe(Attribute::STATUS, status);
        for one in self.behind() {
            found = found.with(|told| told.link(Relation::Holder, Kind::Identity, in_file(&one)));
        }
        seen.found(found);
    }

    /// Whether something in the template rotates this secret.
    fn rotated(&self) -> Option<bool> {
        (self.type_ == "aws_secretsmanager_secret").then(|| {
            tree::members(self.whole, &["Resources"]).any(|(_, one)| {
                tree::text(one, &["Type"]) == Some("AWS::SecretsManager::RotationSchedule")
                    && one
                        .get("Properties")
                        .and_then(|it| it.get("SecretId"))
                        .and_then(reference::of)
                        == Some(self.name)
            })
        })
    }

    /// Values that are secret whatever they are called, taken out of `properties`.
    fn stored(&self, properties: &mut Value, seen: &mut Seen) {
        let secure = tree::text(properties, &["Type"]) != Some("StringList");
        let sounds = tree::text(properties, &["Name"])
            .and_then(settings::sounds)
            .is_some();
        let member = match self.type_ {
            "aws_secretsmanager_secret" => "SecretString",
            "aws_ssm_parameter" if secure && sounds => "Value",
            "aws_api_gateway_api_key" => "Value",
            _ => return,
        };
        let taken = properties
            .as_object_mut()
            .and_then(|table| table.remove(member));
        if let Some(Value::String(text)) = taken {
            let one = settings::Setting {
                name: member,
                field: format!("{}.{member}", self.field()),
                value: &text,
                stated: true,
            };
            let own = match serde_json::from_str::<Value>(&text) {
                Ok(inner @ Value::Object(_)) => {
                    let mut own = Seen::default();
                    settings::nested(&one.field, &inner, &mut own, |found| found);
                    own
                }
                _ => settings::read(&[one]),
            };
            let store = self.field();
            settings::adopt(own, seen, |found| {
                found.is(Attribute::named("secret_store"), store.as_str())
            });
        }
    }
}

fn field(name: &str) -> String {
    format!("Resources.{name}")
}
