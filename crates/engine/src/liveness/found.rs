//! Which credentials can be asked for, and how.

use std::collections::{BTreeMap, BTreeSet};

use connectors::Detector;
use leaks::live::{Check, Checks, Unasked};
use model::{Attribute, EntityId, KeyKind, Kind, Observation, Secret, SourceId};
use store::Filter;

use super::{Liveness, Query, Round, Way};
use crate::secrets::Secrets;
use crate::{Engine, Error};

/// More credentials are not asked for in one run.
const ASKED_MAX: usize = 10_000;
/// The rule whose finds are pairs of an access key's id and its secret.
const AWS_SECRET: &str = "aws-secret-access-key";

/// An AWS access key: the secret signs, the id says with whose.
pub(crate) struct Pair {
    /// `AKIA…`.
    pub(crate) id: String,
}

/// A credential that a source holds, before it is read again.
struct Candidate {
    /// The rule that found it; formats find without one.
    rule: Option<String>,
    /// The name of the variable or field it lies in.
    field: String,
    user: Option<String>,
    aws_key: Option<String>,
}

pub(super) fn checks() -> Result<&'static Checks, Error> {
    Checks::builtin()
        .map_err(|why| Error::Unfit(format!("the checks for liveness cannot be used: {why}")))
}

pub(super) fn round(engine: &Engine, sources: &[SourceId], how: &Liveness) -> Result<Round, Error> {
    let mut round = Round {
        questions: Vec::new(),
        unasked: BTreeMap::new(),
    };
    let mut done = BTreeSet::new();
    for source in sources {
        let candidates = candidates(engine, source, &mut done)?;
        let natives: Vec<String> = candidates.keys().cloned().collect();
        let mut secrets = engine.read_again(source, &natives);
        for (native, candidate) in candidates {
            let made = match secrets.remove(&native) {
                Some(secret) if round.questions.len() < ASKED_MAX => query(candidate, secret, how)?,
                Some(_) => Err(format!(
                    "more than {ASKED_MAX} are not asked for in one run"
                )),
                None => Err("it lies no more where it was seen, or only its name does".to_owned()),
            };
            match made {
                Ok(query) => round.questions.push(query),
                Err(why) => *round.unasked.entry(why).or_default() += 1,
            }
        }
    }
    Ok(round)
}

/// The credentials that `source` finds, each thing once, by the native id under which it is seen.
fn candidates(
    engine: &Engine,
    source: &SourceId,
    done: &mut BTreeSet<EntityId>,
) -> Result<BTreeMap<String, Candidate>, Error> {
    let filter = Filter {
        kind: Some(Kind::Credential),
        source: Some(source.clone()),
        missing: Some(false),
        ..Filter::default()
    };
    let mut seen = Vec::new();
    engine.each(&filter, &mut |looked| {
        let mut members = looked.entity.members.iter();
        let here = members.find(|member| {
            member.sighting.source == *source
                && member.missing_since.is_none()
                && connectors::may_be_read_again(&member.sighting.native)
        });
        if let Some(member) = here
            && done.insert(looked.entity.id.clone())
        {
            seen.push(member.sighting.clone());
        }
        Ok(true)
    })?;
    let sightings = engine
        .store
        .read(|reading| reading.sightings(&engine.tenant, &seen))?;
    Ok(sightings
        .into_iter()
        .map(|one| (one.key.native, candidate(&one.observation)))
        .collect())
}

fn candidate(seen: &Observation) -> Candidate {
    let told = |attribute: &Attribute| {
        let fact = seen.facts.get(attribute)?;
        fact.told.is().map(ToString::to_string)
    };
    let mut keys = seen.keys.iter();
    Candidate {
        rule: told(&Attribute::named("rule")),
        field: told(&Attribute::FIELD).unwrap_or_default(),
        user: told(&Attribute::USER).or_else(|| told(&Attribute::ACCOUNT)),
        aws_key: keys
            .find(|key| key.kind == KeyKind::AwsAccessKeyId)
            .map(|key| key.value.clone()),
    }
}

/// The question about one credential, or why there is none.
fn query(
    candidate: Candidate,
    secret: Secret,
    how: &Liveness,
) -> Result<Result<Query, String>, Error> {
    let checks = checks()?;
    let rule = match (&candidate.rule, &candidate.aws_key) {
        (_, Some(_)) => Some(AWS_SECRET.to_owned()),
        (Some(rule), None) => Some(rule.clone()),
        (None, None) => rule_of(&candidate.field, &secret)?,
    };
    let Some(rule) = rule else {
        return Ok(Err("no rule knows whose it is".to_owned()));
    };
    let Some(check) = checks.of(&rule) else {
        return Ok(Err(checks.why_not(&rule).to_owned()));
    };
    Ok(put(candidate, check, secret, how).map_err(|why| why.to_string()))
}

fn put(
    candidate: Candidate,
    check: &'static Check,
    secret: Secret,
    how: &Liveness,
) -> Result<Query, Unasked> {
    let named = how.hosts.get(&check.provider);
    let way = if check.signed.is_some() {
        Way::Signed(Pair {
            id: candidate.aws_key.ok_or(Unasked::NoUser)?,
        })
    } else {
        let host = named.map(String::as_str);
        Way::Sent(check.ask(&secret, candidate.user.as_deref(), host)?)
    };
    let host = match &way {
        Way::Sent(ask) => ask.host.clone(),
        Way::Signed(_) => check.host.clone().unwrap_or_default(),
    };
    Ok(Query {
        check,
        host,
        named: named.is_some(),
        secret,
        way,
    })
}

/// The rule that knows the form of what a file format found.
fn rule_of(field: &str, secret: &Secret) -> Result<Option<String>, Error> {
    let mut text = field.as_bytes().to_vec();
    text.extend_from_slice(b" = \"");
    text.extend_from_slice(secret.expose().trim_ascii());
    text.extend_from_slice(b"\"\n");
    let text = Secret::new(text);
    let rules = Secrets::new(crate::rules::ours()?, "");
    let found = rules.detect("", text.expose()).found;
    let whole = |one: &connectors::Detected| {
        one.secret.expose().trim_ascii() == secret.expose().trim_ascii()
    };
    Ok(found.into_iter().find(whole).map(|one| one.rule))
}
