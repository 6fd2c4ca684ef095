//! `query` on PostgreSQL: a read-only transaction in a schema that holds nothing but the views.
//!
//! The views show the rows of the tenant in `keyroll.tenant`, which no statement that passes
//! [`super::checked`] can set. Where we may make roles, a role that owns nothing and may read
//! nothing but the views does the reading.

use futures_util::TryStreamExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Column, Row};

use super::{QueryLimits, Table};
use crate::Error;
use crate::engine::postgres::PgConnection;
use crate::value::Value;
use crate::views::VIEWS;

/// The role that reads, where it may be made. It cannot log in.
const ROLE: &str = "keyroll_query";

/// What makes schema, views and role. Without the right to make roles the rest stands alone.
pub(crate) fn views() -> String {
    let mut script = "CREATE SCHEMA IF NOT EXISTS keyroll_query;\n".to_owned();
    for view in VIEWS {
        script.push_str(&format!(
            "CREATE OR REPLACE VIEW keyroll_query.{name} WITH (security_barrier = true) AS
             SELECT {columns} FROM keyroll.all_{name}
             WHERE tenant = current_setting('keyroll.tenant', true);\n",
            name = view.name,
            columns = view.columns.join(", "),
        ));
    }
    // Two stores of one server may do this at once: whoever comes second meets an error that
    // says it is done.
    script.push_str(&format!(
        "DO $do$ BEGIN
           IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = '{ROLE}') THEN
             CREATE ROLE {ROLE} NOLOGIN;
           END IF;
         EXCEPTION WHEN OTHERS THEN NULL;
         END $do$;
         DO $do$ BEGIN
           IF NOT pg_catalog.pg_has_role(current_user, '{ROLE}', 'MEMBER') THEN
             GRANT {ROLE} TO CURRENT_USER;
           END IF;
         EXCEPTION WHEN OTHERS THEN NULL;
         END $do$;
         DO $do$ BEGIN
           GRANT USAGE ON SCHEMA keyroll_query TO {ROLE};
           GRANT SELECT ON ALL TABLES IN SCHEMA keyroll_query TO {ROLE};
         EXCEPTION WHEN OTHERS THEN NULL;
         END $do$;"
    ));
    script
}

/// Runs `sql` in the read-only transaction that `connection` has open.
pub(crate) fn run(
    connection: &PgConnection,
    tenant: &str,
    sql: &str,
    limits: &QueryLimits,
) -> Result<Table, Error> {
    if let Some(view) = limits.without.first() {
        let why = format!("`{view}` cannot be kept from a reader of PostgreSQL");
        return Err(Error::QueryRefused { why });
    }
    let answer = connection.block(|client| async move {
        confine(client, tenant, limits).await?;
        let statement = client.prepare(sql).await?;
        read(client, sql, statement.columns(), limits).await
    });
    answer.map_err(|error| told(&error, limits))
}

async fn confine(
    client: &Client,
    tenant: &str,
    limits: &QueryLimits,
) -> Result<(), tokio_postgres::Error> {
    let time = limits.time.as_millis().clamp(1, 3_600_000);
    client
        .batch_execute(&format!(
            "SET LOCAL statement_timeout = {time}; SET LOCAL search_path = keyroll_query;
             SET LOCAL work_mem = '16MB'"
        ))
        .await?;
    client
        .query("SELECT set_config('keyroll.tenant', $1, true)", &[&tenant])
        .await?;
    let usable = client
        .query(
            "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1 AND NOT rolsuper
             AND pg_has_role(current_user, oid, 'MEMBER')
             AND has_schema_privilege(oid, 'keyroll_query', 'USAGE')",
            &[&ROLE],
        )
        .await?;
    if !usable.is_empty() {
        client
            .batch_execute(&format!("SET LOCAL ROLE {ROLE}"))
            .await?;
    }
    Ok(())
}

/// Every value as JSON, whatever its type; one row more than the limit, to see that it was met.
async fn read(
    client: &Client,
    sql: &str,
    columns: &[Column],
    limits: &QueryLimits,
) -> Result<Table, tokio_postgres::Error> {
    let mut table = Table {
        columns: columns
            .iter()
            .map(|column| column.name().to_owned())
            .collect(),
        ..Table::default()
    };
    if columns.is_empty() {
        return Ok(table);
    }
    let values_of = columns.iter().enumerate().map(|(n, column)| {
        if *column.type_() == Type::BYTEA {
            format!("pg_catalog.to_jsonb(pg_catalog.encode(c{n}, 'hex'))")
        } else {
            format!("pg_catalog.to_jsonb(c{n})")
        }
    });
    let values_of: Vec<_> = values_of.collect();
    let names: Vec<_> = (0..columns.len()).map(|n| format!("c{n}")).collect();
    let wrapped = format!(
        "SELECT {} FROM (\n{sql}\n) AS answer({}) LIMIT {}",
        values_of.join(", "),
        names.join(", "),
        limits.rows.saturating_add(1)
    );
    let none: [&str; 0] = [];
    let rows = client.query_raw(&wrapped, none).await?;
    let mut rows = std::pin::pin!(rows);
    let mut spent = 0;
    while let Some(row) = rows.try_next().await? {
        if !table.add(values(&row)?, &mut spent, limits) {
            break;
        }
    }
    Ok(table)
}

fn values(row: &Row) -> Result<Vec<serde_json::Value>, tokio_postgres::Error> {
    let mut values = Vec::with_capacity(row.len());
    for n in 0..row.len() {
        values.push(match row.try_get::<_, Value>(n)? {
            // A number beyond what JSON readers hold stays text.
            Value::Json(text) => serde_json::from_str(&text)
                .unwrap_or_else(|_| serde_json::Value::String(text.clone())),
            _ => serde_json::Value::Null,
        });
    }
    Ok(values)
}

fn told(error: &tokio_postgres::Error, limits: &QueryLimits) -> Error {
    if error.code() == Some(&SqlState::QUERY_CANCELED) {
        return Error::QueryFailed {
            why: format!("it took longer than {} ms", limits.time.as_millis()),
        };
    }
    let message = error
        .as_db_error()
        .map_or_else(|| error.to_string(), |error| error.message().to_owned());
    let why = model::shorten(&model::clean(&message), 400);
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return Error::QueryRefused { why };
    }
    Error::QueryFailed { why }
}
