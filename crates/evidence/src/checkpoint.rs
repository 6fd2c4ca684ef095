//! Signed checkpoints: the head of the log, signed as a note (C2SP `tlog-checkpoint`, `signed-note`).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::Secret;
use signed_note::{Note, Signature, is_key_name_valid, key_id};
use std::fmt;
use tlog_tiles::Checkpoint;

use crate::{Error, Head, SIZE_MAX};

/// Bytes of a seed and of a public key.
const KEY_BYTES: usize = 32;
/// The algorithm byte of Ed25519 in signed notes.
const ED25519_NOTE: u8 = 1;

/// Signs the heads of one log.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Signer {
    /// The signer of the log called `origin`, with the key made from a seed of 32 random bytes.
    ///
    /// `origin` is both the log's origin and the name of its key; it holds no blank and no `+`.
    ///
    /// # Errors
    /// [`Error::Signer`] for another length of seed or a name that a note cannot carry.
    pub fn new(origin: &str, seed: &Secret) -> Result<Self, Error> {
        if !is_name(origin) {
            return Err(Error::Signer {
                why: "expected an origin without blanks, controls and `+`",
            });
        }
        if seed.len() != KEY_BYTES {
            return Err(Error::Signer {
                why: "expected a seed of 32 bytes",
            });
        }
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Error::Signer {
                why: "the seed was refused",
            })?;
        let bytes: [u8; KEY_BYTES] =
            pair.public_key()
                .as_ref()
                .try_into()
                .map_err(|_| Error::Signer {
                    why: "expected a public key of 32 bytes",
                })?;
        let public = PublicKey {
            name: origin.to_owned(),
            key: bytes,
        };
        Ok(Self { pair, public })
    }

    /// The key that others verify with.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The signed checkpoint over `head`: origin, size, root, an empty line, one signature.
    ///
    /// # Errors
    /// [`Error::Signer`] if the head cannot be written as a note.
    pub fn sign(&self, head: Head) -> Result<Vec<u8>, Error> {
        let refused = |why| move |_| Error::Signer { why };
        let checkpoint =
            Checkpoint::new(&self.public.name, head.size, head.root, "").map_err(|_| {
                Error::Signer {
                    why: "the checkpoint was refused",
                }
            })?;
        let text = checkpoint.to_bytes();
        let signature = self.pair.sign(&text).as_ref().to_vec();
        let signature = Signature::new(self.public.name.clone(), self.public.id(), signature)
            .map_err(refused("the signature was refused"))?;
        let note = Note::new(&text, &[signature]).map_err(refused("the note was refused"))?;
        Ok(note.to_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, redacted)", self.public)
    }
}

/// The public key of a log. As text: `name+hash+key`, the form that other tools of signed notes read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: [u8; KEY_BYTES],
}

impl PublicKey {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::PublicKey`] if it is not of that form, of another algorithm, or its hash is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why| Error::PublicKey { why };
        let parts = text
            .split_once('+')
            .and_then(|(name, rest)| Some((name, rest.split_once('+')?)));
        let (name, (_, key)) = parts.ok_or_else(|| wrong("got a text without two `+`"))?;
        if !is_name(name) {
            return Err(wrong("got a name with blanks or controls, or none"));
        }
        let key = BASE64_STANDARD
            .decode(key)
            .map_err(|_| wrong("got no base64 after the last `+`"))?;
        let Some((&ED25519_NOTE, key)) = key.split_first() else {
            return Err(wrong("got a key of an algorithm other than Ed25519"));
        };
        let key = key
            .try_into()
            .map_err(|_| wrong("got a key that is not 32 bytes long"))?;
        let public = Self {
            name: name.to_owned(),
            key,
        };
        if public.to_string() != text {
            return Err(wrong(
                "got one whose parts do not belong together: is a letter wrong?",
            ));
        }
        Ok(public)
    }

    /// The name of the key, which is the origin of its log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The head that a checkpoint states, if this key signed it.
    ///
    /// The note must be in its one canonical form, with this one signature and no extension.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for another form or another log; [`Error::Signature`] for another key.
    pub fn open(&self, note: &[u8]) -> Result<Head, Error> {
        let wrong = |why| Error::Checkpoint { why };
        let parsed = Note::from_bytes(note).map_err(|_| wrong("got no signed note"))?;
        if parsed.to_bytes() != note {
            return Err(wrong(
                "got a note that is not spelled as it would be written",
            ));
        }
        let text = parsed.text();
        let checkpoint = Checkpoint::from_bytes(text).map_err(|_| wrong("got another text"))?;
        if checkpoint.to_bytes() != text || !checkpoint.extension().is_empty() {
            return Err(wrong("got lines beyond origin, size and root"));
        }
        if checkpoint.origin() != self.name {
            return Err(wrong("got the checkpoint of another log"));
        }
        if checkpoint.size() > SIZE_MAX {
            return Err(wrong("got more leaves than a log can have"));
        }
        let signature = self
            .one_signature(note)
            .ok_or_else(|| Error::Signature { key: self.short() })?;
        UnparsedPublicKey::new(&ED25519, self.key)
            .verify(text, &signature)
            .map_err(|_| Error::Signature { key: self.short() })?;
        Ok(Head {
            size: checkpoint.size(),
            root: *checkpoint.hash(),
        })
    }

    /// The signature, if it is the only one and names this key.
    fn one_signature(&self, note: &[u8]) -> Option<Vec<u8>> {
        let at = note.windows(2).rposition(|two| two == b"\n\n")?;
        let line = note.get(at + 2..)?.strip_suffix(b"\n")?;
        let signature = Signature::from_bytes(line).ok()?;
        let ours = signature.name() == self.name && signature.id() == self.id();
        ours.then(|| signature.signature().to_vec())
    }

    /// The first four bytes of SHA-256 over name and key, as `signed-note` defines them.
    fn id(&self) -> u32 {
        key_id(&self.name, &self.tagged())
    }

    fn tagged(&self) -> Vec<u8> {
        std::iter::once(ED25519_NOTE).chain(self.key).collect()
    }

    fn short(&self) -> String {
        format!("{}+{:08x}", self.name, self.id())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            self.id(),
            BASE64_STANDARD.encode(self.tagged())
        )
    }
}

/// A note's name for a key; beyond its rules no control character and a sane length.
fn is_name(name: &str) -> bool {
    is_key_name_valid(name) && name.len() <= 255 && !name.chars().any(char::is_control)
}
