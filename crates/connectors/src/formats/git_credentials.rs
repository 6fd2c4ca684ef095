//! Logins that git keeps in URLs: its credential store, and remotes in a repository's configuration.
//!
//! The configuration is read as text and nothing in it is obeyed (CL-11).

use model::{Attribute, CredentialType, Secret};

use super::text::{ini, is_reference, lines};
use super::{FileAt, Format, FormatSpec, Found, Seen};
use crate::login::Login;
use crate::token;

pub(super) struct GitCredentials;

impl Format for GitCredentials {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "git_credentials",
            reads: "logins in git's credential store and in the remotes of repositories",
            places: &[
                "~/.git-credentials",
                "~/.config/git/credentials",
                ".git/config",
                ".gitconfig",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        name == ".git-credentials"
            || name == ".gitconfig"
            || path.ends_with("/git/credentials")
            || path.ends_with("/.git/config")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if file.name().ends_with("credentials") {
            for (number, line) in lines(file.text(seen)) {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                match url_login(line) {
                    Some(found) => seen.found(found.line(number)),
                    None => seen.broken(format!("line {number}: expected a URL with a login")),
                }
            }
            return;
        }
        for section in ini(file.text(seen)) {
            for (name, value, number) in section.entries {
                let is_url =
                    name.eq_ignore_ascii_case("url") || name.eq_ignore_ascii_case("pushurl");
                if let (true, Some(found)) = (is_url, url_login(value)) {
                    seen.found(found.line(number));
                }
            }
        }
    }
}

/// The login in a URL. Where a forge takes the token in the user's place, that is the secret.
fn url_login(url: &str) -> Option<Found> {
    let mut login = Login::parse(url)?;
    let token_as_user = match &login.password {
        None => true,
        Some(password) => matches!(password.expose(), b"x-oauth-basic" | b""),
    };
    if token_as_user {
        // `ssh://git@host` and `https://ann@host` are names, not secrets.
        let user = login
            .user
            .take()
            .filter(|user| token::provider_of(user).is_some())?;
        login.password = Some(Secret::new(user.into_bytes()));
    }
    let password = login.password.take()?;
    let text = std::str::from_utf8(password.expose()).unwrap_or_default();
    if is_reference(text) {
        return None;
    }
    let host = login.host.clone().unwrap_or_default();
    let provider = token::provider_of(text).or_else(|| provider_of_host(&host));
    let is_token = token::provider_of(text).is_some();
    let credential = if is_token {
        CredentialType::ApiToken
    } else {
        CredentialType::Password
    };
    let user = login.user.clone().unwrap_or_default();
    let field = if user.is_empty() {
        host.clone()
    } else {
        format!("{user} on {host}")
    };
    Some(
        Found::secret(credential, field, password)
            .maybe(Attribute::PROVIDER, provider)
            .is(Attribute::USER, user)
            .maybe(Attribute::ENDPOINT, login.endpoint()),
    )
}

/// Which forge a host belongs to.
pub(super) fn provider_of_host(host: &str) -> Option<&'static str> {
    const HOSTS: &[(&str, &str)] = &[
        ("github", "github"),
        ("gitlab", "gitlab"),
        ("bitbucket", "bitbucket"),
        ("dev.azure.com", "azure"),
        ("npmjs", "npm"),
        ("pypi", "pypi"),
        ("crates.io", "crates_io"),
        ("rubygems", "rubygems"),
        ("docker.io", "docker"),
        ("amazonaws.com", "aws"),
        ("gcr.io", "google"),
        ("pkg.dev", "google"),
        ("azurecr.io", "azure"),
        ("nuget.org", "nuget"),
        ("heroku", "heroku"),
    ];
    HOSTS
        .iter()
        .find(|(part, _)| host.contains(part))
        .map(|(_, provider)| *provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_the_users_place_is_the_secret_and_a_name_is_none() {
        let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
        for url in [
            format!("https://{token}@github.com"),
            format!("https://{token}:x-oauth-basic@github.com"),
        ] {
            let found = url_login(&url).unwrap();
            assert_eq!(found.secret.as_ref().unwrap().expose(), token.as_bytes());
            let json = serde_json::to_string(&found.told).unwrap();
            assert!(
                !json.contains(token) && !found.field.contains(token),
                "{json}"
            );
        }
        for url in [
            "ssh://git@github.com/a/b",
            "https://ann@github.com/a/b",
            "git@github.com:a/b",
        ] {
            assert!(url_login(url).is_none(), "{url}");
        }
    }
}
