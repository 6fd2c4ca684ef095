//! The rules for secrets in text, given to connectors that search files (decision 20).

use std::sync::OnceLock;

use connectors::{Connector, Detected, Detector, PortKind};
use leaks::{Checksum, Mode, What};
use model::{Attribute, Confidence, Value};

use crate::Error;

/// The built-in rules, built when the first file is searched.
pub(crate) struct Secrets(leaks::Detector);

impl Secrets {
    /// The rules, for a connector that searches files; others have no use for them.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn of(connector: &dyn Connector) -> Result<Option<&'static dyn Detector>, Error> {
        match connector.spec().port {
            PortKind::Files | PortKind::Git => Ok(Some(Self::get()?)),
            _ => Ok(None),
        }
    }

    /// The one detector of this process.
    ///
    /// # Errors
    /// The built-in rules are broken, which the tests of the catalogue exclude.
    pub(crate) fn get() -> Result<&'static Self, Error> {
        static SECRETS: OnceLock<Secrets> = OnceLock::new();
        if let Some(secrets) = SECRETS.get() {
            return Ok(secrets);
        }
        let built = leaks::Detector::new()
            .map_err(|why| Error::Unfit(format!("the rules for secrets cannot be used: {why}")))?;
        // Of two that build it at once, one is kept.
        Ok(SECRETS.get_or_init(|| Self(built)))
    }
}

impl Detector for Secrets {
    fn detect(&self, path: &str, bytes: &[u8]) -> Vec<Detected> {
        let mut found = Vec::new();
        self.0
            .scan(bytes, Some(path), &mut |one| found.extend(detected(one)));
        found
    }
}

/// A match as connectors know it; none where it is no credential or one written for a manual.
fn detected(one: leaks::Match) -> Option<Detected> {
    let What::Credential(credential) = one.rule.what else {
        return None;
    };
    if one.mode == Mode::Example {
        return None;
    }
    let mut facts: Vec<(Attribute, Value)> = one
        .facts
        .iter()
        .map(|fact| (Attribute::named(fact.name), fact.value.as_str().into()))
        .collect();
    if one.rule.provider != "any" && !one.rule.provider.is_empty() {
        facts.push((Attribute::PROVIDER, one.rule.provider.as_str().into()));
    }
    if one.mode == Mode::Test {
        facts.push((Attribute::ENVIRONMENT, "test".into()));
    }
    match one.checksum {
        Checksum::Valid => facts.push((Attribute::named("checksum"), "valid".into())),
        Checksum::Invalid => facts.push((Attribute::named("checksum"), "invalid".into())),
        Checksum::Absent => {}
    }
    let (confidence, word) = match one.confidence {
        leaks::Confidence::High => (Confidence::Derived, "high"),
        leaks::Confidence::Medium => (Confidence::Derived, "medium"),
        leaks::Confidence::Low => (Confidence::Guessed, "low"),
    };
    facts.push((Attribute::named("detection"), word.into()));
    Some(Detected {
        rule: one.rule.id.clone(),
        credential,
        secret: one.secret,
        line: usize::try_from(one.line).unwrap_or(usize::MAX),
        confidence,
        facts,
    })
}
