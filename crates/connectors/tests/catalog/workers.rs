//! Files looked at by many, and secrets read again without the rules that found them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use connectors::{
    Connector, Context, Detected, Detections, Detector, Event, Recording, Workers, connector,
};
use model::{Attribute, Confidence, CredentialType, Kind, Relation, Secret, Target};
use serde_json::json;

use crate::fake::{Pass, Recorded, TestKey, now};

/// A stub of rules: whatever stands behind `house-`.
struct StubRules;

impl Detector for StubRules {
    fn detect(&self, _: &str, bytes: &[u8]) -> Detections {
        let text = String::from_utf8_lossy(bytes);
        let found = text.match_indices("house-").map(|(at, _)| Detected {
            rule: "house".to_owned(),
            credential: CredentialType::ApiToken,
            secret: Secret::from(&text[at..at + 20]),
            line: 1 + text[..at].matches('\n').count(),
            confidence: Confidence::Derived,
            facts: Vec::new(),
        });
        Detections {
            found: found.collect(),
            allowed: 0,
        }
    }
}

/// Does the last first, and each of two halves in a thread of its own.
struct Backwards;

impl Workers for Backwards {
    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..jobs / 2).rev().for_each(job));
            (jobs / 2..jobs).rev().for_each(job);
        });
    }
}

fn seen(name: &str, recorded: &mut Recorded, workers: Option<&dyn Workers>) -> Pass {
    let out = Mutex::new(Pass::default());
    let mut sink = |event| {
        let mut out = out.lock().unwrap();
        match event {
            Event::Seen(one) => out.seen.push(one),
            Event::Gap(gap) => out.gaps.push(gap),
            Event::SetAside { what } => *out.aside.entry(what).or_default() += 1,
        }
    };
    let mut cx = Context::new(
        &mut recorded.port,
        &TestKey,
        &recorded.target,
        &recorded.options,
        now(),
        &mut sink,
    )
    .detecting(Some(&StubRules))
    .with_workers(workers);
    connector(name).unwrap().discover(&mut cx).unwrap();
    out.into_inner().unwrap()
}

#[test]
fn what_is_seen_does_not_depend_on_how_many_look() {
    let mut folders = vec!["files".to_owned(), "git_history".to_owned()];
    let formats = connectors::formats::FORMATS.iter();
    folders.extend(formats.map(|format| format!("files/{}", format.spec().name)));
    for folder in folders {
        let name = folder.split('/').next().unwrap();
        let alone = seen(name, &mut Recorded::read(&folder), None);
        let many = seen(name, &mut Recorded::read(&folder), Some(&Backwards));
        assert_eq!(alone, many, "{folder}");
    }
}

fn recording(files: &[(&str, &str, &str)]) -> Recording {
    let mut listed: BTreeMap<&str, Vec<serde_json::Value>> = BTreeMap::new();
    let mut recording = serde_json::Map::new();
    for (dir, name, text) in files {
        let entry = json!({"name": name, "kind": "file", "size": text.len()});
        listed.entry(dir).or_default().push(entry);
        recording.insert(format!("READ {dir}/{name}"), json!({"text": text}));
    }
    if listed.contains_key("/srv/web") {
        let below = json!({"name": "web", "kind": "directory"});
        listed.entry("/srv").or_default().push(below);
    }
    for (dir, entries) in listed {
        recording.insert(format!("LIST {dir}"), entries.into());
    }
    Recording::parse(&serde_json::Value::Object(recording).to_string()).unwrap()
}

fn context<'a>(
    port: &'a mut Recording,
    options: &'a BTreeMap<String, String>,
    sink: &'a mut dyn FnMut(Event),
) -> Context<'a> {
    Context::new(port, &TestKey, "host", options, now(), sink)
}

#[test]
fn a_secret_of_rules_that_are_not_at_hand_is_read_again_by_its_fingerprint() {
    let files: &dyn Connector = connector("files").unwrap();
    let text = "use(\"house-0123456789abcd\", x=house-fedcba98765432)\n";
    let mut port = recording(&[("/srv", "main.py", text)]);
    let options: BTreeMap<_, _> = [("dirs".to_owned(), "/srv".to_owned())].into();
    let mut natives = Vec::new();
    let mut sink = |event| {
        if let Event::Seen(one) = event {
            natives.push(one.native);
        }
    };
    let mut cx = context(&mut port, &options, &mut sink).detecting(Some(&StubRules));
    files.discover(&mut cx).unwrap();
    natives.sort();
    assert_eq!(natives.len(), 2);
    let mut sink = |_| {};
    // Without any rules.
    let mut cx = context(&mut port, &options, &mut sink);
    let wanted: Vec<&str> = natives.iter().map(String::as_str).collect();
    let mut again: Vec<_> = files
        .read_all_again(&mut cx, &wanted)
        .into_values()
        .map(|secret| String::from_utf8_lossy(secret.expose()).into_owned())
        .collect();
    again.sort();
    assert_eq!(again, ["house-0123456789abcd", "house-fedcba98765432"]);
    for native in wanted {
        assert!(files.read_again(&mut cx, native).is_ok());
    }
}

#[test]
fn a_file_above_the_service_that_is_given_it_is_used_by_the_service() {
    let compose = "services:\n  web: {image: a, env_file: [../shop.env, web.env]}\n";
    let port = recording(&[
        ("/srv", "shop.env", "API_TOKEN=0123456789abcdef\n"),
        ("/srv/web", "compose.yml", compose),
        ("/srv/web", "web.env", "API_TOKEN=fedcba9876543210\n"),
    ]);
    let mut recorded = Recorded {
        port,
        options: [("dirs".to_owned(), "/srv".to_owned())].into(),
        ..Recorded::read("files/compose")
    };
    let pass = seen("files", &mut recorded, None);
    let mut told: Vec<_> = pass
        .seen
        .iter()
        .filter(|one| one.kind == Kind::Credential)
        .map(|one| {
            let users = one.links.iter().filter(|link| {
                let web = "/srv/web/compose.yml#service web@identity";
                link.relation == Relation::UsedBy
                    && matches!(&link.to, Target::Native { native, .. } if native == web)
            });
            let place = one.fact(&Attribute::PLACE);
            let place = place
                .is()
                .and_then(|place| place.text())
                .unwrap()
                .to_owned();
            (place, users.count())
        })
        .collect();
    told.sort();
    let expected = ["/srv/shop.env", "/srv/web/web.env"].map(|place| (place.to_owned(), 1));
    assert_eq!(told, expected);
}
