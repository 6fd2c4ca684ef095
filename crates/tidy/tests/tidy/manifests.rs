//! Every crate is set up like every other.

use tidy::files;

use crate::layers::PURE;

#[test]
fn every_crate_takes_lints_and_edition_from_the_workspace() {
    let manifests = files(|path| path.starts_with("crates/") && path.ends_with("/Cargo.toml"));
    assert!(!manifests.is_empty());
    for manifest in manifests {
        for wanted in [
            "[lints]\nworkspace = true",
            "version.workspace = true",
            "edition.workspace = true",
            "rust-version.workspace = true",
            "license.workspace = true",
            "publish.workspace = true",
        ] {
            assert!(
                manifest.text.contains(wanted),
                "{} lacks `{wanted}`",
                manifest.path
            );
        }
    }
}

/// Versions and features stand in the workspace's table alone.
#[test]
fn no_crate_names_a_version_or_a_path_of_its_own() {
    for manifest in files(|path| path.starts_with("crates/") && path.ends_with("/Cargo.toml")) {
        let tables = manifest.text.split("\n[").filter(|table| {
            let head = table.lines().next().unwrap_or_default();
            head.ends_with("dependencies]")
        });
        for table in tables {
            for line in table.lines().skip(1).filter(|line| line.contains('=')) {
                assert!(
                    line.contains("workspace = true") || line.trim_start().starts_with('#'),
                    "{}: expected `workspace = true`, got `{line}`",
                    manifest.path
                );
            }
        }
    }
}

/// Below the line a crate may ban more, never less.
#[test]
fn every_pure_crate_has_the_ban_file() {
    let mut common = None;
    for name in PURE {
        let path = format!("crates/{name}/clippy.toml");
        let [file] = &files(|one| one == path)[..] else {
            panic!("expected a ban file at `{path}`");
        };
        let (part, _) = file
            .text
            .split_once("\n# ---\n")
            .unwrap_or_else(|| panic!("expected the line `# ---` in `{path}`"));
        let first = common.get_or_insert_with(|| part.to_owned());
        assert_eq!(
            first, part,
            "`{path}` differs from the ban file of `{}`",
            PURE[0]
        );
    }
}

#[test]
fn the_workspace_denies_what_the_contributing_guide_says() {
    let [file] = &files(|path| path == "Cargo.toml")[..] else {
        panic!("expected a manifest at the root");
    };
    for wanted in [
        "unsafe_code = \"forbid\"",
        "unwrap_used = \"deny\"",
        "expect_used = \"deny\"",
        "print_stdout = \"deny\"",
        "disallowed_methods = \"deny\"",
        "disallowed_types = \"deny\"",
        "allow_attributes_without_reason = \"deny\"",
        "too_many_lines = \"deny\"",
    ] {
        assert!(file.text.contains(wanted), "Cargo.toml lacks `{wanted}`");
    }
}
