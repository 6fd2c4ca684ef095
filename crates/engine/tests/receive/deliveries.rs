//! What is let in reaches the roll as a file of logs would; what is not leaves no trace.

use serde_json::json;

use crate::world::{
    Clock, GITHUB, OKTA, drain, engine_at, event, github, hook, okta, receiver, roll, rows, scan,
    waiting,
};

fn story() -> Vec<serde_json::Value> {
    vec![
        event(1, "create", "2026-11-29T10:00:00Z"),
        event(2, "create", "2026-11-29T11:00:00Z"),
        event(1, "update", "2026-11-29T12:00:00Z"),
        event(2, "deactivate", "2026-11-30T09:00:00Z"),
        event(1, "delete", "2026-11-30T10:00:00Z"),
    ]
}

#[test]
fn the_same_events_by_push_and_from_a_log_file_give_the_same_roll() {
    let clock = Clock::new();
    let (pushed, logged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = logged.path().join("okta.jsonl");
    let lines: Vec<_> = story().iter().map(ToString::to_string).collect();
    std::fs::write(&log, lines.join("\n")).unwrap();
    let named = format!("logs:{}", log.display());
    let by_file = engine_at(logged.path(), &clock);
    scan(&by_file, &named);

    let by_push = engine_at(pushed.path(), &clock);
    let receiver = receiver(&by_push, None);
    for (n, one) in story().iter().enumerate() {
        let body = hook(&n.to_string(), clock.now(), std::slice::from_ref(one));
        assert_eq!(okta(&receiver, clock.now(), &body, "shown").status, 200);
        drain(&receiver, false);
    }
    drain(&receiver, true);
    let (told, expected) = (roll(&by_push), roll(&by_file));
    assert_eq!(expected.len(), 3, "two apps and the log: {expected:?}");
    assert_eq!(told, expected);

    // In one roll they are the same things, seen twice.
    scan(&by_push, &named);
    let both = rows(&by_push);
    let apps: Vec<_> = both.iter().filter(|row| row.type_ == "okta_app").collect();
    assert_eq!(apps.len(), 2, "{both:?}");
    assert!(apps.iter().all(|row| row.sources == 2), "{apps:?}");
}

#[test]
fn events_delivered_twice_or_out_of_order_change_nothing_more() {
    let clock = Clock::new();
    let mut first = None;
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]] {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine_at(dir.path(), &clock);
        let mut alerts = 0;
        // The second round comes to another process, which remembers no delivery.
        for round in 0..2 {
            let receiver = receiver(&engine, None);
            for n in order {
                let body = hook(&n.to_string(), clock.now(), &story()[n..=n]);
                assert_eq!(okta(&receiver, clock.now(), &body, "shown").status, 200);
                alerts += drain(&receiver, false).len();
            }
            alerts += drain(&receiver, true).len();
            assert_eq!(alerts, 2, "round {round}: two apps are born");
            let told = roll(&engine);
            assert_eq!(
                first.get_or_insert_with(|| told.clone()),
                &told,
                "{order:?}"
            );
        }
    }
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// What GitHub sends when that is done to a deploy key that was added then.
pub(crate) fn deploy_key(action: &str, added: &str) -> String {
    json!({
        "action": action, "repository": {"full_name": "acme/shop"}, "organization": {"login": "acme"},
        "sender": {"login": "ann"},
        "key": {"title": "deploy", "created_at": added, "key": KEY},
    })
    .to_string()
}

#[test]
fn what_tells_no_time_of_its_own_is_a_repetition_where_the_same_process_gets_it_again() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let receiver = receiver(&engine, None);
    let body = deploy_key("deleted", "2026-11-01T00:00:00Z");
    for _ in 0..3 {
        let answer = github(&receiver, clock.now(), "deploy_key", &body);
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        drain(&receiver, true);
        clock.pass(1);
    }
    let counts = receiver.counts();
    assert_eq!(counts[&(GITHUB.to_owned(), "taken")], 1);
    assert_eq!(counts[&(GITHUB.to_owned(), "repeated")], 2);
    assert_eq!(counts.get(&(GITHUB.to_owned(), "replayed")), None);
}

/// GitHub tells no time of a deletion: that of its coming counts, once.
#[test]
fn what_tells_no_time_of_its_own_keeps_the_time_it_first_came() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let body = deploy_key("deleted", "2026-11-01T00:00:00Z");
    let mut first = None;
    for _ in 0..3 {
        // Each time another process, a day later.
        let receiver = receiver(&engine, None);
        assert_eq!(
            github(&receiver, clock.now(), "deploy_key", &body).status,
            200
        );
        drain(&receiver, true);
        let told = roll(&engine);
        assert!(told.keys().any(|key| key.contains("SHA256:")), "{told:?}");
        assert_eq!(first.get_or_insert_with(|| told.clone()), &told);
        clock.pass(86_400);
    }
}

/// Whoever recorded a deletion may send it when the key is in use again.
#[test]
fn a_deletion_that_is_sent_again_after_weeks_ends_no_key_that_was_added_again() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let deliver = |action: &str, added: &str| {
        // Each time another process, which remembers no delivery.
        let receiver = receiver(&engine, None);
        let body = deploy_key(action, added);
        let answer = github(&receiver, clock.now(), "deploy_key", &body);
        assert_eq!(answer.status, 200);
        drain(&receiver, true);
        clock.pass(10 * 86_400);
        roll(&engine)
    };
    deliver("created", "2026-11-01T00:00:00Z");
    let ended = deliver("deleted", "2026-11-01T00:00:00Z");
    let again = deliver("created", "2026-12-19T00:00:00Z");
    assert_ne!(ended, again);
    assert_eq!(deliver("deleted", "2026-11-01T00:00:00Z"), again);
    // The deletion of the one that was added again is another.
    assert_ne!(deliver("deleted", "2026-12-19T00:00:00Z"), again);
}

#[test]
fn what_is_refused_is_counted_and_writes_nothing() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let receiver = receiver(&engine, None);
    let now = clock.now();
    let body = hook("1", now, &story());
    let old = hook("1", model::Timestamp(now.0 - 2 * 86_400_000_000), &story());
    let answers = [
        okta(&receiver, now, &body, "guessed").status,
        okta(&receiver, now, &body, "").status,
        okta(&receiver, now, "{", "shown").status,
        okta(&receiver, now, &old, "shown").status,
    ];
    assert_eq!(answers, [401, 401, 400, 401]);
    assert_eq!(waiting(&engine, "okta/acme"), 0);
    assert_eq!(drain(&receiver, true), []);
    assert_eq!(rows(&engine).len(), 0);
    let counts = receiver.counts();
    let count = |what| counts.get(&(OKTA.to_owned(), what)).copied();
    assert_eq!(count("wrong_signature"), Some(2));
    assert_eq!(count("malformed"), Some(1));
    assert_eq!(count("stale"), Some(1));
    assert_eq!(count("taken"), None);

    // An id that came before with other content is no repetition.
    assert_eq!(okta(&receiver, now, &body, "shown").status, 200);
    assert_eq!(okta(&receiver, now, &body, "shown").status, 200);
    assert_eq!(waiting(&engine, "okta/acme"), 1);
    let forged = hook("1", now, &story()[..1]);
    assert_eq!(okta(&receiver, now, &forged, "shown").status, 409);
    assert_eq!(waiting(&engine, "okta/acme"), 1);
    let counts = receiver.counts();
    assert_eq!(counts[&(OKTA.to_owned(), "repeated")], 1);
    assert_eq!(counts[&(OKTA.to_owned(), "replayed")], 1);
}

#[test]
fn a_full_queue_says_when_to_come_again_and_loses_nothing_it_took() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let receiver = receiver(&engine, None).with_queue(2);
    let now = clock.now();
    let deliver = |n: u32| {
        let born = event(n, "create", "2026-11-30T11:59:00Z");
        okta(&receiver, now, &hook(&n.to_string(), now, &[born]), "shown")
    };
    assert_eq!([deliver(1).status, deliver(2).status], [200, 200]);
    let full = deliver(3);
    assert_eq!(full.status, 503);
    assert_eq!(full.headers, [("retry-after", "5".to_owned())]);
    assert_eq!(drain(&receiver, false).len(), 2);
    // Tried again, as it was told, it is no repetition: it was not taken.
    assert_eq!(deliver(3).status, 200);
    assert_eq!(drain(&receiver, false).len(), 1);
    assert_eq!(receiver.counts()[&(OKTA.to_owned(), "queue_full")], 1);
}

#[test]
fn uses_wait_for_one_pass_and_births_do_not() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let receiver = receiver(&engine, None);
    let used = json!({
        "uuid": "u", "published": "2026-11-30T11:59:00Z", "eventType": "app.oauth2.token.grant", "outcome": {"result": "SUCCESS"},
        "actor": {"id": "0oa7", "type": "PublicClientApp", "displayName": "app 7"},
    });
    drain(&receiver, true);
    okta(
        &receiver,
        clock.now(),
        &hook("1", clock.now(), &[used]),
        "shown",
    );
    drain(&receiver, false);
    assert_eq!(waiting(&engine, "okta/acme"), 1, "a use waits");
    let born = event(1, "create", "2026-11-30T11:59:30Z");
    okta(
        &receiver,
        clock.now(),
        &hook("2", clock.now(), &[born]),
        "shown",
    );
    assert_eq!(drain(&receiver, false).len(), 1);
    assert_eq!(
        waiting(&engine, "okta/acme"),
        0,
        "and goes with the next birth"
    );
    let paths: Vec<_> = receiver.paths().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(paths, [GITHUB, OKTA]);
}

/// What the first pass could not read.
fn gaps(drained: &engine::receive::Drained) -> Vec<String> {
    let gaps = &drained.passes[0].gaps;
    gaps.iter().map(|gap| gap.told.clone()).collect()
}

#[test]
fn what_waits_and_cannot_be_read_is_left_told_and_holds_up_nothing() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let source = model::SourceId::new("events-waiting", "okta/acme");
    for (part, about, body) in [
        ("0 a", "events 1", "[[\"what is this\",\"{}\"]]"),
        ("0 b", "events 9", "[]"),
    ] {
        let one = store::JournalPart {
            part: part.to_owned(),
            about: about.to_owned(),
            started: clock.now(),
            body: body.as_bytes().to_vec(),
        };
        let kept = engine.store.write(store::Durability::Full, |writing| {
            writing.keep_part(&engine.tenant, &source, &one)
        });
        kept.unwrap();
    }
    let receiver = receiver(&engine, None);
    let born = event(1, "create", "2026-11-30T11:59:00Z");
    let body = hook("1", clock.now(), &[born]);
    assert_eq!(okta(&receiver, clock.now(), &body, "shown").status, 200);
    for (all, deliveries) in [(false, 1), (true, 0)] {
        let drained = receiver.drain(all, &mut |_| Ok(())).unwrap();
        assert_eq!((drained.left, drained.deliveries), (2, deliveries));
        let told = gaps(&drained);
        let left = told
            .iter()
            .filter(|told| told.starts_with("2 deliveries that wait"));
        assert_eq!(left.count(), 1, "{told:?}");
    }
    let drained = receiver.drain(false, &mut |_| Ok(())).unwrap();
    assert_eq!((drained.left, drained.passes.len()), (2, 0));
    assert_eq!(
        waiting(&engine, "okta/acme"),
        2,
        "another version may read them"
    );
}

#[test]
fn what_of_a_delivery_cannot_be_read_is_a_gap_of_the_next_pass() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let mut broken = event(2, "create", "2026-11-30T11:59:00Z");
    broken["published"] = json!("no time at all");
    let born = event(1, "create", "2026-11-30T11:59:00Z");
    let body = hook("1", clock.now(), &[born, broken]);
    // It is kept: whoever brings it in is another process.
    let taken = okta(&receiver(&engine, None), clock.now(), &body, "shown");
    assert_eq!(taken.status, 200);
    let receiver = receiver(&engine, None);
    let drained = receiver.drain(false, &mut |_| Ok(())).unwrap();
    assert_eq!((drained.deliveries, drained.alerts), (1, 1));
    let told = gaps(&drained);
    let unread = told.iter().filter(|told| told.starts_with("1 record"));
    assert_eq!(unread.count(), 1, "{told:?}");
    let drained = receiver.drain(true, &mut |_| Ok(())).unwrap();
    assert_eq!(gaps(&drained).len(), 1, "it is told of one pass");
    assert_eq!(waiting(&engine, "okta/acme"), 0);
}

/// As on several nodes: whoever is asked takes, and one brings in.
#[test]
fn of_two_that_receive_into_one_store_both_take_and_one_brings_in() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let one = engine_at(dir.path(), &clock);
    let mut other = engine_at(dir.path(), &clock);
    other.actor = "person:other".to_owned();
    let (first, second) = (receiver(&one, None), receiver(&other, None));
    assert_eq!(drain(&first, false), []);
    for (receiver, n) in [(&first, 1), (&second, 2)] {
        let born = event(n, "create", "2026-11-30T11:59:00Z");
        let body = hook(&n.to_string(), clock.now(), &[born]);
        assert_eq!(okta(receiver, clock.now(), &body, "shown").status, 200);
    }
    assert_eq!(drain(&second, false), [], "it is the other one's turn");
    assert_eq!(drain(&first, false).len(), 2);
    drop(first);
    // What the one knew the other knows now.
    let again = hook(
        "3",
        clock.now(),
        &[event(1, "create", "2026-11-30T11:59:00Z")],
    );
    assert_eq!(okta(&second, clock.now(), &again, "shown").status, 200);
    assert_eq!(drain(&second, false), []);
    assert_eq!(waiting(&one, "okta/acme"), 0);
}
