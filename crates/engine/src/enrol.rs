//! The fingerprint key on its way to a scanner elsewhere, and from one: each is a decision that is
//! in the log.

use std::path::Path;

use model::Tenant;
use store::Store;

use crate::decide::Decision;
use crate::keys::{FINGERPRINT_SETTING, write_key_file};
use crate::{Engine, Error, crash};

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

    /// Notes that this roll's fingerprint key is one of another roll.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note_imported_key(&self) -> Result<(), Error> {
        let key = &self.keys.fingerprint_key;
        let decision = Decision::KeyImported {
            fingerprint_key: key,
        };
        self.decide(key, self.now(), &decision, |_| Ok(()))?;
        Ok(())
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
