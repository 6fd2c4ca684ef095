//! CloudFormation and SAM templates, and what CDK makes of an application (AWS CloudFormation
//! User Guide, "Template reference"). YAML or JSON.
//!
//! Users, roles, groups and functions are identities; access keys and API keys are credentials by
//! reference, because their values are made when the template is deployed; secrets, parameters,
//! keys and identity providers are resources; policies are grants. A role tells whom it `trusts`
//! and, where nothing in it is filled in later, its trust `policy`. A parameter that is never
//! shown (`NoEcho`) is a credential by reference, and a secret where it has a default.

mod reference;
mod resource;

use model::{Attribute, CredentialType};
use serde_json::Value;

use super::text::{is_placeholder, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, settings, tree};
use crate::armour;

/// So much of a file of any name is looked at.
const HEAD_BYTES: usize = 8192;
/// More resources or parameters than this in one template are not looked at.
const RESOURCES_MAX: usize = 2_000;

pub(super) struct Cloudformation;

impl Format for Cloudformation {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "cloudformation",
            reads: "users, roles, keys, secrets and parameters in templates of CloudFormation, SAM and CDK",
            places: &[
                "template.yaml",
                "*.template.json",
                "cdk.out/*.template.json",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        name.ends_with(".template.json") && path.contains("/cdk.out/")
    }

    fn marks(&self) -> &'static [&'static str] {
        &["AWSTemplateFormatVersion", "AWS::"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        let has = |word: &[u8]| armour::find(head, word).is_some();
        has(b"AWSTemplateFormatVersion")
            || has(b"AWS::Serverless")
            || has(b"Resources") && (has(b"Type: AWS::") || has(b"\"Type\": \"AWS::"))
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        let Some(value) = (if text.trim_start().starts_with('{') {
            tree::json(file, seen)
        } else {
            let plain = reference::marked(text);
            tree::documents(&plain, 1, seen).into_iter().next()
        }) else {
            return;
        };
        if value.get("Resources").is_none_or(|all| !all.is_object()) {
            return;
        }
        for (name, parameter) in tree::members(&value, &["Parameters"]).take(RESOURCES_MAX) {
            read_parameter(name, parameter, seen);
        }
        let count = tree::members(&value, &["Resources"]).count();
        if count > RESOURCES_MAX {
            seen.unsupported(format!(
                "declares more than {RESOURCES_MAX} resources; the rest was not read"
            ));
        }
        for (name, one) in tree::members(&value, &["Resources"]).take(RESOURCES_MAX) {
            resource::read(name, one, &value, seen);
        }
        for part in ["Globals", "Mappings", "Outputs"] {
            if let Some(value) = value.get(part) {
                settings::nested(part, value, seen, |found| found);
            }
        }
        settings::locate(seen, file.bytes);
    }
}

/// A parameter: one that is never shown holds a secret.
fn read_parameter(name: &str, value: &Value, seen: &mut Seen) {
    let hidden = match value.get("NoEcho") {
        Some(Value::Bool(hidden)) => *hidden,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let field = format!("Parameters.{name}");
    let default = tree::text(value, &["Default"]).filter(|text| !is_placeholder(text));
    // It names a parameter or a secret of the account, and is replaced before the template runs.
    let fetched = tree::text(value, &["Type"]).is_some_and(|one| one.starts_with("AWS::SSM"));
    match default.filter(|_| !fetched) {
        Some(text) if hidden => {
            let kind = match settings::sounds(name) {
                Some(kind) => kind,
                None => CredentialType::ApiToken,
            };
            let found = Found::secret(kind, field, secret(text));
            seen.found(found.is(Attribute::PURPOSE, "default of a hidden parameter"));
        }
        Some(text) => {
            let table = serde_json::json!({ name: text });
            settings::nested("Parameters", &table, seen, |found| found);
        }
        None if hidden => {
            seen.found(Found::referenced(
                field,
                name,
                "whoever deploys the template",
            ));
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(String, bool)> {
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/t/template.yaml",
            bytes: text.as_bytes(),
        };
        assert!(Cloudformation.contained_in(file.bytes));
        Cloudformation.read(&file, &mut seen);
        let found = seen.found.into_iter();
        found
            .map(|one| (one.field.clone(), one.secret.is_some()))
            .collect()
    }

    #[test]
    fn what_is_filled_in_when_the_template_is_deployed_is_no_secret() {
        let text = "AWSTemplateFormatVersion: 2010-09-09\nParameters:\n  Pw: {Type: String, NoEcho: true}\n  Ssm: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/password, NoEcho: true}\nResources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties:\n      MasterUsername: admin\n      MasterUserPassword: !Ref DatabasePassword\n  Other:\n    Type: AWS::RDS::DBInstance\n    Properties:\n      MasterUserPassword: '{{resolve:secretsmanager:shop:SecretString:password}}'\n";
        let none = |field: &str| (field.to_owned(), false);
        assert_eq!(
            fields(text),
            [none("Parameters.Pw"), none("Parameters.Ssm")]
        );
    }
}
