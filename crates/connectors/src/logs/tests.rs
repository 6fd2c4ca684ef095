//! Whole files, made here and by others, as bytes.

use std::collections::BTreeMap;

use model::{Attribute, Fingerprint, Kind, Observation, Timestamp};
use serde_json::Value;

use super::fold::Fold;
use super::platform::{detect, platform};
use super::reading::Reader;
use super::split::Records;
use super::tell;

fn now() -> Timestamp {
    "2026-11-29T00:00:00Z".parse().unwrap()
}

/// A fingerprint that is none, of a hash that a provider publishes.
fn keyed(provider: &str, hash: &str) -> Fingerprint {
    Fingerprint {
        key: provider.to_owned(),
        mac: hash.chars().rev().collect(),
    }
}

/// What a file of these bytes comes to, in pieces of `piece`, and what of it was not read.
fn told(bytes: &[u8], piece: usize) -> (Vec<Observation>, Option<String>) {
    let mut fold = Fold::default();
    let unread = take(&mut fold, bytes, piece);
    (tell::observations(&fold, None, Some(&keyed)), unread)
}

fn take(fold: &mut Fold, bytes: &[u8], piece: usize) -> Option<String> {
    let mut reader = Reader::new(now());
    let mut records = Records::new();
    let pieces: Vec<_> = bytes.chunks(piece).collect();
    for (n, piece) in pieces.iter().enumerate() {
        records.push(piece, n + 1 == pieces.len(), &mut |line, cut| {
            reader.record(line, cut, fold);
        });
    }
    reader.end(None).unread
}

/// The panther file, and the log that its events are of.
const PANTHER: &[(&str, &str)] = &[
    ("AWS.CloudTrail", "aws_cloudtrail"),
    ("Amazon.EKS.Audit", "kubernetes_audit"),
    ("Azure.Audit", "azure_resource"),
    ("Azure.MonitorActivity", "azure_resource"),
    ("GCP.AuditLog", "gcp_audit"),
    ("GitHub.Audit", "github_audit"),
    ("Okta.SystemLog", "okta_system_log"),
    ("OpenAI.Audit", "openai_audit"),
    ("Anthropic.Activity", "anthropic_activity"),
];

#[test]
fn truth_no_event_of_panther_is_a_parse_error() {
    let Some(folder) = testkit::truth("panther") else {
        return;
    };
    let (mut all, mut broken, mut alone) = (0, Vec::new(), 0);
    for (file, log) in PANTHER {
        #[expect(clippy::disallowed_methods, reason = "truth is files")]
        let text = std::fs::read_to_string(folder.join(format!("{file}.jsonl"))).unwrap();
        let (mut count, mut timed, mut known) = (0, 0, 0);
        for line in text.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let event = case["event"].to_string();
            let own = detect(event.as_bytes());
            // Some of its events are cut down to what a rule looks at, so that nothing marks them.
            let reader = own.unwrap_or_else(|| platform(log).unwrap());
            count += 1;
            known += usize::from(own.is_some());
            match (reader.read)(event.as_bytes()) {
                Ok(event) => timed += usize::from(event.at.is_some()),
                Err(error) => broken.push(format!("{file}: {error}: {line}")),
            }
        }
        println!("{file}: {count} events, {known} known by what is in them, {timed} with a time");
        all += count;
        alone += known;
    }
    println!(
        "{all} events, {alone} known by what is in them, {} broken",
        broken.len()
    );
    assert_eq!(broken, Vec::<String>::new());
    assert!(alone * 10 >= all * 9, "{alone} of {all}");
}

/// Recordings of attacks, as CloudTrail wrote them: read whole, and what was made is told with
/// who made it.
#[test]
fn truth_recordings_of_attacks_are_read_whole_and_tell_who_made_what() {
    let Some(folder) = testkit::truth("stratus-detonation") else {
        return;
    };
    #[expect(clippy::disallowed_methods, reason = "truth is files")]
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|one| one.path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    let (mut events, mut born) = (0, BTreeMap::new());
    for path in &files {
        #[expect(clippy::disallowed_methods, reason = "truth is files")]
        let bytes = std::fs::read(path).unwrap();
        let list: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
        events += list.len();
        let (seen, unread) = told(&bytes, 4096);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(unread, None, "{name}");
        let used = seen.iter().filter(|one| one.kind != Kind::Resource);
        assert!(used.count() > 0, "{name}: nobody acted");
        // Counted by hand of the JSON: what else than this reader says was made.
        let made = list.iter().filter(|event| {
            let is = |name: &str| event["eventName"] == name && event["errorCode"].is_null();
            is("CreateUser") || is("CreateRole") || is("CreateAccessKey")
        });
        let told = seen
            .iter()
            .filter(|one| one.facts.contains_key(&Attribute::CREATED_AT));
        let told: Vec<_> = told.collect();
        assert!(
            told.iter()
                .all(|one| one.fact(&Attribute::CREATED_BY).is().is_some()),
            "{name}"
        );
        born.insert(name, (made.count(), told.len()));
    }
    let made: usize = born.values().map(|(made, _)| made).sum();
    let told: usize = born.values().map(|(_, told)| told).sum();
    println!(
        "{} recordings, {events} events, {made} made, {told} told as made: {born:?}",
        files.len()
    );
    assert_eq!(made, told, "{born:?}");
    assert!(made > 0);
}

/// What an overlapping or rotated copy tells again changes nothing.
#[test]
fn a_file_read_twice_or_in_other_pieces_tells_the_same() {
    let event = |id: &str, at: &str, name: &str| {
        serde_json::json!({
            "eventID": id, "eventTime": at, "eventSource": "s3.amazonaws.com", "eventName": name,
            "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "principalId": "AIDAQEXAMPLECI000002",
                "accountId": "111122223333", "userName": "ci", "accessKeyId": "AKIAQEXAMPLEKEY00001"},
        })
        .to_string()
    };
    let one = [
        event("1", "2026-09-01T00:00:00Z", "A"),
        event("2", "2026-09-02T00:00:00Z", "B"),
    ];
    let text = one.join("\n");
    let (whole, unread) = told(text.as_bytes(), usize::MAX);
    assert_eq!((whole.len(), unread), (3, None));
    for piece in [1, 100, 1000] {
        assert_eq!(
            told(text.as_bytes(), piece).0,
            whole,
            "in pieces of {piece}"
        );
    }
    let mut fold = Fold::default();
    for lines in [&one[1..], &one[..], &one[..1], &one[..]] {
        let page = format!("{{\"Records\":[{}]}}", lines.join(","));
        assert_eq!(take(&mut fold, page.as_bytes(), 7), None);
    }
    assert_eq!(tell::observations(&fold, None, Some(&keyed)), whole);
}

#[test]
fn hostile_records_are_gaps_with_their_place_and_leave_the_rest() {
    let good = r#"{"eventSource":"s3.amazonaws.com","eventName":"A","eventTime":"2026-09-01T00:00:00Z","recipientAccountId":"1"}"#;
    let nested = format!(
        "{{\"eventSource\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let future = good.replace("2026", "9999");
    for (bad, says) in [
        (nested.as_bytes(), "line 1"),
        (
            b"{\"eventName\":\"\xff\xfe\",\"eventSource\":\"x\"}".as_slice(),
            "broken, the first on line 1",
        ),
        (
            b"{\"eventName\":\"x\",\"eventName\":\"y\",\"eventSource\":\"x\"}",
            "each member once",
        ),
        (
            b"{\"eventName\":7,\"eventSource\":[],\"eventTime\":{}}",
            "without a time",
        ),
        (future.as_bytes(), "in the future"),
        (b"{\"a\":", "a line ends in the middle of a record"),
        (
            b"{\"other\":1}",
            "1 record of no log that is known, the first on line 1",
        ),
    ] {
        let bytes = [bad, b"\n", good.as_bytes(), b"\n"].concat();
        let (seen, unread) = told(&bytes, 64);
        let unread = unread.unwrap_or_default();
        assert!(unread.contains(says), "{says}: {unread}");
        assert_eq!(
            seen.len(),
            1,
            "the log itself, by the good record: {unread}"
        );
    }
}

/// Of an app there is another token for every hour; a person's may live for years.
#[test]
fn tokens_that_github_tells_by_their_hash_alone_are_told_apart_and_never_by_the_hash() {
    let event = |at: &str, how: &str, hash: &str, data: bool| {
        let token = serde_json::json!({"hashed_token": hash});
        let mut event = serde_json::json!({
            "@timestamp": at, "action": "repo.access", "org": "acme", "actor": "ann",
            "programmatic_access_type": how,
        });
        match data {
            true => event["data"] = token,
            false => event["hashed_token"] = token["hashed_token"].clone(),
        }
        event.to_string()
    };
    let hash = |n: u8| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [n; 32]);
    let (app, classic, odd) = (hash(1), hash(2), "no hash".to_owned());
    let server = "GitHub App server-to-server token";
    let all = [
        event("2026-09-01T08:00:00Z", server, &app, false),
        event(
            "2026-09-01T08:10:00Z",
            "Personal access token (classic)",
            &classic,
            true,
        ),
        event("2026-09-01T08:20:00Z", "SSH key", &hash(3), false),
        event("2026-09-01T08:30:00Z", server, &odd, false),
    ];
    let of = |lines: &[String]| {
        let (seen, unread) = told(lines.join("\n").as_bytes(), 64);
        assert_eq!(unread, None);
        let tokens = seen.into_iter().filter(|one| one.kind == Kind::Credential);
        tokens.collect::<Vec<_>>()
    };
    let tokens = of(&all);
    let names: Vec<_> = tokens.iter().map(|one| one.native.as_str()).collect();
    assert_eq!(tokens.len(), 2, "{names:?}");
    for token in &tokens {
        let key = token.keys.iter().next().unwrap();
        assert_eq!(key.kind, model::KeyKind::SecretDigest);
        let json = serde_json::to_string(token).unwrap();
        assert!(!json.contains(&app) && !json.contains(&classic), "{json}");
    }
    let ends = |one: &Observation| one.fact(&Attribute::EXPIRES_AT).is().is_some();
    assert_eq!(tokens.iter().filter(|one| ends(one)).count(), 1);
    // Two hours later the one of the app is over, and is nobody's business any more.
    let mut later = all.to_vec();
    later.push(event("2026-09-01T11:00:00Z", "", &classic, false));
    assert_eq!(of(&later).len(), 1);
}

#[test]
fn one_that_is_named_alone_is_the_one_that_was_born_before() {
    let event = |at: &str, name: &str, request: Value, response: Value| {
        serde_json::json!({
            "eventTime": at, "eventSource": "iam.amazonaws.com", "eventName": name,
            "recipientAccountId": "111122223333", "requestParameters": request,
            "responseElements": response, "userIdentity": {"type": "Root", "accountId": "111122223333"},
        })
        .to_string()
    };
    let user = |id: &str| serde_json::json!({"user": {"userName": "ci", "userId": id}});
    let named = serde_json::json!({"userName": "ci"});
    let lines = [
        event(
            "2026-09-01T00:00:00Z",
            "CreateUser",
            named.clone(),
            user("AIDAQEXAMPLECI000001"),
        ),
        event(
            "2026-09-02T00:00:00Z",
            "DeleteUser",
            named.clone(),
            Value::Null,
        ),
        event(
            "2026-09-03T00:00:00Z",
            "CreateUser",
            named,
            user("AIDAQEXAMPLECI000002"),
        ),
    ];
    let (seen, _) = told(lines.join("\n").as_bytes(), usize::MAX);
    let ended = Attribute::named("ended_at");
    let of = |id: &str| seen.iter().find(|one| one.native.ends_with(id)).unwrap();
    assert!(of("001").fact(&ended).is().is_some());
    assert!(of("002").fact(&ended).is().is_none());
    assert_eq!(
        seen.iter().filter(|one| one.kind == Kind::Identity).count(),
        3
    );
}

#[test]
fn a_record_that_another_holds_as_a_text_is_read_as_itself() {
    let event = r#"{"eventSource":"s3.amazonaws.com","eventName":"A","eventTime":"2026-09-01T00:00:00Z","recipientAccountId":"1"}"#;
    let audit = r#"{"kind":"Event","auditID":"a","stage":"ResponseComplete","verb":"get","user":{"username":"system:serviceaccount:shop:web"},"requestReceivedTimestamp":"2026-09-01T00:00:00Z"}"#;
    for (page, member, inner, seen) in [
        ("Events", "CloudTrailEvent", event, 1),
        ("events", "message", audit, 2),
        ("logEvents", "message", event, 1),
    ] {
        let text = serde_json::json!({page: [{member: inner}, {member: inner}]}).to_string();
        let (told, unread) = told(text.as_bytes(), 64);
        assert_eq!((told.len(), unread), (seen, None), "{page}");
    }
}
