//! Comments that allow a secret on their line, where a format and no rule reads it: in a work tree
//! and in a whole history, as in a change (`change::a_line_may_allow_what_stands_on_it`).

use serde_json::Value;

use crate::change::git;
use crate::world::World;

/// Planted; none is real.
const TOKENS: [&str; 2] = [
    "cioWq7Zr1kVb0wXsPq2LmT5n8YcRd3Jf",
    "cioHv4Nb8sLx2KpQz6RtM9wYgD1cJf5E",
];

fn dotenv(password: &str, comment: &str) -> String {
    format!("DATABASE_URL=postgres://app:{password}@db.acme.test/shop{comment}\n")
}

fn cargo(token: &str, comment: &str) -> String {
    format!("[registry]\ntoken = \"{token}\"{comment}\n")
}

/// The files that fail for what lies in them, as paths from the world's directory, and what the
/// scan of `dir` says of what was allowed.
fn leaks(world: &World, dir: &str) -> (Vec<String>, String) {
    let top = world.path("");
    let at = world.path(dir);
    let ran = world.run(&["scan", "-q", at.to_str().unwrap()]);
    let aside = ran.stdout.lines().find_map(|line| {
        let (_, told) = line.split_once("match allowed by a comment or an allow-list ")?;
        Some(told.split(',').next().unwrap_or_default().trim().to_owned())
    });
    let told = world.get(&["findings", "--rule", "secret-in-text", "-o", "json"]);
    let told: Vec<Value> = serde_json::from_str(&told).unwrap();
    let mut paths: Vec<_> = told
        .iter()
        .map(|one| {
            let path = one["path"].as_str().unwrap();
            let path = std::path::Path::new(path).strip_prefix(&top).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .collect();
    paths.sort();
    (paths, aside.unwrap_or_default())
}

#[test]
fn a_comment_allows_what_a_format_reads_in_a_work_tree_and_nothing_else_about_it() {
    let world = World::new();
    let mark = " # keyroll:allow";
    world.file("tree/.env", &dotenv("q8Zr1kVb0wXsPq2L", mark));
    world.file("tree/a/.cargo/credentials.toml", &cargo(TOKENS[0], mark));
    world.file("tree/b/.cargo/credentials.toml", &cargo(TOKENS[1], ""));
    let (paths, aside) = leaks(&world, "tree");
    assert_eq!(paths, ["tree/b/.cargo/credentials.toml"]);
    assert_eq!(aside, "2", "each once, though rules see them as well");
    // It is a credential all the same: what is allowed is that it lies there.
    let listed = world.get(&["ls", "kind=credential", "-o", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.len(), 3, "{listed:?}");
}

#[test]
fn a_comment_allows_what_a_format_reads_in_a_history() {
    let world = World::new();
    let shop = world.path("shop");
    std::fs::create_dir(&shop).unwrap();
    git(&shop, &["init", "-q", "-b", "main"]);
    let mark = " # gitleaks:allow";
    for (path, text) in [
        ("allowed.env", dotenv("q8Zr1kVb0wXsPq2L", mark)),
        ("open.env", dotenv("vT5m0Qz81kLwYb3N", "")),
        // What one commit allows and another does not is not allowed.
        ("once.env", dotenv("Zk7pWm2Xc9Rt4Hs6", mark)),
        ("once.env", dotenv("Zk7pWm2Xc9Rt4Hs6", "")),
        ("allowed.env", "PORT=8080\n".to_owned()),
        ("open.env", "PORT=8080\n".to_owned()),
        ("once.env", "PORT=8080\n".to_owned()),
    ] {
        world.file(&format!("shop/{path}"), &text);
        git(&shop, &["add", "-A"]);
        git(&shop, &["commit", "-q", "-m", "Configure the shop"]);
    }
    let (paths, aside) = leaks(&world, "shop");
    assert_eq!(paths, ["shop/once.env", "shop/open.env"]);
    assert_eq!(aside, "2", "as often as it stands there");
}
