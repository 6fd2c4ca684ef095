//! Which credentials can be asked for, and how.

use std::collections::{BTreeMap, BTreeSet};

use connectors::Detector;
use leaks::live::{Check, Checks, Unasked};
use model::{
    Attribute, Entity, EntityId, KeyKind, Kind, Observation, Secret, SightingKey, SourceId,
};
use store::Filter;

use super::login::Login;
use super::servers::Servers;
use super::written::{Written, written};
use super::{Liveness, Named, Query, Round, Way};
use crate::secrets::Secrets;
use crate::{Engine, Error};

/// More credentials are not asked for in one run.
const ASKED_MAX: usize = 10_000;
/// Places of one credential that are looked at for whom to ask.
const PLACES_MAX: usize = 64;
/// Passwords of one user that are tried at one server in one run: it may lock who fails often.
const TRIES_MAX: usize = 3;
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
    /// The login at a server that it is written down for.
    login: Option<Written>,
    /// It is written down for another login as well.
    others: bool,
    /// The sources that list it themselves.
    kept_by: Vec<SourceId>,
}

/// Whom to ask, and what was asked of them so far.
struct Asking<'a> {
    how: &'a Liveness,
    hosts: BTreeMap<String, String>,
    servers: Servers,
    /// Passwords by server and user.
    tries: BTreeMap<(String, String), usize>,
}

pub(super) fn checks() -> Result<&'static Checks, Error> {
    Checks::builtin()
        .map_err(|why| Error::Unfit(format!("the checks for liveness cannot be used: {why}")))
}

pub(super) fn round(
    engine: &Engine,
    sources: &[SourceId],
    how: &Liveness,
    named: Named,
) -> Result<Round, Error> {
    let mut round = Round {
        questions: Vec::new(),
        unasked: BTreeMap::new(),
    };
    let mut asking = Asking {
        how,
        hosts: named.hosts,
        servers: Servers::of(engine, named.servers)?,
        tries: BTreeMap::new(),
    };
    let mut done = BTreeSet::new();
    for source in sources {
        let candidates = candidates(engine, source, &asking.servers, &mut done)?;
        let natives: Vec<String> = candidates.keys().cloned().collect();
        let mut secrets = engine.read_again(source, &natives);
        for (native, candidate) in candidates {
            let made = match secrets.remove(&native) {
                Some(secret) if round.questions.len() < ASKED_MAX => {
                    asking.query(candidate, secret)?
                }
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
    servers: &Servers,
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
        let places = places(&looked.entity);
        let here = |one: &&SightingKey| is_readable(one, source);
        if places.iter().any(|one| here(&one)) && done.insert(looked.entity.id.clone()) {
            let members = looked.entity.members.iter();
            let kept =
                members.filter(|one| one.missing_since.is_none() && !lies_about(&one.sighting));
            let kept_by = kept
                .map(|one| one.sighting.source.clone())
                .collect::<Vec<_>>();
            seen.push((places, kept_by));
        }
        Ok(true)
    })?;
    let mut found = BTreeMap::new();
    for (places, kept_by) in seen {
        let sightings = engine
            .store
            .read(|reading| reading.sightings(&engine.tenant, &places))?;
        let told = |one: &model::Sighting| (one.key.clone(), candidate(&one.observation));
        let all: Vec<_> = sightings.iter().map(told).collect();
        let logins: BTreeSet<_> = all
            .iter()
            .filter_map(|(_, one)| one.login.as_ref())
            .collect();
        let others = logins.len() > 1;
        let mut here = all.into_iter().filter(|(key, _)| is_readable(key, source));
        let first = here.next();
        // Of several places the one whose server can be asked.
        let knows = |(_, one): &(_, Candidate)| {
            one.login
                .as_ref()
                .is_some_and(|login| servers.find(login).is_some())
        };
        let best = match first {
            Some(first) if !knows(&first) => here.find(knows).or(Some(first)),
            first => first,
        };
        if let Some((key, one)) = best {
            let one = Candidate {
                others,
                kept_by,
                ..one
            };
            found.insert(key.native, one);
        }
    }
    Ok(found)
}

/// Where files and histories hold it now.
fn places(entity: &Entity) -> Vec<SightingKey> {
    let members = entity
        .members
        .iter()
        .filter(|member| member.missing_since.is_none() && lies_about(&member.sighting));
    members
        .map(|member| member.sighting.clone())
        .take(PLACES_MAX)
        .collect()
}

fn lies_about(one: &SightingKey) -> bool {
    matches!(one.source.connector(), "files" | "git_history")
}

fn is_readable(one: &SightingKey, source: &SourceId) -> bool {
    one.source == *source && connectors::may_be_read_again(&one.native)
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
        login: written(seen),
        others: false,
        kept_by: Vec::new(),
    }
}

impl Asking<'_> {
    /// The question about one credential, or why there is none.
    fn query(
        &mut self,
        candidate: Candidate,
        secret: Secret,
    ) -> Result<Result<Query, String>, Error> {
        if let Some(login) = &candidate.login {
            return Ok(self.login(login.clone(), &candidate, secret));
        }
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
        Ok(self
            .put(candidate, check, secret)
            .map_err(|why| why.to_string()))
    }

    /// The login that a password is written down for, at a server that may be asked.
    fn login(
        &mut self,
        login: Written,
        candidate: &Candidate,
        secret: Secret,
    ) -> Result<Query, String> {
        let system = login.system;
        let word = system.word();
        let Some(reach) = self.servers.find(&login) else {
            return Err(format!(
                "its server is no source of yours; name it: `--live-host {word}=HOST:PORT`"
            ));
        };
        if self.how.endpoint.is_some() {
            return Err("a login cannot be sent to `--live-endpoint`".to_owned());
        }
        let (Some(user), Some(password)) = (login.user(), login.password(&secret)) else {
            return Err("the account or user that goes with it is not known".to_owned());
        };
        let host = reach.endpoint();
        let tries = self.tries.entry((host.clone(), user.clone())).or_default();
        *tries += 1;
        if *tries > TRIES_MAX {
            return Err(format!(
                "more than {TRIES_MAX} passwords of one user are not tried at one server: it may lock whoever fails"
            ));
        }
        let login = Login {
            reach: reach.clone(),
            user,
            database: login.database,
            others: candidate.others,
            kept: reach.is_one_of(&candidate.kept_by),
        };
        Ok(Query {
            provider: word,
            host,
            named: true,
            secret,
            way: Way::Login(login, password),
        })
    }

    fn put(
        &self,
        candidate: Candidate,
        check: &'static Check,
        secret: Secret,
    ) -> Result<Query, Unasked> {
        let named = self.hosts.get(&check.provider);
        let way = if check.signed.is_some() {
            let id = candidate.aws_key.ok_or(Unasked::NoUser)?;
            Way::Signed(check, Pair { id })
        } else {
            let host = named.map(String::as_str);
            Way::Sent(check, check.ask(&secret, candidate.user.as_deref(), host)?)
        };
        let host = match &way {
            Way::Sent(_, ask) => ask.host.clone(),
            _ => check.host.clone().unwrap_or_default(),
        };
        Ok(Query {
            provider: &check.provider,
            host,
            named: named.is_some(),
            secret,
            way,
        })
    }
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
