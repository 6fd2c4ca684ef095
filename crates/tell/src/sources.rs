//! Sources, their passes, and what those could not read.

use std::collections::BTreeMap;

use model::{SourceId, Tenant};
use serde_json::json;
use store::{Error, Pass, PassOutcome, Reading, SourceConfig, SourceGap};

use crate::{Fields, fields};

/// A source that was remembered, or that was read and is not.
#[derive(Clone, Debug)]
pub struct Source {
    /// Which.
    pub id: SourceId,
    /// As it is remembered.
    pub config: Option<SourceConfig>,
    /// Its latest pass that ended.
    pub latest: Option<Pass>,
}

/// How much of the world stands behind an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Sources that were read.
    pub sources: u64,
    /// Parts of them that could not be.
    pub gaps: u64,
}

/// Passes looked at for the last of each source.
const PASSES_LOOKED_AT: usize = 1000;

/// Every source, by id.
///
/// # Errors
/// The store refused or broke.
pub fn sources(reading: &mut Reading<'_>, tenant: &Tenant) -> Result<Vec<Source>, Error> {
    let mut all = BTreeMap::new();
    for config in reading.sources(tenant)? {
        let source = Source {
            id: config.id.clone(),
            config: Some(config),
            latest: None,
        };
        all.insert(source.id.clone(), source);
    }
    let passes = reading.passes(tenant, None, PASSES_LOOKED_AT)?.into_iter();
    for pass in passes.filter(|pass| pass.finished.is_some()) {
        let source = all.entry(pass.source.clone()).or_insert_with(|| Source {
            id: pass.source.clone(),
            config: None,
            latest: None,
        });
        source.latest.get_or_insert(pass);
    }
    Ok(all.into_values().collect())
}

/// How much of the world stands behind the roll.
///
/// # Errors
/// The store refused or broke.
pub fn coverage(reading: &mut Reading<'_>, tenant: &Tenant) -> Result<Coverage, Error> {
    let passes = reading.passes(tenant, None, PASSES_LOOKED_AT)?;
    let ended = passes.iter().filter(|pass| pass.finished.is_some());
    let mut sources: Vec<_> = ended.map(|pass| &pass.source).collect();
    sources.sort();
    sources.dedup();
    Ok(Coverage {
        sources: sources.len() as u64,
        gaps: reading.gaps(tenant, None)?.len() as u64,
    })
}

/// A source in one line.
pub fn source(one: &Source) -> Fields {
    let (config, pass) = (one.config.as_ref(), one.latest.as_ref());
    fields(json!({
        "id": one.id,
        "connector": one.id.connector(),
        "target": one.id.target(),
        "kind_of_target": config.map(|one| &one.kind_of_target),
        "remembered": config.is_some(),
        "last_pass": pass.map(|pass| pass.started),
        "outcome": pass.and_then(|pass| pass.outcome).map(PassOutcome::as_str),
        "seen": pass.map(|pass| pass.counts.seen),
        "gaps": pass.map(|pass| pass.gaps),
    }))
}

/// One run of a source.
pub fn run(pass: &Pass) -> Fields {
    fields(json!({
        "source": pass.source,
        "run": pass.pass,
        "scope": pass.scope,
        "started": pass.started,
        "finished": pass.finished,
        "outcome": pass.outcome.map(PassOutcome::as_str),
        "seen": pass.counts.seen,
        "new": pass.counts.new,
        "changed": pass.counts.changed,
        "missing": pass.counts.missing,
        "back": pass.counts.back,
        "gaps": pass.gaps,
    }))
}

/// A part of a source that could not be read.
pub fn gap(found: &SourceGap) -> Fields {
    let gap = &found.gap;
    fields(json!({
        "source": found.source,
        "scope": gap.scope,
        "reason": gap.reason,
        "told": gap.told,
        "needs": gap.needs,
        "at": found.started,
    }))
}
