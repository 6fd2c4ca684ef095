//! The reader against everything that looks a little like an answer of AWS.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::aws_iam::observe::observations;

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>().prop_map(|n| json!(n)),
        "[a-zA-Z0-9:/*#|_. -]{0,40}".prop_map(Value::String),
        "arn:aws:(iam|kms|acm|secretsmanager|ssm):[a-z-]{0,4}:[0-9]{0,12}:(user|role|policy|key|secret|parameter|group)[:/][a-zA-Z/*]{0,12}"
            .prop_map(Value::String),
        "(AKIA|AIDA|AROA|ASIA)[A-Z2-7]{0,20}".prop_map(Value::String),
        "20[0-9]{2}-0[1-9]-1[0-9]T10:00:00(Z|[+]00:00|)".prop_map(Value::String),
        "x{1,3000}".prop_map(Value::String),
    ]
}

fn member() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "UserName",
        "UserId",
        "Arn",
        "ARN",
        "RoleName",
        "RoleId",
        "CreateDate",
        "AccessKeyId",
        "Status",
        "GroupList",
        "GroupName",
        "AttachedManagedPolicies",
        "PolicyName",
        "PolicyArn",
        "UserPolicyList",
        "AssumeRolePolicyDocument",
        "Statement",
        "Principal",
        "Action",
        "Effect",
        "Resource",
        "RoleLastUsed",
        "KeyName",
        "KeyFingerprint",
        "KeyId",
        "Name",
        "Type",
        "VersionId",
        "SecretId",
        "SecretVersionsToStages",
        "ServerCertificateName",
        "CertificateArn",
        "MasterUsername",
        "DBInstanceIdentifier",
        "Endpoint",
        "Address",
        "Port",
        "Engine",
        "IdentityStoreId",
        "Content",
        "SummaryMap",
        "AccountAccessKeysPresent",
        "Account",
        "Tags",
        "SerialNumber",
        "EnableDate",
        "PasswordResetRequired",
        "SSHPublicKeyId",
        "GrantId",
        "GranteePrincipal",
        "LastUsedDate",
        "ServicesLastAccessed",
        "LastAuthenticatedEntity",
    ];
    prop_oneof![9 => proptest::sample::select(KNOWN).prop_map(str::to_owned), 1 => "[a-z]{1,6}"]
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 96, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((member(), inner), 0..9)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_reader_panic_or_name_two_things_alike(tree in tree()) {
        let mut account = Account::new("2026-01-01".parse().unwrap());
        account.take(&tree);
        let mut natives = BTreeSet::new();
        for one in observations(&mut account) {
            prop_assert!(!one.native.is_empty() && one.native.len() <= 1024, "{}", one.native);
            prop_assert!(one.keys.iter().all(|key| (1..=512).contains(&key.value.len())), "{one:?}");
            prop_assert!(natives.insert((one.kind, one.native.clone())), "twice: {}", one.native);
        }
    }
}

#[test]
fn times_come_in_every_form_that_aws_and_its_tools_print() {
    for (written, meant) in [
        (
            json!("2021-03-13T18:40:54+00:00"),
            Some("2021-03-13T18:40:54Z"),
        ),
        (
            json!("2021-03-13 18:40:54+00:00"),
            Some("2021-03-13T18:40:54Z"),
        ),
        (
            json!("2019-10-17T15:47:00.587000-06:00"),
            Some("2019-10-17T21:47:00.587Z"),
        ),
        (json!("2022-07-27T20:24:23"), Some("2022-07-27T20:24:23Z")),
        (
            json!("2020-03-19T23:29:12.214+0000"),
            Some("2020-03-19T23:29:12.214Z"),
        ),
        (json!(1_571_348_820.5), Some("2019-10-17T21:47:00.5Z")),
        (json!(null), None),
        (json!("N/A"), None),
        (json!(-1), None),
        (json!(1e300), None),
    ] {
        let read = time(Some(&written)).map(|at| at.to_string());
        assert_eq!(read.as_deref(), meant, "{written}");
    }
}

#[test]
fn an_id_that_two_claim_is_no_key_and_both_are_there() {
    let mut account = Account::new("2026-01-01".parse().unwrap());
    for name in ["a", "b"] {
        account.take(&json!({
            "RoleName": name, "RoleId": "AROAIOSFODNN7EXAMPLE1",
            "Arn": format!("arn:aws:iam::111122223333:role/{name}"), "CreateDate": "2024-01-01T00:00:00Z"
        }));
    }
    let told = observations(&mut account);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|one| one.keys.is_empty()));
}

#[test]
fn a_name_without_an_arn_is_the_one_user_of_that_name_and_never_one_of_two() {
    let key = json!({"AccessKeyMetadata": [{"UserName": "ann", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Active"}]});
    for (accounts, holders) in [
        (vec!["111122223333"], 1),
        (vec!["111122223333", "444455556666"], 0),
    ] {
        let mut account = Account::new("2026-01-01".parse().unwrap());
        account.take(&key);
        for number in &accounts {
            let id = format!("AIDA{number}EXAMPL");
            account.take(&json!({"UserName": "ann", "UserId": id, "Arn": format!("arn:aws:iam::{number}:user/ann")}));
        }
        let told = observations(&mut account);
        assert_eq!(
            told.iter()
                .filter(|one| one.kind == model::Kind::Identity)
                .count(),
            accounts.len()
        );
        let key = told
            .iter()
            .find(|one| one.native == "AKIAIOSFODNN7EXAMPLE")
            .unwrap();
        assert_eq!(key.links.len(), holders);
    }
}
