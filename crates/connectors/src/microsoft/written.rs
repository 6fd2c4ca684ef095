//! What was learnt, as observations: each is told once all answers are read, because a grant speaks
//! of an application that another answer describes.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Attribute, Class, Confidence, CredentialType, Key, KeyKind, Kind, Observation, Reason,
    Relation, Scope, Timestamp, Told,
};

use super::apps::{App, Federated, Held};
use super::arm::{Managed, short};
use super::grants::{Right, native, object_key, subject_native};
use super::{Estate, LIST_MAX, THINGS_MAX};
use crate::{Context, Refusal, Stop};

/// Tenants in which Microsoft registers its own applications.
const MICROSOFT: [&str; 2] = [
    "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
    "72f988bf-86f1-41af-91ab-2d7cd011db47",
];

/// Tells what was found, what was set aside, and what was more than is kept.
pub(crate) fn tell(cx: &mut Context<'_>, estate: &mut Estate) -> Result<(), Stop> {
    estate.settle();
    let telling = Telling::of(estate, cx.now);
    let (all, own) = telling.all();
    for one in all {
        cx.observe(one);
    }
    for _ in 0..own {
        cx.set_aside("application of Microsoft's own");
    }
    for (what, count) in &estate.set_aside {
        for _ in 0..*count {
            cx.set_aside(what);
        }
    }
    if estate.nameless > 0 {
        let told = format!("{} owners came without a name", estate.nameless);
        let refusal = Refusal::new(Reason::Denied, told);
        cx.gap(&Scope::of("owners"), &refusal, Some("User.ReadBasic.All"))?;
    }
    let mut gap = |reason, told: String| cx.gap(&Scope::whole(), &Refusal::new(reason, told), None);
    if estate.beyond > 0 {
        let told = format!(
            "{} more things than the limit of {THINGS_MAX}",
            estate.beyond
        );
        gap(Reason::Unsupported, told)?;
    }
    if estate.crowded > 0 {
        let told = format!(
            "{} more credentials than one application can have",
            estate.crowded
        );
        gap(Reason::Unsupported, told)?;
    }
    if estate.odd > 0 {
        let told = format!(
            "{} things bear ids that Microsoft gives to nothing",
            estate.odd
        );
        gap(Reason::Failed, told)?;
    }
    if estate.is_of_several() {
        let told = "these answers are of several tenants, so that none can be told from another; \
            read those of each tenant by themselves";
        gap(Reason::Unsupported, told.to_owned())?;
    }
    Ok(())
}

impl Estate {
    /// Concludes what no answer says by itself.
    pub(crate) fn settle(&mut self) {
        // What is registered in this tenant has it as its home.
        let here = self.apps.values().filter(|app| app.registered.is_some());
        let homes: Vec<String> = here.filter_map(|app| app.home.clone()).collect();
        self.implied.extend(homes);
    }
}

/// Everything that was learnt, as lines of one need it of others.
pub(super) struct Telling<'e> {
    pub(super) estate: &'e Estate,
    pub(super) tenant: Option<&'e str>,
    now: Timestamp,
    held: BTreeMap<&'e str, Vec<(&'e str, &'e Held)>>,
    /// Rights by object id of the principal.
    granted: BTreeMap<&'e str, Vec<Right>>,
    /// Certificates that several credentials have: of those none is the certificate.
    doubtful: BTreeSet<&'e str>,
    trusted: BTreeMap<String, BTreeSet<String>>,
    /// Managed identities of their own, by resource id.
    pub(super) resources: BTreeMap<&'e str, &'e str>,
}

impl<'e> Telling<'e> {
    fn of(estate: &'e Estate, now: Timestamp) -> Self {
        let mut telling = Self {
            estate,
            tenant: estate.tenant(),
            now,
            held: BTreeMap::new(),
            granted: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            trusted: BTreeMap::new(),
            resources: BTreeMap::new(),
        };
        for (id, app) in &estate.apps {
            if let Some((resource, true)) = &app.resource {
                telling.resources.insert(resource, id);
            }
        }
        let mut met = BTreeSet::new();
        for (id, one) in &estate.credentials {
            telling.held.entry(&one.app).or_default().push((id, one));
            if let Some(certificate) = &one.certificate
                && !met.insert(certificate.0.as_str())
            {
                telling.doubtful.insert(&certificate.0);
            }
        }
        for one in estate.grants.values() {
            let rights = telling.rights_of(one);
            telling
                .granted
                .entry(&one.principal)
                .or_default()
                .extend(rights);
        }
        for one in estate.federated.values() {
            if let Some((as_whom, _)) = telling.acts_as(one) {
                telling
                    .trusted
                    .entry(as_whom)
                    .or_default()
                    .insert(subject_native(one));
            }
        }
        telling
    }

    /// All of it, and how many applications are Microsoft's own business.
    fn all(&self) -> (Vec<Observation>, u64) {
        let (mut all, mut own) = (Vec::new(), 0);
        for (id, app) in &self.estate.apps {
            if self.is_microsofts(id, app) {
                own += 1;
            } else {
                all.push(self.app(id, app));
            }
        }
        for (id, one) in &self.estate.managed {
            if !self.estate.objects.contains_key(id) {
                all.push(self.managed(id, one));
            }
        }
        all.extend(
            self.estate
                .credentials
                .iter()
                .map(|(id, one)| self.credential(id, one)),
        );
        let mut subjects = BTreeMap::<String, Vec<&Federated>>::new();
        for (id, one) in &self.estate.federated {
            subjects.entry(subject_native(one)).or_default().push(one);
            all.push(self.federation(id, one));
        }
        all.extend(subjects.values().filter_map(|each| self.subject(each)));
        all.extend(
            self.estate
                .grants
                .iter()
                .map(|(id, one)| self.grant(id, one)),
        );
        all.extend(self.estate.others.values().cloned());
        let mut met = BTreeSet::new();
        all.retain(|one| met.insert((one.kind, one.native.clone())));
        (all, own)
    }

    /// An application that Microsoft registers and runs, and to which nobody here gave anything.
    fn is_microsofts(&self, id: &str, app: &App) -> bool {
        let theirs = app
            .home
            .as_deref()
            .is_some_and(|home| MICROSOFT.contains(&home));
        let granted = app
            .principal
            .as_deref()
            .is_some_and(|one| self.granted.contains_key(one));
        theirs
            && self.tenant != app.home.as_deref()
            && !granted
            && !self.held.contains_key(id)
            && app.owners.is_empty()
    }

    pub(super) fn app_of(&self, principal: &str) -> Option<(&'e str, &'e App)> {
        let id = self.estate.objects.get(principal)?;
        Some((id, self.estate.apps.get(id)?))
    }

    /// What the roll calls the principal with this object id.
    pub(super) fn identity_of(&self, principal: &str) -> Option<String> {
        match self.estate.objects.get(principal) {
            Some(app) => Some(format!("app/{app}")),
            None if self.estate.managed.contains_key(principal) => {
                Some(format!("principal/{principal}"))
            }
            None => None,
        }
    }

    /// Whose application it is, where it is of another tenant.
    pub(super) fn vendor(&self, app: &App) -> Option<String> {
        let home = app.home.as_deref()?;
        let theirs = app.registered.is_none() && self.tenant.is_some_and(|tenant| tenant != home);
        theirs.then(|| model::shorten(app.publisher.as_deref().unwrap_or(home), 200))
    }

    fn app(&self, id: &str, app: &App) -> Observation {
        let managed = app.kind.as_deref() == Some("ManagedIdentity");
        let agent = app.blueprint.is_some() || app.kind.as_deref() == Some("ServiceIdentity");
        let vendor = self.vendor(app);
        let own = app.resource.as_ref().is_some_and(|(_, own)| *own);
        let (of_type, class) = match (managed, agent) {
            (true, _) if own => ("azurerm_user_assigned_identity", Class::Workload),
            (true, _) => ("azure_system_assigned_identity", Class::Workload),
            (_, true) => ("entra_agent_identity", Class::Agentic),
            _ if app.registered.is_some() => ("azuread_application", Class::Workload),
            _ if vendor.is_some() => ("azuread_service_principal", Class::Integration),
            _ => ("azuread_service_principal", Class::Workload),
        };
        let part = match (&app.registered, &app.principal) {
            (Some(_), _) => "applications",
            _ if self.estate.met.contains("service principals") => "service_principals",
            _ => "managed_identities",
        };
        let tenant = app
            .principal
            .as_ref()
            .and_then(|one| self.estate.managed.get(one)?.tenant.as_deref())
            .or(self.tenant);
        let mut one = Observation::new(Kind::Identity, format!("app/{id}"), &Scope::of(part))
            .is(
                Attribute::NAME,
                model::shorten(app.name.as_deref().unwrap_or(id), 200),
            )
            .is(Attribute::TYPE, of_type)
            .is(Attribute::PROVIDER, "azure")
            .is(Attribute::CLASS, class)
            .told(Attribute::ACCOUNT, Told::or_cannot_tell(tenant))
            .told(Attribute::CREATED_AT, Told::or_cannot_tell(app.made))
            .told(
                Attribute::STATUS,
                Told::or_cannot_tell(app.enabled.map(on_or_off)),
            )
            .is(Attribute::named("application_id"), id)
            .hint("cloud_identity", id);
        if let Some(key) = super::application_key(tenant, Some(id)) {
            one = one.key(key);
        }
        if let Some(object) = &app.principal {
            one = one
                .is(Attribute::named("object_id"), object.as_str())
                .key(object_key(object));
        }
        one = owned(one, app);
        one = self.described(one, app, vendor);
        one = self.keys(one, id, managed);
        if let Some(subjects) = self.trusted.get(&format!("app/{id}")) {
            one = self.trusting(one, subjects);
        }
        if let Some((resource, own)) = &app.resource {
            one = self.working(one, resource, *own);
        }
        self.used(self.may(one, id), id)
    }

    fn described(&self, mut one: Observation, app: &App, vendor: Option<String>) -> Observation {
        let names = [
            ("sign_in_audience", &app.audience),
            ("home_tenant", &app.home),
            ("publisher", &app.publisher),
            ("blueprint", &app.blueprint),
        ];
        for (name, told) in names {
            if let Some(told) = told {
                one = one.is(Attribute::named(name), model::shorten(told, 300));
            }
        }
        if let Some(note) = &app.note {
            one = one.is(Attribute::COMMENT, model::shorten(note, 300));
        }
        // Who registered it is told by its service principal alone.
        if app.home.is_some() && self.tenant.is_some() {
            one = one.is(Attribute::named("third_party"), vendor.is_some());
        }
        match vendor {
            Some(vendor) => one.is(Attribute::named("vendor"), vendor),
            None => one,
        }
    }

    /// How many credentials let in as it now.
    fn keys(&self, one: Observation, id: &str, managed: bool) -> Observation {
        let read = ["applications", "service principals"];
        let read = managed || read.iter().any(|one| self.estate.met.contains(one));
        let held = self.held.get(id).map(Vec::as_slice).unwrap_or_default();
        let live = held
            .iter()
            .filter(|(_, one)| !one.signs && one.end.is_none_or(|end| end > self.now));
        let count = i64::try_from(live.count()).unwrap_or(i64::MAX);
        one.told(
            Attribute::named("active_keys"),
            Told::or_cannot_tell(read.then_some(count)),
        )
    }

    fn trusting(&self, one: Observation, subjects: &BTreeSet<String>) -> Observation {
        let names = subjects.iter().take(LIST_MAX).map(|one| {
            let told = one.strip_prefix("subject/").unwrap_or(one);
            told.replacen('|', " ", 1)
        });
        let mut one = one.is(Attribute::TRUSTS, names.collect::<Vec<_>>());
        for subject in subjects.iter().take(LIST_MAX) {
            one = one.link(Relation::Trusts, Kind::Identity, subject.as_str());
        }
        one
    }

    /// What works as a managed identity.
    fn working(&self, one: Observation, resource: &str, own: bool) -> Observation {
        let one = one
            .is(
                Attribute::named("assigned"),
                if own { "user" } else { "system" },
            )
            .is(
                Attribute::named("resource_id"),
                model::shorten(resource, 500),
            );
        if !self.estate.met.contains("resources") {
            return one.told::<&str>(Attribute::named("workloads"), Told::CannotTell);
        }
        let users = self.estate.workloads.get(resource);
        let names = users
            .into_iter()
            .flatten()
            .take(LIST_MAX)
            .map(|one| short(one));
        let names: Vec<String> = names.collect();
        let told = Told::or_absent((!names.is_empty()).then_some(names));
        one.told(Attribute::named("workloads"), told)
    }

    /// A principal of a resource of which the directory did not tell.
    fn managed(&self, id: &str, managed: &Managed) -> Observation {
        let tenant = managed.tenant.as_deref().or(self.tenant);
        let of_type = "azure_system_assigned_identity";
        let name = managed.resource.rsplit('/').next().unwrap_or(id);
        let part = Scope::of("managed_identities");
        let one = Observation::new(Kind::Identity, format!("principal/{id}"), &part)
            .is(Attribute::NAME, model::shorten(name, 200))
            .is(Attribute::TYPE, of_type)
            .is(Attribute::PROVIDER, "azure")
            .is(Attribute::CLASS, Class::Workload)
            .told(Attribute::ACCOUNT, Told::or_cannot_tell(tenant))
            .is(Attribute::named("object_id"), id)
            .key(object_key(id));
        let one = self.working(one, &managed.resource, managed.own);
        self.may_as(one, &[id])
    }

    /// What an application may do, as far as grants were told.
    fn may(&self, one: Observation, app: &str) -> Observation {
        let principal = self
            .estate
            .apps
            .get(app)
            .and_then(|app| app.principal.as_deref());
        self.may_as(one, &[principal.unwrap_or_default()])
    }

    /// What somebody may do who works as any of these principals.
    pub(super) fn may_as(&self, one: Observation, principals: &[&str]) -> Observation {
        let met = |what: &[&str]| what.iter().all(|one| self.estate.met.contains(one));
        let rights = principals.iter().filter_map(|one| self.granted.get(one));
        let rights: Vec<&Right> = rights.flatten().collect();
        let admin = rights.iter().any(|right| right.admin);
        let privilege = match admin {
            true => Told::Is("admin"),
            // Azure's roles are told by another source, and rule other things.
            false if met(&["roles of applications", "roles of the directory"]) => Told::Absent,
            false => Told::CannotTell,
        };
        let consents = met(&["roles of applications", "consent"]);
        let wide: BTreeSet<&str> = rights
            .iter()
            .flat_map(|right| right.wide.iter())
            .map(String::as_str)
            .collect();
        let wide: Vec<String> = wide.into_iter().take(LIST_MAX).map(str::to_owned).collect();
        let wide = match (wide.is_empty(), consents) {
            (false, _) => Told::Is(wide),
            (true, true) => Told::Absent,
            (true, false) => Told::CannotTell,
        };
        let names: BTreeSet<&str> = rights.iter().map(|right| right.told.as_str()).collect();
        let names: Vec<String> = names
            .into_iter()
            .take(LIST_MAX)
            .map(str::to_owned)
            .collect();
        let known = !names.is_empty() || consents;
        one.told(Attribute::PRIVILEGE, privilege)
            .told(Attribute::named("wide_rights"), wide)
            .told(
                Attribute::RIGHTS,
                Told::or_cannot_tell(known.then_some(names)),
            )
    }

    fn used(&self, one: Observation, app: &str) -> Observation {
        // The reports leave out what did not sign in since they began, and do not say when.
        let last = self.estate.signed_in.get(app).copied();
        one.told(Attribute::LAST_USED_AT, Told::or_cannot_tell(last))
    }

    fn credential(&self, id: &str, held: &Held) -> Observation {
        let app = self.estate.apps.get(&held.app);
        let off = app.and_then(|app| app.enabled) == Some(false);
        let of = app.and_then(|app| app.name.as_deref()).unwrap_or(&held.app);
        let of_type = if held.is_password {
            CredentialType::Password
        } else {
            CredentialType::X509Certificate
        };
        let name = match &held.name {
            Some(name) => format!("{name} of {of}"),
            None => format!("credential of {of}"),
        };
        let mut one =
            Observation::new(Kind::Credential, format!("key/{id}"), &Scope::of(held.part))
                .is(Attribute::NAME, model::shorten(&name, 300))
                .is(Attribute::TYPE, of_type)
                .is(Attribute::PROVIDER, "azure")
                .is(Attribute::USER, held.app.as_str())
                .told(Attribute::ACCOUNT, Told::or_cannot_tell(self.tenant))
                .told(Attribute::CREATED_AT, Told::or_cannot_tell(held.start))
                .told(Attribute::VALID_FROM, Told::or_cannot_tell(held.start))
                .told(Attribute::EXPIRES_AT, Told::or_absent(held.end))
                .is(Attribute::STATUS, on_or_off(!off))
                .told(
                    Attribute::LAST_USED_AT,
                    Told::or_cannot_tell(self.estate.keys_used.get(id).copied()),
                )
                .key(Key::new(KeyKind::EntraId, id))
                .link(
                    Relation::Holder,
                    Kind::Identity,
                    native(&format!("app/{}", held.app)),
                );
        if held.signs {
            one = one.is(Attribute::PURPOSE, "signs tokens for people who sign in");
        }
        if let Some(print) = &held.thumbprint {
            one = one.is(Attribute::named("thumbprint"), print.as_str());
            one = one.hint("certificate_sha1", print.as_str());
        }
        match &held.certificate {
            Some(certificate) => self.certified(one, &certificate.0, &certificate.1),
            None => one,
        }
    }

    /// With what the certificate itself tells.
    fn certified(&self, mut one: Observation, sha256: &str, told: &Observation) -> Observation {
        for (name, fact) in &told.facts {
            one.facts
                .entry(name.clone())
                .or_insert_with(|| fact.clone());
        }
        for (kind, value) in &told.hints {
            one = one.hint(kind, value.as_str());
        }
        one.links.extend(told.links.iter().cloned());
        // One certificate under two ids is two credentials, of which neither is the file.
        if self.doubtful.contains(sha256) {
            one.hint("certificate_sha256", sha256)
        } else {
            one.key(Key::new(KeyKind::CertificateSha256, sha256))
        }
    }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "active" } else { "disabled" }
}

/// Whom the directory names as owners; a suggestion, as everywhere.
fn owned(one: Observation, app: &App) -> Observation {
    let listed = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
    let mut one = one;
    if !app.owners.is_empty() {
        let names = listed(&app.owners);
        one = one
            .concluded(Attribute::OWNER_HINT, names.join(", "), Confidence::Stated)
            .is(Attribute::named("owners"), names);
    }
    if !app.sponsors.is_empty() {
        one = one.is(Attribute::named("sponsors"), listed(&app.sponsors));
    }
    one
}
