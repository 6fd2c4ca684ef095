//! The keys beside a store: read, made at first use, and never replaced by accident.
//!
//! The fingerprint key and the seal key are two files beside the database, never in it
//! (mode 0600). The key ring and the key that signs evidence are sealed in the store.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Fingerprint, Secret, Tenant, Timestamp};
use store::{Durability, Location, Store};
use vault::{FingerprintKey, KeyFileSeal, KeyRing, Random};

use crate::Error;
use crate::ring::SharedRing;

/// The operating system's generator, asked itself: a library's own, which is seeded from the
/// processor's jitter first, costs each call of the program 30 ms.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), vault::Error> {
        getrandom::fill(bytes).map_err(|_| vault::Error::NoRandom)
    }
}

/// Where the key files lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPaths {
    /// The fingerprint key.
    pub fingerprint: PathBuf,
    /// The seal key.
    pub seal: PathBuf,
}

impl KeyPaths {
    /// Beside an embedded database; with PostgreSQL both must be named.
    ///
    /// # Errors
    /// A PostgreSQL store without both files named.
    pub fn for_store(
        location: &Location,
        fingerprint: Option<PathBuf>,
        seal: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let beside = |suffix: &str| match location {
            Location::Sqlite(path) => Some(path.with_extension(suffix)),
            Location::Postgres(_) => None,
        };
        let unnamed = |flag: &str| {
            Error::Unfit(format!(
                "a store on PostgreSQL needs `{flag} PATH`: the key must not lie in the database it guards"
            ))
        };
        let fingerprint = fingerprint.or_else(|| beside("fingerprint-key"));
        let seal = seal.or_else(|| beside("seal-key"));
        Ok(Self {
            fingerprint: fingerprint.ok_or_else(|| unnamed("--fingerprint-key-file"))?,
            seal: seal.ok_or_else(|| unnamed("--seal-key-file"))?,
        })
    }
}

/// The keys of one tenant's store, in memory.
#[derive(Clone)]
pub struct Keys {
    fingerprint: Arc<FingerprintKey>,
    ring: Arc<SharedRing>,
    /// Id of the fingerprint key.
    pub fingerprint_key: String,
}

pub(crate) const FINGERPRINT_SETTING: &str = "fingerprint_key";
pub(crate) const RING_SETTING: &str = "key_ring";

impl Keys {
    /// Reads the keys of `store`, or makes them if the store has never had any. Of two processes
    /// that make them at once, one does and the other takes what it made.
    ///
    /// # Errors
    /// A key file is missing though the store was made with one, is another one, or may be read
    /// by others.
    pub fn open(store: &Store, tenant: &Tenant, paths: &KeyPaths) -> Result<Self, Error> {
        let known = store.read(|reading| reading.setting(tenant, FINGERPRINT_SETTING))?;
        let known = known.as_deref().map(text);
        let fingerprint = fingerprint_key(&paths.fingerprint, known.as_deref())?;
        Self::under(store, tenant, paths, fingerprint)
    }

    /// The same under a fingerprint key that lies in no file here yet.
    ///
    /// # Errors
    /// The store was made with another one; else as for [`Keys::open`].
    pub(crate) fn under(
        store: &Store,
        tenant: &Tenant,
        paths: &KeyPaths,
        fingerprint: FingerprintKey,
    ) -> Result<Self, Error> {
        let (known, ring) = store.read(|reading| {
            let known = reading.setting(tenant, FINGERPRINT_SETTING)?;
            Ok((
                known.as_deref().map(text),
                reading.setting(tenant, RING_SETTING)?,
            ))
        })?;
        let seal = seal_key(&paths.seal, ring.is_some())?;
        let (id, wrapped) = match (known, ring) {
            (Some(id), Some(wrapped)) => (id, wrapped),
            _ => first_keys(store, tenant, &fingerprint, &seal)?,
        };
        if id != fingerprint.id() {
            let why = format!(
                "it holds key {}, this store was made with {id}",
                fingerprint.id()
            );
            return Err(Error::KeyFile {
                what: "fingerprint key file",
                path: paths.fingerprint.clone(),
                why,
            });
        }
        let ring = SharedRing::open(store, tenant, seal, wrapped)?;
        Ok(Self {
            fingerprint: Arc::new(fingerprint),
            ring: Arc::new(ring),
            fingerprint_key: id,
        })
    }

    /// The fingerprint of a secret; of nothing, that of one zero byte.
    pub fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        self.fingerprint
            .fingerprint(secret.expose())
            .or_else(|| self.fingerprint.fingerprint(b"\0"))
            .unwrap_or_else(|| Fingerprint {
                key: self.fingerprint_key.clone(),
                mac: String::new(),
            })
    }

    /// What the fingerprint key's file holds; it is a secret.
    pub(crate) fn fingerprint_file(&self) -> Secret {
        self.fingerprint.to_file()
    }

    /// What seals.
    pub(crate) fn ring(&self) -> &SharedRing {
        &self.ring
    }

    /// Seals `value` for `path` at `version`. The ring accounts for it before it is answered.
    ///
    /// # Errors
    /// The term is used up, or there is no randomness.
    pub fn seal(&self, path: &str, version: u64, value: &Secret) -> Result<Vec<u8>, Error> {
        self.ring.seal(path, version, value)
    }

    /// Opens what was sealed for `path` at `version`.
    ///
    /// # Errors
    /// It was sealed for something else, or altered.
    pub fn open_sealed(&self, path: &str, version: u64, bytes: &[u8]) -> Result<Secret, Error> {
        self.ring.unseal(path, version, bytes)
    }
}

/// Makes the ring and notes which fingerprint key the store goes with, unless somebody just has.
fn first_keys(
    store: &Store,
    tenant: &Tenant,
    fingerprint: &FingerprintKey,
    seal: &KeyFileSeal,
) -> Result<(String, Vec<u8>), Error> {
    let ring = KeyRing::generate(tenant.clone(), &SystemRandom)?.to_sealed(seal, &SystemRandom)?;
    store.write(Durability::Full, |writing| {
        // Whoever comes second waits here and then finds what the first has made.
        writing.lock_roll(tenant)?;
        let id = match writing.setting(tenant, FINGERPRINT_SETTING)? {
            Some(id) => text(&id),
            None => fingerprint.id(),
        };
        let ring = writing.setting(tenant, RING_SETTING)?.unwrap_or(ring);
        writing.put_setting(tenant, FINGERPRINT_SETTING, &id)?;
        writing.put_setting(tenant, RING_SETTING, &ring)?;
        Ok((id, ring))
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fingerprint_key(path: &Path, known: Option<&str>) -> Result<FingerprintKey, Error> {
    const WHAT: &str = "fingerprint key file";
    let wrong = |why: String| Error::KeyFile {
        what: WHAT,
        path: path.to_owned(),
        why,
    };
    if let (false, Some(id)) = (path.exists(), known) {
        return Err(wrong(format!(
            "it is not there, and this store was made with fingerprint key {id}; put that file back"
        )));
    }
    let content = read_or_make(WHAT, path, || {
        Ok(FingerprintKey::generate(&SystemRandom)?.to_file())
    })?;
    FingerprintKey::from_file(&content).map_err(|e| wrong(e.to_string()))
}

fn seal_key(path: &Path, known: bool) -> Result<KeyFileSeal, Error> {
    const WHAT: &str = "seal key file";
    let wrong = |why: String| Error::KeyFile {
        what: WHAT,
        path: path.to_owned(),
        why,
    };
    if known && !path.exists() {
        return Err(wrong(
            "it is not there, and what this store holds was sealed with it; put that file back"
                .into(),
        ));
    }
    let content = read_or_make(WHAT, path, || {
        Ok(KeyFileSeal::generate(&SystemRandom)?.to_file())
    })?;
    KeyFileSeal::from_file(&content).map_err(|e| wrong(e.to_string()))
}

/// What the key file holds; if there is none, `make` makes it, unless another process is faster.
fn read_or_make(
    what: &'static str,
    path: &Path,
    make: impl Fn() -> Result<Secret, Error>,
) -> Result<Secret, Error> {
    if let Some(content) = read_key_file(what, path)? {
        return Ok(content);
    }
    let made = make()?;
    match write_key_file(what, path, &made) {
        Ok(()) => Ok(made),
        Err(error) => read_key_file(what, path)?.ok_or(error),
    }
}

/// More than any key file holds.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// What a key file holds; `None` if there is none.
///
/// # Errors
/// It cannot be read, or others may read it.
pub fn read_key_file(what: &'static str, path: &Path) -> Result<Option<Secret>, Error> {
    let files = |source| Error::Files {
        doing: "reading",
        path: path.to_owned(),
        source,
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(files(e)),
    };
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().map_err(files)?);
    if mode & 0o077 != 0 {
        let why = format!(
            "others may read it (mode {:04o}); `chmod 600` it, and if it was exposed make a new one",
            mode & 0o7777
        );
        return Err(Error::KeyFile {
            what,
            path: path.to_owned(),
            why,
        });
    }
    let mut bytes = Vec::new();
    file.take(KEY_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(files)?;
    Ok(Some(Secret::new(bytes)))
}

/// Writes a key file that must not be there yet: whole, or not at all; readable by its owner alone.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn write_key_file(what: &'static str, path: &Path, content: &Secret) -> Result<(), Error> {
    let files = |source| Error::Files {
        doing: "writing",
        path: path.to_owned(),
        source,
    };
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(files)?;
    // A name that nobody else uses: what is linked below must be what was written here.
    let mut chance = [0; 8];
    SystemRandom.fill(&mut chance)?;
    let draft = path.with_extension(format!("draft-{}", hex(&chance)));
    let write = || -> std::io::Result<()> {
        let mut open = fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(open.write(true).create_new(true), 0o600);
        let mut file = open.open(&draft)?;
        file.write_all(content.expose())?;
        file.sync_all()?;
        // A link fails where a rename would replace a key that another process made meanwhile.
        fs::hard_link(&draft, path)?;
        fs::File::open(dir)?.sync_all()
    };
    let written = write();
    // The draft holds the key: it goes, whatever happened. That it never came is no error.
    let _ = fs::remove_file(&draft);
    match written {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let why = "it is there already; another process made it just now, try again".to_owned();
            Err(Error::KeyFile {
                what,
                path: path.to_owned(),
                why,
            })
        }
        other => other.map_err(files),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The instant it is.
pub fn system_clock() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
