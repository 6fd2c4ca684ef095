//! What can go wrong with keys, sealed values and verifiers. No variant carries a secret.

/// Why something could not be sealed, opened or compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system gave no random bytes.
    #[error("expected random bytes from the system, got none: nothing was sealed")]
    NoRandom,
    /// The cryptographic library refused what should always work.
    #[error("the cryptographic library refused to {what}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
    },
    /// A value longer than a barrier takes.
    #[error("expected at most {bytes_max} bytes to seal, got {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Bytes that no barrier wrote.
    #[error("expected a sealed value of format 1 (format, term, nonce, ciphertext), {why}")]
    Form {
        /// What is wrong.
        why: &'static str,
    },
    /// A value under a key that this ring does not have.
    #[error(
        "the key ring has no term {term}: the value is newer than the ring or of another one; \
         restore the ring and the store from the same backup"
    )]
    UnknownTerm {
        /// The term that the value names.
        term: u32,
    },
    /// The tag does not match.
    #[error(
        "`{path}` version {version} does not open: it was changed, or it was sealed for another \
         tenant, path or version, or under another key"
    )]
    Broken {
        /// Where it was read from.
        path: String,
        /// The version it was read as.
        version: u64,
    },
    /// A data key at the end of its life (NIST SP 800-38D, section 8.3).
    #[error("term {term} has sealed {encryptions} values, its limit: rotate the key ring")]
    Spent {
        /// The active term.
        term: u32,
        /// How many values it sealed, as far as counted.
        encryptions: u64,
    },
    /// The ring itself does not open.
    #[error(
        "the key ring does not open with seal `{seal}`: expected the key it was sealed with, got \
         another, or the ring was changed"
    )]
    Ring {
        /// Which kind of seal.
        seal: &'static str,
    },
    /// A ring that opened and makes no sense.
    #[error("expected a key ring of format 1, {why}")]
    RingForm {
        /// What is wrong.
        why: &'static str,
    },
    /// A text that should hold a key.
    #[error("expected `{expected}` and 48 letters, {why}")]
    KeyText {
        /// What it starts with.
        expected: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// A key of another length.
    #[error("expected a key of 32 bytes, got {bytes}")]
    KeyLength {
        /// Its length.
        bytes: usize,
    },
    /// A text that is no password verifier known here.
    #[error("expected a verifier such as `SCRAM-SHA-256$4096:…`, {why}")]
    Verifier {
        /// What is wrong.
        why: &'static str,
    },
    /// A number of rounds that costs too much, or none.
    #[error("expected 1 to {iterations_max} iterations, got {iterations}")]
    Iterations {
        /// What was asked for.
        iterations: u32,
        /// The limit.
        iterations_max: u32,
    },
}
