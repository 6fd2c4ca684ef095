//! An identity or credential that is in use, and that no inventory knows.
//!
//! It acts, and nobody who lists identities has it: made past the usual ways, in an account that
//! is not read, or by a kind of identity that no source of yours lists. Find out whose it is.

use model::{Attribute, Duration, Kind, Severity, Timestamp, Value};

use super::sighted::beside;
use crate::{Ground, NO_INVENTORY, Rule, Ruling, Thing};

/// What was used longer than this before an inventory was read may have ended in between.
const RECENT: Duration = Duration::days(7);

pub(super) const RULE: Rule = Rule {
    id: "shadow",
    title: "it is in use, and no inventory knows it",
    owasp: "NHI1",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let entity = thing.entity;
    if entity.kind != Kind::Identity && !thing.is_live_credential() {
        return Vec::new();
    }
    let Some((used, first, alone)) = in_logs(thing) else {
        return Vec::new();
    };
    // Listed now, or until it was used last.
    let listed = |member: &model::Member| {
        !NO_INVENTORY.contains(&member.sighting.source.connector())
            && member.missing_since.is_none_or(|gone| used <= gone)
    };
    if entity.members.iter().any(listed) {
        return Ruling::pass();
    }
    if thing.is_off() {
        return Vec::new();
    }
    if alone {
        return Ruling::unknown(format!(
            "used on {used}; its log names it by a name alone, by which no inventory can be searched for certain"
        ));
    }
    let provider = entity.text(&Attribute::PROVIDER).unwrap_or_default();
    let account = entity.text(&Attribute::ACCOUNT);
    let place = account.map_or_else(
        || model::clean(provider).to_string(),
        |account| format!("{} {}", model::clean(provider), model::clean(account)),
    );
    let Some(inventory) = ground.inventories.of(provider, account) else {
        return Ruling::unknown(format!("used on {used}; no inventory of {place} was read"));
    };
    let read = inventory.at;
    if first > read {
        return Ruling::unknown(format!(
            "first seen on {first}, and the inventory of {place} was read before, on {read}; read it again"
        ));
    }
    if read.since(used) > RECENT {
        return Ruling::unknown(format!(
            "last used on {used}; it may have ended before the inventory of {place} was read on {read}"
        ));
    }
    if inventory.may_miss(thing.type_()) {
        return Ruling::unknown(format!(
            "used on {used}; the inventory of {place}, read on {read}, does not list it, but was not read whole (`keyroll gaps`)"
        ));
    }
    Ruling::fail(format!(
        "used on {used}, and the inventory of {place}, read on {read}, does not list it"
    ))
}

/// When logs saw it used last, when they first saw anything of it, and whether they have but a
/// name for it; `None`: no log saw it used.
fn in_logs(thing: &Thing<'_>) -> Option<(Timestamp, Timestamp, bool)> {
    let told = thing.entity.facts.get(&Attribute::LAST_USED_AT)?;
    let by_log = told.iter().filter(|fact| fact.source.connector() == "logs");
    let uses = by_log.filter_map(|fact| Some((fact, fact.told.is()?.time()?)));
    let uses: Vec<_> = uses.collect();
    let last = uses.iter().map(|(_, at)| *at).max()?;
    let attribute = |name: &Attribute| {
        let times = uses
            .iter()
            .filter_map(|(fact, _)| beside(thing.entity, fact, name)?.time());
        times.min()
    };
    let first = attribute(&Attribute::named("first_used_at"));
    let made = thing.entity.time(&Attribute::CREATED_AT).is().copied();
    let first = [first, made].into_iter().flatten().min().unwrap_or(last);
    let alone = |(fact, _): &(&model::SourcedFact, Timestamp)| {
        let named = beside(thing.entity, fact, &Attribute::named("named_alone"));
        named.and_then(Value::text).is_some()
    };
    Some((last, first, uses.iter().all(alone)))
}
