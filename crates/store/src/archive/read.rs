//! Reading an archive: foreign bytes until the last line has vouched for them.

use std::io::{BufRead, Read};

use sha2::{Digest, Sha256};

use super::{EndLine, FORMAT, Header, TableLine, announced, hex, unhex};
use crate::tables::Table;
use crate::value::{Type, Value};
use crate::{Error, SCHEMA};

/// Longest line in bytes: one row.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Rows given on at once, and the bytes at which fewer are.
const PAGE_ROWS: usize = 2_000;
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Gives the rows of an archive to `each`, page by page, and answers its header once the last
/// line has shown that all of it is as it was written.
pub(super) fn whole(
    mut from: impl BufRead,
    mut each: impl FnMut(&Table, &[Vec<Value>]) -> Result<(), Error>,
) -> Result<Header, Error> {
    let mut hash = Sha256::new();
    let mut line = Vec::new();
    next_line(&mut from, &mut line)?;
    let header: Header =
        serde_json::from_slice(&line).map_err(|_| refused("it does not begin as one"))?;
    check(&header)?;
    hash.update(&line);
    let mut table: Option<Table> = None;
    let mut page = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    loop {
        next_line(&mut from, &mut line)?;
        if line.first() == Some(&b'[') {
            let known = table
                .as_ref()
                .ok_or_else(|| refused("it has rows without a table"))?;
            page.push(row(known, &line)?);
            rows += 1;
            bytes += line.len();
        }
        let is_row = line.first() == Some(&b'[');
        if !is_row || page.len() >= PAGE_ROWS || bytes >= PAGE_BYTES {
            if let Some(known) = table.as_ref().filter(|_| !page.is_empty()) {
                each(known, &page)?;
            }
            page.clear();
            bytes = 0;
        }
        if !is_row {
            if let Ok(end) = serde_json::from_slice::<EndLine>(&line) {
                return ended(&mut from, &end, rows, hash).map(|()| header);
            }
            let announcing: TableLine = serde_json::from_slice(&line)
                .map_err(|_| refused("a line of it is no row, no table and no end"))?;
            let known = announced(&announcing, header.schema);
            table = Some(
                known.ok_or_else(|| refused("it holds a table that this program does not know"))?,
            );
        }
        hash.update(&line);
    }
}

fn check(header: &Header) -> Result<(), Error> {
    if header.format != FORMAT {
        let got = model::shorten(&model::clean(&header.format), 40);
        return Err(refused(&format!("expected format `{FORMAT}`, got `{got}`")));
    }
    if !(1..=SCHEMA).contains(&header.schema) {
        return Err(refused(&format!(
            "it was written by schema {}, this program knows 1 to {SCHEMA}",
            header.schema
        )));
    }
    Ok(())
}

fn ended(from: &mut impl Read, end: &EndLine, rows: u64, hash: Sha256) -> Result<(), Error> {
    if end.rows != rows || end.sha256 != hex(&hash.finalize()) {
        return Err(refused("it was altered after it was written"));
    }
    let mut more = [0];
    match from.read(&mut more) {
        Ok(0) => Ok(()),
        _ => Err(refused("something stands behind its end")),
    }
}

/// The next line with its end; an archive never stops before its last line.
fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> Result<(), Error> {
    line.clear();
    let mut limited = from.take(LINE_BYTES_MAX);
    limited
        .read_until(b'\n', line)
        .map_err(|error| refused(&format!("it cannot be read: {error}")))?;
    if line.last() == Some(&b'\n') {
        return Ok(());
    }
    Err(refused(if line.len() as u64 >= LINE_BYTES_MAX {
        "a line of it is longer than 64 MiB"
    } else {
        "it was cut off"
    }))
}

fn row(table: &Table, line: &[u8]) -> Result<Vec<Value>, Error> {
    let misshapen = || refused(&format!("a row of `{}` does not fit it", table.name));
    let values: Vec<serde_json::Value> = serde_json::from_slice(line).map_err(|_| misshapen())?;
    if values.len() != table.columns.len() {
        return Err(misshapen());
    }
    let typed = values.into_iter().zip(&table.columns);
    let typed = typed.map(|(value, (_, kind))| typed_value(value, *kind));
    typed.collect::<Option<_>>().ok_or_else(misshapen)
}

fn typed_value(value: serde_json::Value, kind: Type) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match (value, kind) {
        (Json::Null, _) => Value::Null,
        (Json::Number(number), Type::Int) => Value::Int(number.as_i64()?),
        (Json::String(text), Type::Text) => Value::Text(text),
        (Json::String(text), Type::Json) => Value::Json(text),
        (Json::String(text), Type::Bytes) => Value::Bytes(unhex(&text)?),
        _ => return None,
    })
}

fn refused(why: &str) -> Error {
    Error::Archive {
        why: why.to_owned(),
    }
}
