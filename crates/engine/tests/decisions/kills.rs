//! Kills at every point of a decision: the test starts itself as a child that aborts there.

use std::path::Path;

use store::Location;
use testkit::kill;

use crate::ground::{Ground, add, all_open, count, decisions, enrol, file, open};

const ADDRESS: &str = "KEYROLL_CRASH_ADDRESS";
const ROUND: &str = "KEYROLL_CRASH_ROUND";
const DECIDED: &str = "kills::killed_at_any_point_a_decision_is_true_and_in_the_log_or_neither";
const ROTATED: &str = "kills::killed_at_any_point_a_rotation_leaves_a_ring_that_opens_everything";
const IMPORTED: &str = "kills::killed_at_any_point_an_imported_key_is_in_the_log_before_its_file";

/// More points than any child here has.
const POINTS_MAX: u32 = 100;

/// Kills `test` at its first point, at its second, until it comes to its end; `after` looks at
/// what each left.
fn at_every_point(test: &str, ground: &Ground, after: &mut dyn FnMut(u32)) {
    let address = ground.address();
    for point in 1..POINTS_MAX {
        let round = point.to_string();
        let told = [(ADDRESS, address.as_str()), (ROUND, round.as_str())];
        let ended = kill::at(point, test, ground.dir.path(), &told);
        after(point);
        if ended {
            assert!(point > 3, "it has no points");
            return;
        }
    }
    panic!("it has more than {POINTS_MAX} points");
}

/// The roll that the child was told of.
fn told(child: &kill::Child) -> (engine::Engine, String) {
    let location: Location = child.told(ADDRESS).parse().unwrap();
    (open(&location, &child.dir), child.told(ROUND))
}

#[test]
fn killed_at_any_point_a_decision_is_true_and_in_the_log_or_neither() {
    if let Some(child) = kill::child() {
        let (engine, round) = told(&child);
        child.arm(engine::crash::arm);
        let added = add(&engine, &format!("db-{round}"));
        engine
            .export_fingerprint_key(&child.dir.join(format!("out-{round}")))
            .unwrap();
        engine.remove_source(&added.id).unwrap();
        return;
    }
    for ground in Ground::both("decision_kills") {
        add(&ground.engine(), "stays");
        at_every_point(DECIDED, &ground, &mut |point| {
            let engine = ground.engine();
            let told = decisions(&engine);
            let name = format!("stub:db-{point}");
            let of = |word: &str| {
                let is =
                    |one: &&serde_json::Value| one["decision"] == word && one["source"] == *name;
                told.iter().filter(is).count()
            };
            let there = engine
                .sources()
                .unwrap()
                .iter()
                .any(|one| one.id.as_str() == name);
            let (added, removed) = (of("source_added"), of("source_removed"));
            assert!(added <= 1 && removed <= added, "at point {point}: {told:?}");
            assert_eq!(there, added > removed, "at point {point}: {told:?}");
            // The key may be told of and not be there; it is never there untold.
            let exported = |one: &&serde_json::Value| {
                let file = one["file"].as_str().map(Path::new);
                file.is_some_and(|file| file.ends_with(format!("out-{point}")))
            };
            let known = told.iter().filter(exported).count();
            let out = file(&ground, &format!("out-{point}")).exists();
            assert!(!out || known == 1, "at point {point}: {told:?}");
            all_open(&engine);
        });
    }
}

#[test]
fn killed_at_any_point_a_rotation_leaves_a_ring_that_opens_everything() {
    if let Some(child) = kill::child() {
        let (engine, _) = told(&child);
        child.arm(engine::crash::arm);
        engine.rotate_keys().unwrap();
        engine.rewrap(&mut |_, _| {}).unwrap();
        return;
    }
    for ground in Ground::both("rotation_kills") {
        for n in 0..3 {
            add(&ground.engine(), &format!("db{n}"));
        }
        let sources = 3;
        at_every_point(ROTATED, &ground, &mut |point| {
            let engine = ground.engine();
            assert_eq!(all_open(&engine), sources, "at point {point}");
            let terms = engine.key_terms().unwrap();
            let rotated = count(&decisions(&engine), "key_rotated");
            assert_eq!(terms.len(), rotated + 1, "a term and its leaf, or neither");
            // The ring seals as well, under its newest term.
            let after = add(&engine, "after");
            let newest = engine.key_terms().unwrap().pop().unwrap();
            assert!(newest.active && newest.values >= 1, "{newest:?}");
            assert_eq!(all_open(&engine), sources + 1);
            engine.remove_source(&after.id).unwrap();
        });
        // What kills left half-way is gone on with.
        let engine = ground.engine();
        engine.rewrap(&mut |_, _| {}).unwrap();
        let mut terms = engine.key_terms().unwrap();
        let newest = terms.pop().unwrap();
        assert!(terms.iter().all(|term| term.values == 0), "{terms:?}");
        assert_eq!(newest.values, sources as u64 + 1, "and the key that signs");
        assert_eq!(all_open(&engine), sources);
    }
}

#[test]
fn killed_at_any_point_an_imported_key_is_in_the_log_before_its_file() {
    /// A roll of its own for each round.
    fn roll(dir: &Path, round: &str) -> (Location, std::path::PathBuf) {
        let dir = dir.join(format!("in-{round}"));
        std::fs::create_dir_all(&dir).unwrap();
        (Location::Sqlite(dir.join("roll.db")), dir)
    }
    if let Some(child) = kill::child() {
        let (location, dir) = roll(&child.dir, &child.told(ROUND));
        child.arm(engine::crash::arm);
        enrol(&location, &dir, &child.dir.join("out.key")).unwrap();
        return;
    }
    let ground = Ground::both("import_kills").swap_remove(0);
    let out = file(&ground, "out.key");
    ground.engine().export_fingerprint_key(&out).unwrap();
    let mut untold = 0;
    at_every_point(IMPORTED, &ground, &mut |point| {
        let (location, dir) = roll(ground.dir.path(), &point.to_string());
        let written = dir.join("fingerprint-key");
        if written.exists() {
            let told = decisions(&open(&location, &dir));
            assert_eq!(
                count(&told, "key_imported"),
                1,
                "at point {point}: {told:?}"
            );
        } else {
            untold += 1;
        }
        // Who was killed imports again: the file is there, and the log says it once.
        let again = decisions(&enrol(&location, &dir, &out).unwrap());
        assert_eq!(count(&again, "key_imported"), 1, "at point {point}");
        let keys = [&written, &out].map(|path| std::fs::read(path).unwrap());
        assert_eq!(keys[0], keys[1], "at point {point}");
    });
    assert!(untold > 0, "no kill came before the file");
}
