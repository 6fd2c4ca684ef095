//! Facts in JSON, read without trying one form after the other: a pass reads millions of them.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Confidence, Fact, Value};
use crate::Told;

/// In JSON a stated fact is its `told` alone; another carries its confidence.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Written<'a> {
    Graded {
        told: &'a Told<Value>,
        confidence: Confidence,
    },
    Stated(&'a Told<Value>),
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = &self.told;
        let written = match self.confidence {
            Confidence::Stated => Written::Stated(told),
            confidence => Written::Graded { told, confidence },
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FactVisitor)
    }
}

struct FactVisitor;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    Is,
    Told,
    Confidence,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for FactVisitor {
    type Value = Fact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "`{\"is\": …}`, `\"absent\"`, `\"cannot_tell\"`, or one of these as `told` with its `confidence`",
        )
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Fact, E> {
        match word {
            "absent" => Ok(Fact::stated(Told::Absent)),
            "cannot_tell" => Ok(Fact::stated(Told::CannotTell)),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fact, A::Error> {
        let (mut is, mut told, mut confidence) = (None, None, None);
        let mut others = false;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Is => is = Some(map.next_value()?),
                Field::Told => told = Some(map.next_value()?),
                Field::Confidence => confidence = Some(map.next_value()?),
                Field::Other => {
                    others = true;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match (is, told, confidence) {
            (Some(is), None, None) if !others => Ok(Fact::stated(Told::Is(is))),
            (None, Some(told), Some(confidence)) => Ok(Fact { told, confidence }),
            _ => Err(A::Error::invalid_value(Unexpected::Map, &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false, a whole number, a text, a list of texts or texts by name")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        let whole = i64::try_from(number);
        whole
            .map(Value::Number)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Value, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Value, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(table)).map(Value::Table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let text = || "[a-z\"\\\\ é]{0,6}";
        prop_oneof![
            any::<bool>().prop_map(Value::Flag),
            any::<i64>().prop_map(Value::Number),
            text().prop_map(Value::Text),
            proptest::collection::vec(text(), 0..4).prop_map(Value::List),
            proptest::collection::btree_map(text(), text(), 0..4).prop_map(Value::Table),
        ]
    }

    fn fact() -> impl Strategy<Value = Fact> {
        let told = prop_oneof![
            value().prop_map(Told::Is),
            Just(Told::Absent),
            Just(Told::CannotTell)
        ];
        let confidence = prop_oneof![
            Just(Confidence::Guessed),
            Just(Confidence::Derived),
            Just(Confidence::Stated)
        ];
        (told, confidence).prop_map(|(told, confidence)| Fact { told, confidence })
    }

    proptest! {
        #[test]
        fn a_fact_is_read_as_it_was_written(fact in fact()) {
            let text = serde_json::to_string(&fact).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Fact>(&text).unwrap(), &fact);
            let tree = serde_json::to_value(&fact).unwrap();
            prop_assert_eq!(serde_json::from_value::<Fact>(tree).unwrap(), fact);
        }
    }

    #[test]
    fn what_is_no_fact_is_refused_with_what_was_expected() {
        for wrong in [
            r#""gone""#,
            "7",
            "{}",
            r#"{"is": 1.5}"#,
            r#"{"is": null}"#,
            r#"{"is": 9223372036854775808}"#,
            r#"{"is": ["a", 1]}"#,
            r#"{"is": {"a": 1}}"#,
            r#"{"is": 1, "confidence": "guessed"}"#,
            r#"{"is": 1, "more": 1}"#,
            r#"{"told": {"is": 1}}"#,
            r#"{"told": {"is": 1}, "confidence": "sure"}"#,
        ] {
            let told = serde_json::from_str::<Fact>(wrong).unwrap_err().to_string();
            assert!(told.contains("expected"), "{wrong}: {told}");
        }
    }
}
