//! What a match tells.

use leaks::{Checksum, Confidence, Detector, Match, Mode, Places};

use crate::sample::{Chance, fill};

fn scan(text: &str) -> Vec<Match> {
    let mut found = Vec::new();
    Detector::new()
        .unwrap()
        .scan(text.as_bytes(), None, &mut |one| found.push(one));
    found
}

fn one(text: &str) -> Match {
    let mut found = scan(text);
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0)
}

fn filled(template: &str) -> String {
    fill(template, &mut Chance::of(template))
}

#[test]
fn a_failed_checksum_lowers_confidence_and_drops_nothing() {
    let right = filled("ghp_<githubcrc>");
    let found = one(&right);
    assert_eq!(
        (found.checksum, found.confidence),
        (Checksum::Valid, Confidence::High)
    );
    let last = if right.ends_with('0') { '1' } else { '0' };
    let found = one(&format!("{}{last}", &right[..39]));
    assert_eq!(
        (found.checksum, found.confidence),
        (Checksum::Invalid, Confidence::Medium)
    );
}

#[test]
fn a_place_is_given_in_bytes_lines_and_columns_from_one() {
    let text = filled("first\nsecond = \"ghp_<githubcrc>\"\n");
    let found = one(&text);
    assert_eq!((found.line, found.column, found.range.start), (2, 11, 16));
    assert_eq!(found.secret.len(), 40);
}

#[test]
fn the_provider_s_rule_stands_above_the_generic_one() {
    let found = one(&filled("api_token = \"ghp_<githubcrc>\""));
    assert_eq!(found.rule.id, "github-personal-token");
}

#[test]
fn base64_is_decoded_once_and_mapped_back_to_its_place() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let inner = encode(&filled("token of it: ghp_<githubcrc> and so on"));
    let found = one(&format!("data: {inner}\n"));
    assert!(found.decoded);
    assert_eq!(
        (found.range.start, found.range.end),
        (6, 6 + inner.len() as u64)
    );
    assert!(scan(&format!("data: {}\n", encode(&format!("again: {inner}")))).is_empty());
}

#[test]
fn examples_of_manuals_and_test_modes_are_marked() {
    assert_eq!(one("key AKIAIOSFODNN7EXAMPLE here").mode, Mode::Example);
    assert_eq!(one(&filled("token ghp_<githubcrc>")).mode, Mode::Unmarked);
}

#[test]
fn a_comment_on_its_line_mutes_a_match() {
    let text = filled("a = \"ghp_<githubcrc>\" # keyroll:allow\nb = \"ghp_<githubcrc>\"\n");
    let mut lines = Vec::new();
    let detector = Detector::new().unwrap();
    let summary = detector.scan(text.as_bytes(), None, &mut |one| lines.push(one.line));
    assert_eq!((lines, summary.muted), (vec![2], 1));
}

#[test]
fn a_fingerprint_does_not_hold_the_secret_and_counts_within_its_place() {
    let text = filled("a = \"ghp_<githubcrc>\"\nb = \"ghp_<githubcrc>\"\n");
    let mut places = Places::default();
    let prints: Vec<_> = scan(&text)
        .iter()
        .map(|one| places.next(one, "dir/file"))
        .collect();
    assert_eq!(
        prints,
        [
            "dir/file:github-personal-token:#0",
            "dir/file:github-personal-token:#1"
        ]
    );
}

#[test]
fn a_web_token_tells_issuer_subject_and_expiry() {
    let found = one(&filled("<jwt>"));
    assert_eq!(found.fact("issuer"), Some("https://id.internal.net"));
    assert_eq!(found.fact("subject"), Some("robot-7"));
    assert_eq!(found.fact("expires_at"), Some("2030-03-17T17:46:40Z"));
}

#[test]
fn a_match_shows_no_secret_when_debugged() {
    let text = filled("ghp_<githubcrc>");
    assert!(!format!("{:?}", one(&text)).contains(&text[4..]));
}
