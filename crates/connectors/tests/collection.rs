//! Holds the reader of pushed collections to what `docs/reference/collection.md` says.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "the reference lies in files")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use connectors::{CollectionError, Event, Header, Pushed, read_collection};
use model::{
    Attribute, Collection, Fact, Gap, Key, KeyKind, Kind, Observation, Reason, Scope, Told,
};
use proptest::prelude::*;

const OWN: &str = "0123456789abcdef";

#[derive(Default)]
struct Taken {
    header: Option<Header>,
    seen: Vec<Observation>,
    gaps: Vec<Gap>,
    finished: String,
}

fn take(input: impl Read, own: &str) -> Result<Taken, CollectionError> {
    let mut taken = Taken::default();
    let finished = read_collection(input, own, &mut |pushed| match pushed {
        Pushed::Begins(header) => {
            assert!(
                taken.header.is_none() && taken.seen.is_empty(),
                "the header comes first, once"
            );
            taken.header = Some(header);
        }
        Pushed::Event(event) => match *event {
            Event::Seen(one) => taken.seen.push(one),
            Event::Gap(gap) => taken.gaps.push(gap),
            Event::SetAside { .. } => {}
        },
    })?;
    taken.finished = finished.to_string();
    Ok(taken)
}

fn refused(text: &str) -> String {
    match take(text.as_bytes(), OWN) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error.to_string(),
    }
}

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(name)
}

/// The code blocks of the reference page that are marked as `language`.
fn examples(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(reference("collection.md")).unwrap();
    let fence = format!("```{language}\n");
    page.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_examples_of_the_reference_are_taken_as_they_say() {
    let whole = take(examples("json")[0].as_bytes(), OWN).unwrap();
    assert_eq!((whole.seen.len(), whole.gaps.len()), (2, 1));
    assert_eq!(
        whole.header.unwrap().source.as_str(),
        "acme_ci:ci.example.com"
    );
    assert!(
        whole
            .seen
            .iter()
            .all(|one| !one.facts.contains_key(&Attribute::MATCHABLE))
    );
    let lines = take(examples("jsonl")[0].as_bytes(), OWN).unwrap();
    assert_eq!((lines.seen.len(), lines.gaps.len()), (1, 1));
    assert_eq!(lines.finished, "2026-03-01T12:00:04Z");
}

/// Run with `KEYROLL_BLESS=1` to write the schema anew after the words of the model changed.
#[test]
fn the_schema_in_the_reference_is_that_of_the_words() {
    let schema = schemars::schema_for!(Collection);
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let path = reference("collection.schema.json");
    if std::env::var("KEYROLL_BLESS").is_ok() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        kept == text,
        "the schema is out of date; run this test with KEYROLL_BLESS=1"
    );
}

/// CV-35: fingerprints under different keys are not comparable.
#[test]
fn what_another_key_fingerprinted_is_kept_and_marked_unmatchable() {
    let text = examples("json")[0].clone();
    for (own, text) in [
        ("fedcba9876543210", text.clone()),
        (
            OWN,
            text.replace(
                "\"fingerprint_key\": \"0123456789abcdef\"",
                "\"fingerprint_key\": \"aaaaaaaaaaaaaaaa\"",
            ),
        ),
    ] {
        let taken = take(text.as_bytes(), own).unwrap();
        let secret = taken
            .seen
            .iter()
            .find(|one| one.kind == Kind::Credential)
            .unwrap();
        assert_eq!(secret.fact(&Attribute::MATCHABLE), Told::Is(&false.into()));
        assert_eq!(secret.keys.len(), 1);
        let other = taken
            .seen
            .iter()
            .find(|one| one.kind == Kind::Identity)
            .unwrap();
        assert!(!other.facts.contains_key(&Attribute::MATCHABLE));
    }
}

fn with(field: &str, value: &str) -> String {
    format!(
        r#"{{"format":"keyroll-collection/1","source":"a:b","started":"2026-01-01T00:00:00Z","finished":"2026-01-01T00:00:01Z","observations":[{{"kind":"credential","native":"n","{field}":{value}}}]}}"#
    )
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    for (text, place, why) in [
        (
            with("facts", r#"{"created_at":{"is":"yesterday"}}"#),
            "facts.created_at",
            "expected a time",
        ),
        (
            with("facts", r#"{"class":{"is":"robot"}}"#),
            "facts.class",
            "expected one of",
        ),
        (
            with("facts", r#"{"Created At":{"is":1}}"#),
            "Created At",
            "a-z",
        ),
        (
            with("keys", r#"[{"kind":"secret_hmac","value":"hunter2"}]"#),
            "keys",
            "form",
        ),
        (
            with("keys", r#"[{"kind":"nonsense","value":"x"}]"#),
            "observations[0].keys[0].kind",
            "unknown variant",
        ),
        (with("sope", "[]"), "observations[0]", "unknown field"),
        (
            with("scope", &format!("[\"{}\"]", "x".repeat(2000))),
            "scope[0]",
            "1024",
        ),
        (
            with(
                "links",
                r#"[{"relation":"holder","to":{"native":{"kind":"identity","native":""}}}]"#,
            ),
            "links",
            "1 to 1024",
        ),
    ] {
        let told = refused(&text);
        assert!(told.contains(place) && told.contains(why), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_header_that_is_not_whole_is_refused() {
    for (text, why) in [
        (
            r#"{"format":"keyroll-collection/9","source":"a:b"}"#,
            "keyroll-collection/1",
        ),
        (
            r#"{"source":"a:b","started":"2026-01-01T00:00:00Z","observations":[]}"#,
            "`format` is missing",
        ),
        (
            r#"{"format":"keyroll-collection/1","observations":[],"source":"a:b"}"#,
            "`source` is missing",
        ),
        (
            r#"{"format":"keyroll-collection/1","source":"a:b","started":"2026-01-01T00:00:00Z","observations":[]}"#,
            "finished",
        ),
        (
            r#"{"format":"keyroll-collection/1","source":"a:b","started":"2026-01-02T00:00:00Z","finished":"2026-01-01T00:00:00Z","gaps":[]}"#,
            "before it starts",
        ),
        (
            r#"{"format":"keyroll-collection/1","source":"a:b","started":"2026-01-01T00:00:00Z"}"#,
            "`end` line",
        ),
        ("[]", "object"),
        ("", "EOF"),
    ] {
        let told = refused(text);
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_collection_that_was_cut_off_is_never_taken() {
    for text in examples("json")
        .into_iter()
        .take(1)
        .chain(examples("jsonl"))
    {
        let text = text.trim_end();
        for end in 0..text.len() {
            if text.is_char_boundary(end) {
                assert!(
                    take(&text.as_bytes()[..end], OWN).is_err(),
                    "taken when cut at {end}"
                );
            }
        }
    }
}

#[test]
fn an_end_that_counts_other_lines_is_refused() {
    let text = examples("jsonl")[0].replace("\"lines\": 2", "\"lines\": 3");
    assert!(refused(&text).contains("expected 3 lines before the end, got 2"));
    let text = format!("{}{{}}", examples("jsonl")[0]);
    assert!(refused(&text).contains("after the end"));
}

#[test]
fn what_lies_outside_of_the_scope_is_refused() {
    let text = r#"{"format":"keyroll-collection/1","source":"a:b","scope":["users"],"started":"2026-01-01T00:00:00Z"}
        {"observation":{"kind":"identity","native":"n","scope":["roles"]}}"#;
    let told = refused(text);
    assert!(
        told.contains("line 2") && told.contains("outside"),
        "{told}"
    );
}

/// Gives `head`, then `fill` without end.
struct Endless {
    head: std::io::Cursor<Vec<u8>>,
    fill: u8,
    given: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.head.read(buffer)?;
        if n > 0 {
            return Ok(n);
        }
        buffer.fill(self.fill);
        self.given += buffer.len();
        assert!(self.given < 16 << 20, "read on and on");
        Ok(buffer.len())
    }
}

#[test]
fn a_text_without_end_is_refused_within_bounds() {
    let start =
        r#"{"format":"keyroll-collection/1","source":"a:b","started":"2026-01-01T00:00:00Z","#;
    for (head, fill) in [
        (String::new(), b' '),
        ("\"".to_owned(), b'x'),
        (start.to_owned(), b' '),
        (
            format!("{start}\"observations\":[{{\"kind\":\"identity\",\"native\":\""),
            b'x',
        ),
        (
            format!("{start}\"observations\":[{{\"kind\":\"identity\",\"native\":\"n\",\"facts\":"),
            b'[',
        ),
        (format!("{start}\"observations\":"), b'['),
    ] {
        let input = Endless {
            head: std::io::Cursor::new(head.clone().into_bytes()),
            fill,
            given: 0,
        };
        assert!(take(input, OWN).is_err(), "{head}");
    }
}

fn fact() -> impl Strategy<Value = Fact> {
    let told = prop_oneof![
        any::<String>().prop_map(|text| Told::Is(text.into())),
        any::<bool>().prop_map(|flag| Told::Is(flag.into())),
        any::<i64>().prop_map(|n| Told::Is(n.into())),
        proptest::collection::vec(any::<String>(), 0..3).prop_map(|list| Told::Is(list.into())),
        Just(Told::Absent),
        Just(Told::CannotTell),
    ];
    told.prop_map(Fact::stated)
}

fn seen() -> impl Strategy<Value = Observation> {
    let facts = proptest::collection::btree_map("[a-b][a-z0-9]{0,8}", fact(), 0..4);
    (
        "[^\"]{1,40}",
        proptest::collection::vec("[a-z/ ]{1,8}", 0..3),
        facts,
    )
        .prop_map(|(native, scope, facts)| {
            let mut one = Observation::new(Kind::Identity, native, &Scope(scope))
                .key(Key::new(KeyKind::Uid, "x:1"));
            let facts: BTreeMap<_, _> = facts
                .into_iter()
                .map(|(name, fact)| (Attribute::named(&name), fact))
                .collect();
            one.facts = facts;
            one
        })
}

proptest! {
    #[test]
    fn what_is_written_whole_or_by_lines_is_read_the_same(seen in proptest::collection::vec(seen(), 0..8)) {
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        let mut collection = Collection::new("a:b".parse().unwrap(), Scope::whole(), at);
        collection.observations = seen;
        collection.gaps = vec![Gap::new(&Scope::of("x"), Reason::Denied, "403").needs("more")];
        let whole = serde_json::to_string(&collection).unwrap();
        let mut lines = vec![r#"{"format":"keyroll-collection/1","source":"a:b","started":"2026-03-01T12:00:00Z"}"#.to_owned()];
        lines.extend(collection.observations.iter().map(|one| serde_json::json!({"observation": one}).to_string()));
        lines.extend(collection.gaps.iter().map(|one| serde_json::json!({"gap": one}).to_string()));
        lines.push(serde_json::json!({"end": {"finished": at, "lines": lines.len() - 1}}).to_string());
        for text in [whole, lines.join("\n")] {
            let taken = take(text.as_bytes(), OWN).unwrap();
            prop_assert_eq!(&taken.seen, &collection.observations);
            prop_assert_eq!(&taken.gaps, &collection.gaps);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(take(bytes.as_slice(), OWN));
    }
}
