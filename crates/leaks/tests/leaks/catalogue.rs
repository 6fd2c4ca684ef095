//! Every rule holds what it says: hits, near misses, and a regex that compiles.

use leaks::{Detector, Mode, builtin, examples};

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
        let alone = Detector::of(vec![rule]);
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

/// How a name and its value are written down in the usual languages and files; `NAME` and
/// `VALUE` stand for them.
const SHAPES: &[&str] = &[
    "NAME=VALUE\n",
    "export NAME='VALUE'\n",
    "NAME: VALUE\n",
    "NAME: \"VALUE\"\n",
    "NAME: |\n  VALUE\n",
    "{\"NAME\": \"VALUE\"}",
    "{\\\"NAME\\\": \\\"VALUE\\\"}",
    "'NAME' => 'VALUE',",
    "NAME := \"VALUE\"",
    "NAME ?= VALUE\n",
    "const NAME: string = 'VALUE';",
    "let NAME: &str = \"VALUE\";",
    "var NAME string = \"VALUE\"",
    "final String NAME = \"VALUE\";",
    "NAME = `VALUE`",
    "config[\"NAME\"] = \"VALUE\"",
    "ENV['NAME'] || 'VALUE'",
    "os.environ.get(\"NAME\", \"VALUE\")",
    "process.env.NAME ?? 'VALUE'",
    "set(\"NAME\", \"VALUE\")",
    "NAME = SecretStr(\"VALUE\")",
    "define('NAME', 'VALUE');",
    "- name: NAME\n  value: VALUE\n",
    "{\"name\": \"NAME\", \"value\": \"VALUE\"}",
    "variable \"NAME\" {\n  type = string\n  default = \"VALUE\"\n}\n",
    "<add key=\"NAME\" value=\"VALUE\"/>",
    "<string name=\"NAME\">VALUE</string>",
    "<NAME>VALUE</NAME>",
    "<NAME>\n  VALUE\n</NAME>",
    "<key>NAME</key>\n<string>VALUE</string>",
    "-e NAME=VALUE image",
    "https://api.internal.net/v1?NAME=VALUE&x=1",
];

/// What stands in those places where there is no secret.
const REFERENCES: &[&str] = &[
    "${X}",
    "$X",
    "%X%",
    "{{ x }}",
    "<your-key>",
    "process.env.X",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "your_api_key_here",
    "changeme",
    "REDACTED",
];

/// Rules that look behind a name, with that name and a value: of their first hit, `name = "value"`.
fn named() -> Vec<(String, String, String)> {
    let simple = |one: leaks::Examples| {
        let text = fill(one.hit.first()?, &mut Chance::of(&one.rule));
        let (name, value) = text.strip_suffix('"')?.split_once(" = \"")?;
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (is_name && name != "token").then(|| (one.rule, name.to_owned(), value.to_owned()))
    };
    let all: Vec<_> = examples().unwrap().into_iter().filter_map(simple).collect();
    assert!(all.len() >= 200, "{}", all.len());
    // The shapes are the same for all: some rules of every family tell.
    all.into_iter().step_by(16).collect()
}

#[test]
fn a_value_behind_a_name_is_found_in_every_usual_shape() {
    let detector = Detector::new().unwrap();
    let mut wrong = Vec::new();
    for (rule, name, value) in named() {
        for shape in SHAPES {
            for name in [name.clone(), name.to_uppercase()] {
                let text = shape.replace("NAME", &name).replace("VALUE", &value);
                if detector.scan(text.as_bytes(), None, &mut |_| {}).matches == 0 {
                    wrong.push(format!("{rule}: {}", shape.replace("NAME", &name)));
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
fn no_rule_takes_a_reference_or_a_placeholder_for_a_value() {
    let detector = Detector::new().unwrap();
    let mut wrong = Vec::new();
    for (rule, name, _) in named() {
        for shape in SHAPES {
            for value in REFERENCES {
                let text = shape.replace("NAME", &name).replace("VALUE", value);
                // What is marked as written for a manual is told to nobody.
                detector.scan(text.as_bytes(), None, &mut |one| {
                    if one.mode != Mode::Example {
                        wrong.push(format!("{rule}: {text}"));
                    }
                });
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
