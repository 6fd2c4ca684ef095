//! The login that a password is written down for: by what a format told, or by the URL in which a
//! rule found it.

use connectors::ServerLogin;
use model::{Attribute, Observation, Secret};

use super::login::is_name;
use super::servers::System;

/// Whom a password lets in where, as a file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Written {
    pub(super) system: System,
    /// `host`, `host:port`.
    pub(super) endpoint: String,
    user: Option<String>,
    pub(super) database: Option<String>,
    /// It stands in a URL as it is, with what a URL escapes.
    is_escaped: bool,
}

/// The login that one sighting tells of; none where it is no password of such a server.
pub(super) fn written(seen: &Observation) -> Option<Written> {
    let told = |attribute: &Attribute| seen.facts.get(attribute)?.told.is()?.text();
    if !told(&Attribute::TYPE).is_some_and(|type_| type_.ends_with("password")) {
        return None;
    }
    let of_url = told(&Attribute::named("scheme")).zip(told(&Attribute::named("host")));
    if let Some((scheme, host)) = of_url {
        let user = told(&Attribute::named("user")).unwrap_or_default();
        let scheme = scheme.trim_start_matches("jdbc:");
        let login = ServerLogin::parse(&format!("{scheme}://{user}:x@{host}"))?;
        let host = match login.host.contains(':') {
            true => format!("[{}]", login.host),
            false => login.host,
        };
        return Some(Written {
            system: System::of(&login.provider)?,
            endpoint: format!("{host}:{}", login.port),
            user: login.user,
            database: told(&Attribute::named("database")).map(str::to_owned),
            is_escaped: true,
        });
    }
    let written = Written {
        system: System::of(told(&Attribute::PROVIDER)?)?,
        endpoint: told(&Attribute::ENDPOINT)?.to_owned(),
        user: told(&Attribute::USER).map(str::to_owned),
        database: told(&Attribute::ACCOUNT).map(str::to_owned),
        is_escaped: false,
    };
    Some(written.plain())
}

impl Written {
    /// Without what can be no name.
    fn plain(self) -> Self {
        let plain = |name: Option<String>| name.filter(|name| is_name(name));
        Self {
            user: plain(self.user),
            database: plain(self.database),
            ..self
        }
    }

    /// As whom the login goes.
    pub(super) fn user(&self) -> Option<String> {
        // Redis had a password before it had users; that is now the user `default`.
        let usual = || (self.system == System::Redis).then(|| "default".to_owned());
        self.user.clone().or_else(usual)
    }

    /// The password, as the server is to get it.
    pub(super) fn password(&self, secret: &Secret) -> Option<Secret> {
        if !self.is_escaped {
            return Some(secret.clone());
        }
        let text = std::str::from_utf8(secret.expose()).ok()?;
        let url = zeroize::Zeroizing::new(format!("redis://x:{text}@x"));
        ServerLogin::parse(&url)?.password
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Kind, Scope};

    fn seen(facts: &[(&'static str, &str)]) -> Observation {
        let seen = Observation::new(Kind::Credential, "x", &Scope::whole());
        let tell = |seen: Observation, (name, value): &(&'static str, &str)| {
            seen.is(Attribute::named(name), *value)
        };
        facts.iter().fold(seen, tell)
    }

    #[test]
    fn what_a_format_and_what_a_rule_told_of_a_login_is_the_same() {
        let by_format = written(&seen(&[
            ("type", "postgres_password"),
            ("provider", "postgres"),
            ("user", "app"),
            ("endpoint", "db.example:5432"),
            ("account", "shop"),
        ]))
        .unwrap();
        let by_rule = written(&seen(&[
            ("type", "postgres_password"),
            ("provider", "postgresql"),
            ("scheme", "postgresql+asyncpg"),
            ("user", "app"),
            ("host", "DB.example"),
            ("database", "shop"),
        ]))
        .unwrap();
        let told = |one: &Written| {
            (
                one.system,
                one.endpoint.clone(),
                one.user(),
                one.database.clone(),
            )
        };
        assert_eq!(told(&by_format), told(&by_rule));
        let plain = |one: &Written, text: &str| {
            one.password(&Secret::from(text))
                .map(|one| one.expose().to_vec())
        };
        assert_eq!(plain(&by_format, "a%2Fb"), Some(b"a%2Fb".to_vec()));
        assert_eq!(plain(&by_rule, "a%2Fb"), Some(b"a/b".to_vec()));
    }

    #[test]
    fn what_is_no_password_of_such_a_server_is_no_login() {
        for facts in [
            &[
                ("type", "api_token"),
                ("provider", "postgres"),
                ("endpoint", "db"),
            ][..],
            &[
                ("type", "password"),
                ("provider", "mssql"),
                ("endpoint", "db"),
            ],
            &[("type", "password"), ("provider", "postgres")],
            &[
                ("type", "password"),
                ("scheme", "https"),
                ("host", "db"),
                ("user", "a"),
            ],
        ] {
            assert!(written(&seen(facts)).is_none(), "{facts:?}");
        }
    }
}
