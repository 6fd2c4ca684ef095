//! The invariants S-1 to S-8 and the rules RP-1 to RP-8 of the revocation reference, over random
//! sequences of events, receipts and probes.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::collections::BTreeMap;

use lifecycle::{Event, Record, Verdict, assemble, judge, next, pause, rank};
use model::{
    Act, CredentialType, Duration, Grade, Outcome, Path, Plan, PlanBody, Probe, Probed, Receipt,
    State, StepKind, Subject, Survivor, Tenant, Timestamp, Window,
};
use proptest::prelude::*;

const PATHS: &[Path] = &[Path::NewLogin, Path::HeldSession];
const WINDOW: Window = Window {
    denials: 3,
    over: Duration::seconds(5),
    first_after: Duration::seconds(0),
};

fn plan(survives: Vec<Survivor>) -> Plan {
    let sighting = model::SightingKey {
        source: "postgres_roles:127.0.0.1:5432".parse().unwrap(),
        kind: model::Kind::Credential,
        native: "role/7/password".to_owned(),
    };
    Plan::new(PlanBody {
        v: 1,
        tenant: Tenant::local(),
        act: Act::Revoke,
        subject: Subject {
            entity: model::EntityId::of(&sighting),
            name: "x".to_owned(),
            credential: CredentialType::PostgresPassword,
            source: sighting.source,
            native: "role/7".to_owned(),
            handle: BTreeMap::new(),
            principal: "role/7".to_owned(),
            seen_at: Vec::new(),
            fingerprints: Vec::new(),
        },
        steps: Vec::new(),
        window: WINDOW,
        windows: Vec::new(),
        children: vec![("held_session".to_owned(), "ended".to_owned())],
        survives,
        consumers: Vec::new(),
        parent: None,
        generation: 1,
        created: Timestamp(0),
        by: "person:test".to_owned(),
    })
}

fn receipt(kind: StepKind, second: i64, outcome: Outcome) -> Receipt {
    Receipt {
        plan: model::PlanId("pln-x".to_owned()),
        step: 1,
        kind,
        at: Timestamp::from_seconds(second),
        outcome,
        token: 1,
    }
}

fn probe(path: Path, millis: i64, probed: Probed) -> Probe {
    Probe {
        path,
        at: Timestamp(millis * 1000),
        probed,
    }
}

fn accepted(principal: &str) -> Probed {
    Probed::Accepted {
        principal: principal.to_owned(),
    }
}

fn denied() -> Probed {
    Probed::Denied {
        code: "28P01".to_owned(),
    }
}

/// Controlled at 9 s, cut at 10 s, denied on both paths over the window.
fn dead() -> Record {
    let mut record = Record {
        receipts: vec![
            receipt(
                StepKind::Control,
                9,
                Outcome::Controlled {
                    principal: "role/7".to_owned(),
                },
            ),
            receipt(
                StepKind::Cut,
                10,
                Outcome::Done {
                    told: String::new(),
                    count: None,
                },
            ),
        ],
        probes: Vec::new(),
        bearer: true,
        lost: Vec::new(),
        read_back: Some(true),
        ..Record::default()
    };
    for path in PATHS {
        record.probes.push(probe(*path, 8_500, accepted("role/7")));
        for n in 0..7 {
            record
                .probes
                .push(probe(*path, 10_000 + n * 1_000, denied()));
        }
    }
    record
}

const LATER: Timestamp = Timestamp::from_seconds(60);

#[test]
fn what_was_controlled_cut_and_denied_over_the_window_is_proven() {
    let plan = plan(Vec::new());
    let Verdict::Proved(proved) = judge(&plan.body, PATHS, &dead(), LATER) else {
        panic!("not proven");
    };
    let state = next(&State::Probing, Event::Proved(proved), LATER).unwrap();
    let proof = assemble(&plan, PATHS, &dead(), &state, "real");
    assert_eq!(proof.grade, Grade::A);
    assert_eq!(proof.time_to_denied, Some(Duration::seconds(0)));
    assert!(proof.children[0].1.starts_with("denied over the window"));
}

#[test]
fn sessions_are_told_as_found_ended_and_left_and_never_counted_twice() {
    let plan = plan(Vec::new());
    let told = |record: &Record| {
        let told = assemble(&plan, PATHS, record, &State::Probing, "real").sessions;
        (told.found, told.ended, told.left)
    };
    let ended = |count| {
        let told = String::new();
        receipt(StepKind::EndSessions, 11, Outcome::Done { told, count })
    };
    let mut record = dead();
    assert_eq!(told(&record), (None, None, None), "nobody was asked");
    // Shown before they are ended, three are there and two go; the third is tried again.
    record.show_sessions(Some(3));
    record.find_sessions(Some(3));
    record.receipts.push(ended(Some(2)));
    record.show_sessions(Some(1));
    assert_eq!(told(&record), (Some(3), Some(2), Some(1)));
    record.find_sessions(Some(1));
    record.receipts.push(ended(Some(1)));
    record.show_sessions(Some(0));
    assert_eq!(told(&record), (Some(3), Some(3), Some(0)));
    // One comes anew, is shown, and is ended; nobody acknowledges that.
    record.show_sessions(Some(1));
    assert_eq!(told(&record), (Some(3), Some(3), Some(1)));
    record.find_sessions(Some(1));
    record.receipts.push(ended(None));
    record.show_sessions(Some(0));
    assert_eq!(told(&record), (Some(4), Some(3), Some(0)));

    let mut none = dead();
    none.find_sessions(Some(0));
    assert_eq!(told(&none), (Some(0), Some(0), Some(0)));
    let mut silent = dead();
    silent.find_sessions(None);
    assert_eq!(told(&silent), (None, None, None), "no such concept");
}

/// A proof that an older program wrote is read, and tells nothing that it did not know.
#[test]
fn a_proof_from_before_sessions_were_told_is_read() {
    let plan = plan(Vec::new());
    let proof = assemble(&plan, PATHS, &dead(), &State::Probing, "real");
    let mut written = serde_json::to_value(&proof).unwrap();
    let members = written.as_object_mut().unwrap();
    assert!(members.remove("sessions").is_some());
    let read: model::Proof = serde_json::from_value(written).unwrap();
    assert_eq!(read, proof);
}

/// RP-1: each lie at the control, and no control at all.
#[test]
fn without_a_control_that_finds_the_principal_nothing_is_proven() {
    let body = plan(Vec::new()).body;
    let mut without = dead();
    without.receipts.remove(0);
    let mut another = dead();
    another.receipts[0].outcome = Outcome::Controlled {
        principal: "role/8".to_owned(),
    };
    let mut one_path = dead();
    one_path
        .probes
        .retain(|one| one.path == Path::NewLogin || one.at.seconds() >= 10);
    let mut impossible = dead();
    impossible.receipts[0].outcome = Outcome::Impossible { why: String::new() };
    for record in [without, another, one_path, impossible] {
        let verdict = judge(&body, PATHS, &record, LATER);
        assert!(
            matches!(
                verdict,
                Verdict::Unprovable {
                    grade: Grade::B,
                    ..
                }
            ),
            "{verdict:?}"
        );
    }
}

/// RP-7, RP-8: what survives by design is named with its end, and proof waits for it.
#[test]
fn what_survives_by_design_keeps_the_row_open_until_its_end() {
    let survivor = Survivor {
        what: "sessions".to_owned(),
        lives_at_most: Some(Duration::hours(36)),
        cut_by_plan: false,
    };
    let body = plan(vec![survivor]).body;
    let until = Timestamp::from_seconds(10) + Duration::hours(36);
    let verdict = judge(&body, PATHS, &dead(), LATER);
    assert!(
        matches!(&verdict, Verdict::Survives { until: Some(at), .. } if *at == until),
        "{verdict:?}"
    );
    assert!(matches!(
        judge(&body, PATHS, &dead(), until),
        Verdict::Proved(_)
    ));
}

/// What was minted before the cut and lost in a crash is waited for until it cannot live.
#[test]
fn a_path_that_was_lost_is_proven_by_the_end_of_its_life_alone() {
    let sessions = |lives_at_most| Survivor {
        what: "sessions".to_owned(),
        lives_at_most,
        cut_by_plan: true,
    };
    let mut record = dead();
    record
        .probes
        .retain(|one| one.path == Path::NewLogin || one.at.seconds() < 10);
    record.lost = vec![Path::HeldSession];
    let finite = plan(vec![sessions(Some(Duration::hours(36)))]).body;
    let until = Timestamp::from_seconds(10) + Duration::hours(36);
    let verdict = judge(&finite, PATHS, &record, LATER);
    assert!(
        matches!(&verdict, Verdict::Survives { until: Some(at), .. } if *at == until),
        "{verdict:?}"
    );
    assert!(matches!(
        judge(&finite, PATHS, &record, until),
        Verdict::Proved(_)
    ));
    let endless = plan(vec![sessions(None)]).body;
    assert!(matches!(
        judge(&endless, PATHS, &record, until),
        Verdict::Unprovable { .. }
    ));
    // A new login that could not be watched is never waited out.
    record.lost = vec![Path::NewLogin, Path::HeldSession];
    record.probes.clear();
    assert!(!matches!(
        judge(&finite, PATHS, &record, until),
        Verdict::Proved(_)
    ));
}

/// S-5.
#[test]
fn a_secret_that_is_gone_before_the_window_is_full_ends_unverifiable() {
    let body = plan(Vec::new()).body;
    let mut record = dead();
    record.probes.retain(|one| one.at.seconds() < 12);
    assert!(matches!(
        judge(&body, PATHS, &record, LATER),
        Verdict::NotYet { .. }
    ));
    record.bearer = false;
    assert!(matches!(
        judge(&body, PATHS, &record, LATER),
        Verdict::Unprovable { .. }
    ));
}

/// S-4.
#[test]
fn already_absent_is_no_proof() {
    let body = plan(Vec::new()).body;
    let mut record = dead();
    record.probes.retain(|one| one.at.seconds() < 10);
    let already = Outcome::Already {
        told: "no such role".to_owned(),
    };
    record.receipts[1].outcome = already.clone();
    record.receipts.push(receipt(StepKind::Remove, 11, already));
    assert!(matches!(
        judge(&body, PATHS, &record, LATER),
        Verdict::NotYet { .. }
    ));
}

/// Mostly what an honest provider answers, before and after the cut at 10 s, with lies mixed in.
fn probes() -> impl Strategy<Value = Vec<Probe>> {
    let before = (
        0i64..10_000,
        prop_oneof![
            12 => Just(accepted("role/7")),
            1 => Just(accepted("role/8")),
            1 => Just(denied()),
        ],
    );
    let after = (
        10_000i64..20_000,
        prop_oneof![
            30 => Just(denied()),
            1 => Just(accepted("role/7")),
            2 => Just(Probed::Unclear { why: "503".to_owned() }),
        ],
    );
    let path = || prop_oneof![Just(Path::NewLogin), Just(Path::HeldSession)];
    let some = (
        prop::collection::vec((path(), before), 0..6),
        prop::collection::vec((path(), after), 0..30),
    );
    some.prop_map(|(before, after)| {
        let mut all: Vec<_> = before
            .into_iter()
            .chain(after)
            .map(|(path, (at, probed))| probe(path, at, probed))
            .collect();
        all.sort_by_key(|one| one.at);
        all
    })
}

fn records() -> impl Strategy<Value = Record> {
    let control = prop_oneof![
        8 => Just(Some("role/7")),
        1 => Just(Some("role/8")),
        1 => Just(None),
    ];
    let cut = prop_oneof![9 => Just(true), 1 => Just(false)];
    (probes(), control, cut, any::<bool>(), any::<Option<bool>>()).prop_map(
        |(probes, control, cut, bearer, read_back)| {
            let mut record = dead();
            record.receipts[0].outcome = match control {
                Some(principal) => Outcome::Controlled {
                    principal: principal.to_owned(),
                },
                None => Outcome::Impossible { why: String::new() },
            };
            if !cut {
                record.receipts.pop();
            }
            Record {
                probes,
                bearer,
                read_back,
                ..record
            }
        },
    )
}

/// Said again in the plainest words, to compare with: control before the cut, and no acceptance
/// after a last run of at least three denials that spans five seconds, on both paths.
fn plainly_dead(record: &Record) -> bool {
    let Some(cut) = record.cut_at() else {
        return false;
    };
    let expected = Outcome::Controlled {
        principal: "role/7".to_owned(),
    };
    record.receipts[0].outcome == expected
        && PATHS.iter().all(|path| {
            let on_path: Vec<_> = record
                .probes
                .iter()
                .filter(|one| one.path == *path)
                .collect();
            let last_before = on_path
                .iter()
                .rfind(|one| one.at < cut && !matches!(one.probed, Probed::Unclear { .. }));
            let run: Vec<_> = on_path
                .iter()
                .rev()
                .take_while(|one| one.at >= cut && !matches!(one.probed, Probed::Accepted { .. }))
                .filter(|one| matches!(one.probed, Probed::Denied { .. }))
                .collect();
            last_before.is_some_and(|one| one.probed == accepted("role/7"))
                && run.len() >= 3
                && run[0].at.since(run[run.len() - 1].at) >= Duration::seconds(5)
        })
}

/// What an adversary of the state machine may try at any time.
fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Cut),
        Just(Event::SessionsEnded),
        Just(Event::ProviderAcked),
        Just(Event::ProbingBegan),
        Just(Event::Retried),
        Just(Event::ProbeAgain),
        Just(Event::Reopened),
        Just(Event::Survives {
            until: None,
            why: String::new()
        }),
        Just(Event::Unprovable {
            why: String::new(),
            grade: Grade::B
        }),
        Just(Event::Forced { why: String::new() }),
        (1u32..1_000_000, any::<u64>()).prop_map(|(tries, seed)| Event::Failed {
            why: String::new(),
            tries,
            pause: pause(tries, seed)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// S-3, RP-1 to RP-3.
    #[test]
    fn nothing_is_proven_without_control_and_window(record in records()) {
        let body = plan(Vec::new()).body;
        if matches!(judge(&body, PATHS, &record, LATER), Verdict::Proved(_)) {
            prop_assert!(plainly_dead(&record), "{record:?}");
        }
    }

    /// S-3: no sequence of events reaches `proven` without the word of `judge`.
    #[test]
    fn no_sequence_of_events_alone_proves(events in prop::collection::vec(events(), 0..40)) {
        let mut state = State::Requested;
        for event in events {
            state = next(&state, event, LATER).unwrap_or(state);
            prop_assert_ne!(state.as_str(), "proven");
        }
    }

    /// S-1.
    #[test]
    fn no_number_of_failures_closes_a_row(failures in prop::collection::vec((any::<u32>(), any::<u64>()), 1..50)) {
        let mut state = State::SessionsEnded;
        for (tries, seed) in failures {
            let event = Event::Failed { why: "503".to_owned(), tries, pause: pause(tries, seed) };
            state = next(&state, event, LATER).unwrap();
            let State::Failed { next: at, from, .. } = &state else { panic!("{state:?}") };
            prop_assert!(*at > LATER && **from == State::SessionsEnded);
        }
        prop_assert_eq!(next(&state, Event::Retried, LATER).unwrap(), State::SessionsEnded);
    }

    /// S-2.
    #[test]
    fn force_leads_to_unverifiable_alone(events in prop::collection::vec(events(), 0..20)) {
        let state = events.into_iter().fold(State::Requested, |state, event| next(&state, event, LATER).unwrap_or(state));
        let forced = next(&state, Event::Forced { why: "me".to_owned() }, LATER).unwrap();
        let unverifiable = matches!(forced, State::Unverifiable { grade: Grade::C, .. });
        prop_assert!(unverifiable, "{:?}", forced);
    }

    /// S-8: no event skips a state, and only a reopening goes back.
    #[test]
    fn one_event_goes_one_state_at_most(events in prop::collection::vec(events(), 0..40)) {
        let mut state = State::Requested;
        for event in events {
            let reopens = matches!(event, Event::Reopened | Event::ProbeAgain);
            let after = next(&state, event, LATER).unwrap_or_else(|_| state.clone());
            if let (Some(a), Some(b), false) = (rank(&state), rank(&after), reopens) {
                prop_assert!(b == a || b == a + 1, "{state:?} -> {after:?}");
            }
            state = after;
        }
    }

    /// The time to the first denial never gets shorter as more probes come in.
    #[test]
    fn time_to_denied_is_monotone_in_the_record(record in records()) {
        let plan = plan(Vec::new());
        let mut before = None;
        for n in 0..=record.probes.len() {
            let part = Record { probes: record.probes[..n].to_vec(), ..record.clone() };
            let proof = assemble(&plan, PATHS, &part, &State::Probing, "stub");
            if let (Some(before), Some(now)) = (before, proof.time_to_denied) {
                prop_assert!(now >= before);
            }
            before = proof.time_to_denied.or(before);
        }
    }

    /// RP-8: no proof that is not proven carries grade A unless every path was denied in full.
    #[test]
    fn grade_a_is_for_replayed_and_denied_alone(record in records()) {
        let plan = plan(Vec::new());
        let proof = assemble(&plan, PATHS, &record, &State::Probing, "stub");
        if proof.grade == Grade::A {
            let row = |path| record.count(path, &plan.body).fills(&WINDOW);
            prop_assert!(PATHS.iter().all(|path| row(*path)) && proof.control.is_some());
        }
    }
}
