//! What is wrong: rules over one thing at a time, each answering pass, fail or unknown.
//!
//! To add a rule: write `src/rules/<name>.rs`, add it to [`RULES`], put its cases (a hit and a
//! near miss at least) under `testdata/rules/<id>.toml`. Nothing else changes.
//!
//! **Invariant:** a rule that cannot judge says unknown and never pass. Held by
//! `what_no_source_tells_is_never_a_pass`.
//!
//! **Invariant:** no clock: the same thing at the same `now` gives the same findings in the
//! same order. Held by `two_runs_give_the_same_findings_in_the_same_order`.

mod covered;
mod environments;
mod next;
mod place;
mod print;
mod risk;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use inventory::Conflict;
use inventory::owners::{self, Left};
use model::{
    Attribute, Duration, Entity, EntityId, Finding, FindingId, Kind, Mute, Place, Severity,
    SourceId, State, Suggested, Timestamp, Told, Validity, Verdict,
};

pub use covered::{Inventories, Inventory, LogWindow, NO_INVENTORY, PART_OF_INVENTORY};
pub use environments::{environment, namesakes};
pub use next::{REVOKING, is_revocable};
pub use rules::RULES;

/// Types of resources that rules judge. Of most there is nothing to be said, and of some millions.
pub const JUDGED_RESOURCES: &[&str] = &["github_oidc_subject", "ssh_host_key"];

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name, as findings and mutes carry it.
    pub id: &'static str,
    /// What it looks for, in one line.
    pub title: &'static str,
    /// OWASP Non-Human Identities Top 10, 2025.
    pub owasp: &'static str,
    /// How much a hit matters before the risk factors are counted.
    pub severity: Severity,
    /// The command to type next; `{id}` is the thing, `{holder}` its identity.
    pub next: &'static str,
    /// The judgement. Empty: the rule does not apply to this thing.
    check: fn(&Thing<'_>, &Ground) -> Vec<Ruling>,
}

/// One answer of a rule, perhaps at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Pass, fail or unknown, and why.
    pub verdict: Verdict,
    /// Where it lies, for rules about places.
    pub place: Option<Place>,
}

/// A thing on the roll with what it stands next to.
#[derive(Clone, Copy, Debug)]
pub struct Thing<'a> {
    /// The thing itself.
    pub entity: &'a Entity,
    /// The identity a credential belongs to, if that is known.
    pub holder: Option<&'a Entity>,
    /// Who answers for it or for its holder, as a person has confirmed.
    pub owner: Option<&'a str>,
    /// The merges it was kept from (CV-32); `None`: too much hangs together to say.
    pub refused: Option<&'a [Conflict]>,
    /// Who works with it, as sources tell: each workload once, however many saw it.
    pub users: &'a [Workload],
    /// Identities of its type in other environments that bear its name.
    pub twins: &'a [Twin],
}

/// An identity that bears a thing's name, words for environments apart, in another environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// The environment of the thing itself, as [`environment`] writes it.
    pub own: String,
    /// That of the other one.
    pub environment: String,
    /// Everything all sources tell of the other one.
    pub entity: Entity,
}

/// A workload that works with a credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    /// What it is on the roll; none: only a source speaks of it.
    pub id: Option<EntityId>,
    /// What people call it.
    pub name: String,
    /// Its type in its provider's words; empty: no source tells.
    pub type_: String,
    /// Who tells that it works with the credential.
    pub sources: BTreeSet<SourceId>,
}

/// What is the same for every thing.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The instant of judgement.
    pub now: Timestamp,
    /// How old a credential may grow without rotation.
    pub age_max: Duration,
    /// How long before its end a credential counts as expiring.
    pub notice: Duration,
    /// Who has left, as a list of leavers tells; nobody where none is on the roll.
    pub left: Left,
    /// Where the latest revocation of a thing stands.
    pub revocations: BTreeMap<EntityId, State>,
    /// Which inventories were read, and when.
    pub inventories: Inventories,
    /// Over which window which logs tell of uses.
    pub logs: Vec<LogWindow>,
}

impl Ground {
    /// The defaults: 90 days without rotation, 30 days of notice.
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            age_max: Duration::days(90),
            notice: Duration::days(30),
            left: Left::nobody(),
            revocations: BTreeMap::new(),
            inventories: Inventories::none(),
            logs: Vec::new(),
        }
    }
}

/// Every answer of every rule about one thing, passes included, in the order of [`RULES`].
pub fn rulings(thing: &Thing<'_>, ground: &Ground) -> Vec<(&'static Rule, Ruling)> {
    RULES
        .iter()
        .copied()
        .flat_map(|rule| {
            (rule.check)(thing, ground)
                .into_iter()
                .map(move |ruling| (rule, ruling))
        })
        .collect()
}

/// The failures and unknowns about one thing, in the order of [`RULES`] and of places.
pub fn assess(thing: &Thing<'_>, ground: &Ground, mutes: &[Mute]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        let mut ordinal = 0;
        for ruling in (rule.check)(thing, ground) {
            if ruling.verdict != Verdict::Pass {
                findings.push(finding(rule, ruling, ordinal, thing, ground, mutes));
                ordinal += 1;
            }
        }
    }
    if let Some(suggested) = suggested(thing, ground, &findings) {
        for finding in &mut findings {
            finding.suggested = Some(suggested.clone());
        }
    }
    findings
}

/// The likeliest owner of what has findings and no confirmed owner.
fn suggested(thing: &Thing<'_>, ground: &Ground, findings: &[Finding]) -> Option<Suggested> {
    if thing.owner.is_some() || findings.is_empty() {
        return None;
    }
    owners::suggest(thing.entity, thing.holder, &ground.left, ground.now).likely()
}

fn finding(
    rule: &'static Rule,
    ruling: Ruling,
    ordinal: u32,
    thing: &Thing<'_>,
    ground: &Ground,
    mutes: &[Mute],
) -> Finding {
    let place = ruling
        .place
        .as_ref()
        .map(|place| place.path.as_str())
        .unwrap_or_default();
    // One place has one name however many other places come and go; ordinals count within it.
    let ordinal = if place.is_empty() { ordinal } else { 0 };
    let id = FindingId::of(rule.id, place, ordinal, &thing.entity.id);
    let factors = risk::factors(rule, &ruling, thing, ground);
    let print = print::of(rule, &ruling, thing.entity);
    let place = ruling.place.or_else(|| place::of(thing.entity));
    Finding {
        print,
        mute: mutes
            .iter()
            .find(|mute| mute.finding == id && ground.now < mute.until)
            .cloned(),
        id,
        rule: rule.id,
        title: rule.title,
        owasp: rule.owasp,
        entity: thing.entity.id.clone(),
        name: thing.entity.name().to_owned(),
        source: place::source(thing.entity, place.as_ref()).cloned(),
        place,
        next: next::of(rule, thing, &ruling.verdict),
        verdict: ruling.verdict,
        severity: rule.severity,
        risk: risk::total(&factors),
        factors,
        validity: thing.validity(),
        owner: thing.owner.map(str::to_owned),
        suggested: None,
    }
}

impl Ruling {
    fn of(verdict: Verdict) -> Vec<Self> {
        vec![Self {
            verdict,
            place: None,
        }]
    }
    fn pass() -> Vec<Self> {
        Self::of(Verdict::Pass)
    }
    fn fail(why: impl Into<String>) -> Vec<Self> {
        Self::of(Verdict::Fail(why.into()))
    }
    fn unknown(why: impl Into<String>) -> Vec<Self> {
        Self::of(Verdict::Unknown(why.into()))
    }
}

impl<'a> Thing<'a> {
    /// Whether it is a credential that some source still finds.
    /// A place that only names a credential holds none: its value lies elsewhere.
    fn is_live_credential(&self) -> bool {
        let named = self.entity.fact(&Attribute::BY_REFERENCE);
        let named = named.is().and_then(|named| named.flag());
        self.entity.kind == Kind::Credential
            && self.entity.missing_since.is_none()
            && named != Some(true)
    }

    /// The type, in the store's word.
    fn type_(&self) -> &'a str {
        self.entity.text(&Attribute::TYPE).unwrap_or_default()
    }

    /// The places in which its secret lies, each once.
    fn places(&self) -> std::collections::BTreeSet<&'a str> {
        let told = self.entity.facts.get(&Attribute::PLACE);
        told.into_iter()
            .flatten()
            .filter_map(|fact| fact.told.is()?.text())
            .collect()
    }

    /// The best word on `attribute` from the credential, else from its holder.
    fn own_or_holders(&self, attribute: &Attribute) -> Told<&'a model::Value> {
        match (self.entity.fact(attribute), self.holder) {
            (Told::CannotTell, Some(holder)) => holder.fact(attribute),
            (told, _) => told,
        }
    }

    /// Whether its provider lets it in, where it was asked.
    fn validity(&self) -> Option<Validity> {
        self.entity.text(&Attribute::VALIDITY)?.parse().ok()
    }

    /// Whether `member` is the secret in a file, and not what its provider keeps.
    fn lies_in_file(&self, member: &model::Member) -> bool {
        let of = |fact: &model::SourcedFact| {
            fact.source == member.sighting.source && fact.native == member.sighting.native
        };
        let places = self.entity.facts.get(&Attribute::PLACE);
        places.is_some_and(|facts| facts.iter().any(|one| of(one) && one.told.is().is_some()))
    }

    /// Whether a revocation of it was proven, and its provider has not shown it since.
    fn is_proven_dead(&self, ground: &Ground) -> bool {
        let Some(State::Proven { at, .. }) = ground.revocations.get(&self.entity.id) else {
            return false;
        };
        let shown_again = |member: &&model::Member| {
            member.missing_since.is_none() && member.last_seen > *at && !self.lies_in_file(member)
        };
        !self.entity.members.iter().any(|one| shown_again(&one))
    }

    /// Whether its provider says that it, or its holder, is switched off.
    fn is_off(&self) -> bool {
        let off = |entity: &Entity| {
            matches!(
                entity.text(&Attribute::STATUS),
                Some("inactive" | "disabled")
            )
        };
        off(self.entity) || self.holder.is_some_and(off)
    }
}
