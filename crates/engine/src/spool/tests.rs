//! Claims about the spool.

use model::{Attribute, Scope};
use proptest::prelude::*;

use super::*;

fn seen(kind: Kind, native: &str) -> Observation {
    Observation::new(kind, native, &Scope::whole()).is(Attribute::NAME, native)
}

/// All that comes out, with its body, by way of a spool that holds `memory_max`.
fn through(all: &[Observation], memory_max: usize) -> Vec<(Spooled, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool {
        keys: runs::Keys::new(dir.path(), memory_max),
        bodies: Bodies::new(dir.path(), memory_max),
    };
    for one in all {
        spool.push(one).unwrap();
    }
    assert_eq!(spool.len(), all.len() as u64);
    let (entries, bodies) = spool.sorted().unwrap();
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let body = bodies.read(entry.body).unwrap();
            (entry, body)
        })
        .collect()
}

proptest! {
    #[test]
    fn what_goes_in_in_any_order_comes_out_whole_and_in_order(
        all in prop::collection::vec((prop::sample::select(KINDS.to_vec()), ".{1,12}"), 0..40),
        memory_max in 1usize..2000,
    ) {
        let all: Vec<_> = all.iter().map(|(kind, native)| seen(*kind, native)).collect();
        let mut out = through(&all, memory_max);
        let keys: Vec<_> = out.iter()
            .map(|(entry, _)| (rank(entry.kind), entry.native.clone().into_bytes()))
            .collect();
        prop_assert!(keys.is_sorted());
        let mut bytes: Vec<_> = all.iter().map(Observation::to_bytes).collect();
        for (entry, body) in &out {
            prop_assert_eq!(entry.hash, Observation::hash(body));
            let read: Observation = serde_json::from_slice(body).unwrap();
            prop_assert_eq!((read.kind, &read.native), (entry.kind, &entry.native));
        }
        bytes.sort();
        out.sort_by(|a, b| a.1.cmp(&b.1));
        prop_assert_eq!(bytes, out.into_iter().map(|(_, body)| body).collect::<Vec<_>>());
    }
}

#[test]
fn what_comes_sorted_makes_one_run_however_little_memory_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let runs = |step: usize| {
        let mut keys = runs::Keys::new(dir.path(), 512);
        for n in 0..1000 {
            let native = format!("{:04}", n * step % 1009);
            keys.push(Kind::Credential, &native, [0; 16], BodyAt { at: 0, len: 0 })
                .unwrap();
        }
        keys.run_count()
    };
    assert_eq!(runs(1), 1);
    assert!(runs(509) > 10);
}

#[test]
fn nothing_lies_about_while_it_runs_nor_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::new(dir.path(), 0);
    for n in 0..3000 {
        spool
            .push(&seen(Kind::Identity, &format!("{n:0100}")))
            .unwrap();
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(spool.sorted().unwrap().0.count(), 3000);
}

#[test]
fn an_id_that_is_empty_or_endless_is_refused_with_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::new(dir.path(), 0);
    for (native, length) in [
        (String::new(), "got 0 bytes"),
        ("x".repeat(1025), "got 1025 bytes"),
    ] {
        let told = spool
            .push(&seen(Kind::Identity, &native))
            .unwrap_err()
            .to_string();
        assert!(told.contains(length) && told.len() < 200, "{told}");
    }
    assert!(spool.is_empty());
}

#[test]
fn a_full_disk_says_where_to_make_room() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let told = disk(Path::new("/var/lib/keyroll"), "writing to", full).to_string();
    assert!(
        told.contains("no room left in `/var/lib/keyroll`"),
        "{told}"
    );
}
