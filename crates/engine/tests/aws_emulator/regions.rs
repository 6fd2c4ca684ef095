//! What lies in the regions of emulated accounts, and who works with it.

use connectors::Request;
use model::{Attribute, Kind, Observation, Reason, Relation, Target, Told, Value};
use serde_json::json;

use crate::account::{Account, Pass};
use crate::discovery::{ADMIN, TRUST, text};

/// A function that does nothing, packed: AWS's interface wants one.
const CODE: &str = "UEsDBBQAAAAAAAAAIVDGfhOnDgAAAA4AAAAEAAAAYS5weWRlZiBoKGUsYyk6IDAKUEsBAhQDFAAAAAAAAAAhUMZ+E6cOAAAADgAAAAQAAAAAAAAAAAAAAIABAAAAAGEucHlQSwUGAAAAAAEAAQAyAAAAMAAAAAAA";

fn links(one: &Observation, relation: Relation) -> Vec<&str> {
    let links = one.links.iter().filter(|link| link.relation == relation);
    links
        .filter_map(|link| match &link.to {
            Target::Native { native, .. } => Some(native.as_str()),
            Target::Bearer { .. } => None,
        })
        .collect()
}

/// The one thing of `type_` whose name or native id holds `mark`.
fn one<'a>(pass: &'a Pass, kind: Kind, type_: &str, mark: &str) -> &'a Observation {
    let found = pass.seen.iter().find(|one| {
        one.kind == kind
            && text(one, &Attribute::TYPE) == Some(type_)
            && (one.native.contains(mark) || text(one, &Attribute::NAME) == Some(mark))
    });
    found.unwrap_or_else(|| panic!("no {type_} with {mark}: {:?}", pass.gaps))
}

/// A role, a secret and a parameter in `region`, and a function that is given all of them.
struct Shop {
    mark: String,
    secret: String,
}

impl Shop {
    fn open(account: &Account, region: &str) -> Self {
        let mark = testkit::fresh_name("shop").replace('_', "-");
        account.iam(
            "CreateRole",
            &[("RoleName", &mark), ("AssumeRolePolicyDocument", TRUST)],
        );
        account.iam(
            "PutRolePolicy",
            &[
                ("RoleName", &mark),
                ("PolicyName", "work"),
                ("PolicyDocument", ADMIN),
            ],
        );
        let kept = account.json(
            Request::json(
                "secretsmanager",
                &[],
                "secretsmanager.CreateSecret",
                json!({"Name": mark, "SecretString": "kept-in-aws-0815", "ClientRequestToken": "11111111-2222-3333-4444-555555555555"}),
            )
            .within(region),
        );
        account.json(
            Request::json(
                "ssm",
                &[],
                "AmazonSSM.PutParameter",
                json!({"Name": format!("/{mark}/key"), "Value": "also-kept-4711", "Type": "SecureString"}),
            )
            .within(region),
        );
        let secret = kept["ARN"].as_str().unwrap().to_owned();
        let role = format!("arn:aws:iam::{}:role/{mark}", account.number);
        account.json(
            Request::json(
                "lambda",
                &["2015-03-31", "functions"],
                "",
                json!({
                    "FunctionName": mark, "Runtime": "python3.12", "Role": role, "Handler": "a.h",
                    "Code": {"ZipFile": CODE},
                    "Environment": {"Variables": {
                        "DB_SECRET": secret, "API_TOKEN": "tok-9Zk3mmQ81xWv", "STAGE": "prod"
                    }},
                }),
            )
            .within(region),
        );
        Self { mark, secret }
    }
}

fn a_secret_leads_over_its_function_to_a_role_and_its_grants(endpoint: String) {
    let mut account = Account::at(endpoint);
    account
        .options
        .insert("regions".to_owned(), "us-east-1,eu-west-1".to_owned());
    let region = "eu-west-1";
    let shop = Shop::open(&account, region);
    let pass = account.discover();
    let mark = shop.mark.as_str();
    let function = one(&pass, Kind::Identity, "aws_lambda_function", mark);
    assert_eq!(function.scope.0, ["regions", region, "functions"]);
    let variables = function.fact(&Attribute::named("secrets_in_env"));
    assert_eq!(
        variables,
        Told::Is(&Value::from(vec!["API_TOKEN".to_owned()]))
    );

    // Storage, consumer, identity, permission: each step is a link.
    let secret = one(&pass, Kind::Credential, "aws_secret", &shop.secret);
    assert_eq!(links(secret, Relation::UsedBy), [function.native.as_str()]);
    let role = one(&pass, Kind::Identity, "aws_iam_role", mark);
    assert_eq!(links(function, Relation::MemberOf), [role.native.as_str()]);
    let grant = pass
        .seen
        .iter()
        .find(|one| one.kind == Kind::Grant && links(one, Relation::Of) == [role.native.as_str()]);
    assert_eq!(text(grant.unwrap(), &Attribute::NAME), Some("work"));

    // What stands in a variable is a credential by its fingerprint, and its value is nowhere.
    let written = one(&pass, Kind::Credential, "api_token", mark);
    assert_eq!(text(written, &Attribute::NAME), Some("API_TOKEN"));
    assert_eq!(links(written, Relation::UsedBy), [function.native.as_str()]);
    let all = serde_json::to_string(&pass.seen).unwrap();
    for value in ["tok-9Zk3mmQ81xWv", "kept-in-aws-0815", "also-kept-4711"] {
        assert!(!all.contains(value), "{value}");
    }
    let parameter = format!("/{mark}/key");
    one(&pass, Kind::Resource, "aws_ssm_parameter", &parameter);
    // Nothing else was to be read, and the pass says so once.
    let elsewhere = pass.gaps.iter().filter(|gap| gap.scope.0 == ["regions"]);
    assert_eq!(elsewhere.count(), 1, "{:?}", pass.gaps);
}

#[test]
fn emulator_ministack_a_secret_leads_over_its_function_to_a_role_and_its_grants() {
    if let Some(endpoint) = testkit::ministack() {
        a_secret_leads_over_its_function_to_a_role_and_its_grants(endpoint);
    }
}

#[test]
fn emulator_moto_a_secret_leads_over_its_function_to_a_role_and_its_grants() {
    if let Some(endpoint) = testkit::moto() {
        a_secret_leads_over_its_function_to_a_role_and_its_grants(endpoint);
    }
}

/// Without a word all regions that are switched on are read, and a region that is not is no gap.
#[test]
fn emulator_moto_all_regions_are_read_that_are_switched_on() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let mut account = Account::at(endpoint);
    let far = Shop::open(&account, "sa-east-1");
    account.options.remove("regions");
    let pass = account.discover();
    let function = one(&pass, Kind::Identity, "aws_lambda_function", &far.mark);
    assert_eq!(function.scope.0[1], "sa-east-1");
    let off = |gap: &&model::Gap| gap.scope.0.iter().any(|part| part == "ap-east-1");
    assert_eq!(pass.gaps.iter().find(off), None);
    let all = |gap: &&model::Gap| gap.scope.0 == ["regions"];
    assert_eq!(pass.gaps.iter().find(all), None);
}

/// A key and who may use it, as a key of the account tells it.
#[test]
fn emulator_moto_a_grant_on_a_key_names_the_role_that_has_it() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let account = Account::at(endpoint);
    let mark = testkit::fresh_name("sealed").replace('_', "-");
    account.iam(
        "CreateRole",
        &[("RoleName", &mark), ("AssumeRolePolicyDocument", TRUST)],
    );
    let asked = |operation: &str, body| {
        let request = Request::json("kms", &[], &format!("TrentService.{operation}"), body);
        account.json(request.within("us-east-1"))
    };
    let key = asked("CreateKey", json!({"Description": mark}));
    let id = key["KeyMetadata"]["KeyId"].as_str().unwrap();
    let role = format!("arn:aws:iam::{}:role/{mark}", account.number);
    let grant = json!({"KeyId": id, "GranteePrincipal": role, "Operations": ["Decrypt"]});
    let grant = asked("CreateGrant", grant);
    let pass = account.discover();
    let found = one(
        &pass,
        Kind::Grant,
        "aws_kms_grant",
        grant["GrantId"].as_str().unwrap(),
    );
    let role = one(&pass, Kind::Identity, "aws_iam_role", &mark);
    assert_eq!(links(found, Relation::Of), [role.native.as_str()]);
    assert_eq!(
        text(
            one(&pass, Kind::Resource, "aws_kms_key", id),
            &Attribute::PURPOSE
        ),
        Some(mark.as_str())
    );
}

/// Whoever may read IAM alone has IAM on the roll, and each right that lacks in a gap.
#[test]
fn emulator_ministack_a_part_of_the_rights_gives_a_part_of_the_roll_and_names_the_rest() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("auditor");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","sts:*","kms:*","ec2:*"],"Resource":"*"}]}"#;
    let key = account.user(&name, policy);
    let pass = account.discover_as(&key);
    one(&pass, Kind::Identity, "aws_iam_user", &name);
    for right in [
        "secretsmanager:ListSecrets",
        "ssm:DescribeParameters",
        "lambda:ListFunctions",
        "ecs:ListTaskDefinitionFamilies",
    ] {
        let gap = pass
            .gaps
            .iter()
            .find(|gap| gap.needs.as_deref() == Some(right));
        let gap = gap.unwrap_or_else(|| panic!("{right}: {:?}", pass.gaps));
        assert_eq!(gap.reason, Reason::Denied);
    }
    let keys = pass
        .gaps
        .iter()
        .filter(|gap| gap.scope.0.contains(&"kms_keys".to_owned()));
    assert_eq!(keys.count(), 0);
}

/// A key that does not exist lacks no permission, so none is named.
#[test]
fn emulator_ministack_an_unknown_key_is_told_so_and_asks_for_no_permission() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let key = crate::account::KeyPair {
        id: "AKIAQZZZZZZZZZZZZZZZ".to_owned(),
        secret: "x".repeat(40),
    };
    let pass = account.discover_as(&key);
    assert!(pass.seen.is_empty(), "{:?}", pass.seen);
    let known = pass
        .gaps
        .iter()
        .find(|gap| gap.told.contains("does not know these credentials"));
    assert!(known.is_some(), "{:?}", pass.gaps);
    assert!(
        pass.gaps.iter().all(|gap| gap.needs.is_none()),
        "{:?}",
        pass.gaps
    );
}

/// The policy that is printed, but for one right.
#[test]
fn emulator_ministack_the_one_right_that_lacks_is_named_before_anything_is_read() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let wanted = connectors::connector("aws_iam").unwrap().spec();
    let wanted = wanted.needs_to_discover.iter();
    for lacking in [
        "secretsmanager:ListSecrets",
        "iam:ListRoles",
        "kms:ListGrants",
    ] {
        let given: Vec<_> = wanted.clone().filter(|right| **right != lacking).collect();
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": given, "Resource": "*"}
        ]});
        let key = account.user(&testkit::fresh_name("nearly"), &policy.to_string());
        let rights = account.rights_of(&key);
        let denied = rights.iter().filter(|one| one.given == Some(false));
        let denied: Vec<_> = denied.map(|one| one.name.as_str()).collect();
        assert_eq!(denied, [lacking]);
        // What this emulator does not know cannot be told, and is not called given.
        let told = rights.iter().filter(|one| one.given == Some(true)).count();
        assert!(told > 35, "{rights:?}");
    }
}
