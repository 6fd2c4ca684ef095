//! `query` on SQLite: a connection of its own that can only read, and only through the views.

use std::collections::BTreeSet;
use std::time::Instant;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};

use super::{FUNCTIONS, QueryLimits, Statement, Table};
use crate::Error;
use crate::views::{JSON_COLUMNS, VIEWS};

/// Steps of the engine between two looks at the clock.
const STEPS: i32 = 10_000;

pub(crate) fn run(
    mut connection: Connection,
    tenant: &str,
    statement: &Statement<'_>,
    limits: &QueryLimits,
) -> Result<Table, Error> {
    let failed = |error: rusqlite::Error| told(&error, limits);
    connection
        .execute_batch(&views(tenant, limits.without))
        .map_err(failed)?;
    connection
        .execute_batch("PRAGMA query_only = ON")
        .map_err(failed)?;
    let longest = i32::try_from(limits.bytes.clamp(65_536, 1 << 28)).unwrap_or(1 << 28);
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, longest),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    ] {
        connection.set_limit(limit, value).map_err(failed)?;
    }
    let deadline = Instant::now() + limits.time;
    connection
        .progress_handler(STEPS, Some(move || Instant::now() > deadline))
        .map_err(failed)?;
    let common = statement.common.clone();
    connection
        .authorizer(Some(move |context: AuthContext<'_>| {
            allowed(&common, &context)
        }))
        .map_err(failed)?;
    read(&mut connection, statement.sql, limits)
}

fn read(connection: &mut Connection, sql: &str, limits: &QueryLimits) -> Result<Table, Error> {
    let failed = |error: rusqlite::Error| told(&error, limits);
    let mut statement = connection.prepare(sql).map_err(failed)?;
    if !statement.readonly() {
        return Err(Error::QueryRefused {
            why: "it would write".to_owned(),
        });
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut table = Table {
        columns,
        ..Table::default()
    };
    let mut spent = 0;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let mut values = Vec::with_capacity(table.columns.len());
        for (n, column) in table.columns.iter().enumerate() {
            values.push(value(column, row.get_ref(n).map_err(failed)?));
        }
        if !table.add(values, &mut spent, limits) {
            break;
        }
    }
    Ok(table)
}

/// The documented views but `without`, with this tenant's rows alone. A tenant is of `a-z`, `0-9`
/// and `-`.
fn views(tenant: &str, without: &[&str]) -> String {
    let shown = VIEWS.iter().filter(|view| !without.contains(&view.name));
    let views = shown.map(|view| {
        format!(
            "CREATE TEMP VIEW {name} AS SELECT {columns} FROM main.all_{name} WHERE tenant = '{tenant}';",
            name = view.name,
            columns = view.columns.join(", "),
        )
    });
    views.collect()
}

/// Reads of the views by the statement, and of what lies beneath by the views.
///
/// The accessor is the view or common table inside which a read stands; no common table has a
/// name of ours.
fn allowed(common: &BTreeSet<String>, context: &AuthContext<'_>) -> Authorization {
    let is_view = |name: &str| VIEWS.iter().any(|view| view.name == name);
    let yes = match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read {
            table_name,
            column_name,
        } => {
            let table = table_name.to_ascii_lowercase();
            let through = context.accessor.unwrap_or_default().to_ascii_lowercase();
            let beneath = through == "sighting_version"
                || is_view(through.strip_prefix("all_").unwrap_or(&through));
            is_view(&table)
                || table == "json_each"
                || beneath
                // The rows of a common table are counted.
                || (column_name.is_empty() && common.contains(&table))
        }
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            ["->", "->>"].contains(&name.as_str()) || FUNCTIONS.contains(&name.as_str())
        }
        _ => false,
    };
    if yes {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

fn value(column: &str, held: ValueRef<'_>) -> serde_json::Value {
    match held {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let json = JSON_COLUMNS.contains(&column);
            json.then(|| serde_json::from_str(&text).ok())
                .flatten()
                .unwrap_or_else(|| text.into_owned().into())
        }
        ValueRef::Blob(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            hex.into()
        }
    }
}

fn told(error: &rusqlite::Error, limits: &QueryLimits) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => Error::QueryFailed {
            why: format!("it took longer than {} ms", limits.time.as_millis()),
        },
        Some(ErrorCode::AuthorizationForStatementDenied) => Error::QueryRefused {
            why: "it reads what no documented view shows, or uses a function it may not".to_owned(),
        },
        _ => Error::QueryFailed {
            why: model::shorten(&model::clean(&error.to_string()), 400),
        },
    }
}
