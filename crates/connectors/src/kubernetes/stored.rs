//! Secrets that a cluster keeps: that there are, of what type, whose, and who is handed them.

use model::{
    Attribute, CredentialType, Key, KeyKind, Kind, Observation, Relation, Timestamp, Told,
};

use super::cluster::{At, Cluster, Stored, day};
use super::observe::{Teller, Whole, named};
use super::trust;
use crate::formats::blank;
use crate::formats::kubernetes::object::uid_key;

/// Links of one credential; more are told by name alone.
const LINKS_MAX: usize = 256;
/// The labels that a server writes on tokens in secrets, at most once a day.
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

/// Tells all of them.
pub(super) fn tell(whole: &Whole, out: &mut Teller<'_, '_>) {
    for (at, stored) in &whole.cluster.secrets {
        let users = whole.of_secret.get(at).into_iter().flatten();
        let mut told = stored.told.clone();
        if !stored.type_.is_empty() {
            told = told.is(Attribute::named("secret_type"), stored.type_.as_str());
        }
        let runs = named(users.map(At::shown));
        if !runs.is_empty() {
            told = told.is(Attribute::named("workloads"), runs);
        }
        out.tell(told);
        if let Some(credential) = credential(whole, at, stored) {
            out.tell(credential);
        }
    }
}

/// The credential that a secret is by its type alone.
fn credential(whole: &Whole, at: &At, stored: &Stored) -> Option<Observation> {
    let told = match stored.type_.as_str() {
        "kubernetes.io/service-account-token" => token(whole, at, stored)?,
        "kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg" => {
            of(CredentialType::Password, "registry", stored)
                .is(Attribute::NAME, format!("pull secret {}", at.named()))
                .told(Attribute::EXPIRES_AT, Told::<Timestamp>::CannotTell)
        }
        "kubernetes.io/tls" => {
            let one = trust::certificate(stored.certificate.as_deref()?)?;
            let told = one.told;
            Observation {
                // Another certificate in the same secret is another one.
                native: format!(
                    "tls/{}@{}",
                    stored.told.native.trim_start_matches("secret/"),
                    one.sha256
                ),
                scope: stored.told.scope.clone(),
                ..told
            }
        }
        _ => return None,
    };
    let told = told
        .is(Attribute::named("secret_store"), at.shown())
        .is(Attribute::named("namespace"), at.namespace.as_str());
    Some(used(whole, at, told))
}

fn of(type_: CredentialType, word: &str, stored: &Stored) -> Observation {
    let id = stored.told.native.trim_start_matches("secret/");
    let mut told = blank(type_).is(Attribute::PROVIDER, "kubernetes");
    told.native = format!("{word}/{id}");
    told.scope = stored.told.scope.clone();
    match stored.told.facts.get(&Attribute::CREATED_AT) {
        Some(made) => {
            told.facts.insert(Attribute::CREATED_AT, made.clone());
            told
        }
        None => told,
    }
}

/// A token without an end, as every account once had one.
fn token(whole: &Whole, at: &At, stored: &Stored) -> Option<Observation> {
    let (name, uid) = stored.account.as_ref()?;
    let account = At::new("ServiceAccount", &at.namespace, name);
    let off = stored.labels.contains_key(INVALID_SINCE);
    let mut told = of(CredentialType::KubernetesToken, "token", stored)
        .is(Attribute::NAME, format!("token {}", at.named()))
        .is(Attribute::USER, name.as_str())
        .is(Attribute::STATUS, if off { "disabled" } else { "active" })
        .told(Attribute::EXPIRES_AT, Told::<Timestamp>::Absent)
        .link(Relation::Holder, Kind::Identity, whole.account(&account));
    if let Some(key) = uid.as_deref().and_then(|uid| legacy_key(uid, &at.name)) {
        told = told.key(key);
    }
    Some(last_use(told, stored, &whole.cluster))
}

/// What makes a token in a secret one wherever it is seen: its claims bear no id of its own, but
/// the secret and the account that it is of, and the same claims are signed to the same token.
pub(crate) fn legacy_key(account_uid: &str, secret: &str) -> Option<Key> {
    uid_key(account_uid)?;
    let value = format!("kubernetes/serviceaccount {account_uid}/{secret}");
    (value.len() <= 512).then(|| Key::new(KeyKind::JwtId, value))
}

/// When it was last used, as far as the server watches.
fn last_use(told: Observation, stored: &Stored, cluster: &Cluster) -> Observation {
    let used = stored.labels.get(LAST_USED).and_then(|text| day(text));
    let told = told.told(
        Attribute::LAST_USED_AT,
        match (used, cluster.watched_since) {
            (Some(at), _) => Told::Is(at),
            (None, Some(_)) => Told::Absent,
            (None, None) => Told::CannotTell,
        },
    );
    match cluster.watched_since {
        Some(since) => told.is(Attribute::USES_COUNTED_SINCE, since),
        None => told,
    }
}

/// With whom it is handed to: workloads, and accounts that fetch images with it.
fn used(whole: &Whole, at: &At, told: Observation) -> Observation {
    let runs = whole.of_secret.get(at).into_iter().flatten();
    let runs = runs.filter_map(|run| whole.run(run));
    let first = At::new("ServiceAccount", &at.namespace, "");
    let beside = whole.cluster.accounts.range(first..);
    let beside = beside
        .take_while(|(account, _)| account.namespace == at.namespace)
        .filter(|(_, known)| known.pulls.contains(&at.name));
    let accounts = beside.map(|(_, known)| known.told.native.clone());
    runs.chain(accounts)
        .take(LINKS_MAX)
        .fold(told, |told, native| {
            told.link(Relation::UsedBy, Kind::Identity, native)
        })
}
