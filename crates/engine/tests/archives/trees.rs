//! An archive of a tree holds what the tree holds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::{Roll, env, gaps, places};

/// A file of a made tree: its path and what is in it.
fn files() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let dir = prop_oneof![
        Just(""),
        Just("app/"),
        Just("app/conf.d/"),
        Just("deep/er/")
    ];
    let name = prop_oneof![
        Just(".env"),
        Just("prod.env"),
        Just("notes.txt"),
        Just(".npmrc")
    ];
    let path = (dir, name).prop_map(|(dir, name)| format!("{dir}{name}"));
    let words = proptest::collection::vec("[A-Za-z0-9]{12}", 1..4);
    let text = (words, any::<bool>()).prop_map(|(words, wide)| {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        if wide {
            utf16(&env(&words))
        } else {
            env(&words)
        }
    });
    proptest::collection::btree_map(path, text, 1..5)
}

/// A text as Windows writes it.
fn utf16(text: &[u8]) -> Vec<u8> {
    let text = format!("\u{feff}{}", std::str::from_utf8(text).unwrap());
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn write(root: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// What is known of each credential: where in `root` and where in `archive` it lies.
fn assert_alike(roll: &Roll, root: &Path, archive: &Path) {
    let within = |places: &[String], before: &str| -> Vec<String> {
        let found = places.iter().filter_map(|place| place.strip_prefix(before));
        found.map(str::to_owned).collect()
    };
    let (tree, packed) = (
        format!("{}/", root.display()),
        format!("{}!/", archive.display()),
    );
    let credentials = roll.credentials();
    assert!(!credentials.is_empty());
    for one in &credentials {
        let places = places(one);
        let here = within(&places, &tree);
        assert!(!here.is_empty(), "only in the archive: {places:?}");
        assert_eq!(here, within(&places, &packed), "{places:?}");
    }
}

fn packed(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let entries: Vec<_> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    crate::tar(&entries)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_archive_of_any_tree_gives_the_same_credentials_as_the_tree() {
    let mut runner = TestRunner::new(Config::with_cases(8));
    let tried = runner.run(&files(), |files| {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let (root, archive) = (dir.join("tree"), dir.join("packed.tar.gz"));
        write(&root, &files);
        std::fs::write(&archive, gzip(&packed(&files))).unwrap();
        let roll = Roll::new();
        roll.scan(&root);
        roll.scan(&archive);
        assert_alike(&roll, &root, &archive);
        Ok(())
    });
    tried.unwrap();
}

/// Runs a tool of this machine; `false`, aloud, where it has none.
fn runs(dir: &Path, words: &[&str]) -> bool {
    match Command::new(words[0])
        .args(&words[1..])
        .current_dir(dir)
        .output()
    {
        Ok(done) => {
            let told = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.success(), "{words:?}: {told}");
            true
        }
        Err(_) => {
            testkit::aloud(&format!("skipped: no `{}` on this machine", words[0]));
            false
        }
    }
}

#[test]
fn archives_of_real_tools_give_what_their_tree_gives() {
    const ZIP: &str = "import os,sys,zipfile\n\
        z=zipfile.ZipFile(sys.argv[1],'w',zipfile.ZIP_DEFLATED)\n\
        [z.write(os.path.join(d,f)) for d,_,fs in os.walk('.') for f in fs]\n\
        z.close()";
    const PAX: &str = "import sys,tarfile\n\
        t=tarfile.open(sys.argv[1],'w:xz',format=tarfile.PAX_FORMAT)\n\
        t.add('.'); t.close()";
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let root = dir.join("tree");
    let long = format!("{}/prod.env", "a long name ".repeat(15).trim());
    let files = BTreeMap::from([
        (
            "app/.env".to_owned(),
            env(&["Aa1Bb2Cc3Dd4", "Ee5Ff6Gg7Hh8"]),
        ),
        (long, env(&["Ii9Jj0Kk1Ll2"])),
        (
            "app/\u{fc}ml\u{e4}ut.env".to_owned(),
            env(&["Mm3Nn4Oo5Pp6"]),
        ),
    ]);
    write(&root, &files);
    let roll = Roll::new();
    roll.scan(&root);
    for (name, words) in [
        (
            "gnu.tar",
            vec!["tar", "--format=gnu", "-cf", "../gnu.tar", "."],
        ),
        (
            "ustar.tgz",
            vec!["tar", "--format=posix", "-czf", "../ustar.tgz", "."],
        ),
        (
            "sparse.tar",
            vec!["tar", "--sparse", "-cf", "../sparse.tar", "."],
        ),
        ("app.jar", vec!["python3", "-c", ZIP, "../app.jar"]),
        ("pax.tar.xz", vec!["python3", "-c", PAX, "../pax.tar.xz"]),
    ] {
        if runs(&root, &words) {
            let archive = dir.join(name);
            let report = roll.scan(&archive);
            assert_eq!(gaps(&report), [], "{name}");
            assert_alike(&roll, &root, &archive);
        }
    }
}

#[test]
fn an_archive_in_a_named_directory_is_opened_and_one_in_a_package_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let files = BTreeMap::from([("a/.env".to_owned(), env(&["Aa1Bb2Cc3Dd4"]))]);
    std::fs::create_dir_all(dir.join("node_modules/x")).unwrap();
    std::fs::write(dir.join("node_modules/x/p.tgz"), gzip(&packed(&files))).unwrap();
    let roll = Roll::new();
    roll.scan(&dir);
    assert_eq!(roll.credentials().len(), 0);
    std::fs::write(dir.join("backup"), gzip(&packed(&files))).unwrap();
    roll.scan(&dir);
    let found = roll.credentials();
    assert_eq!(found.len(), 1);
    let place = format!("{}/backup!/a/.env", dir.display());
    assert_eq!(places(&found[0]), [place]);
}

#[test]
fn an_archive_that_can_be_read_no_longer_makes_nothing_in_it_missing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let whole = packed(&BTreeMap::from([
        ("a/.env".to_owned(), env(&["Aa1Bb2Cc3Dd4"])),
        ("z/.env".to_owned(), env(&["Ee5Ff6Gg7Hh8"])),
    ]));
    let archive = dir.join("backup.tar");
    std::fs::write(&archive, &whole).unwrap();
    let roll = Roll::new();
    roll.scan(&dir);
    assert_eq!(roll.credentials().len(), 2);
    std::fs::write(&archive, &whole[..700]).unwrap();
    let report = roll.scan(&dir);
    assert!(!report.gaps.is_empty());
    assert_eq!(roll.credentials().len(), 2, "{:?}", gaps(&report));
    std::fs::remove_file(&archive).unwrap();
    roll.scan(&dir);
    assert_eq!(roll.credentials().len(), 0);
}
