//! What no rule could answer, told together: which questions, about how many things, and which
//! source would answer most of them.

use std::collections::{BTreeMap, BTreeSet};

use model::{EntityId, Finding, Verdict};

use super::report::Report;
use crate::error::Error;
use crate::output::{Cell, Tone};
use crate::roll::Roll;
use crate::words::{count, many};

/// Questions that are named.
const QUESTIONS_MAX: usize = 3;
/// Sources that are named.
const SOURCES_MAX: usize = 2;
/// Of more things than this the providers are not looked up.
const THINGS_MAX: usize = 5_000;
/// Rules that a provider answers when it is asked whether it lets a credential in.
const ASKED: &[&str] = &["open-secret", "leaked-live", "secret-in-text"];
/// Providers whose sources are named after something else.
const NAMED_AFTER: &[(&str, &str)] = &[
    ("azure", "entra"),
    ("google", "gcp"),
    ("mariadb", "mysql"),
    ("postgresql", "postgres"),
];

/// The open questions in a few lines; none where there are none.
///
/// # Errors
/// The store refused or broke.
pub(super) fn lines(roll: &Roll, report: &Report<'_>) -> Result<Vec<Cell>, Error> {
    let open: Vec<&Finding> = report
        .judged
        .findings()
        .filter(|one| matches!(one.verdict, Verdict::Unknown(_)))
        .collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let things: BTreeSet<&EntityId> = open.iter().map(|one| &one.entity).collect();
    let mut lines = vec![Cell::toned(
        format!(
            "{} about {} {} open: unknown is not pass (`keyroll findings --verdict unknown`)",
            many(open.len() as u64, "question", "questions"),
            many(things.len() as u64, "thing", "things"),
            if open.len() == 1 { "is" } else { "are" },
        ),
        Tone::Unknown,
    )];
    if open.len() > QUESTIONS_MAX {
        lines.push(Cell::new(format!("  {}", questions(&open))));
    }
    let providers = providers(roll, &things)?;
    let asked = report.liveness.is_none() && open.iter().any(|one| ASKED.contains(&one.rule));
    lines.extend(sources(&providers, report).into_iter().map(Cell::new));
    if asked {
        lines.push(Cell::new(
            "  `--check-live` asks the providers whether they still let them in",
        ));
    }
    Ok(lines)
}

/// Which questions there are most of: `9 of unused, 8 of expiring, 4 of others`.
fn questions(open: &[&Finding]) -> String {
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for one in open {
        *by_rule.entry(one.rule).or_default() += 1;
    }
    let mut by_rule: Vec<_> = by_rule.into_iter().collect();
    by_rule.sort_by_key(|(rule, n)| (std::cmp::Reverse(*n), *rule));
    let named = by_rule.iter().take(QUESTIONS_MAX);
    let mut told: Vec<String> = named
        .map(|(rule, n)| format!("{} of `{rule}`", count(*n as u64)))
        .collect();
    let rest: usize = by_rule.iter().skip(QUESTIONS_MAX).map(|(_, n)| n).sum();
    if rest > 0 {
        told.push(format!("{} of other rules", count(rest as u64)));
    }
    told.join(", ")
}

/// How many of the things each provider issued.
fn providers(roll: &Roll, things: &BTreeSet<&EntityId>) -> Result<BTreeMap<String, usize>, Error> {
    let ids: Vec<EntityId> = things.iter().take(THINGS_MAX).copied().cloned().collect();
    let rows = roll.read(|reading, tenant| reading.entity_rows(tenant, &ids))?;
    let mut providers = BTreeMap::new();
    for row in rows {
        *providers.entry(row.provider).or_default() += 1;
    }
    Ok(providers)
}

/// Which sources would know more of how many of them: those that list what a provider issued and
/// were not read just now.
fn sources(providers: &BTreeMap<String, usize>, report: &Report<'_>) -> Option<String> {
    let read: BTreeSet<&str> = report
        .scanned
        .iter()
        .filter_map(|one| one.report.as_ref().ok())
        .map(|report| report.source.connector())
        .collect();
    let mut by_form: BTreeMap<&str, usize> = BTreeMap::new();
    for (provider, n) in providers {
        if let Some((_, form)) = form(provider).filter(|(name, _)| !read.contains(name)) {
            *by_form.entry(form).or_default() += n;
        }
    }
    let mut by_form: Vec<_> = by_form.into_iter().collect();
    by_form.sort_by_key(|(form, n)| (std::cmp::Reverse(*n), *form));
    let named: Vec<String> = by_form
        .iter()
        .take(SOURCES_MAX)
        .map(|(form, n)| format!("`keyroll scan {form}` knows more of {}", count(*n as u64)))
        .collect();
    (!named.is_empty()).then(|| format!("  {}", named.join(", ")))
}

/// The connector that lists what `provider` issued, and how its source is named: after the
/// provider.
fn form(provider: &str) -> Option<(&'static str, &'static str)> {
    let other = NAMED_AFTER.iter().find(|(one, _)| *one == provider);
    let provider = other.map_or(provider, |(_, other)| other);
    let mut specs = connectors::catalog().map(|one| one.spec());
    specs.find_map(|spec| {
        let form = spec.named.split(' ').next()?;
        (form.split(':').next() == Some(provider)).then_some((spec.name, form))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_issued_is_listed_by_a_source_that_can_be_named() {
        for (provider, expected) in [
            ("aws", "aws_iam"),
            ("github", "github_organization"),
            ("postgres", "postgres_roles"),
            ("postgresql", "postgres_roles"),
            ("vault", "vault"),
        ] {
            assert_eq!(form(provider).map(|(name, _)| name), Some(expected));
        }
        assert_eq!(form("aws").map(|(_, form)| form), Some("aws"));
        assert_eq!(form("vault").map(|(_, form)| form), Some("vault:HOST"));
        assert_eq!(form("x509"), None);
        assert_eq!(form("files"), None);
    }
}
