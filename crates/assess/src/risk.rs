//! How much a finding weighs, as a sum of named factors.

mod internet;

use model::{Attribute, Duration, RiskFactor, Severity, Told, Validity, Verdict};

use crate::{Ground, Rule, Ruling, Thing};

/// The factors of one finding, the base first. Their sum, cut to 0…100, is the risk.
pub(crate) fn factors(
    rule: &Rule,
    ruling: &Ruling,
    thing: &Thing<'_>,
    ground: &Ground,
) -> Vec<RiskFactor> {
    let why = format!("`{}` is {}", rule.id, rule.severity.as_str());
    let further = [
        privilege(thing),
        exposure(thing),
        internet::factor_of(thing),
        environment(thing),
        validity(thing, ground),
        age(thing, ground),
        owner(thing),
        judgement(ruling),
    ];
    let base = Some(factor("severity", base(rule.severity), why));
    std::iter::once(base).chain(further).flatten().collect()
}

/// The sum of the factors, cut to 0…100.
pub(crate) fn total(factors: &[RiskFactor]) -> u8 {
    let sum: i32 = factors.iter().map(|factor| factor.points).sum();
    u8::try_from(sum.clamp(0, 100)).unwrap_or(100)
}

fn factor(name: &str, points: i32, why: impl Into<String>) -> RiskFactor {
    RiskFactor {
        name: name.to_owned(),
        points,
        why: why.into(),
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

fn privilege(thing: &Thing<'_>) -> Option<RiskFactor> {
    let told = thing.own_or_holders(&Attribute::PRIVILEGE);
    let word = told.is()?.text()?;
    let points = match word {
        "root" | "superuser" => 25,
        _ => 15,
    };
    let why = format!("it acts as {}", model::clean(word));
    Some(factor("privilege", points, why))
}

/// A file that holds the secret and that group or others may read.
fn exposure(thing: &Thing<'_>) -> Option<RiskFactor> {
    let facts = thing.entity.facts.get(&Attribute::FILE_MODE)?;
    let mode = facts.iter().find_map(|fact| {
        let mode = fact.told.is()?.text()?;
        let bits = u32::from_str_radix(mode, 8).ok()?;
        (bits & 0o044 != 0).then_some(mode)
    })?;
    let why = format!("others on that machine may read the file (mode {mode})");
    Some(factor("exposure", 15, why))
}

fn environment(thing: &Thing<'_>) -> Option<RiskFactor> {
    let told = thing.own_or_holders(&Attribute::ENVIRONMENT);
    let production = is_production(told.is()?.text()?);
    production.then(|| factor("environment", 10, "it belongs to production"))
}

/// Whether it still opens something, as far as anybody has tried or its provider says.
fn validity(thing: &Thing<'_>, ground: &Ground) -> Option<RiskFactor> {
    match thing.validity() {
        Some(Validity::Live) => {
            return Some(factor("validity", 25, "its provider still lets it in"));
        }
        Some(Validity::Dead) => {
            let why = "its provider does not let it in any more";
            return Some(factor("validity", -35, why));
        }
        Some(Validity::Unknown) | None => {}
    }
    if thing.is_off() {
        return Some(factor("validity", -20, "its provider has switched it off"));
    }
    let end = thing.entity.time(&Attribute::EXPIRES_AT);
    let over = end.is().is_some_and(|end| *end <= ground.now);
    over.then(|| factor("validity", -20, "it is past its end"))
}

fn age(thing: &Thing<'_>, ground: &Ground) -> Option<RiskFactor> {
    let Told::Is(created) = thing.entity.time(&Attribute::CREATED_AT) else {
        return None;
    };
    let age = ground.now.since(created);
    (age > Duration::days(365)).then(|| factor("age", 10, format!("it is {age} old")))
}

fn owner(thing: &Thing<'_>) -> Option<RiskFactor> {
    let nobody = thing.owner.is_none();
    nobody.then(|| factor("owner", 10, "nobody has been confirmed as owner"))
}

/// What could not be judged weighs less than what is known to be wrong.
fn judgement(ruling: &Ruling) -> Option<RiskFactor> {
    let unknown = matches!(ruling.verdict, Verdict::Unknown(_));
    unknown.then(|| factor("judgement", -20, "it could not be judged"))
}

fn is_production(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "prod" | "prd" | "production" | "live"
    )
}
