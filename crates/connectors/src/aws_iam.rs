//! AWS IAM, live: users, roles, the root account, access keys and what else opens an account.
//!
//! Source: IAM API Reference (2010-05-08), STS API Reference (2011-06-15). The main reader is
//! `GetAccountAuthorizationDetails`; where it is refused, the lists are read one by one. An
//! emulated account says so by the source's option `kind=emulator`, which evidence repeats.

mod accessed;
pub(crate) mod account;
mod ahead;
mod ask;
mod credentials;
pub(crate) mod handed;
mod judge;
mod lists;
pub(crate) mod observe;
pub(crate) mod organization;
pub(crate) mod policy;
mod principals;
mod probes;
mod regions;
pub(crate) mod report;
mod revoke;
mod rights;
mod services;
mod shape;
mod trusts;
mod workloads;
pub(crate) mod xml;

use std::collections::BTreeSet;

use model::{Reason, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Connector, Context, Login, PortKind, Refusal, Revoker, Right, Spec, Stop};
use account::Account;
use ask::{gap, iam, needed, pages, result, sts};

/// AWS IAM, live.
pub(crate) struct AwsIam;

/// The part of the journal that an account is without its regions.
const ITSELF: &str = "account";

/// The report is made while one waits; the first call starts it, later ones say how far it is.
const REPORT_TRIES: usize = 4;

/// What the questions want, in their order.
const NEEDS_TO_DISCOVER: &[&str] = &[
    "sts:GetCallerIdentity",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetAccountSummary",
    "iam:ListAccountAliases",
    "iam:GenerateCredentialReport",
    "iam:GetCredentialReport",
    "iam:ListUsers",
    "iam:ListRoles",
    "iam:ListGroups",
    "iam:GetRole",
    "iam:ListGroupsForUser",
    "iam:ListAttachedUserPolicies",
    "iam:ListUserPolicies",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:ListAccessKeys",
    "iam:GetAccessKeyLastUsed",
    "iam:GetLoginProfile",
    "iam:ListMFADevices",
    "iam:ListSSHPublicKeys",
    "iam:ListServerCertificates",
    "iam:ListInstanceProfiles",
    "iam:ListSAMLProviders",
    "iam:ListOpenIDConnectProviders",
    "iam:ListServiceSpecificCredentials",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GetServiceLastAccessedDetails",
    "organizations:DescribeOrganization",
    "organizations:ListPolicies",
    "organizations:DescribePolicy",
    "organizations:ListTargetsForPolicy",
    "organizations:ListDelegatedAdministrators",
    "organizations:ListDelegatedServicesForAccount",
    "sso:ListInstances",
    "sso:ListPermissionSets",
    "sso:DescribePermissionSet",
    "sso:ListAccountsForProvisionedPermissionSet",
    "sso:ListAccountAssignments",
    "ec2:DescribeRegions",
    "secretsmanager:ListSecrets",
    "ssm:DescribeParameters",
    "acm:ListCertificates",
    "acm:DescribeCertificate",
    "acm:GetCertificate",
    "acm-pca:ListCertificateAuthorities",
    "acm-pca:GetCertificateAuthorityCertificate",
    "acm-pca:ListPermissions",
    "acm-pca:GetPolicy",
    "kms:ListKeys",
    "kms:DescribeKey",
    "kms:ListGrants",
    "lambda:ListFunctions",
    "ecs:ListTaskDefinitionFamilies",
    "ecs:DescribeTaskDefinition",
    "codebuild:ListProjects",
    "codebuild:BatchGetProjects",
    "codebuild:ListSourceCredentials",
    "sagemaker:ListModels",
    "sagemaker:DescribeModel",
    "sagemaker:ListNotebookInstances",
    "sagemaker:DescribeNotebookInstance",
    "ec2:DescribeInstances",
    "rolesanywhere:ListTrustAnchors",
    "rolesanywhere:ListProfiles",
    "iot:ListCertificates",
    "bedrock:ListAgents",
    "bedrock:GetAgent",
];

impl Connector for AwsIam {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "aws_iam",
            reads: "users, roles, keys, secrets, certificates and what runs in an AWS account, in all regions",
            named: "aws or aws:PROFILE",
            target: "a profile of the usual credential chain; the account answers for itself",
            port: PortKind::Http(Login::Aws),
            needs_to_discover: NEEDS_TO_DISCOVER,
            needs_to_act: &[
                "sts:GetCallerIdentity",
                "iam:ListAccessKeys",
                "iam:GetUserPolicy",
                "iam:PutUserPolicy",
                "iam:UpdateAccessKey",
                "iam:DeleteAccessKey",
            ],
            scopes: &[
                "part of the account, or `regions`",
                "user, or region",
                "part of the region",
            ],
        }
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        // Everybody may ask who he is: where AWS does not say it, no permission would help.
        let identity = result(cx, sts("GetCallerIdentity")).map_err(|refusal| Refusal {
            reason: match refusal.reason {
                Reason::Denied if needed(&refusal, "").is_none() => Reason::Failed,
                reason => reason,
            },
            ..refusal
        })?;
        match identity.get("Account").and_then(Value::as_str) {
            Some(number) if account::is_account(number) => Ok(number.to_owned()),
            _ => Err(Refusal::new(
                Reason::Failed,
                "expected an account number of twelve digits, got none",
            )),
        }
    }

    fn rights(&self, cx: &mut Context<'_>) -> Result<Vec<Right>, Stop> {
        probes::rights(cx)
    }

    fn revoker(&self) -> Option<&'static dyn Revoker> {
        Some(&revoke::AccessKeyRevoker)
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut found = Account::new(cx.now);
        let ended = read(cx, &mut found);
        for one in observe::observations(&mut found) {
            cx.observe(one);
        }
        if found.beyond > 0 {
            let why = format!(
                "{} more things than the limit of {}",
                found.beyond,
                account::THINGS_MAX
            );
            cx.gap(
                &Scope::whole(),
                &Refusal::new(Reason::Unsupported, why),
                None,
            )?;
        }
        ended
    }
}

/// What an account tells of itself, and what is asked for after it.
#[derive(Serialize, Deserialize)]
struct Itself {
    found: Account,
    regions: Vec<String>,
    reports: Vec<accessed::Report>,
}

fn read(cx: &mut Context<'_>, found: &mut Account) -> Result<(), Stop> {
    let (regions, reports) = match cx.kept::<Itself>(ITSELF) {
        Some(kept) => {
            *found = kept.found;
            (kept.regions, kept.reports)
        }
        None => {
            itself(cx, found)?;
            let reports = accessed::ask_for(cx, found)?;
            let regions = regions::of(cx)?;
            organization::read(cx, found, &regions)?;
            let kept = Itself {
                found: std::mem::replace(found, Account::new(cx.now)),
                regions,
                reports,
            };
            cx.keep(ITSELF, &kept);
            *found = kept.found;
            (kept.regions, kept.reports)
        }
    };
    regions::read(cx, found, &regions)?;
    accessed::fetch(cx, found, reports)
}

fn itself(cx: &mut Context<'_>, found: &mut Account) -> Result<(), Stop> {
    match result(cx, sts("GetCallerIdentity")) {
        Ok(identity) => {
            found.take(&identity);
            found.met.insert("live".to_owned());
        }
        Err(refusal) => gap(cx, &Scope::of("account"), &refusal, "sts:GetCallerIdentity")?,
    }
    principals::read(cx, found)?;
    account_itself(cx, found)?;
    let reported = credential_report(cx, found)?;
    let users: BTreeSet<String> = found
        .principals
        .values()
        .filter(|one| !one.role && one.recorded)
        .map(|one| one.name.clone())
        .chain(
            found
                .report
                .iter()
                .filter(|line| !line.is_root())
                .map(|line| line.user.clone()),
        )
        .collect();
    principals::of_users(cx, found, &users, reported)?;
    principals::uses_of_roles(cx, found)?;
    for (action, part, with) in [
        ("ListServerCertificates", "server_certificates", &[][..]),
        ("ListInstanceProfiles", "instance_profiles", &[]),
        ("ListSAMLProviders", "identity_providers", &[]),
        ("ListOpenIDConnectProviders", "identity_providers", &[]),
        (
            "ListServiceSpecificCredentials",
            "service_credentials",
            &[("AllUsers", "true")],
        ),
    ] {
        pages(
            cx,
            &Scope::of(part),
            &format!("iam:{action}"),
            &iam(action, with),
            &mut |page| {
                found.take(page);
            },
        )?;
    }
    Ok(())
}

fn account_itself(cx: &mut Context<'_>, found: &mut Account) -> Result<(), Stop> {
    for (action, part) in [
        ("GetAccountSummary", "account"),
        ("ListAccountAliases", "account_aliases"),
    ] {
        pages(
            cx,
            &Scope::of(part),
            &format!("iam:{action}"),
            &iam(action, &[]),
            &mut |page| {
                found.take(page);
            },
        )?;
    }
    Ok(())
}

/// Whether the report was read.
fn credential_report(cx: &mut Context<'_>, found: &mut Account) -> Result<bool, Stop> {
    let part = Scope::of("report");
    for _ in 0..REPORT_TRIES {
        match result(cx, iam("GenerateCredentialReport", &[])) {
            Ok(state) if state.get("State").and_then(Value::as_str) == Some("COMPLETE") => break,
            Ok(_) => {}
            Err(refusal) => {
                // An older report may be there all the same.
                gap(cx, &part, &refusal, "iam:GenerateCredentialReport")?;
                break;
            }
        }
    }
    let before = found.report.len();
    match result(cx, iam("GetCredentialReport", &[])) {
        Ok(report) => {
            found.take(&report);
            if found.report.len() == before {
                let told = "expected the credential report, got something else";
                cx.gap(&part, &Refusal::new(Reason::Failed, told), None)?;
            }
            Ok(found.report.len() > before)
        }
        Err(refusal) => {
            gap(cx, &part, &refusal, "iam:GetCredentialReport")?;
            Ok(false)
        }
    }
}
