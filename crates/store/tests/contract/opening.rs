//! Opening: whose file it is, who may look at it, which schema it has, and many at once.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use store::{Change, Durability, Error, Filter, Location, Options, SCHEMA, Store};

use crate::world::{World, credential, source};

contract![
    a_newer_schema_is_refused_by_name,
    many_that_open_an_empty_store_at_once_make_one,
    a_store_opened_for_reading_writes_nothing,
    a_writer_that_waits_too_long_is_told_so,
];

fn a_newer_schema_is_refused_by_name(world: &World) {
    assert_eq!(world.store.schema_version().unwrap(), SCHEMA);
    let table = if world.is_postgres() {
        "keyroll.store_meta"
    } else {
        "store_meta"
    };
    world.beside(&format!(
        "UPDATE {table} SET value = 4711 WHERE name = 'schema'"
    ));
    for read_only in [false, true] {
        let options = Options {
            read_only,
            ..Options::default()
        };
        let told = Store::open(world.location(), &options).unwrap_err();
        assert!(
            matches!(
                told,
                Error::Newer {
                    found: 4711,
                    known: SCHEMA
                }
            ),
            "{told}"
        );
        let text = told.to_string();
        assert!(
            text.contains("4711") && text.contains(&SCHEMA.to_string()),
            "{text}"
        );
    }
}

fn many_that_open_an_empty_store_at_once_make_one(world: &World) {
    // Undone to the ground, or a file that is not there yet.
    let location = if world.is_postgres() {
        world.beside("DROP SCHEMA keyroll_query CASCADE; DROP SCHEMA keyroll CASCADE");
        world.location().clone()
    } else {
        Location::Sqlite(world.folder.path().join("fresh/roll.db"))
    };
    let barrier = std::sync::Barrier::new(6);
    std::thread::scope(|scope| {
        for n in 0..6 {
            let (barrier, location) = (&barrier, &location);
            scope.spawn(move || {
                barrier.wait();
                // Six schemas in a row, on whatever machine this is.
                let patient = Options {
                    busy_wait: Duration::from_secs(120),
                    ..Options::default()
                };
                let store = Store::open(location, &patient).unwrap();
                let name = format!("opened {n}");
                store
                    .write(Durability::Full, |writing| {
                        writing.put_setting(&model::Tenant::local(), &name, b"x")
                    })
                    .unwrap();
            });
        }
    });
    let store = Store::open(&location, &Options::default()).unwrap();
    for n in 0..6 {
        let found = store
            .read(|reading| reading.setting(&world.tenant, &format!("opened {n}")))
            .unwrap();
        assert!(found.is_some(), "{n}");
    }
}

fn a_store_opened_for_reading_writes_nothing(world: &World) {
    world.pass(&source("host"), 1, &[Change::New(credential("x", "y"))]);
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    let reader = Store::open(world.location(), &options).unwrap();
    assert_eq!(
        reader
            .read(|reading| reading.count(&world.tenant, &Filter::default()))
            .unwrap(),
        1
    );
    let told: Result<(), Error> = reader.write(Durability::Full, |writing| {
        writing.put_setting(&world.tenant, "x", b"y")
    });
    assert!(matches!(told, Err(Error::ReadOnly)), "{told:?}");
}

fn a_writer_that_waits_too_long_is_told_so(world: &World) {
    let options = Options {
        busy_wait: Duration::from_millis(200),
        ..Options::default()
    };
    let other = Store::open(world.location(), &options).unwrap();
    let began = Instant::now();
    let told: Result<(), Error> = world.store.write(Durability::Full, |writing| {
        writing.lock_roll(&world.tenant)?;
        // Readers go on while one writes; a second writer waits, and not for ever.
        assert_eq!(
            other.read(|reading| reading.count(&world.tenant, &Filter::default()))?,
            0
        );
        other.write(Durability::Full, |second| second.lock_roll(&world.tenant))
    });
    assert!(
        matches!(told, Err(Error::Busy { waited_ms: 200 })),
        "{told:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    // Within one process it is the same: the wait for the connection ends.
    let told: Result<(), Error> = other.write(Durability::Full, |first| {
        first.lock_roll(&world.tenant)?;
        other.write(Durability::Full, |second| second.lock_roll(&world.tenant))
    });
    assert!(matches!(told, Err(Error::Busy { .. })), "{told:?}");
    world.pass(&source("host"), 1, &[Change::New(credential("x", "y"))]);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_files_of_a_store_are_for_their_owner_alone() {
    let world = World::sqlite();
    world.pass(&source("host"), 1, &[Change::New(credential("x", "y"))]);
    let Location::Sqlite(path) = world.location() else {
        unreachable!()
    };
    let folder = path.parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
        names.push(entry.file_name());
    }
    assert!(
        names.len() >= 3,
        "the log beside it is meant as well: {names:?}"
    );
    for wider in [0o640, 0o604, 0o666] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(wider)).unwrap();
        let told = Store::open(world.location(), &Options::default()).unwrap_err();
        assert!(
            matches!(told, Error::Exposed { mode, .. } if mode == wider),
            "{told}"
        );
        assert!(told.to_string().contains("chmod 600"), "{told}");
    }
}

#[test]
fn the_file_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)")
        .unwrap();
    drop(other);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let told = Store::open(&Location::Sqlite(path.clone()), &Options::default()).unwrap_err();
    assert!(matches!(told, Error::NotOurs { .. }), "{told}");
    std::fs::write(
        folder.path().join("text"),
        "no database at all, but long enough to be looked at".repeat(99),
    )
    .unwrap();
    std::fs::set_permissions(
        folder.path().join("text"),
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    let told = Store::open(
        &Location::Sqlite(folder.path().join("text")),
        &Options::default(),
    )
    .unwrap_err();
    assert!(matches!(told, Error::Corrupt { .. }), "{told:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_store_that_lost_its_beginning_is_not_taken_for_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keyroll.db");
    drop(Store::open(&Location::Sqlite(file.clone()), &Options::default()).unwrap());
    let whole = std::fs::read(&file).unwrap();
    for bytes in [1, 100, 4095] {
        let cut = dir.path().join(format!("cut-{bytes}.db"));
        std::fs::write(&cut, &whole[..bytes]).unwrap();
        std::fs::set_permissions(&cut, std::fs::Permissions::from_mode(0o600)).unwrap();
        let told = Store::open(&Location::Sqlite(cut.clone()), &Options::default()).unwrap_err();
        assert!(matches!(told, Error::CutOff { .. }), "{told}");
        assert_eq!(std::fs::read(&cut).unwrap(), &whole[..bytes], "{told}");
    }
    let told = Store::open(
        &Location::Sqlite(dir.path().to_path_buf()),
        &Options::default(),
    );
    assert!(matches!(told, Err(Error::File { .. })));
}

#[test]
fn what_is_not_there_is_not_made_by_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/roll.db");
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    assert!(Store::open(&Location::Sqlite(path.clone()), &options).is_err());
    assert!(!path.parent().unwrap().exists());
}

/// A mount table in which `folder` lies on a file system of type `kind`.
fn table(world: &World, folder: &Path, kind: &str) -> std::path::PathBuf {
    let point = folder.canonicalize().unwrap();
    let point = point.to_str().unwrap().replace(' ', "\\040");
    let file = world.folder.path().join("mountinfo");
    let text = format!(
        "21 1 0:19 / / rw,relatime - ext4 /dev/vda rw\n\
         22 21 0:20 / {point} rw shared:1 - {kind} host:/there rw\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_store_on_a_network_file_system_is_refused_and_nothing_is_made_there() {
    let world = World::sqlite();
    let folder = world.folder.path().join("shared");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("roll.db");
    for kind in [
        "nfs",
        "nfs4",
        "cifs",
        "9p",
        "virtiofs",
        "ceph",
        "lustre",
        "gpfs",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.glusterfs",
    ] {
        let options = Options {
            mounts: table(&world, &folder, kind),
            ..Options::default()
        };
        let told = Store::open(&Location::Sqlite(path.clone()), &options).unwrap_err();
        let named = kind.trim_start_matches("fuse.");
        assert!(
            matches!(&told, Error::NetworkFileSystem { kind, .. } if kind == named),
            "{kind}: {told}"
        );
        let told = told.to_string();
        assert!(
            told.contains("--store") && told.contains("roll.db"),
            "{told}"
        );
        assert!(!path.exists(), "{kind}: a file was made");
    }
    let options = Options {
        mounts: table(&world, &folder, "fuse.of-tomorrow"),
        ..Options::default()
    };
    let told = Store::open(&Location::Sqlite(path.clone()), &options).unwrap_err();
    assert!(matches!(told, Error::UnknownFileSystem { .. }), "{told}");
    for kind in ["ext4", "xfs", "overlay", "fuse.fuse-overlayfs"] {
        let options = Options {
            mounts: table(&world, &folder, kind),
            ..Options::default()
        };
        Store::open(&Location::Sqlite(path.clone()), &options).unwrap();
    }
}

/// A mount that goes with the test.
struct Mount(std::path::PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

/// bindfs may call itself what it likes, so the kernel's own table says `fuse.sshfs`.
#[test]
fn a_store_on_a_real_mount_is_judged_by_the_kernels_table() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |below: &str, options: &str| {
        let (under, over) = (folder.path().join("under"), folder.path().join(below));
        std::fs::create_dir_all(&under).unwrap();
        std::fs::create_dir_all(&over).unwrap();
        let mut bindfs = std::process::Command::new("bindfs");
        let done = bindfs.args(["-o", options]).args([&under, &over]).output();
        let mounted = done.is_ok_and(|done| done.status.success());
        mounted.then(|| Mount(over))
    };
    let Some(shared) = mount("shared", "subtype=sshfs") else {
        testkit::aloud(
            "skipped what needs a FUSE file system: bindfs is not here or may not mount",
        );
        return;
    };
    let open = |mount: &Mount| {
        let location = Location::Sqlite(mount.0.join("roll.db"));
        Store::open(&location, &Options::default())
    };
    let told = open(&shared).unwrap_err();
    assert!(matches!(told, Error::NetworkFileSystem { .. }), "{told}");
    let local = mount("local", "subtype=bindfs").unwrap();
    open(&local).unwrap();
}
