//! What is found does not depend on how the bytes come, and nothing makes it panic.

use leaks::{Detector, Match, examples};
use proptest::prelude::*;

use crate::sample::{Chance, fill};

type Place = (String, u64, u64, u64, u64);

fn place(one: &Match) -> Place {
    (
        one.rule.id.clone(),
        one.range.start,
        one.range.end,
        one.line,
        one.column,
    )
}

fn whole(detector: &Detector, bytes: &[u8]) -> Vec<Place> {
    let mut found = Vec::new();
    detector.scan(bytes, None, &mut |one| found.push(place(&one)));
    found
}

fn in_chunks(detector: &Detector, bytes: &[u8], size: usize) -> Vec<Place> {
    let mut found = Vec::new();
    let mut stream = detector.stream(None);
    for chunk in bytes.chunks(size) {
        stream.push(chunk, &mut |one| found.push(place(&one)));
    }
    stream.finish(&mut |one| found.push(place(&one)));
    found
}

/// Examples of all rules, far from one another, over several blocks.
fn long_text() -> Vec<u8> {
    let mut text = Vec::new();
    for (at, one) in examples().unwrap().iter().enumerate() {
        let mut chance = Chance::of(&one.rule);
        for template in &one.hit {
            text.extend_from_slice(fill(template, &mut chance).as_bytes());
            let filler = "the quick brown fox = jumps over: the lazy dog\n";
            text.extend_from_slice(filler.repeat(90 + at % 7).as_bytes());
        }
    }
    text
}

#[test]
fn scanning_in_chunks_finds_what_scanning_whole_finds() {
    let detector = Detector::new().unwrap();
    let text = long_text();
    assert!(text.len() > 2 * 1024 * 1024, "{}", text.len());
    let expected = whole(&detector, &text);
    assert!(expected.len() > 300);
    for size in [1 << 20, 65_537, 4_093] {
        assert_eq!(
            in_chunks(&detector, &text, size),
            expected,
            "chunks of {size}"
        );
    }
}

#[test]
fn a_match_over_the_border_of_two_blocks_is_found_exactly_once() {
    let detector = Detector::new().unwrap();
    let token = fill("ghp_<githubcrc>", &mut Chance::of("border"));
    for shift in [0_usize, 1, 20, 39, 40, 41] {
        let mut text = vec![b' '; (1 << 20) - shift];
        text.extend_from_slice(token.as_bytes());
        text.extend(vec![b'\n'; 200_000]);
        assert_eq!(whole(&detector, &text).len(), 1, "{shift}");
        assert_eq!(in_chunks(&detector, &text, 100_000).len(), 1, "{shift}");
    }
}

#[test]
fn a_long_line_of_nothing_but_keywords_is_scanned_to_its_end() {
    let detector = Detector::new().unwrap();
    for unit in [
        "password=",
        "eyJ.eyJ.",
        "aws_secret:",
        "-----BEGIN ",
        "https://a:",
        "\0\0\0\0=",
        "Basic QQ",
    ] {
        let text = unit.repeat(128 * 1024 / unit.len());
        detector.scan(text.as_bytes(), None, &mut |_| {});
    }
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "password = \"",
        "\"",
        "\n",
        "ghp_",
        "AKIA",
        "eyJ",
        ".",
        "://",
        "user:",
        "@host",
        "-----BEGIN PRIVATE KEY-----",
        "secret: ",
        "token=",
        "aws_secret_access_key = ",
        "\\n",
        "bearer ",
        "=",
        ":",
        "\0",
        "${",
        "xoxb-",
        "-us1",
    ]);
    let piece = prop_oneof![
        word.prop_map(|word| word.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
        "[0-9A-Za-z+/]{1,80}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn shared() -> &'static Detector {
    static DETECTOR: std::sync::OnceLock<Detector> = std::sync::OnceLock::new();
    DETECTOR.get_or_init(|| Detector::new().unwrap())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_matches_lie_within_them(bytes in pieces()) {
        for (_, start, end, ..) in whole(shared(), &bytes) {
            prop_assert!(start <= end && end <= bytes.len() as u64);
        }
    }

    #[test]
    fn matches_come_in_order_and_do_not_overlap(bytes in pieces()) {
        let found = whole(shared(), &bytes);
        for pair in found.windows(2) {
            prop_assert!(pair[0].2 <= pair[1].1);
        }
    }

    #[test]
    fn chunks_of_any_size_find_the_same(bytes in pieces(), size in 1_usize..200) {
        prop_assert_eq!(in_chunks(shared(), &bytes, size), whole(shared(), &bytes));
    }
}
