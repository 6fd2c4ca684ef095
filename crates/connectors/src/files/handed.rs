//! Files that services are given, of variables or of a credential each: what lies in one works for
//! the service, which says so in another file.

use std::collections::BTreeMap;

use model::{Attribute, Kind, Link, Observation, Relation, Target, Value};

use crate::code_owners::fits;

/// More files than this are not kept in mind.
const FILES_MAX: usize = 10_000;
/// More services than this of one file are not told.
const SERVICES_MAX: usize = 64;

/// Which services are given which files.
#[derive(Debug, Default)]
pub(super) struct Handed {
    /// By the paths of the files.
    by_path: BTreeMap<String, Vec<String>>,
    /// By what their paths look like: `/etc/credstore/shop.*`.
    by_pattern: BTreeMap<String, Vec<String>>,
}

impl Handed {
    /// Learns from services among `told`, and says of the credentials who works with them.
    pub(super) fn tell(&mut self, told: &mut [Observation]) {
        told.iter().for_each(|one| self.learn(one));
        if self.by_path.is_empty() && self.by_pattern.is_empty() {
            return;
        }
        for one in told.iter_mut().filter(|one| one.kind == Kind::Credential) {
            let Some(place) = text(one, &Attribute::PLACE) else {
                continue;
            };
            let named = self.by_path.get(place);
            let like = self.by_pattern.iter();
            let like = like.filter(|(pattern, _)| is_like(pattern, place));
            let users: Vec<String> = named
                .into_iter()
                .chain(like.map(|(_, users)| users))
                .flatten()
                .cloned()
                .collect();
            for user in &users {
                // What waited for services of directories below may know some of them already.
                let is_user = |link: &Link| {
                    link.relation == Relation::UsedBy
                        && matches!(&link.to, Target::Native { native, .. } if native == user)
                };
                if one.links.iter().any(is_user) {
                    continue;
                }
                let plain = std::mem::replace(one, Observation::new(one.kind, "", &one.scope));
                *one = plain.link(Relation::UsedBy, Kind::Identity, user);
            }
        }
    }

    fn learn(&mut self, service: &Observation) {
        let Some(place) = text(service, &Attribute::PLACE) else {
            return;
        };
        let dir = place.rsplit_once('/').map_or("", |(dir, _)| dir);
        for file in list(service, "env_files") {
            if let Some(path) = resolved(dir, file) {
                note(&mut self.by_path, path, service);
            }
        }
        for file in list(service, "handed_files") {
            let known = match file.contains('*') {
                true => &mut self.by_pattern,
                false => &mut self.by_path,
            };
            note(known, file.clone(), service);
        }
    }
}

fn note(known: &mut BTreeMap<String, Vec<String>>, path: String, service: &Observation) {
    if known.len() >= FILES_MAX {
        return;
    }
    let users = known.entry(path).or_default();
    if users.len() < SERVICES_MAX && !users.contains(&service.native) {
        users.push(service.native.clone());
    }
}

fn list<'a>(one: &'a Observation, name: &'static str) -> &'a [String] {
    let told = one.facts.get(&Attribute::named(name));
    match told.and_then(|fact| fact.told.is()) {
        Some(Value::List(list)) => list,
        _ => &[],
    }
}

/// Whether `path` is what `pattern` says, in whose last part `*` stands for any letters.
fn is_like(pattern: &str, path: &str) -> bool {
    let (Some((dir, glob)), Some((above, name))) =
        (pattern.rsplit_once('/'), path.rsplit_once('/'))
    else {
        return false;
    };
    dir == above && fits(&glob.chars().collect::<Vec<_>>(), name)
}

fn text<'a>(one: &'a Observation, attribute: &Attribute) -> Option<&'a str> {
    one.facts.get(attribute)?.told.is()?.text()
}

/// `file` as it is named from `dir`; `None` where it leads above every directory.
fn resolved(dir: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = match file.starts_with('/') {
        true => Vec::new(),
        false => dir.split('/').collect(),
    };
    for part in file.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => {
                parts.pop().filter(|part| !part.is_empty())?;
            }
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/").trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_letters_of_one_name() {
        for (pattern, path, expected) in [
            ("/etc/credstore/shop.*", "/etc/credstore/shop.db", true),
            ("/etc/credstore/*", "/etc/credstore/shop.db", true),
            ("/etc/credstore/shop.*", "/etc/credstore/other.db", false),
            ("/etc/credstore/*", "/etc/credstore/below/x", false),
        ] {
            assert_eq!(is_like(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_file_is_named_from_where_its_service_stands() {
        for (file, expected) in [
            ("./web.env", Some("/srv/shop/web.env")),
            ("../all.env", Some("/srv/all.env")),
            ("/etc/web.env", Some("/etc/web.env")),
            ("../../../x", None),
        ] {
            assert_eq!(resolved("/srv/shop", file).as_deref(), expected, "{file}");
        }
    }
}
