//! A secret that a change brings into a repository: staged, or in commits that are not shared yet.
//!
//! Before it is pushed it can still be taken out of the change. Once others have it, taking it
//! out of a file or of the history helps nothing: what makes it harmless is its revocation.
//! Applies only where a change was read (`keyroll scan --staged`, `--since`), and to secrets
//! that the files before the change did not hold. What has ended already passes; of a key under a
//! pass phrase nobody can tell how long that would hold.

use model::{Attribute, Place, Severity, Told, Verdict};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "new-secret",
    title: "a change brings a secret into the repository",
    owasp: "NHI2",
    severity: Severity::High,
    next: "keyroll scan .",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() {
        return Vec::new();
    }
    let why = match thing.entity.text(&Attribute::named("change")) {
        Some("staged") => "it is staged, and in every clone once it is pushed".to_owned(),
        Some("committed") if is_there(thing) => {
            format!(
                "{} brings it into every clone; revoke it where it was issued",
                commit(thing)
            )
        }
        Some("committed") => format!(
            "{} brings it and a later one takes it out, but every clone still has it; revoke it \
             where it was issued",
            commit(thing)
        ),
        // What lies anywhere else is for other rules.
        _ => return Vec::new(),
    };
    let flag = |name: &'static str| {
        let told = thing.entity.fact(&Attribute::named(name));
        told.is().and_then(|value| value.flag())
    };
    let verdict = match thing.entity.time(&Attribute::EXPIRES_AT) {
        Told::Is(end) if end <= ground.now => Verdict::Pass,
        _ if flag("encrypted") == Some(true) => {
            Verdict::Unknown(format!("a pass phrase protects it, but {why}"))
        }
        _ if thing.entity.text(&Attribute::named("detection")) == Some("low") => Verdict::Unknown(
            format!("only its name speaks of a secret; if it is one, {why}"),
        ),
        _ => Verdict::Fail(why),
    };
    let line = thing.entity.fact(&Attribute::LINE);
    let line = line.is().and_then(|line| line.number());
    vec![Ruling {
        verdict,
        place: thing.entity.text(&Attribute::PLACE).map(|path| Place {
            path: path.to_owned(),
            line: line.and_then(|line| u32::try_from(line).ok()),
        }),
    }]
}

/// The commit that brings it, for a person.
fn commit(thing: &Thing<'_>) -> String {
    match thing.entity.text(&Attribute::named("commit")) {
        Some(id) => format!("commit {}", id.chars().take(10).collect::<String>()),
        None => "a commit".to_owned(),
    }
}

fn is_there(thing: &Thing<'_>) -> bool {
    let told = thing.entity.fact(&Attribute::named("in_head"));
    told.is().and_then(|value| value.flag()).unwrap_or(true)
}
