//! What the roll covers: which inventories were read, and over which window logs tell of uses.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;

/// Connectors whose sources list nobody: what they do not have says nothing of who there is.
pub const NO_INVENTORY: &[&str] = &["logs", "files", "git_history", "leavers", "tls_endpoint"];

/// Connectors whose sources list some of those that their provider knows, and never all: managed
/// identities of a subscription are no list of a tenant's applications.
pub const PART_OF_INVENTORY: &[&str] = &["azure"];

/// Inventories that were read: provider, and what the source calls itself, to how it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventories(BTreeMap<(String, String), Inventory>);

/// How an inventory was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// When.
    pub at: Timestamp,
    /// The parts at its top that were not read whole; an empty one is all of it.
    pub holes: BTreeSet<String>,
}

/// Which part of an account of AWS or a tenant of Entra lists things of a type.
const PARTS: &[(&str, &str)] = &[
    ("aws_iam_user", "users"),
    ("aws_iam_role", "roles"),
    ("aws_access_key", "access_keys"),
    ("azuread_application", "applications"),
    ("azuread_service_principal", "service_principals"),
];

/// Providers whose inventories are of one account, or tenant, each.
const BY_ACCOUNT: &[&str] = &["aws", "azure"];

impl Inventories {
    /// None at all.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Keeps how the inventory of `provider` called `target` was read.
    pub fn add(&mut self, provider: &str, target: &str, read: Inventory) {
        let key = (provider.to_owned(), target.to_owned());
        self.0.insert(key, read);
    }

    /// How the inventory that would list a thing of `provider` in `account` was last read. Those
    /// of AWS and Azure are of one account each; of another provider any will do.
    pub(crate) fn of(&self, provider: &str, account: Option<&str>) -> Option<&Inventory> {
        let fits = |(of, target): &(String, String)| {
            of == provider && (!BY_ACCOUNT.contains(&provider) || Some(target.as_str()) == account)
        };
        let fitting = self.0.iter().filter(|(key, _)| fits(key));
        fitting.map(|(_, read)| read).max_by_key(|read| read.at)
    }
}

impl Inventory {
    /// Whether what was not read may list things of this type.
    pub(crate) fn may_miss(&self, type_: &str) -> bool {
        let part = PARTS.iter().find(|(of, _)| *of == type_);
        match part {
            Some((_, part)) => self.holes.contains("") || self.holes.contains(*part),
            None => !self.holes.is_empty(),
        }
    }
}

/// Over which window a log tells of uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogWindow {
    /// Which kind of log: `aws_cloudtrail`.
    pub log: String,
    /// The account it is of.
    pub account: String,
    /// Its first event.
    pub since: Timestamp,
    /// Its last event.
    pub until: Timestamp,
    /// Which uses it does not tell; `None`: it tells of all.
    pub incomplete: Option<String>,
}

/// Which credentials each log names as they are used: of another type it says nothing.
const NAMES: &[(&str, &str, &[&str])] = &[
    ("aws_cloudtrail", "aws", &["aws_access_key"]),
    ("entra_sign_ins", "azure", &["password", "x509_certificate"]),
    ("gcp_audit", "google", &["private_key"]),
    ("okta_system_log", "okta", &["api_token"]),
    ("github_audit", "github", &["api_token"]),
];

impl LogWindow {
    /// Whether a use of a credential of `provider` and of this type in `account` would be in it.
    pub(crate) fn would_name(&self, provider: &str, type_: &str, account: &str) -> bool {
        let names = |(log, of, types): &(&str, &str, &[&str])| {
            *log == self.log && *of == provider && types.contains(&type_)
        };
        self.account == account && NAMES.iter().any(names)
    }
}
