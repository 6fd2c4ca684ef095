//! What a hostile directory may hold: bounded, a gap with its place, and never a stop.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use connectors::{Answer, Port as _, Question};
use engine::FilesPort;

use crate::{Roll, env, gaps, places, tar};

/// A named pipe, made by the real `mkfifo`.
fn pipe(path: &Path) {
    let done = std::process::Command::new("mkfifo").arg(path).status();
    assert!(
        done.is_ok_and(|done| done.success()),
        "no pipe could be made"
    );
}

#[test]
fn loops_pipes_holes_and_odd_names_stop_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    symlink(&dir, dir.join("loop")).unwrap();
    symlink("self", dir.join("self")).unwrap();
    pipe(&dir.join("pipe.env"));
    pipe(&dir.join("pipe.tar"));
    // 10 GB of holes, behind text and alone.
    let mut big = File::create(dir.join("big.env")).unwrap();
    big.write_all(&env(&["Aa1Bb2Cc3Dd4"])).unwrap();
    big.set_len(10 << 30).unwrap();
    File::create(dir.join("holes.tar"))
        .unwrap()
        .set_len(10 << 30)
        .unwrap();
    std::fs::write(dir.join("esc\u{1b}[2J\n.env"), env(&["Ee5Ff6Gg7Hh8"])).unwrap();
    let odd = dir.join(std::ffi::OsStr::from_bytes(b"k\xff.env"));
    let odd = std::fs::write(odd, env(&["Ii9Jj0Kk1Ll2"])).is_ok();
    std::fs::write(dir.join("z.env"), env(&["Mm3Nn4Oo5Pp6"])).unwrap();

    let roll = Roll::new();
    let report = roll.scan(&dir);
    assert_eq!(roll.credentials().len(), 3);
    let told = gaps(&report);
    let at = |name: &str| {
        told.iter()
            .filter(|(place, _)| place.contains(name))
            .count()
    };
    assert_eq!(
        (at("big.env"), at("pipe.env"), at("pipe.tar"), at("loop")),
        (1, 1, 0, 0),
        "a pipe called like a file of secrets is a gap: {told:?}"
    );
    assert!(!odd || at("k\u{fffd}.env") == 1, "{told:?}");
    assert!(
        told.iter()
            .all(|(place, told)| !format!("{place}{told}").contains('\u{1b}'))
    );
}

#[test]
fn a_line_of_a_hundred_megabytes_is_read_to_its_limit_and_no_further() {
    const LIMIT: u64 = 32 << 20;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("bundle.min.js");
    let mut file = File::create(&path).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        file.write_all(&piece).unwrap();
    }
    let mut port = FilesPort::new(vec![path.clone()]);
    let question = Question::Read {
        path: path.to_str().unwrap().to_owned(),
        bytes_max: LIMIT,
    };
    let Answer::File(read) = port.ask(&question).unwrap() else {
        panic!("another answer");
    };
    assert_eq!((read.bytes.len() as u64, read.cut), (LIMIT, true));
}

#[test]
fn a_hostile_archive_beside_others_costs_its_own_entries_alone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    // 200 MB of one letter in a gzip of some 200 KB.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let piece = vec![0; 1 << 20];
    for _ in 0..200 {
        bomb.write_all(&piece).unwrap();
    }
    std::fs::write(dir.join("bomb.gz"), bomb.finish().unwrap()).unwrap();
    std::fs::write(
        dir.join("cut.tar"),
        &tar(&[("a.env", &env(&["Aa1Bb2Cc3Dd4"]))])[..520],
    )
    .unwrap();
    std::fs::write(dir.join("no.zip"), b"PK\x03\x04 and nothing more").unwrap();
    let mut up = tar::Header::new_gnu();
    let name = b"../../\x1b[2Jup.env";
    up.as_old_mut().name[..name.len()].copy_from_slice(name);
    let text = env(&["Ee5Ff6Gg7Hh8"]);
    up.set_size(text.len() as u64);
    up.set_mode(0o644);
    up.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&up, text.as_slice()).unwrap();
    std::fs::write(dir.join("up.tar"), builder.into_inner().unwrap()).unwrap();
    std::fs::write(dir.join("z.env"), env(&["Ii9Jj0Kk1Ll2"])).unwrap();

    let roll = Roll::new();
    let report = roll.scan(&dir);
    let told = gaps(&report);
    for name in ["cut.tar", "no.zip"] {
        assert!(
            told.iter().any(|(place, _)| place.contains(name)),
            "{name}: {told:?}"
        );
    }
    // Of zero bytes only the beginning is looked at.
    assert!(
        told.iter().all(|(place, _)| !place.contains("bomb")),
        "{told:?}"
    );
    let mut found: Vec<_> = roll.credentials().iter().flat_map(places).collect();
    found.sort();
    let up = format!("{}/up.tar!/(up)/(up)/\u{1b}[2Jup.env", dir.display());
    assert!(found.contains(&up), "{found:?}");
    assert!(found.contains(&format!("{}/z.env", dir.display())));
}
