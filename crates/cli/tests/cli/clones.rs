//! Identities that are cloned across environments, through the whole command. Accounts of AWS are
//! told by what `aws iam get-account-authorization-details` prints, made by hand.

use serde_json::{Value, json};

use crate::world::World;

/// What one account prints: a role in an environment that takes on a pipeline with that subject.
fn account(number: &str, environment: &str, role: &str, subject: &str, policy: &str) -> Value {
    let issuer = "token.actions.githubusercontent.com";
    json!({"RoleDetailList": [{
        "Path": "/", "RoleName": role, "RoleId": format!("AROAQ3EGWHX5JK{}", &number[..7]),
        "Arn": format!("arn:aws:iam::{number}:role/{role}"), "CreateDate": "2026-01-05T10:00:00+00:00",
        "Tags": [{"Key": "environment", "Value": environment}],
        "AttachedManagedPolicies": [{
            "PolicyName": policy, "PolicyArn": format!("arn:aws:iam::{number}:policy/{policy}"),
        }],
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": format!("arn:aws:iam::{number}:oidc-provider/{issuer}")},
            "Condition": {"StringEquals": {
                format!("{issuer}:aud"): "sts.amazonaws.com", format!("{issuer}:sub"): subject,
            }},
        }]},
    }], "UserDetailList": [], "GroupDetailList": [], "Policies": []})
}

/// The findings of the rule, of any verdict, when these two accounts are read.
fn found(production: &Value, development: &Value) -> Vec<Value> {
    let mut world = World::new();
    world.real_time();
    world.file("prod/details.json", &production.to_string());
    world.file("dev/details.json", &development.to_string());
    for dir in ["prod", "dev"] {
        let export = format!("export:{}", world.path(dir).display());
        world.get(&["scan", &export]);
    }
    let told = world.get(&["findings", "--rule", "cloned-identity", "-o", "json"]);
    serde_json::from_str(&told).unwrap()
}

#[test]
fn recording_a_role_that_the_pipeline_of_production_may_take_on_is_found_in_development() {
    let subject = "repo:acme/shop:ref:refs/heads/main";
    let production = account(
        "222222222222",
        "Production",
        "deploy-prod",
        subject,
        "shop-prod",
    );
    let development = account("111111111111", "dev", "deploy-dev", subject, "shop-dev");
    let told = found(&production, &development);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["name"], &told[0]["verdict"]),
        (&json!("deploy-dev"), &json!("fail"))
    );
    let why = told[0]["why"].as_str().unwrap();
    assert!(
        why.contains("deploy-prod in prod") && why.contains(subject),
        "{:?}",
        told[0]
    );
}

#[test]
fn recording_a_role_of_its_own_environment_is_no_clone_whatever_its_name() {
    let of = |environment: &str| format!("repo:acme/shop:environment:{environment}");
    let production = account(
        "222222222222",
        "prod",
        "deploy-prod",
        &of("prod"),
        "shop-prod",
    );
    let development = account("111111111111", "dev", "deploy-dev", &of("dev"), "shop-dev");
    assert!(found(&production, &development).is_empty());
    // The same rights are enough.
    let same = account("111111111111", "dev", "deploy-dev", &of("dev"), "shop-prod");
    assert_eq!(found(&production, &same).len(), 1);
    // Nobody says of which environment the other one is.
    let mut silent = production;
    silent["RoleDetailList"][0]["Tags"] = json!([]);
    assert!(found(&silent, &same).is_empty());
}
