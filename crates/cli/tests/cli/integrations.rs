//! What ships for hooks and CI names only what the program has, and runs nothing unpinned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::World;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(top().join(path)).unwrap()
}

pub(crate) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|told| panic!("{path}: {told}"))
}

/// The flags of `keyroll scan` and those of every verb.
fn flags() -> BTreeSet<String> {
    let world = World::new();
    let help = world.get(&["scan", "--help"]) + &world.get(&["--help"]);
    let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words
        .filter(|word| word.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

/// What is typed in `text` after `scan`, a backslash at a line's end joined with the next line.
fn calls(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let call = |line: &str| {
        let programs = [
            "keyroll scan",
            "\"$BINARY\" scan",
            "\"$KEYROLL_PROGRAM\" scan",
        ];
        let program = programs.iter().any(|one| line.contains(one));
        program.then(|| line.split_once(" scan").map(|(_, rest)| rest.to_owned()))?
    };
    text.lines().filter_map(call).collect()
}

#[test]
fn hooks_and_templates_name_only_flags_and_formats_that_exist() {
    let flags = flags();
    let world = World::seeded();
    for path in [
        ".pre-commit-hooks.yaml",
        "integrations/github-action/action.yml",
        "integrations/gitlab/keyroll.gitlab-ci.yml",
        "docs/guides/pre-commit.md",
        "docs/guides/pull-requests.md",
    ] {
        let calls = calls(&read(path));
        assert!(!calls.is_empty(), "{path} calls nothing");
        for call in &calls {
            let words: Vec<&str> = call
                .split([' ', '"', '`', '\'', ';', '(', ')', ','])
                .collect();
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(flags.contains(*flag), "{path}: there is no {flag}");
            }
            for two in words.windows(3).filter(|two| two[0] == "-o") {
                // One in quotes has an empty word before it.
                let format = two[1..].iter().find(|word| !word.is_empty()).unwrap();
                let format = format.split('=').next().unwrap();
                let ran = world.run(&["findings", "-o", format]);
                assert_eq!(ran.code, 0, "{path}: -o {format}: {}", ran.stderr);
            }
        }
    }
}

#[test]
fn the_hook_reads_what_is_staged_and_gates() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    assert_eq!(hook["entry"], "keyroll scan --staged --fail-on low");
    assert_eq!(hook["pass_filenames"], false);
}

#[test]
fn the_action_runs_nothing_that_is_not_pinned_and_no_text_of_others() {
    let action = yaml("integrations/github-action/action.yml");
    assert_eq!(action["runs"]["using"], "composite");
    for step in action["runs"]["steps"].as_array().unwrap() {
        if let Some(uses) = step["uses"].as_str() {
            let (_, at) = uses.split_once('@').unwrap();
            assert!(
                at.len() == 40 && at.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{uses}"
            );
        }
        if let Some(run) = step["run"].as_str() {
            assert!(
                !run.contains("${{"),
                "what others wrote becomes a script: {run}"
            );
            assert_eq!(step["shell"], "bash");
        }
    }
    let template = yaml("integrations/gitlab/keyroll.gitlab-ci.yml");
    assert_eq!(template["keyroll"]["variables"]["GIT_DEPTH"], "0");
}

#[test]
fn the_problem_matcher_reads_the_lines_that_are_written() {
    let matcher: Value =
        serde_json::from_str(&read("integrations/github-action/problem-matcher.json")).unwrap();
    let pattern = &matcher["problemMatcher"][0]["pattern"][0];
    let world = World::new();
    world.file(
        "shop/.env",
        "X=1\nDATABASE_URL=postgres://app:q8Zr1kVb0wXs@db.acme.test/app\n",
    );
    world.get(&["scan", world.path("shop").to_str().unwrap()]);
    let lines = world.get(&["findings", "-o", "lines"]);
    assert!(!lines.is_empty());
    const MATCH: &str = r#"
import json, re, sys
pattern = json.loads(sys.argv[1])
rows = [re.match(pattern["regexp"], line) for line in sys.stdin.read().splitlines()]
print(json.dumps([[row.group(pattern[name]) for name in ("file", "line", "severity", "code")] for row in rows]))
"#;
    let Some(read) = crate::formats::python(MATCH, &[&pattern.to_string()], &lines) else {
        return;
    };
    let read: Value = serde_json::from_str(&read).unwrap();
    // What failed comes before what could not be judged.
    assert_eq!(
        (&read[0][2], &read[0][3]),
        (&"error".into(), &"secret-in-text".into()),
        "{read}"
    );
    let mut rows = read.as_array().unwrap().iter();
    let open = rows.find(|row| row[3] == "open-secret").unwrap();
    assert!(open[0].as_str().unwrap().ends_with("shop/.env"), "{read}");
    assert_eq!(
        (&open[1], &open[2]),
        (&"2".into(), &"note".into()),
        "{read}"
    );
}
