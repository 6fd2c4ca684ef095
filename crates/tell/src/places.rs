//! Where a thing lies and who works with it: each place with its history, each workload with who
//! tells of it.

use engine::Looked;
use model::{Attribute, SourcedFact, Timestamp};
use serde_json::{Value, json};

/// One place with what the sighting there tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    thing: &'a Looked,
    fact: &'a SourcedFact,
}

/// Every place in which a source saw it, those included where it is no more.
pub fn places_of(thing: &Looked) -> Vec<Place<'_>> {
    let facts = thing.entity.facts.get(&Attribute::PLACE);
    facts
        .into_iter()
        .flatten()
        .filter(|fact| fact.told.is().is_some())
        .map(|fact| Place { thing, fact })
        .collect()
}

impl Place<'_> {
    /// What the sighting that tells of the place tells of something else.
    fn beside(&self, attribute: &Attribute) -> Option<&model::Value> {
        let facts = self.thing.entity.facts.get(attribute)?;
        let of = |fact: &&SourcedFact| {
            fact.source == self.fact.source && fact.native == self.fact.native
        };
        facts.iter().find(of)?.told.is()
    }

    fn text(&self, attribute: &Attribute) -> Option<String> {
        self.beside(attribute).map(ToString::to_string)
    }

    /// The place alone.
    pub fn path(&self) -> String {
        self.fact
            .told
            .is()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Since when a complete pass no longer found it there.
    pub fn gone_since(&self) -> Option<Timestamp> {
        let members = &self.thing.entity.members;
        let member = members.iter().find(|one| {
            one.sighting.source == self.fact.source && one.sighting.native == self.fact.native
        })?;
        member.missing_since
    }

    /// The place with its line and the mode of its file, in one line.
    pub fn line(&self) -> String {
        let mut line = self.path();
        if let Some(number) = self.text(&Attribute::LINE) {
            line.push_str(&format!(":{number}"));
        }
        if let Some(mode) = self.text(&Attribute::FILE_MODE) {
            line.push_str(&format!(" (mode {mode})"));
        }
        line
    }

    /// Where it came from, of a place in a history: commit, author, day, whether `HEAD` has it.
    pub fn history(&self) -> Option<String> {
        let commit = self.text(&Attribute::named("commit"))?;
        let short: String = commit.chars().take(12).collect();
        let mut told = format!("first in commit {short}");
        if let Some(author) = self.text(&Attribute::AUTHOR) {
            told.push_str(&format!(" by {author}"));
        }
        if let Some(at) = self.text(&Attribute::COMMITTED_AT) {
            let day: String = at.chars().take(10).collect();
            told.push_str(&format!(" on {day}"));
        }
        told.push_str(match self.in_head() {
            Some(true) => ", still in HEAD",
            Some(false) => ", no longer in HEAD but in every clone",
            None => "",
        });
        Some(told)
    }

    fn in_head(&self) -> Option<bool> {
        self.beside(&Attribute::named("in_head"))?.flag()
    }

    /// For machines.
    fn record(&self) -> Value {
        json!({
            "place": self.path(),
            "line": self.beside(&Attribute::LINE),
            "source": self.fact.source,
            "commit": self.beside(&Attribute::named("commit")),
            "author": self.beside(&Attribute::AUTHOR),
            "committed_at": self.beside(&Attribute::COMMITTED_AT),
            "in_head": self.in_head(),
            "missing_since": self.gone_since(),
        })
    }
}

/// All places for machines.
pub fn places(thing: &Looked) -> Value {
    places_of(thing).iter().map(Place::record).collect()
}

/// Who works with it, for machines.
pub fn users(thing: &Looked) -> Value {
    let record =
        |one: &assess::Workload| json!({"id": one.id, "name": one.name, "sources": one.sources});
    thing.users.iter().map(record).collect()
}
