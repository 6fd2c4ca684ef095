//! One connection: how it is opened, and how one statement runs on it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use connectors::{Refusal, Rows, Statement};
use futures_util::{StreamExt, pin_mut};
use model::Reason;
use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Row};

use super::{Bearer, SqlLimits, refusal, tls};
use crate::spec::Postgres;

/// The code of an answer beyond the limits.
const TOO_LONG: &str = "too_long";

/// One connection with its driver. The driver ends when this is dropped.
pub(super) struct Session {
    client: Client,
    /// Why the server ended it, told by the driver as it ends.
    ended: Arc<OnceLock<Refusal>>,
    driver: JoinHandle<()>,
}

impl Session {
    /// Connects, logs in, and bounds what the session may do. Names in statements mean the
    /// catalog's: a role must not be able to put its own `pg_roles` before ours.
    pub(super) async fn open(
        address: &Postgres,
        database: &str,
        bearer: Option<&Bearer>,
        limits: &SqlLimits,
    ) -> Result<Self, Refusal> {
        let (mode, tls) = tls::of(&address.tls)?;
        let config = config(address, database, bearer, limits, mode);
        let (client, connection) = config
            .connect(tls)
            .await
            .map_err(|error| refusal::of(&error))?;
        let ended = Arc::new(OnceLock::new());
        let told = Arc::clone(&ended);
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Nobody else sets it.
                let _ = told.set(refusal::of(&error));
            }
        });
        let session = Self {
            client,
            ended,
            driver,
        };
        let bounds = format!(
            "set statement_timeout = {}; set lock_timeout = {}; \
             set idle_in_transaction_session_timeout = {0}; \
             set search_path = pg_catalog, pg_temp; set standard_conforming_strings = on",
            limits.statement.as_millis(),
            limits.lock.as_millis()
        );
        match session.client.batch_execute(&bounds).await {
            Ok(()) => Ok(session),
            Err(error) => Err(session.refused(&error).await),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed() && !self.driver.is_finished()
    }

    /// Runs one statement; outside of `changes` in a transaction that may only read.
    pub(super) async fn run(
        &self,
        statement: &Statement,
        limits: &SqlLimits,
    ) -> Result<Rows, Refusal> {
        if statement.changes {
            return self.query(statement, limits).await;
        }
        self.control("begin transaction read only").await?;
        let answer = self.query(statement, limits).await;
        if answer
            .as_ref()
            .is_err_and(|refusal| refusal.code == TOO_LONG)
        {
            // The rest of the answer is not waited for; nobody uses this connection again.
            self.driver.abort();
            return answer;
        }
        if self.is_open() {
            let end = if answer.is_ok() { "commit" } else { "rollback" };
            self.control(end).await?;
        }
        answer
    }

    async fn control(&self, text: &str) -> Result<(), Refusal> {
        match self.client.batch_execute(text).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused(&error).await),
        }
    }

    async fn query(&self, statement: &Statement, limits: &SqlLimits) -> Result<Rows, Refusal> {
        let values = statement
            .values
            .iter()
            .map(|value| (value.as_str(), Type::TEXT));
        let stream = match self.client.query_typed_raw(&statement.text, values).await {
            Ok(stream) => stream,
            Err(error) => return Err(self.refused(&error).await),
        };
        pin_mut!(stream);
        let mut answer = Rows::default();
        let mut bytes = 0;
        while let Some(row) = stream.next().await {
            let row = match row {
                Ok(row) => texts(&row)?,
                Err(error) => return Err(self.refused(&error).await),
            };
            bytes += row
                .iter()
                .map(|text| 16 + text.as_ref().map_or(0, String::len))
                .sum::<usize>();
            if answer.rows.len() >= limits.rows_max || bytes > limits.bytes_max {
                let told = format!(
                    "the answer is longer than {} rows or {} bytes",
                    limits.rows_max, limits.bytes_max
                );
                return Err(Refusal::new(Reason::Unsupported, told).code(TOO_LONG));
            }
            answer.rows.push(row);
        }
        answer.affected = stream.rows_affected().unwrap_or(0);
        Ok(answer)
    }

    /// The refusal behind `error`; if the connection ended, the reason the server gave last.
    async fn refused(&self, error: &tokio_postgres::Error) -> Refusal {
        let refusal = refusal::of(error);
        if refusal.code != "closed" {
            return refusal;
        }
        // The driver ends by itself right after; it must not be waited for longer.
        for _ in 0..100 {
            if self.driver.is_finished() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        self.ended.get().cloned().unwrap_or(refusal)
    }
}

fn config(
    address: &Postgres,
    database: &str,
    bearer: Option<&Bearer>,
    limits: &SqlLimits,
    mode: tokio_postgres::config::SslMode,
) -> Config {
    let mut config = Config::new();
    if address.host.starts_with('/') {
        config.host_path(Path::new(&address.host));
    } else {
        config.host(&address.host);
    }
    config
        .port(address.port)
        .dbname(database)
        .ssl_mode(mode)
        .connect_timeout(limits.connect)
        .tcp_user_timeout(limits.connect + limits.statement);
    match bearer {
        // Marked, so that detection need not alarm on our own denied logins (RP-9).
        Some(bearer) => config
            .application_name("keyroll-probe")
            .user(&bearer.user)
            .password(bearer.secret.expose()),
        None => {
            config.application_name("keyroll").user(&address.user);
            match &address.password {
                Some(password) => config.password(password.expose()),
                None => &mut config,
            }
        }
    };
    config
}

/// A row as texts. Statements cast what is no text; plain numbers and flags are taken as well.
fn texts(row: &Row) -> Result<Vec<Option<String>>, Refusal> {
    let unfit = |_| {
        let told = "a column is no text: the statement must cast it";
        Refusal::new(Reason::Unsupported, told)
    };
    (0..row.len())
        .map(|n| match *row.columns()[n].type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(n).map(word).map_err(unfit),
            Type::INT4 => row.try_get::<_, Option<i32>>(n).map(word).map_err(unfit),
            Type::INT8 => row.try_get::<_, Option<i64>>(n).map(word).map_err(unfit),
            Type::OID => row.try_get::<_, Option<u32>>(n).map(word).map_err(unfit),
            _ => row.try_get::<_, Option<String>>(n).map_err(unfit),
        })
        .collect()
}

fn word<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}
