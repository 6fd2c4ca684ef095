//! Roles, bindings, and whom they bind: accounts, users, groups.

use model::{Attribute, Class, Kind, Observation, Relation, Told};

use super::cluster::{At, Binding, native, scope};
use super::observe::{Teller, Whole, named, with_rights};
use super::rights::is_admin;

/// Links of one binding; more are told by name alone.
const LINKS_MAX: usize = 256;

/// Tells all of them.
pub(super) fn tell(whole: &Whole, out: &mut Teller<'_, '_>) {
    for role in whole.cluster.roles.values() {
        out.tell(role.told.clone());
    }
    for (at, binding) in &whole.cluster.bindings {
        out.tell(binding_told(whole, at, binding));
    }
    for (who, rights) in whole.everyone.bound() {
        let told = match who.kind.as_str() {
            // One that is known was told with all that it may do.
            "ServiceAccount" if whole.cluster.knows("serviceaccounts") => continue,
            "ServiceAccount" if whole.cluster.accounts.contains_key(who) => continue,
            "ServiceAccount" => spoken_of(who),
            _ => subject(who),
        };
        let rights = match who.kind.as_str() {
            "ServiceAccount" => whole.everyone.of_account(who),
            _ => rights.clone(),
        };
        let told = with_rights(told, &rights, &whole.cluster);
        out.tell(match rights.built_in {
            true => told.is(Attribute::named("control_plane"), true),
            false => told,
        });
    }
    // Accounts that run something, where no list of accounts can be read.
    for account in whole.of_account.keys() {
        let known = whole.cluster.accounts.contains_key(account);
        if !known && !whole.cluster.knows("serviceaccounts") {
            let rights = whole.everyone.of_account(account);
            out.tell(with_rights(spoken_of(account), &rights, &whole.cluster));
        }
    }
}

/// An account of which only others speak.
fn spoken_of(at: &At) -> Observation {
    let scope = scope("serviceaccounts", &at.namespace);
    let subject = format!("system:serviceaccount:{}:{}", at.namespace, at.name);
    Observation::new(Kind::Identity, native(&at.kind, "", at), &scope)
        .is(Attribute::TYPE, "kubernetes_service_account")
        .is(Attribute::PROVIDER, "kubernetes")
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::NAME, at.name.as_str())
        .is(Attribute::named("namespace"), at.namespace.as_str())
        .hint(
            "kubernetes_service_account",
            model::shorten(&at.named(), 300),
        )
        .hint("jwt_subject", model::shorten(&subject, 256))
}

/// A user or a group: no object of a cluster, only a name that somebody comes with.
fn subject(at: &At) -> Observation {
    let type_ = match at.kind.as_str() {
        "Group" => "kubernetes_group",
        _ => "kubernetes_user",
    };
    let of = scope("clusterrolebindings", "");
    Observation::new(Kind::Identity, native(&at.kind, "", at), &of)
        .is(Attribute::TYPE, type_)
        .is(Attribute::PROVIDER, "kubernetes")
        .is(Attribute::NAME, at.name.as_str())
        .hint(type_, at.name.as_str())
}

fn binding_told(whole: &Whole, at: &At, binding: &Binding) -> Observation {
    let shown = binding
        .subjects
        .iter()
        .map(|one| format!("{} {}", one.kind, one.named()));
    let mut told = binding
        .told
        .clone()
        .is(
            Attribute::named("role"),
            format!("{}/{}", binding.role.kind, binding.role.name),
        )
        .is(Attribute::named("subjects"), named(shown));
    if binding.bootstrap {
        told = told.is(Attribute::named("built_in"), true);
    }
    if is_admin(&binding.role) && at.namespace.is_empty() {
        told = told.is(Attribute::PRIVILEGE, "admin");
    }
    if let Some(role) = whole.cluster.roles.get(&binding.role) {
        let native = role.told.native.as_str();
        told = told
            .link(Relation::On, Kind::Resource, native)
            .is(Attribute::RIGHTS, named(role.rights.iter().cloned()));
        if !role.powers.is_empty() {
            told = told.is(Attribute::named("sensitive_rights"), role.powers.clone());
        }
    }
    let mut dangling = Vec::new();
    for one in binding.subjects.iter().take(LINKS_MAX) {
        let account = one.kind == "ServiceAccount";
        if account && whole.cluster.lacks(one) {
            dangling.push(one.named());
        } else {
            let native = match account {
                true => whole.account(one),
                false => native(&one.kind, "", one),
            };
            told = told.link(Relation::Of, Kind::Identity, native);
        }
    }
    let mut accounts = binding
        .subjects
        .iter()
        .filter(|one| one.kind == "ServiceAccount");
    let attribute = Attribute::named("dangling");
    if !dangling.is_empty() {
        return told.is(attribute, named(dangling.into_iter()));
    }
    let all = accounts
        .clone()
        .all(|one| whole.cluster.accounts.contains_key(one));
    match (accounts.next().is_some(), all) {
        (false, _) => told,
        (true, true) => told.told(attribute, Told::<String>::Absent),
        (true, false) => told.told(attribute, Told::<String>::CannotTell),
    }
}
