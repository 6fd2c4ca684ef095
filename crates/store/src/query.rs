//! `query`: one read-only statement over the documented views, the same ones on both engines.
//!
//! A statement passes three gates: what it is made of (here), what the engine lets a reader of
//! the views touch (an authorizer on SQLite; a schema with nothing but the views, and a role
//! where one may be made, on PostgreSQL), and limits of time, rows and bytes.
//!
//! **Invariant:** no statement reads another tenant's rows or changes anything. Held by
//! `a_query_cannot_leave_its_tenant` and `a_query_changes_nothing`.

pub(crate) mod postgres;
pub(crate) mod sqlite;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Error;
use crate::tables::tables;
use crate::views::VIEWS;
use words::{Word, words};

/// How much a query may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Rows at most; the rest is cut off, and the answer says so.
    pub rows: usize,
    /// Bytes of all values together at most; the rest is cut off, and the answer says so.
    pub bytes: usize,
    /// How long it may take.
    pub time: Duration,
    /// Views that it may not read: what they show is not of the moment that is asked about.
    pub without: &'static [&'static str],
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            rows: 10_000,
            bytes: 16 * 1024 * 1024,
            time: Duration::from_secs(10),
            without: &[],
        }
    }
}

/// What a query answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Its rows. Bytes are hex.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether rows were cut off by a limit.
    pub cut: bool,
}

impl Table {
    /// Adds a row, unless a limit says that it is one too many: then the answer is `false`.
    fn add(
        &mut self,
        row: Vec<serde_json::Value>,
        spent: &mut usize,
        limits: &QueryLimits,
    ) -> bool {
        *spent += row.iter().map(size).sum::<usize>();
        if self.rows.len() >= limits.rows || *spent > limits.bytes {
            self.cut = true;
            return false;
        }
        self.rows.push(row);
        true
    }
}

fn size(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => value.to_string().len(),
        _ => 8,
    }
}

/// Longest statement in bytes.
const STATEMENT_BYTES_MAX: usize = 65_536;

/// What may stand before a parenthesis without being a function.
const BEFORE_PARENTHESIS: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "distinct",
    "else",
    "except",
    "exists",
    "filter",
    "from",
    "having",
    "ilike",
    "in",
    "intersect",
    "is",
    "join",
    "lateral",
    "like",
    "limit",
    "materialized",
    "not",
    "offset",
    "on",
    "or",
    "over",
    "select",
    "some",
    "then",
    "union",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// Functions of either engine that only look at what they are given.
pub(crate) const FUNCTIONS: &[&str] = &[
    "abs",
    "age",
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "cast",
    "ceil",
    "ceiling",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "date",
    "date_part",
    "date_trunc",
    "datetime",
    "decimal",
    "dense_rank",
    "encode",
    "every",
    "extract",
    "first_value",
    "floor",
    "glob",
    "greatest",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json_agg",
    "json_array_length",
    "json_each",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_object_agg",
    "json_type",
    "json_valid",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_extract_path_text",
    "jsonb_object_keys",
    "jsonb_typeof",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "like",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "numeric",
    "percent_rank",
    "position",
    "rank",
    "replace",
    "right",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "split_part",
    "starts_with",
    "strftime",
    "string_agg",
    "strpos",
    "substr",
    "substring",
    "sum",
    "time",
    "to_char",
    "to_timestamp",
    "total",
    "trim",
    "typeof",
    "unixepoch",
    "upper",
    "varchar",
];

/// Words that no reading statement needs.
const NEVER: &[&str] = &[
    "alter",
    "analyze",
    "attach",
    "begin",
    "call",
    "commit",
    "copy",
    "create",
    "deallocate",
    "delete",
    "detach",
    "do",
    "drop",
    "execute",
    "explain",
    "grant",
    "information_schema",
    "insert",
    "into",
    "listen",
    "load",
    "lock",
    "main",
    "merge",
    "notify",
    "pragma",
    "prepare",
    "public",
    "reindex",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "set",
    "temp",
    "truncate",
    "update",
    "vacuum",
    "sighting_version",
];

/// Names of either engine's own things, and of ours beneath the views.
const NEVER_BEGINNING: &[&str] = &[
    "pg_", "sqlite_", "pragma_", "all_", "keyroll", "store_", "crdb_", "dblink",
];

/// A statement that may be run.
pub(crate) struct Statement<'s> {
    pub(crate) sql: &'s str,
    /// Names of its common tables, in lower case. None is that of a table or view of ours.
    pub(crate) common: BTreeSet<String>,
}

/// The statement in `sql`, if it is one that may be run.
pub(crate) fn checked(sql: &str) -> Result<Statement<'_>, Error> {
    let refused = |why: &str| Error::QueryRefused {
        why: why.to_owned(),
    };
    if sql.len() > STATEMENT_BYTES_MAX {
        return Err(refused("it is longer than 65536 bytes"));
    }
    let sql = sql.trim().trim_end_matches(';').trim_end();
    let words = words(sql).map_err(|why| refused(&why))?;
    match words.first() {
        Some(Word::Plain(first)) if ["select", "with", "values"].contains(&first.as_str()) => {}
        _ => return Err(refused("it must begin with `select`, `with` or `values`")),
    }
    let mut common = BTreeSet::new();
    for (n, word) in words.iter().enumerate() {
        let (Word::Plain(name) | Word::Quoted(name)) = word else {
            continue;
        };
        if names_common_table(&words, n) {
            // An engine may take it for ours where it decides what may be read.
            if is_ours(name) {
                return Err(refused(&format!("`{name}` cannot name a common table")));
            }
            common.insert(name.clone());
        }
        let is_never = NEVER.contains(&name.as_str())
            || NEVER_BEGINNING.iter().any(|start| name.starts_with(start));
        if is_never {
            let name = model::shorten(&model::clean(name), 40);
            return Err(refused(&format!(
                "`{name}` has no place in it; it reads the documented views, see `keyroll query --views`"
            )));
        }
        if words.get(n + 1) == Some(&Word::Sign('(')) && !may_open(&words, n) {
            let name = model::shorten(&model::clean(name), 40);
            return Err(refused(&format!("`{name}` is no function it may use")));
        }
    }
    Ok(Statement { sql, common })
}

/// Whether a name is that of a table or view of the store.
fn is_ours(name: &str) -> bool {
    VIEWS.iter().any(|view| view.name == name) || tables().iter().any(|table| table.name == name)
}

/// Whether the word at `n` names a common table: `name [(columns)] as [[not] materialized] (`.
fn names_common_table(words: &[Word], n: usize) -> bool {
    let mut rest = words.get(n + 1..).unwrap_or_default();
    if rest.first() == Some(&Word::Sign('(')) {
        let close = rest.iter().position(|word| *word == Word::Sign(')'));
        rest = close.map_or(&[], |close| &rest[close + 1..]);
    }
    let Some((Word::Plain(first), mut rest)) = rest.split_first() else {
        return false;
    };
    while let Some((Word::Plain(word), tail)) = rest.split_first() {
        if word != "not" && word != "materialized" {
            return false;
        }
        rest = tail;
    }
    first == "as" && rest.first() == Some(&Word::Sign('('))
}

/// Whether a parenthesis may follow the word at `n`: a keyword, a function that only looks, or
/// the names of a first common table's or an alias's columns.
fn may_open(words: &[Word], n: usize) -> bool {
    let before = n.checked_sub(1).and_then(|before| words.get(before));
    let is_plain =
        |word: Option<&Word>, text: &str| matches!(word, Some(Word::Plain(name)) if name == text);
    if is_plain(before, "as") || is_plain(before, "with") || is_plain(before, "recursive") {
        let inside = words.get(n + 2..).unwrap_or_default();
        let only_names = inside
            .iter()
            .take_while(|word| **word != Word::Sign(')'))
            .all(|word| matches!(word, Word::Plain(_) | Word::Quoted(_) | Word::Sign(',')));
        // `as name(` calls nothing: what stands behind `as` is a name.
        return only_names || is_plain(words.get(n), "materialized");
    }
    match &words[n] {
        Word::Plain(name) => {
            before != Some(&Word::Sign('.'))
                && (BEFORE_PARENTHESIS.contains(&name.as_str())
                    || FUNCTIONS.contains(&name.as_str()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reading_statement_passes() {
        for sql in [
            "select 1",
            "SELECT count(*) FROM identities WHERE owner IS NULL;",
            "with recursive up(id, n) as (select id, 0 from identities union all select i.holder, n + 1 from up join credentials i using (id)) select * from up",
            "select name from identities where name like 'a;b--c' -- a comment\nlimit 3",
            "values (1), (2)",
            "select x.a from (select 1) as x(a)",
            "with a as materialized (select 1) select * from a where 1 in (1, 2)",
            "select \"name\" from identities order by (name)",
            "select facts ->> 'name' from sightings where cast(first_seen as text) < '2026'",
        ] {
            assert!(checked(sql).is_ok(), "{sql}: {:?}", checked(sql).err());
        }
    }

    #[test]
    fn what_could_do_more_than_read_is_refused() {
        for sql in [
            "",
            "delete from entity",
            "select 1; select 2",
            "select 1;;--\n;select 2",
            "set keyroll.tenant = 'other'",
            "select set_config('keyroll.tenant', 'other', true)",
            "select \"set_config\"('keyroll.tenant', 'other', true)",
            "select U&\"set\\005fconfig\"('keyroll.tenant', 'other', true)",
            "select pg_catalog.set_config('a', 'b', true)",
            "select pg_catalog . lower('a')",
            "select x.lower('a')",
            "select * from pg_read_file('/etc/passwd')",
            "select pg_sleep(100)",
            "select current_setting('keyroll.tenant')",
            "do $$ begin end $$",
            "copy identities to program 'id'",
            "select * into x from identities",
            "with x as (delete from entity returning *) select * from x",
            "select * from keyroll.entity",
            "select * from \"keyroll\".entity",
            "select * from main.entity",
            "select * from all_identities",
            "select * from sqlite_master",
            "select load_extension('x')",
            "select * from v, set_config(a, b, c) as (x text)",
            "select * from (select 1) as x, dblink(q) as (y text)",
            "select /* hidden */ 1",
            "select `a` from [b]",
            "select E'\\'' || pg_sleep(1)",
            "select 'open",
            "explain select 1",
            "select query_to_xml('select 1', true, true, '')",
            "select 1 operator(pg_catalog.+) 2",
            "select\u{0} 1",
            "with identities as (select * from entity) select * from identities",
            "with a as (select 1), \"Identities\"(x) as not materialized (select 1) select 1",
            "with entity as (select 1) select 1",
            "select * from sighting_version",
            "select * from pragma_table_info",
        ] {
            assert!(
                matches!(checked(sql), Err(Error::QueryRefused { .. })),
                "{sql}"
            );
        }
    }
}
