//! What a cluster tells, once all of it is there.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Confidence, Kind, Observation, Relation, Told};

use super::cluster::{Account, At, Cluster, Run, native, scope};
use super::rights::{Everyone, Rights};
use super::{cloud, grants, stored};
use crate::files::scrub;
use crate::formats::kubernetes::object::uid_key;
use crate::{Context, formats::Found, variable};

/// Names told beside one thing; more tell nothing new.
const NAMED_MAX: usize = 64;
/// A name in a list is cut at this many characters.
const TEXT_MAX: usize = 400;
/// Owners above owners.
const OWNERS_MAX: usize = 4;

/// What is worked out of a whole cluster before anything of it is told.
pub(super) struct Whole {
    pub(super) cluster: Cluster,
    pub(super) everyone: Everyone,
    /// What runs, pods folded into whoever owns them.
    pub(super) runs: BTreeMap<At, Run>,
    /// The workloads that run as an account.
    pub(super) of_account: BTreeMap<At, BTreeSet<At>>,
    /// The workloads that a secret is handed to.
    pub(super) of_secret: BTreeMap<At, BTreeSet<At>>,
}

impl Whole {
    pub(super) fn of(mut cluster: Cluster) -> Self {
        let runs = folded(&mut cluster);
        let everyone = Everyone::of(&cluster);
        let mut out = Self {
            cluster,
            everyone,
            runs: BTreeMap::new(),
            of_account: BTreeMap::new(),
            of_secret: BTreeMap::new(),
        };
        for (at, run) in &runs {
            let account = At::new("ServiceAccount", &at.namespace, &run.account);
            out.of_account
                .entry(account)
                .or_default()
                .insert(at.clone());
            for name in run.handed.secrets.iter().chain(&run.handed.pulls) {
                let secret = At::new("Secret", &at.namespace, name);
                out.of_secret.entry(secret).or_default().insert(at.clone());
            }
        }
        out.runs = runs;
        out
    }

    /// The native id of an account, known or only spoken of.
    pub(super) fn account(&self, at: &At) -> String {
        let known = self.cluster.accounts.get(at);
        known.map_or_else(
            || native("ServiceAccount", "", at),
            |one| one.told.native.clone(),
        )
    }

    /// The native id of a workload.
    pub(super) fn run(&self, at: &At) -> Option<String> {
        self.runs.get(at).map(|run| run.told.native.clone())
    }
}

/// Hands out what is told: each native id once, and each thing with its cluster.
pub(super) struct Teller<'c, 'p> {
    cx: &'c mut Context<'p>,
    cluster: Option<String>,
    told: BTreeSet<(Kind, String)>,
}

impl Teller<'_, '_> {
    pub(super) fn tell(&mut self, one: Observation) {
        if self.told.insert((one.kind, one.native.clone())) {
            self.cx.observe(match &self.cluster {
                Some(uid) => one.is(Attribute::ACCOUNT, uid.as_str()),
                None => one,
            });
        }
    }

    /// A secret that is written into a workload's variables.
    fn found(&mut self, found: Found, run: &Observation) {
        if let Some(told) = variable::told(self.cx, found, run) {
            self.tell(told);
        }
    }
}

/// Tells all of `cluster`.
pub(super) fn tell(cx: &mut Context<'_>, cluster: Cluster) {
    let mut whole = Whole::of(cluster);
    for what in std::mem::take(&mut whole.cluster.aside) {
        cx.set_aside(what);
    }
    let mut out = Teller {
        cluster: whole.cluster.uid.clone(),
        told: BTreeSet::new(),
        cx,
    };
    for (at, account) in &whole.cluster.accounts {
        out.tell(account_told(&whole, at, account));
    }
    grants::tell(&whole, &mut out);
    cloud::tell(&whole, &mut out);
    stored::tell(&whole, &mut out);
    let runs = whole
        .runs
        .iter()
        .map(|(at, run)| (at.clone(), run_told(&whole, at, run)));
    let runs: Vec<_> = runs.collect();
    for (at, mut told) in runs {
        let found = whole
            .runs
            .get_mut(&at)
            .map(|run| std::mem::take(&mut run.found));
        for one in found.unwrap_or_default() {
            if let Some(secret) = &one.secret {
                scrub(&mut told, &mut String::new(), std::slice::from_ref(secret));
            }
            out.found(one, &told);
        }
        out.tell(told);
    }
    for one in std::mem::take(&mut whole.cluster.others) {
        out.tell(one);
    }
}

fn account_told(whole: &Whole, at: &At, account: &Account) -> Observation {
    let rights = whole.everyone.of_account(at);
    let mut told = with_rights(account.told.clone(), &rights, &whole.cluster);
    let own = whole.everyone.own(at);
    if own.is_some_and(|rights| rights.built_in) {
        told = told.is(Attribute::named("control_plane"), true);
    }
    // Tokens name their account so.
    let subject = format!("system:serviceaccount:{}:{}", at.namespace, at.name);
    told = told.hint("jwt_subject", model::shorten(&subject, 256));
    let runs = whole.of_account.get(at).into_iter().flatten();
    let runs = named(runs.map(At::shown));
    told.told(
        Attribute::named("workloads"),
        match (runs.is_empty(), whole.cluster.knows_runs()) {
            (false, _) => Told::Is(runs),
            (true, true) => Told::Absent,
            (true, false) => Told::CannotTell,
        },
    )
}

/// `told` with what its bindings let it do.
pub(super) fn with_rights(told: Observation, rights: &Rights, cluster: &Cluster) -> Observation {
    let known = cluster.knows_bindings();
    let bindings = named(rights.bindings.iter().cloned());
    let powers = named(rights.told().into_iter());
    let told = told
        .told(
            Attribute::named("bindings"),
            match (bindings.is_empty(), known) {
                (false, _) => Told::Is(bindings),
                (true, true) => Told::Absent,
                (true, false) => Told::CannotTell,
            },
        )
        .told(
            Attribute::PRIVILEGE,
            match rights.privilege() {
                Some(word) => Told::Is(word),
                None if known && !rights.unknown => Told::Absent,
                None => Told::CannotTell,
            },
        );
    if powers.is_empty() {
        told
    } else {
        told.is(Attribute::named("sensitive_rights"), powers)
    }
}

fn run_told(whole: &Whole, at: &At, run: &Run) -> Observation {
    let account = At::new("ServiceAccount", &at.namespace, &run.account);
    let known = whole.cluster.accounts.get(&account);
    let mut told =
        run.told
            .clone()
            .link(Relation::MemberOf, Kind::Identity, whole.account(&account));
    let stated = run
        .automount
        .or(known.and_then(|account| account.automount));
    let mounted = run.mounted || stated.unwrap_or(true);
    let attribute = Attribute::named("token_mounted");
    told = match (stated, run.mounted, known) {
        // Nobody tells whether its account says otherwise: this is what a server does then.
        (None, false, None) => told.concluded(attribute, true, Confidence::Derived),
        _ => told.is(attribute, mounted),
    };
    if mounted {
        let rights = whole.everyone.of_account(&account);
        let word = match rights.privilege() {
            Some(word) => Some(word),
            None if !rights.bindings.is_empty() => Some("some"),
            None if whole.cluster.knows_bindings() && !rights.built_in => Some("none"),
            None => None,
        };
        if let Some(word) = word {
            told = told.is(Attribute::named("account_rights"), word);
        }
        let powers = named(rights.told().into_iter());
        if !powers.is_empty() {
            told = told.is(Attribute::named("sensitive_rights"), powers);
        }
    }
    match (known.is_some(), whole.cluster.lacks(&account)) {
        (false, false) => told,
        (_, missing) => told.is(Attribute::named("account_missing"), missing),
    }
}

/// What runs by itself, with what pods tell of it, and what only pods tell of.
fn folded(cluster: &mut Cluster) -> BTreeMap<At, Run> {
    let mut runs = std::mem::take(&mut cluster.runs);
    for (owner, pod) in std::mem::take(&mut cluster.pods) {
        let (root, uid) = root(cluster, owner);
        match runs.get_mut(&root) {
            Some(run) => run.mounted |= pod.mounted,
            None => drop(runs.insert(root.clone(), standing_for(&root, uid, pod))),
        }
    }
    runs
}

/// Whoever is at the top of the owners of `at`, and its uid where another one than `at`.
fn root(cluster: &Cluster, mut at: At) -> (At, Option<String>) {
    let mut uid = None;
    for _ in 0..OWNERS_MAX {
        let Some((owner, of)) = cluster.owners.get(&at) else {
            break;
        };
        (at, uid) = (owner.clone(), Some(of.clone()));
    }
    (at, uid)
}

/// A workload that nobody tells of but its pods.
fn standing_for(at: &At, uid: Option<String>, mut pod: Run) -> Run {
    let told = &mut pod.told;
    if let Some(uid) = uid {
        told.native = native(&at.kind, &uid, at);
        told.keys = uid_key(&uid).into_iter().collect();
    }
    // What is a pod's own changes with each of them.
    for own in [Attribute::TAGS, Attribute::CREATED_AT] {
        told.facts.remove(&own);
    }
    told.scope = scope("pods", &at.namespace);
    let type_ = crate::formats::kubernetes::object::type_of(&at.kind);
    pod.told = pod
        .told
        .is(Attribute::TYPE, type_)
        .is(Attribute::NAME, at.name.as_str());
    pod
}

/// The first of some names, and how many more there are.
pub(super) fn named(names: impl Iterator<Item = String>) -> Vec<String> {
    let names = names.map(|name| model::shorten(&name, TEXT_MAX));
    let all: BTreeSet<String> = names.collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    let mut first: Vec<String> = all.into_iter().take(NAMED_MAX).collect();
    if more > 0 {
        first.push(format!("and {more} more"));
    }
    first
}
