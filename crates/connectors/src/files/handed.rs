//! Files of variables that services are given: what lies in one works for the service, which says
//! so in another file.

use std::collections::BTreeMap;

use model::{Attribute, Kind, Link, Observation, Relation, Target, Value};

/// More files than this are not kept in mind.
const FILES_MAX: usize = 10_000;
/// More services than this of one file are not told.
const SERVICES_MAX: usize = 64;

/// Which services are given which files, by their paths.
#[derive(Debug, Default)]
pub(super) struct Handed(BTreeMap<String, Vec<String>>);

impl Handed {
    /// Learns from services among `told`, and says of the credentials who works with them.
    pub(super) fn tell(&mut self, told: &mut [Observation]) {
        told.iter().for_each(|one| self.learn(one));
        if self.0.is_empty() {
            return;
        }
        for one in told.iter_mut().filter(|one| one.kind == Kind::Credential) {
            let users = text(one, &Attribute::PLACE).and_then(|place| self.0.get(place));
            for user in users.into_iter().flatten() {
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
        let files = service.facts.get(&Attribute::named("env_files"));
        let (Some(Value::List(files)), Some(place)) = (
            files.and_then(|fact| fact.told.is()),
            text(service, &Attribute::PLACE),
        ) else {
            return;
        };
        let dir = place.rsplit_once('/').map_or("", |(dir, _)| dir);
        for file in files {
            let Some(path) = resolved(dir, file).filter(|_| self.0.len() < FILES_MAX) else {
                continue;
            };
            let users = self.0.entry(path).or_default();
            if users.len() < SERVICES_MAX && !users.contains(&service.native) {
                users.push(service.native.clone());
            }
        }
    }
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
