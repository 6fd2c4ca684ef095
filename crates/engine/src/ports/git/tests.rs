//! Against repositories that the real git makes.

use std::path::Path;
use std::process::Command;

use super::*;

/// A repository in a directory of its own, made by the real git without a user's settings.
struct Repo(tempfile::TempDir);

impl Repo {
    fn new() -> Self {
        let repo = Self(tempfile::tempdir().unwrap());
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, words: &[&str]) -> String {
        git(self.path(), words)
    }

    fn commit(&self, files: &[(&str, &str)], message: &str) {
        for (path, text) in files {
            let path = self.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }
}

fn git(dir: &Path, words: &[&str]) -> String {
    let out = Command::new("git")
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
        .args(["-c", "protocol.file.allow=always"])
        .args(words)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "git {words:?}: {told}");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// Everything that a port tells of the repository at `dir`.
fn all(port: &mut GitPort, dir: &Path) -> Result<Blobs, Refusal> {
    let mut whole = Blobs::default();
    let mut next = Some(0);
    while let Some(from) = next {
        let question = Question::Git {
            dir: dir.to_str().unwrap().to_owned(),
            from,
        };
        let Answer::Blobs(some) = port.ask(&question)? else {
            panic!("another answer");
        };
        whole.blobs.extend(some.blobs);
        whole.gaps.extend(some.gaps);
        next = some.next;
    }
    Ok(whole)
}

fn read(dir: &Path) -> Result<Blobs, Refusal> {
    all(&mut GitPort::new(dir.to_owned()), dir)
}

fn told(blobs: &Blobs) -> Vec<(String, String, bool)> {
    let mut told: Vec<_> = blobs
        .blobs
        .iter()
        .map(|blob| {
            let text = String::from_utf8_lossy(blob.bytes.expose()).into_owned();
            (blob.path.clone(), text, blob.in_head)
        })
        .collect();
    told.sort();
    told
}

fn one(path: &str, text: &str, in_head: bool) -> (String, String, bool) {
    (path.to_owned(), text.to_owned(), in_head)
}

#[test]
fn each_content_is_told_once_with_the_commit_that_brought_it_in() {
    let repo = Repo::new();
    repo.commit(&[("a.txt", "one"), ("sub/b.txt", "same")], "first");
    let first = repo.git(&["rev-parse", "HEAD"]);
    repo.commit(&[("a.txt", "two"), ("sub/c.txt", "same")], "second");
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.commit(&[("side.txt", "aside")], "third");
    repo.git(&["checkout", "-q", "main"]);
    for packed in [false, true] {
        if packed {
            repo.git(&["gc", "-q", "--aggressive", "--prune=now"]);
        }
        let blobs = read(repo.path()).unwrap();
        assert_eq!(
            told(&blobs),
            [
                one("a.txt", "one", false),
                one("a.txt", "two", true),
                one("side.txt", "aside", false),
                one("sub/b.txt", "same", true),
            ],
            "packed: {packed}"
        );
        let old = blobs.blobs.iter().find(|one| one.bytes.expose() == b"one");
        let old = old.unwrap();
        assert_eq!(old.commit, first);
        assert_eq!(old.author, "Ann <ann@acme.test>");
        assert!(old.at.is_some());
        assert_eq!(blobs.gaps, []);
    }
}

#[test]
fn a_history_may_be_asked_for_from_anywhere_and_in_small_answers() {
    let repo = Repo::new();
    for n in 0..30 {
        repo.commit(&[("a.txt", &format!("text number {n}"))], "more");
    }
    let mut port = GitPort::new(repo.path().to_owned());
    port.limits.answer_bytes = 40;
    assert_eq!(all(&mut port, repo.path()).unwrap().blobs.len(), 30);
    let question = Question::Git {
        dir: repo.path().to_str().unwrap().to_owned(),
        from: 27,
    };
    let Answer::Blobs(rest) = port.ask(&question).unwrap() else {
        panic!("another answer");
    };
    assert_eq!(rest.blobs[0].bytes.expose(), b"text number 27");
}

/// CL-11: nothing that a repository says of itself is obeyed.
#[test]
fn a_hostile_configuration_runs_nothing() {
    let repo = Repo::new();
    repo.commit(
        &[("a.txt", "text"), (".gitattributes", "* filter=x diff=x\n")],
        "first",
    );
    let trap = repo.path().join("sprung");
    let touch = format!("touch {}", trap.display());
    let config = format!(
        "[core]\nfsmonitor = {touch}\nsshCommand = {touch}\npager = {touch}\nhooksPath = .\n\
         [filter \"x\"]\nsmudge = {touch}\nclean = {touch}\nprocess = {touch}\n\
         [diff]\nexternal = {touch}\n[diff \"x\"]\ntextconv = {touch}\n\
         [include]\npath = /dev/zero\n[gpg]\nprogram = {touch}\n"
    );
    std::fs::write(repo.path().join(".git/config"), config).unwrap();
    let blobs = read(repo.path()).unwrap();
    assert_eq!(blobs.blobs.len(), 2);
    assert!(!trap.exists());
}

#[test]
fn what_lies_elsewhere_is_a_refusal_or_a_gap_and_never_opened() {
    let repo = Repo::new();
    repo.commit(&[("a.txt", "one")], "first");
    repo.commit(&[("a.txt", "two")], "second");
    let url = format!("file://{}", repo.path().display());
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);

    git(
        dir.path(),
        &["clone", "-q", "--depth", "1", &url, "shallow"],
    );
    let shallow = read(&at("shallow")).unwrap();
    assert_eq!(told(&shallow), [one("a.txt", "two", true)]);
    assert!(
        shallow.gaps[0].1.told.contains("shallow"),
        "{:?}",
        shallow.gaps
    );

    let plain = repo.path().to_str().unwrap();
    git(dir.path(), &["clone", "-q", "--shared", plain, "shared"]);
    let shared = read(&at("shared")).unwrap_err();
    assert!(shared.told.contains("alternates"), "{shared}");

    repo.git(&["worktree", "add", "-q", at("tree").to_str().unwrap()]);
    let tree = read(&at("tree")).unwrap_err();
    assert!(tree.told.contains("elsewhere"), "{tree}");

    std::fs::create_dir(at("linked")).unwrap();
    std::os::unix::fs::symlink(repo.path().join(".git"), at("linked/.git")).unwrap();
    let linked = read(&at("linked")).unwrap_err();
    assert!(linked.told.contains("outside"), "{linked}");

    std::fs::create_dir(at("none")).unwrap();
    let none = read(&at("none")).unwrap_err();
    assert!(none.told.contains("no git repository"), "{none}");
}

#[test]
fn what_a_partial_clone_left_behind_is_a_gap_and_never_fetched() {
    let repo = Repo::new();
    repo.commit(&[("a.txt", "one")], "first");
    repo.commit(&[("a.txt", "two")], "second");
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", repo.path().display());
    let dir = tempfile::tempdir().unwrap();
    git(
        dir.path(),
        &["clone", "-q", "--filter=blob:none", &url, "partial"],
    );
    let blobs = read(&dir.path().join("partial")).unwrap();
    // The check-out fetched what the newest commit holds; the older content stayed behind.
    assert_eq!(told(&blobs), [one("a.txt", "two", true)]);
    let old = repo.git(&["rev-parse", "HEAD~1:a.txt"]);
    assert!(
        blobs.gaps.iter().any(|(_, gap)| gap.told.contains(&old)),
        "{:?}",
        blobs.gaps
    );
}

/// A submodule whose place and whose repository are said to be elsewhere.
#[test]
fn a_submodule_that_points_out_is_never_opened() {
    let (outside, repo) = (Repo::new(), Repo::new());
    outside.commit(&[("secret.txt", "outside")], "theirs");
    let out = outside.path().to_str().unwrap();
    let head = outside.git(&["rev-parse", "HEAD"]);
    let modules = format!("[submodule \"x\"]\n\tpath = ../../etc\n\turl = {out}\n");
    repo.commit(&[(".gitmodules", &modules), ("a.txt", "ours")], "first");
    let link = format!("160000,{head},sub");
    repo.git(&["update-index", "--add", "--cacheinfo", &link]);
    repo.git(&["commit", "-q", "-m", "link"]);
    std::os::unix::fs::symlink(outside.path(), repo.path().join("sub")).unwrap();
    let blobs = read(repo.path()).unwrap();
    let texts: Vec<_> = told(&blobs).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(texts, [".gitmodules", "a.txt"]);
}

#[test]
fn broken_objects_are_gaps_and_the_rest_is_told() {
    let repo = Repo::new();
    repo.commit(&[("a.txt", "one"), ("b.txt", "kept")], "first");
    let id = repo.git(&["rev-parse", "HEAD:a.txt"]);
    let object = repo
        .path()
        .join(".git/objects")
        .join(&id[..2])
        .join(&id[2..]);
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, b"no object").unwrap();
    let blobs = read(repo.path()).unwrap();
    assert_eq!(told(&blobs), [one("b.txt", "kept", true)]);
    assert_eq!(blobs.gaps.len(), 1);
    assert!(blobs.gaps[0].1.told.contains(&id), "{:?}", blobs.gaps);
}

/// Every cut of a pack, and a flip in it, end in contents and gaps.
#[test]
fn a_damaged_pack_never_stops_the_reader() {
    let repo = Repo::new();
    for n in 0..5 {
        repo.commit(&[("a.txt", &format!("line\n{n}\n").repeat(20))], "more");
    }
    repo.git(&["gc", "-q", "--prune=now"]);
    let packs = repo.path().join(".git/objects/pack");
    let pack = std::fs::read_dir(packs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "pack"))
        .unwrap();
    let whole = std::fs::read(&pack).unwrap();
    std::fs::remove_file(&pack).unwrap();
    for at in (12..whole.len()).step_by(7) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x41;
        for bytes in [&whole[..at], &flipped] {
            std::fs::write(&pack, bytes).unwrap();
            let blobs = read(repo.path()).unwrap();
            assert!(blobs.blobs.len() <= 5);
        }
    }
}

/// What the index of the repository at `dir` adds.
fn staged(dir: &Path) -> Result<Blobs, Refusal> {
    let question = Question::GitChange {
        dir: dir.to_str().unwrap().to_owned(),
        change: Change::Staged { index: None },
        from: 0,
    };
    match GitPort::new(dir.to_owned()).ask(&question)? {
        Answer::Blobs(blobs) => Ok(blobs),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_index_is_a_refusal_or_read_and_never_stops_the_reader() {
    let repo = Repo::new();
    let files = ["a.txt", "b/c.txt", "b/d/e.txt"].map(|path| (path, "old"));
    repo.commit(&files, "first");
    std::fs::write(repo.path().join("b/c.txt"), "new").unwrap();
    repo.git(&["add", "-A"]);
    assert_eq!(
        told(&staged(repo.path()).unwrap()),
        [one("b/c.txt", "new", false)]
    );
    let index = repo.path().join(".git/index");
    let whole = std::fs::read(&index).unwrap();
    let mut refused = 0;
    for at in 0..whole.len() {
        for mask in [0x01, 0x41, 0xff] {
            let mut flipped = whole.clone();
            flipped[at] ^= mask;
            for bytes in [&whole[..at], &flipped] {
                std::fs::write(&index, bytes).unwrap();
                if let Err(told) = staged(repo.path()) {
                    assert!(!told.told.contains("to its end"), "at {at}: {told}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > whole.len(), "{refused}");
}

#[test]
fn commits_of_one_second_are_told_from_those_of_the_base() {
    let repo = Repo::new();
    let commit = |files: &[(&str, &str)]| {
        for (path, text) in files {
            std::fs::write(repo.path().join(path), text).unwrap();
        }
        repo.git(&["add", "-A"]);
        let date = "2026-11-20T08:00:00Z";
        let out = Command::new("git")
            .current_dir(repo.path())
            .env("GIT_AUTHOR_DATE", date)
            .env("GIT_COMMITTER_DATE", date)
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
            .args(["commit", "-q", "-m", "x"])
            .output()
            .unwrap();
        assert!(out.status.success());
    };
    commit(&[("old.txt", "long gone"), ("a.txt", "a")]);
    std::fs::remove_file(repo.path().join("old.txt")).unwrap();
    commit(&[("a.txt", "b")]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    commit(&[("topic.txt", "new")]);
    repo.git(&["checkout", "-q", "main"]);
    for n in 0..12 {
        commit(&[("main.txt", &n.to_string())]);
    }
    let question = Question::GitChange {
        dir: repo.path().to_str().unwrap().to_owned(),
        change: Change::Commits {
            base: "main".to_owned(),
            head: "topic".to_owned(),
        },
        from: 0,
    };
    let Answer::Blobs(blobs) = GitPort::new(repo.path().to_owned()).ask(&question).unwrap() else {
        panic!("another answer");
    };
    assert_eq!(told(&blobs), [one("topic.txt", "new", true)]);
    assert_eq!(blobs.gaps, []);
}

#[test]
fn binary_and_huge_contents_are_not_read() {
    let repo = Repo::new();
    repo.commit(
        &[("a.bin", "a\0b"), ("big.txt", &"x".repeat(4096))],
        "first",
    );
    let mut port = GitPort::new(repo.path().to_owned());
    port.limits.blob_bytes_max = 1024;
    let blobs = all(&mut port, repo.path()).unwrap();
    assert_eq!(told(&blobs), []);
    assert_eq!(blobs.gaps.len(), 1);
    assert_eq!(blobs.gaps[0].0, "big.txt");
}

/// Who wrote the line of `path` that says `text`: the author and how many files the commit had.
fn wrote(dir: &Path, path: &str, text: &str) -> Option<(String, u32)> {
    let line = LineAt {
        path: path.to_owned(),
        line: 1,
        mark: connectors::line_mark(text.as_bytes()),
    };
    let stop = AtomicBool::new(false);
    let told = blame(dir, dir.to_str().unwrap(), &[line], &stop).unwrap();
    let one = told.into_iter().next().unwrap()?;
    Some((one.author, one.files))
}

fn as_(repo: &Repo, name: &str, message: &str) {
    let author = format!("--author={name} <{name}@acme.test>");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "--allow-empty", &author, "-m", message]);
}

fn write(repo: &Repo, path: &str, text: &str) {
    let path = repo.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_line_is_told_with_whoever_brought_it_in_and_not_with_who_touched_its_file() {
    let repo = Repo::new();
    write(&repo, "infra/main.tf", "user \"a\" {\n}\n");
    as_(&repo, "bob", "a");
    write(&repo, "infra/main.tf", "user \"a\" {\n}\nuser \"b\" {\n}\n");
    write(&repo, "README", "x");
    as_(&repo, "cleo", "b");
    // Another format, another place, another name: none of them makes the line new.
    write(
        &repo,
        "infra/main.tf",
        "  user   \"a\"   {\n}\n\nuser \"b\" {\n  x = 1\n}\n",
    );
    as_(&repo, "dan", "format");
    repo.git(&["mv", "infra/main.tf", "users.tf"]);
    as_(&repo, "eve", "move");
    let by = |name: &str, files| Some((format!("{name} <{name}@acme.test>"), files));
    let of = |text: &str| wrote(repo.path(), "users.tf", text);
    assert_eq!(of("user \"a\" {"), by("bob", 1));
    assert_eq!(of("user \"b\" {"), by("cleo", 2));
    assert_eq!(of("x = 1"), by("dan", 1));
    assert_eq!(of("not committed"), None);
    assert_eq!(wrote(repo.path(), "gone.tf", "user \"a\" {"), None);
}

#[test]
fn a_line_of_a_merged_branch_is_told_with_its_author_and_not_with_who_merged() {
    let repo = Repo::new();
    write(&repo, "a", "one\n");
    as_(&repo, "bob", "one");
    repo.git(&["checkout", "-q", "-b", "side"]);
    write(&repo, "a", "one\nside\n");
    as_(&repo, "cleo", "side");
    repo.git(&["checkout", "-q", "main"]);
    write(&repo, "b", "main\n");
    as_(&repo, "dan", "main");
    repo.git(&["merge", "-q", "--no-ff", "side", "-m", "merge"]);
    let name = |text: &str| wrote(repo.path(), "a", text).map(|(name, _)| name);
    assert_eq!(name("side").as_deref(), Some("cleo <cleo@acme.test>"));
    assert_eq!(name("one").as_deref(), Some("bob <bob@acme.test>"));
}

#[test]
fn a_mailmap_leads_former_names_to_those_of_today() {
    let repo = Repo::new();
    write(&repo, "a", "one\n");
    as_(&repo, "bob", "one");
    let map = "Robert Lee <robert.lee@acme.test> <bob@acme.test>\n";
    write(&repo, ".mailmap", map);
    as_(&repo, "cleo", "map");
    let now = "Robert Lee <robert.lee@acme.test>".to_owned();
    assert_eq!(wrote(repo.path(), "a", "one"), Some((now.clone(), 1)));
    let blobs = read(repo.path()).unwrap();
    let first = blobs.blobs.iter().find(|blob| blob.path == "a").unwrap();
    assert_eq!(first.author, now, "the history says the same");
}

#[test]
fn where_a_shallow_clone_ends_nobody_is_said_to_have_written_what_is_older() {
    let repo = Repo::new();
    write(&repo, "a", "one\n");
    as_(&repo, "bob", "one");
    write(&repo, "a", "one\ntwo\n");
    as_(&repo, "cleo", "two");
    write(&repo, "a", "one\ntwo\nthree\n");
    as_(&repo, "dan", "three");
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repo.path().display());
    git(clone.path(), &["clone", "-q", "--depth=2", &from, "c"]);
    let dir = clone.path().join("c");
    assert_eq!(wrote(&dir, "a", "one"), None);
    assert_eq!(wrote(&dir, "a", "two"), None, "it may be older as well");
    let three = Some(("dan <dan@acme.test>".to_owned(), 1));
    assert_eq!(wrote(&dir, "a", "three"), three);
}
