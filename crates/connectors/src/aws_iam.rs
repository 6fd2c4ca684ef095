//! AWS IAM, live: users, roles, the root account, access keys and what else opens an account.
//!
//! Source: IAM API Reference (2010-05-08), STS API Reference (2011-06-15). The main reader is
//! `GetAccountAuthorizationDetails`; where it is refused, the lists are read one by one. An
//! emulated account says so by the source's option `kind=emulator`, which evidence repeats.

pub(crate) mod account;
mod ask;
mod credentials;
mod judge;
pub(crate) mod observe;
pub(crate) mod policy;
mod principals;
pub(crate) mod report;
mod revoke;
mod rights;
mod services;
mod shape;
pub(crate) mod xml;

use std::collections::BTreeSet;

use model::{Reason, Scope};
use serde_json::Value;

use crate::{Connector, Context, Login, PortKind, Refusal, Revoker, Spec, Stop};
use account::Account;
use ask::{iam, pages, result, sts};

/// AWS IAM, live.
pub(crate) struct AwsIam;

/// The report is made while one waits; the first call starts it, later ones say how far it is.
const REPORT_TRIES: usize = 4;

impl Connector for AwsIam {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "aws_iam",
            reads: "users, roles, access keys, passwords and certificates of an AWS account",
            named: "aws or aws:PROFILE",
            target: "a profile of the usual credential chain; the account answers for itself",
            port: PortKind::Http(Login::Aws),
            needs_to_discover: &[
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
            ],
            needs_to_act: &[
                "sts:GetCallerIdentity",
                "iam:ListAccessKeys",
                "iam:GetUserPolicy",
                "iam:PutUserPolicy",
                "iam:UpdateAccessKey",
                "iam:DeleteAccessKey",
            ],
            scopes: &["part of the account", "user"],
        }
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let identity = result(cx, sts("GetCallerIdentity"))?;
        match identity.get("Account").and_then(Value::as_str) {
            Some(number) if account::is_account(number) => Ok(number.to_owned()),
            _ => Err(Refusal::new(
                Reason::Failed,
                "expected an account number of twelve digits, got none",
            )),
        }
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

fn read(cx: &mut Context<'_>, found: &mut Account) -> Result<(), Stop> {
    match result(cx, sts("GetCallerIdentity")) {
        Ok(identity) => {
            found.take(&identity);
            found.met.insert("live");
        }
        Err(refusal) => cx.gap(
            &Scope::of("account"),
            &refusal,
            Some("sts:GetCallerIdentity"),
        )?,
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
    for (action, part) in [
        ("ListServerCertificates", "server_certificates"),
        ("ListInstanceProfiles", "instance_profiles"),
        ("ListSAMLProviders", "identity_providers"),
        ("ListOpenIDConnectProviders", "identity_providers"),
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
                cx.gap(&part, &refusal, Some("iam:GenerateCredentialReport"))?;
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
            cx.gap(&part, &refusal, Some("iam:GetCredentialReport"))?;
            Ok(false)
        }
    }
}
