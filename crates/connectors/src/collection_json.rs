//! Reads a pushed collection: `keyroll-collection/1`, whole as one JSON object or line by line,
//! streamed, within bounds.
//!
//! The format is `docs/reference/collection.md`; its schema lies beside it. A pass that ends in
//! an error proves nothing: whoever takes it must conclude nothing of what came before.
//!
//! **Invariant:** memory does not grow with the input. Held by
//! `a_text_without_end_is_refused_within_bounds`.

mod bounds;
mod check;

use std::fmt;
use std::io::{BufReader, Read};

use model::{FORMAT, Gap, Observation, Scanner, Scope, SourceId, Timestamp};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Event;
use bounds::Bounded;

/// What a pushed collection says before the first thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What was read.
    pub source: SourceId,
    /// Which part of it the pass set out to read.
    pub scope: Scope,
    /// When the pass began.
    pub started: Timestamp,
    /// Who fingerprinted the secrets in it.
    pub scanner: Option<Scanner>,
}

/// What comes out of a pushed collection, in this order.
#[derive(Clone, Debug)]
pub enum Pushed {
    /// Once, first.
    Begins(Header),
    /// Any number of times.
    Event(Box<Event>),
}

/// Why a pushed collection cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectionError {
    /// Not the JSON that the schema describes.
    #[error("expected a collection in `{FORMAT}`, got something else at `{place}`: {why}")]
    Misshapen {
        /// Where, as a path from the top.
        place: String,
        /// What is wrong, and the line and column.
        why: String,
    },
    /// It could not be read to its end.
    #[error("the collection could not be read: {0}")]
    Unread(#[from] std::io::Error),
}

impl CollectionError {
    fn at(place: impl Into<String>, why: impl fmt::Display) -> Self {
        let why = model::shorten(&model::clean(&why.to_string()), 300);
        Self::Misshapen {
            place: model::clean(&place.into()),
            why,
        }
    }
}

/// Reads a pushed collection and hands out what is in it; when the pass ended comes back.
///
/// What was fingerprinted under another key than `own_key` is kept and marked unmatchable.
///
/// # Errors
/// It is no collection, breaks a limit, or ends too soon.
pub fn read_collection(
    input: impl Read,
    own_key: &str,
    take: &mut dyn FnMut(Pushed),
) -> Result<Timestamp, CollectionError> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(Bounded::new(input)));
    let mut reading = Reading {
        take,
        own_key,
        header: None,
        begun: Begun::default(),
        seen: 0,
        inline: false,
    };
    let mut track = serde_path_to_error::Track::new();
    let parts = reading.document(&mut json, &mut track);
    parts.map_err(|error| CollectionError::at(track.path().to_string(), error))?;
    if reading.header.is_none() {
        reading
            .begin()
            .map_err(|why| CollectionError::at(".", why))?;
    }
    let finished = match (reading.inline, reading.begun.finished) {
        // A whole collection says when it ended beside what it saw.
        (true, Some(finished)) => finished,
        (true, None) => return Err(CollectionError::at("finished", "this field is missing")),
        (false, whole) => match reading.lines(&mut json)? {
            Some(finished) => finished,
            None => {
                whole.ok_or_else(|| CollectionError::at(".", "it ends before its `end` line"))?
            }
        },
    };
    json.end()
        .map_err(|error| CollectionError::at("after the end", error))?;
    if reading
        .header
        .is_some_and(|header| finished < header.started)
    {
        return Err(CollectionError::at(
            "finished",
            "the pass ends before it starts",
        ));
    }
    Ok(finished)
}

/// Fields of the object at the top, as they come.
#[derive(Default)]
struct Begun {
    format: bool,
    source: Option<SourceId>,
    scope: Scope,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    scanner: Option<Scanner>,
}

struct Reading<'t> {
    take: &'t mut dyn FnMut(Pushed),
    own_key: &'t str,
    header: Option<Header>,
    begun: Begun,
    /// Things seen so far, for messages.
    seen: u64,
    /// Whether the object at the top held observations or gaps itself.
    inline: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Observation(Observation),
    Gap(Gap),
    End(End),
}

/// The last line: how many came before it, so that a loss on the way is noticed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    finished: Timestamp,
    lines: u64,
}

impl Reading<'_> {
    fn document<'de, R: serde_json::de::Read<'de>>(
        &mut self,
        json: &mut serde_json::Deserializer<R>,
        track: &mut serde_path_to_error::Track,
    ) -> Result<(), serde_json::Error> {
        serde_path_to_error::Deserializer::new(json, track).deserialize_map(Top(self))
    }

    /// The lines after a header that stood alone; `None` if there are none.
    fn lines<'de, R: serde_json::de::Read<'de>>(
        &mut self,
        json: &mut serde_json::Deserializer<R>,
    ) -> Result<Option<Timestamp>, CollectionError> {
        if json.end().is_ok() {
            return Ok(None);
        }
        let mut lines: u64 = 0;
        loop {
            let place = |path: String| format!("line {}: {path}", lines + 2);
            let mut track = serde_path_to_error::Track::new();
            let line = Line::deserialize(serde_path_to_error::Deserializer::new(
                &mut *json, &mut track,
            ));
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    return Err(CollectionError::at(place(track.path().to_string()), error));
                }
            };
            match line {
                Line::Observation(one) => self
                    .observation(one)
                    .map_err(|(path, why)| CollectionError::at(place(path), why))?,
                Line::Gap(gap) => self
                    .gap(gap)
                    .map_err(|(path, why)| CollectionError::at(place(path), why))?,
                Line::End(end) if end.lines == lines => return Ok(Some(end.finished)),
                Line::End(end) => {
                    let why = format!("expected {} lines before the end, got {lines}", end.lines);
                    return Err(CollectionError::at(place("end.lines".to_owned()), why));
                }
            }
            lines += 1;
        }
    }

    /// The header is whole: what was seen follows.
    fn begin(&mut self) -> Result<(), String> {
        let missing =
            |field: &str| format!("`{field}` is missing; it comes before observations and gaps");
        if !self.begun.format {
            return Err(missing("format"));
        }
        let header = Header {
            source: self.begun.source.clone().ok_or_else(|| missing("source"))?,
            started: self.begun.started.ok_or_else(|| missing("started"))?,
            scope: self.begun.scope.clone(),
            scanner: self.begun.scanner.clone(),
        };
        check::scope(&header.scope).map_err(|(path, why)| format!("scope{path}: {why}"))?;
        if let Some(scanner) = &header.scanner
            && !check::is_key_id(&scanner.fingerprint_key)
        {
            return Err(
                "`scanner.fingerprint_key`: expected 16 hex digits in lower case".to_owned(),
            );
        }
        (self.take)(Pushed::Begins(header.clone()));
        self.header = Some(header);
        Ok(())
    }

    fn observation(&mut self, mut one: Observation) -> Result<(), check::Wrong> {
        check::observation(&one)?;
        self.inside(&one.scope)?;
        let foreign = self
            .header
            .as_ref()
            .and_then(|header| header.scanner.as_ref());
        let foreign = foreign.is_some_and(|scanner| scanner.fingerprint_key != self.own_key);
        check::mark_unmatchable(&mut one, self.own_key, foreign);
        self.event(Event::Seen(one));
        Ok(())
    }

    fn gap(&mut self, gap: Gap) -> Result<(), check::Wrong> {
        check::scope(&gap.scope).map_err(|(path, why)| (format!("scope{path}"), why))?;
        // Told again, so that it is clean and short.
        let needs = gap
            .needs
            .map(|needs| model::shorten(&model::clean(&needs), 200));
        let told = Gap::new(&gap.scope, gap.reason, gap.told);
        self.event(Event::Gap(Gap { needs, ..told }));
        Ok(())
    }

    fn inside(&self, scope: &Scope) -> Result<(), check::Wrong> {
        match &self.header {
            Some(header) if header.scope.contains(scope) => Ok(()),
            _ => Err((
                "scope".to_owned(),
                "it lies outside of the part that the pass set out to read".to_owned(),
            )),
        }
    }

    fn event(&mut self, event: Event) {
        self.seen += 1;
        (self.take)(Pushed::Event(Box::new(event)));
    }
}

/// The object at the top.
struct Top<'r, 't>(&'r mut Reading<'t>);

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object whose field `format` is `{FORMAT}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        let reading = self.0;
        while let Some(field) = map.next_key::<String>()? {
            let begun = &mut reading.begun;
            match field.as_str() {
                "format" => {
                    let format: String = map.next_value()?;
                    if format != FORMAT {
                        let told = model::shorten(&model::clean(&format), 60);
                        return Err(A::Error::custom(format!(
                            "expected `{FORMAT}`, got `{told}`"
                        )));
                    }
                    begun.format = true;
                }
                "source" => begun.source = Some(map.next_value()?),
                "scope" => begun.scope = map.next_value()?,
                "started" => begun.started = Some(map.next_value()?),
                "finished" => begun.finished = Some(map.next_value()?),
                "scanner" => begun.scanner = map.next_value()?,
                "observations" | "gaps" => {
                    if reading.header.is_none() {
                        reading.begin().map_err(A::Error::custom)?;
                    }
                    reading.inline = true;
                    map.next_value_seed(Many {
                        reading,
                        gaps: field == "gaps",
                    })?;
                    continue;
                }
                other => {
                    map.next_value::<IgnoredAny>()?;
                    let told = model::shorten(&model::clean(other), 60);
                    return Err(A::Error::custom(format!("unknown field `{told}`")));
                }
            }
            if reading.inline && field != "finished" {
                let why = format!("`{field}` comes before observations and gaps");
                return Err(A::Error::custom(why));
            }
        }
        Ok(())
    }
}

/// A list of observations or of gaps, taken one at a time.
struct Many<'r, 't> {
    reading: &'r mut Reading<'t>,
    gaps: bool,
}

impl<'de> DeserializeSeed<'de> for Many<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Many<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        let mut n: u64 = 0;
        loop {
            let told = if self.gaps {
                match list.next_element::<Gap>()? {
                    Some(gap) => self.reading.gap(gap),
                    None => return Ok(()),
                }
            } else {
                match list.next_element::<Observation>()? {
                    Some(one) => self.reading.observation(one),
                    None => return Ok(()),
                }
            };
            told.map_err(|(path, why)| A::Error::custom(format!("number {n}, `{path}`: {why}")))?;
            n += 1;
        }
    }
}
