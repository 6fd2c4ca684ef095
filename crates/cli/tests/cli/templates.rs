//! What ships for hooks and CI, held to published schemas and run as its hosts run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::change::git;
use crate::integrations::{read, yaml};
use crate::world::World;

/// Planted; it is nobody's.
const ENV: &str = "DATABASE_URL=postgres://app:q8Zr1kVb0wXsPq2L@db.acme.test/shop\n";

/// What reads a template, by its module and its words; the file's name comes behind them.
const ACTIONS: &[&str] = &[
    "check_jsonschema",
    "--builtin-schema",
    "vendor.github-actions",
];
const WORKFLOWS: &[&str] = &[
    "check_jsonschema",
    "--builtin-schema",
    "vendor.github-workflows",
];
const GITLAB: &[&str] = &[
    "check_jsonschema",
    "--builtin-schema",
    "vendor.gitlab-ci",
    "--data-transform",
    "gitlab-ci",
];
const HOOKS: &[&str] = &["pre_commit", "validate-manifest"];
const HOOKED: &[&str] = &["pre_commit", "validate-config"];

/// A template: where it stands, its text, what reads it, and a mistake in it.
struct Template {
    path: &'static str,
    text: String,
    reader: &'static [&'static str],
    mistake: (&'static str, &'static str),
}

fn templates() -> [Template; 6] {
    let file = |path, reader, mistake| Template {
        path,
        text: read(path),
        reader,
        mistake,
    };
    let example = |path, number, reader, mistake| Template {
        path,
        text: examples(&read(path)).swap_remove(number),
        reader,
        mistake,
    };
    let requests = "docs/guides/pull-requests.md";
    [
        file(
            "integrations/github-action/action.yml",
            ACTIONS,
            ("shell: bash", "shel: bash"),
        ),
        file(
            "integrations/gitlab/keyroll.gitlab-ci.yml",
            GITLAB,
            ("when: always", "when: whenever"),
        ),
        file(".pre-commit-hooks.yaml", HOOKS, ("entry:", "enter:")),
        example(requests, 0, WORKFLOWS, ("runs-on:", "run-on:")),
        example(requests, 1, GITLAB, ("file:", "files:")),
        example(
            "docs/guides/pre-commit.md",
            0,
            HOOKED,
            ("    rev:", "    revision:"),
        ),
    ]
}

/// What a page shows as YAML, one after the other.
fn examples(page: &str) -> Vec<String> {
    let blocks = page.split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// Runs a module of the tests' Python.
fn module(world: &World, words: &[&str], dir: &Path) -> Option<Output> {
    let mut command = Command::new(testkit::python()?);
    let command = command.arg("-m").args(words).current_dir(dir);
    Some(surrounded(world, command).output().unwrap())
}

/// In an environment that has the program on its path, and nothing of whoever runs the tests.
fn surrounded<'a>(world: &World, command: &'a mut Command) -> &'a mut Command {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_keyroll"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    command
        .env_clear()
        .env("HOME", world.path("home"))
        .env("PATH", path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ann")
        .env("GIT_AUTHOR_EMAIL", "ann@acme.test")
        .env("GIT_COMMITTER_NAME", "Ann")
        .env("GIT_COMMITTER_EMAIL", "ann@acme.test")
}

fn told(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn templates_and_examples_hold_to_what_their_hosts_publish_and_broken_ones_do_not() {
    let world = World::new();
    for one in templates() {
        let broken = one.text.replacen(one.mistake.0, one.mistake.1, 1);
        assert_ne!(broken, one.text, "{}", one.path);
        for (text, holds) in [(&one.text, true), (&broken, false)] {
            let file = world.file("template.yml", text);
            let words = [one.reader, &[file.to_str().unwrap()]].concat();
            let Some(output) = module(&world, &words, &world.path("home")) else {
                return;
            };
            let told = told(&output);
            assert_eq!(output.status.success(), holds, "{}: {told}", one.path);
            // A reader that did not start would refuse each broken copy as well.
            let names_place = holds || told.contains("template.yml");
            assert!(names_place, "{}: {told}", one.path);
        }
    }
}

/// A repository with a commit, and one on top of it that brings a secret where `leaks`.
fn shop(world: &World, leaks: bool) -> PathBuf {
    let dir = world.path("shop");
    std::fs::create_dir(&dir).unwrap();
    git(&dir, &["init", "-q", "-b", "main"]);
    world.file("shop/README.md", "The shop.\n");
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-q", "-m", "Open the shop"]);
    world.file("shop/.env", if leaks { ENV } else { "PORT=8080\n" });
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-q", "-m", "Take orders"]);
    dir
}

#[test]
fn the_script_of_the_action_annotates_sums_up_and_gates() {
    let action = yaml("integrations/github-action/action.yml");
    let script = script_of(&action, "scan");
    for (leaks, code) in [(false, 0), (true, 3)] {
        let world = World::new();
        let dir = shop(&world, leaks);
        let [output, summary] = ["output", "summary"].map(|name| world.file(name, ""));
        // As GitHub runs `shell: bash`.
        let mut command = Command::new("bash");
        let command = command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(&dir);
        let ran = surrounded(&world, command)
            .env("BASE", "HEAD~1")
            .env("BINARY", env!("CARGO_BIN_EXE_keyroll"))
            .env("FAIL_ON", default_of(&action, "fail-on"))
            .env("BASELINE", default_of(&action, "baseline"))
            .env("MATCHER", "problem-matcher.json")
            .env("RUNNER_TEMP", world.path(""))
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .unwrap();
        let told = told(&ran);
        assert_eq!(ran.status.code(), Some(code), "{told}");
        assert!(told.starts_with("::add-matcher::problem-matcher.json\n"));
        assert_eq!(told.contains("\n.env:1:1: error: "), leaks, "{told}");
        let sarif = std::fs::read_to_string(output).unwrap();
        let sarif = sarif.trim_end().strip_prefix("sarif=").unwrap();
        assert_eq!(results(Path::new(sarif)), usize::from(leaks));
        assert!(!std::fs::read_to_string(summary).unwrap().is_empty());
    }
}

/// The script of the step `id` of the action.
fn script_of<'a>(action: &'a Value, id: &str) -> &'a str {
    let mut steps = action["runs"]["steps"].as_array().unwrap().iter();
    steps.find(|step| step["id"] == id).unwrap()["run"]
        .as_str()
        .unwrap()
}

/// Runs a step of the action as GitHub does; its code, what it said and what it put out.
fn step(world: &World, id: &str, path: &str, variables: &[(&str, &str)]) -> (i32, String, String) {
    let action = yaml("integrations/github-action/action.yml");
    let output = world.file("output", "");
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
        .arg(script_of(&action, id))
        .current_dir(world.path("home"))
        .env_clear()
        .env("PATH", path)
        .env("RUNNER_TEMP", world.path(""))
        .env("GITHUB_OUTPUT", &output)
        .envs(variables.iter().copied());
    let ran = command.output().unwrap();
    let put_out = std::fs::read_to_string(output).unwrap();
    (ran.status.code().unwrap(), told(&ran), put_out)
}

/// A program that writes down what it was called with.
fn stand_in(world: &World, name: &str, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let file = world.file(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file
}

/// What the action takes as the program, with this search path and input.
fn find(world: &World, path: &str, binary: &str) -> (i32, String, String) {
    let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/github-action");
    let action = action.to_str().unwrap();
    let variables = [("BINARY", binary), ("ACTION", action)];
    step(world, "program", path, &variables)
}

#[test]
fn the_action_takes_the_program_that_is_named_or_on_the_path() {
    let bare = "/usr/bin:/bin";
    let world = World::new();
    let find = |path: &str, binary: &str| find(&world, path, binary);
    let (code, _, out) = find(bare, env!("CARGO_BIN_EXE_keyroll"));
    assert_eq!(code, 0);
    assert!(
        out.contains(&format!(
            "program={}\nbuild=false\n",
            env!("CARGO_BIN_EXE_keyroll")
        )),
        "{out}"
    );
    let (code, said, _) = find(bare, "/nowhere/keyroll");
    assert_eq!(code, 1);
    assert!(
        said.contains("::error::expected a program at `/nowhere/keyroll`"),
        "{said}"
    );

    let keyroll = stand_in(&world, "keyroll", "exit 0\n");
    let with = format!("{}:{bare}", keyroll.parent().unwrap().display());
    let (_, _, out) = find(&with, "");
    assert!(
        out.contains(&format!("program={}\nbuild=false\n", keyroll.display())),
        "{out}"
    );
}

#[test]
fn the_action_builds_its_own_source_where_there_is_no_program_and_says_what_lacks() {
    let bare = "/usr/bin:/bin";
    let world = World::new();
    let with = format!("{}:{bare}", world.path("bin").display());
    let (code, said, out) = find(&world, bare, "");
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("build=true\n"), "{out}");
    let value = |name: &str| {
        let line = out
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap().to_owned()
    };
    assert!(!value("key").ends_with("none"), "{out}");
    let source = PathBuf::from(value("source"));
    assert!(source.join("Cargo.lock").is_file());

    // A cargo that is too old, and one that is not and writes down what it is asked for.
    let build = |version: &str| {
        let script = format!(
            "case $1 in --version) echo 'cargo {version}';; *) echo \"$@\" > '{0}/asked'; pwd > '{0}/where'; \
             mkdir -p '{0}/keyroll-target/release'; echo built > '{0}/keyroll-target/release/keyroll';; esac\n",
            world.path("").display()
        );
        stand_in(&world, "cargo", &script);
        let (program, source) = (value("program"), value("source"));
        step(
            &world,
            "build",
            &with,
            &[("PROGRAM", &program), ("SOURCE", &source)],
        )
    };
    let (code, said, _) = build("1.70.0");
    assert_eq!(code, 1);
    assert!(said.contains("::error::expected Rust 1."), "{said}");
    let (code, said, _) = build("1.999.0");
    assert_eq!(code, 0, "{said}");
    let asked = std::fs::read_to_string(world.path("asked")).unwrap();
    assert!(
        asked.starts_with("build --release --locked -p cli "),
        "{asked}"
    );
    // Where the judged sources lie, they could say how it is built.
    let called_in = std::fs::read_to_string(world.path("where")).unwrap();
    let called_in = Path::new(called_in.trim_end()).canonicalize().unwrap();
    assert_eq!(called_in, source.canonicalize().unwrap());
    assert_eq!(
        std::fs::read_to_string(value("program")).unwrap(),
        "built\n"
    );
}

fn default_of<'a>(action: &'a Value, input: &str) -> &'a str {
    action["inputs"][input]["default"].as_str().unwrap()
}

/// How many results a SARIF log has.
fn results(log: &Path) -> usize {
    let log: Value = serde_json::from_slice(&std::fs::read(log).unwrap()).unwrap();
    log["runs"][0]["results"].as_array().unwrap().len()
}

#[test]
fn the_script_of_the_gitlab_template_keeps_its_artifacts_and_gates() {
    let job = &yaml("integrations/gitlab/keyroll.gitlab-ci.yml")["keyroll"];
    let lines = job["script"].as_array().unwrap().iter();
    let script: Vec<_> = lines.map(|line| line.as_str().unwrap()).collect();
    for (leaks, code) in [(false, 0), (true, 3)] {
        let world = World::new();
        let dir = shop(&world, leaks);
        let base = git(&dir, &["rev-parse", "HEAD~1"]);
        let mut command = Command::new("sh");
        let command = command
            .args(["-ec", &script.join("\n")])
            .current_dir(&dir)
            .env_clear();
        let ran = surrounded(&world, command)
            .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base)
            .env("KEYROLL_FAIL_ON", "low")
            .env("KEYROLL_PROGRAM", "keyroll")
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(code), "{}", told(&ran));
        for path in job["artifacts"]["paths"].as_array().unwrap() {
            assert!(dir.join(path.as_str().unwrap()).is_file(), "{path}");
        }
        assert_eq!(results(&dir.join("keyroll.sarif")), usize::from(leaks));
        let report = job["artifacts"]["reports"]["codequality"].as_str().unwrap();
        let report = std::fs::read(dir.join(report)).unwrap();
        assert_eq!(issues(&report), usize::from(leaks));
    }
}

/// How many issues a Code Quality report has; each holds to what GitLab's manual asks for, and to
/// what Code Climate's specification does.
fn issues(report: &[u8]) -> usize {
    assert_eq!(
        report.first(),
        Some(&b'['),
        "no mark of byte order, one array"
    );
    let issues: Vec<Value> = serde_json::from_slice(report).unwrap();
    let mut prints = std::collections::BTreeSet::new();
    for issue in &issues {
        for name in ["type", "check_name", "description", "fingerprint"] {
            assert!(
                issue[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {issue}"
            );
        }
        assert_eq!(issue["type"], "issue");
        assert_eq!(issue["categories"], serde_json::json!(["Security"]));
        let severity = issue["severity"].as_str().unwrap();
        assert!(
            ["info", "minor", "major", "critical", "blocker"].contains(&severity),
            "{issue}"
        );
        let path = issue["location"]["path"].as_str().unwrap();
        assert!(!path.starts_with(['.', '/']) || path == ".env", "{path}");
        assert!(
            issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1,
            "{issue}"
        );
        assert!(prints.insert(issue["fingerprint"].to_string()), "{issue}");
    }
    issues.len()
}

#[test]
fn pre_commit_stops_a_commit_by_the_hook_that_ships() {
    let world = World::new();
    let hooks = world.path("hooks");
    world.file(
        "hooks/.pre-commit-hooks.yaml",
        &read(".pre-commit-hooks.yaml"),
    );
    git(&hooks, &["init", "-q", "-b", "main"]);
    git(&hooks, &["add", "-A"]);
    git(&hooks, &["commit", "-q", "-m", "Ship the hook"]);
    let rev = git(&hooks, &["rev-parse", "HEAD"]);
    let dir = shop(&world, false);
    let config = format!(
        "repos:\n  - repo: {}\n    rev: {rev}\n    hooks:\n      - id: keyroll\n",
        hooks.display()
    );
    world.file("shop/.pre-commit-config.yaml", &config);
    git(&dir, &["add", "-A"]);
    for (text, passes) in [("PORT=8081\n", true), (ENV, false)] {
        world.file("shop/.env", text);
        git(&dir, &["add", "-A"]);
        let Some(ran) = module(&world, &["pre_commit", "run"], &dir) else {
            return;
        };
        let told = told(&ran);
        assert_eq!(ran.status.success(), passes, "{told}");
        assert_eq!(told.contains(".env:1:1: error: "), !passes, "{told}");
    }
}
