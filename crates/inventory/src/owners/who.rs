//! Names as sources spell them, made comparable: mail addresses, handles, ARNs, teams.

use std::fmt;

use model::clean;

/// Somebody who may own a thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// A person: a mail address in small letters, or a user name with `@` before it.
    Person(String),
    /// A team in one spelling: `team-payments` of `@acme/payments`, `payments-team`, `#payments`.
    Team(String),
    /// A plain word, of which only the rest of the evidence may tell what it is.
    Word(String),
}

/// What one name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Somebody.
    Who(Who),
    /// A pipeline, a bot, a service: nothing that can answer for anything.
    Machine(String),
}

/// What a name is expected to be where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A person or a team.
    Anyone,
    /// A team: `team = payments`.
    Team,
    /// Whoever acts: a person or a machine.
    Actor,
}

/// What the one spelling of a team begins with, so that no person is meant.
const TEAM: &str = "team-";
/// Names read from one text.
const NAMES_MAX: usize = 10;
/// A name is cut here, in characters.
const NAME_MAX: usize = 120;

/// What people write where they have nothing to say.
#[rustfmt::skip]
const NOBODY: &[&str] = &[
    "-", "?", "admin", "all", "anonymous", "anyone", "change-me", "changeme", "default", "everyone",
    "example", "fixme", "me", "n/a", "na", "nil", "no", "nobody", "none", "null", "owner",
    "placeholder", "root", "self", "somebody", "someone", "tba", "tbc", "tbd", "team", "test",
    "todo", "true", "unassigned", "undefined", "unknown", "user", "x", "xx", "xxx", "yes",
];

/// Mailboxes of a function, which several people read: nobody acts under one, a team may own.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "accounts", "admins", "aws", "azure", "cloud", "contact", "dev", "developer", "developers",
    "devops", "devs", "eng", "engineering", "engineers", "finance", "gcp", "hello", "help",
    "helpdesk", "hostmaster", "info", "infra", "infrastructure", "it", "mail", "office",
    "operations", "ops", "platform", "postmaster", "sales", "security", "sre", "support", "sysadmin",
    "tech", "webmaster",
];

/// Whole names of machines.
#[rustfmt::skip]
const MACHINES: &[&str] = &[
    "actions-user", "ansible", "argo-cd", "argocd", "atlantis", "azure-pipelines", "backup",
    "build", "builder", "buildkite", "chef", "circleci", "codebuild", "cron", "daemon", "deploy",
    "deployment", "do-not-reply", "donotreply", "flux", "github", "github-actions", "gitlab",
    "gitlab-ci", "gitlab-runner", "helm", "kubernetes-admin", "mailer-daemon", "no-reply",
    "noreply", "postgres", "pulumi", "puppet", "rdsadmin", "release-please", "semantic-release",
    "spinnaker", "system", "teamcity", "terraform-cloud", "travis", "vault", "web-flow",
];

/// A first or last part that makes a name one of a machine: `ci-deployer`, `svc-billing`.
#[rustfmt::skip]
const MACHINE_PARTS: &[&str] = &[
    "automation", "bot", "cd", "ci", "cicd", "dependabot", "deployer", "jenkins", "machine",
    "pipeline", "pipelines", "renovate", "robot", "runner", "sa", "service", "serviceaccount",
    "svc", "terraform",
];

/// Domains whose addresses are machines.
const MACHINE_DOMAINS: &[&str] = &["gserviceaccount.com", "bots.noreply.github.com"];

/// Ends of what a laptop makes up as the domain of its user's address.
const MADE_UP: &[&str] = &[".local", ".localdomain", ".lan", ".internal", ".home"];

impl Who {
    /// Its name without what differs between spellings of one person or team.
    pub(super) fn folded(&self) -> String {
        let name = match self {
            Self::Person(name) => name.split('@').find(|part| !part.is_empty()),
            Self::Team(name) => name.strip_prefix(TEAM),
            Self::Word(name) => Some(name.as_str()),
        };
        let letters = name.unwrap_or_default().chars();
        letters.filter(|c| c.is_alphanumeric()).collect()
    }

    /// The mail address, if it is one.
    pub(super) fn mail(&self) -> Option<&str> {
        match self {
            Self::Person(name) => Some(name.as_str()).filter(|name| !name.starts_with('@')),
            Self::Team(_) | Self::Word(_) => None,
        }
    }

    /// The name as it may be typed: a mail address, `@user`, `team-name`.
    pub fn name(&self) -> &str {
        match self {
            Self::Person(name) | Self::Team(name) | Self::Word(name) => name,
        }
    }

    /// Whether it is a person, as far as its spelling tells.
    pub const fn is_person(&self) -> bool {
        matches!(self, Self::Person(_))
    }

    /// Whether it may be a person or a team.
    pub(super) const fn is_unclear(&self) -> bool {
        matches!(self, Self::Word(_))
    }
}

impl fmt::Display for Who {
    /// For people: cleaned.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clean(self.name()))
    }
}

/// Whom `text` names, where a name of the kind `expected` stands. Empty: nobody.
pub fn read(text: &str, expected: Expected) -> Vec<Named> {
    let mut named = Vec::new();
    for piece in text.split([',', ';', '|', '\n']).take(NAMES_MAX) {
        let words: Vec<&str> = piece.split_whitespace().collect();
        let several = words.len() > 1 && words.iter().all(|word| word.contains('@'));
        let names = if several { words } else { vec![piece] };
        for name in names.into_iter().filter_map(|name| one(name, expected)) {
            if !named.contains(&name) && named.len() < NAMES_MAX {
                named.push(name);
            }
        }
    }
    named
}

fn one(text: &str, expected: Expected) -> Option<Named> {
    let text = text.trim().trim_matches(['"', '\'']);
    // `Ann Example <ann@example.com>`
    let (called, text) = match text.split_once('<') {
        Some((called, rest)) => (called.trim(), rest.trim_matches(['<', '>', ' '])),
        None => ("", text),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim().to_lowercase();
    let text = text.strip_prefix("mailto:").unwrap_or(&text);
    let text = if text.is_empty() { called } else { text };
    let no_name = text.chars().count() > NAME_MAX || text.contains(['<', '>']);
    if no_name || text.starts_with("system:") || called.contains("[bot]") || text.contains("[bot]")
    {
        return Some(Named::Machine(model::shorten(text, NAME_MAX)));
    }
    if text.starts_with("arn:") {
        return arn(text);
    }
    if let Some(handle) = text.strip_prefix('@') {
        return at(handle);
    }
    if let Some((local, domain)) = text.split_once('@') {
        return mail(local, domain, expected);
    }
    if let Some(channel) = text.strip_prefix('#') {
        return team(channel);
    }
    word(text, expected)
}

/// `@ann`, `@acme/payments`.
fn at(handle: &str) -> Option<Named> {
    match handle.rsplit_once('/') {
        Some((_, slug)) => team(slug),
        None if is_machine(handle) => Some(Named::Machine(handle.to_owned())),
        None => {
            let named = !handle.is_empty() && !NOBODY.contains(&handle);
            named.then(|| Named::Who(Who::Person(format!("@{handle}"))))
        }
    }
}

fn mail(local: &str, domain: &str, expected: Expected) -> Option<Named> {
    let machines = |of: &str| {
        let rest = domain.strip_suffix(of);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if MACHINE_DOMAINS.iter().any(|of| machines(of)) || is_machine(local) {
        return Some(Named::Machine(format!("{local}@{domain}")));
    }
    // The address that a forge hides a person behind: `1234+ann@users.noreply.github.com`.
    if domain.starts_with("users.noreply.") {
        return at(local.split_once('+').map_or(local, |(_, handle)| handle));
    }
    let local = local.split_once('+').map_or(local, |(local, _)| local);
    if local.is_empty() || NOBODY.contains(&local) {
        return None;
    }
    if FUNCTIONS.contains(&local) {
        // Who of them it was, nobody can tell.
        return (expected != Expected::Actor).then(|| team(local)).flatten();
    }
    if team_of(local).is_some() {
        return team(local);
    }
    if !domain.contains('.') || MADE_UP.iter().any(|end| domain.ends_with(end)) {
        return at(local);
    }
    Some(Named::Who(Who::Person(format!("{local}@{domain}"))))
}

/// Users are people unless their names say otherwise; roles never are, but the session of one
/// may bear the name of whoever took it on.
fn arn(arn: &str) -> Option<Named> {
    let path = arn.splitn(6, ':').nth(5).filter(|path| !path.is_empty())?;
    let last = path.rsplit('/').next().unwrap_or(path);
    let machine = Named::Machine(model::shorten(last, NAME_MAX));
    match path.split('/').next() {
        Some("user") => word(last, Expected::Actor),
        Some("assumed-role") => match last.split_once('@') {
            Some((local, domain)) => mail(local, domain, Expected::Actor),
            None => Some(machine),
        },
        _ => Some(machine),
    }
}

/// The short name of a team that says that it is one: `payments` of `team-payments`.
fn team_of(text: &str) -> Option<&str> {
    let begins = ["team-", "team_", "team.", "squad-"];
    let ends = ["-team", "_team", ".team", "-squad"];
    let begun = begins.iter().find_map(|begin| text.strip_prefix(begin));
    let short = begun.or_else(|| ends.iter().find_map(|end| text.strip_suffix(end)))?;
    (!short.is_empty()).then_some(short)
}

fn team(text: &str) -> Option<Named> {
    let spelled = |c: char| if c.is_alphanumeric() { c } else { '-' };
    let text: String = text.trim().chars().map(spelled).collect();
    let short = team_of(&text).unwrap_or(&text).trim_matches('-');
    let named = !short.is_empty() && !NOBODY.contains(&short);
    named.then(|| Named::Who(Who::Team(format!("{TEAM}{short}"))))
}

fn word(text: &str, expected: Expected) -> Option<Named> {
    let text = text.to_lowercase();
    if text.is_empty() || NOBODY.contains(&text.as_str()) {
        return None;
    }
    if expected == Expected::Team {
        return team(&text);
    }
    let joined = |by: &str| text.split_whitespace().collect::<Vec<_>>().join(by);
    if is_machine(&joined(".")) {
        return Some(Named::Machine(text));
    }
    if expected == Expected::Actor {
        return at(&joined("."));
    }
    let spelled = joined("-");
    match team_of(&spelled) {
        Some(_) => team(&spelled),
        None => Some(Named::Who(Who::Word(spelled))),
    }
}

fn is_machine(name: &str) -> bool {
    let mut parts = name.split(['-', '_', '.', '+']);
    let first = parts.next().unwrap_or_default();
    let last = parts.next_back().unwrap_or(first);
    MACHINES.contains(&name) || MACHINE_PARTS.contains(&first) || MACHINE_PARTS.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, expected: Expected) -> String {
        let named = read(text, expected);
        let show = |one: &Named| match one {
            Named::Who(Who::Person(name)) => format!("person {name}"),
            Named::Who(Who::Team(name)) => format!("team {name}"),
            Named::Who(Who::Word(name)) => format!("word {name}"),
            Named::Machine(_) => "machine".to_owned(),
        };
        named.iter().map(show).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn one_person_is_read_from_every_spelling() {
        for (text, expected) in [
            (
                "Ann Lee <Ann.Lee@Example.com>",
                "person ann.lee@example.com",
            ),
            (
                "mailto:ann.lee+aws@example.com",
                "person ann.lee@example.com",
            ),
            ("77+annlee@users.noreply.github.com", "person @annlee"),
            ("ann@laptop.local", "person @ann"),
            ("@annlee", "person @annlee"),
            ("ann@a.com bob@a.com", "person ann@a.com, person bob@a.com"),
            ("annlee", "word annlee"),
        ] {
            assert_eq!(shown(text, Expected::Anyone), expected, "{text}");
        }
        let user = "arn:aws:iam::000000000001:user/people/ann";
        assert_eq!(shown(user, Expected::Actor), "person @ann");
        let session = "arn:aws:sts::000000000001:assumed-role/Admin/ann@example.com";
        assert_eq!(shown(session, Expected::Actor), "person ann@example.com");
        assert_eq!(shown("Ann Lee <>", Expected::Actor), "person @ann.lee");
    }

    #[test]
    fn one_team_is_read_from_every_spelling() {
        for text in [
            "@acme/payments",
            "@acme/payments-team",
            "team-payments",
            "#team-payments",
            "payments-team@example.com",
            "Team Payments",
        ] {
            assert_eq!(
                shown(text, Expected::Anyone),
                "team team-payments",
                "{text}"
            );
        }
        assert_eq!(shown("Payments", Expected::Team), "team team-payments");
    }

    #[test]
    fn a_mailbox_of_a_function_is_a_team_and_never_whoever_acted() {
        let shared = "Developers <dev@example.com>";
        assert_eq!(shown(shared, Expected::Anyone), "team team-dev");
        assert_eq!(shown(shared, Expected::Actor), "");
        let one = "dev.patel@example.com";
        assert_eq!(shown(one, Expected::Actor), "person dev.patel@example.com");
    }

    #[test]
    fn a_machine_is_never_a_person() {
        for text in [
            "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
            "ci@example.com",
            "svc-billing@example.com",
            "deploy-bot",
            "jenkins",
            "Renovate Bot <bot@renovateapp.com>",
            "builder@project.iam.gserviceaccount.com",
            "system:serviceaccount:ci:deployer",
            "arn:aws:iam::000000000001:role/pipeline",
            "arn:aws:sts::000000000001:assumed-role/Deploy/i-0abc",
            "arn:aws:iam::000000000001:user/terraform",
            "noreply@github.com",
        ] {
            assert_eq!(shown(text, Expected::Actor), "machine", "{text}");
        }
    }

    #[test]
    fn a_placeholder_is_nobody() {
        for text in [
            "",
            "  ",
            "n/a",
            "TBD",
            "unknown",
            "@",
            "arn:",
            "<>",
            "everyone@x.com",
        ] {
            assert_eq!(shown(text, Expected::Anyone), "", "{text}");
        }
    }
}
