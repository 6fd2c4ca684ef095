//! A directory as a person names it: `ldap://USER@HOST`, `ldaps://USER@HOST/BASE`.

use std::collections::BTreeMap;

use connectors::ServerLogin;
use model::Secret;

use crate::Error;

/// A directory and how it lets us in.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Host name in lower case, or an address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether TLS is spoken at once and not asked for first.
    pub at_once: bool,
    /// `disable`, `require` (encrypts, whoever is there) or `verify-full`.
    pub tls: String,
    /// As whom: a distinguished name, `user@domain`; none: as nobody.
    pub user: Option<String>,
    /// Name of the entry below which is read; empty: all that the directory holds.
    pub base: String,
    /// The password, if the address holds one.
    pub password: Option<Secret>,
}

const FORM: &str = "ldap[s]://USER[:PASSWORD]@HOST[:PORT][/BASE][?tls=disable|require|verify-full]";

impl Directory {
    /// Reads an address. `None` where it is none of a directory.
    ///
    /// # Errors
    /// The address cannot be read; a password in it is never repeated.
    pub fn parse(text: &str) -> Option<Result<Self, Error>> {
        let (scheme, rest) = text.split_once("://")?;
        let at_once = match scheme {
            "ldap" => false,
            "ldaps" => true,
            _ => return None,
        };
        Some(Self::read(scheme, rest, at_once))
    }

    fn read(scheme: &str, rest: &str, at_once: bool) -> Result<Self, Error> {
        let unfit = |why: &str| Error::Unfit(format!("expected `{FORM}`: {why}"));
        let (rest, asked) = match rest.rsplit_once("?tls=") {
            Some((rest, asked)) => (rest, Some(asked)),
            None => (rest, None),
        };
        let (rest, nobody) = match rest.strip_suffix("?bind=none") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let named = rest.contains('@');
        if named == nobody {
            return Err(unfit(if named {
                "`?bind=none` asks as nobody, and it names a user"
            } else {
                "it names no user; to ask as nobody, put `?bind=none` behind it"
            }));
        }
        let who = if nobody { "nobody@" } else { "" };
        let login = ServerLogin::parse(&format!("{scheme}://{who}{rest}"))
            .ok_or_else(|| unfit("this address cannot be read"))?;
        let user = login.user.filter(|user| !user.is_empty() && !nobody);
        if user.is_none() && !nobody {
            return Err(unfit("it names no user"));
        }
        let tls = match asked {
            // A password must not go where others listen; on this machine nobody does.
            None if !at_once && is_loopback(&login.host) => "disable",
            None => "verify-full",
            Some(word @ ("disable" | "require" | "verify-full"))
                if !at_once || word != "disable" =>
            {
                word
            }
            Some(_) => return Err(unfit("it says another word behind `?tls=`")),
        };
        Ok(Self {
            host: login.host,
            port: login.port,
            at_once,
            tls: tls.to_owned(),
            user,
            base: login.database.unwrap_or_default(),
            password: login.password,
        })
    }

    /// `host:port`, and the base if one is named: what the source is called by.
    pub fn target(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.base.as_str() {
            "" => format!("{host}:{}", self.port),
            base => format!("{host}:{}/{}", self.port, base.to_lowercase()),
        }
    }

    /// What may be kept in clear.
    pub fn options(&self) -> BTreeMap<String, String> {
        let scheme = if self.at_once { "ldaps" } else { "ldap" };
        let mut options: BTreeMap<_, _> = [
            ("scheme", scheme.to_owned()),
            ("host", self.host.clone()),
            ("port", self.port.to_string()),
            ("tls", self.tls.clone()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let mut keep = |name: &str, value: &str| {
            if !value.is_empty() {
                options.insert(name.to_owned(), value.to_owned());
            }
        };
        keep("user", self.user.as_deref().unwrap_or_default());
        keep("base", &self.base);
        options
    }

    /// What [`Self::options`] wrote, with a password.
    ///
    /// # Errors
    /// An option is missing or no port.
    pub fn from_options(
        options: &BTreeMap<String, String>,
        password: Option<Secret>,
    ) -> Result<Self, Error> {
        let get = |name: &str| {
            options.get(name).cloned().ok_or_else(|| {
                Error::Unfit(format!(
                    "this source lacks the option `{name}`; remove it and add it again"
                ))
            })
        };
        let port = get("port")?;
        Ok(Self {
            host: get("host")?,
            port: port.parse().map_err(|_| {
                Error::Unfit(format!("expected a port, got `{}`", model::clean(&port)))
            })?,
            at_once: get("scheme")? == "ldaps",
            tls: get("tls")?,
            user: options.get("user").cloned(),
            base: options.get("base").cloned().unwrap_or_default(),
            password,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Directory {
        let one = Directory::parse(text).unwrap().unwrap();
        let again = Directory::from_options(&one.options(), None).unwrap();
        assert_eq!(again.target(), one.target());
        assert_eq!((again.at_once, &again.tls), (one.at_once, &one.tls));
        one
    }

    #[test]
    fn a_directory_is_named_by_its_address_and_verified_beyond_this_machine() {
        for (text, target, user, tls) in [
            (
                "ldap://cn=keyroll,dc=acme,dc=test@LDAP.acme.test",
                "ldap.acme.test:389",
                "cn=keyroll,dc=acme,dc=test",
                "verify-full",
            ),
            (
                "ldaps://keyroll@acme.test@dc1.acme.test/DC=Acme,DC=Test",
                "dc1.acme.test:636/dc=acme,dc=test",
                "keyroll@acme.test",
                "verify-full",
            ),
            ("ldap://a@127.0.0.7", "127.0.0.7:389", "a", "disable"),
            ("ldap://a@db?tls=require", "db:389", "a", "require"),
            ("ldap://a@db?tls=disable", "db:389", "a", "disable"),
            (
                "ldap://cn=a%2Cb@[::1]:1389",
                "127.0.0.1:1389",
                "cn=a,b",
                "disable",
            ),
        ] {
            let one = read(text);
            assert_eq!(one.target(), target, "{text}");
            assert_eq!(one.user.as_deref(), Some(user), "{text}");
            assert_eq!(one.tls, tls, "{text}");
        }
    }

    #[test]
    fn nobody_asks_as_nobody_unasked() {
        assert!(Directory::parse("ldap://db").unwrap().is_err());
        assert!(Directory::parse("ldap://a@db?bind=none").unwrap().is_err());
        let one = read("ldap://db/dc=x?bind=none?tls=require");
        assert_eq!((one.user, one.base.as_str()), (None, "dc=x"));
    }

    #[test]
    fn an_address_that_cannot_be_read_never_shows_its_password() {
        for text in [
            "ldap://a:hunter2@:x",
            "ldap://a:hunter2@db?tls=maybe",
            "ldaps://a:hunter2@db?tls=disable",
            "ldap://:hunter2@db",
        ] {
            let told = Directory::parse(text).unwrap().unwrap_err().to_string();
            assert!(!told.contains("hunter2"), "{told}");
        }
        let one = Directory::parse("ldap://a:hunter2@db").unwrap().unwrap();
        assert!(!format!("{one:?}").contains("hunter2"));
        assert!(Directory::parse("mysql://a@b").is_none());
    }
}
