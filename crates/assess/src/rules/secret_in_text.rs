//! A secret that lies in clear in code, in a document, or in the history of a repository.
//!
//! Everybody who can read the text, and every copy and clone of it, has the secret; taking it
//! out of the newest version takes it from nobody. Revoke it, and hand its consumer another one
//! from a vault or, better, an identity that needs none.
//!
//! What a tool keeps to log in is none such a text where the tool keeps it, for its user alone. In
//! a project, on a share or in a copy it is, and where every user of the machine may read it.

use model::{Attribute, Severity, SourcedFact, Value, Verdict};

use super::sighted::{HISTORY, beside, may_be_sealed, names_only, place};
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "secret-in-text",
    title: "a secret lies in clear in code or its history",
    owasp: "NHI2",
    severity: Severity::High,
    next: "keyroll why {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() {
        return Vec::new();
    }
    let mut told: Vec<_> = in_text(thing)
        .filter_map(|fact| {
            let place = place(thing.entity, fact)?;
            let verdict = verdict(thing, fact);
            let is_failed = matches!(verdict, Verdict::Fail(_));
            let is_old = fact.source.connector() == HISTORY;
            // The gravest of one file speaks for it: every clone is more than one file.
            Some((place.path.clone(), !is_failed, !is_old, place, verdict))
        })
        .collect();
    told.sort_by(|a, b| (&a.0, a.1, a.2, &a.3).cmp(&(&b.0, b.1, b.2, &b.3)));
    told.dedup_by(|later, first| later.0 == first.0);
    told.into_iter()
        .map(|(.., place, verdict)| Ruling {
            verdict,
            place: Some(place),
        })
        .collect()
}

/// Whether it lies in clear in some text that is still there.
pub(super) fn is_leaked(thing: &Thing<'_>) -> bool {
    in_text(thing).any(|fact| place(thing.entity, fact).is_some())
}

/// Whether some text tells it for sure: no example, and not by its name alone.
pub(super) fn is_told(thing: &Thing<'_>) -> bool {
    in_text(thing).any(|fact| {
        place(thing.entity, fact).is_some() && matches!(verdict(thing, fact), Verdict::Fail(_))
    })
}

/// The places of it in texts: found by a rule, or in a history.
fn in_text<'a>(thing: &Thing<'a>) -> impl Iterator<Item = &'a SourcedFact> {
    let entity = thing.entity;
    let rules = entity.facts.get(&Attribute::named("rule"));
    let places = entity.facts.get(&Attribute::PLACE);
    places
        .into_iter()
        .flatten()
        .filter(move |fact| {
            let of =
                |other: &SourcedFact| other.source == fact.source && other.native == fact.native;
            fact.source.connector() == HISTORY
                || rules.is_some_and(|rules| rules.iter().any(of))
                || tool_file(thing, fact).is_some()
        })
        // What lies in an image is for another rule.
        .filter(move |fact| beside(entity, fact, &Attribute::named("image_part")).is_none())
        // An id, a declaration or a report names the secret; a certificate is public.
        .filter(move |fact| !names_only(entity, fact))
}

/// What is wrong with the file of a tool; none where nothing is.
fn tool_file(thing: &Thing<'_>, at: &SourcedFact) -> Option<&'static str> {
    let here = |attribute: &Attribute| beside(thing.entity, at, attribute)?.text();
    match here(&Attribute::named("tool_file"))? {
        _ if beside(thing.entity, at, &Attribute::named("key_published")).is_some() => {
            Some("the key that seals it is published: whoever reads the file has it")
        }
        "astray" => {
            Some("it lies outside of where its tool keeps it: whoever reads the file has it")
        }
        _ => {
            let mode = here(&Attribute::FILE_MODE)?;
            let mode = u32::from_str_radix(mode, 8).ok()?;
            (mode & 0o004 != 0).then_some("every user of the machine may read the file")
        }
    }
}

/// What is said of the secret by whoever saw it at this place.
fn verdict(thing: &Thing<'_>, at: &SourcedFact) -> Verdict {
    // A comment on its line allows that it lies there, and nothing else about it.
    let allowed = beside(thing.entity, at, &Attribute::named("allowed"));
    if thing.is_off() || allowed.and_then(Value::flag) == Some(true) {
        return Verdict::Pass;
    }
    let here = |name: &str| beside(thing.entity, at, &Attribute::named(name))?.text();
    let what = here("rule").map_or_else(String::new, |rule| {
        format!(" (found by `{}`)", model::clean(rule))
    });
    // Its form may say little, and the place be one for tests: whoever lets it in knows better.
    if thing.validity() == Some(model::Validity::Live) {
        return Verdict::Fail(format!("whoever reads it can use it{what}"));
    }
    let is_published = beside(thing.entity, at, &Attribute::named("key_published")).is_some();
    if here("detection") == Some("low") && !is_published {
        return Verdict::Unknown(format!(
            "its name speaks of a secret, its form does not tell{what}"
        ));
    }
    if at
        .told
        .is()
        .and_then(|path| path.text())
        .is_some_and(is_test_data)
    {
        return Verdict::Unknown(format!(
            "it lies among data for tests; only its provider can tell whether it opens something{what}"
        ));
    }
    if beside(thing.entity, at, &Attribute::named("vendored")).is_some() {
        return Verdict::Unknown(format!(
            "it lies in code of others; only its provider can tell whether it opens something{what}"
        ));
    }
    if may_be_sealed(thing.entity, at) {
        return Verdict::Unknown(format!(
            "a pass phrase may protect it, and nobody can tell how good that is{what}"
        ));
    }
    if at.source.connector() == HISTORY {
        return Verdict::Fail(format!("it is in every clone of the repository{what}"));
    }
    let why = tool_file(thing, at).unwrap_or("whoever reads the file has it");
    Verdict::Fail(format!("{why}{what}"))
}

/// Whether a directory on the way says that what lies there is for tests or examples.
fn is_test_data(path: &str) -> bool {
    const NAMES: &[&str] = &[
        "test",
        "tests",
        "__tests__",
        "testing",
        "testdata",
        "test-data",
        "test_data",
        "spec",
        "specs",
        "fixture",
        "fixtures",
        "__fixtures__",
        "mock",
        "mocks",
        "__mocks__",
        "e2e",
        "example",
        "examples",
        "sample",
        "samples",
        "corpus",
        "snapshots",
        "__snapshots__",
    ];
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    parts.any(|part| NAMES.contains(&part.to_ascii_lowercase().as_str()))
        || [
            "_test.go", ".test.ts", ".test.js", ".spec.ts", ".spec.js", "_test.py", "_spec.rb",
        ]
        .iter()
        .any(|end| file.ends_with(end))
}
