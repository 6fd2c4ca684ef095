//! The one way to write a JSON value: keys sorted, no blanks, whole numbers only.
//!
//! It is RFC 8785 without fractions (their spelling differs between writers) and with keys
//! sorted by code point. What is read is written again and compared, so a value has one spelling.

use serde_json::Value;

use crate::Error;

/// How deep a value may nest.
pub(crate) const DEPTH_MAX: usize = 64;

/// The canonical bytes of `value`, which stands `depth` levels deep in what it is part of.
pub(crate) fn encode(value: &Value, depth: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(256);
    write(value, depth, &mut out)?;
    Ok(out)
}

/// Reads `bytes`, at most [`DEPTH_MAX`] deep, if they are the canonical form of what they say.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, Error> {
    let form = |why: String| Error::LeafForm { why };
    let value: Value = serde_json::from_slice(bytes).map_err(|e| form(e.to_string()))?;
    if encode(&value, 0)? == bytes {
        Ok(value)
    } else {
        Err(form(
            "it is JSON, but not spelled as it would be written".to_owned(),
        ))
    }
}

fn write(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        let why = format!("expected at most {DEPTH_MAX} levels of nesting, got more");
        return Err(Error::Body { why });
    }
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_f64() => {
            let why = "expected whole numbers, got a fraction: write it as a text".to_owned();
            return Err(Error::Body { why });
        }
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => string(text, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|a, b| a.0.cmp(b.0));
            out.push(b'{');
            for (n, (key, member)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                string(key, out)?;
                out.push(b':');
                write(member, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    serde_json::to_writer(out, text).map_err(|e| Error::Body { why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_level_and_nothing_is_blank() {
        let value = json!({"b": [1, {"z": null, "a": true}], "a": "\u{1}é\"", "A": -5});
        let expected = "{\"A\":-5,\"a\":\"\\u0001é\\\"\",\"b\":[1,{\"a\":true,\"z\":null}]}";
        assert_eq!(encode(&value, 0).unwrap(), expected.as_bytes());
        assert_eq!(decode(expected.as_bytes()).unwrap(), value);
    }

    #[test]
    fn a_second_spelling_of_the_same_value_is_refused() {
        for other in [
            "{\"b\":1,\"a\":1}",
            "{ \"a\":1}",
            "{\"a\":1,\"a\":1}",
            "\"\\u0061\"",
            "1e2",
            "1.0",
            "-0",
            "[1,]",
            "01",
            "{\"a\":1}\n",
        ] {
            assert!(decode(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn a_deep_value_is_refused_and_not_followed() {
        let mut value = json!(1);
        for _ in 0..=DEPTH_MAX {
            value = Value::Array(vec![value]);
        }
        assert!(encode(&value, 0).is_err());
        assert!(decode("[".repeat(100_000).as_bytes()).is_err());
    }
}
