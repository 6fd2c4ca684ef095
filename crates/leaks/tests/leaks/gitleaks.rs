//! Files in gitleaks' form are accepted, or refused with the name of the rule (CL-12).

use std::sync::LazyLock;

use leaks::{Detector, Error, GitleaksConfig};

fn found(config: &str, text: &str, path: &str) -> Vec<(String, u64)> {
    let detector = Detector::from_gitleaks(GitleaksConfig::parse(config).unwrap()).unwrap();
    let mut found = Vec::new();
    detector.scan(text.as_bytes(), Some(path), &mut |one| {
        found.push((one.rule.id.clone(), one.range.start));
    });
    found
}

const RULE: &str = r#"
[[rules]]
id = "house-token"
description = "A token of the house"
regex = '''house_([a-z0-9]{12})'''
secretGroup = 1
entropy = 2.0
keywords = ["house_"]
"#;

#[test]
fn a_rule_with_group_entropy_and_keywords_is_run_as_written() {
    assert_eq!(
        found(RULE, "x = house_a1b2c3d4e5f6", "x"),
        [("house-token".to_owned(), 10)]
    );
    assert!(
        found(RULE, "x = house_aaaaaaaaaaaa", "x").is_empty(),
        "entropy"
    );
}

#[test]
fn a_rule_without_keywords_looks_everywhere_and_a_path_bounds_it() {
    let rule = "[[rules]]\nid = \"r\"\nregex = 'zq[0-9]{4}'\npath = '''\\.env$'''\n";
    let text = format!("{}zq1234", " ".repeat(70_000));
    assert_eq!(found(rule, &text, "a/.env").len(), 1);
    assert!(found(rule, &text, "a/b.rs").is_empty());
}

#[test]
fn allow_lists_in_both_spellings_mute() {
    let text = "x = house_a1b2c3d4e5f6 # demo";
    for list in [
        "[allowlist]\nregexes = ['a1b2']",
        "[[allowlists]]\ntargetRules = [\"house-token\"]\nregexTarget = \"line\"\nregexes = ['demo']",
        "[[allowlists]]\ncondition = \"AND\"\npaths = ['^test/']\nstopwords = [\"A1B2\"]",
        "[rules.allowlist]\npaths = ['^test/']",
        "[[rules.allowlists]]\nregexTarget = \"match\"\nregexes = ['^house_a1']",
    ] {
        assert!(
            found(&format!("{RULE}\n{list}"), text, "test/x").is_empty(),
            "{list}"
        );
    }
    let other = "[[allowlists]]\ncondition = \"AND\"\npaths = ['^test/']\nstopwords = [\"zzz\"]";
    assert_eq!(found(&format!("{RULE}\n{other}"), text, "test/x").len(), 1);
}

#[test]
fn a_file_extends_another_and_the_built_in_rules() {
    let base = GitleaksConfig::parse(RULE).unwrap();
    let over = GitleaksConfig::parse(
        "[extend]\nuseDefault = true\ndisabledRules = [\"private-key\"]\n[[rules]]\nid = \"house-token\"\nentropy = 5.0\n",
    )
    .unwrap();
    let detector = Detector::from_gitleaks(over.over(base)).unwrap();
    assert!(detector.rules().count() >= 300);
    assert!(detector.rules().all(|rule| rule.id != "private-key"));
    let text = b"x = house_a1b2c3d4e5f6";
    assert_eq!(
        detector.scan(text, None, &mut |_| {}).matches,
        0,
        "entropy was raised"
    );
}

#[test]
fn a_regex_that_means_nothing_is_refused_with_the_name_of_its_rule() {
    let wrong = GitleaksConfig::parse("[[rules]]\nid = \"broken\"\nregex = '(?<!x)y'\n").unwrap();
    let Err(error @ Error::Regex { .. }) = Detector::from_gitleaks(wrong) else {
        panic!("expected a refusal");
    };
    assert!(error.to_string().contains("`broken`"), "{error}");
    let group =
        GitleaksConfig::parse("[[rules]]\nid = \"g\"\nregex = 'y'\nsecretGroup = 3\n").unwrap();
    assert!(Detector::from_gitleaks(group).is_err());
    assert!(GitleaksConfig::parse("rules = 3").is_err());
}

/// CL-12: what gitleaks' files say of gitleaks' own rules is passed over where we have none such.
#[test]
fn a_rule_without_a_regex_refines_the_one_of_its_id() {
    let config = "[extend]\nuseDefault = true\n[[rules]]\nid = \"nowhere-stated\"\n\
                  [[rules]]\nid = \"assigned-password\"\n[[rules.allowlists]]\npaths = ['^test/']\n";
    let text = "password = \"q8Zr1kVb0wXs\"\n";
    assert_eq!(found(config, text, "test/x").len(), 0);
    assert_eq!(found(config, text, "src/x").len(), 1);
}

/// Our rules, built once for all tests.
fn ours() -> &'static Detector {
    static OURS: LazyLock<Detector> = LazyLock::new(|| Detector::new().unwrap());
    &OURS
}

/// CL-12: a file that lies in what is read may be hostile.
#[test]
fn a_file_apart_disables_and_displaces_nothing_unseen() {
    let text = b"password = \"q8Zr1kVb0wXs\"\n";
    for hostile in [
        "[extend]\ndisabledRules = [\"assigned-password\"]",
        "[allowlist]\npaths = ['.*']",
        "[[allowlists]]\ntargetRules = [\"assigned-password\"]\nregexTarget = \"line\"\nregexes = ['.*']",
        "[[rules]]\nid = \"assigned-password\"\n[rules.allowlist]\nregexes = ['.*']",
    ] {
        let apart = GitleaksConfig::parse(hostile)
            .unwrap()
            .apart(ours())
            .unwrap();
        let summary = apart.ours.scan(text, Some("x"), &mut |_| {});
        assert_eq!((summary.matches, summary.muted), (0, 1), "{hostile}");
    }
    for displacing in [
        "[[rules]]\nid = \"assigned-password\"\nregex = 'never'",
        "[[rules]]\nid = \"wide\"\nregex = '(?s).*'\n[rules.allowlist]\nregexes = ['(?s).*']",
    ] {
        let apart = GitleaksConfig::parse(displacing)
            .unwrap()
            .apart(ours())
            .unwrap();
        let summary = apart.ours.scan(text, Some("x"), &mut |_| {});
        assert_eq!((summary.matches, summary.muted), (1, 0), "{displacing}");
        assert_eq!(apart.theirs.unwrap().rules().count(), 1);
    }
}

/// The clock is asked before each run of an expression over 64 KiB, and before each further match,
/// so whoever writes a slow rule takes one run more than there is time for.
#[test]
fn a_file_apart_runs_no_expression_once_its_time_is_up() {
    const RULES: usize = 50;
    const PIECES: usize = 16;
    let rules: String = (0..RULES)
        .map(|n| {
            format!("[[rules]]\nid = \"r{n}\"\nregex = \'\'\'(?:x|xx)+q{n}[a-z0-9]{{8}}\'\'\'\n")
        })
        .collect();
    let theirs = GitleaksConfig::parse(&rules)
        .unwrap()
        .apart(ours())
        .unwrap();
    let theirs = theirs.theirs.unwrap();
    let text = "xxxxxxxxxq0a9b8c7d6\n".repeat((PIECES << 16) / 20);
    let asked = std::cell::Cell::new(0);
    let run = |most: usize| {
        asked.set(0);
        let mut told = 0;
        let goes_on = || {
            asked.set(asked.get() + 1);
            asked.get() <= most
        };
        let summary = theirs.scan_while(text.as_bytes(), None, &goes_on, &mut |_| told += 1);
        (summary, told)
    };
    let (summary, told) = run(usize::MAX);
    assert_eq!(
        summary.unwrap(),
        theirs.scan(text.as_bytes(), None, &mut |_| {})
    );
    assert!(told > 0);
    assert!(asked.get() >= RULES * PIECES, "asked {} times", asked.get());
    for most in [0, 1, 10, 100] {
        let (summary, told) = run(most);
        assert!(summary.is_none(), "what was told is a part");
        assert!(told <= most as u64, "{told} matches in {most} runs");
    }
}

/// An allow-list is held against each match, and each of its expressions may cost as much as one
/// of a rule.
#[test]
fn a_file_apart_runs_no_expression_of_an_allow_list_once_its_time_is_up() {
    const EXPRESSIONS: usize = 500;
    let all: Vec<_> = (0..EXPRESSIONS).map(|n| format!("'q{n}$'")).collect();
    let list = format!("[allowlist]\nregexes = [{}]\n", all.join(","));
    let apart = GitleaksConfig::parse(&list).unwrap().apart(ours()).unwrap();
    let text = b"password = \"q8Zr1kVb0wXs\"\n";
    let asked = std::cell::Cell::new(0);
    for (most, ends) in [(usize::MAX, true), (EXPRESSIONS / 2, false)] {
        asked.set(0);
        let goes_on = || {
            asked.set(asked.get() + 1);
            asked.get() <= most
        };
        let told = apart.ours.scan_while(text, None, &goes_on, &mut |_| {});
        assert_eq!(told.is_some(), ends);
        assert!(asked.get() > EXPRESSIONS / 2, "asked {} times", asked.get());
    }
}

/// A keyword that stands everywhere, in many rules: once time is up none of them is looked at,
/// and the text is left at the next 64 KiB.
#[test]
fn a_file_apart_looks_at_no_keyword_once_its_time_is_up() {
    let rules: String = (0..500)
        .map(|n| format!("[[rules]]\nid = \"r{n}\"\nkeywords = ['z']\nregex = 'zq{n}'\n"))
        .collect();
    let theirs = GitleaksConfig::parse(&rules)
        .unwrap()
        .apart(ours())
        .unwrap();
    let theirs = theirs.theirs.unwrap();
    let text = vec![b'z'; 4 << 20];
    let asked = std::cell::Cell::new(0);
    let goes_on = || {
        asked.set(asked.get() + 1);
        asked.get() <= 100
    };
    let told = theirs.scan_while(&text, None, &goes_on, &mut |_| {});
    assert!(told.is_none());
    // Each place of the piece asks once more, and no further piece is begun.
    assert!(asked.get() < 2 << 16, "asked {} times", asked.get());
}

/// CL-12: expressions that would take all memory are refused before they do, and keywords that
/// would be gone through at every place.
#[test]
fn a_file_apart_is_bounded() {
    let grows = "[[rules]]\nid = \"r\"\nregex = '((\\w{500}){500}){500}'\n";
    let many = "[[rules]]\nid = \"r\"\nregex = '[a-z]{400}[0-9]{400}'\n".repeat(2_001);
    let heavy = "[[rules]]\nid = \"r\"\nregex = '(?i)([a-z0-9]{90}){100}'\n".repeat(500);
    let words: Vec<_> = (0..4_001).map(|n| format!("'zzzz{n:04}'")).collect();
    let words = format!(
        "[[rules]]\nid = \"r\"\nregex = 'z'\nkeywords = [{}]\n",
        words.join(",")
    );
    // One run of it over 64 KiB would take half a minute.
    let slow = "[[rules]]\nid = \"r\"\nregex = 'a[ab]{29000}c'\n";
    for text in [grows, &many, &heavy, &words, slow] {
        let told = GitleaksConfig::parse(text).unwrap().apart(ours());
        assert!(matches!(told, Err(Error::Large { .. })), "{told:?}");
    }
}
