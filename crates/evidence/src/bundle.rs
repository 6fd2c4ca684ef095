//! The evidence bundle: one file that proves itself to whoever has the public key.
//!
//! The format, version 1, is lines of canonical JSON (see `canonical`), each ended by one newline:
//!
//! 1. `{"bundle":"keyroll-evidence","checkpoint":"<signed note>","scope":<scope>,"v":1}`, where
//!    the scope is `"log"`, `{"range":{"from":a,"to":b}}` (`b` excluded) or `{"subject":"…"}`;
//! 2. leaves in rising order: `{"index":n,"leaf":{…}}`, and unless the scope is the log, a member
//!    `"proof":["<base64>",…]`, the RFC 6962 inclusion proof, from the leaf's neighbour to the top;
//! 3. in the scope `"log"`, after the leaf that completes it each tile, lowest level first:
//!    `{"hashes":"<base64>","tile":"tile/0/000"}`, and after the last leaf the partial tiles;
//! 4. `{"end":{"leaves":n,"tiles":m}}`.
//!
//! Writing and checking hold one tile of each level in memory, whatever the size of the log.

mod check;
mod line;
mod write;

pub use check::{Check, SUBJECTS_MAX, Verified, verify};
pub use line::{LINE_BYTES_MAX, Scope};
pub use write::{Export, export};
