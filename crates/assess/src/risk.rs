//! How much a finding weighs, as a sum of named factors.

use model::{Attribute, RiskFactor, Severity, Told, Verdict};

use crate::{Ground, Rule, Ruling, Thing};

/// The factors of one finding, the base first. Their sum, cut to 0…100, is the risk.
pub(crate) fn factors(
    rule: &Rule,
    ruling: &Ruling,
    thing: &Thing<'_>,
    ground: &Ground,
) -> Vec<RiskFactor> {
    let mut factors = vec![factor(
        "severity",
        base(rule.severity),
        format!("`{}` is {}", rule.id, rule.severity.as_str()),
    )];
    match thing
        .own_or_holders(&Attribute::PRIVILEGE)
        .is()
        .and_then(|value| value.text())
    {
        Some(word @ ("root" | "superuser")) => {
            factors.push(factor("privilege", 25, format!("it acts as {word}")))
        }
        Some(word) => factors.push(factor(
            "privilege",
            15,
            format!("it acts as {}", model::clean(word)),
        )),
        None => {}
    }
    if let Some(mode) = open_mode(thing) {
        factors.push(factor(
            "exposure",
            15,
            format!("others on that machine may read the file (mode {mode})"),
        ));
    }
    if thing
        .own_or_holders(&Attribute::ENVIRONMENT)
        .is()
        .and_then(|value| value.text())
        .is_some_and(is_production)
    {
        factors.push(factor(
            "environment",
            10,
            "it belongs to production".to_owned(),
        ));
    }
    if let Told::Is(created) = thing.entity.time(&Attribute::CREATED_AT) {
        let age = ground.now.since(created);
        if age > model::Duration::days(365) {
            factors.push(factor("age", 10, format!("it is {age} old")));
        }
    }
    if thing.owner.is_none() {
        factors.push(factor(
            "owner",
            10,
            "nobody has been confirmed as owner".to_owned(),
        ));
    }
    if let Verdict::Unknown(_) = ruling.verdict {
        factors.push(factor("validity", -20, "it could not be judged".to_owned()));
    }
    factors
}

/// The sum of the factors, cut to 0…100.
pub(crate) fn total(factors: &[RiskFactor]) -> u8 {
    let sum: i32 = factors.iter().map(|factor| factor.points).sum();
    u8::try_from(sum.clamp(0, 100)).unwrap_or(100)
}

fn factor(name: &str, points: i32, why: String) -> RiskFactor {
    RiskFactor {
        name: name.to_owned(),
        points,
        why,
    }
}

const fn base(severity: Severity) -> i32 {
    match severity {
        Severity::Critical => 50,
        Severity::High => 40,
        Severity::Medium => 25,
        Severity::Low => 10,
        Severity::Info => 0,
    }
}

/// The mode of a file that holds the secret and that group or others may read.
fn open_mode<'a>(thing: &Thing<'a>) -> Option<&'a str> {
    let facts = thing.entity.facts.get(&Attribute::FILE_MODE)?;
    facts.iter().find_map(|fact| {
        let mode = fact.told.is()?.text()?;
        let bits = u32::from_str_radix(mode, 8).ok()?;
        (bits & 0o044 != 0).then_some(mode)
    })
}

fn is_production(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "prod" | "prd" | "production" | "live"
    )
}
