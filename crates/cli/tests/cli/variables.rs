//! CL-21: every flag has a variable that does what the flag does, and CL-23: the variables of
//! others that are honoured.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::help::verbs;
use crate::world::{World, seed};

/// A call, one of its flags, and a value with which the flag changes what comes of the call.
/// A switch has no value.
const FLAGS: &[(&[&str], &str, &str)] = &[
    (&["ls"], "--store", "elsewhere.db"),
    (&["ls"], "--tenant", "another"),
    (&["findings"], "--fingerprint-key-file", "nowhere"),
    (&["findings"], "--seal-key-file", "nowhere"),
    (&["ls"], "--output", "csv"),
    (&["ls"], "--json", "id,name"),
    (&["ls"], "--jq", "length"),
    (&["findings", "-o", "ocsf"], "--ocsf-version", "1.9.0"),
    (&["ls"], "--color", "always"),
    (&["ls"], "--quiet", ""),
    (&["scan", EMPTY], "--ephemeral", ""),
    (&["scan", "-q", EMPTY], "--threads", "nonsense"),
    (&["scan", "-q"], "--staged", ""),
    (&["scan", "-q"], "--since", "main"),
    (&["scan", "-q"], "--diff", "a..b"),
    (&["scan", "-q", EMPTY], "--baseline", "nowhere"),
    (&["scan", "-q", EMPTY], "--rules", "nowhere"),
    (&["scan", RULED], "--no-gitleaks", ""),
    (&["scan", EMPTY], "--check-live", ""),
    (
        &["scan", "-q", EMPTY, "--check-live", "--yes"],
        "--live-host",
        "nonsense",
    ),
    (&["scan", "-q", EMPTY, "--check-live"], "--yes", ""),
    (&["scan", "-q", EMPTY], "--fail-on", "info"),
    (&["scan", "-q", SEED], "--min-coverage", "100"),
    (
        &["scan", "-q", DOWN, "--no-remember"],
        "--allow-partial",
        "",
    ),
    (&["scan", "-q", EMPTY, "-o", "ndjson"], "--limit", "1"),
    (&["scan", "-q", EMPTY], "--target-kind", "nonsense"),
    (&["scan", "-q", EMPTY], "--unless-read-since", "nonsense"),
    (&["sources", "test", "nowhere"], "--target-kind", "nonsense"),
    (&["ls"], "--facets", ""),
    (&["ls"], "--as-of", "2026-11-01"),
    (&["ls"], "--known-at", "2026-11-01"),
    (&["ls"], "--limit", "1"),
    (&["get", "ci"], "--as-of", "2026-11-01"),
    (&["get", "ci"], "--known-at", "2026-11-01"),
    (&["why", "ci"], "--as-of", "2026-11-01"),
    (&["why", "ci"], "--known-at", "2026-11-01"),
    (&["findings"], "--as-of", "2026-11-01"),
    (&["findings"], "--known-at", "2026-11-01"),
    (
        &["query", "SELECT name FROM identities"],
        "--as-of",
        "2026-11-01",
    ),
    (
        &["query", "SELECT name FROM identities"],
        "--known-at",
        "2026-11-01",
    ),
    (&["query", "SELECT 1"], "--views", ""),
    (&["query", "SELECT 1"], "--examples", ""),
    (&["query", "SELECT name FROM identities"], "--limit", "1"),
    (&["diff", "--to", "2026-11-22"], "--from", "2026-11-21"),
    (&["diff", "--from", "2026-11-01"], "--to", "2026-11-02"),
    (&["diff", "--from", "2026-11-01"], "--limit", "1"),
    (&["findings"], "--rule", "unowned"),
    (&["findings"], "--verdict", "unknown"),
    (&["findings"], "--validity", "live"),
    (&["findings"], "--live", ""),
    (&["findings"], "--fail-on", "info"),
    (&["findings"], "--min-coverage", "100"),
    (
        &["findings", "--min-coverage", "100"],
        "--allow-partial",
        "",
    ),
    (&["findings"], "--limit", "1"),
    (&["gaps"], "--limit", "nonsense"),
    (&["owner", "set", "ci", "ann"], "--as", "nonsense"),
    (&["owner", "clear", "ci"], "--as", "nonsense"),
    (&["owner", "accept", "ci"], "--as", "nonsense"),
    (&["owner", "list"], "--limit", "nonsense"),
    (&["owner", "suggest"], "--limit", "nonsense"),
    (
        &["mute", "add", "fnd-0", "--until", "30d"],
        "--reason",
        "it is known",
    ),
    (
        &["mute", "add", "fnd-0", "--reason", "it is known"],
        "--until",
        "30d",
    ),
    (&["sources", "add", DOWN], "--password-stdin", ""),
    (&["sources", "add", DOWN], "--target-kind", "nonsense"),
    (&["sources", "policy", "aws"], "--act", ""),
    (&["plan", "revoke", "ci"], "--wait", "nonsense"),
    (&["plan", "list"], "--limit", "nonsense"),
    (&["plan", "force", "pln-000000"], "--reason", "it is gone"),
    (
        &["plan", "attest", "pln-000000"],
        "--reason",
        "a log shows it",
    ),
    (&["apply", "pln-000000"], "--wait", "nonsense"),
    (&["verify-revoked"], "--within", "nonsense"),
    (&["residual"], "--wait", "nonsense"),
    (&["residual"], "--limit", "nonsense"),
    (&["account", "add", "ann"], "--role", "nonsense"),
    (&["token", "add", "ann", "ci"], "--permission", "nonsense"),
    (&["token", "add", "ann", "ci"], "--days", "nonsense"),
    (&["evidence", "export", "-"], "--subject", "nobody"),
    (&["evidence", "export", "-"], "--from", "7"),
    (&["evidence", "export", "-"], "--to", "nonsense"),
    (&["evidence", "verify", "nowhere"], "--key", "nonsense"),
    (&["evidence", "show"], "--subject", "nobody"),
    (&["evidence", "show"], "--limit", "nonsense"),
    (&["up", "--listen", BEYOND], "--every", "nonsense"),
    (&["demo", "--listen", BEYOND], "--identities", "nonsense"),
];

/// An address at which nothing is served, which is said at once.
const BEYOND: &str = "192.0.2.1:1";

/// Flags whose effect cannot be seen from here, and why.
const UNSEEN: &[(&str, &str)] = &[
    ("up --listen", "it serves until it is stopped"),
    ("up --tls-cert", "it serves until it is stopped"),
    ("up --tls-key", "it serves until it is stopped"),
    (
        "up --insecure-beyond-loopback",
        "it serves until it is stopped",
    ),
    (
        "up --listen",
        "without it the server listens until it is stopped",
    ),
    (
        "demo --listen",
        "without it the server listens until it is stopped",
    ),
    (
        "up --tls-cert",
        "is read together with the key: the server's tests have both",
    ),
    (
        "up --tls-key",
        "is read together with the certificate: the server's tests have both",
    ),
    (
        "up --insecure-beyond-loopback",
        "with it the server listens until it is stopped",
    ),
    (
        "demo --hostile-names",
        "with it the server listens until it is stopped: the walk of the console has it",
    ),
    (
        "receive --check",
        "without it events are waited for: receiving.rs calls it",
    ),
    ("--no-progress", "progress is drawn on a terminal only"),
    (
        "scan --no-remember",
        "nothing is remembered of what cannot be reached",
    ),
    (
        "scan --no-history",
        "wants a repository: change.rs and linking.rs have them",
    ),
    (
        "plan attest --file",
        "wants a revocation that cannot be verified: the engine's tests have one",
    ),
    (
        "scan --saved",
        "is for systems with a token alone: saved.rs has them",
    ),
    (
        "sources add --saved",
        "is for systems with a token alone: saved.rs has them",
    ),
    (
        "sources test --saved",
        "is for systems with a token alone: saved.rs has them",
    ),
    (
        "scan --endpoint",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "scan --region",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "scan --allow-exec",
        "wants a kubeconfig: clusters.rs has some",
    ),
    (
        "scan --allow-insecure",
        "wants a kubeconfig: clusters.rs has some",
    ),
    (
        "sources add --allow-exec",
        "wants a kubeconfig: clusters.rs has some",
    ),
    (
        "sources add --allow-insecure",
        "wants a kubeconfig: clusters.rs has some",
    ),
    (
        "scan --regions",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "scan --organization",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "scan --account-role",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "sources add --regions",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "sources test --endpoint",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "sources test --region",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "sources test --regions",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "sources test --allow-exec",
        "wants a kubeconfig: clusters.rs has some",
    ),
    (
        "sources test --allow-insecure",
        "wants a kubeconfig: clusters.rs has some",
    ),
    ("sources test --no-history", "a test reads no history"),
    ("findings --muted", "wants a mute: lists.rs has one"),
    ("scan --live-endpoint", "wants a provider: live.rs has one"),
    (
        "owner suggest --all",
        "wants doubtful ones: owners.rs has some",
    ),
    (
        "sources add --no-history",
        "shown by nothing but the next scan",
    ),
    (
        "sources add --endpoint",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "sources add --region",
        "wants AWS: the tests with emulators have it",
    ),
    (
        "sources remove --yes",
        "nobody can be asked where there is no terminal",
    ),
    ("plan revoke --apply", "wants a server: chain.rs has one"),
    ("plan revoke --yes", "wants a server: chain.rs has one"),
    ("plan list --open", "wants a plan: chain.rs has one"),
    ("apply --yes", "wants a server: chain.rs has one"),
    ("residual --retry", "wants a revocation: chain.rs has one"),
    ("residual --yes", "wants a revocation: chain.rs has one"),
];

/// A directory with nothing in it.
const EMPTY: &str = "empty";
/// A directory with rules that cannot be used.
const RULED: &str = "ruled";
/// What the roll is made of, with a gap.
const SEED: &str = "collection:seed.json";
/// A server that nobody is listening at.
const DOWN: &str = "postgres://ann@127.0.0.1:1/x";

/// A seeded home that is as it was before each call, so that calls can be compared.
struct Stage {
    world: World,
}

impl Stage {
    fn new() -> Self {
        let world = World::seeded();
        std::fs::create_dir_all(world.path("home/empty")).unwrap();
        world.file("home/ruled/.gitleaks.toml", "rules = 3\n");
        std::fs::copy(seed(), world.path("home/seed.json")).unwrap();
        world.get(&["owner", "set", "ci", "ann"]);
        copy(&world.path("home"), &world.path("kept"));
        Self { world }
    }

    /// What a call comes to, with a variable or without: code and both outputs.
    fn run(&self, arguments: &[&str], set: Option<(&str, &str)>) -> (i32, String, String) {
        let home = self.world.path("home");
        std::fs::remove_dir_all(&home).unwrap();
        copy(&self.world.path("kept"), &home);
        let output = self.world.command(arguments).envs(set).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        (code, text(output.stdout), text(output.stderr))
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// The flags of a page of help with their variables: `--limit`, `KEYROLL_LIMIT`.
fn flags(help: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in help.lines().map(str::trim) {
        if let Some(at) = line
            .find("--")
            .filter(|at| *at == 0 || line.starts_with('-'))
        {
            let name = line[at..].split([' ', '=', ',']).next().unwrap_or_default();
            found.push((name.to_owned(), String::new()));
        }
        let variable = line
            .split("[env: ")
            .nth(1)
            .and_then(|rest| rest.split(']').next());
        if let (Some(variable), Some(last)) = (variable, found.last_mut()) {
            last.1 = variable.to_owned();
        }
    }
    found.retain(|(name, _)| !matches!(name.as_str(), "--help" | "--version"));
    found
}

/// Every flag by its command (`scan --limit`; those of all commands stand alone) with its variable.
fn every_flag(world: &World) -> Vec<(String, String)> {
    let top = world.get(&["--help"]);
    let mut all = flags(&top);
    for verb in verbs(&top) {
        let help = world.get(&[&verb, "--help"]);
        let mut pages = vec![(verb.clone(), help.clone())];
        for below in verbs(&help) {
            pages.push((
                format!("{verb} {below}"),
                world.get(&[&verb, &below, "--help"]),
            ));
        }
        for (path, page) in pages {
            let of_page = flags(&page).into_iter();
            all.extend(of_page.map(|(flag, variable)| (format!("{path} {flag}"), variable)));
        }
    }
    all
}

/// The flag `flag` of what `call` calls, by its command.
fn flag_of<'a>(all: &'a [(String, String)], call: &[&str], flag: &str) -> &'a (String, String) {
    let call = call.join(" ");
    let fits = |name: &str| {
        let (path, own) = name.rsplit_once(' ').unwrap_or(("", name));
        own == flag && call.starts_with(path)
    };
    let of_call = all.iter().filter(|(name, _)| fits(name));
    let nearest = of_call.max_by_key(|(name, _)| name.len());
    nearest.unwrap_or_else(|| panic!("`{call}` has no {flag}"))
}

#[test]
fn every_flag_has_a_variable_that_does_the_same() {
    let stage = Stage::new();
    let all = every_flag(&stage.world);
    assert!(all.len() > 60, "{all:?}");
    let (mut tried, mut wrong) = (BTreeSet::new(), Vec::new());
    let mut plain = BTreeMap::new();
    for (call, flag, value) in FLAGS {
        let (name, variable) = flag_of(&all, call, flag);
        tried.insert(name);
        let typed: Vec<&str> = match *value {
            "" => [*call, &[*flag]].concat(),
            value => [*call, &[*flag, value]].concat(),
        };
        let without = plain
            .entry(*call)
            .or_insert_with(|| stage.run(call, None))
            .clone();
        let given = stage.run(&typed, None);
        let meant = if value.is_empty() { "1" } else { value };
        let set = stage.run(call, Some((variable, meant)));
        if given != set {
            wrong.push(format!("{name} is not {variable}: {given:?}, {set:?}"));
        }
        if without == given {
            wrong.push(format!("{call:?} {flag} changes nothing: {given:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let excepted: BTreeSet<_> = UNSEEN.iter().map(|(name, _)| name.to_string()).collect();
    for (name, _) in &all {
        assert!(
            tried.contains(name) != excepted.contains(name),
            "{name}: expected to be tried, or to be excepted with a reason"
        );
    }
}

/// CI sets a variable to nothing for an input that nobody filled in.
#[test]
fn an_empty_variable_is_not_given() {
    let world = World::seeded();
    let all = every_flag(&world).into_iter().map(|(_, name)| name);
    let all: BTreeSet<String> = all.collect();
    let without = world.get(&["ls"]);
    let empty = all.iter().fold(world, |world, name| world.with(name, ""));
    assert_eq!(empty.get(&["ls"]), without);
}

/// CL-23.
#[test]
fn colour_follows_the_variables_that_others_set() {
    let painted = |pairs: &[(&str, &str)], arguments: &[&str]| {
        let world = pairs.iter().fold(World::seeded(), |world, (name, value)| {
            world.with(name, value)
        });
        world.get(arguments).contains('\u{1b}')
    };
    assert!(!painted(&[], &["findings"]), "a pipe gets none (CL-13)");
    assert!(painted(&[("FORCE_COLOR", "1")], &["findings"]));
    assert!(painted(&[("CLICOLOR_FORCE", "1")], &["findings"]));
    assert!(!painted(&[("CLICOLOR_FORCE", "0")], &["findings"]));
    assert!(!painted(
        &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")],
        &["findings"]
    ));
    assert!(painted(
        &[("NO_COLOR", "1")],
        &["findings", "--color", "always"]
    ));
}
