//! Exit codes and errors (ecosystem.md 1.4, CL-19, CL-20).

use std::io::Read;
use std::process::Stdio;

use crate::world::{World, files};

#[test]
fn what_cannot_be_understood_is_told_with_what_to_type_instead() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "errors",
        world.session(&[
            &["lss"],
            &["ls", "clas=workload"],
            &["ls", "class=worklod"],
            &["ls", "expires<soon"],
            &["ls", "--jq", ".["],
            &["ls", "-o", "tabel"],
            &["ls", "-o", "json", "-o", "csv"],
            &["ls", "--json", "id,nam"],
            &["ls", "-o", "sarif"],
            &["get", "nobody"],
            &["get", "ci", "-o", "csv"],
            &["findings", "--rule", "expird"],
            &[
                "mute", "add", "fnd-0", "--reason", "x", "--until", "whenever"
            ],
            &["apply", "pln-000000"],
            &["query", "DROP TABLE entity"],
            &["scan", "no/such/place"],
            &["sources", "remove", "postgres_roles:db.example:5432"],
            &["diff", "--from", "2026-11-22", "--to", "2026-11-21"],
            &["--store", "mysql://x/y", "ls"],
            &["--store", "elsewhere.db", "ls"],
        ])
    );
}

#[test]
fn codes_are_what_the_manual_says() {
    let world = World::seeded();
    let code = |arguments: &[&str]| world.run(arguments).code;
    assert_eq!(
        code(&["findings"]),
        0,
        "findings alone are no reason to fail (CL-19)"
    );
    assert_eq!(code(&["findings", "--fail-on", "info"]), 3);
    assert_eq!(
        code(&["findings", "--fail-on", "info", "--rule", "open-secret"]),
        0,
        "unknown is no failure"
    );
    assert_eq!(code(&["ls", "--nonsense"]), 2);
    assert_eq!(code(&["get", "nobody"]), 1);
    // A server that nobody is listening at: the source was named and failed wholly (decision 29).
    let down = "postgres://ann@127.0.0.1:1/x";
    assert_eq!(code(&["scan", "--no-remember", down]), 5);
    assert_eq!(code(&["scan", "--no-remember", "--allow-partial", down]), 0);
    assert_eq!(
        code(&["scan", "--no-remember", "--fail-on", "info", down]),
        5,
        "5 outranks 3 (CL-20)"
    );
    assert_eq!(
        code(&[
            "scan",
            "--no-remember",
            "--allow-partial",
            "--fail-on",
            "info",
            down
        ]),
        3
    );
}

#[test]
fn numbers_that_are_none_are_told_as_such() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "numbers",
        world.session(&[
            &["ls", "--limit", "-1"],
            &["ls", "--limit", "many"],
            &["findings", "--min-coverage", "101"],
            &["evidence", "export", "-", "--from", "-3"],
            &["ls", "--as-of", "yesterday"],
        ])
    );
}

#[test]
fn a_backup_and_a_bundle_write_over_nothing() {
    let world = World::seeded();
    world.get(&["owner", "set", "ci", "ann"]);
    let there = world.file("there", "as it was");
    let there_ = there.to_str().unwrap();
    for (arguments, code) in [
        (&["backup", there_][..], 2),
        (&["evidence", "export", there_], 1),
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert_eq!(std::fs::read_to_string(&there).unwrap(), "as it was");
    }
}

/// A gate that was asked for holds in every command that takes it.
#[test]
fn coverage_gates_findings_and_changes_as_it_gates_scans() {
    let world = World::seeded();
    let code = |arguments: &[&str]| world.run(arguments).code;
    let few = ["findings", "-q", "--min-coverage", "50"];
    let all = ["findings", "-q", "--min-coverage", "100"];
    assert_eq!((code(&few), code(&all)), (0, 5), "the seed has one gap");
    assert_eq!(code(&[&all[..], &["--allow-partial"]].concat()), 0);
    let both = [&all[..], &["--fail-on", "info"]].concat();
    assert_eq!(code(&both), 5, "5 outranks 3 (CL-20)");
}

#[test]
fn help_that_goes_nowhere_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let world = World::new();
    let status = world
        .command(&["--help"])
        .stdout(Stdio::from(full.unwrap()))
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
}

#[test]
fn a_key_file_that_others_may_read_needs_somebody_to_act() {
    let world = World::seeded();
    let key = world.path("home/.local/share/keyroll/keyroll.fingerprint-key");
    let mut mode = std::fs::metadata(&key).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o644);
    std::fs::set_permissions(&key, mode).unwrap();
    let ran = world.run(&["findings"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("chmod 600"), "{}", ran.stderr);
    assert_eq!(world.run(&["doctor"]).code, 1);
}

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    let world = World::seeded();
    let mut child = world
        .command(&["ls", "-o", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Gone before anything was written.
    drop(child.stdout.take());
    let mut told = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{told}");
    assert!(!told.contains("error"), "{told}");
}

#[test]
fn an_ephemeral_scan_leaves_nothing_behind() {
    let world = World::new();
    world.file(
        "repo/.env",
        "DATABASE_URL=postgres://app:q8Zr1kVb0wXs@db.example/app\n",
    );
    let out = world.path("out.sarif");
    let ran = world.run(&[
        "scan",
        "--ephemeral",
        world.path("repo").to_str().unwrap(),
        "-o",
        "table",
        "-o",
        &format!("sarif={}", out.display()),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing is kept"), "{}", ran.stderr);
    let log: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let left: Vec<_> = files(world.path("").as_path())
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| !path.ends_with(".env") && !path.ends_with("out.sarif"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_a_roll_a_question_makes_none() {
    let world = World::new();
    let ran = world.run(&["ls"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("keyroll scan"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(world.path("home")).unwrap().count(), 0);
}

#[test]
fn a_roll_that_cannot_be_looked_for_is_not_called_missing() {
    let world = World::new();
    let below_a_file = world.file("home/notes.txt", "x").join("roll.db");
    let ran = world.run(&["ls", "--store", below_a_file.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("cannot look for a roll"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("yet"), "{}", ran.stderr);
}

/// Each says what it is, and nothing of it is touched.
#[test]
fn a_store_that_is_none_is_told_in_one_sentence_and_left_alone() {
    let world = World::seeded();
    let whole = world.path("home/.local/share/keyroll/keyroll.db");
    let whole = std::fs::read(whole).unwrap();
    let private = |name: &str, bytes: &[u8]| {
        let path = world.path(name);
        std::fs::write(&path, bytes).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).unwrap();
        path
    };
    std::fs::create_dir(world.path("dir.db")).unwrap();
    for (path, told) in [
        (private("cut.db", &whole[..3000]), "cut off"),
        (private("noise.db", &[0x5a; 8192]), "does not read back"),
        (world.path("dir.db"), "not a file"),
    ] {
        let before = path.is_file().then(|| std::fs::read(&path).unwrap());
        for command in ["ls", "scan"] {
            let ran = world.run(&[command, "--store", path.to_str().unwrap()]);
            assert_eq!(ran.code, 1, "{}", ran.stderr);
            assert!(ran.stderr.contains(told), "{}", ran.stderr);
        }
        let after = path.is_file().then(|| std::fs::read(&path).unwrap());
        assert_eq!(before, after);
    }
}
