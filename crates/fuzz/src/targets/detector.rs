//! The detector: any bytes, and rule files in gitleaks' form.

use std::cell::Cell;
use std::sync::OnceLock;

use leaks::{Baseline, Detector, GitleaksConfig, Match, Places};

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[
    (
        "leaks_scan",
        "what is found lies within the text, in order, is the same in pieces, and is known once it is in a baseline",
        scan,
    ),
    (
        "leaks_gitleaks",
        "a rule file is refused in few words or makes a detector, also laid over another",
        gitleaks,
    ),
    (
        "leaks_gitleaks_apart",
        "a rule file that lies in what is read takes nothing of what ours find away uncounted",
        apart,
    ),
];

/// Building it takes longer than most inputs do.
fn detector() -> Option<&'static Detector> {
    static BUILT: OnceLock<Option<Detector>> = OnceLock::new();
    BUILT.get_or_init(|| Detector::new().ok()).as_ref()
}

/// The first byte says into how large pieces the rest is cut.
fn scan(input: &[u8]) {
    let (Some(detector), [size, text @ ..]) = (detector(), input) else {
        return;
    };
    let mut found: Vec<Match> = Vec::new();
    let told = detector.scan(text, Some("a/b"), &mut |one| found.push(one));
    assert_eq!(told.matches, found.len() as u64);
    let mut before = 0;
    for one in &found {
        assert!(before <= one.range.start && one.range.start < one.range.end);
        assert!(one.range.end <= text.len() as u64 && one.line >= 1 && one.column >= 1);
        before = one.range.start;
    }
    let mut pieces = Vec::new();
    let mut stream = detector.stream(Some("a/b"));
    for piece in text.chunks(usize::from(*size) + 1) {
        stream.push(piece, &mut |one| pieces.push(one.range));
    }
    stream.finish(&mut |one| pieces.push(one.range));
    assert!(found.iter().map(|one| &one.range).eq(&pieces));
    let mut places = Places::default();
    let prints: Vec<String> = found.iter().map(|one| places.next(one, "a/b")).collect();
    let known = Baseline::parse(&prints.join("\n"));
    let knows = |print| {
        known
            .as_ref()
            .is_ok_and(|known| known.knows(print, "a/b", 0, None))
    };
    assert!(prints.iter().all(|print| knows(print)));
    // A mark on the line mutes, and loses nothing.
    let marked = [text, b" keyroll:allow"].concat();
    let line = |at: u64| {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(marked.len());
        goes_on(&marked[from..])
    };
    detector.scan(&marked, None, &mut |one| assert!(line(one.range.end)));
}

/// Whether a line ends in `rest`: a match that is told stands on another line than a mark at
/// the end, or too far from it.
fn goes_on(rest: &[u8]) -> bool {
    const NEAR: usize = 1024;
    rest.contains(&b'\n') || rest.len() > NEAR
}

fn gitleaks(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(config) = GitleaksConfig::parse(&text) else {
        return;
    };
    assert!(config.extends().is_none_or(|path| path.len() <= text.len()));
    let base = GitleaksConfig::parse("[[rules]]\nid = \"base\"\nregex = \"k=([a-z]{8})\"\n");
    let over = base.ok().map(|base| config.over(base));
    match over.map(Detector::from_gitleaks) {
        Some(Ok(detector)) => {
            // Its own text is as good a text as any to run its rules on.
            detector.scan_commit(input, Some("a/b"), Some("0"), &mut |one| {
                assert!(one.range.end <= input.len() as u64);
            });
        }
        Some(Err(why)) => assert!(why.to_string().len() < 8 * 1024 + text.len() * 4),
        None => {}
    }
}

/// What ours find something in, whatever a file says: an assignment, a token, a URL.
const LEAKING: &str =
    "password = \"q8Zr1kVb0wXs\"\nurl = postgres://app:q8Zr1kVb0wXs@db.acme.test/x\n";
/// Runs of expressions for one input: it is the claim that is tried, not their speed.
const RUNS_MAX: u32 = 2_000;

fn apart(input: &[u8]) {
    let Some(ours) = detector() else {
        return;
    };
    let text = String::from_utf8_lossy(input);
    let apart = match GitleaksConfig::parse(&text).map(|config| config.apart(ours)) {
        Ok(Ok(apart)) => apart,
        Ok(Err(why)) | Err(why) => {
            assert!(why.to_string().len() < 8 * 1024 + text.len() * 4);
            return;
        }
    };
    let ids = |one: &Detector| one.rules().map(|rule| rule.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&apart.ours), ids(ours));
    let runs = Cell::new(0);
    let goes_on = || runs.replace(runs.get() + 1) < RUNS_MAX;
    let found = |one: &Detector| one.scan_while(LEAKING.as_bytes(), None, &goes_on, &mut |_| {});
    let (Some(plain), Some(beside)) = (found(ours), found(&apart.ours)) else {
        return;
    };
    assert_eq!(plain.matches + plain.muted, beside.matches + beside.muted);
    if let Some(theirs) = &apart.theirs {
        theirs.scan_while(input, Some("a/b"), &goes_on, &mut |one| {
            assert!(one.range.end <= input.len() as u64);
        });
    }
}
