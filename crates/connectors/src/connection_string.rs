//! Connection strings of names and values: `Server=db;User Id=app;Password=…` (ADO.NET, ODBC),
//! `AccountName=…;AccountKey=…` (Azure).

use model::{Attribute, CredentialType, Secret};

use crate::formats::Found;
use crate::login::{Login, host_name};

/// A longer text is no connection string.
const BYTES_MAX: usize = 8 * 1024;
/// More pairs than this are not looked at.
const PAIRS_MAX: usize = 64;
const HOSTS: &[&str] = &[
    "server",
    "data source",
    "datasource",
    "host",
    "address",
    "addr",
    "network address",
];
const USERS: &[&str] = &["user id", "userid", "uid", "user", "username", "user name"];
const PASSWORDS: &[&str] = &["password", "pwd"];
const DATABASES: &[&str] = &["database", "initial catalog", "dbname"];
/// Keys of Azure's services, and what names whose they are.
const AZURE: &[(&str, &str)] = &[
    ("accountkey", "accountname"),
    ("sharedaccesskey", "sharedaccesskeyname"),
    ("sharedaccesssignature", "blobendpoint"),
];

/// The credential in `text`, in `field`: `None` where it is no connection string, or one without
/// a secret. `keeps` says whether a value is a secret of its own and nothing to be filled in.
pub(crate) fn read(field: &str, text: &str, keeps: impl Fn(&str) -> bool) -> Option<Found> {
    if text.len() > BYTES_MAX || !text.contains('=') || !text.contains(';') {
        return None;
    }
    let pairs = pairs(text)?;
    let get = |names: &[&str]| {
        let mut found = pairs
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()));
        found.next().map(|(_, value)| value.as_str())
    };
    for (key, of) in AZURE {
        if let Some(value) = get(&[key]).filter(|value| keeps(value)) {
            let endpoint = get(&["endpoint", "hostname", "accountendpoint", "blobendpoint"]);
            return Some(
                Found::secret(CredentialType::ApiToken, field, Secret::from(value))
                    .is(Attribute::PROVIDER, "azure")
                    .maybe(Attribute::USER, get(&[of]))
                    .maybe(Attribute::ENDPOINT, endpoint),
            );
        }
    }
    let password = get(PASSWORDS).filter(|value| keeps(value))?;
    let host = get(HOSTS)?;
    let (provider, usual) = system(&pairs);
    let host = host.strip_prefix("tcp:").unwrap_or(host);
    // SQL Server: `host\instance,port`.
    let (host, behind) = host.split_once(',').unwrap_or((host, ""));
    let host = host.split('\\').next().unwrap_or_default();
    let port = get(&["port"]).unwrap_or(behind).trim();
    Login {
        provider: provider.to_owned(),
        user: get(USERS).map(str::to_owned),
        password: Some(Secret::from(password)),
        host: host_name(host),
        port: port.parse().ok().or(usual),
        database: get(DATABASES).map(str::to_owned),
    }
    .into_found(field)
}

/// Names in lower case with their values; `None` where some part is no pair.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(plain) || out.len() >= PAIRS_MAX {
            return None;
        }
        let behind = behind.trim_start();
        // A quoted value may hold the sign that parts them.
        let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, next) = match quote.and_then(|quote| behind[1..].split_once(quote)) {
            Some((value, next)) => (value, next.trim_start().trim_start_matches(';')),
            None => behind.split_once(';').unwrap_or((behind, "")),
        };
        out.push((name, value.trim().to_owned()));
        rest = next.trim_start();
    }
    (out.len() > 1).then_some(out)
}

/// Which system it is for, and its usual port, by the words it uses.
fn system(pairs: &[(String, String)]) -> (&'static str, Option<u16>) {
    let has = |word: &str| pairs.iter().any(|(name, _)| name == word);
    let says = |word: &str| {
        let drivers = pairs
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "driver" | "provider" | "port"));
        drivers
            .clone()
            .any(|(_, value)| value.to_ascii_lowercase().contains(word))
    };
    if says("postgres") || says("5432") || has("host") && has("username") {
        ("postgres", Some(5432))
    } else if says("mysql") || says("maria") || says("3306") || has("sslmode") && has("uid") {
        ("mysql", Some(3306))
    } else if says("oracle") {
        ("oracle", Some(1521))
    } else {
        ("mssql", Some(1433))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<String> {
        let found = read("x", text, |value| !value.contains("${"))?;
        let secret = found.secret.as_ref().map(|one| one.expose().to_vec());
        let fact = |attribute| {
            let told = found.told.fact(&attribute);
            told.is().map(ToString::to_string).unwrap_or_default()
        };
        let secret = String::from_utf8(secret.unwrap()).unwrap();
        Some(format!(
            "{} {} {} {secret}",
            fact(Attribute::PROVIDER),
            fact(Attribute::USER),
            fact(Attribute::ENDPOINT)
        ))
    }

    #[test]
    fn each_dialect_names_server_and_user() {
        for (text, expected) in [
            (
                "Server=tcp:DB.acme.test,1444;Initial Catalog=shop;User ID=app;Password='a;b=c';",
                "mssql app db.acme.test:1444 a;b=c",
            ),
            (
                r"Data Source=db\SQLEXPRESS;uid=sa;pwd=x1y2z3",
                "mssql sa db:1433 x1y2z3",
            ),
            (
                "Host=db;Username=app;Password=p=q;Database=shop",
                "postgres app db:5432 p=q",
            ),
            (
                "Server=db;Port=3306;Uid=app;Pwd=abc;",
                "mysql app db:3306 abc",
            ),
            (
                "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=YWJj==;EndpointSuffix=core",
                "azure shop  YWJj==",
            ),
            (
                "Endpoint=sb://shop.servicebus.test/;SharedAccessKeyName=Root;SharedAccessKey=a/b=",
                "azure Root sb://shop.servicebus.test/ a/b=",
            ),
        ] {
            assert_eq!(told(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_connection_string_or_holds_no_secret_is_none() {
        for text in [
            "Server=db;Integrated Security=true",
            "Server=db;User Id=app;Password=${PW}",
            "a sentence; with = signs",
            "color: red; margin=2",
            "password=x",
        ] {
            assert!(told(text).is_none(), "{text}");
        }
    }
}
