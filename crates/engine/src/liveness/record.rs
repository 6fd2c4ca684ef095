//! What a provider said, brought into the roll: a source of its own, each credential a part.
//!
//! A pass reads the part of one credential and nothing else, so that what was not asked this time
//! keeps what an earlier run learnt, with its time.

use connectors::Event;
use leaks::live::{Answer, Principal};
use model::{
    Attribute, Key, KeyKind, Kind, Observation, Relation, Scope, SightingKey, SourceId, Validity,
};

use super::{Query, Way};
use crate::{Engine, Error};

/// The connector's name in the ids of these sources: `liveness:api.github.com`.
const CONNECTOR: &str = "liveness";

impl Engine {
    /// Brings one answer into the roll.
    pub(super) fn record(&self, query: &Query, answer: &Answer) -> Result<(), Error> {
        let source = SourceId::new(CONNECTOR, &query.host);
        let print = self.keys.fingerprint(&query.secret);
        let part = Scope::of(print.short());
        let before = self.told_before(&source, print.short())?;
        let silent = answer.validity == Validity::Unknown;
        if silent && before.iter().any(|one| one.kind == Kind::Credential) {
            // No answer takes nothing back: what an earlier run was told stays, with its time.
            let mut open = self.begin(&source, &part, self.now())?;
            let gap = model::Gap::new(&part, model::Reason::Failed, answer.because.as_str());
            open.intake.gap(gap);
            self.end(open, &mut |_| {})?;
            return Ok(());
        }
        let mut told = Observation::new(Kind::Credential, print.short(), &part)
            .is(Attribute::VALIDITY, answer.validity.as_str())
            .is(Attribute::VALIDITY_BECAUSE, answer.because.as_str())
            .is(Attribute::PROVIDER, query.provider)
            .key(Key::secret(&print));
        if let Way::Signed(_, pair) = &query.way {
            told = told.key(Key::new(KeyKind::AwsAccessKeyId, pair.id.as_str()));
        }
        let native = format!("{}/principal", print.short());
        let mut seen = Vec::new();
        match &answer.principal {
            Some(principal) => {
                told = told.link(Relation::Holder, Kind::Identity, &native);
                seen.push(identity(query, principal, &native, &part));
            }
            // Whose a dead one was is still true.
            None => {
                let earlier = |kind| before.iter().find(move |one| one.kind == kind);
                if let Some(one) = earlier(Kind::Credential) {
                    told.links = one.links.clone();
                }
                seen.extend(earlier(Kind::Identity).cloned());
            }
        }
        seen.push(told);
        let mut open = self.begin(&source, &part, self.now())?;
        for one in seen {
            open.intake.take(Event::Seen(one));
        }
        self.end(open, &mut |_| {})?;
        Ok(())
    }

    /// What an earlier run told of this credential and its principal.
    fn told_before(&self, source: &SourceId, print: &str) -> Result<Vec<Observation>, Error> {
        let key = |kind, native: String| SightingKey {
            source: source.clone(),
            kind,
            native,
        };
        let keys = [
            key(Kind::Credential, print.to_owned()),
            key(Kind::Identity, format!("{print}/principal")),
        ];
        let found = self
            .store
            .read(|reading| reading.sightings(&self.tenant, &keys))?;
        Ok(found.into_iter().map(|one| one.observation).collect())
    }
}

/// Whom the provider named, with the key that makes it one with other sightings of it.
fn identity(query: &Query, principal: &Principal, native: &str, part: &Scope) -> Observation {
    let mut told = Observation::new(Kind::Identity, native, part)
        .is(Attribute::TYPE, principal.type_.as_str())
        .is(Attribute::PROVIDER, query.provider)
        .is(Attribute::named("principal_id"), principal.id.as_str());
    let name = principal.name.as_ref().unwrap_or(&principal.id);
    if matches!(query.way, Way::Signed(..)) {
        return aws(told, principal, name);
    }
    told = told
        .is(Attribute::NAME, name.as_str())
        .hint("name", name.as_str());
    told.key(Key::new(
        KeyKind::Uid,
        format!("{}:{}", principal.type_, principal.id),
    ))
}

/// AWS names its principals by ARN, and by a unique id that survives a rename.
fn aws(told: Observation, principal: &Principal, arn: &str) -> Observation {
    let mut parts = arn.split(':');
    let account = parts.nth(4).unwrap_or_default().to_owned();
    let name = parts.next().unwrap_or_default();
    let type_ = match name.split('/').next().unwrap_or_default() {
        "user" => "aws_iam_user",
        "assumed-role" => "aws_iam_role",
        "root" => "aws_root",
        _ => "aws_principal",
    };
    // A session's id is that of its role with the session's name behind it.
    let unique = principal.id.split(':').next().unwrap_or_default();
    let told = told
        .is(Attribute::TYPE, type_)
        .is(Attribute::NAME, name.rsplit('/').next().unwrap_or(arn))
        .is(Attribute::ARN, arn)
        .is(Attribute::ACCOUNT, account.as_str())
        .hint("arn", arn);
    match unique.starts_with("AIDA") || unique.starts_with("AROA") {
        true => told.key(Key::new(
            KeyKind::AwsPrincipalId,
            format!("{account}/{unique}"),
        )),
        false => told,
    }
}
