//! Sources come and go, the fingerprint key leaves: each is a leaf, and without the log it is not.

use model::{Secret, Tenant};

use crate::ground::{
    Ground, add, all_open, break_log, count, decisions, enrol, file, forge_log, secret, source,
};

#[test]
fn a_source_that_comes_changes_or_goes_is_a_leaf_and_one_that_stays_is_none() {
    for ground in Ground::both("source_leaves") {
        let engine = ground.engine();
        let added = add(&engine, "db");
        let first = decisions(&engine);
        assert_eq!(first.len(), 1, "{first:?}");
        assert_eq!(first[0]["decision"], "source_added");
        assert_eq!(first[0]["source"], added.id.as_str());
        assert_eq!(first[0]["options"]["host"], "db.example");
        assert_eq!(
            (&first[0]["sealed"], &first[0]["replaces"]),
            (&true.into(), &false.into())
        );

        // What changes nothing is no decision, by whichever process.
        add(&engine, "db");
        add(&ground.engine(), "db");
        assert_eq!(decisions(&engine).len(), 1);

        let other = Secret::from("another word");
        engine.add_source(source("db"), Some(&other)).unwrap();
        let mut moved = source("db");
        moved.options.insert("port".to_owned(), "5433".to_owned());
        engine.add_source(moved, Some(&other)).unwrap();
        let changed = decisions(&engine);
        assert_eq!(count(&changed, "source_added"), 3, "{changed:?}");
        assert_eq!(changed[2]["replaces"], true);
        assert_eq!(changed[2]["options"]["port"], "5433");

        engine.remove_source(&added.id).unwrap();
        let gone = decisions(&engine);
        assert_eq!(gone[3]["decision"], "source_removed");
        assert_eq!(gone[3]["destroyed"], true);
        let all = serde_json::to_string(&gone).unwrap();
        assert!(!all.contains(&secret("db")) && !all.contains("another word"));
        // What was never added cannot be removed, and leaves nothing.
        assert!(engine.remove_source(&added.id).is_err());
        assert_eq!(decisions(&engine).len(), 4);
    }
}

#[test]
fn without_the_log_no_source_comes_or_goes_and_no_key_leaves_or_turns() {
    for ground in Ground::both("no_log") {
        let engine = ground.engine();
        let kept = add(&engine, "kept");
        engine.rotate_keys().unwrap();
        // As the store has them: a ring in memory has not counted ahead.
        let terms = ground.engine().key_terms().unwrap();
        break_log(&engine);

        let told = engine.add_source(source("new"), None).unwrap_err();
        assert!(told.to_string().contains("evidence log"), "{told}");
        assert!(engine.remove_source(&kept.id).is_err());
        let out = file(&ground, "out.key");
        assert!(engine.export_fingerprint_key(&out).is_err());
        assert!(!out.exists(), "the key has left all the same");
        assert!(engine.rotate_keys().is_err());
        assert!(engine.rewrap(&mut |_, _| {}).is_err());

        let again = ground.engine();
        assert_eq!(again.sources().unwrap(), [kept]);
        assert_eq!(again.key_terms().unwrap(), terms);
        assert_eq!(all_open(&again), 1);
    }
}

#[test]
fn without_the_log_no_key_of_another_roll_is_written() {
    for (from, to) in Ground::both("no_log_out")
        .iter()
        .zip(Ground::both("no_log_in"))
    {
        let out = file(from, "out.key");
        from.engine().export_fingerprint_key(&out).unwrap();
        forge_log(&to.store(), &Tenant::local());
        let told = enrol(&to.location, to.dir.path(), &out).err().unwrap();
        assert!(told.to_string().contains("evidence log"), "{told}");
        assert!(!file(&to, "fingerprint-key").exists());
    }
}

#[test]
fn the_fingerprint_key_leaves_under_its_id_and_never_twice_into_one_file() {
    for ground in Ground::both("export") {
        let engine = ground.engine();
        let out = file(&ground, "out.key");
        engine.export_fingerprint_key(&out).unwrap();
        let told = decisions(&engine);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["decision"], "key_exported");
        assert_eq!(told[0]["fingerprint_key"], engine.keys.fingerprint_key);
        assert!(told[0]["file"].as_str().unwrap().ends_with("out.key"));
        let key = std::fs::read_to_string(&out).unwrap();
        assert!(!told[0].to_string().contains(key.trim()));

        // What cannot be done is not decided either.
        let refused = engine.export_fingerprint_key(&out).unwrap_err();
        assert!(refused.to_string().contains("there already"), "{refused}");
        assert_eq!(decisions(&engine).len(), 1);
        assert_eq!(std::fs::read_to_string(&out).unwrap(), key);
    }
}
