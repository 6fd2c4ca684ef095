//! What a change brings, asked of repositories that the real git makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::World;

/// Planted; none is real.
const OLD: &str = "q8Zr1kVb0wXsPq2L";
const NEW: &str = "vT5m0Qz81kLwYb3N";

/// A repository in a world's directory `shop`.
struct Shop {
    world: World,
    dir: PathBuf,
}

impl Shop {
    /// With one commit that holds a password already.
    fn new() -> Self {
        let world = World::new();
        let dir = world.path("shop");
        std::fs::create_dir(&dir).unwrap();
        let shop = Self { world, dir };
        shop.git(&["init", "-q", "-b", "main"]);
        shop.file(".env", &format!("DATABASE_URL={}\n", url("app", OLD)));
        shop.file("README.md", "The shop.\n");
        shop.commit("Open the shop");
        shop
    }

    fn git(&self, words: &[&str]) -> String {
        git(&self.dir, words)
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// What a scan of the change says: code, standard output, standard error.
    fn scan(&self, arguments: &[&str]) -> (i32, String, String) {
        scan(&self.world, &self.dir, arguments, &[])
    }
}

fn scan(
    world: &World,
    dir: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (i32, String, String) {
    let mut command = world.command(&["scan"]);
    let output = command
        .args(arguments)
        .current_dir(dir)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    for secret in [OLD, NEW] {
        assert!(
            !stdout.contains(secret) && !stderr.contains(secret),
            "CL-17"
        );
    }
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

pub(crate) fn git(dir: &Path, words: &[&str]) -> String {
    let out = Command::new("git")
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", "2026-11-20T08:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-11-20T08:00:00Z")
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
        .args(words)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "git {words:?}: {told}");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn url(user: &str, password: &str) -> String {
    format!("postgres://{user}:{password}@db.acme.test/shop")
}

#[test]
fn a_staged_secret_is_one_line_with_what_to_do_and_stops_the_commit() {
    let shop = Shop::new();
    shop.file(
        "api/.env",
        &format!("X=1\nORDERS_URL={}\n", url("orders", NEW)),
    );
    shop.git(&["add", "-A"]);
    let (code, stdout, stderr) = shop.scan(&["--staged", "--fail-on", "low"]);
    assert_eq!(code, 3, "{stderr}");
    insta::assert_snapshot!("staged", format!("{stdout}--- stderr\n{stderr}"));
    let (code, ..) = shop.scan(&["--staged"]);
    assert_eq!(code, 0, "CL-19: 3 only where a gate was asked for");
    // Decision 21: nothing is kept.
    assert_eq!(
        std::fs::read_dir(shop.world.path("home")).unwrap().count(),
        0
    );
}

#[test]
fn a_staged_agent_that_never_asks_is_told_once_and_one_that_asks_is_not() {
    let shop = Shop::new();
    let settings = |mode: &str, allow: &str| {
        let text =
            format!(r#"{{"permissions": {{"defaultMode": "{mode}", "allow": ["{allow}"]}}}}"#);
        shop.file(".claude/settings.json", &text);
        shop.git(&["add", "-A"]);
    };
    settings("default", "Bash(git:*)");
    let (code, stdout, stderr) = shop.scan(&["--staged", "--fail-on", "low"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    settings("bypassPermissions", "Bash(git:*)");
    let (code, stdout, _) = shop.scan(&["--staged", "--fail-on", "low"]);
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.contains("[agent-unasked]"), "{stdout}");
    // What was there before is nobody's news; one way more is.
    shop.commit("Trust the agent");
    settings("bypassPermissions", "Bash(make:*)");
    let (code, stdout, _) = shop.scan(&["--staged", "--fail-on", "low"]);
    assert_eq!(code, 0, "{stdout}");
    settings("bypassPermissions", "*");
    let (code, stdout, _) = shop.scan(&["--staged", "--fail-on", "low"]);
    assert_eq!(code, 3, "{stdout}");
}

#[test]
fn what_to_type_about_a_staged_file_is_quoted_for_a_shell() {
    let shop = Shop::new();
    shop.file("it's new/my prod.env", &format!("X={}\n", url("app", NEW)));
    shop.git(&["add", "-A"]);
    let (_, stdout, stderr) = shop.scan(&["--staged"]);
    let next = r"next: git restore --staged -- 'it'\''s new/my prod.env' ";
    assert!(stdout.contains(next), "{stdout}{stderr}");
}

#[test]
fn a_staged_text_of_windows_is_read_like_any_other() {
    let shop = Shop::new();
    let text = format!("\u{feff}DATABASE_URL={}\r\n", url("app", NEW));
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(shop.dir.join("prod.env"), wide).unwrap();
    shop.git(&["add", "-A"]);
    let (code, stdout, stderr) = shop.scan(&["--staged", "--fail-on", "low"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stdout.starts_with("prod.env:1:"), "{stdout}");
}

#[test]
fn what_was_there_before_or_only_moved_is_not_new() {
    let shop = Shop::new();
    let staged = || shop.scan(&["--staged", "--fail-on", "info"]);
    assert_eq!(staged().0, 0, "nothing is staged");
    // Another line of the file changes; the whole file moves and changes; it is copied nowhere.
    shop.file(".env", &format!("A=1\nDATABASE_URL={}\n", url("app", OLD)));
    shop.git(&["add", "-A"]);
    assert_eq!(
        staged(),
        (
            0,
            String::new(),
            "what is staged brings no new secret\n".into()
        )
    );
    shop.git(&["mv", ".env", "config.env"]);
    assert_eq!(staged().0, 0);
    // Not staged is not in the commit.
    shop.file("new.env", &format!("DATABASE_URL={}\n", url("app", NEW)));
    assert_eq!(staged().0, 0);
    shop.git(&["add", "-A"]);
    assert_eq!(staged().0, 3);
}

#[test]
fn a_line_may_allow_what_stands_on_it() {
    let shop = Shop::new();
    shop.file(
        "a.env",
        &format!("DATABASE_URL={} # keyroll:allow\n", url("app", NEW)),
    );
    shop.git(&["add", "-A"]);
    let (code, stdout, _) = shop.scan(&["--staged", "--fail-on", "info"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
}

#[test]
fn the_first_commit_and_a_part_of_the_index_are_read_like_any_other() {
    let shop = Shop::new();
    shop.git(&["update-ref", "-d", "HEAD"]);
    let (code, stdout, _) = shop.scan(&["--staged", "--fail-on", "info"]);
    assert_eq!(
        code, 3,
        "all of the index is new before the first commit: {stdout}"
    );
    shop.git(&["add", "-A"]);
    shop.commit("Open the shop again");
    // `git commit FILE` gives its hooks another index.
    shop.file("api/.env", &format!("ORDERS_URL={}\n", url("orders", NEW)));
    std::fs::copy(
        shop.dir.join(".git/index"),
        shop.dir.join(".git/next-index-7.lock"),
    )
    .unwrap();
    shop.git(&["add", "-A"]);
    let part = [("GIT_INDEX_FILE", ".git/next-index-7.lock")];
    let staged = ["--staged", "--fail-on", "info"];
    assert_eq!(scan(&shop.world, &shop.dir, &staged, &part).0, 0);
    assert_eq!(scan(&shop.world, &shop.dir, &staged, &[]).0, 3);
    let outside = [("GIT_INDEX_FILE", "/etc/passwd")];
    assert_eq!(
        scan(&shop.world, &shop.dir, &staged, &outside).0,
        1,
        "CL-11"
    );
    // From below the top, and from another work tree of the repository.
    assert_eq!(scan(&shop.world, &shop.dir.join("api"), &staged, &[]).0, 3);
    let tree = shop.world.path("tree");
    shop.git(&["worktree", "add", "-q", tree.to_str().unwrap()]);
    assert_eq!(scan(&shop.world, &tree, &staged, &[]).0, 0);
    std::fs::write(tree.join("b.env"), format!("B_URL={}\n", url("b", NEW))).unwrap();
    git(&tree, &["add", "-A"]);
    assert_eq!(scan(&shop.world, &tree, &staged, &[]).0, 3);
}

/// CL-11: a file that says where a repository is is believed only if that repository agrees.
#[test]
fn a_work_tree_that_its_repository_does_not_know_is_not_followed() {
    let shop = Shop::new();
    let trap = shop.world.path("trap");
    std::fs::create_dir(&trap).unwrap();
    std::fs::write(
        trap.join(".git"),
        format!("gitdir: {}/.git\n", shop.dir.display()),
    )
    .unwrap();
    let (code, _, stderr) = scan(&shop.world, &trap, &["--staged"], &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("does not know"), "{stderr}");
}

#[test]
fn a_pull_request_is_what_its_commits_add() {
    let shop = Shop::new();
    shop.git(&["checkout", "-q", "-b", "topic"]);
    shop.file("api/.env", &format!("ORDERS_URL={}\n", url("orders", NEW)));
    shop.commit("Take orders");
    shop.file("api/.env", "ORDERS_URL=\n");
    shop.file("copy.env", &format!("DATABASE_URL={}\n", url("app", OLD)));
    shop.commit("Take the password out again");
    shop.git(&["checkout", "-q", "main"]);
    shop.file(
        "main.env",
        &format!("MAIN_URL={}\n", url("main", "mA1nQz81kLwYb3N9")),
    );
    shop.commit("Go on");
    shop.git(&["checkout", "-q", "topic"]);
    let (code, stdout, stderr) = shop.scan(&["--since", "main", "--fail-on", "high"]);
    assert_eq!(code, 3, "{stderr}");
    insta::assert_snapshot!("since", format!("{stdout}--- stderr\n{stderr}"));
    let same = |arguments: &[&str]| {
        let (code, told, stderr) = shop.scan(arguments);
        assert_eq!(
            (code, told.as_str()),
            (0, stdout.as_str()),
            "{arguments:?}: {stderr}"
        );
    };
    same(&["--diff", "main..topic"]);
    same(&["--diff", "main...HEAD"]);
    let main = shop.git(&["rev-parse", "main~1"]);
    same(&["--since", &main[..9]]);
    // What the base has besides is nobody's change, merged or not.
    shop.git(&["merge", "-q", "-m", "Merge", "main"]);
    same(&["--since", "main"]);
    assert_eq!(shop.scan(&["--since", "HEAD", "--fail-on", "info"]).0, 0);
    let (code, _, stderr) = shop.scan(&["--since", "nowhere"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("no commit `nowhere`"), "{stderr}");
    assert_eq!(shop.scan(&["--since", "x", "--staged"]).0, 2);
    assert_eq!(shop.scan(&["--diff", "main"]).0, 2);
}

#[test]
fn a_shallow_clone_says_how_deep_it_has_to_be() {
    let shop = Shop::new();
    shop.file("a.env", &format!("A_URL={}\n", url("a", NEW)));
    shop.commit("Second");
    shop.file("b.txt", "b");
    shop.commit("Third");
    let from = format!("file://{}", shop.dir.display());
    let at = |depth: &str| {
        let dir = shop.world.path(&format!("clone-{depth}"));
        git(
            shop.world.path("").as_path(),
            &[
                "clone",
                "-q",
                "--depth",
                depth,
                &from,
                dir.to_str().unwrap(),
            ],
        );
        dir
    };
    let one = at("1");
    let (code, _, stderr) = scan(&shop.world, &one, &["--since", "HEAD^1"], &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("fetch-depth: 2 or more"), "{stderr}");
    let (code, _, stderr) = scan(&shop.world, &one, &["--since", "v1"], &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("fetch-depth: 0"), "{stderr}");
    let three = at("3");
    let since = ["--since", "HEAD~2", "--fail-on", "low"];
    assert_eq!(scan(&shop.world, &three, &since, &[]).0, 3);
}

#[test]
fn a_baseline_is_known_on_every_machine_and_one_more_is_new() {
    let shop = Shop::new();
    let dir = shop.dir.to_str().unwrap();
    let file = shop.world.path("known.json");
    let file = file.to_str().unwrap();
    shop.world.get(&["scan", dir]);
    shop.world.get(&["findings", "baseline", "write", file]);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.contains(dir) || text.contains("\"path\""), "{text}");
    // Elsewhere, under another key: another checkout, judged as a change.
    let other = Shop::new();
    other.git(&["update-ref", "-d", "HEAD"]);
    let staged = ["--staged", "--fail-on", "info", "--baseline", file];
    assert_eq!(other.scan(&staged[..3]).0, 3);
    let (code, stdout, stderr) = other.scan(&staged);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("1 finding is known"), "{stderr}");
    other.file("b.env", &format!("B_URL={}\n", url("b", NEW)));
    other.git(&["add", "-A"]);
    assert_eq!(other.scan(&staged).0, 3);
    let all = |arguments: &[&str]| {
        let told = other.world.run(
            &[
                &["scan", other.dir.to_str().unwrap(), "-o", "json"],
                arguments,
            ]
            .concat(),
        );
        let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
        told.as_array().unwrap().len()
    };
    assert!(all(&["--baseline", file]) < all(&[]));
    assert_eq!(
        shop.world
            .run(&["scan", "--baseline", "/nowhere", dir])
            .code,
        1
    );
}

#[test]
fn a_ticket_says_all_that_somebody_needs() {
    let world = World::seeded();
    let found = world.get(&["findings", "-o", "json"]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let first = &found[0];
    let ticket = world.get(&["findings", "ticket", first["finding"].as_str().unwrap()]);
    insta::assert_snapshot!("ticket", ticket);
    let print = first["fingerprint"].as_str().unwrap();
    assert!(ticket.contains(print));
    for section in [
        "Where",
        "Whether it still works",
        "Who uses it",
        "Who answers",
        "Next",
    ] {
        assert!(
            ticket.contains(&format!("\n## {section}\n")),
            "{section}: {ticket}"
        );
    }
    assert_eq!(world.run(&["findings", "ticket", "fnd-none"]).code, 1);
}
