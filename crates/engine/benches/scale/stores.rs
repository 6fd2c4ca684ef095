//! Empty stores that go away with whoever holds them.

use tempfile::TempDir;
use testkit::PgDatabase;

/// A store on one engine.
pub(crate) struct Place {
    folder: TempDir,
    database: Option<PgDatabase>,
}

impl Place {
    /// An empty store on `engine`; `None` where there is no server for it.
    pub(crate) fn make(engine: &str) -> Option<Self> {
        let database = if engine == "PostgreSQL" {
            let database = testkit::postgres_database("scale")?;
            on_server(&database, &format!("create database {}", database.name));
            Some(database)
        } else {
            None
        };
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
            database,
        })
    }

    /// Where it is; may hold a password.
    pub(crate) fn location(&self) -> String {
        self.database.as_ref().map_or_else(
            || {
                self.folder
                    .path()
                    .join("roll.db")
                    .to_string_lossy()
                    .into_owned()
            },
            |database| database.url.clone(),
        )
    }

    /// Where its keys are.
    pub(crate) fn key_file(&self) -> String {
        self.folder
            .path()
            .join("key")
            .to_string_lossy()
            .into_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(database) = &self.database {
            on_server(
                database,
                &format!("drop database {} with (force)", database.name),
            );
        }
    }
}

fn on_server(database: &PgDatabase, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let url = &database.server.url;
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    });
}
