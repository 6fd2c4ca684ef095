//! The manual agrees with the catalogues.
//!
//! `docs/sources/README.md` is made of what connectors and formats say of themselves; where it
//! differs, `KEYROLL_WRITE_MANUAL=1 cargo test -p connectors --test catalog manual` writes it.

use std::fmt::Write;
use std::path::PathBuf;

use connectors::{Connector as _, catalog, described};

use connectors::formats::FORMATS;

fn manual(page: &str) -> PathBuf {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sources");
    PathBuf::from(docs).join(format!("{page}.md"))
}

/// Pages that tell of several formats, and of one whose name is that of a system's page. What is
/// not listed here has a page of its own name.
const PAGES: &[(&str, &[&str])] = &[
    ("keys", &["x509", "private_key"]),
    (
        "ssh",
        &[
            "ssh_public_key",
            "authorized_keys",
            "ssh_certificate",
            "known_hosts",
        ],
    ),
    ("aws_files", &["aws_profile", "aws_cache"]),
    (
        "stored_logins",
        &["pgpass", "netrc", "git_credentials", "gh_hosts"],
    ),
    (
        "registries",
        &[
            "npmrc",
            "pypirc",
            "cargo_credentials",
            "docker_config",
            "maven_settings",
            "gem_credentials",
        ],
    ),
    ("gcloud", &["gcloud", "gcloud_store"]),
    ("azure_cli", &["azure"]),
    (
        "ci",
        &[
            "github_actions",
            "gitlab_ci",
            "jenkins",
            "azure_pipelines",
            "circleci",
            "buildkite",
            "drone",
            "bitbucket_pipelines",
        ],
    ),
    ("containers", &["dockerfile", "compose"]),
    ("images", &["image_config"]),
    ("imports", &["cyclonedx", "sarif"]),
    (
        "terraform",
        &["terraform_plan", "terraform_state", "terraform_config"],
    ),
    ("systemd_unit", &["systemd_unit", "credstore"]),
    (
        "windows",
        &[
            "windows_task",
            "windows_service",
            "registry_export",
            "unattend",
            "group_policy",
            "dotnet_config",
        ],
    ),
];

/// The page that tells of a format.
fn page_of(format: &str) -> &str {
    let shared = PAGES.iter().find(|(_, formats)| formats.contains(&format));
    shared.map_or(format, |(page, _)| *page)
}

#[test]
fn each_format_has_a_page_that_is_none_of_a_system_and_one_that_is_shared_names_it() {
    let systems: Vec<_> = catalog().map(|one| one.spec().name).collect();
    let mut wrong = Vec::new();
    for format in FORMATS {
        let name = format.spec().name;
        let page = page_of(name);
        if systems.contains(&page) {
            wrong.push(format!("{name}: {page}.md is the page of a system"));
        }
        let text = std::fs::read_to_string(manual(page)).unwrap_or_default();
        let shared = page != name || PAGES.iter().any(|(one, _)| *one == page);
        let named = !shared || text.contains(&format!("`{name}`"));
        if !text.starts_with("# ") || !named {
            wrong.push(format!(
                "{name}: docs/sources/{page}.md does not tell of it"
            ));
        }
    }
    for (_, formats) in PAGES {
        let unknown = formats
            .iter()
            .filter(|name| !FORMATS.iter().any(|one| one.spec().name == **name));
        wrong.extend(unknown.map(|name| format!("there is no format {name}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn catalogue() -> String {
    let mut text = String::from(
        "# Sources\n\nWhat Keyroll reads, as the program says of itself.\n\n\
         | source | reads | named by | can revoke |\n|---|---|---|---|\n",
    );
    for connector in catalog() {
        let spec = connector.spec();
        let name = spec.name;
        let acts = if connector.revoker().is_some() {
            "yes"
        } else {
            "no"
        };
        writeln!(
            text,
            "| [`{name}`]({name}.md) | {} | `{}` | {acts} |",
            spec.reads, spec.named
        )
        .unwrap();
    }
    text.push_str(
        "\nAny other program can push a [collection](../reference/collection.md): \
         `collection:FILE`.\n\n## Formats of files\n\n\
         Told wherever files are read: in directories, histories, archives and images, and in the \
         usual places of this machine, where that says so.\n\n\
         | format | reads | usual places |\n|---|---|---|\n",
    );
    for format in FORMATS {
        let spec = format.spec();
        let title = format!("[`{}`]({}.md)", spec.name, page_of(spec.name));
        let places: Vec<_> = spec.places.iter().map(|one| format!("`{one}`")).collect();
        writeln!(text, "| {title} | {} | {} |", spec.reads, places.join(", ")).unwrap();
    }
    text
}

#[test]
fn the_list_of_sources_is_what_the_catalogues_say() {
    let path = manual("README");
    let wanted = catalogue();
    if std::env::var_os("KEYROLL_WRITE_MANUAL").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == wanted,
        "{} differs; KEYROLL_WRITE_MANUAL=1 writes it",
        path.display()
    );
}

#[test]
fn the_page_of_a_described_system_is_what_its_description_says() {
    let mut differ = Vec::new();
    for one in described() {
        let path = manual(one.spec().name);
        if std::env::var_os("KEYROLL_WRITE_MANUAL").is_some() {
            std::fs::write(&path, one.page()).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != one.page() {
            differ.push(path);
        }
    }
    assert!(
        differ.is_empty(),
        "KEYROLL_WRITE_MANUAL=1 writes {differ:?}"
    );
}

#[test]
fn each_source_has_a_page_with_every_right_that_it_wants() {
    let mut lacking = Vec::new();
    for connector in catalog() {
        let spec = connector.spec();
        let page = std::fs::read_to_string(manual(spec.name)).unwrap_or_default();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = words(&page);
        for right in spec.needs_to_discover.iter().chain(spec.needs_to_act) {
            if !page.contains(&words(right)) {
                lacking.push(format!("{}: `{right}`", spec.name));
            }
        }
    }
    assert!(lacking.is_empty(), "not in their pages: {lacking:#?}");
}
