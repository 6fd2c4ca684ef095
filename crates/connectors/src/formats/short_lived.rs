//! Containers that a job of a CI starts beside itself: a database for its tests lives as long as
//! the job, and the password that it is made with opens nothing else.

use std::collections::BTreeSet;

use model::Secret;

use super::text::is_reference;
use crate::files::digest;
use crate::login::host_name;

/// Variables by which well-known images take the password they are made with.
const VARIABLES: &[&str] = &[
    "POSTGRES_PASSWORD",
    "POSTGRESQL_PASSWORD",
    "PGPASSWORD",
    "MYSQL_PASSWORD",
    "MYSQL_ROOT_PASSWORD",
    "MARIADB_PASSWORD",
    "MARIADB_ROOT_PASSWORD",
    "MONGO_INITDB_ROOT_PASSWORD",
    "RABBITMQ_DEFAULT_PASS",
    "REDIS_PASSWORD",
    "MINIO_ROOT_PASSWORD",
    "ELASTIC_PASSWORD",
    "OPENSEARCH_INITIAL_ADMIN_PASSWORD",
    "CLICKHOUSE_PASSWORD",
    "SA_PASSWORD",
    "MSSQL_SA_PASSWORD",
    "ORACLE_PASSWORD",
];

/// The passwords of such containers in one file, and where those are reached.
#[derive(Debug, Default)]
pub struct ShortLived {
    secrets: BTreeSet<[u8; 32]>,
    hosts: BTreeSet<String>,
}

impl ShortLived {
    /// One container that is reached as `host`, made with `variables`.
    pub(super) fn container<'a>(
        &mut self,
        host: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        self.hosts.extend(host_name(host));
        for (name, value) in variables {
            if VARIABLES.contains(&name) && !is_reference(value) {
                self.secrets.insert(digest(&Secret::from(value)));
            }
        }
    }

    /// Whether `secret` is the password of one of them, and what it opens at `host`, if a host is
    /// told, is one of them, too.
    pub(crate) fn covers(&self, secret: &Secret, host: Option<&str>) -> bool {
        let host = host.map(|host| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            host_name(name.trim_matches(['[', ']'])).unwrap_or_default()
        });
        host.is_none_or(|host| {
            matches!(host.as_str(), "" | "127.0.0.1" | "0.0.0.0") || self.hosts.contains(&host)
        }) && self.secrets.contains(&digest(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_container_is_one_there_and_nowhere_else() {
        let mut all = ShortLived::default();
        let given = [
            ("POSTGRES_PASSWORD", "postgres"),
            ("MYSQL_PASSWORD", "${{ secrets.DB }}"),
            ("API_TOKEN", "tok-1"),
        ];
        all.container("db", given);
        let covers = |secret: &str, host| all.covers(&Secret::from(secret), host);
        for host in [
            None,
            Some("localhost:5432"),
            Some("db:5432"),
            Some("[::1]:5432"),
        ] {
            assert!(covers("postgres", host), "{host:?}");
        }
        assert!(!covers("postgres", Some("db.acme.test:5432")));
        assert!(!covers("other", None) && !covers("tok-1", None));
        assert!(!covers("${{ secrets.DB }}", None));
    }
}
