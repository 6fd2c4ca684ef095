//! The ledger: whatever is decided or done is a leaf of the evidence log in the transaction that
//! makes it true.

use std::cell::RefCell;
use std::sync::Arc;

use evidence::{Export, Fault, Head, Leaf, LeafKind, PublicKey, Scope, Signer, TileId, Tiles};
use model::{Secret, Tenant, Timestamp};
use serde::Serialize;
use store::{Durability, Reading, Store, Writing};

use crate::keys::{Keys, SystemRandom, hex};
use crate::{Engine, Error};

/// Where the signing key is sealed.
const SEED_PATH: &str = "evidence/signing-key";
/// The setting that holds the public key.
const PUBLIC_KEY_SETTING: &str = "evidence_public_key";

/// Signs what is appended to the log of one tenant.
#[derive(Clone)]
pub struct Ledger {
    tenant: Tenant,
    signer: Arc<Signer>,
    public: PublicKey,
    public_text: String,
}

impl Ledger {
    /// The ledger of `tenant`; its signing key is made at first use.
    ///
    /// # Errors
    /// The key in the store cannot be opened with these keys.
    pub fn open(store: &Store, tenant: &Tenant, keys: &Keys) -> Result<Self, Error> {
        let (seed, origin) = match Self::kept(store, tenant, keys)? {
            Some(kept) => kept,
            None => Self::make(store, tenant, keys)?,
        };
        let signer = Signer::new(&origin, &seed)?;
        let public = signer.public_key().clone();
        Ok(Self {
            tenant: tenant.clone(),
            signer: Arc::new(signer),
            public_text: public.to_string(),
            public,
        })
    }

    /// The signing key and the name of its log, if they were made before.
    fn kept(
        store: &Store,
        tenant: &Tenant,
        keys: &Keys,
    ) -> Result<Option<(Secret, String)>, Error> {
        let (sealed, public) = store.read(|reading| {
            Ok((
                reading.sealed(tenant, SEED_PATH)?,
                reading.setting(tenant, PUBLIC_KEY_SETTING)?,
            ))
        })?;
        let (Some((version, bytes)), Some(public)) = (sealed, public) else {
            return Ok(None);
        };
        let seed = keys.open_sealed(SEED_PATH, u64::from(version), &bytes)?;
        let origin = PublicKey::parse(&String::from_utf8_lossy(&public))?
            .name()
            .to_owned();
        Ok(Some((seed, origin)))
    }

    fn make(store: &Store, tenant: &Tenant, keys: &Keys) -> Result<(Secret, String), Error> {
        let mut chance = [0; 40];
        vault::Random::fill(&SystemRandom, &mut chance)?;
        let (seed, name) = chance.split_at(32);
        let (seed, origin) = (
            Secret::new(seed.to_vec()),
            format!("keyroll/{}/{}", tenant.as_str(), hex(name)),
        );
        let public = Signer::new(&origin, &seed)?.public_key().to_string();
        let sealed = keys.seal(SEED_PATH, 1, &seed)?;
        let made = store.write(Durability::Full, |writing| -> Result<bool, Error> {
            writing.lock_evidence(tenant)?;
            if writing.setting(tenant, PUBLIC_KEY_SETTING)?.is_some() {
                return Ok(false);
            }
            writing.put_sealed(tenant, SEED_PATH, 1, &sealed)?;
            writing.put_setting(tenant, PUBLIC_KEY_SETTING, &public)?;
            Ok(true)
        })?;
        // Another process was faster: its key is the log's.
        if made {
            Ok((seed, origin))
        } else {
            Self::kept(store, tenant, keys)?
                .ok_or_else(|| Error::Unfit("the evidence log's key is gone".into()))
        }
    }

    /// The key that verifies the log, as `name+hash+key` (C2SP `signed-note`).
    pub fn public_key(&self) -> &str {
        &self.public_text
    }

    /// A leaf about `subject`.
    ///
    /// # Errors
    /// The body does not serialise, or is too long for a leaf.
    pub fn leaf(
        kind: LeafKind,
        at: Timestamp,
        actor: &str,
        subject: &str,
        body: &impl Serialize,
    ) -> Result<Leaf, Error> {
        Ok(Leaf::new(kind, at, actor, subject, body)?)
    }

    /// Appends `leaves` in the caller's transaction; returns the index of the first.
    ///
    /// # Errors
    /// The log was altered behind our back, or cannot be written: the transaction must not commit.
    pub fn record(&self, writing: &mut Writing<'_>, leaves: &[Leaf]) -> Result<u64, Error> {
        let records = leaves
            .iter()
            .map(Leaf::to_bytes)
            .collect::<Result<Vec<_>, _>>()?;
        let size = writing.lock_evidence(&self.tenant)?;
        let old = match writing.evidence_checkpoint(&self.tenant)? {
            Some(note) if size > 0 => self.public.open(&note)?,
            _ => Head::EMPTY,
        };
        let appended = {
            let stored = Stored {
                writing: RefCell::new(&mut *writing),
                tenant: &self.tenant,
            };
            evidence::append(&stored, old, &records)?
        };
        let checkpoint = self.signer.sign(appended.head)?;
        let tiles: Vec<_> = appended
            .tiles
            .into_iter()
            .map(|(id, bytes)| (id.level, id.index, bytes))
            .collect();
        writing.evidence_append(&self.tenant, appended.first, &records, &tiles, &checkpoint)?;
        Ok(appended.first)
    }
}

/// The tiles in the store, inside a transaction.
struct Stored<'a, 'w, 't> {
    writing: RefCell<&'a mut Writing<'w>>,
    tenant: &'t Tenant,
}

impl Tiles for Stored<'_, '_, '_> {
    fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, Fault> {
        self.writing
            .borrow_mut()
            .evidence_tile(self.tenant, id.level, id.index)
            .map_err(Into::into)
    }
}

impl Engine {
    /// Writes a bundle of the evidence log that verifies on another machine. Returns how many
    /// leaves it holds. A range may reach beyond the log's end.
    ///
    /// # Errors
    /// The log is empty or has no such leaf, does not match its checkpoint, or `out` cannot be
    /// written.
    pub fn export_evidence(
        &self,
        scope: Scope,
        out: &mut dyn std::io::Write,
    ) -> Result<u64, Error> {
        // One view of the store for all of it: the log may grow meanwhile.
        self.store
            .read(|reading| Ok(self.export_in(reading, scope, out)))?
    }

    fn export_in(
        &self,
        reading: &mut Reading<'_>,
        scope: Scope,
        out: &mut dyn std::io::Write,
    ) -> Result<u64, Error> {
        let written = |source| Error::Files {
            doing: "writing",
            path: "the bundle".into(),
            source,
        };
        let size = reading.evidence_size(&self.tenant)?;
        let note = reading
            .evidence_checkpoint(&self.tenant)?
            .unwrap_or_default();
        if size == 0 {
            return Err(Error::Unfit(
                "the evidence log is empty: nothing was decided or done yet".into(),
            ));
        }
        let (scope, from, to) = match scope {
            Scope::Range { from, to } => {
                let to = to.min(size);
                (Scope::Range { from, to }, from, to)
            }
            whole => (whole, 0, size),
        };
        let subjects = match &scope {
            Scope::Subjects(ids) => Some(ids.clone()),
            Scope::Log | Scope::Range { .. } => None,
        };
        let stored = StoredToRead {
            reading: RefCell::new(reading),
            tenant: &self.tenant,
        };
        let (mut export, head) =
            Export::begin(&stored, &note, &self.ledger.public, scope).map_err(Error::Untrue)?;
        out.write_all(&head).map_err(written)?;
        let (mut next, mut count) = (from, 0);
        while next < to {
            let leaves = stored
                .reading
                .borrow_mut()
                .evidence_leaves(&self.tenant, next, LEAVES)?;
            let Some((last, _)) = leaves.last() else {
                break;
            };
            next = last + 1;
            for (index, record) in leaves.into_iter().filter(|(index, _)| *index < to) {
                let wanted = match &subjects {
                    Some(ids) => {
                        let leaf = Leaf::from_bytes(&record).map_err(Error::Untrue)?;
                        ids.contains(leaf.subject())
                    }
                    None => true,
                };
                if wanted {
                    out.write_all(&export.leaf(index, &record).map_err(Error::Untrue)?)
                        .map_err(written)?;
                    count += 1;
                }
            }
        }
        if count == 0 {
            let ids = subjects.map(|ids| ids.into_iter().collect::<Vec<_>>().join("` or `"));
            let about = ids.map(|ids| format!("is about `{}`", model::clean(&ids)));
            return Err(Error::Unfit(format!(
                "no leaf {}; `keyroll evidence show` lists the log",
                about.as_deref().unwrap_or("lies in that range")
            )));
        }
        out.write_all(&export.end().map_err(Error::Untrue)?)
            .map_err(written)?;
        out.flush().map_err(written)?;
        Ok(count)
    }

    /// Whether the whole log hashes to its signed checkpoint: how many leaves it has.
    ///
    /// # Errors
    /// What does not match, and where.
    pub fn check_evidence(&self) -> Result<u64, Error> {
        match self.evidence_size()? {
            0 => Ok(0),
            _ => self.export_evidence(Scope::Log, &mut std::io::sink()),
        }
    }

    /// Whether the checkpoint of the log is signed by its key: how many leaves it is about. The
    /// leaves themselves are not looked at.
    ///
    /// # Errors
    /// It is not, or the store gave out.
    pub fn check_checkpoint(&self) -> Result<u64, Error> {
        if self.evidence_size()? == 0 {
            return Ok(0);
        }
        let note = self
            .store
            .read(|reading| reading.evidence_checkpoint(&self.tenant))?;
        let head = self.ledger.public.open(&note.unwrap_or_default());
        Ok(head.map_err(Error::Untrue)?.size)
    }

    fn evidence_size(&self) -> Result<u64, Error> {
        Ok(self
            .store
            .read(|reading| reading.evidence_size(&self.tenant))?)
    }
}

/// Leaves read at once.
const LEAVES: usize = 1_000;

/// The tiles in the store, for reading alone.
struct StoredToRead<'a, 'r, 't> {
    reading: RefCell<&'a mut Reading<'r>>,
    tenant: &'t Tenant,
}

impl Tiles for StoredToRead<'_, '_, '_> {
    fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, Fault> {
        self.reading
            .borrow_mut()
            .evidence_tile(self.tenant, id.level, id.index)
            .map_err(Into::into)
    }
}
