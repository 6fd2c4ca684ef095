//! Lays together what runs with what it is handed: its role, the secrets that its variables refer
//! to, and those that stand in its variables.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Fact, Kind, Observation, Relation, Secret, Told};

use super::account::Account;
use super::observe::{Telling, native};
use super::workloads::Workload;
use crate::Context;
use crate::formats::{Found, of_variables};
use crate::variable;

/// Names in one fact; more say nothing new.
const NAMES_MAX: usize = 100;
/// Workloads told of one secret.
const USERS_MAX: usize = 256;

/// Who works with the secrets kept in an account, by the place that each lies in.
#[derive(Debug, Default)]
pub(crate) struct Users(BTreeMap<String, BTreeSet<String>>);

impl Users {
    pub(crate) fn of(account: &Account) -> Self {
        let places = Places::of(account);
        let mut users = Self::default();
        for (id, one) in &account.workloads {
            for place in one.references.values() {
                if let Some(place) = places.find(place, one) {
                    users
                        .0
                        .entry(place.to_owned())
                        .or_default()
                        .insert(id.clone());
                }
            }
        }
        users
    }

    /// `one` with who works with it, where it is the value of a secret.
    pub(crate) fn tell(&self, one: Observation) -> Observation {
        // What a reference without a version gets is the value that is current.
        let labels = one.fact(&Attribute::named("labels"));
        if let Some(model::Value::List(labels)) = labels.is()
            && !labels.iter().any(|label| label == "AWSCURRENT")
        {
            return one;
        }
        let place = one.fact(&Attribute::ARN).is().and_then(|held| held.text());
        let users = place.and_then(|place| self.0.get(place)).cloned();
        let users = users.into_iter().flatten().take(USERS_MAX);
        users.fold(one, |one, user| {
            one.link(Relation::UsedBy, Kind::Identity, user)
        })
    }
}

/// Secrets and parameters by what they are referred to.
struct Places<'a> {
    arns: BTreeSet<&'a str>,
    /// By region and name; a name is one's own in a region.
    names: BTreeMap<(&'a str, &'a str), &'a str>,
}

impl<'a> Places<'a> {
    fn of(account: &'a Account) -> Self {
        let mut places = Self {
            arns: BTreeSet::new(),
            names: BTreeMap::new(),
        };
        let kept = account
            .others
            .values()
            .filter(|one| one.kind == Kind::Resource);
        for one in kept {
            let fact = |name| one.facts.get(&name)?.told.is()?.text();
            let (Some(of_type), Some(arn), Some(name)) = (
                fact(Attribute::TYPE),
                fact(Attribute::ARN),
                fact(Attribute::NAME),
            ) else {
                continue;
            };
            if matches!(of_type, "aws_secret" | "aws_ssm_parameter") {
                places.arns.insert(arn);
                places
                    .names
                    .insert((region(arn), name.trim_start_matches('/')), arn);
            }
        }
        places
    }

    /// The place that `reference` names: an ARN, with the key and version of a value behind it
    /// or without the letters that AWS adds to a name; or a name in the workload's own region.
    fn find(&self, reference: &str, by: &Workload) -> Option<&'a str> {
        let whole = reference.split(':').take(7).collect::<Vec<_>>().join(":");
        if let Some(arn) = self.arns.get(whole.as_str()) {
            return Some(arn);
        }
        let (at, name) = if whole.starts_with("arn:") {
            let name = whole.splitn(6, ':').nth(5)?;
            let name = name
                .strip_prefix("secret:")
                .or_else(|| name.strip_prefix("parameter"))?;
            (region(&whole), name)
        } else {
            // `name:key:stage:version`
            let own = by
                .told
                .scope
                .0
                .get(1)
                .map(String::as_str)
                .unwrap_or_default();
            (own, reference.split(':').next().unwrap_or_default())
        };
        self.names.get(&(at, name.trim_start_matches('/'))).copied()
    }
}

fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// A grant on a key, with the user or role that has it where AWS names one.
pub(crate) fn granted(telling: &Telling<'_>, one: Observation) -> Observation {
    let user = one.fact(&Attribute::USER).is().and_then(|held| held.text());
    match user.and_then(|arn| telling.principal_native(arn)) {
        Some(native) if one.facts.contains_key(&Attribute::RIGHTS) => {
            one.link(Relation::Of, Kind::Identity, native)
        }
        _ => one,
    }
}

/// What runs, with its role and what its variables are called.
pub(crate) fn workloads(telling: &Telling<'_>, told: &mut Vec<Observation>) {
    for one in telling.account.workloads.values() {
        told.push(workload(telling, one));
    }
}

fn workload(telling: &Telling<'_>, one: &Workload) -> Observation {
    let mut told = one.told.clone();
    let of_profile = one
        .profile
        .iter()
        .flat_map(|profile| roles_of(telling, profile));
    let roles = one.roles.iter();
    let roles = roles.map(|(what, role)| (what.as_str(), role.clone()));
    let mut natives = BTreeSet::new();
    for (what, role) in roles.chain(of_profile.map(|role| ("role", role))) {
        natives.extend(telling.principal_native(&role));
        told = told.is(Attribute::named(what), role);
    }
    for role in natives {
        told = told.link(Relation::MemberOf, Kind::Identity, role);
    }
    told
}

/// The roles in an instance profile, by their ARNs where those are known.
fn roles_of(telling: &Telling<'_>, profile: &str) -> Vec<String> {
    let place = (Kind::Resource, native(profile));
    let known = telling.account.others.get(&place);
    let roles = known.and_then(|one| one.facts.get(&Attribute::named("roles"))?.told.is());
    let Some(model::Value::List(names)) = roles else {
        return Vec::new();
    };
    let principals = telling.account.principals.values();
    let known = principals.filter(|one| one.role && names.contains(&one.name));
    known
        .map(|one| one.arn.clone())
        .filter(|arn| !arn.is_empty())
        .collect()
}

/// Tells what variables are called and where their values lie, and the secrets that stand in them,
/// each by its fingerprint: from here on no value of one is held.
pub(crate) fn variables(cx: &Context<'_>, account: &mut Account) {
    for one in account.workloads.values_mut() {
        let variables = std::mem::take(&mut one.variables);
        let mut secrets: Vec<Secret> = Vec::new();
        let mut sounding = BTreeSet::new();
        for held in credentials(&variables) {
            sounding.insert(held.field.clone());
            secrets.extend(held.secret.clone());
            let found = variable::told(cx, held, &one.told);
            account.in_variables.extend(found);
        }
        let names = variables.iter().map(|(name, _)| name);
        let names = few(names.chain(one.references.keys()).cloned().collect());
        let referred = one.references.iter();
        let referred = few(referred
            .map(|(name, place)| format!("{name}={place}"))
            .collect());
        for (what, texts) in [
            ("variables", names),
            ("secret_env", referred),
            ("secrets_in_env", few(sounding)),
        ] {
            let attribute = Attribute::named(what);
            // What was told before its values were given up stays.
            if !texts.is_empty() && !one.told.facts.contains_key(&attribute) {
                let fact = Fact::stated(Told::Is(texts.into()));
                one.told.facts.insert(attribute, fact);
            }
        }
        crate::files::scrub(&mut one.told, &mut String::new(), &secrets);
    }
}

fn few(names: BTreeSet<String>) -> Vec<String> {
    names.into_iter().take(NAMES_MAX).collect()
}

/// The credentials among variables.
fn credentials(variables: &[(String, Secret)]) -> Vec<Found> {
    let values = variables.iter().filter_map(|(field, value)| {
        let name = field.rsplit(' ').next().unwrap_or(field);
        Some((
            name,
            field.as_str(),
            std::str::from_utf8(value.expose()).ok()?,
        ))
    });
    of_variables(values)
}
