//! What is known of a trust domain, gathered from answers or from what was printed into files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::said::{Agent, Authority, Bundle, Call, Entry, Federation, Page};

/// Things of one trust domain that are kept: a server of a hundred thousand entries is large.
pub(crate) const THINGS_MAX: usize = 1_000_000;

/// A trust domain.
#[derive(Debug, Default)]
pub(crate) struct Realm {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) agents: BTreeMap<String, Agent>,
    pub(super) federations: BTreeMap<String, Federation>,
    pub(super) bundle: Option<Bundle>,
    pub(super) x509: Vec<(&'static str, Authority)>,
    pub(super) jwt: Vec<(&'static str, Authority)>,
    /// What was read to its end.
    pub(crate) met: BTreeSet<Call>,
    /// Things that were more than are kept.
    pub(super) beyond: usize,
    /// Things that say not enough of themselves to be told.
    pub(super) broken: BTreeMap<&'static str, usize>,
}

impl Realm {
    /// The trust domain: as its bundle says, else as most of what is in it does.
    pub(crate) fn domain(&self) -> Option<String> {
        let named = self.bundle.as_ref().map(|one| one.trust_domain.as_str());
        let agents = self.agents.values().map(|one| one.id.trust_domain.as_str());
        let entries = self.entries.values();
        let entries = entries.map(|one| one.spiffe_id.trust_domain.as_str());
        let mut all = named.into_iter().chain(agents).chain(entries);
        // A SPIRE server gives ids of its own trust domain alone, so any of them tells it.
        all.find(|one| !one.is_empty()).map(str::to_owned)
    }

    /// Keeps one page of `call`; how many new things it brought.
    pub(crate) fn take(&mut self, call: Call, page: Page) -> usize {
        match call {
            Call::ListEntries => self.entries(page.entries),
            Call::ListAgents => self.agents(page.agents),
            Call::ListFederationRelationships => self.federations(page.federation_relationships),
            Call::GetBundle => {
                self.bundle = page.bundle.or_else(|| self.bundle.take());
                0
            }
            Call::GetX509AuthorityState => {
                self.x509 = authorities(page);
                0
            }
            Call::GetJwtAuthorityState => {
                self.jwt = authorities(page);
                0
            }
        }
    }

    fn entries(&mut self, all: Vec<Entry>) -> usize {
        let before = self.entries.len();
        for one in all {
            if one.id.is_empty() || one.id.len() > 255 || one.spiffe_id.uri().is_none() {
                self.is_broken("entries");
            } else if self.has_room() {
                self.entries.insert(one.id.clone(), one);
            }
        }
        self.entries.len() - before
    }

    fn agents(&mut self, all: Vec<Agent>) -> usize {
        let before = self.agents.len();
        for one in all {
            match one.id.uri() {
                None => self.is_broken("agents"),
                Some(uri) if self.has_room() => {
                    self.agents.insert(uri, one);
                }
                Some(_) => {}
            }
        }
        self.agents.len() - before
    }

    fn federations(&mut self, all: Vec<Federation>) -> usize {
        let before = self.federations.len();
        for one in all {
            let domain = one.trust_domain.clone();
            if domain.is_empty() || domain.len() > 255 {
                self.is_broken("federation");
            } else if self.has_room() {
                self.federations.insert(domain, one);
            }
        }
        self.federations.len() - before
    }

    fn is_broken(&mut self, part: &'static str) {
        *self.broken.entry(part).or_default() += 1;
    }

    fn has_room(&mut self) -> bool {
        let room = self.entries.len() + self.agents.len() + self.federations.len() < THINGS_MAX;
        if !room {
            self.beyond += 1;
        }
        room
    }

    /// Takes what `spire-server … -output json` printed; whether it is any of that.
    pub(crate) fn printed(&mut self, value: &Value) -> bool {
        // Several answers are printed as a list of them.
        if let Some(all) = value.as_array() {
            let known = all.iter().map(|one| self.printed_one(one));
            return known.fold(false, |any, one| any | one);
        }
        self.printed_one(value)
    }

    fn printed_one(&mut self, value: &Value) -> bool {
        let Some(call) = call_of(value) else {
            return false;
        };
        let page = match call {
            Call::GetBundle => serde_json::from_value(value.clone()).map(|bundle| Page {
                bundle: Some(bundle),
                ..Page::default()
            }),
            _ => serde_json::from_value(value.clone()),
        };
        let Ok(page) = page else {
            self.is_broken(part(call));
            return true;
        };
        self.met.insert(call);
        self.take(call, page);
        true
    }
}

/// The part of a source that `call` reads.
pub(crate) const fn part(call: Call) -> &'static str {
    match call {
        Call::GetBundle => "bundle",
        Call::ListEntries => "entries",
        Call::ListAgents => "agents",
        Call::ListFederationRelationships => "federation",
        Call::GetX509AuthorityState | Call::GetJwtAuthorityState => "authorities",
    }
}

/// Which call gave what was printed, by its members.
fn call_of(value: &Value) -> Option<Call> {
    let has = |name: &str| value.get(name).is_some();
    let signs = |name: &str| value.get(name)?.get("authority_id");
    Some(match () {
        () if has("federation_relationships") => Call::ListFederationRelationships,
        () if has("x509_authorities") && has("trust_domain") => Call::GetBundle,
        () if value.get("entries").is_some_and(Value::is_array) => Call::ListEntries,
        () if value.get("agents").is_some_and(Value::is_array) => Call::ListAgents,
        () if ["active", "prepared", "old"]
            .into_iter()
            .any(|one| signs(one).is_some()) =>
        {
            // The id of an authority for X.509 is that of a key (RFC 5280 section 4.2.1.2): 40 hex
            // digits. Those of JWTs are texts of 32 letters.
            let id = ["active", "prepared", "old"].into_iter().find_map(signs)?;
            let id = id.as_str()?;
            match id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
                true => Call::GetX509AuthorityState,
                false => Call::GetJwtAuthorityState,
            }
        }
        () => return None,
    })
}

fn authorities(page: Page) -> Vec<(&'static str, Authority)> {
    let all = [
        ("active", page.active),
        ("prepared", page.prepared),
        ("old", page.old),
    ];
    let told = all.into_iter();
    told.filter_map(|(state, one)| Some((state, one?)))
        .filter(|(_, one)| (1..=255).contains(&one.authority_id.len()))
        .collect()
}
