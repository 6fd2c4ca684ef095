//! What can be wrong with rules and baselines that were given to the detector.

/// Why a rule file, an allow-list or a baseline cannot be used. Nothing that is scanned is an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no TOML of the expected form.
    #[error("expected a rule file `{file}` in TOML: {reason}")]
    File {
        /// Which file.
        file: String,
        /// What the parser says.
        reason: String,
    },
    /// The text is none of gitleaks' form.
    #[error("expected rules in gitleaks' form, got on line {line}: {reason}")]
    Gitleaks {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// One rule is wrong.
    #[error("rule `{rule}`: {reason}")]
    Rule {
        /// Its id.
        rule: String,
        /// What was expected, what came.
        reason: String,
    },
    /// A regex means nothing here; gitleaks' files are written for RE2.
    #[error("rule `{rule}`: expected a regular expression in `{field}`: {reason}")]
    Regex {
        /// The rule's id, or `allowlist`.
        rule: String,
        /// Which field of it.
        field: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// A file that lies in what is read is larger than such a file may be.
    #[error("expected at most {most} {what}, got {got}")]
    Large {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: usize,
        /// How much there is.
        got: usize,
    },
    /// A baseline is neither gitleaks' JSON report nor a list of fingerprints.
    #[error("expected a baseline as a list of fingerprints or as gitleaks' JSON report: {reason}")]
    Baseline {
        /// What the parser says.
        reason: String,
    },
}
