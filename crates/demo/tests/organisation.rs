//! What may be relied on of the made-up organisation.

use std::collections::{BTreeMap, BTreeSet};

use demo::Organisation;
use model::{Attribute, Kind, Timestamp};

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

#[test]
fn the_same_seed_and_day_give_the_same_organisation() {
    let passes = |seed| -> Vec<_> {
        let made = Organisation::made_up(seed, 300, true, NOW);
        made.passes().collect()
    };
    assert_eq!(passes(1), passes(1));
    assert_ne!(passes(1), passes(2));
}

#[test]
fn passes_come_in_their_order_and_none_lies_ahead() {
    let made = Organisation::made_up(7, 300, false, NOW);
    let mut last = BTreeMap::new();
    for pass in made.passes() {
        assert!(pass.finished <= NOW, "{}", pass.source.as_str());
        let before = last.insert(pass.source.clone(), pass.started);
        assert!(before.is_none_or(|before| before < pass.started));
        let mut natives = BTreeSet::new();
        for seen in &pass.observations {
            assert!(
                natives.insert((seen.kind, seen.native.clone())),
                "{} twice",
                seen.native
            );
            let used = seen.fact(&Attribute::LAST_USED_AT);
            let used = used.is().and_then(|value| value.time());
            assert!(used.is_none_or(|at| at <= pass.started), "{}", seen.native);
        }
    }
    assert_eq!(last.len(), made.sources().count());
}

#[test]
fn it_has_about_as_many_identities_as_were_asked_for_and_some_that_went() {
    let made = Organisation::made_up(7, 2_000, false, NOW);
    let identities = |pass: &model::Collection| {
        let seen = pass.observations.iter();
        seen.filter(|one| one.kind == Kind::Identity).count()
    };
    let passes: Vec<_> = made.passes().collect();
    let last: usize = passes.iter().rev().take(6).map(identities).sum();
    assert!((1_800..=2_000).contains(&last), "{last}");
    let first: usize = passes.iter().take(6).map(identities).sum();
    assert!(first * 3 < last, "it grew: {first}, {last}");
}

#[test]
fn nothing_in_it_belongs_to_anybody() {
    let made = Organisation::made_up(7, 500, false, NOW);
    for pass in made.passes() {
        for seen in &pass.observations {
            let text = String::from_utf8(seen.to_bytes()).unwrap();
            let hosts = text.split(['"', ' ', '<', '>', '@', '/', ':']);
            for host in hosts.filter(|part| part.contains(".acme") || part.ends_with(".com")) {
                assert!(host.contains(".example"), "{host}");
            }
            let hashed = |key: &model::Key| key.to_string().contains("hmac");
            assert!(
                !seen.keys.iter().any(hashed),
                "a secret's fingerprint: {text}"
            );
        }
    }
}
