//! The contract of every connector.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use connectors::{Connector, Context, Error, Login, PortKind, catalog};
use model::{Kind, Reason, Told};
use proptest::prelude::*;

use crate::fake::{
    Answering, Pass, Recorded, Refusing, Repeating, Stopping, TestKey, Truncating, now, pass,
};

fn each(mut test: impl FnMut(&dyn Connector, Recorded)) {
    let mut failed = Vec::new();
    for connector in catalog() {
        let name = connector.spec().name;
        let run = AssertUnwindSafe(|| test(connector, Recorded::read(name)));
        // All are told, not only the first: engineers of several may be at work.
        if std::panic::catch_unwind(run).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "does not hold for {failed:?}");
}

fn recorded_pass(connector: &dyn Connector, mut recorded: Recorded) -> (Pass, Recorded) {
    let out = pass(
        connector,
        &mut recorded.port,
        &recorded.target,
        &recorded.options,
    );
    (out, recorded)
}

/// SY-1.
#[test]
fn each_connector_reads_its_recording() {
    each(|connector, recorded| {
        let name = connector.spec().name;
        let (out, recorded) = recorded_pass(connector, recorded);
        let dated = recorded
            .json
            .get("recorded")
            .and_then(|v| v.as_str())
            .unwrap_or_default();
        assert!(
            dated.starts_with("20"),
            "{name}: its recording says when it was made"
        );
        assert!(
            !out.seen.is_empty(),
            "{name}: nothing seen in its recording"
        );
        insta::assert_snapshot!(name, out.shown());
    });
}

/// SY-1: a second reading says the same, so that collecting twice can change nothing.
#[test]
fn a_second_reading_of_a_recording_says_the_same() {
    each(|connector, recorded| {
        let (first, recorded) = recorded_pass(connector, recorded);
        let (second, _) = recorded_pass(connector, recorded);
        assert_eq!(first, second, "{}", connector.spec().name);
    });
}

/// A native id names one thing: no two observations of one kind share it.
#[test]
fn no_two_observations_share_a_native_id() {
    each(|connector, recorded| {
        let (out, _) = recorded_pass(connector, recorded);
        let mut ids = BTreeSet::new();
        for one in &out.seen {
            assert!(
                ids.insert((one.kind, one.native.clone())),
                "{}: {}",
                connector.spec().name,
                one.native
            );
            assert!(
                !one.native.is_empty() && one.native.len() <= 1024,
                "{}",
                one.native
            );
            assert!(
                one.keys
                    .iter()
                    .all(|key| !key.value.is_empty() && key.value.len() <= 512),
                "{one:?}"
            );
        }
    });
}

/// SY-2.
#[test]
fn a_refused_question_is_a_gap_and_never_an_empty_source() {
    each(|connector, recorded| {
        for reason in [Reason::Denied, Reason::Throttled, Reason::Failed] {
            let out = pass(
                connector,
                &mut Refusing(reason),
                &recorded.target,
                &recorded.options,
            );
            let name = connector.spec().name;
            assert!(!out.gaps.is_empty(), "{name}");
            assert!(
                out.gaps.iter().any(|gap| gap.reason == reason),
                "{name}: {:?}",
                out.gaps
            );
            assert!(out.seen.is_empty(), "{name}: {:?}", out.seen);
        }
    });
}

/// SY-2: a refusal of any one question of the recording leaves a gap of its own.
#[test]
fn each_question_refused_by_itself_leaves_a_gap() {
    each(|connector, recorded| {
        let (whole, recorded) = recorded_pass(connector, recorded);
        let name = connector.spec().name;
        let questions: BTreeSet<_> = recorded.port.asked.iter().cloned().collect();
        for question in questions {
            let mut json = recorded.json.clone();
            json.as_object_mut().unwrap().remove(&question);
            let mut port = connectors::Recording::parse(&json.to_string()).unwrap();
            let out = pass(connector, &mut port, &recorded.target, &recorded.options);
            assert!(
                out.gaps.len() > whole.gaps.len()
                    || out.gaps != whole.gaps
                    || !recorded.json.as_object().unwrap().contains_key(&question),
                "{name}: `{question}` was refused and nobody says so"
            );
        }
    });
}

/// A refusal that ends the pass is the last question, and the pass says that it was stopped.
#[test]
fn a_stopped_pass_asks_nothing_more() {
    each(|connector, recorded| {
        let mut port = Stopping(0);
        let out = pass(connector, &mut port, &recorded.target, &recorded.options);
        assert!(
            out.stopped && port.0 == 1,
            "{}: asked {} times",
            connector.spec().name,
            port.0
        );
    });
}

/// SY-3.
#[test]
fn a_malformed_answer_is_a_gap_and_never_a_panic() {
    let nested = "[".repeat(100_000);
    let contents: [&[u8]; 5] = [
        b"{\"truncat",
        b"\xff\xfe\x00garbage",
        b"<a><b>",
        nested.as_bytes(),
        b"-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIB\n",
    ];
    each(|connector, recorded| {
        for content in contents {
            let mut port = Answering {
                content: content.to_vec(),
                asked: 0,
            };
            let out = pass(connector, &mut port, &recorded.target, &recorded.options);
            assert!(
                !out.gaps.is_empty(),
                "{}: {:?}",
                connector.spec().name,
                &content[..8.min(content.len())]
            );
        }
    });
}

/// SY-3.
#[test]
fn an_answer_that_is_cut_off_is_a_gap() {
    each(|connector, mut recorded| {
        let mut port = Truncating(recorded.port.clone());
        let out = pass(connector, &mut port, &recorded.target, &recorded.options);
        let whole = pass(
            connector,
            &mut recorded.port,
            &recorded.target,
            &recorded.options,
        );
        assert!(
            out.gaps.len() > whole.gaps.len(),
            "{}: {:?}",
            connector.spec().name,
            out.gaps
        );
    });
}

/// SY-4.
#[test]
fn paging_ends_though_the_source_does_not() {
    each(|connector, recorded| {
        let mut port = Answering {
            content: endless_page(connector.spec().port),
            asked: 0,
        };
        pass(connector, &mut port, &recorded.target, &recorded.options);
        assert!(
            port.asked < 100_000,
            "{}: asked {} times",
            connector.spec().name,
            port.asked
        );
    });
}

/// SY-4: the same with answers of its own.
#[test]
fn paging_ends_though_every_page_is_the_first() {
    each(|connector, recorded| {
        let mut port = Repeating::new(recorded.port);
        pass(connector, &mut port, &recorded.target, &recorded.options);
        assert!(
            port.asked < 100_000,
            "{}: asked {} times",
            connector.spec().name,
            port.asked
        );
    });
}

/// A page that says there is always one more, in the words of those who page by a marker.
fn endless_page(port: PortKind) -> Vec<u8> {
    match port {
        PortKind::Http(Login::Token(_)) => {
            br#"[{"id":1,"name":"x","revoked":false,"user_id":1,"created_at":"2026-01-05T10:00:00Z","scopes":[]}]"#.to_vec()
        }
        PortKind::Http(Login::Kubernetes) => {
            br#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"same"},"items":[]}"#.to_vec()
        }
        PortKind::Http(Login::Azure) => {
            br#"{"value":[],"nextLink":"https://graph.microsoft.com/v1.0/x?$skiptoken=same"}"#.to_vec()
        }
        PortKind::Http(Login::Aws) => {
            b"<R><Result><IsTruncated>true</IsTruncated><Marker>same</Marker></Result></R>".to_vec()
        }
        PortKind::Files
        | PortKind::Git
        | PortKind::Sql(_)
        | PortKind::Redis
        | PortKind::Spire
        | PortKind::Ldap
        | PortKind::Tls => b"x=1\n".to_vec(),
    }
}

/// SY-5.
#[test]
fn no_output_holds_what_is_secret_in_a_recording() {
    each(|connector, recorded| {
        let (out, recorded) = recorded_pass(connector, recorded);
        let text = out.text();
        for secret in recorded.secrets.iter().chain(&recorded.hidden) {
            assert!(
                !text.contains(secret.as_str()),
                "{}: a secret came out",
                connector.spec().name
            );
        }
    });
}

/// SY-6.
#[test]
fn discovery_changes_nothing() {
    each(|connector, recorded| {
        let (_, recorded) = recorded_pass(connector, recorded);
        assert!(!recorded.port.changed, "{}", connector.spec().name);
    });
}

/// SY-7, as far as a recording can tell: a refusal names the permission that would help, and
/// the spec says which are needed at all.
#[test]
fn a_denied_source_says_what_would_let_it_be_read() {
    each(|connector, recorded| {
        let spec = connector.spec();
        assert!(!spec.needs_to_discover.is_empty(), "{}", spec.name);
        assert_eq!(
            spec.needs_to_act.is_empty(),
            connector.revoker().is_none(),
            "{}",
            spec.name
        );
        let out = pass(
            connector,
            &mut Refusing(Reason::Denied),
            &recorded.target,
            &recorded.options,
        );
        assert!(
            out.gaps.iter().any(|gap| gap.needs.is_some()),
            "{}: {:?}",
            spec.name,
            out.gaps
        );
    });
}

/// SY-11, as far as all can be held to it: where nobody can tell, nobody says "none". A file or
/// an export that holds a secret cannot know when it was last used.
#[test]
fn no_attribute_is_absent_that_the_source_cannot_tell() {
    each(|connector, recorded| {
        if connector.spec().name != "files" {
            return;
        }
        let (out, _) = recorded_pass(connector, recorded);
        for one in out.seen.iter().filter(|one| one.kind == Kind::Credential) {
            for silent in [
                model::Attribute::LAST_USED_AT,
                model::Attribute::ROTATED_AT,
                model::Attribute::STATUS,
            ] {
                assert_eq!(
                    one.fact(&silent),
                    Told::CannotTell,
                    "{}: {silent}",
                    one.native
                );
            }
        }
    });
}

/// SY-12.
#[test]
fn names_are_nouns_of_the_system() {
    let mut names = BTreeSet::new();
    each(|connector, recorded| {
        let spec = connector.spec();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(
            spec.name.starts_with(|c: char| c.is_ascii_lowercase()),
            "{}",
            spec.name
        );
        assert!(spec.name.chars().all(plain), "{}", spec.name);
        assert!(names.insert(spec.name), "{} is there twice", spec.name);
        assert!(
            !spec.reads.is_empty() && !spec.target.is_empty(),
            "{}",
            spec.name
        );
        assert!(
            recorded
                .path
                .ends_with(format!("{}/answers.json", spec.name))
        );
    });
}

/// An id that another system made is refused, whatever it looks like.
#[test]
fn a_foreign_id_is_never_read_again() {
    each(|connector, mut recorded| {
        let mut sink = |_| ();
        let mut cx = Context::new(
            &mut recorded.port,
            &TestKey,
            &recorded.target,
            &recorded.options,
            now(),
            &mut sink,
        );
        for native in ["", "nonsense", "../../etc/passwd#x@0", "#@", "\u{1b}[2J"] {
            let told = connector.read_again(&mut cx, native).unwrap_err();
            assert!(
                matches!(told, Error::NotOurs { .. } | Error::NotOffered { .. }),
                "{}: {told}",
                connector.spec().name
            );
            assert!(!told.to_string().contains('\u{1b}'), "{told}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// SY-3, with bytes nobody thought of.
    #[test]
    fn no_answer_makes_a_connector_panic(content in prop::collection::vec(any::<u8>(), 0..600)) {
        for connector in catalog() {
            let recorded = Recorded::read(connector.spec().name);
            let mut port = Answering { content: content.clone(), asked: 0 };
            pass(connector, &mut port, &recorded.target, &recorded.options);
        }
    }
}
