//! Whoever answers for it has left.
//!
//! A credential or identity outlives the people around it: nobody will renew it, nobody will miss
//! it, and who left may still hold it. The rule needs a list of leavers on the roll and is silent
//! without one.

use inventory::owners::{self, Expected, Leaver, Named};
use model::{Kind, Severity};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "orphaned",
    title: "its owner has left",
    owasp: "NHI1",
    severity: Severity::High,
    next: "keyroll owner suggest {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let stands_alone = thing.entity.kind == Kind::Identity
        || (thing.entity.kind == Kind::Credential && thing.holder.is_none());
    if !stands_alone || thing.entity.missing_since.is_some() || ground.left.is_empty() {
        return Vec::new();
    }
    match thing.owner {
        Some(owner) => confirmed(owner, ground),
        None => suggested(thing, ground),
    }
}

/// Of several confirmed owners one who stays is enough.
fn confirmed(owner: &str, ground: &Ground) -> Vec<Ruling> {
    let mut left = Vec::new();
    for named in owners::read(owner, Expected::Anyone) {
        let leaver = match named {
            Named::Who(who) => ground.left.of(&who),
            Named::Machine(_) => None,
        };
        match leaver {
            Some(leaver) => left.push(leaver),
            None => return Ruling::pass(),
        }
    }
    let owner = model::clean(owner);
    match left.iter().find(|leaver| !leaver.surely) {
        _ if left.is_empty() => Ruling::pass(),
        Some(leaver) => Ruling::unknown(format!(
            "`{owner}` answers for it, and {} has left; whether they are one person is not told",
            named(leaver)
        )),
        None => Ruling::fail(format!(
            "`{owner}` answers for it and has left{}",
            left.first().map_or_else(String::new, when)
        )),
    }
}

fn suggested(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let answer = owners::suggest(thing.entity, thing.holder, &ground.left, ground.now);
    let Some(departed) = answer.left.first() else {
        return Vec::new();
    };
    let reason = departed.reasons.first().map_or("", String::as_str);
    Ruling::unknown(format!(
        "nobody is confirmed as owner, and `{}`, who is named, has left{}: {reason}",
        departed.who,
        when(&departed.leaver)
    ))
}

fn named(leaver: &Leaver) -> String {
    format!("`{}`", model::clean(&leaver.name))
}

fn when(leaver: &Leaver) -> String {
    let since = leaver.since.map(|since| since.to_string());
    since.map_or_else(String::new, |since| {
        format!(" since {}", since.split('T').next().unwrap_or_default())
    })
}
