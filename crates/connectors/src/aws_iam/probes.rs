//! Which rights somebody has: each is tried by one question that reads as little as it can.
//!
//! AWS decides whether somebody may ask before it looks for what was asked about, so a question
//! about a thing that does not exist is denied to whoever lacks the right.

use model::Reason;
use serde_json::{Value, json};

use super::ask::{answer, iam, needed, result, sts};
use super::lists::{Ask, LISTS};
use super::organization;
use crate::{Context, Refusal, Request, Right, Stop};

/// A name that nothing bears.
const NOBODY: &str = "keyroll-asks-for-its-rights";

/// An id that nothing has.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Rights of IAM, with what is asked for beside the action.
const IAM: &[(&str, &[(&str, &str)])] = &[
    ("GetAccountAuthorizationDetails", &[("MaxItems", "1")]),
    ("GetAccountSummary", &[]),
    ("ListAccountAliases", &[]),
    ("GenerateCredentialReport", &[]),
    ("GetCredentialReport", &[]),
    ("ListUsers", &[("MaxItems", "1")]),
    ("ListRoles", &[("MaxItems", "1")]),
    ("ListGroups", &[("MaxItems", "1")]),
    ("GetRole", &[("RoleName", NOBODY)]),
    ("ListGroupsForUser", &[("UserName", NOBODY)]),
    ("ListAttachedUserPolicies", &[("UserName", NOBODY)]),
    ("ListUserPolicies", &[("UserName", NOBODY)]),
    ("ListAttachedRolePolicies", &[("RoleName", NOBODY)]),
    ("ListRolePolicies", &[("RoleName", NOBODY)]),
    ("ListAccessKeys", &[("UserName", NOBODY)]),
    (
        "GetAccessKeyLastUsed",
        &[("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")],
    ),
    ("GetLoginProfile", &[("UserName", NOBODY)]),
    ("ListMFADevices", &[("UserName", NOBODY)]),
    ("ListSSHPublicKeys", &[("UserName", NOBODY)]),
    ("ListServerCertificates", &[("MaxItems", "1")]),
    ("ListInstanceProfiles", &[("MaxItems", "1")]),
    ("ListSAMLProviders", &[]),
    ("ListOpenIDConnectProviders", &[]),
    (
        "ListServiceSpecificCredentials",
        &[("AllUsers", "true"), ("MaxItems", "1")],
    ),
];

/// Tries every right that discovery wants, in the source's own region.
pub(super) fn rights(cx: &mut Context<'_>) -> Result<Vec<Right>, Stop> {
    let mut found = Vec::new();
    let caller = result(cx, sts("GetCallerIdentity"));
    let of_caller = |name: &str| {
        let told = caller.as_ref().ok()?.get(name)?.as_str()?;
        Some(told.to_owned())
    };
    let account = of_caller("Account").unwrap_or_else(|| "000000000000".to_owned());
    let caller_arn = of_caller("Arn").unwrap_or_default();
    judge(&mut found, "sts:GetCallerIdentity", caller)?;
    for (action, with) in IAM {
        let asked = result(cx, iam(action, with));
        judge(&mut found, &format!("iam:{action}"), asked)?;
    }
    let role = caller_arn.split(':').nth(1).unwrap_or("aws");
    let role = format!("arn:{role}:iam::{account}:role/{NOBODY}");
    for (action, name, held) in [
        ("GenerateServiceLastAccessedDetails", "Arn", role.as_str()),
        ("GetServiceLastAccessedDetails", "JobId", NO_ID),
    ] {
        let asked = result(cx, iam(action, &[(name, held)]));
        judge(&mut found, &format!("iam:{action}"), asked)?;
    }
    let regions = Request::form(
        "ec2",
        &[("Action", "DescribeRegions"), ("Version", "2016-11-15")],
    );
    judge(&mut found, "ec2:DescribeRegions", answer(cx, regions))?;
    for list in LISTS {
        ask(cx, &mut found, &list.ask, None)?;
        for detail in list.details {
            let nobody = nobody(detail.called, detail.ask.service, &account);
            ask(cx, &mut found, &detail.ask, Some((detail.called, &nobody)))?;
        }
    }
    organization::rights(cx, &mut found)?;
    Ok(found)
}

fn ask(
    cx: &mut Context<'_>,
    found: &mut Vec<Right>,
    ask: &Ask,
    named: Option<(&str, &Value)>,
) -> Result<(), Stop> {
    let asked = answer(cx, ask.request("", named));
    judge(found, ask.right, asked)
}

/// What a question about one thing is called by that asks about none. AWS checks the form of a name
/// before it checks the right.
fn nobody(called: &str, service: &str, account: &str) -> Value {
    let id = NO_ID;
    match (service, called) {
        ("acm", _) => json!(format!("arn:aws:acm:us-east-1:{account}:certificate/{id}")),
        ("acm-pca", _) => json!(format!(
            "arn:aws:acm-pca:us-east-1:{account}:certificate-authority/{id}"
        )),
        ("kms", _) => json!(id),
        ("bedrock-agent", _) => json!("AAAAAAAAAA"),
        (_, "names") => json!([NOBODY]),
        _ => json!(NOBODY),
    }
}

/// What an answer says of a right: whatever is no denial was decided after it.
pub(super) fn judge(
    found: &mut Vec<Right>,
    name: &str,
    asked: Result<Value, Refusal>,
) -> Result<(), Stop> {
    let (given, told) = match asked {
        Ok(_) => (Some(true), String::new()),
        Err(refusal) if refusal.stop => return Err(Stop),
        Err(refusal) => {
            let given = match refusal.reason {
                Reason::Denied if needed(&refusal, name).is_some() => Some(false),
                // Something answered that knows the operation and denies nothing.
                Reason::Failed if is_after_the_right(&refusal.code) => Some(true),
                _ => None,
            };
            let told = match given {
                Some(true) => String::new(),
                _ => refusal.told,
            };
            (given, told)
        }
    };
    found.push(Right {
        name: name.to_owned(),
        given,
        told,
    });
    Ok(())
}

/// Codes of refusals that come after it was decided that somebody may ask.
fn is_after_the_right(code: &str) -> bool {
    const CODES: [&str; 14] = [
        "NoSuchEntity",
        "NotFoundException",
        "ResourceNotFoundException",
        "ResourceNotFound",
        "ClientException",
        "InvalidStateException",
        "ReportNotPresent",
        "ReportExpired",
        "ReportInProgress",
        "ValidationException",
        "AWSOrganizationsNotInUseException",
        "PolicyTypeNotEnabledException",
        "PolicyNotFoundException",
        "InvalidInputException",
    ];
    CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Connector;

    #[test]
    fn every_right_that_is_declared_is_tried() {
        let tried = IAM.iter().map(|(action, _)| format!("iam:{action}"));
        let details = LISTS.iter().flat_map(|list| list.details);
        let details = details.map(|detail| detail.ask.right.to_owned());
        let lists = LISTS.iter().map(|list| list.ask.right.to_owned());
        let first = [
            "sts:GetCallerIdentity",
            "iam:GenerateServiceLastAccessedDetails",
            "iam:GetServiceLastAccessedDetails",
            "ec2:DescribeRegions",
        ];
        let first = first.iter().map(|right| (*right).to_owned());
        let managing = organization::TRIED.iter();
        let first = first.chain(managing.map(|(ask, _)| ask.right.to_owned()));
        let mut tried: Vec<_> = first.chain(tried).chain(lists).chain(details).collect();
        let spec = super::super::AwsIam.spec();
        let mut declared: Vec<_> = spec
            .needs_to_discover
            .iter()
            .map(ToString::to_string)
            .collect();
        tried.sort();
        declared.sort();
        assert_eq!(tried, declared);
    }
}
