//! The lines of a bundle, written and read.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use tlog_tiles::{HASH_SIZE, Hash};

use crate::{Error, Leaf, Proof, TileId, canonical, tiles};

/// The longest line: a leaf of the greatest length with its proof is shorter.
pub const LINE_BYTES_MAX: usize = 128 * 1024;

/// The word that a bundle starts with.
const BUNDLE: &str = "keyroll-evidence";
/// The version of the format.
const VERSION: u64 = 1;

/// What a bundle holds of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All leaves and all tiles: proves that nothing is missing or out of order.
    Log,
    /// The leaves `from..to`, each with a proof: nothing is missing between them.
    Range {
        /// Index of the first leaf.
        from: u64,
        /// Index after the last leaf.
        to: u64,
    },
    /// Leaves about one subject by each of the ids that it has had, each with a proof. It proves
    /// what it holds, not that it holds all.
    Subjects(BTreeSet<String>),
}

/// A line as read.
pub(crate) enum Line {
    Head {
        checkpoint: String,
        scope: Scope,
    },
    Leaf {
        index: u64,
        leaf: Box<Leaf>,
        record: Vec<u8>,
        proof: Option<Proof>,
    },
    Tile {
        bytes: Vec<u8>,
    },
    End {
        leaves: u64,
        tiles: u64,
    },
}

pub(crate) fn head(checkpoint: &str, scope: &Scope) -> Result<Vec<u8>, Error> {
    let scope = match scope {
        Scope::Log => json!("log"),
        Scope::Range { from, to } => json!({"range": {"from": from, "to": to}}),
        Scope::Subjects(ids) => match ids.first().filter(|_| ids.len() == 1) {
            Some(subject) => json!({"subject": subject}),
            None => json!({"subjects": ids}),
        },
    };
    line(json!({"bundle": BUNDLE, "checkpoint": checkpoint, "scope": scope, "v": VERSION}))
}

/// `record` must be the bytes of a leaf: they stand in the line as they are.
pub(crate) fn leaf(index: u64, record: &[u8], proof: Option<&Proof>) -> Vec<u8> {
    let mut out = format!("{{\"index\":{index},\"leaf\":").into_bytes();
    out.extend_from_slice(record);
    if let Some(proof) = proof {
        let hashes: Vec<String> = proof.0.iter().map(|hash| format!("\"{hash}\"")).collect();
        out.extend_from_slice(format!(",\"proof\":[{}]", hashes.join(",")).as_bytes());
    }
    out.extend_from_slice(b"}\n");
    out
}

pub(crate) fn tile(id: TileId, hashes: &[Hash]) -> Vec<u8> {
    let encoded = BASE64_STANDARD.encode(tiles::bytes(hashes));
    format!(
        "{{\"hashes\":\"{encoded}\",\"tile\":\"{}\"}}\n",
        id.path(hashes.len())
    )
    .into_bytes()
}

pub(crate) fn end(leaves: u64, tiles: u64) -> Result<Vec<u8>, Error> {
    line(json!({"end": {"leaves": leaves, "tiles": tiles}}))
}

/// Reads a line, its newline included, if it is spelled as it would be written.
pub(crate) fn read(bytes: &[u8]) -> Result<Line, String> {
    if bytes.len() > LINE_BYTES_MAX {
        return Err(format!("expected at most {LINE_BYTES_MAX} bytes, got more"));
    }
    let Some(text) = bytes.strip_suffix(b"\n") else {
        return Err("expected a newline at its end: is the file cut?".to_owned());
    };
    let value = canonical::decode(text).map_err(|error| told(&error))?;
    let Value::Object(members) = value else {
        return Err("expected an object".to_owned());
    };
    let names: Vec<&str> = members.keys().map(String::as_str).collect();
    match names.as_slice() {
        ["bundle", "checkpoint", "scope", "v"] => read_head(&members),
        ["index", "leaf"] | ["index", "leaf", "proof"] => read_leaf(members),
        ["hashes", "tile"] => Ok(Line::Tile {
            bytes: bytes.to_vec(),
        }),
        ["end"] => read_end(&members),
        _ => Err("expected the head, a leaf, a tile or the end".to_owned()),
    }
}

fn read_head(members: &Map<String, Value>) -> Result<Line, String> {
    if members.get("bundle").and_then(Value::as_str) != Some(BUNDLE) {
        return Err(format!("expected a bundle called `{BUNDLE}`"));
    }
    if members.get("v").and_then(Value::as_u64) != Some(VERSION) {
        return Err(format!(
            "expected version {VERSION} of the format; a newer keyroll reads others"
        ));
    }
    let checkpoint = members.get("checkpoint").and_then(Value::as_str);
    let checkpoint = checkpoint
        .ok_or("expected a text as `checkpoint`")?
        .to_owned();
    let scope = members
        .get("scope")
        .and_then(scope)
        .ok_or("expected a scope: log, range, subject")?;
    Ok(Line::Head { checkpoint, scope })
}

fn scope(value: &Value) -> Option<Scope> {
    match value {
        Value::String(text) if text == "log" => Some(Scope::Log),
        Value::Object(members) if members.len() == 1 => match members.get_key_value("range") {
            Some((_, Value::Object(range))) if range.len() == 2 => {
                let at = |name: &str| range.get(name).and_then(Value::as_u64);
                Some(Scope::Range {
                    from: at("from")?,
                    to: at("to")?,
                })
            }
            _ => subjects(members).map(Scope::Subjects),
        },
        _ => None,
    }
}

/// One subject alone, or several in order.
fn subjects(members: &Map<String, Value>) -> Option<BTreeSet<String>> {
    if let Some(subject) = members.get("subject") {
        return Some([subject.as_str()?.to_owned()].into());
    }
    let listed = members.get("subjects")?.as_array()?;
    let ids: Option<BTreeSet<String>> = listed
        .iter()
        .map(|one| one.as_str().map(str::to_owned))
        .collect();
    // One way to write it: two or more, each once, in order.
    ids.filter(|ids| ids.len() > 1 && ids.iter().eq(listed.iter().filter_map(Value::as_str)))
}

fn read_leaf(mut members: Map<String, Value>) -> Result<Line, String> {
    let index = members
        .get("index")
        .and_then(Value::as_u64)
        .ok_or("expected a number as `index`")?;
    let proof = members
        .remove("proof")
        .map(|proof| read_proof(&proof))
        .transpose()?;
    let leaf = members.remove("leaf").unwrap_or_default();
    let leaf = Leaf::from_value(leaf).map_err(|error| told(&error))?;
    let record = leaf.to_bytes().map_err(|error| told(&error))?;
    Ok(Line::Leaf {
        index,
        leaf: Box::new(leaf),
        record,
        proof,
    })
}

fn read_proof(value: &Value) -> Result<Proof, String> {
    let hashes = value
        .as_array()
        .ok_or("expected a list as `proof`")?
        .iter()
        .map(|item| {
            let text = item
                .as_str()
                .filter(|text| text.len() == HASH_SIZE.div_ceil(3) * 4);
            let hash = text.and_then(|text| Hash::parse_hash(text).ok());
            // Base64 of another spelling would say the same hash.
            hash.filter(|hash| text == Some(hash.to_string().as_str()))
                .ok_or("expected hashes in base64")
        });
    Ok(Proof(hashes.collect::<Result<_, _>>()?))
}

fn read_end(members: &Map<String, Value>) -> Result<Line, String> {
    let end = members
        .get("end")
        .and_then(Value::as_object)
        .filter(|end| end.len() == 2);
    let count = |name: &str| end.and_then(|end| end.get(name)).and_then(Value::as_u64);
    match (count("leaves"), count("tiles")) {
        (Some(leaves), Some(tiles)) => Ok(Line::End { leaves, tiles }),
        _ => Err("expected the numbers of leaves and tiles".to_owned()),
    }
}

fn line(value: Value) -> Result<Vec<u8>, Error> {
    let mut bytes = canonical::encode(&value, 0)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn told(error: &Error) -> String {
    model::shorten(&model::clean(&error.to_string()), 300)
}
