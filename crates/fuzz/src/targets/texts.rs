//! Words: what a person or a source names, and foreign text on its way to a terminal.

use std::fmt::Display;
use std::str::FromStr;

use engine::Spec;
use model::{CredentialType, EntityId, Kind, SourceId, Tenant, Timestamp};
use store::Location;

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[
    (
        "clean",
        "cleaned text holds nothing that steers a terminal, and is clean already",
        clean,
    ),
    (
        "ids",
        "an id, a word or a time that is read is written so that it is read the same",
        ids,
    ),
    (
        "location",
        "where a store is, is shown without its password, whatever else the address holds",
        location,
    ),
    (
        "source_spec",
        "what a person names as a source is shown without its password, or refused without it",
        source_spec,
    ),
];

/// Planted in addresses; must never come out.
const PLANTED: &str = "Pl4nted-pa55word";

fn clean(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let cleaned = model::clean(&text);
    assert!(!cleaned.chars().any(char::is_control), "{cleaned:?}");
    assert_eq!(model::clean(&cleaned), cleaned);
    for letters_max in [0, 1, 2, 40, 400] {
        let short = model::shorten(&cleaned, letters_max);
        assert!(short.chars().count() <= letters_max.max(1));
        assert_eq!(model::clean(&short), short);
    }
}

fn ids(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    same::<EntityId>(&text, EntityId::to_string);
    same::<SourceId>(&text, |id| id.as_str().to_owned());
    same::<Tenant>(&text, |tenant| tenant.as_str().to_owned());
    same::<Kind>(&text, Kind::to_string);
    same::<Timestamp>(&text, Timestamp::to_string);
    if let Ok(kind) = text.parse::<CredentialType>() {
        assert_eq!(kind.to_string(), text);
    }
}

/// Reads `text`; what was read is written by `write` and read the same.
fn same<T>(text: &str, write: impl Fn(&T) -> String)
where
    T: FromStr + PartialEq,
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(read) => {
            let written = write(&read);
            assert!(
                written.parse::<T>().is_ok_and(|again| again == read),
                "`{written}` is read as something else"
            );
        }
        Err(why) => {
            let shown = why.to_string();
            assert!(shown.chars().count() < 400, "a flood");
            assert_eq!(model::clean(&shown), shown);
        }
    }
}

/// Addresses around the input, with a password that must not come out.
fn addresses(input: &[u8]) -> [String; 4] {
    let text = String::from_utf8_lossy(input);
    [
        text.clone().into_owned(),
        format!("postgres://ann:{PLANTED}@{text}"),
        format!("postgres://ann@{text}?password={PLANTED}"),
        format!("postgresql://ann:{PLANTED}{text}@db.example/roll"),
    ]
}

fn location(input: &[u8]) {
    for address in addresses(input) {
        shows_nothing(
            &address,
            match address.parse::<Location>() {
                Ok(location) => format!("{location} {location:?}"),
                Err(why) => format!("{why} {why:?}"),
            },
        );
    }
}

fn source_spec(input: &[u8]) {
    for address in addresses(input) {
        shows_nothing(
            &address,
            match Spec::parse(&address, |_| false) {
                Ok(spec) => {
                    if let Spec::Postgres(postgres) = &spec {
                        shows_nothing(
                            &address,
                            format!("{} {:?}", postgres.target(), postgres.options()),
                        );
                    }
                    format!("{spec:?}")
                }
                Err(why) => format!("{why} {why:?}"),
            },
        );
    }
}

/// The planted password is not in `shown`, unless the input itself repeats it elsewhere.
fn shows_nothing(address: &str, shown: String) {
    let planted_once = address.matches(PLANTED).count() == 1;
    assert!(
        !planted_once || !shown.contains(PLANTED),
        "a password came out: {shown}"
    );
}
