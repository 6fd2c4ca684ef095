//! The platforms whose logs are read, and how a record is known as one of theirs.

use std::collections::BTreeSet;

use model::AuditEvent;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::{cloudtrail, entra, gcp, github, gitlab, kubernetes, models, okta, postgres};

/// One record read.
pub(crate) type Read<'a> = Result<AuditEvent<'a>, serde_json::Error>;

/// A platform's log.
#[derive(Debug)]
pub(crate) struct Platform {
    /// Its name in facts and gaps.
    pub(crate) log: &'static str,
    /// Which members mark a record of it, in lower case: all of any one of these lists.
    pub(crate) marks: &'static [&'static [&'static str]],
    /// Reads a record.
    pub(crate) read: for<'a> fn(&'a [u8]) -> Read<'a>,
    /// Which uses it does not tell, where only these parts of it were met.
    pub(crate) lacks: fn(&BTreeSet<String>) -> Option<&'static str>,
}

/// Every platform whose records are JSON. Where two know one record, the first reads it.
pub(crate) static PLATFORMS: &[&Platform] = &[
    &cloudtrail::PLATFORM,
    &kubernetes::PLATFORM,
    &gcp::PLATFORM,
    &entra::SIGN_INS,
    &entra::DIRECTORY,
    &entra::ACTIVITY,
    &entra::DIAGNOSTIC,
    &okta::PLATFORM,
    &models::OPENAI,
    &models::ANTHROPIC,
    &postgres::JSONLOG,
    &gitlab::PLATFORM,
    &github::PLATFORM,
];

/// The platform of that name.
pub(crate) fn platform(log: &str) -> Option<&'static Platform> {
    PLATFORMS.iter().copied().find(|one| one.log == log)
}

/// The ids of logs, as they are kept: those of a log that this version does not know are dropped.
pub(crate) mod log_ids {
    use std::collections::BTreeSet;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::super::fold::LogId;

    pub(crate) fn serialize<S: Serializer>(
        ids: &BTreeSet<LogId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        ids.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeSet<LogId>, D::Error> {
        let ids = BTreeSet::<(String, String)>::deserialize(deserializer)?;
        let known = |(log, account): (String, String)| Some((super::platform(&log)?.log, account));
        Ok(ids.into_iter().filter_map(known).collect())
    }
}

/// Names of members looked at of one record.
const MEMBERS_MAX: usize = 256;

/// Whose record it is.
pub(crate) fn detect(record: &[u8]) -> Option<&'static Platform> {
    let members = members(record)?;
    let bears = |marks: &&[&str]| marks.iter().all(|one| members.contains(*one));
    PLATFORMS
        .iter()
        .copied()
        .find(|one| one.marks.iter().any(&bears))
}

/// The names of an object's own members, in lower case.
fn members(record: &[u8]) -> Option<BTreeSet<String>> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = BTreeSet<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names = BTreeSet::new();
            while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                map.next_value::<IgnoredAny>()?;
                if names.len() < MEMBERS_MAX {
                    names.insert(name.to_ascii_lowercase());
                }
            }
            Ok(names)
        }
    }
    serde_json::Deserializer::from_slice(record)
        .deserialize_map(Names)
        .ok()
}

/// Whether it is a digest that CloudTrail writes beside its logs, to prove them whole.
pub(crate) fn is_digest(record: &[u8]) -> bool {
    members(record).is_some_and(|members| members.contains("digeststarttime"))
}
