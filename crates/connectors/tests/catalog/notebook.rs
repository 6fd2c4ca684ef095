//! Texts that a format hands on are searched by rules. The rules are a stub.

use std::collections::BTreeMap;

use connectors::{Context, Detected, Detections, Detector, Event, connector};
use model::{Attribute, Confidence, CredentialType, Observation, Secret, Told, Value};

use crate::fake::{Recorded, TestKey, now};

/// Finds what begins as a token of GitHub, and only where it is not escaped.
struct StubRules;

impl Detector for StubRules {
    fn detect(&self, _: &str, bytes: &[u8]) -> Detections {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().enumerate();
        let found = lines.filter_map(|(n, line)| {
            let at = line.find(" \"ghp_")? + 2;
            let secret = line[at..].split('"').next()?;
            Some(Detected {
                rule: "stub-token".to_owned(),
                credential: CredentialType::ApiToken,
                secret: Secret::from(secret),
                line: n + 1,
                confidence: Confidence::Derived,
                facts: Vec::new(),
            })
        });
        Detections {
            found: found.collect(),
            allowed: 0,
        }
    }
}

#[test]
fn a_secret_in_a_notebook_is_found_in_its_cell_and_line() {
    let mut recorded = Recorded::read("files/notebook");
    let files = connector("files").unwrap();
    let mut seen: Vec<Observation> = Vec::new();
    let mut sink = |event| {
        if let Event::Seen(one) = event {
            seen.push(one);
        }
    };
    let options: BTreeMap<_, _> = recorded.options.clone();
    let mut cx = Context::new(
        &mut recorded.port,
        &TestKey,
        "workbench",
        &options,
        now(),
        &mut sink,
    )
    .detecting(Some(&StubRules));
    files.discover(&mut cx).unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let told = |name: &str| seen[0].fact(&Attribute::named(name)).map(Value::clone);
    assert_eq!(told("text"), Told::Is("cell 2".into()));
    assert_eq!(told("text_line"), Told::Is(2.into()));

    let native = seen[0].native.clone();
    let mut sink = |_| ();
    let mut cx = Context::new(
        &mut recorded.port,
        &TestKey,
        "workbench",
        &options,
        now(),
        &mut sink,
    )
    .detecting(Some(&StubRules));
    let secret = files.read_again(&mut cx, &native).unwrap();
    assert_eq!(secret.expose(), recorded.hidden[0].as_bytes());
}
