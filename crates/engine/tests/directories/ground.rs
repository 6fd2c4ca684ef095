//! One pass over a directory, and what it brought.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::{Context, Event, Fingerprints};
use engine::{Directory, LdapLimits, LdapPort};
use model::{Attribute, Fingerprint, Gap, Kind, Observation, Secret, Timestamp};

/// What a pass brought.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    pub(crate) seen: Vec<Observation>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) aside: usize,
}

struct NoSecrets;

impl Fingerprints for NoSecrets {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        panic!("no secret is read from a directory")
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

impl Pass {
    /// The one identity of that name.
    pub(crate) fn account(&self, name: &str) -> &Observation {
        let named = |one: &&Observation| one.kind == Kind::Identity && text(one, "name") == name;
        let mut found = self.seen.iter().filter(named);
        let one = found.next();
        let one = one.unwrap_or_else(|| panic!("no {name} among {:?}", self.names()));
        assert!(found.next().is_none(), "{name} was told twice");
        one
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let all = self.seen.iter().filter(|one| one.kind == Kind::Identity);
        let mut all: Vec<_> = all.map(|one| text(one, "name")).collect();
        all.sort();
        all
    }

    /// The credentials of an account, by type and name.
    pub(crate) fn credentials(&self, name: &str) -> Vec<&Observation> {
        let native = &self.account(name).native;
        let mine = format!("{native}/");
        let all = self.seen.iter();
        all.filter(|one| one.native.starts_with(&mine)).collect()
    }

    pub(crate) fn gap(&self, part: &str) -> &Gap {
        let mut all = self.gaps.iter();
        let exact = all.find(|gap| gap.scope.to_string() == part);
        let mut all = self.gaps.iter();
        exact
            .or_else(|| all.find(|gap| gap.scope.to_string().starts_with(part)))
            .unwrap_or_else(|| panic!("no gap at {part}: {:?}", self.gaps))
    }
}

/// What an observation tells, as it is shown.
pub(crate) fn text(one: &Observation, attribute: &str) -> String {
    match one.fact(&Attribute::named(attribute)) {
        model::Told::Is(value) => value.to_string(),
        model::Told::Absent => "absent".to_owned(),
        model::Told::CannotTell => "cannot tell".to_owned(),
    }
}

/// Reads the directory at `url`.
pub(crate) fn pass(url: &str) -> Pass {
    pass_within(url, LdapLimits::default())
}

pub(crate) fn pass_within(url: &str, limits: LdapLimits) -> Pass {
    let directory = Directory::parse(url).unwrap().unwrap();
    let (target, options) = (directory.target(), directory.options());
    let mut port = LdapPort::new(directory, limits, Arc::default());
    with(&mut port, &target, &options)
}

fn with(port: &mut LdapPort, target: &str, options: &BTreeMap<String, String>) -> Pass {
    let mut out = Pass::default();
    let mut sink = |event| match event {
        Event::Seen(one) => out.seen.push(one),
        Event::Gap(gap) => out.gaps.push(gap),
        Event::SetAside { .. } => out.aside += 1,
    };
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let mut cx = Context::new(port, &NoSecrets, target, options, now, &mut sink);
    let connector = connectors::connector("ldap_accounts").unwrap();
    let _ = connector.discover(&mut cx);
    out
}

/// The rights that whoever asks at `url` has, by name.
pub(crate) fn rights(url: &str) -> BTreeMap<String, Option<bool>> {
    let directory = Directory::parse(url).unwrap().unwrap();
    let (target, options) = (directory.target(), directory.options());
    let mut port = LdapPort::new(directory, LdapLimits::default(), Arc::default());
    let mut sink = |_| {};
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let mut cx = Context::new(&mut port, &NoSecrets, &target, &options, now, &mut sink);
    let connector = connectors::connector("ldap_accounts").unwrap();
    let rights = connector.rights(&mut cx).unwrap();
    rights
        .into_iter()
        .map(|one| (one.name, one.given))
        .collect()
}
