//! Settings of clients of directories: SSSD (manual, "sssd-ldap(5)"), nslcd ("nslcd.conf(5)"),
//! and PADL's libraries for PAM and NSS ("pam_ldap(5)", "nss_ldap(5)").
//!
//! A login belongs to the account that it opens wherever one of the servers is a source. Beside
//! PADL's settings lies the password of `rootbinddn` in a file of its own, whose one line it is.

mod obfuscated;

use model::{Attribute, CredentialType, Secret};

use super::text::{expect_ini, ini, is_reference, lines};
use super::{FileAt, Format, FormatSpec, Found, Seen};
use crate::ldap_accounts::LDAP;
use crate::login::Login;

pub(super) struct DirectoryClient;

/// Servers of one login that are told apart.
const SERVERS_MAX: usize = 8;

/// Files with nothing but the password of `rootbinddn` in them.
const SECRETS: &[&str] = &["ldap.secret", "libnss-ldap.secret", "pam_ldap.secret"];

/// Files in which a name and its value stand with a blank between them.
const PLAIN: &[&str] = &[
    "nslcd.conf",
    "ldap.conf",
    "libnss-ldap.conf",
    "pam_ldap.conf",
    "nss_ldap.conf",
];

impl Format for DirectoryClient {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "directory_client",
            reads: "logins of SSSD, nslcd and the LDAP modules of PAM and NSS at directories",
            places: &[
                "/etc/sssd/sssd.conf",
                "/etc/sssd/conf.d/*",
                "/etc/nslcd.conf",
                "/etc/ldap.conf",
                "/etc/libnss-ldap.conf",
                "/etc/pam_ldap.conf",
                "/etc/ldap.secret",
                "/etc/libnss-ldap.secret",
                "/etc/pam_ldap.secret",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        is_sssd(path, name) || PLAIN.contains(&name) || SECRETS.contains(&name)
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let (path, name) = (file.path, file.name());
        if SECRETS.contains(&name) {
            of_root(file, seen);
        } else if is_sssd(path, name) {
            of_sssd(file, seen);
        } else {
            of_plain(file, seen);
        }
    }
}

fn is_sssd(path: &str, name: &str) -> bool {
    name == "sssd.conf" || name.ends_with(".conf") && path.contains("/sssd/conf.d/")
}

/// A login at a directory, as settings spell it out.
#[derive(Default)]
struct Bind<'a> {
    /// Addresses, with blanks or commas between them; of old files, bare hosts.
    servers: Vec<&'a str>,
    port: Option<u16>,
    dn: &'a str,
}

impl Bind<'_> {
    /// The password of the login, which stands in `field`.
    fn found(&self, field: &str, password: Secret) -> Found {
        let places = self
            .servers
            .iter()
            .flat_map(|one| one.split([' ', '\t', ',']));
        let mut logins = places
            .filter_map(|place| self.at(place))
            .take(SERVERS_MAX)
            .collect::<Vec<_>>()
            .into_iter();
        let mut first = logins.next().unwrap_or_else(|| Login {
            provider: LDAP.to_owned(),
            ..Login::default()
        });
        first.user = Some(self.dn.to_owned()).filter(|dn| !dn.is_empty());
        first.password = Some(password);
        let servers = logins.filter_map(|mut login| {
            login.user.clone_from(&first.user);
            login.holder()
        });
        let servers: Vec<_> = servers.collect();
        let found = first.into_found(field);
        // A password is there, so is what holds it.
        let found = found.unwrap_or_else(|| Found::public(CredentialType::Password, field, ""));
        servers.into_iter().fold(found, Found::held_by)
    }

    /// A login at `place`, by nobody yet.
    fn at(&self, place: &str) -> Option<Login> {
        let (scheme, rest) = match place.split_once("://") {
            Some((scheme @ ("ldap" | "ldaps"), rest)) => (scheme, rest),
            // A socket, or the name of a record that lists servers.
            Some(_) => return None,
            None if place.is_empty() || place.starts_with('_') => return None,
            None => ("ldap", place),
        };
        let mut login = Login::parse(&format!("{scheme}://-@{rest}"))?;
        login.port = self.port.or(login.port);
        login.host.is_some().then_some(login)
    }
}

/// A section for each domain.
fn of_sssd(file: &FileAt<'_>, seen: &mut Seen) {
    let text = file.text(seen);
    for section in ini(text) {
        let Some((password, line)) = section.get("ldap_default_authtok") else {
            continue;
        };
        let value = |name: &str| section.get(name).map_or("", |(value, _)| value);
        if is_reference(password) {
            continue;
        }
        let obfuscated = value("ldap_default_authtok_type") == "obfuscated_password";
        let secret = match obfuscated {
            true => obfuscated::opened(password),
            false => Some(Secret::from(password)),
        };
        let Some(secret) = secret else {
            seen.broken(format!(
                "line {line}: expected a password as sss_obfuscate writes it, got something else"
            ));
            continue;
        };
        let bind = Bind {
            servers: vec![value("ldap_uri"), value("ldap_backup_uri")],
            port: None,
            dn: value("ldap_default_bind_dn"),
        };
        let field = format!("ldap_default_authtok of {}", section.name);
        let mut found = bind.found(&field, secret).line(line);
        if obfuscated {
            found = found.is(Attribute::named("obfuscated"), true);
        }
        seen.found(found);
    }
    expect_ini(text, &['='], seen);
}

/// One login, and perhaps one of whoever may change passwords.
fn of_plain(file: &FileAt<'_>, seen: &mut Seen) {
    let mut bind = Bind::default();
    let (mut root, mut passwords) = ("", Vec::new());
    for (number, line) in lines(file.text(seen)) {
        let line = line.trim();
        let Some((name, value)) = line.split_once([' ', '\t']) else {
            continue;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "uri" | "host" => bind.servers.push(value),
            "port" => bind.port = value.parse().ok(),
            "binddn" => bind.dn = value,
            "rootpwmoddn" => root = value,
            name @ ("bindpw" | "rootpwmodpw") if !is_reference(value) => {
                let field = if name == "bindpw" {
                    "bindpw"
                } else {
                    "rootpwmodpw"
                };
                passwords.push((field, value, number));
            }
            _ => {}
        }
    }
    for (field, password, number) in passwords {
        let of_root = Bind {
            servers: bind.servers.clone(),
            port: bind.port,
            dn: root,
        };
        let login = if field == "bindpw" { &bind } else { &of_root };
        seen.found(login.found(field, Secret::from(password)).line(number));
    }
}

/// Whose it is stands in another file.
fn of_root(file: &FileAt<'_>, seen: &mut Seen) {
    let text = file.text(seen);
    let password = text.lines().next().unwrap_or_default();
    if !is_reference(password) {
        let bind = Bind::default();
        seen.found(
            bind.found("password of rootbinddn", Secret::from(password))
                .line(1),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Seen {
        let mut seen = Seen::default();
        let bytes = text.as_bytes();
        DirectoryClient.read(&FileAt { path, bytes }, &mut seen);
        seen
    }

    fn holders(seen: &Seen) -> Vec<String> {
        let links = seen.found.iter().flat_map(|one| &one.told.links);
        links
            .filter_map(|link| match &link.to {
                model::Target::Bearer { key, .. } => Some(key.value.clone()),
                model::Target::Native { .. } => None,
            })
            .collect()
    }

    #[test]
    fn a_login_is_of_the_account_at_each_of_its_servers() {
        let seen = read(
            "/etc/nslcd.conf",
            "uri ldap://A.test/ ldaps://b.test\nuri ldapi:///\nbinddn cn=App, dc=test\nbindpw x1y2z3\n",
        );
        assert_eq!(
            holders(&seen),
            [
                "ldap://a.test/cn=app,dc=test",
                "ldap://b.test/cn=app,dc=test"
            ]
        );
        let seen = read(
            "/etc/ldap.conf",
            "host 10.0.0.1 dir\nport 1389\nbinddn cn=app\nbindpw x1y2z3\n# bindpw old\n",
        );
        assert_eq!(
            holders(&seen),
            ["ldap://10.0.0.1:1389/cn=app", "ldap://dir:1389/cn=app"]
        );
    }

    #[test]
    fn servers_that_are_looked_up_and_passwords_from_elsewhere_name_nobody() {
        let text = "[domain/a]\nldap_uri = _srv_\nldap_default_bind_dn = cn=app\nldap_default_authtok = x1y2z3\n";
        let seen = read("/etc/sssd/sssd.conf", text);
        assert_eq!((seen.found.len(), holders(&seen).len()), (1, 0));
        let seen = read("/etc/sssd/sssd.conf", &text.replace("x1y2z3", "${PW}"));
        assert!(seen.found.is_empty() && seen.gaps.is_empty());
    }

    #[test]
    fn the_password_of_another_login_is_not_taken_for_the_first_one() {
        let seen = read(
            "/etc/nslcd.conf",
            "uri ldap://a\nbinddn cn=app\nrootpwmoddn cn=admin\nrootpwmodpw x1y2z3\n",
        );
        assert_eq!(holders(&seen), ["ldap://a/cn=admin"]);
    }
}
