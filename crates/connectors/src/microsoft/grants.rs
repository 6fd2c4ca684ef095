//! What was granted and whose tokens are taken, as observations.

use model::{Attribute, Class, Key, KeyKind, Kind, Observation, Relation, Scope, Told};
use sha2::{Digest, Sha256};

use super::access::{Granted, What};
use super::apps::Federated;
use super::rights;
use super::written::Telling;
use crate::jwt;
use crate::public_key::hex;

/// Longer ids are cut, and told apart by a digest.
const NATIVE_BYTES_MAX: usize = 900;

/// `id` as a native id: within the limit, one to one.
pub(super) fn native(id: &str) -> String {
    if id.len() <= NATIVE_BYTES_MAX {
        return id.to_owned();
    }
    let end = (0..=NATIVE_BYTES_MAX - 40)
        .rev()
        .find(|at| id.is_char_boundary(*at));
    let digest = hex(&Sha256::digest(id.as_bytes())[..12]);
    format!("{}#{digest}", &id[..end.unwrap_or(0)])
}

/// The key of a principal by its object id, which is one in the world.
pub(super) fn object_key(id: &str) -> Key {
    Key::new(KeyKind::Uid, format!("entra-object:{id}"))
}

/// One right in words, and what it comes to.
#[derive(Clone, Debug)]
pub(super) struct Right {
    pub(super) told: String,
    pub(super) admin: bool,
    /// Permissions in it that reach what is of everybody.
    pub(super) wide: Vec<String>,
}

impl Telling<'_> {
    /// What a service principal with this object id is called.
    fn interface(&self, id: &str, named: Option<&str>) -> String {
        let app = self
            .estate
            .objects
            .get(id)
            .and_then(|app| self.estate.apps.get(app));
        let known = app.and_then(|app| app.name.as_deref());
        model::shorten(known.or(named).unwrap_or(id), 200)
    }

    fn app_role(&self, resource: &str, role: &str) -> String {
        if role.is_empty() {
            return "access".to_owned();
        }
        let key = (resource.to_owned(), role.to_owned());
        let known = self.estate.app_roles.get(&key);
        known.cloned().unwrap_or_else(|| role.to_owned())
    }

    /// What the role of a grant is called.
    fn role(&self, role: &str, named: Option<&str>) -> String {
        let known = self.estate.roles.get(role).map(String::as_str);
        model::shorten(named.or(known).unwrap_or(role), 200)
    }

    /// The rights that one grant gives.
    pub(super) fn rights_of(&self, one: &Granted) -> Vec<Right> {
        match &one.what {
            What::Delegated {
                resource,
                scopes,
                person,
                ..
            } => {
                let at = self.interface(resource, None);
                let whom = if person.is_some() {
                    "one person"
                } else {
                    "everybody"
                };
                let each = scopes.iter().map(|scope| Right {
                    told: format!("{scope} of {at} for {whom}"),
                    admin: false,
                    // What one person allowed reaches what is of that person.
                    wide: (person.is_none() && rights::is_wide(scope))
                        .then(|| scope.clone())
                        .into_iter()
                        .collect(),
                });
                each.collect()
            }
            What::AppRole {
                resource,
                named,
                role,
            } => {
                let role = self.app_role(resource, role);
                vec![Right {
                    admin: rights::administers_graph(&role),
                    told: format!("{role} of {}", self.interface(resource, named.as_deref())),
                    wide: rights::is_wide(&role).then_some(role).into_iter().collect(),
                }]
            }
            What::Directory { role, scope } => vec![Right {
                admin: rights::administers_directory(role, scope),
                told: match scope.as_str() {
                    "/" => format!("{} of the directory", self.role(role, None)),
                    scope => format!("{} of {scope} of the directory", self.role(role, None)),
                },
                wide: Vec::new(),
            }],
            What::Azure {
                role,
                named,
                scope,
                condition,
            } => vec![Right {
                admin: condition.is_none() && rights::administers_azure(role, scope),
                told: format!("{} on {scope}", self.role(role, named.as_deref())),
                wide: Vec::new(),
            }],
        }
    }

    pub(super) fn grant(&self, id: &str, one: &Granted) -> Observation {
        let (part, of_type) = match &one.what {
            What::Delegated { .. } => ("consent", "entra_delegated_grant"),
            What::AppRole { .. } => ("app_roles", "entra_app_role"),
            What::Directory { .. } => ("directory_roles", "entra_directory_role"),
            What::Azure { .. } => ("role_assignments", "azure_role_assignment"),
        };
        let rights = self.rights_of(one);
        let name = match rights.as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.told.clone(),
            [first, rest @ ..] => format!("{} and {} more", first.told, rest.len()),
        };
        let mut told = Observation::new(Kind::Grant, native(id), &Scope::of(part))
            .is(Attribute::NAME, model::shorten(&name, 300))
            .is(Attribute::TYPE, of_type)
            .is(Attribute::PROVIDER, "azure")
            .is(
                Attribute::RIGHTS,
                rights
                    .iter()
                    .map(|one| one.told.clone())
                    .collect::<Vec<_>>(),
            )
            .told(Attribute::CREATED_AT, Told::or_cannot_tell(one.made));
        told = self.beside(told, one);
        if let Some(tenant) = self.tenant {
            told = told.is(Attribute::ACCOUNT, tenant);
        }
        match self.identity_of(&one.principal) {
            Some(holder) => told.link(Relation::Of, Kind::Identity, holder),
            None => told.is(Attribute::USER, one.principal.as_str()).link_key(
                Relation::Of,
                Kind::Identity,
                object_key(&one.principal),
            ),
        }
    }

    /// What is peculiar to one kind of grant.
    fn beside(&self, told: Observation, one: &Granted) -> Observation {
        let app = self.app_of(&one.principal);
        let vendor = app.and_then(|(_, app)| self.vendor(app));
        let told = match vendor {
            Some(vendor) => told.is(Attribute::named("vendor"), vendor),
            None => told,
        };
        match &one.what {
            What::Delegated {
                id,
                resource,
                person,
                ..
            } => {
                let told = told
                    .is(Attribute::named("resource"), self.interface(resource, None))
                    .is(
                        Attribute::named("consent"),
                        if person.is_some() {
                            "one person"
                        } else {
                            "everybody"
                        },
                    );
                let key = self.tenant.zip(app).map(|(tenant, (app, _))| {
                    format!("https://login.microsoftonline.com/{tenant}/{app}/{id}")
                });
                match key.filter(|key| key.len() <= 512) {
                    Some(key) => told.key(Key::new(KeyKind::OauthGrant, key)),
                    None => told,
                }
            }
            What::AppRole {
                resource, named, ..
            } => {
                let at = self.interface(resource, named.as_deref());
                told.is(Attribute::named("resource"), at)
            }
            What::Directory { scope, .. } => told.is(Attribute::named("scope"), scope.as_str()),
            What::Azure {
                scope, condition, ..
            } => {
                let on_vault = scope.to_ascii_lowercase();
                let vault = self
                    .estate
                    .vaults
                    .get(&on_vault)
                    .and_then(|id| id.rsplit('/').next());
                let told = told.is(Attribute::named("scope"), scope.as_str()).told(
                    Attribute::named("condition"),
                    Told::or_absent(condition.clone()),
                );
                match vault {
                    Some(name) => told.link(
                        Relation::On,
                        Kind::Resource,
                        native(&super::vault::place(name)),
                    ),
                    None => told,
                }
            }
        }
    }

    /// Who is let in by a token of another issuer: one subject, with all that it lets in as.
    pub(super) fn subject(&self, each: &[&Federated]) -> Option<Observation> {
        let one = each.first()?;
        let told = Observation::new(
            Kind::Identity,
            subject_native(one),
            &Scope::of("federated_credentials"),
        )
        .is(Attribute::NAME, model::shorten(&one.subject, 300))
        .is(Attribute::TYPE, "entra_federated_subject")
        .is(Attribute::PROVIDER, "azure")
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::STATUS, "active")
        .is(Attribute::ISSUER, model::shorten(&one.issuer, 400))
        .is(Attribute::SUBJECT, one.subject.as_str())
        .is(Attribute::named("is_pattern"), one.is_pattern)
        .hint("oidc_subject", jwt::subject_hint(&one.issuer, &one.subject));
        let apps = each.iter().filter_map(|one| self.acts_as(one));
        let apps = apps.filter_map(|(_, app)| self.estate.apps.get(app)?.principal.as_deref());
        let principals: Vec<&str> = apps.collect();
        let known = principals.len() == each.len();
        // Of an application that nobody told of, nobody told what it may do.
        Some(if known {
            self.may_as(told, &principals)
        } else {
            told
        })
    }

    /// The application as which a token lets in.
    pub(super) fn acts_as(&self, one: &Federated) -> Option<(String, &str)> {
        if let Some(app) = self.estate.objects.get(&one.of) {
            return Some((format!("app/{app}"), app));
        }
        let app = self.resources.get(one.of.as_str())?;
        Some((format!("app/{app}"), app))
    }

    /// That a token lets in as an application.
    pub(super) fn federation(&self, id: &str, one: &Federated) -> Observation {
        let name = one.name.as_deref().unwrap_or(&one.subject);
        let told = Observation::new(
            Kind::Grant,
            native(&format!("federation/{id}")),
            &Scope::of("federated_credentials"),
        )
        .is(Attribute::NAME, model::shorten(name, 300))
        .is(Attribute::TYPE, "entra_federated_credential")
        .is(Attribute::PROVIDER, "azure")
        .is(Attribute::ISSUER, model::shorten(&one.issuer, 400))
        .is(Attribute::SUBJECT, one.subject.as_str())
        .is(Attribute::named("audiences"), one.audiences.clone())
        .link(Relation::Of, Kind::Identity, subject_native(one));
        let acts = self.acts_as(one).map(|(_, app)| app.to_owned());
        told.told(Attribute::named("acts_as"), Told::or_cannot_tell(acts))
    }
}

pub(super) fn subject_native(one: &Federated) -> String {
    native(&format!(
        "subject/{}|{}",
        one.issuer.trim_end_matches('/'),
        one.subject
    ))
}
