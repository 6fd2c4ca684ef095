//! Microsoft Entra and Azure: applications and service principals with what they log in with,
//! whom they trust, what they were allowed, and what of Azure holds secrets or works as one of them.
//!
//! Source: Microsoft Graph v1.0 (`application`, `servicePrincipal`, `oAuth2PermissionGrant`,
//! `appRoleAssignment`, `unifiedRoleAssignment`, `federatedIdentityCredential`) and beta
//! (`servicePrincipalSignInActivity`, `appCredentialSignInActivity`, `agentIdentity`); Azure Resource
//! Manager (role assignments and definitions, managed identities, vaults, storage accounts,
//! resources).
//!
//! Answers are known by their members, wherever they lie: the live interfaces and what the command
//! line prints ([`crate::entra_exports`]) are read by the same code and tell the same.
//!
//! An application and its service principal are one identity, `app/APPLICATION`: the first is what
//! a tenant registers, the second how a tenant knows it, and both may hold credentials. Facts
//! beside the usual ones: `application_id`, `object_id`, `home_tenant`, `third_party`, `publisher`,
//! `sign_in_audience`, `assigned` (`user`, `system`), `workloads`, `blueprint`, `sponsors`.
//!
//! **Deliberately absent:** people. Grants name them, and they are counted; the roll is of machines.

mod access;
mod apps;
mod arm;
pub(crate) mod ask;
mod grants;
mod rights;
mod vault;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use model::{Key, KeyKind, Kind, Observation, Timestamp};
use serde_json::{Map, Value};

pub(crate) use written::tell;

type Object = Map<String, Value>;

/// Deeper than Microsoft nests; what lies below is not looked at.
const DEPTH_MAX: usize = 40;
/// More than one tenant has; what is beyond is counted.
pub(crate) const THINGS_MAX: usize = 2_000_000;
/// A longer text names nothing.
const TEXT_BYTES_MAX: usize = 2_048;
/// Names in one list that are told.
const LIST_MAX: usize = 200;

/// Everything that answers tell, in any order.
#[derive(Debug, Default)]
pub(crate) struct Estate {
    /// Applications and service principals, by application id.
    apps: BTreeMap<String, apps::App>,
    /// Application ids by the ids of their objects.
    objects: BTreeMap<String, String>,
    /// Passwords and certificates, by key id.
    credentials: BTreeMap<String, apps::Held>,
    /// Tokens of others that let in, by their ids.
    federated: BTreeMap<String, apps::Federated>,
    /// What was granted, by native id.
    grants: BTreeMap<String, access::Granted>,
    /// Names of roles, by their ids: of the directory, and of Azure.
    roles: BTreeMap<String, String>,
    /// What a role of an application is called: service principal and role.
    app_roles: BTreeMap<(String, String), String>,
    /// Service principals that have roles for programs.
    role_givers: BTreeSet<String>,
    /// Principals that Azure gives to what runs there, by object id.
    managed: BTreeMap<String, arm::Managed>,
    /// What works as a managed identity, by the identity's resource id.
    workloads: BTreeMap<String, BTreeSet<String>>,
    /// Vaults, by resource id.
    vaults: BTreeSet<String>,
    /// Managed identities of their own, by resource id.
    identities: BTreeSet<String>,
    /// When an application last signed in, by application id.
    signed_in: BTreeMap<String, Timestamp>,
    /// When a credential last let somebody in, by key id.
    keys_used: BTreeMap<String, Timestamp>,
    /// What needs nothing of others to be told.
    others: BTreeMap<(Kind, String), Observation>,
    /// Subscriptions, with the tenant they trust.
    subscriptions: BTreeMap<String, Option<String>>,
    /// Tenants that an answer says it is of.
    stated: BTreeSet<String>,
    /// Tenants that things lie in.
    implied: BTreeSet<String>,
    /// What kinds of answers came.
    pub(crate) met: BTreeSet<&'static str>,
    /// Recognised and no machine identity, by what it is.
    set_aside: BTreeMap<&'static str, u64>,
    /// Things with ids that Microsoft gives to nothing.
    odd: u64,
    /// Credentials beyond those that one application can have.
    crowded: u64,
    /// Owners that came without a name.
    nameless: u64,
    /// Things beyond the limit.
    beyond: u64,
    /// Things held.
    held: usize,
}

impl Estate {
    /// Learns whatever `value` holds.
    pub(crate) fn take(&mut self, value: &Value) {
        self.walk(value, "", 0);
    }

    /// `within` is the id of the object that a list belongs to, as far as it is known.
    fn walk(&mut self, value: &Value, within: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Object(object) => {
                apps::recognise(self, object, within);
                access::recognise(self, object);
                arm::recognise(self, object);
                let own = text(object, "id").filter(|_| object.contains_key("appId"));
                let within = own.or_else(|| listed_for(object)).unwrap_or(within);
                for held in object.values() {
                    self.walk(held, within, depth + 1);
                }
            }
            Value::Array(list) => {
                for held in list {
                    self.walk(held, within, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// Whether there is room for one more thing.
    fn has_room(&mut self) -> bool {
        let room = self.held < THINGS_MAX;
        if room {
            self.held += 1;
        } else {
            self.beyond += 1;
        }
        room
    }

    fn keep(&mut self, met: &'static str, one: Observation) {
        self.met.insert(met);
        if self.has_room() {
            self.others.insert((one.kind, one.native.clone()), one);
        }
    }

    fn set_aside(&mut self, what: &'static str) {
        *self.set_aside.entry(what).or_default() += 1;
    }

    /// The tenant that all of this is of, where one alone is told.
    pub(crate) fn tenant(&self) -> Option<&str> {
        let only = |all: &BTreeSet<String>| (all.len() == 1).then(|| all.first().cloned())?;
        // An answer that says whose it is outweighs what things in it say.
        let all = if self.stated.is_empty() {
            &self.implied
        } else {
            &self.stated
        };
        only(all).and_then(|one| all.get(&one).map(String::as_str))
    }

    /// The tenant that the source itself names.
    pub(crate) fn state(&mut self, tenant: &str) {
        if let Some(tenant) = guid(tenant) {
            self.stated = BTreeSet::from([tenant]);
        }
    }

    /// The subscriptions that `target` names: itself, those of a `tenant/ID`, or all.
    pub(crate) fn subscriptions_of(&self, target: &str) -> Vec<String> {
        let all = self.subscriptions.iter();
        let wanted = all.filter(|(id, tenant)| match target.strip_prefix("tenant/") {
            Some(of) => tenant.as_deref() == Some(of),
            None => guid(target).is_none_or(|target| target == **id),
        });
        wanted.map(|(id, _)| id.clone()).collect()
    }

    /// Takes the one tenant of these subscriptions for the source's own, if it is one.
    pub(crate) fn is_of(&mut self, subscriptions: &[String]) {
        let tenants = subscriptions
            .iter()
            .filter_map(|id| self.subscriptions.get(id)?.clone());
        let tenants: BTreeSet<String> = tenants.collect();
        if tenants.len() == 1 {
            self.stated = tenants;
        }
    }

    /// Service principals that have roles for programs, by object id.
    pub(crate) fn role_givers(&self) -> Vec<String> {
        self.role_givers.iter().cloned().collect()
    }

    /// The resources below which a part of Azure lies.
    pub(crate) fn resources_below(&self, part: &str) -> Vec<String> {
        let all = match part {
            "vaults" => &self.vaults,
            _ => &self.identities,
        };
        all.iter().cloned().collect()
    }

    /// Where certificates are that no answer showed yet: part, list, object id.
    pub(crate) fn without_certificates(&self) -> Vec<(&'static str, &'static str, String)> {
        let bare = self.credentials.values();
        let bare = bare.filter(|one| !one.is_password && one.certificate.is_none());
        let places = bare.filter_map(|one| {
            let app = self.apps.get(&one.app)?;
            Some(match one.part {
                "applications" => (one.part, "applications", app.registered.clone()?),
                part => (part, "servicePrincipals", app.principal.clone()?),
            })
        });
        places.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether several tenants are told, so that none can be said to be the one.
    pub(crate) fn is_of_several(&self) -> bool {
        self.tenant().is_none() && !(self.stated.is_empty() && self.implied.is_empty())
    }
}

/// The object that a list is of: `applications('ID')` in the address of its description.
fn listed_for(object: &Object) -> Option<&str> {
    let context = text(object, "@odata.context")?;
    let (_, rest) = context.split_once("('")?;
    rest.split_once("')").map(|(id, _)| id)
}

fn text<'v>(object: &'v Object, name: &str) -> Option<&'v str> {
    object
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty() && text.len() <= TEXT_BYTES_MAX)
}

/// A field of an object, or of its `properties`, where Azure's own interface has it.
fn either<'v>(object: &'v Object, name: &str) -> Option<&'v Value> {
    let within = || inner(object, "properties")?.get(name);
    object
        .get(name)
        .filter(|one| !one.is_null())
        .or_else(within)
}

fn either_text<'v>(object: &'v Object, name: &str) -> Option<&'v str> {
    either(object, name)?
        .as_str()
        .filter(|text| !text.is_empty() && text.len() <= TEXT_BYTES_MAX)
}

fn inner<'v>(object: &'v Object, name: &str) -> Option<&'v Object> {
    object.get(name)?.as_object()
}

fn flag(object: &Object, name: &str) -> Option<bool> {
    object.get(name)?.as_bool()
}

fn time(object: &Object, name: &str) -> Option<Timestamp> {
    text(object, name)?.parse().ok()
}

/// The members of a list; none where there is no list.
fn each<'v>(object: &'v Object, name: &str) -> impl Iterator<Item = &'v Value> {
    let list = object.get(name).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// The texts of a list, as many as are told.
fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    let texts = list.filter_map(Value::as_str).take(LIST_MAX);
    texts.map(|one| model::shorten(one, 400)).collect()
}

/// `text` as Microsoft writes its ids, in small letters; `None` if it is none, or stands for none.
fn guid(text: &str) -> Option<String> {
    let formed = text.len() == 36
        && text.bytes().enumerate().all(|(n, byte)| match n {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let some = text.bytes().any(|byte| !matches!(byte, b'0' | b'-'));
    (formed && some).then(|| text.to_ascii_lowercase())
}

/// The key of an application as a tenant knows it, where both are ids.
pub(crate) fn application_key(tenant: Option<&str>, application: Option<&str>) -> Option<Key> {
    let (tenant, application) = (guid(tenant?)?, guid(application?)?);
    Some(Key::new(
        KeyKind::EntraId,
        format!("{tenant}/{application}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_in_any_case_and_the_empty_one_is_none() {
        let id = "0A1B2C3D-0000-4000-8000-00000000000F";
        assert_eq!(guid(id), Some(id.to_ascii_lowercase()));
        for none in [
            "",
            "00000000-0000-0000-0000-000000000000",
            "0a1b",
            &format!("{id} "),
        ] {
            assert_eq!(guid(none), None, "{none}");
        }
    }

    #[test]
    fn a_list_says_whose_it_is_in_the_address_of_its_description() {
        let page = serde_json::json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications('7f')/federatedIdentityCredentials"});
        assert_eq!(listed_for(page.as_object().unwrap()), Some("7f"));
        let page = serde_json::json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications"});
        assert_eq!(listed_for(page.as_object().unwrap()), None);
    }

    #[test]
    fn where_answers_are_of_two_tenants_none_is_the_one() {
        let (one, other) = (
            "11111111-1111-4111-8111-111111111111",
            "22222222-2222-4222-8222-222222222222",
        );
        let mut estate = Estate::default();
        estate.implied.insert(one.to_owned());
        assert_eq!(estate.tenant(), Some(one));
        estate.implied.insert(other.to_owned());
        assert!(estate.tenant().is_none() && estate.is_of_several());
        estate.state(other);
        assert_eq!(estate.tenant(), Some(other));
    }
}
