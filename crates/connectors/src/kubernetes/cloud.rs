//! Identities of clouds that a cluster speaks of: as whom its accounts act there, and who of there
//! acts here.

use std::collections::BTreeMap;

use model::{Attribute, Key, KeyKind, Kind, Observation, Relation, Scope};

use super::eks;
use super::observe::{Teller, Whole, named};

/// Tells all of them.
pub(super) fn tell(whole: &Whole, out: &mut Teller<'_, '_>) {
    let mut all = BTreeMap::<String, Observation>::new();
    for account in whole.cluster.accounts.values() {
        if let Some(cloud) = &account.cloud {
            let scope = Scope::of("serviceaccounts");
            let known = all.remove(cloud).unwrap_or_else(|| identity(cloud, &scope));
            let native = account.told.native.as_str();
            let known = known.link(Relation::Trusts, Kind::Identity, native);
            all.insert(cloud.clone(), known);
        }
    }
    for entry in eks::joined(&whole.cluster.entries) {
        let scope = Scope::of("configmaps");
        let known = all
            .remove(&entry.arn)
            .unwrap_or_else(|| identity(&entry.arn, &scope));
        all.insert(entry.arn.clone(), entered(known, &entry));
    }
    all.into_values().for_each(|one| out.tell(one));
}

/// An identity of a cloud by what a cluster calls it.
fn identity(name: &str, scope: &Scope) -> Observation {
    let (type_, provider) = if name.starts_with("arn:") {
        let user = name.contains(":user/");
        (if user { "aws_iam_user" } else { "aws_iam_role" }, "aws")
    } else if name.contains('@') {
        ("gcp_service_account", "gcp")
    } else {
        ("azure_application", "azure")
    };
    let shown = name.rsplit('/').next().filter(|_| provider == "aws");
    let told = Observation::new(
        Kind::Identity,
        format!("cloud/{}", model::shorten(name, 900)),
        scope,
    )
    .is(Attribute::TYPE, type_)
    .is(Attribute::PROVIDER, provider)
    .is(Attribute::NAME, shown.unwrap_or(name))
    .hint("cloud_identity", name);
    match (provider, name.split_once('/')) {
        ("aws", _) => told.is(Attribute::ARN, name),
        // A directory and an application in it name one application.
        ("azure", Some((tenant, application))) if is_directory(tenant, application) => {
            told.key(Key::new(KeyKind::EntraId, name))
        }
        _ => told,
    }
}

fn is_directory(tenant: &str, application: &str) -> bool {
    [tenant, application].iter().all(|one| one.len() == 36)
}

/// What a map or an access entry of EKS says of an identity of AWS.
fn entered(told: Observation, entry: &eks::Entry) -> Observation {
    let by = if entry.by_entry {
        "access entry"
    } else {
        "aws-auth"
    };
    let mut told = told
        .is(Attribute::TYPE, entry.type_())
        .is(Attribute::named("let_in_by"), by)
        .is(Attribute::MEMBER_OF, named(entry.groups.iter().cloned()));
    if let Some(user) = &entry.user {
        told = told.is(Attribute::USER, model::shorten(user, 256));
    }
    if !entry.policies.is_empty() {
        told = told.is(Attribute::RIGHTS, named(entry.policies.iter().cloned()));
    }
    if entry.is_admin() {
        told = told.is(Attribute::named("cluster_privilege"), "admin");
    }
    for group in entry.groups.iter().take(64).filter(|one| one.len() <= 253) {
        told = told.link(Relation::MemberOf, Kind::Identity, format!("group/{group}"));
    }
    told
}
