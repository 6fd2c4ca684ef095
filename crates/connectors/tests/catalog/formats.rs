//! The contract of every file format.

use std::collections::BTreeSet;

use connectors::formats::{FORMATS, FileAt, Seen};
use connectors::{Context, Error, Recording, connector};
use model::{Attribute, CredentialType, Kind, Told};
use proptest::prelude::*;
use serde_json::json;

use crate::fake::{Recorded, TestKey, now, pass};

fn each(mut test: impl FnMut(&'static str, Recorded)) {
    for format in FORMATS {
        let name = format.spec().name;
        test(name, Recorded::read(&format!("files/{name}")));
    }
}

/// SY-1, for formats.
#[test]
fn each_format_reads_its_recording() {
    let files = connector("files").unwrap();
    each(|name, mut recorded| {
        let out = pass(
            files,
            &mut recorded.port,
            &recorded.target,
            &recorded.options,
        );
        assert!(!out.seen.is_empty() || !out.gaps.is_empty(), "{name}");
        insta::assert_snapshot!(format!("format_{name}"), out.shown());
    });
}

/// SY-5, for formats. What is listed is really found: each secret of the recording can be read
/// again by the native id of an observation.
#[test]
fn every_secret_of_a_recording_is_found_and_none_comes_out() {
    let files = connector("files").unwrap();
    each(|name, mut recorded| {
        let out = pass(
            files,
            &mut recorded.port,
            &recorded.target,
            &recorded.options,
        );
        let text = out.text();
        let mut again = BTreeSet::new();
        let natives: BTreeSet<_> = out.seen.iter().map(|one| &one.native).collect();
        assert_eq!(
            natives.len(),
            out.seen.len(),
            "{name}: two of one native id"
        );
        for one in &out.seen {
            let mut sink = |_| ();
            let mut cx = Context::new(
                &mut recorded.port,
                &TestKey,
                &recorded.target,
                &recorded.options,
                now(),
                &mut sink,
            );
            match files.read_again(&mut cx, &one.native) {
                Ok(secret) => {
                    again.insert(secret.expose().to_vec());
                }
                Err(told) => assert!(
                    matches!(told, Error::NotOffered { .. }),
                    "{name}: {}: {told}",
                    one.native
                ),
            }
        }
        for secret in recorded.secrets.iter().chain(&recorded.hidden) {
            assert!(!text.contains(secret.as_str()), "{name}: a secret came out");
        }
        for (n, secret) in recorded.secrets.iter().enumerate() {
            assert!(
                again.contains(secret.as_bytes()),
                "{name}: secret {n} was not found"
            );
        }
    });
}

/// Decision 27: another value in the same place is not the one that was seen.
#[test]
fn a_secret_that_changed_cannot_be_read_again() {
    let files = connector("files").unwrap();
    let recording = |value: &str| {
        Recording::parse(
            &json!({"READ /srv/.env": {"text": format!("API_TOKEN={value}\n")}}).to_string(),
        )
        .unwrap()
    };
    let options = [("dirs".to_owned(), "/srv/.env".to_owned())].into();
    let list = json!({"LIST /srv/.env": {"refusal": {"reason": "failed", "code": "ENOTDIR", "told": "a file"}},
        "READ /srv/.env": {"text": "API_TOKEN=first-value-1234\n"}});
    let out = pass(
        files,
        &mut Recording::parse(&list.to_string()).unwrap(),
        "host",
        &options,
    );
    let native = out.seen[0].native.clone();
    let read_again = |mut port: Recording| {
        let mut sink = |_| ();
        let mut cx = Context::new(&mut port, &TestKey, "host", &options, now(), &mut sink);
        files.read_again(&mut cx, &native)
    };
    assert_eq!(
        read_again(recording("first-value-1234")).unwrap().expose(),
        b"first-value-1234"
    );
    assert!(matches!(
        read_again(recording("other-value-1234")),
        Err(Error::Gone { .. })
    ));
    let absent = json!({"READ /srv/.env": {"refusal": {"reason": "failed", "code": "ENOENT", "told": "not there"}}});
    assert!(matches!(
        read_again(Recording::parse(&absent.to_string()).unwrap()),
        Err(Error::Gone { .. })
    ));
    assert!(matches!(
        read_again(Recording::parse("{}").unwrap()),
        Err(Error::Refused(_))
    ));
}

/// SY-12, for formats.
#[test]
fn names_of_formats_are_nouns_and_each_is_there_once() {
    let mut names = BTreeSet::new();
    for format in FORMATS {
        let spec = format.spec();
        assert!(
            spec.name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{}",
            spec.name
        );
        assert!(names.insert(spec.name), "{} is there twice", spec.name);
        assert!(
            !spec.reads.is_empty() && !spec.places.is_empty(),
            "{}",
            spec.name
        );
        assert!(connectors::formats::format(spec.name).is_some());
    }
}

/// Everything says where it lies and of what type it is.
#[test]
fn everything_in_a_file_tells_its_place_and_type() {
    let files = connector("files").unwrap();
    each(|name, mut recorded| {
        for one in pass(
            files,
            &mut recorded.port,
            &recorded.target,
            &recorded.options,
        )
        .seen
        {
            for attribute in [
                Attribute::PLACE,
                Attribute::TYPE,
                Attribute::NAME,
                Attribute::FILE_MODE,
            ] {
                assert!(
                    matches!(one.fact(&attribute), Told::Is(_)),
                    "{name}: {} has no {attribute}",
                    one.native
                );
            }
            let place = one
                .fact(&Attribute::PLACE)
                .is()
                .and_then(|v| v.text().map(str::to_owned))
                .unwrap();
            assert!(one.native.starts_with(&place), "{}", one.native);
            let of_type = one
                .fact(&Attribute::TYPE)
                .is()
                .and_then(|v| v.text().map(str::to_owned))
                .unwrap();
            assert!(
                one.kind != Kind::Credential || of_type.parse::<CredentialType>().is_ok(),
                "{of_type}"
            );
        }
    });
}

/// What each recording holds, for tests that break it.
fn contents(recorded: &Recorded) -> Vec<(String, Vec<u8>)> {
    use connectors::{Answer, Port, Question};
    let mut port = recorded.port.clone();
    let paths = recorded
        .json
        .as_object()
        .unwrap()
        .keys()
        .filter_map(|line| line.strip_prefix("READ "));
    paths
        .filter_map(|path| {
            let question = Question::Read {
                path: path.to_owned(),
                bytes_max: u64::MAX,
            };
            match port.ask(&question) {
                Ok(Answer::File(file)) => Some((path.to_owned(), file.bytes.expose().to_vec())),
                _ => None,
            }
        })
        .collect()
}

/// Truncated and damaged files: every cut and a flip in every byte (every tenth of long ones).
#[test]
fn a_cut_or_a_flipped_byte_anywhere_never_panics_a_format() {
    for format in FORMATS {
        let recorded = Recorded::read(&format!("files/{}", format.spec().name));
        for (path, bytes) in contents(&recorded) {
            let step = 1 + bytes.len() / 150;
            for at in (0..bytes.len()).step_by(step) {
                let mut seen = Seen::default();
                format.read(
                    &FileAt {
                        path: &path,
                        bytes: &bytes[..at],
                    },
                    &mut seen,
                );
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x41;
                format.read(
                    &FileAt {
                        path: &path,
                        bytes: &flipped,
                    },
                    &mut Seen::default(),
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_a_format(bytes in prop::collection::vec(any::<u8>(), 0..2000), path in "/[a-z./]{0,40}") {
        for format in FORMATS {
            let _ = format.recognises(&path, &path);
            let _ = format.contained_in(&bytes);
            format.read(&FileAt { path: &path, bytes: &bytes }, &mut Seen::default());
        }
    }

    #[test]
    fn arbitrary_text_never_panics_a_format(text in "([\\-A-Za-z0-9+/=:@#\"'\\\\{}\\[\\],.<>\n ]|-----BEGIN |-----END |KEY-----|://|token|password|eyJ){0,200}") {
        for format in FORMATS {
            format.read(&FileAt { path: "/home/ann/.env", bytes: text.as_bytes() }, &mut Seen::default());
        }
    }
}
