//! Which variables together are one credential.

use std::collections::BTreeMap;

use model::{Attribute, CredentialType, Secret};

use super::variables::Variable;
use crate::aws_credential::aws_credential;
use crate::formats::text::{is_placeholder, is_reference};
use crate::formats::{Found, Seen, private_key};
use crate::login::{Login, host_name};
use crate::microsoft::application_key;
use crate::{jwt, token};

/// Shorter values of variables that only sound secret are none.
const GUESSED_BYTES_MIN: usize = 8;

/// Makes credentials of `variables`: the surest readings first, each value in one only.
pub(in crate::formats) fn credentials(variables: &mut [Variable<'_>], seen: &mut Seen) {
    let names: BTreeMap<String, usize> = variables
        .iter()
        .enumerate()
        .map(|(n, variable)| (variable.name.to_ascii_uppercase(), n))
        .collect();
    for n in 0..variables.len() {
        let found = armour(&variables[n], seen)
            || url(&variables[n], seen)
            || aws(variables, &names, n, seen)
            || azure(variables, &names, n, seen)
            || login(variables, &names, n, seen);
        variables[n].used |= found;
    }
    for variable in variables.iter().filter(|variable| !variable.used) {
        if let Some(found) = token(variable).or_else(|| guessed(variable)) {
            seen.found(found.line(variable.line));
        }
    }
}

/// A key in PEM armour.
fn armour(variable: &Variable<'_>, seen: &mut Seen) -> bool {
    let before = seen.keys.len();
    private_key::read_armour(variable.value.expose(), variable.name, variable.line, seen);
    seen.keys.len() > before
}

/// A URL with a login in it.
fn url(variable: &Variable<'_>, seen: &mut Seen) -> bool {
    let Some(login) = Login::parse(variable.text()) else {
        return false;
    };
    let password = login
        .password
        .as_ref()
        .map(|one| one.expose().to_vec())
        .map(Secret::new);
    let filled_in = password
        .as_ref()
        .is_none_or(|one| is_reference(&String::from_utf8_lossy(one.expose())));
    if let (false, Some(found)) = (filled_in, login.into_found(variable.name)) {
        seen.found(found.line(variable.line));
    }
    true
}

/// `…AWS_SECRET_ACCESS_KEY` with the id and perhaps the session token beside it.
fn aws(
    variables: &mut [Variable<'_>],
    names: &BTreeMap<String, usize>,
    n: usize,
    seen: &mut Seen,
) -> bool {
    let name = variables[n].name.to_ascii_uppercase();
    let Some(prefix) = name.strip_suffix("SECRET_ACCESS_KEY") else {
        return false;
    };
    if is_reference(variables[n].text()) {
        return true;
    }
    let get = |suffix: &str| names.get(&format!("{prefix}{suffix}")).copied();
    let id = get("ACCESS_KEY_ID").map_or("", |id| variables[id].text());
    let session = get("SESSION_TOKEN").or_else(|| get("SECURITY_TOKEN"));
    let secret = variables[n].value.clone();
    let Some(found) = aws_credential(variables[n].name, id, secret, session.is_some()) else {
        return false;
    };
    seen.found(found.line(variables[n].line));
    if let Some(session) = session {
        variables[session].used = true;
    }
    true
}

/// `AZURE_CLIENT_SECRET`, `ARM_CLIENT_SECRET`, with the application and its tenant beside it.
fn azure(
    variables: &[Variable<'_>],
    names: &BTreeMap<String, usize>,
    n: usize,
    seen: &mut Seen,
) -> bool {
    let variable = &variables[n];
    let name = variable.name.to_ascii_uppercase();
    let prefix = name.strip_suffix("CLIENT_SECRET");
    let ours = |prefix: &&str| ["AZURE_", "ARM_"].iter().any(|one| prefix.ends_with(one));
    let Some(prefix) = prefix.filter(ours) else {
        return false;
    };
    if is_reference(variable.text()) {
        return true;
    }
    if variable.text().len() < GUESSED_BYTES_MIN || is_placeholder(variable.text()) {
        return false;
    }
    let get = |suffix: &str| {
        let at = names.get(&format!("{prefix}{suffix}"))?;
        let text = variables[*at].text();
        (!is_reference(text)).then_some(text)
    };
    let (client, tenant) = (get("CLIENT_ID"), get("TENANT_ID"));
    let found = Found::secret(
        CredentialType::ApiToken,
        variable.name,
        variable.value.clone(),
    )
    .is(Attribute::PROVIDER, "azure")
    .maybe(Attribute::USER, client)
    .maybe(Attribute::ACCOUNT, tenant);
    let holder = application_key(tenant, client);
    let found = match holder {
        Some(key) => found.held_by(key),
        None => found,
    };
    seen.found(found.line(variable.line));
    true
}

/// `PGPASSWORD`, `DB_PASSWORD`, `POSTGRES_PASSWORD` with host, port and user beside it.
fn login(
    variables: &[Variable<'_>],
    names: &BTreeMap<String, usize>,
    n: usize,
    seen: &mut Seen,
) -> bool {
    let variable = &variables[n];
    let name = variable.name.to_ascii_uppercase();
    let Some(prefix) = ["PASSWORD", "PASSWD", "PASS", "PWD"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
    else {
        return false;
    };
    let get = |suffixes: &[&str]| {
        suffixes
            .iter()
            .find_map(|suffix| names.get(&format!("{prefix}{suffix}")))
            .map(|at| variables[*at].text())
            .filter(|text| !is_reference(text))
    };
    let port = get(&["PORT"]);
    let kind = get(&[
        "CONNECTION",
        "ENGINE",
        "DIALECT",
        "DRIVER",
        "TYPE",
        "CLIENT",
    ])
    .unwrap_or_default();
    let Some(provider) = system(prefix, kind, port) else {
        return false;
    };
    if is_reference(variable.text()) {
        return true;
    }
    let (_, default_port) = provider;
    let host = get(&["HOST", "HOSTNAME", "HOSTADDR", "SERVER"]);
    let login = Login {
        provider: provider.0.to_owned(),
        user: get(&["USER", "USERNAME", "LOGIN"]).map(str::to_owned),
        password: Some(variable.value.clone()),
        host: host.and_then(host_name),
        port: port.map_or(Some(default_port), |port| port.parse().ok()),
        database: get(&["DATABASE", "DB", "NAME", "DBNAME"]).map(str::to_owned),
    };
    if let Some(found) = login.into_found(variable.name) {
        seen.found(found.line(variable.line));
    }
    true
}

/// Which database system a group of variables is for, and its usual port.
fn system(prefix: &str, kind: &str, port: Option<&str>) -> Option<(&'static str, u16)> {
    let kind = kind.to_ascii_lowercase();
    let says = |word: &str| prefix.to_ascii_lowercase().contains(word) || kind.contains(word);
    if prefix == "PG"
        || prefix.ends_with("_PG")
        || prefix.starts_with("PG_")
        || says("postgres")
        || says("pgsql")
        || kind == "pg"
        || port == Some("5432")
    {
        Some(("postgres", 5432))
    } else if says("mysql") || says("mariadb") || port == Some("3306") {
        Some(("mysql", 3306))
    } else if says("redis") || port == Some("6379") {
        Some(("redis", 6379))
    } else {
        None
    }
}

/// A value that says by its form what it is.
fn token(variable: &Variable<'_>) -> Option<Found> {
    let text = variable.text();
    if let Some(claims) = jwt::claims(text) {
        let found = Found::secret(jwt::type_of(&claims), variable.name, variable.value.clone());
        return Some(jwt::told_by(found, &claims));
    }
    let provider = token::provider_of(text).filter(|_| !is_placeholder(text))?;
    Some(
        Found::secret(
            CredentialType::ApiToken,
            variable.name,
            variable.value.clone(),
        )
        .is(Attribute::PROVIDER, provider),
    )
}

/// A value whose variable sounds secret.
fn guessed(variable: &Variable<'_>) -> Option<Found> {
    let text = variable.text();
    let credential = sounds_secret(&variable.name.to_ascii_uppercase())?;
    let number = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '_'));
    let elsewhere = text.starts_with(['/', '.', '~']) || text.contains("://") || text.contains(' ');
    if text.len() < GUESSED_BYTES_MIN || number || elsewhere || is_placeholder(text) {
        return None;
    }
    Some(Found::secret(
        credential,
        variable.name,
        variable.value.clone(),
    ))
}

/// What a variable of this name, in capitals, holds, if it sounds secret.
pub(in crate::formats) fn sounds_secret(name: &str) -> Option<CredentialType> {
    const NOT: &[&str] = &[
        "PUBLIC",
        "PUBLISHABLE",
        "KEY_ID",
        "KEYID",
        "FILE",
        "PATH",
        "_DIR",
        "_TTL",
        "EXPIR",
        "LIFETIME",
        "ALGORITHM",
        "_NAME",
        "_HEADER",
        "_PREFIX",
        "LENGTH",
        "_URL",
        "_URI",
        "_HOST",
        "_TYPE",
        "ENDPOINT",
        "_COUNT",
        "_SIZE",
        "MAX_TOKENS",
        "KEYBOARD",
        "KEYWORD",
        "MONKEY",
        "TOKENIZER",
        "_ARN",
        "ENV_VAR",
    ];
    if NOT.iter().any(|word| name.contains(word)) {
        return None;
    }
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["PASSWORD", "PASSWD", "PASSPHRASE", "_PWD"]) || name.ends_with("PASS") {
        Some(CredentialType::Password)
    } else if has(&[
        "TOKEN",
        "SECRET",
        "CREDENTIAL",
        "PRIVATE",
        "APIKEY",
        "KEY",
        "AUTHORIZATION",
    ]) {
        Some(CredentialType::ApiToken)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::dotenv::variables;
    use model::Kind;

    fn told(text: &str) -> Vec<(String, String)> {
        let mut seen = Seen::default();
        let mut variables = variables::read(text, &mut seen);
        credentials(&mut variables, &mut seen);
        seen.found
            .iter()
            .map(|one| (one.field.clone(), serde_json::to_string(&one.told).unwrap()))
            .collect()
    }

    #[test]
    fn a_group_and_a_url_name_the_same_login() {
        let url = told("DATABASE_URL=postgres://App:s3cret-pw@LOCALHOST/shop");
        let group = told("PGHOST=127.0.0.1\nPGUSER=App\nPGPASSWORD=s3cret-pw");
        for told in [&url, &group] {
            assert!(
                told[0].1.contains(r#""value":"127.0.0.1:5432/App""#),
                "{told:?}"
            );
            assert!(
                told[0]
                    .1
                    .contains(&format!(r#""kind":"{}""#, Kind::Identity)),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_secret_of_azure_is_the_one_of_the_application_beside_it() {
        let (tenant, client) = (
            "8D3B1F52-6C0E-4A57-9F41-2B7C90E5D101",
            "bbbbbbbb-0000-4000-8000-000000000001",
        );
        let key = format!(r#""value":"{}/{client}""#, tenant.to_ascii_lowercase());
        for (prefix, held) in [("AZURE", true), ("ARM", true), ("SHOP", false)] {
            let told = told(&format!(
                "{prefix}_TENANT_ID={tenant}\n{prefix}_CLIENT_ID={client}\n{prefix}_CLIENT_SECRET=Kp7~8Q-9kYw3QzTn\n"
            ));
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0].1.contains(&key), held, "{told:?}");
        }
        let alone = told("AZURE_CLIENT_SECRET=Kp7~8Q-9kYw3QzTn\n");
        assert!(
            alone.len() == 1 && !alone[0].1.contains("entra_id"),
            "{alone:?}"
        );
        assert!(told("AZURE_CLIENT_SECRET=${SECRET}\n").is_empty());
    }

    #[test]
    fn what_is_filled_in_later_or_is_no_secret_is_passed_over() {
        let text = "A_TOKEN=changeme-please\nDATABASE_URL=postgres://app:${PW}@db/x\nKEY_FILE=/run/secrets/key\n\
            PUBLIC_KEY=abcdefghijkl\nTOKEN_TTL=1234567890\nSESSION_SECRET=short\nHOME=/root\nMAX_TOKENS=100000000";
        assert!(told(text).is_empty(), "{:?}", told(text));
    }

    #[test]
    fn an_aws_pair_is_one_credential_and_its_session_token_part_of_it() {
        let text = "AWS_ACCESS_KEY_ID=ASIAQABCDEFGHIJKLMNO\nAWS_SECRET_ACCESS_KEY=abcdefghij0123456789\nAWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjEJr";
        let told = told(text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].1.contains("aws_session") && told[0].1.contains("ASIAQABCDEFGHIJKLMNO"),
            "{told:?}"
        );
    }
}
