//! Whom other issuers vouch for: pools of Google Cloud with their providers, federated credentials
//! of Microsoft Entra, and what the subjects of GitHub's tokens are made of.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Class, Kind, Told};
use serde_json::Value;

use super::config::some;
use super::resource::Resource;
use super::tell::common;
use crate::formats::{Seen, Thing, tree};

/// Members of one binding that are looked at.
const MEMBERS_MAX: usize = 1_000;
const POOL: &str = "google_iam_workload_identity_pool";
const POOL_PROVIDER: &str = "google_iam_workload_identity_pool_provider";

/// Tells of all that `resources` let in by tokens of another issuer.
pub(super) fn all(resources: &[Resource<'_>], seen: &mut Seen) {
    let pools = Pools::of(resources);
    for one in resources {
        match one.type_ {
            "azurerm_federated_identity_credential"
            | "azuread_application_federated_identity_credential" => subject(one, "subject", seen),
            "azuread_application_flexible_federated_identity_credential" => {
                subject(one, "claims_matching_expression", seen);
            }
            "github_actions_organization_oidc_subject_claim_customization_template"
            | "github_actions_repository_oidc_subject_claim_customization_template" => {
                claims(one, seen);
            }
            _ => pools.members(one, seen),
        }
    }
}

/// A subject whose tokens an application or identity of Entra takes.
fn subject(one: &Resource<'_>, named: &str, seen: &mut Seen) {
    let (Some(issuer), Some(subject)) = (one.raw("issuer"), one.raw(named)) else {
        return;
    };
    let thing = Thing::new(
        Kind::Identity,
        subject_of(&one.address),
        "entra_federated_subject",
    )
    .with(|told| common(told, one))
    .is(Attribute::NAME, model::shorten(subject, 300))
    .is(Attribute::CLASS, Class::Workload)
    .is(Attribute::ISSUER, issuer)
    .is(Attribute::SUBJECT, subject)
    .is(Attribute::named("is_pattern"), named != "subject");
    seen.thing(thing);
}

fn subject_of(address: &str) -> String {
    format!("subject of {address}")
}

/// What the subjects of tokens of GitHub's pipelines are made of.
fn claims(one: &Resource<'_>, seen: &mut Seen) {
    let claims = tree::texts(one.values, &["include_claim_keys"]);
    let claims: Vec<String> = claims.into_iter().map(str::to_owned).collect();
    let whose = one.raw("repository").unwrap_or("the organisation");
    let default = one.values.get("use_default").and_then(Value::as_bool);
    let thing = Thing::new(Kind::Resource, one.address.as_str(), "github_oidc_subject")
        .with(|told| common(told, one))
        .is(Attribute::NAME, format!("OIDC subject of {whose}"))
        .maybe(
            Attribute::named("claims"),
            (!claims.is_empty()).then_some(claims),
        )
        .maybe(Attribute::named("default"), default);
    seen.thing(thing);
}

/// The pools of a file by what they are called, with whose tokens they take.
#[derive(Default)]
struct Pools<'a> {
    /// The name of the resource to the pool's own id, where that is written.
    ids: BTreeMap<String, &'a str>,
    providers: BTreeMap<String, Vec<Provider<'a>>>,
}

struct Provider<'a> {
    /// Its source in `${…}`, where it is filled in later.
    issuer: Option<&'a str>,
    condition: Option<&'a str>,
}

impl<'a> Pools<'a> {
    fn of(resources: &[Resource<'a>]) -> Self {
        let mut out = Self::default();
        for one in resources.iter().filter(|one| one.type_ == POOL) {
            let name = one.address.rsplit('.').next().unwrap_or_default();
            let name = name.split('[').next().unwrap_or_default();
            if let Some(id) = one.text("workload_identity_pool_id") {
                out.ids.insert(name.to_owned(), id);
            }
        }
        for one in resources.iter().filter(|one| one.type_ == POOL_PROVIDER) {
            let off = one.values.get("disabled") == Some(&Value::Bool(true));
            let Some(pool) = one.raw("workload_identity_pool_id").filter(|_| !off) else {
                continue;
            };
            let of = |block: &str, name: &str| {
                let mut blocks = one.values.get(block).into_iter().flat_map(some);
                blocks.find_map(|block| block.get(name)?.as_str())
            };
            let provider = Provider {
                issuer: of("oidc", "issuer_uri"),
                condition: one.raw("attribute_condition"),
            };
            let pool = out.called(pool);
            out.providers.entry(pool).or_default().push(provider);
        }
        out
    }

    /// One name for a pool, whether its id stands here or the resource is named that has it.
    fn called(&self, text: &str) -> String {
        let Some((_, rest)) = text.split_once(&format!("{POOL}.")) else {
            return text.to_owned();
        };
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let name = &rest[..end];
        match self.ids.get(name) {
            Some(id) => (*id).to_owned(),
            None => format!("{POOL}.{name}"),
        }
    }

    /// Those whom a grant names by a pool that this file has.
    fn members(&self, one: &Resource<'_>, seen: &mut Seen) {
        if !one.type_.contains("_iam_") {
            return;
        }
        let single = one.values.get("member");
        let members = [single, one.values.get("members")];
        let members = members.into_iter().flatten().flat_map(some);
        for member in members.filter_map(Value::as_str).take(MEMBERS_MAX) {
            let Some((pool, who)) = pool_and_who(member) else {
                continue;
            };
            let pool = self.called(pool);
            if let Some(providers) = self.providers.get(&pool) {
                seen.thing(principal(one, member, (&pool, who), providers));
            }
        }
    }
}

fn principal(
    one: &Resource<'_>,
    member: &str,
    (pool, who): (&str, &str),
    providers: &[Provider<'_>],
) -> Thing {
    let issuers: BTreeSet<String> = providers
        .iter()
        .filter_map(|one| one.issuer.map(str::to_owned))
        .collect();
    let conditions: BTreeSet<&str> = providers.iter().filter_map(|one| one.condition).collect();
    let open = providers.iter().any(|one| one.condition.is_none());
    let narrowed = conditions.into_iter().collect::<Vec<_>>().join("; ");
    let name = match who {
        "*" => format!("{pool}/*"),
        who => who.to_owned(),
    };
    let field = format!("{} {}", one.address, model::shorten(member, 60));
    Thing::new(Kind::Identity, field, "gcp_federated_principal")
        .with(|told| common(told, one))
        .is(Attribute::NAME, name)
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::named("pool"), pool)
        .is(Attribute::named("whole_pool"), who == "*")
        .maybe(
            Attribute::TRUSTS,
            (!issuers.is_empty()).then(|| issuers.into_iter().collect::<Vec<_>>()),
        )
        .with(|told| {
            told.told(
                Attribute::POLICY,
                Told::or_absent((!open).then(|| model::shorten(&narrowed, 500))),
            )
        })
}

/// The pool in `principalSet://iam.googleapis.com/…/workloadIdentityPools/POOL/WHO`, or the
/// reference that stands in its place, and who of it.
fn pool_and_who(member: &str) -> Option<(&str, &str)> {
    let rest = ["principalSet://", "principal://"]
        .iter()
        .find_map(|start| member.strip_prefix(start))?;
    let rest = rest.strip_prefix("iam.googleapis.com/")?;
    let rest = match rest.split_once("/workloadIdentityPools/") {
        Some((_, rest)) => rest,
        None => rest,
    };
    // A slash in an expression ends nothing.
    let end = match rest.starts_with("${") {
        true => rest.find('}')? + 1,
        false => rest.find('/')?,
    };
    let who = rest.get(end..)?.strip_prefix('/')?;
    Some((&rest[..end], who))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_tells_its_pool_written_out_or_by_reference() {
        let number = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/*";
        assert_eq!(pool_and_who(number), Some(("ci", "*")));
        let name = "${google_iam_workload_identity_pool.ci.name}";
        let reference =
            format!("principalSet://iam.googleapis.com/{name}/attribute.repository/acme/shop");
        assert_eq!(
            pool_and_who(&reference),
            Some((name, "attribute.repository/acme/shop"))
        );
        assert_eq!(
            pool_and_who("serviceAccount:x@y.iam.gserviceaccount.com"),
            None
        );
    }
}
