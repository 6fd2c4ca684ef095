//! Against a real file system in a temporary directory.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn tree() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(dir.path().join("outside.env"), "A=1").unwrap();
    (dir, root.to_str().unwrap().to_owned())
}

fn port(root: &str) -> FilesPort {
    FilesPort::new(vec![PathBuf::from(root)])
}

fn read(port: &mut FilesPort, path: &str, bytes_max: u64) -> Result<File, Refusal> {
    match port.ask(&Question::Read {
        path: path.to_owned(),
        bytes_max,
    })? {
        Answer::File(file) => Ok(file),
        other => panic!("{other:?}"),
    }
}

fn list(port: &mut FilesPort, dir: &str) -> Result<Vec<(String, EntryKind)>, Refusal> {
    match port.ask(&Question::List {
        dir: dir.to_owned(),
    })? {
        Answer::Entries(mut entries) => {
            entries.sort();
            Ok(entries
                .into_iter()
                .map(|entry| (entry.name, entry.kind))
                .collect())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_read_up_to_its_limit_with_its_mode() {
    let (_dir, root) = tree();
    let path = format!("{root}/.env");
    std::fs::write(&path, "A=secret").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let mut port = port(&root);
    for (limit, text, cut) in [
        (100, "A=secret", false),
        (8, "A=secret", false),
        (3, "A=s", true),
        (0, "", true),
    ] {
        let file = read(&mut port, &path, limit).unwrap();
        assert_eq!(
            (file.bytes.expose(), file.cut, file.mode),
            (text.as_bytes(), cut, 0o640)
        );
    }
}

#[test]
fn a_link_is_listed_as_one_and_never_followed() {
    let (dir, root) = tree();
    symlink(dir.path().join("outside.env"), format!("{root}/link.env")).unwrap();
    symlink(dir.path(), format!("{root}/up")).unwrap();
    let mut port = port(&root);
    let entries = list(&mut port, &root).unwrap();
    assert!(
        entries.iter().all(|(_, kind)| *kind == EntryKind::Link),
        "{entries:?}"
    );
    assert_eq!(
        read(&mut port, &format!("{root}/link.env"), 9)
            .unwrap_err()
            .code,
        "ELOOP"
    );
    assert_eq!(
        list(&mut port, &format!("{root}/up")).unwrap_err().code,
        "ENOTDIR"
    );
    assert!(read(&mut port, &format!("{root}/up/outside.env"), 9).is_err());
}

#[test]
fn a_directory_replaced_by_a_link_does_not_lead_out() {
    let (dir, root) = tree();
    std::fs::create_dir(format!("{root}/d")).unwrap();
    let mut port = port(&root);
    assert_eq!(list(&mut port, &format!("{root}/d")).unwrap(), []);
    std::fs::remove_dir(format!("{root}/d")).unwrap();
    symlink(dir.path(), format!("{root}/d")).unwrap();
    assert!(list(&mut port, &format!("{root}/d")).is_err());
    assert!(read(&mut port, &format!("{root}/d/outside.env"), 9).is_err());
}

#[test]
fn what_lies_outside_of_the_roots_is_never_opened() {
    let (dir, root) = tree();
    let outside = dir.path().join("outside.env");
    let mut port = port(&root);
    for path in [
        outside.to_str().unwrap(),
        &format!("{root}/../outside.env"),
        "outside.env",
        "",
        "/etc/passwd",
    ] {
        let refusal = read(&mut port, path, 9).unwrap_err();
        assert!(
            matches!(refusal.reason, Reason::Denied | Reason::Unsupported),
            "{path}: {refusal}"
        );
    }
}

#[test]
fn a_root_may_be_a_file_or_lead_there_by_a_link() {
    let (dir, _root) = tree();
    let link = dir.path().join("named");
    symlink(dir.path().join("outside.env"), &link).unwrap();
    for path in [dir.path().join("outside.env"), link] {
        let text = path.to_str().unwrap();
        let mut port = port(text);
        assert_eq!(list(&mut port, text).unwrap_err().code, "ENOTDIR");
        assert_eq!(
            read(&mut port, text, 9).unwrap().bytes.expose(),
            b"A=1",
            "{text}"
        );
    }
}

#[test]
fn a_pipe_a_socket_and_a_device_are_never_opened() {
    let (_dir, root) = tree();
    rustix::fs::mknodat(
        CWD,
        format!("{root}/pipe.env"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(format!("{root}/sock.env")).unwrap();
    let mut port = port(&root);
    let entries = list(&mut port, &root).unwrap();
    assert!(
        entries.iter().all(|(_, kind)| *kind == EntryKind::Other),
        "{entries:?}"
    );
    for name in ["pipe.env", "sock.env"] {
        assert_eq!(
            read(&mut port, &format!("{root}/{name}"), 9)
                .unwrap_err()
                .code,
            "ENXIO"
        );
    }
    let mut device = FilesPort::new(vec!["/dev/zero".into()]);
    assert_eq!(read(&mut device, "/dev/zero", 9).unwrap_err().code, "ENXIO");
}

#[test]
fn another_file_system_is_not_entered() {
    // Everywhere Linux runs /proc is one of its own.
    let mut port = FilesPort::new(vec!["/".into()]);
    let entries = list(&mut port, "/").unwrap();
    assert!(
        entries.contains(&("proc".to_owned(), EntryKind::Other)),
        "{entries:?}"
    );
    assert_eq!(list(&mut port, "/proc").unwrap_err().code, "EXDEV");
    assert_eq!(
        read(&mut port, "/proc/version", 9).unwrap_err().code,
        "EXDEV"
    );
}

#[test]
fn a_file_without_a_size_is_read_when_it_was_named() {
    let mut port = FilesPort::new(vec!["/proc/version".into()]);
    let file = read(&mut port, "/proc/version", 4096).unwrap();
    assert!(file.bytes.len() > 4 && !file.cut);
}

#[test]
fn a_name_that_is_no_utf8_shows_that_it_is_odd() {
    let (_dir, root) = tree();
    let odd = Path::new(&root).join(std::ffi::OsStr::from_bytes(b"k\xff.pem"));
    if std::fs::write(odd, "x").is_err() {
        return; // Some file systems take no such name, and then there is nothing to show.
    }
    let entries = list(&mut port(&root), &root).unwrap();
    assert_eq!(entries[0].0, "k\u{fffd}.pem");
}

#[test]
fn a_missing_root_and_a_missing_file_are_told_as_missing() {
    let (_dir, root) = tree();
    assert_eq!(
        list(&mut port("/no/such/root"), "/no/such/root")
            .unwrap_err()
            .code,
        "ENOENT"
    );
    assert_eq!(
        read(&mut port(&root), &format!("{root}/none"), 9)
            .unwrap_err()
            .code,
        "ENOENT"
    );
}

#[test]
fn a_directory_of_too_many_entries_is_refused() {
    let (_dir, root) = tree();
    for n in 0..5 {
        std::fs::write(format!("{root}/{n}"), "").unwrap();
    }
    let limits = FileLimits {
        entries_max: 4,
        ..FileLimits::default()
    };
    let refusal = list(&mut port(&root).limits(limits), &root).unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.stop), ("E2BIG", false));
}

#[test]
fn every_limit_and_the_stop_flag_end_the_pass() {
    let (_dir, root) = tree();
    std::fs::write(format!("{root}/a"), "abcdef").unwrap();
    let file = format!("{root}/a");
    let few = FileLimits {
        questions_max: 1,
        ..FileLimits::default()
    };
    let small = FileLimits {
        bytes_max: 3,
        ..FileLimits::default()
    };
    let short = FileLimits {
        time_max: Duration::ZERO,
        ..FileLimits::default()
    };
    for limits in [few, small, short] {
        let mut port = port(&root).limits(limits);
        let _ = read(&mut port, &file, 9);
        let refusal = read(&mut port, &file, 9).unwrap_err();
        assert!(refusal.stop, "{limits:?}: {refusal}");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut port = port(&root).stopped_by(Arc::clone(&stop));
    assert!(read(&mut port, &file, 9).is_ok());
    stop.store(true, Ordering::Relaxed);
    assert!(read(&mut port, &file, 9).unwrap_err().stop);
}

#[test]
fn an_unreadable_file_is_denied_unless_we_are_root() {
    let (_dir, root) = tree();
    let path = format!("{root}/closed");
    std::fs::write(&path, "x").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    match read(&mut port(&root), &path, 9) {
        Ok(_) => assert!(rustix::process::geteuid().is_root()),
        Err(refusal) => assert_eq!(
            (refusal.reason, refusal.code.as_str()),
            (Reason::Denied, "EACCES")
        ),
    }
}

fn pieces(port: &mut FilesPort, path: &str) -> (Vec<u8>, usize, Option<Refusal>) {
    let (mut bytes, mut count, mut from) = (Vec::new(), 0, 0);
    loop {
        let path = path.to_owned();
        let piece = match port.ask(&Question::Piece { path, from }) {
            Ok(Answer::Piece(piece)) => piece,
            Err(refusal) => return (bytes, count, Some(refusal)),
            other => panic!("{other:?}"),
        };
        bytes.extend_from_slice(piece.bytes.expose());
        count += 1;
        match piece.next {
            Some(next) => from = next,
            None => return (bytes, count, piece.refused),
        }
    }
}

#[test]
fn a_file_of_any_size_comes_in_pieces_unpacked_where_it_is_compressed() {
    use std::io::Write as _;
    let (_dir, root) = tree();
    let text: Vec<u8> = (0..3_000_000u32)
        .flat_map(|n| n.to_string().into_bytes())
        .collect();
    let gzip = |bytes: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    // Two members one after the other are one stream, as rotated logs that were joined.
    let (one, two) = text.split_at(text.len() / 3);
    let joined = [gzip(one), gzip(two)].concat();
    for (name, held, whole) in [
        ("plain.log", text.clone(), true),
        ("joined.log.gz", joined.clone(), true),
        ("cut.log.gz", joined[..joined.len() - 100].to_vec(), false),
    ] {
        let path = format!("{root}/{name}");
        std::fs::write(&path, held).unwrap();
        let (bytes, count, refused) = pieces(&mut port(&root), &path);
        assert!(text.starts_with(&bytes) && count > 10, "{name}");
        assert_eq!(
            (bytes.len() == text.len(), refused.is_none()),
            (whole, whole),
            "{name}"
        );
    }
    let told = pieces(&mut port(&root), &format!("{root}/cut.log.gz"))
        .2
        .unwrap();
    assert!(told.told.contains("ends early"), "{told}");
    let empty = format!("{root}/empty.log");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(pieces(&mut port(&root), &empty).0, b"");
    let outside = pieces(&mut port(&root), "/etc/passwd").2.unwrap();
    assert_eq!(outside.code, "ENOTNAMED");
}

#[test]
fn a_piece_is_found_again_by_its_place() {
    let (_dir, root) = tree();
    let path = format!("{root}/a.log");
    std::fs::write(&path, "0123456789").unwrap();
    let mut port = port(&root);
    let mut ask = |from| match port.ask(&Question::Piece {
        path: path.clone(),
        from,
    }) {
        Ok(Answer::Piece(piece)) => Ok(piece.bytes.expose().to_vec()),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.told),
    };
    assert_eq!(ask(7), Ok(b"789".to_vec()));
    assert_eq!(ask(0), Ok(b"0123456789".to_vec()));
    assert!(ask(11).is_err());
}
