//! What reports of other scanners name: where the file that a result names is at hand, the result
//! is one more sighting of the secret that lies there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::{Attribute, Key, Observation, Value};

use super::FILE_BYTES_MAX;
use super::search::seen_in;
use super::walk::{Walk, join};
use crate::formats::{Found, Seen};

/// More files than this that reports of one walk name are not looked at: each is read once more.
const FILES_MAX: usize = 2_000;

/// A secret in a file that a report names.
struct Lying {
    line: Option<i64>,
    rule: Option<String>,
    type_: Option<String>,
    keys: Vec<Key>,
    print: String,
}

impl Walk<'_, '_> {
    /// Gives results of the report at `path` the keys of the secrets that lie where they say.
    pub(super) fn match_reported(&mut self, path: &str, seen: &mut Seen) {
        let mut read = BTreeMap::new();
        let mut names_some = false;
        let mut away = 0;
        for found in &mut seen.found {
            let Some((file, line)) = reported(found) else {
                continue;
            };
            names_some = true;
            let Some(lying) = self.named_by(path, &file, &mut read) else {
                away += 1;
                continue;
            };
            if let Some(one) = the_one(lying, line, found) {
                // Another secret on that line is another sighting.
                found.mark = format!("matches {}", one.print);
                found.told.facts.remove(&Attribute::MATCHABLE);
                found.told.keys.extend(one.keys.iter().cloned());
            }
        }
        if names_some && self.compared >= FILES_MAX {
            seen.unsupported(format!(
                "more than {FILES_MAX} files named by reports; the rest was not compared"
            ));
        } else if away > 0 {
            seen.unsupported(format!(
                "{away} of what this report names lie in files that are not at hand, so nothing tells which secrets they are; name the directory they lie in, too"
            ));
        }
    }

    /// What lies in the file that the report at `path` calls `file`: it is named from the report's
    /// own directory or from one above it, up to where the search began, or from a directory that
    /// was named beside this one.
    fn named_by<'r>(
        &mut self,
        path: &str,
        file: &str,
        read: &'r mut BTreeMap<String, Option<Vec<Lying>>>,
    ) -> Option<&'r [Lying]> {
        let places = self.places_of(path, file);
        for place in &places {
            if !read.contains_key(place) && self.compared < FILES_MAX {
                let lying = self.lying_in(place);
                self.compared += usize::from(lying.is_some());
                read.insert(place.clone(), lying);
            }
        }
        let there = places
            .iter()
            .find(|place| matches!(read.get(*place), Some(Some(_))))?;
        read.get(there)?.as_deref()
    }

    fn places_of(&self, path: &str, file: &str) -> Vec<String> {
        let file = file.strip_prefix("file://").unwrap_or(file);
        let file = file.trim_start_matches("./");
        if file.is_empty() || file.contains("://") || file.split('/').any(|part| part == "..") {
            return Vec::new();
        }
        let is_below = |dir: &str| {
            let rest = dir.strip_prefix(self.root.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if file.starts_with('/') {
            let in_other = |dir: &String| Path::new(file).starts_with(dir);
            let may_be = is_below(file) || self.beside.iter().any(in_other);
            return Vec::from_iter(may_be.then(|| file.to_owned()));
        }
        let mut places = Vec::new();
        let mut dir = path;
        while let Some((above, _)) = dir.rsplit_once('/').filter(|(above, _)| is_below(above)) {
            places.push(join(if above.is_empty() { "/" } else { above }, file));
            dir = above;
        }
        places.extend(self.beside.iter().map(|dir| join(dir, file)));
        places
    }

    /// The secrets in a file; `None` where it is not there or may not be read: whether it is a
    /// gap, the walk says when it comes there.
    fn lying_in(&mut self, path: &str) -> Option<Vec<Lying>> {
        let file = self.cx.read(path, FILE_BYTES_MAX).ok()?;
        let seen = seen_in(self.cx.detector(), path, file.bytes.expose());
        let found = seen.found.iter().filter_map(|found| {
            let print = self.cx.fingerprint(found.secret.as_ref()?);
            Some(Lying {
                line: number(&found.told),
                rule: text(&found.told, &Attribute::named("rule")),
                type_: text(&found.told, &Attribute::TYPE),
                keys: vec![Key::secret(&print)],
                print: print.short().to_owned(),
            })
        });
        let keys = seen.keys.iter().map(|key| {
            let print = self.cx.fingerprint(&key.body);
            let public = key.public.iter().flat_map(|public| public.keys());
            let mut keys: Vec<Key> = public.collect();
            if keys.is_empty() {
                keys.push(Key::secret(&print));
            }
            Lying {
                line: key.line.and_then(|line| i64::try_from(line).ok()),
                rule: None,
                type_: Some("private_key".to_owned()),
                keys,
                print: print.short().to_owned(),
            }
        });
        Some(found.chain(keys).collect())
    }
}

/// The file and line that a result names; `None` for what is no result.
fn reported(found: &Found) -> Option<(String, Option<i64>)> {
    let is_result = found.is_reference() && found.secret.is_none();
    let scanner = text(&found.told, &Attribute::named("scanner"));
    let place = match scanner {
        Some(_) => text(&found.told, &Attribute::named("kept_in")),
        None => text(&found.told, &Attribute::named("found_at")),
    };
    let place = place.filter(|_| is_result)?;
    let line = place.rsplit_once(':').and_then(|(file, line)| {
        let line = line.parse::<i64>().ok()?;
        Some((file.to_owned(), Some(line)))
    });
    Some(line.unwrap_or((place, None)))
}

/// The secret that a result means: the only one on its line, or the only one there of its rule or
/// of its type. Where more than one may be meant, none is.
fn the_one<'l>(lying: &'l [Lying], line: Option<i64>, found: &Found) -> Option<&'l Lying> {
    let here: Vec<&Lying> = lying
        .iter()
        .filter(|one| line.is_none() || one.line == line)
        .collect();
    let rule = text(&found.told, &Attribute::named("rule"));
    let type_ = text(&found.told, &Attribute::TYPE);
    let of_rule = here.iter().filter(|one| rule.is_some() && one.rule == rule);
    let of_type = here.iter().filter(|one| one.type_ == type_);
    let only = |all: Vec<&'l Lying>| {
        let prints: BTreeSet<_> = all.iter().map(|one| &one.print).collect();
        all.first().copied().filter(|_| prints.len() == 1)
    };
    only(here.clone())
        .or_else(|| only(of_rule.copied().collect()))
        .or_else(|| only(of_type.copied().collect()))
}

fn text(told: &Observation, attribute: &Attribute) -> Option<String> {
    Some(told.facts.get(attribute)?.told.is()?.text()?.to_owned())
}

fn number(told: &Observation) -> Option<i64> {
    told.facts
        .get(&Attribute::LINE)?
        .told
        .is()
        .and_then(Value::number)
}
