//! Which password opens which login, told without logging in (decision 28).
//!
//! A server that shows its verifiers tells salt and rounds; a password from a file goes through
//! the same function, and the keyed fingerprint of what comes out is a hard key of both.

use std::collections::BTreeMap;

use connectors::{Context, Fingerprints, ScramSalt};
use inventory::PassRead;
use model::{
    Attribute, CredentialType, EntityId, Key, KeyKind, Kind, Observation, Relation, Scope,
    Sighting, SourceId, Target,
};
use store::{Durability, Filter, Page, PassOutcome};

use crate::fingerprints::{KeyedFingerprints, Logins};
use crate::held::Held;
use crate::spool::Spool;
use crate::{Engine, Error, reconcile};

/// Passwords of servers that are looked at: more roles than any cluster has.
const PASSWORDS_MAX: usize = 200_000;

impl Engine {
    /// The logins that servers on the roll accept, with how their passwords are kept.
    pub(crate) fn logins(&self) -> Result<Logins, Error> {
        let mut logins = Logins::new();
        for (_, keys, salt) in self.verifiers()? {
            for key in keys {
                logins.entry(key.value).or_default().push(salt.clone());
            }
        }
        Ok(logins)
    }

    /// Holders of passwords with a verifier: their login keys, and how the password is kept.
    fn verifiers(&self) -> Result<Vec<(EntityId, Vec<Key>, ScramSalt)>, Error> {
        let filter = Filter {
            kind: Some(Kind::Credential),
            type_: Some(CredentialType::PostgresPassword.as_str().to_owned()),
            missing: Some(false),
            ..Filter::default()
        };
        let mut page = Page {
            limit: 1_000,
            ..Page::default()
        };
        let mut found = Vec::new();
        loop {
            let next = self.store.read(|reading| {
                let rows = reading.roll(&self.tenant, &filter, &page)?;
                for row in rows.rows {
                    let Some(holder) = row.holder else { continue };
                    let sightings = reading.sightings_of(&self.tenant, &row.id)?;
                    // One that is not there any more opens nothing: its salt would tie the file
                    // to what the server kept before.
                    let here = sightings.iter().filter(|one| one.missing_since.is_none());
                    let salts: Vec<_> = here.filter_map(salt_of).collect();
                    if salts.is_empty() {
                        continue;
                    }
                    let holders = reading.sightings_of(&self.tenant, &holder)?;
                    let keys = holders.into_iter().flat_map(|one| one.observation.keys);
                    let keys: Vec<_> = keys
                        .filter(|key| key.kind == KeyKind::PostgresLogin)
                        .collect();
                    let each = salts.into_iter();
                    found.extend(each.map(|salt| (holder.clone(), keys.clone(), salt)));
                }
                Ok(rows.next)
            })?;
            match next {
                Some(after) if found.len() < PASSWORDS_MAX => page.after = Some(after),
                _ => return Ok(found),
            }
        }
    }

    /// Compares passwords that files were seen to hold with the verifiers a server now shows: what
    /// was found before the server was read is matched as if it had been found after. Each secret
    /// is read again from where it was seen and held in memory only. Answers of how many something else is
    /// known now.
    ///
    /// # Errors
    /// The store gave out. A file that cannot be read again is left as it is.
    pub fn match_logins(&self) -> Result<usize, Error> {
        let verifiers = self.verifiers()?;
        let logins = self.logins()?;
        let fingerprints = KeyedFingerprints::new(&self.keys, &logins);
        let mut changed: BTreeMap<SourceId, Vec<Observation>> = BTreeMap::new();
        for holder in verifiers
            .iter()
            .map(|(holder, _, _)| holder)
            .collect::<std::collections::BTreeSet<_>>()
        {
            let sightings = self.store.read(|reading| {
                let mut sightings = Vec::new();
                for (entity, relation) in reading.incoming(&self.tenant, holder)? {
                    if relation == Relation::Holder {
                        sightings.extend(reading.sightings_of(&self.tenant, &entity)?);
                    }
                }
                Ok(sightings)
            })?;
            for sighting in sightings.iter().filter(|one| one.missing_since.is_none()) {
                if let Some(better) = self.compared(sighting, &fingerprints) {
                    changed
                        .entry(sighting.key.source.clone())
                        .or_default()
                        .push(better);
                }
            }
        }
        let mut count = 0;
        for (source, observations) in changed {
            match self.amend(&source, &observations) {
                Ok(()) => count += observations.len(),
                // Whoever collects it now compares its passwords itself when it is done.
                Err(Error::Busy { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// The observation as the next pass over its file would make it; `None` if that is the same.
    fn compared(
        &self,
        sighting: &Sighting,
        fingerprints: &KeyedFingerprints<'_>,
    ) -> Option<Observation> {
        let connector = connectors::connector(sighting.key.source.connector())?;
        let login = sighting
            .observation
            .links
            .iter()
            .find_map(|link| match &link.to {
                Target::Bearer { key, .. } if key.kind == KeyKind::PostgresLogin => {
                    Some(key.value.clone())
                }
                _ => None,
            })?;
        let path = sighting
            .observation
            .facts
            .get(&Attribute::PLACE)?
            .told
            .is()?
            .text()?
            .to_owned();
        let mut port = self.files_port(vec![path]);
        let options = BTreeMap::new();
        let mut sink = |_| {};
        let mut cx = Context::new(
            &mut port,
            fingerprints,
            sighting.key.source.target(),
            &options,
            self.now(),
            &mut sink,
        );
        let secret = connector.read_again(&mut cx, &sighting.key.native).ok()?;
        let compared = fingerprints.compared(&login, &secret);
        let better = compared.told(sighting.observation.clone());
        (better != sighting.observation).then_some(better)
    }

    /// Brings single observations of a source up to date. The pass reads no part of the source, so
    /// nothing is called missing by it.
    fn amend(&self, source: &SourceId, observations: &[Observation]) -> Result<(), Error> {
        let scope = Scope::of("compared with verifiers");
        let started = self.now();
        let held = Held::collecting(self, source)?;
        let pass = self.store.write(Durability::Repeatable, |writing| {
            writing.fence(&self.tenant, held.lease())?;
            Ok::<_, Error>(writing.begin_pass(&self.tenant, source, &scope, started)?)
        })?;
        let mut spool = Spool::new(&std::env::temp_dir(), 1 << 20);
        for observation in observations {
            spool.push(observation)?;
        }
        let read = PassRead {
            scope: scope.clone(),
            gaps: Vec::new(),
            started,
        };
        let run = reconcile::Run {
            store: &self.store,
            tenant: &self.tenant,
            source,
            pass,
            lease: held.lease(),
            now: self.now(),
        };
        let counts = reconcile::reconcile(&run, spool, &read, &mut |_| {})?;
        self.store.write(Durability::Repeatable, |writing| {
            writing.fence(&self.tenant, held.lease())?;
            writing.end_pass(
                &self.tenant,
                source,
                pass,
                self.now(),
                &[],
                counts,
                PassOutcome::Whole,
            )?;
            Ok::<_, Error>(())
        })
    }
}

fn salt_of(sighting: &Sighting) -> Option<ScramSalt> {
    let fact = sighting.observation.facts.get(&Attribute::VERIFIER)?;
    ScramSalt::from_fact(fact.told.is()?.text()?)
}
