//! Accounts under which Windows runs something.

use model::{Attribute, Class, CredentialType, Kind, Relation};

use crate::formats::{Found, Seen, Thing};

/// The system's own accounts: their names, in lower case, and one name for all of them.
const SYSTEM: &[(&str, &str)] = &[
    ("localsystem", "LocalSystem"),
    ("system", "LocalSystem"),
    ("s-1-5-18", "LocalSystem"),
    ("localservice", "LocalService"),
    ("local service", "LocalService"),
    ("s-1-5-19", "LocalService"),
    ("networkservice", "NetworkService"),
    ("network service", "NetworkService"),
    ("s-1-5-20", "NetworkService"),
];

/// What kind of account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The system's own: it has no password.
    System,
    /// Made by the system for one service or pool: it has no password.
    Virtual,
    /// A managed service account: the domain changes its password.
    Managed,
    /// An account of the machine or the domain, with a password that somebody set.
    User,
}

impl Kept {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Virtual => "virtual",
            Self::Managed => "managed",
            Self::User => "user",
        }
    }
}

/// The account called `name`, under one name for each of the system's own.
pub(super) fn account(name: &str) -> (String, Kept) {
    let name = name.trim();
    let low = name.to_ascii_lowercase();
    let (domain, own) = low.split_once('\\').unwrap_or(("", &low));
    let ours = matches!(
        domain,
        "" | "." | "nt authority" | "nt-autorität" | "autorite nt"
    );
    if let Some((_, one)) = SYSTEM.iter().find(|(word, _)| ours && *word == own) {
        return ((*one).to_owned(), Kept::System);
    }
    if matches!(domain, "nt service" | "iis apppool") {
        return (name.to_owned(), Kept::Virtual);
    }
    if own.ends_with('$') {
        return (name.to_owned(), Kept::Managed);
    }
    (name.to_owned(), Kept::User)
}

/// Tells of `runner`, which runs as `user`: the account, and the password that `kept_in` has of
/// it where `stored`.
pub(super) fn runs_as(mut runner: Thing, user: &str, stored: bool, kept_in: &str, seen: &mut Seen) {
    let (name, kept) = account(user);
    runner = runner
        .is(Attribute::USER, name.as_str())
        .is(Attribute::named("account_kind"), kept.as_str());
    if matches!(kept, Kept::Managed | Kept::User) {
        let field = format!("account {}", model::shorten(&name, 80));
        runner = runner.link(Relation::MemberOf, Kind::Identity, &field);
        let known = seen.things.iter().any(|thing| thing.field == field);
        if !known {
            seen.thing(
                Thing::new(Kind::Identity, field.as_str(), "windows_account")
                    .is(Attribute::NAME, name.as_str())
                    .is(Attribute::CLASS, Class::Workload)
                    .is(Attribute::PROVIDER, "windows")
                    .is(Attribute::named("account_kind"), kept.as_str())
                    .with(|told| {
                        told.hint("windows_account", model::shorten(&name.to_lowercase(), 200))
                    }),
            );
        }
        if stored && kept == Kept::User {
            let of = runner.field.clone();
            let found = Found::referenced(format!("password for {of}"), &name, kept_in)
                .is(Attribute::TYPE, CredentialType::Password)
                .is(Attribute::PROVIDER, "windows")
                .is(Attribute::USER, name.as_str());
            seen.found(found.used_in_file_by(&of));
        }
    }
    seen.thing(runner);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_known_by_each_of_its_names() {
        for (name, expected, kept) in [
            ("LocalSystem", "LocalSystem", Kept::System),
            (r"NT AUTHORITY\SYSTEM", "LocalSystem", Kept::System),
            ("S-1-5-20", "NetworkService", Kept::System),
            (r"NT AUTHORITY\LocalService", "LocalService", Kept::System),
            (
                r"NT SERVICE\MSSQLSERVER",
                r"NT SERVICE\MSSQLSERVER",
                Kept::Virtual,
            ),
            (r"ACME\sql$", r"ACME\sql$", Kept::Managed),
            (r"ACME\svc-backup", r"ACME\svc-backup", Kept::User),
            (r".\local", r".\local", Kept::User),
            (r"ACME\system", r"ACME\system", Kept::User),
            ("svc@acme.test", "svc@acme.test", Kept::User),
        ] {
            assert_eq!(account(name), (expected.to_owned(), kept), "{name}");
        }
    }
}
