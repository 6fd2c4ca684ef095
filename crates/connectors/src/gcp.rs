//! Google Cloud: service accounts, their keys, API keys, secrets, workload identity, and who was
//! granted what.
//!
//! Source: IAM API v1 (service accounts, keys, workload identity pools, policies), API Keys API
//! v2, Secret Manager API v1, Cloud Asset Inventory API v1 (assets), Policy Analyzer API v1
//! (activities).
//!
//! Answers are known by their members, wherever they lie: the live interface and the exports that
//! people have ([`crate::gcp_exports`]) are read by the same code and tell the same.
//!
//! **Deliberately absent:** people. Bindings name them, and they are counted; the roll is of
//! machines. What a role allows in effect is another question.

mod bindings;
mod names;
mod things;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use model::{Observation, Timestamp};
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// Deeper than Google nests; what lies below is not looked at.
const DEPTH_MAX: usize = 40;

/// More than one organisation has; what is beyond is counted.
pub(crate) const THINGS_MAX: usize = 2_000_000;

/// Everything that answers tell, in any order.
#[derive(Debug, Default)]
pub(crate) struct Estate {
    /// Service accounts, by mail address.
    accounts: BTreeMap<String, things::Account>,
    /// Keys of service accounts, by name.
    keys: BTreeMap<String, things::AccountKey>,
    /// What needs nothing of others to be told, by native id.
    others: BTreeMap<(model::Kind, String), Observation>,
    /// Workload identity providers, by name.
    providers: BTreeMap<String, things::Provider>,
    /// Bindings: resource, role, condition, member.
    bindings: BTreeSet<bindings::Binding>,
    /// When something was last used, by its full resource name.
    used: BTreeMap<String, things::Used>,
    /// The projects that things lie in.
    projects: BTreeMap<String, u64>,
    /// What kinds of answers came.
    pub(crate) met: BTreeSet<&'static str>,
    /// Recognised and no machine identity, by what it is.
    pub(crate) set_aside: BTreeMap<&'static str, u64>,
    /// Things beyond the limit.
    pub(crate) beyond: u64,
}

impl Estate {
    /// Learns whatever `value` holds.
    pub(crate) fn take(&mut self, value: &Value) {
        self.walk(value, "", 0);
    }

    /// `at` is the full name of the resource that is spoken of, as far as it is known.
    fn walk(&mut self, value: &Value, at: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Object(object) => {
                let own = names::resource_of(object);
                let at = own.as_deref().unwrap_or(at);
                self.recognise(object, at);
                for (name, held) in object {
                    // What a policy names belongs to it, and is read with it.
                    if name != "bindings" {
                        let within = if names::is_resource(name) { name } else { at };
                        self.walk(held, within, depth + 1);
                    }
                }
            }
            Value::Array(list) => {
                for held in list {
                    self.walk(held, at, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn recognise(&mut self, object: &Object, at: &str) {
        things::recognise(self, object);
        if let Some(policy) = object.get("bindings").and_then(Value::as_array) {
            bindings::take(self, policy, at);
        }
    }

    /// Whether there is room for one more thing.
    fn has_room(&mut self) -> bool {
        let held = self.accounts.len()
            + self.keys.len()
            + self.others.len()
            + self.providers.len()
            + self.bindings.len();
        if held >= THINGS_MAX {
            self.beyond += 1;
        }
        held < THINGS_MAX
    }

    fn set_aside(&mut self, what: &'static str) {
        *self.set_aside.entry(what).or_default() += 1;
    }

    /// The project that most things lie in.
    pub(crate) fn project(&self) -> Option<String> {
        let most = self
            .projects
            .iter()
            .max_by_key(|(name, count)| (**count, std::cmp::Reverse(*name)));
        most.map(|(name, _)| name.clone())
    }

    /// Everything as observations.
    pub(crate) fn observations(&self) -> Vec<Observation> {
        written::observations(self)
    }
}

fn text<'v>(object: &'v Object, name: &str) -> Option<&'v str> {
    object
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty() && text.len() <= 2048)
}

fn time(object: &Object, name: &str) -> Option<Timestamp> {
    text(object, name)?.parse().ok()
}

fn flag(object: &Object, name: &str) -> Option<bool> {
    object.get(name)?.as_bool()
}
