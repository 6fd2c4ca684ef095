//! No value of a secret leaves: not by any output, not into any file that Keyroll wrote.

use crate::world::{World, files};

/// Planted everywhere. None is real.
const PASSWORD: &str = "q8Zr1kVb0wXsPq2L";
const AWS_SECRET: &str = "wJalrXUtnFEMIqK7MDENGbPxRfiCYzzTESTKEY99";
const TOKEN: &str = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
const NETRC: &str = "netrcS3cretValue77";

fn planted() -> World {
    let world = World::new();
    world.file(
        "repo/.env",
        &format!("DATABASE_URL=postgres://app:{PASSWORD}@127.0.0.1:1/app\nGITHUB_TOKEN={TOKEN}\n"),
    );
    world.file(
        "home/.aws/credentials",
        &format!("[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {AWS_SECRET}\n"),
    );
    world.file(
        "home/.netrc",
        &format!("machine example.com login ann password {NETRC}\n"),
    );
    world.file(
        "home/.git-credentials",
        &format!("https://ann:{TOKEN}@github.example\n"),
    );
    world
}

#[test]
fn no_output_and_no_file_holds_a_planted_secret() {
    let world = planted();
    let repo = world.path("repo");
    let repo = repo.to_str().unwrap();
    let url = format!("postgres://app:{PASSWORD}@127.0.0.1:1/app");
    let mut told = String::new();
    let mut run = |arguments: &[&str]| {
        let ran = world.run(arguments);
        told.push_str(&ran.stdout);
        told.push_str(&ran.stderr);
        ran.code
    };
    assert_eq!(run(&["scan", repo]), 0);
    assert_eq!(run(&["scan"]), 0);
    // A server that is not there, a broken address, a source that is kept: each holds the password.
    run(&["scan", &url]);
    run(&[
        "scan",
        &format!("postgres://app:{PASSWORD}@127.0.0.1:nonsense/app"),
    ]);
    run(&["sources", "add", &url]);
    run(&["--store", &url, "ls"]);
    for format in ["table", "json", "ndjson", "csv", "yaml", "md", "html"] {
        for list in [
            &["ls", "kind=credential"][..],
            &["findings"],
            &["gaps"],
            &["sources", "list"],
            &["diff"],
            &["query", "SELECT * FROM sightings"],
            &["query", "SELECT * FROM versions"],
            &["evidence", "show"],
            &["config", "show"],
        ] {
            let mut arguments = list.to_vec();
            arguments.extend(["-o", format]);
            assert_eq!(run(&arguments), 0, "{arguments:?}");
        }
    }
    run(&["findings", "-o", "sarif"]);
    let ids = world.get(&["ls", "kind=credential", "--json", "id", "-o", "csv"]);
    let ids: Vec<&str> = ids.lines().skip(1).map(str::trim).collect();
    assert!(ids.len() >= 4, "what was planted was found: {ids:?}");
    for id in ids {
        for format in ["table", "json", "html"] {
            assert_eq!(run(&["get", id, "-o", format]), 0);
            assert_eq!(run(&["why", id, "-o", format]), 0);
        }
    }
    assert_eq!(run(&["backup", "roll.backup"]), 0);
    run(&["doctor"]);
    for secret in [PASSWORD, AWS_SECRET, TOKEN, NETRC] {
        // Half of one would be a leak as well.
        for part in [&secret[..secret.len() / 2], &secret[secret.len() / 2..]] {
            assert!(!told.contains(part), "an output shows a part of a secret");
            for (path, bytes) in files(&world.path("")) {
                let planted = [
                    "repo/.env",
                    ".aws/credentials",
                    ".netrc",
                    ".git-credentials",
                ];
                if planted.iter().any(|own| path.ends_with(own)) {
                    continue;
                }
                let holds = bytes
                    .windows(part.len())
                    .any(|window| window == part.as_bytes());
                assert!(!holds, "{} holds a part of a secret", path.display());
            }
        }
    }
}
