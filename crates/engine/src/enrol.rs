//! The fingerprint key on its way to a scanner elsewhere, and from one: each is a decision that is
//! in the log.

use std::path::Path;

use model::Tenant;
use store::Store;
use vault::FingerprintKey;

use crate::decide::Decision;
use crate::keys::{FINGERPRINT_SETTING, read_key_file, write_key_file};
use crate::{Clock, Engine, Error, KeyPaths, Keys, crash};

/// What the file is, in errors.
const WHAT: &str = "fingerprint key file";
/// The longest name of a file in a leaf, in characters.
const NAME_MAX: usize = 400;

impl Engine {
    /// Writes the fingerprint key into `file`, which must not be there yet. That it leaves this
    /// roll is in the log before it does.
    ///
    /// # Errors
    /// The file is there or cannot be written, or the log cannot be.
    pub fn export_fingerprint_key(&self, file: &Path) -> Result<(), Error> {
        // What cannot be done is not decided. That it comes between is met by the writing.
        if file.symlink_metadata().is_ok() {
            return Err(Error::KeyFile {
                what: WHAT,
                path: file.to_owned(),
                why: "it is there already; name another one, for nothing is written over"
                    .to_owned(),
            });
        }
        let name = model::shorten(&model::clean(&file.display().to_string()), NAME_MAX);
        let key = &self.keys.fingerprint_key;
        let decision = Decision::KeyExported {
            fingerprint_key: key,
            file: &name,
        };
        self.decide(key, self.now(), &decision, |_| Ok(()))?;
        crash::point("before the key is written");
        write_key_file(WHAT, file, &self.keys.fingerprint_file())?;
        crash::point("after the key is written");
        Ok(())
    }

    /// The engine over `store` once `key`, of another roll, is its fingerprint key. That it is
    /// comes into the log before the key's file is written, so whoever is killed between imports
    /// it again: until then the roll opens under no key.
    ///
    /// # Errors
    /// The store has another key, or the log or the file cannot be written.
    pub fn enrol(
        store: Store,
        tenant: Tenant,
        paths: &KeyPaths,
        actor: &str,
        clock: Clock,
        key: FingerprintKey,
    ) -> Result<Self, Error> {
        let file = key.to_file();
        let there = read_key_file(WHAT, &paths.fingerprint)?;
        let there = there
            .map(|one| FingerprintKey::from_file(&one))
            .transpose()?;
        if there.as_ref().is_some_and(|one| one.id() != key.id()) {
            return Err(Error::KeyFile {
                what: WHAT,
                path: paths.fingerprint.clone(),
                why: "it holds another key; nothing is written over".to_owned(),
            });
        }
        let used = fingerprint_key_of(&store, &tenant)?;
        let leaves = store.read(|reading| reading.evidence_size(&tenant))?;
        let keys = Keys::under(&store, &tenant, paths, key)?;
        let engine = Self::with_keys(store, tenant, keys, actor, clock)?;
        crash::point("before the import is in the log");
        // Of a roll that was used under it before, this decides nothing; one whose log is empty
        // may have been killed before it could say so.
        if used.is_none() || leaves == 0 {
            let key = &engine.keys.fingerprint_key;
            let decision = Decision::KeyImported {
                fingerprint_key: key,
            };
            engine.decide(key, engine.now(), &decision, |_| Ok(()))?;
        }
        crash::point("before the imported key is written");
        if there.is_none() {
            write_key_file(WHAT, &paths.fingerprint, &file)?;
        }
        crash::point("after the imported key is written");
        Ok(engine)
    }
}

/// The id of the fingerprint key that a store was made with, if it was used before.
///
/// # Errors
/// The store gave out.
pub fn fingerprint_key_of(store: &Store, tenant: &Tenant) -> Result<Option<String>, Error> {
    let known = store.read(|reading| reading.setting(tenant, FINGERPRINT_SETTING))?;
    Ok(known.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
