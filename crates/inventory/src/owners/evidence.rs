//! What is told of a thing that names somebody.

use std::collections::BTreeSet;

use model::{
    Attribute, Confidence, Entity, Kind, Relation, SourcedFact, Target, Timestamp, Value, clean,
    shorten,
};

use super::weights::{BULK_MIN, Sign, TAGS};
use super::who::{Expected, Named, Who, read};

/// One piece of evidence: somebody is named, in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Of what kind.
    pub sign: Sign,
    /// Whom it names; several where one place names several. Machines are left out.
    pub who: BTreeSet<Who>,
    /// The machines it names.
    pub machines: BTreeSet<String>,
    /// What it says and who says so, for a person; cleaned.
    pub told: String,
    /// When it was said, if that is told: evidence ages.
    pub at: Option<Timestamp>,
    /// Whether it is told of the thing's holder.
    pub of_holder: bool,
}

/// A value is shown up to here in a reason, in characters.
const SHOWN_MAX: usize = 80;
/// Pieces looked at of one thing.
const PIECES_MAX: usize = 1_000;

/// Everything told of `entity` that names somebody. What only sources tell that no longer find
/// it counts only where none finds it.
pub fn evidence(entity: &Entity) -> Vec<Evidence> {
    let mut found = Vec::new();
    let mut tagged = BTreeSet::new();
    for (fact, value) in facts(entity, &Attribute::TAGS) {
        let pieces = of_tags(entity, fact, value);
        if !pieces.is_empty() {
            tagged.insert((&fact.source, &fact.native));
        }
        found.extend(pieces);
    }
    for (fact, value) in facts(entity, &Attribute::OWNER_HINT) {
        // A source that tells tags has its suggestion from them.
        if !tagged.contains(&(&fact.source, &fact.native)) {
            found.extend(of_hint(fact, value));
        }
    }
    found.extend(of_links(entity));
    let created = entity.time(&Attribute::CREATED_AT).is().copied();
    for (attribute, sign, words) in PLAIN {
        for (fact, value) in facts(entity, attribute) {
            let at = match sign {
                Sign::Creator => created,
                _ => beside(entity, fact, &Attribute::COMMITTED_AT),
            };
            let shown = shown(&value.to_string());
            let (sign, words) = match *sign {
                Sign::Introduced => wrote(entity, fact),
                sign => (sign, *words),
            };
            let told = words.replace("{}", &shown);
            found.extend(piece(sign, &texts(value), Expected::Actor, &told, fact, at));
        }
    }
    for (fact, value) in facts(entity, &Attribute::CODE_OWNERS) {
        // Whoever tells it has only guessed where the line is not about this file.
        let (sign, words) = match fact.confidence {
            Confidence::Guessed => (Sign::CatchAll, "for everything else"),
            Confidence::Derived | Confidence::Stated => (Sign::CodeOwners, "for its file"),
        };
        let told = format!("CODEOWNERS names {} {words}", shown(&value.to_string()));
        let expected = Expected::Anyone;
        found.extend(piece(sign, &texts(value), expected, &told, fact, None));
    }
    found.truncate(PIECES_MAX);
    found
}

/// Attributes that name whoever did something.
const PLAIN: &[(&Attribute, Sign, &str)] = &[
    (&Attribute::CREATED_BY, Sign::Creator, "{} made it"),
    (
        &Attribute::AUTHOR,
        Sign::Introduced,
        "{} wrote the commit that brought it in",
    ),
    (
        &Attribute::MAIN_AUTHOR,
        Sign::MainAuthor,
        "{} wrote most of the file that holds it",
    ),
];

fn facts<'a>(
    entity: &'a Entity,
    attribute: &Attribute,
) -> impl Iterator<Item = (&'a SourcedFact, &'a Value)> {
    let told = entity.facts.get(attribute).into_iter().flatten();
    let gone = |fact: &SourcedFact| {
        let is = |member: &&model::Member| {
            member.sighting.source == fact.source && member.sighting.native == fact.native
        };
        let member = entity.members.iter().find(is);
        member.is_some_and(|member| member.missing_since.is_some())
    };
    told.filter(move |fact| entity.missing_since.is_some() || !gone(fact))
        .filter_map(|fact| Some((fact, fact.told.is()?)))
}

/// What the author of a commit did: of an identity it is the declaration that they wrote.
fn wrote(entity: &Entity, fact: &SourcedFact) -> (Sign, &'static str) {
    let files = same(entity, fact, &Attribute::COMMIT_FILES).and_then(|value| value.number());
    match entity.kind {
        _ if files.is_some_and(|files| files > BULK_MIN) => (
            Sign::Bulk,
            "{} wrote the commit that brought it in with very much else",
        ),
        Kind::Identity | Kind::Resource => (Sign::Introduced, "{} wrote the lines that declare it"),
        _ => (Sign::Introduced, "{} wrote the commit that brought it in"),
    }
}

/// What the same sighting tells of another attribute: a time.
fn beside(entity: &Entity, fact: &SourcedFact, attribute: &Attribute) -> Option<Timestamp> {
    same(entity, fact, attribute)?.time()
}

/// What the sighting that tells `fact` tells of another attribute.
fn same<'a>(entity: &'a Entity, fact: &SourcedFact, attribute: &Attribute) -> Option<&'a Value> {
    let mut told = entity.facts.get(attribute)?.iter();
    let same = told.find(|one| one.source == fact.source && one.native == fact.native)?;
    same.told.is()
}

fn of_tags(entity: &Entity, fact: &SourcedFact, value: &Value) -> Vec<Evidence> {
    let Value::Table(tags) = value else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in tags {
        let spelled = spelled(name);
        let Some((_, sign)) = TAGS.iter().find(|(tag, _)| *tag == spelled) else {
            continue;
        };
        let (expected, at) = match sign {
            Sign::TeamTag => (Expected::Team, None),
            Sign::Creator => (
                Expected::Actor,
                entity.time(&Attribute::CREATED_AT).is().copied(),
            ),
            _ => (Expected::Anyone, None),
        };
        let told = format!("the tag {} is {}", shown(name), shown(value));
        let texts = [principal(value)];
        found.extend(piece(*sign, &texts, expected, &told, fact, at));
    }
    found
}

/// The last part of a tag's name, in small letters, with `-` for `_` and blanks.
fn spelled(name: &str) -> String {
    let last = name.rsplit(['/', ':', '.']).next().unwrap_or(name);
    last.trim().to_lowercase().replace(['_', ' '], "-")
}

/// Cost allocation tags write `IAMUser:AIDA…:ann` and `AssumedRole:AROA…:session`.
fn principal(value: &str) -> String {
    let mut parts = value.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("IAMUser"), Some(_), Some(name)) => format!("arn:aws:iam:::user/{name}"),
        (Some("AssumedRole"), Some(_), Some(name)) => {
            format!("arn:aws:sts:::assumed-role/_/{name}")
        }
        _ => value.to_owned(),
    }
}

/// What a source states as owner in the form of an address or a team is worth as much as a tag;
/// a bare word may be anything, such as the name of a role.
fn of_hint(fact: &SourcedFact, value: &Value) -> Option<Evidence> {
    let told = format!("its source suggests {}", shown(&value.to_string()));
    let texts = texts(value);
    let mut one = piece(Sign::Hint, &texts, Expected::Anyone, &told, fact, None)?;
    let plain = one.who.iter().any(|who| matches!(who, Who::Word(_)));
    if fact.confidence == Confidence::Stated && !plain {
        one.sign = Sign::OwnerTag;
    }
    Some(one)
}

fn of_links(entity: &Entity) -> Vec<Evidence> {
    let mut found = Vec::new();
    for (source, link) in &entity.links {
        let Target::Native { kind, native } = &link.to else {
            continue;
        };
        let (sign, words) = match (link.relation, kind) {
            (Relation::OwnedBy, Kind::Owner) => (Sign::OwnerTag, "it belongs to"),
            (Relation::CreatedBy, _) => (Sign::Creator, "it was made by"),
            _ => continue,
        };
        let told = format!("{words} {}, says {}", shown(native), source.as_str());
        let expected = match sign {
            Sign::Creator => Expected::Actor,
            _ => Expected::Anyone,
        };
        found.extend(named(
            sign,
            std::slice::from_ref(native),
            expected,
            told,
            None,
        ));
    }
    found
}

fn piece(
    sign: Sign,
    texts: &[String],
    expected: Expected,
    told: &str,
    fact: &SourcedFact,
    at: Option<Timestamp>,
) -> Option<Evidence> {
    let told = format!("{told}, says {}", fact.source.as_str());
    named(sign, texts, expected, told, at)
}

fn named(
    sign: Sign,
    texts: &[String],
    expected: Expected,
    told: String,
    at: Option<Timestamp>,
) -> Option<Evidence> {
    let mut one = Evidence {
        sign,
        who: BTreeSet::new(),
        machines: BTreeSet::new(),
        told,
        at,
        of_holder: false,
    };
    for named in texts.iter().flat_map(|text| read(text, expected)) {
        match named {
            Named::Who(who) => drop(one.who.insert(who)),
            Named::Machine(name) => drop(one.machines.insert(clean(&name))),
        }
    }
    (!one.who.is_empty() || !one.machines.is_empty()).then_some(one)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) => vec![text.clone()],
        Value::List(list) => list.clone(),
        Value::Flag(_) | Value::Number(_) | Value::Table(_) => Vec::new(),
    }
}

fn shown(text: &str) -> String {
    format!("`{}`", shorten(&clean(text), SHOWN_MAX))
}
