//! What the program says of itself.

use crate::world::World;

/// The verbs that a page of help lists.
pub(crate) fn verbs(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    listed
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_verb_says_what_it_does_and_takes() {
    let world = World::new();
    let top = world.get(&["--help"]);
    insta::assert_snapshot!("help", top);
    for verb in verbs(&top) {
        let help = world.get(&[&verb, "--help"]);
        let mut pages = help.clone();
        for below in verbs(&help) {
            pages.push_str(&format!("\n=== keyroll {verb} {below}\n\n"));
            pages.push_str(&world.get(&[&verb, &below, "--help"]));
        }
        insta::assert_snapshot!(format!("help-{verb}"), pages);
    }
}

#[test]
fn a_completion_script_knows_every_verb() {
    let world = World::new();
    let verbs = verbs(&world.get(&["--help"]));
    assert!(verbs.len() > 20, "{verbs:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish", "nu"] {
        let script = world.get(&["completion", shell]);
        for verb in &verbs {
            assert!(script.contains(verb.as_str()), "{shell} lacks {verb}");
        }
    }
}

#[test]
fn every_verb_has_a_page_in_the_manual() {
    let world = World::new();
    let first = world.get(&["man"]);
    assert!(first.contains(".TH keyroll 1"), "{first}");
    let dir = world.path("man1");
    std::fs::create_dir(&dir).unwrap();
    world.get(&["man", dir.to_str().unwrap()]);
    for verb in verbs(&world.get(&["--help"])) {
        let page = std::fs::read_to_string(dir.join(format!("keyroll-{verb}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{verb}: {page}");
    }
    assert!(dir.join("keyroll-plan-revoke.1").exists());
}

#[test]
fn the_version_is_told_without_reading_anything() {
    let world = World::new().with("KEYROLL_CONFIG_TOML", "this is = no toml =");
    let told = world.get(&["--version"]);
    assert_eq!(told, format!("keyroll {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(std::fs::read_dir(world.path("home")).unwrap().count(), 0);
}
