//! The language of filters: `class=workload env=prod expires<30d owner=none billing`.
//!
//! Terms stand side by side and must all hold. A term is a field, an operator and a value, or a
//! word that the name must contain. Values with blanks stand in double quotes.
//!
//! | operator | means |
//! |---|---|
//! | `=` `!=` | is, is not; several values with commas: any of them |
//! | `~` | contains, whatever the case |
//! | `<` `>` | for times: nearer, farther than a span (`30d`); before, after a day (`2026-03-01`) |
//!
//! A span is counted from now: `expires<30d` ends within 30 days or has ended, `used>90d` was
//! last used more than 90 days ago.

mod lines;

use std::fmt;

use model::{Duration, Timestamp};

/// Longer filters are refused.
const LETTERS_MAX: usize = 2000;
/// More terms are refused.
const TERMS_MAX: usize = 50;

/// A field that holds words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Kind,
    Class,
    Type,
    Provider,
    Environment,
    Status,
    Privilege,
    Owner,
    Name,
}

/// A field that holds a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeField {
    Created,
    Rotated,
    Used,
    Expires,
    FirstSeen,
    Missing,
}

/// What a time is asked for. Times lie before or after an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before this instant.
    Before(Timestamp),
    /// After this instant.
    After(Timestamp),
    /// The source states that there is none: never used, never expires.
    Never,
    /// No source can tell.
    Unknown,
    /// There is one.
    Told,
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// The field is one of these, or with `not` none of them. The word `none` stands for nothing.
    Is {
        field: Field,
        values: Vec<String>,
        not: bool,
    },
    /// The field contains this.
    Contains { field: Field, text: String },
    /// The time is so.
    Time { field: TimeField, when: When },
}

/// What is asked for: all terms must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In the order in which they were typed.
    pub terms: Vec<Term>,
}

/// What is wrong with a filter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// Expected and got.
    told: String,
    /// What to type instead.
    pub hint: Option<String>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

fn wrong(told: impl Into<String>) -> FilterError {
    FilterError {
        told: told.into(),
        hint: None,
    }
}

const FIELDS: [(&str, Field); 11] = [
    ("kind", Field::Kind),
    ("class", Field::Class),
    ("type", Field::Type),
    ("provider", Field::Provider),
    ("env", Field::Environment),
    ("environment", Field::Environment),
    ("status", Field::Status),
    ("privilege", Field::Privilege),
    ("owner", Field::Owner),
    ("owned_by", Field::Owner),
    ("name", Field::Name),
];

const TIMES: [(&str, TimeField); 9] = [
    ("created", TimeField::Created),
    ("rotated", TimeField::Rotated),
    ("used", TimeField::Used),
    ("last_used", TimeField::Used),
    ("expires", TimeField::Expires),
    ("first_seen", TimeField::FirstSeen),
    ("seen", TimeField::FirstSeen),
    ("missing", TimeField::Missing),
    ("gone", TimeField::Missing),
];

impl Filter {
    /// Reads a filter; spans count from `now`.
    ///
    /// # Errors
    /// The first term that cannot be understood.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, FilterError> {
        let tokens = tokens(text)?;
        if tokens.len() > TERMS_MAX {
            return Err(wrong(format!(
                "expected at most {TERMS_MAX} terms, got {}",
                tokens.len()
            )));
        }
        let terms = tokens
            .iter()
            .map(|token| term(token, now))
            .collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }
}

/// A token: its letters, and whether each stood in quotes.
type Token = Vec<(char, bool)>;

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    if text.chars().count() > LETTERS_MAX {
        return Err(wrong(format!(
            "expected a filter of at most {LETTERS_MAX} letters"
        )));
    }
    let (mut all, mut token, mut quoted) = (Vec::new(), Token::new(), false);
    let mut begun = false;
    for letter in text.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            blank if blank.is_whitespace() && !quoted => {
                if begun {
                    all.push(std::mem::take(&mut token));
                    begun = false;
                }
            }
            _ => {
                token.push((letter, quoted));
                begun = true;
            }
        }
    }
    if quoted {
        return Err(wrong("expected a closing `\"`"));
    }
    if begun {
        all.push(token);
    }
    Ok(all)
}

fn term(token: &Token, now: Timestamp) -> Result<Term, FilterError> {
    let operator = token
        .iter()
        .position(|(letter, quoted)| !quoted && "=~<>!".contains(*letter));
    let text = |part: &[(char, bool)]| part.iter().map(|(letter, _)| letter).collect::<String>();
    let Some(at) = operator else {
        return match text(token) {
            word if word.is_empty() => {
                Err(wrong("expected a word between the quotes, got nothing"))
            }
            text => Ok(Term::Contains {
                field: Field::Name,
                text,
            }),
        };
    };
    let name = text(&token[..at]).to_ascii_lowercase().replace('-', "_");
    let (operator, rest) = match (token[at].0, token.get(at + 1)) {
        ('!', Some(('=', false))) => ("!=", at + 2),
        ('=', _) => ("=", at + 1),
        ('~', _) => ("~", at + 1),
        ('<', _) => ("<", at + 1),
        ('>', _) => (">", at + 1),
        _ => return Err(wrong(format!("expected `!=` in `{}`", shown(&text(token))))),
    };
    let value = text(&token[rest..]);
    if value.is_empty() {
        return Err(wrong(format!(
            "expected a value after `{}{operator}`",
            shown(&name)
        )));
    }
    if let Some((_, field)) = FIELDS.into_iter().find(|(known, _)| *known == name) {
        return word_term(field, &name, operator, value);
    }
    if let Some((_, field)) = TIMES.into_iter().find(|(known, _)| *known == name) {
        return time_term(field, &name, operator, &value, now);
    }
    let known = || {
        FIELDS
            .iter()
            .map(|(name, _)| *name)
            .chain(TIMES.iter().map(|(name, _)| *name))
    };
    let hint = match crate::nearest(&name, known()) {
        Some(meant) => format!("did you mean `{meant}{operator}{}`?", shown(&value)),
        None => format!("fields: {}", known().collect::<Vec<_>>().join(", ")),
    };
    let told = format!(
        "expected a field before `{operator}`, got `{}`",
        shown(&name)
    );
    Err(FilterError {
        told,
        hint: Some(hint),
    })
}

fn word_term(field: Field, name: &str, operator: &str, value: String) -> Result<Term, FilterError> {
    match operator {
        "=" | "!=" => {
            let values: Vec<String> = value
                .split(',')
                .map(|one| one.trim().to_owned())
                .filter(|one| !one.is_empty())
                .collect();
            if values.is_empty() {
                return Err(wrong(format!("expected a value after `{name}{operator}`")));
            }
            check_words(field, name, &values)?;
            Ok(Term::Is {
                field,
                values,
                not: operator == "!=",
            })
        }
        "~" => Ok(Term::Contains { field, text: value }),
        _ => Err(FilterError {
            told: format!("expected `=`, `!=` or `~` after `{name}`, got `{operator}`"),
            hint: Some(
                "`<` and `>` compare times: created, rotated, used, expires, seen".to_owned(),
            ),
        }),
    }
}

/// Words of closed sets are checked, so that a slip is told and does not look like an empty roll.
fn check_words(field: Field, name: &str, values: &[String]) -> Result<(), FilterError> {
    let known: &[&str] = match field {
        Field::Kind => &[
            "identity",
            "credential",
            "grant",
            "resource",
            "owner",
            "use",
        ],
        Field::Class => &[
            "human_operated",
            "workload",
            "agentic",
            "integration",
            "none",
        ],
        _ => return Ok(()),
    };
    match values.iter().find(|value| !known.contains(&value.as_str())) {
        None => Ok(()),
        Some(value) => Err(FilterError {
            told: format!(
                "expected {name} to be one of {}, got `{}`",
                known.join(", "),
                shown(value)
            ),
            hint: crate::nearest(value, known.iter().copied())
                .map(|meant| format!("did you mean `{name}={meant}`?")),
        }),
    }
}

fn time_term(
    field: TimeField,
    name: &str,
    operator: &str,
    value: &str,
    now: Timestamp,
) -> Result<Term, FilterError> {
    let when = match (operator, value) {
        ("=", "never" | "none") => When::Never,
        ("=", "unknown" | "?") => When::Unknown,
        ("=", "known" | "any" | "yes") => When::Told,
        ("<" | ">", _) => compared(field, operator == "<", value, now).ok_or_else(|| FilterError {
            told: format!("expected a span such as `30d` or a day such as `2026-03-01` after `{name}{operator}`, got `{}`", shown(value)),
            hint: Some("spans: `45min`, `12h`, `30d`, `8w`, `1y`".to_owned()),
        })?,
        _ => {
            return Err(FilterError {
                told: format!("expected `{name}<30d`, `{name}>30d`, `{name}=never` or `{name}=unknown`, got `{name}{operator}{}`", shown(value)),
                hint: None,
            });
        }
    };
    Ok(Term::Time { field, when })
}

/// A span is a distance from now, into the future for what is to come and back for the rest.
fn compared(field: TimeField, less: bool, value: &str, now: Timestamp) -> Option<When> {
    let (at, before) = match (span(value), field) {
        (Some(span), TimeField::Expires) => (now + span, less),
        (Some(span), _) => (now - span, !less),
        (None, _) => (value.parse().ok()?, less),
    };
    Some(if before {
        When::Before(at)
    } else {
        When::After(at)
    })
}

/// `30d`, `12h`, `45min`, `8w`, `1y`.
pub fn span(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().ok().filter(|n| *n <= 1_000_000)?;
    match unit {
        "s" => Some(Duration::seconds(number)),
        "m" | "min" => Some(Duration::minutes(number)),
        "h" => Some(Duration::hours(number)),
        "d" => Some(Duration::days(number)),
        "w" => Some(Duration::days(number.checked_mul(7)?)),
        "y" => Some(Duration::days(number.checked_mul(365)?)),
        _ => None,
    }
}

fn shown(text: &str) -> String {
    model::shorten(&model::clean(text), 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000_000);

    fn parse(text: &str) -> Vec<Term> {
        Filter::parse(text, NOW).unwrap().terms
    }

    fn told(text: &str) -> String {
        let error = Filter::parse(text, NOW).unwrap_err();
        format!("{error} / {}", error.hint.as_deref().unwrap_or_default())
    }

    #[test]
    fn terms_are_fields_operators_and_values_and_words_search_the_name() {
        let is = |field, values: &[&str], not| Term::Is {
            field,
            values: values.iter().map(|one| (*one).to_owned()).collect(),
            not,
        };
        assert_eq!(
            parse("class=workload env!=prod,staging  billing"),
            [
                is(Field::Class, &["workload"], false),
                is(Field::Environment, &["prod", "staging"], true),
                Term::Contains {
                    field: Field::Name,
                    text: "billing".to_owned()
                },
            ]
        );
        assert_eq!(
            parse("name~\"a = b\" \"x=y\""),
            [
                Term::Contains {
                    field: Field::Name,
                    text: "a = b".to_owned()
                },
                Term::Contains {
                    field: Field::Name,
                    text: "x=y".to_owned()
                },
            ]
        );
        assert_eq!(parse("owner=none"), [is(Field::Owner, &["none"], false)]);
        assert_eq!(parse(" "), []);
    }

    #[test]
    fn a_span_is_a_distance_from_now_and_a_day_is_a_day() {
        let time = |text| match parse(text).as_slice() {
            [Term::Time { when, .. }] => *when,
            other => panic!("{other:?}"),
        };
        assert_eq!(time("expires<30d"), When::Before(NOW + Duration::days(30)));
        assert_eq!(time("expires>1y"), When::After(NOW + Duration::days(365)));
        assert_eq!(time("used>90d"), When::Before(NOW - Duration::days(90)));
        assert_eq!(time("created<2h"), When::After(NOW - Duration::hours(2)));
        assert_eq!(
            time("created<2001-01-01"),
            When::Before("2001-01-01".parse().unwrap())
        );
        assert_eq!(time("last-used=never"), When::Never);
        assert_eq!(time("rotated=unknown"), When::Unknown);
    }

    #[test]
    fn a_slip_is_told_with_what_was_meant() {
        assert!(
            told("provder=aws").contains("did you mean `provider=aws`?"),
            "{}",
            told("provder=aws")
        );
        assert!(told("class=worklod").contains("did you mean `class=workload`?"));
        assert!(told("env<3").contains("expected `=`, `!=` or `~` after `env`, got `<`"));
        assert!(told("expires<soon").contains("expected a span such as `30d`"));
        assert!(told("expires=30d").contains("expected `expires<30d`"));
        assert!(told("name=").contains("expected a value after `name=`"));
        assert!(told("name~\"a").contains("closing"));
        assert!(told("name!x").contains("`!=`"));
        assert!(told("zzzzzz=1").contains("fields: kind, class"));
        assert!(!told("\u{1b}[2J=1").contains('\u{1b}'));
    }

    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_by_telling() {
        for text in [
            "=",
            "!",
            "!=",
            "<",
            "\"\"",
            "a=,",
            "a=b=c",
            "~~",
            "name=\u{0}",
            "expires<9999999999999y",
        ] {
            let _ = Filter::parse(text, NOW);
        }
        assert!(Filter::parse(&"x ".repeat(60), NOW).is_err());
        assert!(Filter::parse(&"x".repeat(3000), NOW).is_err());
    }
}
