//! CL-12: rule files, ignore files and reports of gitleaks, by real commands.

use std::path::Path;
use std::process::Command;

use crate::world::{Ran, World};

/// Planted; none is real. The first is what the rules of a house know and ours do not.
const HOUSE: &str = "zqhx-Zk3Tq8LwX5vB2nM9";
const OURS: &str = "q8Zr1kVb0wXsPq2L";

/// A rule for the secrets of the house, under this id.
fn rule(id: &str) -> String {
    format!("[[rules]]\nid = \"{id}\"\nregex = 'zqhx-[A-Za-z0-9]{{16}}'\nkeywords = [\"zqhx-\"]\n")
}

fn with_ours(id: &str) -> String {
    format!("[extend]\nuseDefault = true\n{}", rule(id))
}

/// A world with a tree that holds one secret of each kind.
fn tree() -> World {
    let world = World::new();
    world.file("tree/a.txt", &format!("see {HOUSE} there\n"));
    world.file("tree/b.py", &format!("x = 1\npassword = \"{OURS}\"\n"));
    world
}

fn scan(world: &World, more: &[&str]) -> Ran {
    let dir = world.path("tree");
    let call = [&["scan", "--ephemeral", dir.to_str().unwrap()], more].concat();
    let ran = world.run(&call);
    for secret in [HOUSE, OURS] {
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!told.contains(secret), "CL-17: {told}");
    }
    ran
}

/// Which rules found something: `gitleaks:ID`, or one of ours.
fn rules(world: &World, more: &[&str]) -> Vec<String> {
    let dir = world.path("tree");
    let store = world.path(&format!("{}.db", more.len()));
    let store = store.to_str().unwrap();
    let call = [
        &["scan", "-q", "--store", store, dir.to_str().unwrap()],
        more,
    ]
    .concat();
    let ran = world.run(&call);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rows = world.get(&[
        "query",
        "SELECT native FROM sightings",
        "-o",
        "csv",
        "--store",
        store,
    ]);
    for name in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{store}{name}"));
    }
    let natives = rows.lines().skip(1).filter_map(|row| row.split_once('#'));
    let mut rules: Vec<_> = natives
        .filter_map(|(_, rest)| Some(rest.rsplit_once('@')?.0.to_owned()))
        .collect();
    rules.sort();
    rules
}

/// CL-12: flag > `GITLEAKS_CONFIG` > `GITLEAKS_CONFIG_TOML` > our configuration > `.gitleaks.toml`.
#[test]
fn rules_come_from_where_gitleaks_users_expect_them() {
    let mut world = tree();
    let has = |world: &World, more: &[&str], id: &str| {
        let found = rules(world, more);
        let ours = found.iter().any(|one| one == "assigned-password");
        assert!(ours, "ours stay: {found:?}");
        let wanted = format!("gitleaks:{id}");
        let theirs: Vec<_> = found
            .iter()
            .filter(|one| one.starts_with("gitleaks:"))
            .collect();
        assert_eq!(theirs, Vec::from_iter((!id.is_empty()).then_some(&wanted)));
    };
    has(&world, &[], "");
    world.file("tree/.gitleaks.toml", &rule("tree"));
    has(&world, &[], "tree");
    has(&world, &["--no-gitleaks"], "");
    let ours = world.file("ours.toml", &with_ours("configured"));
    world.file(
        "home/.config/keyroll/config.toml",
        &format!("rules = '{}'\n", ours.display()),
    );
    has(&world, &[], "configured");
    world = world.with("GITLEAKS_CONFIG_TOML", &with_ours("content"));
    has(&world, &[], "content");
    let variable = world.file("variable.toml", &with_ours("variable"));
    world = world.with("GITLEAKS_CONFIG", variable.to_str().unwrap());
    has(&world, &[], "variable");
    let flag = world.file("flag.toml", &with_ours("flag"));
    has(&world, &["--rules", flag.to_str().unwrap()], "flag");
    world = world.with("KEYROLL_RULES", flag.to_str().unwrap());
    has(&world, &[], "flag");
}

/// CL-12: what a named file says is done, and said.
#[test]
fn a_named_file_is_in_charge_and_says_so() {
    let world = tree();
    let alone = world.file("alone.toml", &rule("house"));
    let alone = alone.to_str().unwrap();
    assert_eq!(rules(&world, &["--rules", alone]), ["gitleaks:house"]);
    let said = scan(&world, &["--rules", alone]).stderr;
    assert!(
        said.contains("rules: 1 rule of") && said.contains("instead of ours"),
        "{said}"
    );

    let base = world.file("base.toml", &rule("base"));
    let text = format!(
        "[extend]\nuseDefault = true\npath = '{}'\ndisabledRules = [\"assigned-password\"]\n\
         [[allowlists]]\npaths = ['^b\\.py$']\n",
        base.display()
    );
    let over = world.file("over.toml", &text);
    assert_eq!(
        rules(&world, &["--rules", over.to_str().unwrap()]),
        ["gitleaks:base"]
    );

    for (text, told) in [
        ("a = 1\n[[rules]\n", "line 2"),
        ("[[rules]]\nid = \"broken\"\nregex = '('\n", "`broken`"),
    ] {
        let wrong = world.file("wrong.toml", text);
        let ran = scan(&world, &["--rules", wrong.to_str().unwrap()]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
    assert_eq!(scan(&world, &["--rules", "nowhere.toml"]).code, 1);
}

/// CL-12: an allow-list of the tree hides nothing silently.
#[test]
fn what_the_tree_allows_is_counted_and_said() {
    let world = tree();
    for hostile in [
        "[allowlist]\npaths = ['.*']\n",
        "[extend]\ndisabledRules = [\"assigned-password\"]\n",
        "[[rules]]\nid = \"assigned-password\"\n[[rules.allowlists]]\nregexes = ['.*']\n",
    ] {
        world.file("tree/.gitleaks.toml", hostile);
        let ran = scan(&world, &["-o", "table"]);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            told.contains("match allowed by a comment or an allow-list 1"),
            "{hostile}: {told}"
        );
        assert_eq!(
            rules(&world, &["--no-gitleaks"]),
            ["assigned-password"],
            "{hostile}"
        );
    }
    // A rule under the id of one of ours does not take its place.
    let named = "[[rules]]\nid = \"assigned-password\"\nregex = 'never'\n";
    world.file("tree/.gitleaks.toml", named);
    assert_eq!(rules(&world, &[]), ["assigned-password"]);
    // Nor does one of the tree above a directory that was named.
    world.file(".gitleaks.toml", "[allowlist]\npaths = ['.*']\n");
    assert_eq!(rules(&world, &[]), ["assigned-password"]);
}

/// CL-12: a file of the tree that cannot be used is a gap, and ours find what they find.
#[test]
fn a_hostile_file_in_the_tree_is_a_gap_and_nothing_of_it_is_repeated() {
    let world = tree();
    let path = world.path("tree/.gitleaks.toml");
    let gap = |told: &str| {
        let ran = scan(&world, &["-o", "ndjson", "--min-coverage", "100"]);
        assert_eq!(ran.code, 5, "{told}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(rules(&world, &[]), ["assigned-password"], "{told}");
        let store = world.path("kept.db");
        let dir = world.path("tree");
        world.run(&[
            "scan",
            "-q",
            "--store",
            store.to_str().unwrap(),
            dir.to_str().unwrap(),
        ]);
        let gaps = world.get(&["gaps", "-o", "json", "--store", store.to_str().unwrap()]);
        assert!(gaps.contains(told), "{told}: {gaps}");
        assert!(!gaps.contains("root:") && !gaps.contains("zebra"), "{gaps}");
    };
    std::fs::write(&path, "zebra = \"x\"\n[[rules]\n").unwrap();
    gap("line 2 is not of gitleaks' form");
    std::fs::write(&path, b"title = \"\xff\xfe\"\n").unwrap();
    gap("no text in UTF-8");
    std::fs::write(
        &path,
        "[[rules]]\nid = \"zebra\"\nregex = '((\\w{500}){500}){500}'\n",
    )
    .unwrap();
    gap("KiB of regular expressions");
    std::fs::write(&path, "[extend]\npath = \"/etc/passwd\"\n").unwrap();
    gap("extends another file");
    let sparse = std::fs::File::create(&path).unwrap();
    sparse.set_len(100 << 20).unwrap();
    gap("larger than");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    gap("not followed");
    std::fs::remove_file(&path).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    gap("the rules in `.gitleaks.toml` are not used");
}

/// Decision 29: one file that cannot be used is a gap; the tree was read, and there was nothing.
#[test]
fn a_broken_rule_file_alone_in_a_tree_is_a_gap_and_no_failure() {
    let world = World::new();
    world.file("bare/.gitleaks.toml", "[[rules]\n");
    let bare = world.path("bare");
    let ran = world.run(&["scan", bare.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let gaps = world.get(&["gaps", "-o", "json"]);
    assert!(gaps.contains("not of gitleaks' form"), "{gaps}");
}

/// CL-12: `.gitleaksignore` and gitleaks' report know findings as a baseline does.
#[test]
fn what_gitleaks_knows_is_left_out_and_counted() {
    let world = tree();
    let all = scan(&world, &["-o", "ndjson"]).stdout.lines().count();
    assert!(all > 0);
    let report =
        r#"[{"RuleID": "x", "File": "b.py", "StartLine": 2, "Commit": "", "Secret": "s"}]"#;
    let report = world.file("report.json", report);
    let ran = scan(
        &world,
        &["-o", "table", "--baseline", report.to_str().unwrap()],
    );
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        told.contains("known from the baseline and left out"),
        "{told}"
    );
    for (line, known) in [
        ("b.py:generic-api-key:2", true),
        ("b.py:generic-api-key:1", false),
        ("c.py:generic-api-key:2", false),
    ] {
        world.file("tree/.gitleaksignore", &format!("# known\n{line}\n"));
        let ran = scan(&world, &["-o", "table"]);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(
            told.contains("known from `.gitleaksignore` and left out"),
            known,
            "{line}: {told}"
        );
        let left = scan(&world, &["-o", "ndjson"]).stdout.lines().count();
        assert_eq!(left < all, known, "{line}");
        let alone = scan(&world, &["-o", "ndjson", "--no-gitleaks"]);
        assert_eq!(alone.stdout.lines().count(), all, "{line}");
    }
    let none = world.file("none.json", "{\"File\": 1}");
    assert_eq!(
        scan(&world, &["--baseline", none.to_str().unwrap()]).code,
        1
    );
}

/// CL-12: a change of a repository and its history go by the same files.
#[test]
fn changes_and_histories_go_by_the_same_files() {
    let world = tree();
    let dir = world.path("tree");
    git(&dir, &["init", "-q", "-b", "main"]);
    git(&dir, &["add", "-A"]);
    let staged = |more: &[&str]| {
        let call = [
            &[
                "scan",
                dir.to_str().unwrap(),
                "--staged",
                "--fail-on",
                "low",
            ],
            more,
        ]
        .concat();
        world.run(&call)
    };
    let found = |ran: &Ran, n: usize| {
        let rows: Vec<serde_json::Value> = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(rows.len(), n, "{}{}", ran.stdout, ran.stderr);
    };
    found(&staged(&["-o", "json"]), 1);
    world.file("tree/.gitleaks.toml", &rule("house"));
    found(&staged(&["-o", "json"]), 2);
    world.file("tree/.gitleaksignore", "b.py:generic-api-key:2\n");
    let ran = staged(&["-o", "json"]);
    found(&ran, 1);
    assert!(
        ran.stderr
            .contains("1 finding is known from `.gitleaksignore`"),
        "{}",
        ran.stderr
    );
    world.file("tree/.gitleaks.toml", "[allowlist]\npaths = ['^b\\.py$']\n");
    let ran = staged(&["-o", "json"]);
    found(&ran, 0);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("1 match is allowed"), "{}", ran.stderr);

    world.file("tree/.gitleaks.toml", &rule("house"));
    git(&dir, &["commit", "-q", "-m", "Open the shop"]);
    std::fs::remove_file(dir.join("a.txt")).unwrap();
    assert_eq!(
        rules(&world, &[]),
        ["assigned-password", "assigned-password", "gitleaks:house"]
    );
}

fn git(dir: &Path, words: &[&str]) {
    let out = Command::new("git")
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
        .args(words)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}
