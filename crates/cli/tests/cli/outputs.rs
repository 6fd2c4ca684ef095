//! Outputs as files and pipes: each is there whole or not at all, and says what it stands on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::world::{World, files};

fn to(format: &str, path: &Path) -> String {
    format!("{format}={}", path.display())
}

/// CL-18: each format carries the gauge, or `-o gauge` writes it beside it.
#[test]
fn every_output_carries_the_gauge_or_has_it_beside_itself() {
    let world = World::seeded();
    let beside = world.path("gauge.json");
    let out = world.path("out");
    for (call, format, carries) in [
        ("ls", "table", true),
        ("ls", "yaml", true),
        ("ls", "md", true),
        ("ls", "html", true),
        ("ls", "cyclonedx", true),
        ("ls", "parquet", true),
        ("ls", "ocsf", true),
        ("findings", "html", true),
        ("findings", "sarif", true),
        ("findings", "ocsf", true),
        ("ls", "json", false),
        ("ls", "ndjson", false),
        ("ls", "csv", false),
        ("ls", "toon", false),
        ("findings", "lines", false),
        ("findings", "codequality", false),
    ] {
        world.get(&[
            call,
            "-q",
            "-o",
            &to(format, &out),
            "-o",
            &to("gauge", &beside),
        ]);
        let written = String::from_utf8_lossy(&fs::read(&out).unwrap()).into_owned();
        let told = match format {
            "ocsf" => r#""gauge":{"sources":1,"gaps":1}"#,
            _ => "coverage: 1 source read, 1 gap",
        };
        assert_eq!(
            written.contains(told),
            carries,
            "{call} -o {format}: {written}"
        );
        let gauge: Value = serde_json::from_slice(&fs::read(&beside).unwrap()).unwrap();
        assert_eq!((&gauge["sources"], &gauge["gaps"]), (&json!(1), &json!(1)));
    }
    world.get(&["ls", "--limit", "1", "-o", &to("gauge", &beside)]);
    let gauge: Value = serde_json::from_slice(&fs::read(&beside).unwrap()).unwrap();
    assert_eq!(gauge["rows"], 1);
    assert!(gauge["rows_in_all"].as_u64().unwrap() > 1, "{gauge}");
    // One thing is an object, which has a place for it; a list of settings says nothing of the world.
    let page: Value = serde_json::from_str(&world.get(&["get", "ci", "-o", "json"])).unwrap();
    assert_eq!(page["gauge"]["gaps"], 1);
    assert_eq!(world.get(&["mute", "list", "-o", "gauge"]), "null\n");
}

/// Whoever reads a file of ours reads all of it, and what was there before stays until then.
#[test]
fn a_file_is_written_whole_or_stays_as_it_was() {
    let world = World::seeded();
    let file = world.file("roll.json", "as it was");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let arguments = ["ls", "-o", "table", "-o", &to("json", &file)];
    let status = world.command(&arguments).stdout(Stdio::from(full)).status();
    assert_eq!(status.unwrap().code(), Some(1));
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");

    let link = world.path("link.json");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    world.get(&["ls", "-o", &to("json", &link)]);
    let rows: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert!(rows.as_array().is_some_and(|rows| !rows.is_empty()));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    let left: Vec<_> = files(&world.path(""))
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A scan may take an hour: where its answer cannot go is said before it begins.
#[test]
fn a_place_that_takes_no_output_is_refused_before_anything_is_read() {
    let world = World::new();
    let repo = world.file("repo/.env", "A=b\n");
    let repo = repo.parent().unwrap().to_str().unwrap();
    for wrong in ["json=.", "json=no/such/directory/roll.json"] {
        let ran = world.run(&["scan", repo, "-o", wrong]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("director"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("read-only"), "{}", ran.stderr);
    }
    let twice = world.run(&["scan", repo, "-o", "json=a", "-o", "csv=./a"]);
    assert!(
        twice.code == 2 && twice.stderr.contains("twice"),
        "{}",
        twice.stderr
    );
}

/// CL-19 in a pipe: `| head` neither hides a gate nor keeps a file from being written.
#[test]
fn a_reader_who_leaves_early_changes_neither_the_code_nor_the_files() {
    let world = World::seeded();
    let out = world.path("findings.json");
    let gone = |arguments: &[&str]| {
        let mut child = world
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.wait().unwrap().code()
    };
    assert_eq!(gone(&["findings", "--fail-on", "info"]), Some(3));
    let both = [
        "findings",
        "--fail-on",
        "info",
        "-o",
        "table",
        "-o",
        &to("json", &out),
    ];
    assert_eq!(gone(&both), Some(3));
    let rows: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert!(!rows.as_array().unwrap().is_empty());
}
