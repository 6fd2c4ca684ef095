//! The rules of the command line, CL-1 to CL-25 of ecosystem.md, and what shows each of them.
//!
//! | rule | shown by |
//! |---|---|
//! | CL-1 | here; no socket: `live::without_the_flag_nobody_is_asked_and_no_socket_is_opened` |
//! | CL-2 | `scan` alone: every test here; `demo` and `up` come with the server |
//! | CL-3 | `live::stub_live_dead_and_unknown_are_three_states_and_rank_findings` |
//! | CL-4 | here; what breaks comes with the graph |
//! | CL-5 | `change::a_baseline_is_known_on_every_machine_and_one_more_is_new`, `lists::decisions_are_told_with_their_evidence`, `lists::the_past_is_shown_as_it_was_known` |
//! | CL-6 | `lists::a_query_reads_the_documented_views`; the examples: the store's `query` tests |
//! | CL-7 | here; per connector: the catalogue's `a_denied_source_says_what_would_let_it_be_read` |
//! | CL-8 | `lists::the_past_is_shown_as_it_was_known` |
//! | CL-9 | TOON: `formats::one_run_writes_several_formats_and_filters_what_is_json`; MCP comes with the server |
//! | CL-10 | here |
//! | CL-11 | `change::a_work_tree_that_its_repository_does_not_know_is_not_followed`; the git port's own tests |
//! | CL-12 | `gitleaks`; the forms of rules: the detector's `gitleaks` tests |
//! | CL-13 | here, `variables::colour_follows_the_variables_that_others_set`; in a terminal: the tests of `table.rs` |
//! | CL-14 | `formats` |
//! | CL-15, CL-16 | here |
//! | CL-17 | `planted`, `secrets` |
//! | CL-18 | `outputs::every_output_carries_the_gauge_or_has_it_beside_itself` |
//! | CL-19, CL-20 | `exits::codes_are_what_the_manual_says`, `exits::coverage_gates_findings_and_changes_as_it_gates_scans` |
//! | CL-21 | here, `variables::every_flag_has_a_variable_that_does_the_same`, `configuration::flags_outrank_variables_and_those_outrank_files` |
//! | CL-22 | `configuration` |
//! | CL-23 | `variables::colour_follows_the_variables_that_others_set`, `live::where_nobody_can_agree_nothing_is_sent` |
//! | CL-24 | conventions of others, followed where there is such a thing |
//! | CL-25 | `exits::a_key_file_that_others_may_read_needs_somebody_to_act`, `checks::a_file_is_exposed_by_its_mode_or_by_its_owner` |

use serde_json::Value;

use crate::world::World;

fn rows(told: &str) -> Vec<Value> {
    serde_json::from_str(told).unwrap()
}

/// CL-1: the first line says that nothing is changed and where what is found stays.
#[test]
fn the_first_line_of_a_scan_says_that_it_reads_only() {
    let world = World::new();
    for (arguments, kept) in [
        (&["scan"][..], "what is found stays on this machine"),
        (&["scan", "--ephemeral"], "nothing is kept"),
    ] {
        let ran = world.run(arguments);
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("read-only: no source is changed"),
            "{first}"
        );
        assert!(first.contains(kept), "{first}");
    }
}

/// CL-4: whose it is, and what to type.
#[test]
fn every_finding_says_whose_it_is_and_what_to_do_next() {
    let findings = rows(&World::seeded().get(&["findings", "-o", "json"]));
    assert!(findings.len() > 5);
    for finding in findings {
        let next = finding["next"].as_str().unwrap_or_default();
        assert!(next.starts_with("keyroll "), "{finding}");
        assert!(finding.get("owner").is_some(), "{finding}");
    }
}

/// CL-7: what was refused, and the right that would have let it be read; rights to paste.
#[test]
fn what_was_denied_is_listed_with_the_right_that_is_missing() {
    let world = World::seeded();
    let gaps = rows(&world.get(&["gaps", "-o", "json"]));
    assert!(!gaps.is_empty());
    for gap in gaps {
        assert!(
            gap["needs"].is_string() || gap["reason"] != "denied",
            "{gap}"
        );
    }
    for system in ["aws", "postgres"] {
        assert!(world.get(&["sources", "policy", system]).lines().count() > 5);
    }
}

/// CL-10: what a scan looks at when nothing is named. Contents of directories and repositories
/// are searched where they are named (decision 21).
#[test]
fn a_scan_of_nothing_named_finds_what_tools_keep_at_home() {
    let world = World::new();
    let home = [
        (
            ".aws/credentials",
            "[default]\naws_access_key_id = AKIAQ7ZJ2M5XK3W4N6PV\naws_secret_access_key = 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\n",
        ),
        (
            ".kube/config",
            "apiVersion: v1\nkind: Config\nusers:\n- name: ann\n  user:\n    token: rB4xV9qL2mZ7kT1w\n",
        ),
        (
            ".config/gcloud/application_default_credentials.json",
            r#"{"type": "authorized_user", "client_id": "1.apps.test", "client_secret": "d9Kq2LmX", "refresh_token": "1//r7Vq3ZkT8wLmX2b"}"#,
        ),
        (
            ".azure/service_principal_entries.json",
            r#"[{"client_id": "11111111-2222-3333-4444-555555555555", "tenant": "t", "client_secret": "z8Q~kW2rT5vB9nM4xL7c"}]"#,
        ),
        (
            ".config/gh/hosts.yml",
            "github.com:\n    oauth_token: gho_Zk3Tq8LwX5vB2nM9cR4yU7jF3gD6sA0pE1oI\n    user: ann\n",
        ),
        (
            ".claude.json",
            r#"{"mcpServers": {"shop": {"command": "shop", "env": {"SHOP_TOKEN": "k2W9rT5vB8nM4xL7c"}}}}"#,
        ),
        (".env", "SHOP_PASSWORD=q8Zr1kVb0wXs\n"),
    ];
    for (path, content) in home {
        world.file(&format!("home/{path}"), content);
    }
    world.get(&["scan", "-q"]);
    let roll = world.get(&["query", "SELECT native FROM sightings", "-o", "csv"]);
    for (path, _) in home {
        assert!(roll.contains(path), "{path}: {roll}");
    }
}

/// CL-13: a pipe gets the rows whole.
#[test]
fn a_pipe_gets_rows_whole_and_plain() {
    let world = World::new();
    let name = "n".repeat(300);
    let collection = serde_json::json!({
        "format": "keyroll-collection/1", "source": "inventory:long",
        "started": "2026-11-20T08:00:00Z", "finished": "2026-11-20T08:00:05Z",
        "observations": [{"kind": "identity", "native": "1", "facts": {"name": {"is": name}}}]
    });
    let path = world.file("long.json", &collection.to_string());
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    let table = world.get(&["ls"]);
    assert!(table.contains(&name) && !table.contains('…'), "{table}");
    assert_eq!(table.lines().count(), 2, "a head and a row: {table}");
    assert!(!table.contains('\u{1b}'));
}

/// CL-15 and CL-16: an empty list is `[]`, and what is said of it is on standard error.
#[test]
fn an_empty_list_is_an_empty_array_and_nothing_else() {
    let world = World::new();
    let empty = serde_json::json!({
        "format": "keyroll-collection/1", "source": "inventory:empty",
        "started": "2026-11-20T08:00:00Z", "finished": "2026-11-20T08:00:05Z", "observations": []
    });
    let path = world.file("empty.json", &empty.to_string());
    let scanned = world.run(&[
        "scan",
        &format!("collection:{}", path.display()),
        "-o",
        "json",
    ]);
    assert_eq!((scanned.code, scanned.stdout.as_str()), (0, "[]\n"));
    assert!(
        scanned.stderr.contains("coverage: 1 source read"),
        "{}",
        scanned.stderr
    );
    for call in [
        &["ls"][..],
        &["findings"],
        &["gaps"],
        &["owner", "list"],
        &["owner", "suggest"],
        &["mute", "list"],
        &["plan", "list"],
        &["residual"],
        &["evidence", "show"],
        &["diff", "--from", "2026-11-23"],
        &["query", "SELECT * FROM identities"],
        &["verify-revoked"],
    ] {
        let ran = world.run(&[call, &["-o", "json"]].concat());
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (0, "[]\n"),
            "{call:?}: {}",
            ran.stderr
        );
    }
}

/// CL-21: the nearest `.keyroll.toml` above, then `$XDG_CONFIG_HOME`, key by key.
#[test]
fn the_nearest_file_has_the_first_word() {
    let world = World::new();
    let xdg = world.path("xdg");
    world.file(
        "xdg/keyroll/config.toml",
        "limit = 1\nfail_on = 'low'\nmin_coverage = 5\n",
    );
    world.file("home/.config/keyroll/config.toml", "min_coverage = 9\n");
    world.file(".keyroll.toml", "limit = 2\nfail_on = 'high'\n");
    world.file("home/.keyroll.toml", "limit = 3\n");
    let world = world.with("XDG_CONFIG_HOME", xdg.to_str().unwrap());
    let told = rows(&world.get(&["config", "show", "-o", "json"]));
    let value = |name: &str| {
        let row = told.iter().find(|row| row["setting"] == name);
        row.unwrap()["value"].clone()
    };
    assert_eq!(value("limit"), 3);
    // A project's file is one: those further up are not read.
    assert_eq!(value("fail_on"), "low");
    assert_eq!(value("min_coverage"), 5);
}
