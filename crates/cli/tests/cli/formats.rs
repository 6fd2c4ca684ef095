//! Formats with a standard of their own, held to what others have published: schemas and readers.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::World;

/// What a program of the tests' Python says to `input`; it must succeed.
pub(crate) fn python(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut child = Command::new(testkit::python()?)
        .args(["-c", program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}\n{input}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Holds a document to a schema; prints each violation and fails if there is one.
const VALIDATE: &str = r#"
import json, sys
from jsonschema import validators
from jsonschema.validators import validator_for
document, schema = json.load(sys.stdin), json.load(open(sys.argv[1]))
store = {}
for path in sys.argv[2:]:
    other = json.load(open(path))
    store[other["$id"]] = other
from referencing import Registry, Resource
registry = Registry().with_resources((id, Resource.from_contents(one)) for id, one in store.items())
kind = validator_for(schema)
kind.check_schema(schema)
wrong = [f"{error.json_path}: {error.message}" for error in kind(schema, registry=registry).iter_errors(document)]
print("\n".join(wrong), file=sys.stderr)
sys.exit(bool(wrong))
"#;

/// Where the schemas of CycloneDX lie that its Python library ships.
const CYCLONEDX: &str = "import cyclonedx.schema._res as r; print(list(r.__path__)[0])";

/// The schema that serde-sarif is made from, in the registry's copy of its sources.
fn sarif_schema() -> PathBuf {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let rustc = String::from_utf8(rustc).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .other_options(
            // Offline, there are only the crates of this machine's own platform.
            ["--offline", "--locked", "--filter-platform", host.unwrap()].map(str::to_owned),
        )
        .exec()
        .unwrap();
    let found = metadata
        .packages
        .iter()
        .find(|one| one.name == "serde-sarif");
    let manifest = found.unwrap().manifest_path.clone().into_std_path_buf();
    manifest.with_file_name("src").join("schema.json")
}

#[test]
fn sarif_holds_to_its_published_schema() {
    let world = World::seeded();
    world.file(
        "shop/.env",
        "A=1\nDATABASE_URL=postgres://app:q8Zr1kVb0wXs@db.acme.test/app\n",
    );
    for arguments in [
        &["findings", "-o", "sarif"][..],
        &["findings", "--rule", "unowned", "-o", "sarif"],
        // Findings that lie in files, FM-3.
        &["scan", "--ephemeral", "../shop", "-o", "sarif"],
    ] {
        let log = world.get(arguments);
        let typed: serde_sarif::sarif::Sarif = serde_json::from_str(&log).unwrap();
        assert_eq!(typed.runs.len(), 1);
        let read: Value = serde_json::from_str(&log).unwrap();
        for result in read["runs"][0]["results"].as_array().unwrap() {
            let prints = &result["partialFingerprints"];
            let hash = prints["primaryLocationLineHash"].as_str().unwrap();
            assert!(hash.starts_with("fpr-") && hash.contains(':'), "{result}");
            let place = &result["locations"][0]["physicalLocation"];
            assert!(place["region"]["startLine"].is_u64(), "{result}");
        }
        for rule in read["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
        {
            assert!(rule["help"]["text"].is_string() && rule["help"]["markdown"].is_string());
            assert!(rule["defaultConfiguration"]["level"].is_string(), "{rule}");
            assert!(
                rule["properties"]["security-severity"].is_string(),
                "{rule}"
            );
        }
        let schema = sarif_schema();
        if python(VALIDATE, &[schema.to_str().unwrap()], &log).is_none() {
            return;
        }
    }
}

/// FM-15.
#[test]
fn cyclonedx_holds_to_its_published_schema_and_has_no_value() {
    let world = World::seeded();
    for filter in ["kind=credential", "nothing-is-called-so"] {
        let bill = world.get(&["ls", filter, "-o", "cyclonedx"]);
        assert!(!bill.contains("\"value\":\"crd"), "{bill}");
        let read: Value = serde_json::from_str(&bill).unwrap();
        for one in read["components"].as_array().unwrap() {
            let material = &one["cryptoProperties"]["relatedCryptoMaterialProperties"];
            assert!(material.get("value").is_none(), "{one}");
        }
        let Some(dir) = python(CYCLONEDX, &[], "") else {
            return;
        };
        let at = |name: &str| format!("{}/{name}.SNAPSHOT.schema.json", dir.trim());
        let others = ["spdx", "jsf-0.82", "cryptography-defs"].map(at);
        let mut arguments = vec![at("bom-1.7")];
        arguments.extend(others);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        python(VALIDATE, &arguments, &bill);
    }
}

#[test]
fn parquet_is_read_by_another_engine_with_the_types_it_was_written_with() {
    let world = World::seeded();
    let file = world.path("roll.parquet");
    let file = file.to_str().unwrap();
    world.get(&[
        "ls",
        "kind=credential",
        "-o",
        &format!("parquet={file}"),
        "-o",
        "ndjson",
    ]);
    const READ: &str = r#"
import duckdb, json, sys
rows = duckdb.sql(f"select name, expires_at::varchar, expires_at_never, sources, typeof(expires_at), typeof(sources) from '{sys.argv[1]}' order by name")
print(json.dumps(rows.fetchall()))
"#;
    let Some(read) = python(READ, &[file], "") else {
        return;
    };
    let read: Value = serde_json::from_str(&read).unwrap();
    let (time, count) = ("TIMESTAMP WITH TIME ZONE", "BIGINT");
    assert_eq!(read[0][0], "api.acme.example");
    assert_eq!(
        read[0].as_array().unwrap()[2..],
        [json!(false), json!(1), json!(time), json!(count)]
    );
}

/// FM-6 to FM-9: what every event must have, and a class that the release knows.
#[test]
fn ocsf_events_have_what_their_classes_require() {
    let world = World::seeded();
    let classes =
        json!({"2003": "compliance", "2008": "identity_activity_metrics", "5003": "user"});
    for (arguments, version) in [
        (&["findings", "-o", "ocsf"][..], "1.8.0"),
        (
            &["findings", "-o", "ocsf", "--ocsf-version", "1.9.0"],
            "1.9.0",
        ),
        (&["ls", "-o", "ocsf"], "1.8.0"),
    ] {
        let told = world.get(arguments);
        assert!(!told.is_empty() && !told.contains("null"), "{told}");
        for line in told.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            for name in [
                "activity_id",
                "category_uid",
                "class_uid",
                "severity_id",
                "time",
                "type_uid",
            ] {
                assert!(event[name].is_u64(), "{name}: {event}");
            }
            let class = event["class_uid"].as_u64().unwrap();
            let activity = event["activity_id"].as_u64().unwrap();
            assert_eq!(event["type_uid"], class * 100 + activity);
            assert_eq!(event["category_uid"], class / 1000);
            assert_eq!(event["metadata"]["version"], version);
            assert_eq!(event["metadata"]["product"]["name"], "Keyroll");
            assert_eq!(
                event["time"], 1_795_435_200_000_u64,
                "milliseconds, not microseconds"
            );
            let required = classes[class.to_string()].as_str().unwrap();
            assert!(
                event[required]
                    .as_object()
                    .is_some_and(|map| !map.is_empty()),
                "{event}"
            );
            if class != 5003 {
                assert!(event["finding_info"]["uid"].is_string(), "{event}");
            }
            if class == 2003 {
                let compliance = &event["compliance"];
                assert_eq!(compliance["status_id"], 0, "unknown is never pass: {event}");
                assert!(!compliance["standards"].as_array().unwrap().is_empty());
            }
        }
    }
    let wrong = world.run(&["findings", "-o", "ocsf", "--ocsf-version", "1.7.0"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
}

/// CL-14.
#[test]
fn one_run_writes_several_formats_and_filters_what_is_json() {
    let world = World::seeded();
    let csv = world.path("roll.csv");
    let html = world.path("roll.html");
    let toon = world.path("roll.toon");
    let target = |format: &str, path: &std::path::Path| format!("{format}={}", path.display());
    let (csv_, html_, toon_) = (
        target("csv", &csv),
        target("html", &html),
        target("toon", &toon),
    );
    let told = world.get(&[
        "ls", "-o", &csv_, "-o", &html_, "-o", &toon_, "-o", "ndjson", "--jq", ".name",
    ]);
    let names: Vec<&str> = told.lines().collect();
    assert_eq!(names.len(), 4, "{told}");
    assert!(names.contains(&"billing-worker"));
    let toon: Value = toon_format::decode_strict(&std::fs::read_to_string(toon).unwrap()).unwrap();
    assert_eq!(toon.as_array().unwrap().len(), 4);
    for file in [csv, html] {
        assert!(
            std::fs::read_to_string(file)
                .unwrap()
                .contains("billing-worker")
        );
    }
    let all = world.get(&["findings", "-o", "json"]);
    let medium = all.matches("\"severity\":\"medium\"").count();
    let filter = "map(select(.severity == \"medium\")) | length";
    let count = world.get(&["findings", "--json", "severity", "--jq", filter]);
    assert!(medium > 0);
    assert_eq!(count, format!("{medium}\n"));
    assert_eq!(world.get(&["get", "ci", "--jq", ".name"]), "ci\n");
    assert_eq!(
        world.get(&["ls", "nothing-is-called-so", "--jq", "."]),
        "[]\n",
        "CL-15"
    );
    for wrong in [
        &["ls", "--jq", ".["][..],
        &["ls", "-o", "csv", "--jq", "."],
        &["gaps", "-o", "cyclonedx"],
        &["get", "ci", "-o", "parquet"],
    ] {
        let ran = world.run(wrong);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (2, ""),
            "{wrong:?}: {}",
            ran.stderr
        );
    }
}
