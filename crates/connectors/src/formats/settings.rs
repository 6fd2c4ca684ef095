//! Settings that stand side by side in some table: which of them are credentials.
//!
//! A secret's data, the variables of a container and the attributes of a resource are all names
//! with values. What each value is gets told by its form first (armour, a URL with a login, a
//! token), by its neighbours next (a key id beside a secret, a user beside a password), and by
//! its name last.

mod names;
mod tables;

use model::{Attribute, CredentialType, Fact, Secret, Told, Value};

use super::text::{is_placeholder, is_reference, secret};
use super::{FileAt, Format, Found, Seen, docker_config, gcloud, private_key, x509};
use crate::aws_credential::aws_credential;
use crate::aws_key_id::is_aws_key_id;
use crate::login::{Login, host_name};
use crate::{armour, connection_string, jwt, token};
pub(super) use names::folded;
pub(super) use tables::Tables;

/// A longer value is looked at for armour only.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Shorter values of settings that only sound secret are none.
const GUESSED_BYTES_MIN: usize = 8;

/// One setting.
#[derive(Clone, Debug)]
pub(crate) struct Setting<'a> {
    /// What it is called where it stands: `DB_PASSWORD`, `secret_string`.
    pub(crate) name: &'a str,
    /// Names it in its file.
    pub(crate) field: String,
    /// What it is set to.
    pub(crate) value: &'a str,
    /// Whether its format says that it is secret, so that its name need not.
    pub(crate) stated: bool,
}

/// The credentials in settings that stand side by side. They are kept apart, so that whoever
/// asks can say of them whose they are; [`adopt`] puts them into the whole.
pub(crate) fn read(settings: &[Setting<'_>]) -> Seen {
    let mut seen = Seen::default();
    let mut used = vec![false; settings.len()];
    for (n, one) in settings.iter().enumerate() {
        used[n] = one.value.is_empty()
            || armoured(one, &mut seen)
            || url(one, &mut seen)
            || document(one, &mut seen)
            || aws(settings, n, &mut seen)
            || login(settings, n, &mut seen);
    }
    for (one, _) in settings.iter().zip(&used).filter(|(_, used)| !**used) {
        if let Some(found) = by_form(one).or_else(|| by_name(one)) {
            seen.found(found);
        }
    }
    seen
}

/// The credentials among variables that a workload is given together: name, field, value. A private
/// key in one has no neighbours that would tell more of it.
pub(crate) fn of_variables<'a>(
    variables: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
) -> Vec<Found> {
    let variables: Vec<_> = variables
        .map(|(name, field, value)| Setting {
            name,
            field: field.to_owned(),
            value,
            stated: false,
        })
        .collect();
    let seen = read(&variables);
    let keys = seen.keys.into_iter().map(Found::of_key);
    seen.found.into_iter().chain(keys).collect()
}

/// What type of secret a name speaks of.
pub(super) fn sounds(name: &str) -> Option<CredentialType> {
    names::sounds(&names::folded(name))
}

/// Whether a setting sounds secret by its name and has a value of its own, however short.
pub(super) fn sounds_secret(one: &Setting<'_>) -> bool {
    let named = names::sounds(&names::folded(one.name)).is_some();
    // The scheme says what stands behind it (RFC 6750 section 2.1), in any case (RFC 9110).
    let shown = one.value.split_once(' ').is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !is_reference(token)
    });
    (named || shown) && !is_reference(one.value)
}

/// Puts what `own` saw into `seen`, each credential changed by `tell`.
pub(super) fn adopt(own: Seen, seen: &mut Seen, tell: impl Fn(Found) -> Found) {
    for found in own.found {
        seen.found(tell(found));
    }
    for mut key in own.keys {
        // The line in its value says nothing of the line in the file.
        key.line = None;
        seen.key(key);
    }
    for certificate in own.certificates {
        seen.certificate(certificate);
    }
    for what in own.aside {
        seen.set_aside(what);
    }
    for (reason, told) in own.gaps {
        match reason {
            model::Reason::Unsupported => seen.unsupported(told),
            _ => seen.broken(told),
        }
    }
}

/// The credentials in every table below `value`, which stands at `within`, each changed by `tell`.
pub(super) fn nested(
    within: &str,
    value: &serde_json::Value,
    seen: &mut Seen,
    tell: impl Fn(Found) -> Found,
) {
    marked(within, value, &serde_json::Value::Null, seen, tell);
}

/// The same of values of which `marks`, in their shape, say which are secret whatever their name.
pub(super) fn stated(
    within: &str,
    value: &serde_json::Value,
    marks: &serde_json::Value,
    seen: &mut Seen,
) {
    marked(within, value, marks, seen, |found| found);
}

fn marked(
    within: &str,
    value: &serde_json::Value,
    marks: &serde_json::Value,
    seen: &mut Seen,
    tell: impl Fn(Found) -> Found,
) {
    let tables = Tables::of(within, value, marks);
    if tables.cut {
        seen.unsupported("more or deeper nested values than are looked at");
    }
    for table in tables.each() {
        adopt(read(&table), seen, &tell);
    }
}

/// Says of every credential without a line on which line of `bytes` its secret stands, where it
/// stands there as it is.
pub(super) fn locate(seen: &mut Seen, bytes: &[u8]) {
    /// Beyond these the search would cost more than the line tells.
    const FOUND_MAX: usize = 200;
    const BYTES_MAX: usize = 1 << 20;
    if bytes.len() > BYTES_MAX {
        return;
    }
    for found in seen.found.iter_mut().take(FOUND_MAX) {
        let known = found.told.facts.contains_key(&Attribute::LINE);
        let at = found
            .secret
            .as_ref()
            .filter(|one| !known && one.len() >= 4)
            .and_then(|one| armour::find(bytes, one.expose()));
        if let Some(at) = at {
            let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
            let line = Value::Number(i64::try_from(line).unwrap_or(i64::MAX));
            found
                .told
                .facts
                .insert(Attribute::LINE, Fact::stated(Told::Is(line)));
        }
    }
}

/// Keys and certificates in PEM armour.
fn armoured(one: &Setting<'_>, seen: &mut Seen) -> bool {
    let bytes = one.value.as_bytes();
    if !armour::is_in(bytes) || one.value.trim_start().starts_with('{') {
        return false;
    }
    // Configurations write a line's end as two letters.
    let unfolded;
    let bytes = if one.value.contains("\\n") {
        unfolded = Secret::from(one.value.replace("\\n", "\n").as_str());
        unfolded.expose()
    } else {
        bytes
    };
    private_key::read_armour(bytes, &one.field, 1, seen);
    for block in armour::blocks(bytes) {
        if block.label.ends_with("CERTIFICATE")
            && let Some(one) = block.body.and_then(|body| x509::certificate(body.expose()))
        {
            seen.certificate(one);
        }
    }
    true
}

/// A URL, or a connection string, with a login in it.
fn url(one: &Setting<'_>, seen: &mut Seen) -> bool {
    if let Some(found) =
        connection_string::read(&one.field, one.value, |value| !is_placeholder(value))
    {
        seen.found(found);
        return true;
    }
    let Some(login) = Login::parse(one.value) else {
        return false;
    };
    let filled_in = login
        .password
        .as_ref()
        .is_none_or(|one| is_placeholder(&String::from_utf8_lossy(one.expose())));
    if let (false, Some(found)) = (filled_in, login.into_found(&one.field)) {
        seen.found(found);
    }
    true
}

/// A value that is a whole credential file of another format.
fn document(one: &Setting<'_>, seen: &mut Seen) -> bool {
    let text = one.value.trim_start();
    if !text.starts_with('{') || text.len() > VALUE_BYTES_MAX {
        return false;
    }
    let file = FileAt {
        path: "",
        bytes: text.as_bytes(),
    };
    let mut own = Seen::default();
    if text.contains("\"auths\"") {
        docker_config::DockerConfig.read(&file, &mut own);
    } else if text.contains("\"private_key\"") && text.contains("\"service_account\"") {
        gcloud::Gcloud.read(&file, &mut own);
    } else {
        return false;
    }
    for mut found in own.found {
        found.field = format!("{} {}", one.field, found.field);
        seen.found(found);
    }
    true
}

/// An AWS secret with its key id beside it.
fn aws(settings: &[Setting<'_>], n: usize, seen: &mut Seen) -> bool {
    let name = names::folded(settings[n].name);
    let Some(prefix) = ["secret_access_key", "secret_key", "secretkey", "secret"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
    else {
        return false;
    };
    let beside = |ends: &[&str]| {
        settings.iter().find(|one| {
            let name = names::folded(one.name);
            ends.iter().any(|end| name == format!("{prefix}{end}"))
        })
    };
    let ids = ["access_key_id", "access_key", "accesskey", "id", "key_id"];
    let Some(id) = beside(&ids).filter(|id| is_aws_key_id(id.value)) else {
        return false;
    };
    let session = beside(&["session_token", "token"]).is_some_and(|one| !one.value.is_empty());
    let value = settings[n].value;
    if !is_placeholder(value)
        && let Some(found) = aws_credential(&settings[n].field, id.value, secret(value), session)
    {
        seen.found(found);
    }
    true
}

/// A password with the user and the server of a database beside it.
fn login(settings: &[Setting<'_>], n: usize, seen: &mut Seen) -> bool {
    let name = names::folded(settings[n].name);
    let Some(prefix) = ["password", "passwd", "pass", "pwd"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
    else {
        return false;
    };
    let beside = |ends: &[&str]| {
        settings
            .iter()
            .find(|one| {
                let name = names::folded(one.name);
                name.strip_prefix(prefix.trim_start_matches("master_"))
                    .or_else(|| name.strip_prefix(prefix))
                    .is_some_and(|rest| ends.contains(&rest))
            })
            .map(|one| one.value)
            .filter(|value| !value.is_empty() && !is_reference(value))
    };
    let kind = beside(&["engine", "connection", "dialect", "driver", "type"]).unwrap_or_default();
    let port = beside(&["port"]);
    let Some((provider, default_port)) = names::system(prefix, kind, port) else {
        return false;
    };
    if is_placeholder(settings[n].value) {
        return true;
    }
    let host = beside(&["host", "hostname", "address", "server", "hostaddr"]);
    let login = Login {
        provider: provider.to_owned(),
        user: beside(&["user", "username", "master_username", "login"]).map(str::to_owned),
        password: Some(secret(settings[n].value)),
        host: host.and_then(host_name),
        port: port.map_or(Some(default_port), |port| port.parse().ok()),
        database: beside(&["database", "db_name", "dbname", "db", "database_name"])
            .map(str::to_owned),
    };
    if let Some(found) = login.into_found(&settings[n].field) {
        seen.found(found);
    }
    true
}

/// A value that says by its form what it is.
fn by_form(one: &Setting<'_>) -> Option<Found> {
    let value = one
        .value
        .strip_prefix("Bearer ")
        .unwrap_or(one.value)
        .trim();
    if value.len() > VALUE_BYTES_MAX || is_placeholder(value) {
        return None;
    }
    let field = one.field.as_str();
    if let Some(claims) = jwt::claims(value) {
        let found = Found::secret(jwt::type_of(&claims), field, secret(value));
        return Some(jwt::told_by(found, &claims));
    }
    let provider = token::provider_of(value)?;
    Some(
        Found::secret(CredentialType::ApiToken, field, secret(value))
            .is(Attribute::PROVIDER, provider),
    )
}

/// A value whose name sounds secret, or of which the format says so.
fn by_name(one: &Setting<'_>) -> Option<Found> {
    let value = one.value.trim();
    let folded = names::folded(one.name);
    let credential = match names::sounds(&folded) {
        Some(credential) => credential,
        None if one.stated && !names::is_plain(&folded) => CredentialType::ApiToken,
        None => return None,
    };
    if is_placeholder(value)
        || is_aws_key_id(value)
        || matches!(value, "true" | "false" | "null" | "none" | "{}" | "[]")
    {
        return None;
    }
    if !one.stated && !looks_secret(value) {
        return None;
    }
    Some(Found::secret(credential, one.field.as_str(), secret(value)))
}

/// Whether a value of which nobody says that it is secret may be one.
fn looks_secret(value: &str) -> bool {
    let number = value
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '_' | '-' | ':'));
    let elsewhere = value.starts_with(['/', '.', '~', '@'])
        || value.contains("://")
        || value.starts_with("arn:")
        || value.contains(char::is_whitespace);
    (GUESSED_BYTES_MIN..=VALUE_BYTES_MAX).contains(&value.len()) && !number && !elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: &[(&str, &str)], stated: bool) -> Vec<(String, String)> {
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| Setting {
                name,
                field: (*name).to_owned(),
                value,
                stated,
            })
            .collect();
        read(&settings)
            .found
            .iter()
            .map(|one| {
                let text = serde_json::to_string(&one.told).unwrap();
                (one.field.clone(), text)
            })
            .collect()
    }

    #[test]
    fn neighbours_make_one_credential_of_a_key_id_and_its_secret() {
        let told = told(
            &[
                ("access_key", "AKIAQABCDEFGHIJKLMNO"),
                ("secret_key", "abcdefghij0123456789"),
                ("region", "eu-west-1"),
            ],
            false,
        );
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].1.contains("AKIAQABCDEFGHIJKLMNO"), "{told:?}");
    }

    #[test]
    fn a_password_beside_its_server_names_the_role_it_opens() {
        let told = told(
            &[
                ("engine", "postgres"),
                ("username", "App"),
                ("password", "s3cret-pw"),
                ("address", "DB.acme.test"),
            ],
            false,
        );
        assert!(
            told[0].1.contains(r#""value":"db.acme.test:5432/App""#),
            "{told:?}"
        );
    }

    #[test]
    fn what_is_stated_to_be_secret_needs_no_name_and_what_is_not_needs_one() {
        assert_eq!(told(&[("blob", "q9z")], true).len(), 1);
        assert_eq!(told(&[("blob", "q9zq9zq9zq9z")], false).len(), 0);
        assert_eq!(
            told(&[("username", "admin"), ("region", "eu")], true).len(),
            0
        );
        assert_eq!(told(&[("api_token", "changeme-please")], false).len(), 0);
    }
}
