//! The key ring as several processes share it, and its terms: a new one, and what is sealed under
//! older ones sealed anew.
//!
//! **Invariant:** a ring is saved only over the one that was read, so no process takes away a term
//! that another one made. Held by `of_many_that_rotate_and_seal_at_once_none_loses_a_term`.
//!
//! **Invariant:** whatever was sealed opens, before, between and after all of it. Held by
//! `killed_at_any_point_a_rotation_leaves_a_ring_that_opens_everything`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Secret, Tenant};
use store::{Durability, Store, Writing};
use vault::{KeyFileSeal, KeyRing, Sealed};

use crate::decide::Decision;
use crate::keys::{RING_SETTING, SystemRandom};
use crate::{Engine, Error, Ledger, crash};

/// How often a ring that others save at the same time is tried again.
const TRIES: u32 = 64;
/// Of what decisions about the ring are: it has no id of its own.
const SUBJECT: &str = "key-ring";

/// One tenant's ring, read anew where another process saved it.
pub(crate) struct SharedRing {
    store: Store,
    tenant: Tenant,
    seal: Arc<KeyFileSeal>,
    held: Mutex<Held>,
}

/// A ring in memory, and the bytes in the store that it was read from or saved as. No bytes: it is
/// to be read anew before it is used.
struct Held {
    ring: KeyRing,
    saved: Vec<u8>,
}

/// Why a ring was not saved.
enum Unsaved {
    /// Another process saved it meanwhile.
    Moved,
    Failed(Error),
}

impl From<store::Error> for Unsaved {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl SharedRing {
    /// The ring that the store has as `saved`.
    ///
    /// # Errors
    /// The seal key is another one, or it was altered.
    pub(crate) fn open(
        store: &Store,
        tenant: &Tenant,
        seal: KeyFileSeal,
        saved: Vec<u8>,
    ) -> Result<Self, Error> {
        let ring = KeyRing::from_sealed(tenant.clone(), &seal, &saved)?;
        Ok(Self {
            store: store.clone(),
            tenant: tenant.clone(),
            seal: Arc::new(seal),
            held: Mutex::new(Held { ring, saved }),
        })
    }

    /// Seals `value` under the newest term. The stored ring accounts for it before it is answered.
    pub(crate) fn seal(&self, path: &str, version: u64, value: &Secret) -> Result<Vec<u8>, Error> {
        let mut held = self.held();
        for _ in 0..TRIES {
            self.refresh(&mut held)?;
            let sealed = held.ring.seal(path, version, value, &SystemRandom)?;
            if !held.ring.wants_saving() || self.save(&mut held, &|_| Ok(()))? {
                return Ok(sealed.to_bytes());
            }
        }
        Err(moving())
    }

    /// Opens what was sealed under any term, one that another process made meanwhile included.
    pub(crate) fn unseal(&self, path: &str, version: u64, bytes: &[u8]) -> Result<Secret, Error> {
        let sealed = Sealed::from_bytes(bytes)?;
        let mut held = self.held();
        if held.saved.is_empty() {
            self.refresh(&mut held)?;
        }
        match held.ring.open(path, version, &sealed) {
            Err(vault::Error::UnknownTerm { .. }) => {
                self.refresh(&mut held)?;
                Ok(held.ring.open(path, version, &sealed)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Every term with how many values it sealed at most, and the one that seals.
    pub(crate) fn terms(&self) -> Result<(Vec<(u32, u64)>, u32), Error> {
        let mut held = self.held();
        self.refresh(&mut held)?;
        Ok((held.ring.terms().collect(), held.ring.active_term()))
    }

    /// A new term, saved in one transaction with what `along` writes of it. Answers the term and
    /// the one before.
    fn rotate(
        &self,
        along: &dyn Fn(&mut Writing<'_>, u32, u32) -> Result<(), Error>,
    ) -> Result<(u32, u32), Error> {
        let mut held = self.held();
        for _ in 0..TRIES {
            self.refresh(&mut held)?;
            let before = held.ring.active_term();
            let term = held.ring.rotate(&SystemRandom)?;
            if self.save(&mut held, &|writing| along(writing, term, before))? {
                return Ok((term, before));
            }
        }
        Err(moving())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the ring anew if it is not the one in the store.
    fn refresh(&self, held: &mut Held) -> Result<(), Error> {
        let stored = self
            .store
            .read(|reading| reading.setting(&self.tenant, RING_SETTING))?;
        let stored = stored.ok_or_else(|| {
            Error::Unfit("the key ring is gone from the store; restore a backup".to_owned())
        })?;
        if stored != held.saved {
            held.ring = KeyRing::from_sealed(self.tenant.clone(), self.seal.as_ref(), &stored)?;
            held.saved = stored;
        }
        Ok(())
    }

    /// Saves the ring over the one it was read from, with what `along` writes. False if that is
    /// not there any more: then nothing was written.
    fn save(
        &self,
        held: &mut Held,
        along: &dyn Fn(&mut Writing<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let wrapped = held.ring.to_sealed(self.seal.as_ref(), &SystemRandom)?;
        // Until it is saved it is not ours: whoever comes next reads it anew.
        let before = std::mem::take(&mut held.saved);
        let saved = self.store.write(Durability::Full, |writing| {
            along(writing).map_err(Unsaved::Failed)?;
            // Whoever saves at the same time waits here, and then finds what this one has saved.
            writing.lock_roll(&self.tenant)?;
            let stored = writing.setting(&self.tenant, RING_SETTING)?;
            if stored.as_ref() != Some(&before) {
                return Err(Unsaved::Moved);
            }
            Ok(writing.put_setting(&self.tenant, RING_SETTING, &wrapped)?)
        });
        match saved {
            Ok(()) => {
                held.saved = wrapped;
                Ok(true)
            }
            Err(Unsaved::Moved) => Ok(false),
            Err(Unsaved::Failed(error)) => Err(error),
        }
    }
}

fn moving() -> Error {
    Error::Unfit(format!(
        "other processes saved the key ring {TRIES} times while this one tried; try again"
    ))
}

/// One term of the key ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its number, from 1.
    pub number: u32,
    /// Whether it seals; the others only open.
    pub active: bool,
    /// How many values it sealed at most: a saved ring counts ahead.
    pub encryptions: u64,
    /// How many values in the store are sealed under it.
    pub values: u64,
}

/// What sealing anew came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrapped {
    /// The term under which all is sealed now.
    pub term: u32,
    /// How many values were sealed anew.
    pub values: u64,
}

impl Engine {
    /// The terms of the key ring, oldest first.
    ///
    /// # Errors
    /// The store gave out, or holds what is no sealed value.
    pub fn key_terms(&self) -> Result<Vec<Term>, Error> {
        let (terms, active) = self.keys.ring().terms()?;
        let mut found: Vec<Term> = terms
            .into_iter()
            .map(|(number, encryptions)| Term {
                number,
                active: number == active,
                encryptions,
                values: 0,
            })
            .collect();
        for path in self.sealed_paths()? {
            if let Some((term, _)) = self.sealed_at(&path)?
                && let Some(one) = found.iter_mut().find(|one| one.number == term)
            {
                one.values += 1;
            }
        }
        Ok(found)
    }

    /// Makes a new term that seals from now on; what older terms sealed goes on opening. Answers
    /// its number.
    ///
    /// # Errors
    /// The ring is full, or store or log gave out: then nothing has changed.
    pub fn rotate_keys(&self) -> Result<u32, Error> {
        crash::point("before rotation");
        let (term, _) = self.keys.ring().rotate(&|writing, term, before| {
            let decision = Decision::KeyRotated { term, before };
            let kind = evidence::LeafKind::Decision;
            let leaf = Ledger::leaf(kind, self.now(), &self.actor, SUBJECT, &decision)?;
            self.ledger.record(writing, &[leaf])?;
            crash::point("within rotation");
            Ok(())
        })?;
        crash::point("after rotation");
        Ok(term)
    }

    /// Seals anew, under the newest term, whatever an older one sealed: one value after the other,
    /// each as it was for whoever reads it meanwhile. What a kill left is found and gone on with.
    ///
    /// # Errors
    /// A value does not open (all others are sealed anew before it is said), or store or log gave
    /// out. What was sealed anew stays so.
    pub fn rewrap(&self, told: &mut dyn FnMut(u64, u64)) -> Result<Rewrapped, Error> {
        let (_, term) = self.keys.ring().terms()?;
        let mut old = Vec::new();
        for path in self.sealed_paths()? {
            let sealed = self.sealed_at(&path)?;
            old.extend(sealed.filter(|(under, _)| *under != term).map(|_| path));
        }
        let all = old.len() as u64;
        if all == 0 {
            return Ok(Rewrapped { term, values: 0 });
        }
        let begun = Decision::RewrapBegun { term, values: all };
        self.decide(SUBJECT, self.now(), &begun, |_| Ok(()))?;
        let mut values = 0;
        let mut broken = None;
        for path in &old {
            // One that does not open keeps none of the others under its old term.
            match self.rewrap_one(path) {
                Ok(done) => values += u64::from(done),
                Err(error @ Error::Vault(_)) => broken = Some(error),
                Err(error) => return Err(error),
            }
            told(values, all);
        }
        let ended = Decision::RewrapEnded { term, values };
        self.decide(SUBJECT, self.now(), &ended, |_| Ok(()))?;
        broken.map_or(Ok(Rewrapped { term, values }), Err)
    }

    /// Whether the value at `path` was sealed anew: one that was replaced or destroyed meanwhile
    /// is left alone.
    fn rewrap_one(&self, path: &str) -> Result<bool, Error> {
        let Some((version, before)) = self
            .store
            .read(|reading| reading.sealed(&self.tenant, path))?
        else {
            return Ok(false);
        };
        let value = self.keys.open_sealed(path, u64::from(version), &before)?;
        let bytes = self.keys.seal(path, u64::from(version), &value)?;
        crash::point("before rewrap");
        let done = self.store.write(Durability::Full, |writing| {
            writing.reseal(&self.tenant, path, version, &before, &bytes)
        })?;
        crash::point("after rewrap");
        Ok(done)
    }

    fn sealed_paths(&self) -> Result<Vec<String>, Error> {
        let paths = self
            .store
            .read(|reading| reading.sealed_paths(&self.tenant))?;
        Ok(paths.into_iter().map(|(path, _)| path).collect())
    }

    /// The term and the version of what is sealed at `path`, if anything still is.
    fn sealed_at(&self, path: &str) -> Result<Option<(u32, u32)>, Error> {
        let sealed = self
            .store
            .read(|reading| reading.sealed(&self.tenant, path))?;
        let read =
            |(version, bytes): (u32, Vec<u8>)| Ok((Sealed::from_bytes(&bytes)?.term, version));
        sealed.map(read).transpose()
    }
}
