//! Every row of the table, by a file as its tool writes it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A file of a tool.
#[derive(serde::Deserialize)]
struct Case {
    path: String,
    #[serde(default)]
    user: Option<String>,
    text: String,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../testdata/files/cli_tokens/tools.toml");
    let mut all: BTreeMap<String, Vec<Case>> = toml::from_str(text).unwrap();
    all.remove("tool").unwrap()
}

fn read(path: &str, text: &str) -> Seen {
    let mut seen = Seen::default();
    let file = FileAt {
        path,
        bytes: text.as_bytes(),
    };
    assert!(CliTokens.recognises(path, file.name()), "{path}");
    CliTokens.read(&file, &mut seen);
    seen
}

/// The values of a text that begin so.
fn values<'a>(text: &'a str, begin: &str) -> BTreeSet<&'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with(begin))
        .collect()
}

#[test]
fn every_tool_s_secrets_are_found_and_nothing_else_of_its_file() {
    for case in cases() {
        let seen = read(&case.path, &case.text);
        assert!(seen.gaps.is_empty(), "{}: {:?}", case.path, seen.gaps);
        let found: BTreeSet<_> = seen
            .found
            .iter()
            .filter_map(|one| std::str::from_utf8(one.secret.as_ref()?.expose()).ok())
            .collect();
        assert_eq!(found, values(&case.text, "yes-"), "{}", case.path);
        let users = seen.found.iter().filter_map(|one| {
            let user = one.told.fact(&Attribute::USER);
            user.is().and_then(|user| user.text())
        });
        let users: Vec<_> = users.collect();
        let told = case.user.as_deref();
        assert!(
            told.is_none_or(|user| users.contains(&user)),
            "{}: {users:?}",
            case.path
        );
        for one in &seen.found {
            assert!(
                one.told.facts.contains_key(&Attribute::PROVIDER),
                "{}",
                case.path
            );
        }
    }
}

#[test]
fn every_tool_of_the_table_has_a_file_here_that_another_place_does_not_make_one() {
    let cases = cases();
    for tool in TOOLS {
        let of_it = |case: &&Case| {
            tool_of(&case.path, name_of(&case.path)).is_some_and(|one| one.path == tool.path)
        };
        let case = cases.iter().find(of_it);
        assert!(case.is_some(), "{} has no case", tool.path);
        let elsewhere = format!("/srv/other/not-{}", name_of(tool.path).replace('*', "x"));
        assert!(
            tool_of(&elsewhere, name_of(&elsewhere)).is_none(),
            "{elsewhere}"
        );
    }
}

#[test]
fn what_another_place_holds_is_left_to_that_place() {
    for text in [
        "credentials \"app.terraform.io\" {\n  token = var.token\n}\n",
        "credentials \"app.terraform.io\" {\n  token = \"changeme\"\n}\n",
    ] {
        assert!(
            read("/home/ann/.terraformrc", text).found.is_empty(),
            "{text}"
        );
    }
}
