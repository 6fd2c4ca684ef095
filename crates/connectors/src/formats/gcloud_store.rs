//! What `gcloud` logs in with, in its databases: `credentials.db` and `access_tokens.db`.
//!
//! Each row is an account. The first holds what it logs in with for good, in the form of
//! application default credentials; the second tokens for an hour and what says who they are.

use model::{Attribute, CredentialType, Timestamp};

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, gcloud};
use crate::jwt;
use crate::sqlite::{Database, Rows};

pub(super) struct GcloudStore;

impl Format for GcloudStore {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "gcloud_store",
            reads: "accounts with which gcloud is logged in: refresh tokens, keys and access tokens",
            places: &[
                "~/.config/gcloud/credentials.db",
                "~/.config/gcloud/access_tokens.db",
            ],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        path.ends_with("/gcloud/credentials.db") || path.ends_with("/gcloud/access_tokens.db")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if file.bytes.is_empty() {
            return;
        }
        let Some(database) = Database::open(file.bytes) else {
            seen.broken("expected a database of SQLite, got something else");
            return;
        };
        if database.has_log() {
            seen.unsupported("a database whose latest rows may lie in a log beside it");
        }
        if let Some(rows) = table(&database, "credentials", seen) {
            for [account, value] in rows.texts(["account_id", "value"]) {
                let (Some(account), Some(value)) = (account, value) else {
                    continue;
                };
                credential(account, value, seen);
            }
        }
        if let Some(rows) = table(&database, "access_tokens", seen) {
            let columns = ["account_id", "access_token", "id_token", "token_expiry"];
            for [account, access, id, ends] in rows.texts(columns) {
                let ends = ends.and_then(time);
                for (field, token) in [("access_token", access), ("id_token", id)] {
                    if let (Some(account), Some(token)) = (account, token) {
                        seen.found(short_lived(account, field, token, ends));
                    }
                }
            }
        }
    }
}

fn table(database: &Database<'_>, name: &str, seen: &mut Seen) -> Option<Rows> {
    let rows = database.table(name)?;
    if !rows.whole {
        seen.broken("a database that is cut off or broken; not all rows were read");
    }
    Some(rows)
}

/// What an account logs in with for good.
fn credential(account: &str, value: &str, seen: &mut Seen) {
    let Ok(value) = serde_json::from_str(value) else {
        // The parser's own message could repeat a part of it.
        seen.broken("expected a credential in JSON, got something else");
        return;
    };
    let mut own = Seen::default();
    gcloud::tell(&value, &mut own);
    super::settings::adopt(own, seen, |mut found| {
        found.field = field(account, &found.field);
        found.is(Attribute::USER, account)
    });
}

/// A token that ends by itself.
fn short_lived(account: &str, name: &str, token: &str, ends: Option<Timestamp>) -> Found {
    let claims = jwt::claims(token);
    let credential = claims
        .as_ref()
        .map_or(CredentialType::ApiToken, jwt::type_of);
    let found = Found::secret(credential, field(account, name), secret(token))
        .is(Attribute::PROVIDER, "google")
        .is(Attribute::USER, account);
    match &claims {
        Some(claims) => jwt::told_by(found, claims),
        None => found.maybe(Attribute::EXPIRES_AT, ends),
    }
}

fn field(account: &str, name: &str) -> String {
    format!("{}.{name}", model::shorten(account, 80))
}

/// `2026-03-01 12:00:00.123456`, in UTC.
fn time(text: &str) -> Option<Timestamp> {
    let (day, clock) = text.split_once([' ', 'T'])?;
    let clock = clock.split('.').next()?;
    format!("{day}T{}Z", clock.trim_end_matches('Z'))
        .parse()
        .ok()
}
