//! Secrets that a configuration gives to pipelines elsewhere, and clouds that they log in to with
//! them.
//!
//! The pipelines of one project are an identity (class integration) with `secrets` and
//! `static_logins`, as far as the names of their secrets tell a system.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Class, Kind};

use super::resource::Resource;
use crate::formats::ci::static_login;
use crate::formats::{Found, Seen, Thing};

/// Type of a resource, its attributes that name the secret and whose it is, the type of those
/// pipelines, where the secret is kept.
type Place = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);
const PLACES: &[Place] = &[
    (
        "github_actions_secret",
        "secret_name",
        "repository",
        "github_actions_repository",
        "github actions secrets",
    ),
    (
        "github_actions_environment_secret",
        "secret_name",
        "repository",
        "github_actions_repository",
        "github actions secrets",
    ),
    (
        "github_actions_organization_secret",
        "secret_name",
        "",
        "github_actions_organization",
        "github actions secrets",
    ),
    (
        "gitlab_project_variable",
        "key",
        "project",
        "gitlab_ci_project",
        "gitlab ci variables",
    ),
    (
        "gitlab_group_variable",
        "key",
        "group",
        "gitlab_ci_group",
        "gitlab ci variables",
    ),
];

/// Tells of the pipelines that `resources` give a login to a cloud.
pub(super) fn all(resources: &[Resource<'_>], seen: &mut Seen) {
    let mut handed: BTreeMap<(&str, &str, String), BTreeSet<&str>> = BTreeMap::new();
    for one in resources.iter().filter(|one| !one.looked_up) {
        let Some((_, name, whose, type_, kept_in)) =
            PLACES.iter().find(|(type_, ..)| *type_ == one.type_)
        else {
            continue;
        };
        let whose = one.raw(whose).unwrap_or("the organisation");
        let whose = model::shorten(whose.trim_matches(['$', '{', '}']), 100);
        if let Some(name) = one.text(name).filter(|name| static_login(name).is_some()) {
            let names = handed.entry((type_, kept_in, whose)).or_default();
            names.insert(name);
        }
    }
    for ((type_, kept_in, whose), names) in handed {
        let field = format!("pipelines of {whose} ({type_})");
        let systems: BTreeSet<_> = names.iter().filter_map(|name| static_login(name)).collect();
        let list = |all: BTreeSet<&str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>();
        for name in &names {
            let found = Found::referenced(format!("{field} {name}"), name, kept_in);
            seen.found(found.used_in_file_by(&field));
        }
        seen.thing(
            Thing::new(Kind::Identity, field.as_str(), type_)
                .is(Attribute::NAME, format!("pipelines of {whose}"))
                .is(Attribute::CLASS, Class::Integration)
                .is(Attribute::named("static_logins"), list(systems))
                .is(Attribute::named("secrets"), list(names)),
        );
    }
}
