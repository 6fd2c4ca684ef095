//! Every rule holds what it says: hits, near misses, and a regex that compiles.

use leaks::{Detector, builtin, examples};

use crate::sample::{Chance, fill};

#[test]
fn there_are_at_least_three_hundred_rules() {
    let count = builtin().unwrap().len();
    assert!(count >= 300, "{count}");
}

#[test]
fn every_rule_finds_its_hits_and_leaves_its_near_misses() {
    let mut wrong = Vec::new();
    for (rule, one) in builtin().unwrap().into_iter().zip(examples().unwrap()) {
        assert_eq!(rule.id, one.rule);
        // Alone: among others, a more specific one could push it out.
        let alone = Detector::of(vec![rule]).unwrap();
        if one.hit.is_empty() || one.miss.is_empty() {
            wrong.push(format!("{}: expected a hit and a near miss", one.rule));
        }
        let mut chance = Chance::of(&one.rule);
        for (texts, expected) in [(&one.hit, true), (&one.miss, false)] {
            for template in texts {
                let text = fill(template, &mut chance);
                if (alone.scan(text.as_bytes(), None, &mut |_| {}).matches > 0) != expected {
                    wrong.push(format!("{}: expected {expected} for {template}", one.rule));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_hit_is_found_by_some_rule_when_all_are_there() {
    let detector = Detector::new().unwrap();
    let mut wrong = Vec::new();
    for one in examples().unwrap() {
        let mut chance = Chance::of(&one.rule);
        for template in &one.hit {
            let text = fill(template, &mut chance);
            if detector.scan(text.as_bytes(), None, &mut |_| {}).matches == 0 {
                wrong.push(format!("{}: {template}", one.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_says_what_it_is() {
    for rule in builtin().unwrap() {
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        assert!(
            plain(&rule.id) && !rule.title.is_empty() && !rule.provider.is_empty(),
            "{}",
            rule.id
        );
    }
}
