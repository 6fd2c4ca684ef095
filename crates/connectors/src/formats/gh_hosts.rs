//! Tokens of the command lines of GitHub and GitLab: `~/.config/gh/hosts.yml`, `glab-cli/config.yml`.

use model::{Attribute, CredentialType};
use serde_json::Value;

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, tree};

pub(super) struct GhHosts;

impl Format for GhHosts {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "gh_hosts",
            reads: "tokens of the command lines of GitHub and GitLab",
            places: &["~/.config/gh/hosts.yml", "~/.config/glab-cli/config.yml"],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        path.ends_with("/gh/hosts.yml") || path.ends_with("/glab-cli/config.yml")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::yaml(file, seen) else {
            return;
        };
        if file.path.ends_with("/gh/hosts.yml") {
            for (host, entry) in tree::members(&value, &[]) {
                read_host(host, entry, "oauth_token", "github", seen);
                for (user, entry) in tree::members(entry, &["users"]) {
                    read_host(
                        &format!("{user} on {host}"),
                        entry,
                        "oauth_token",
                        "github",
                        seen,
                    );
                }
            }
        } else {
            for (host, entry) in tree::members(&value, &["hosts"]) {
                read_host(host, entry, "token", "gitlab", seen);
            }
        }
    }
}

fn read_host(place: &str, entry: &Value, field: &str, provider: &str, seen: &mut Seen) {
    let Some(token) = tree::text(entry, &[field]) else {
        return;
    };
    let host = place.rsplit_once(" on ").map_or(place, |(_, host)| host);
    let user = place
        .rsplit_once(" on ")
        .map(|(user, _)| user)
        .or_else(|| tree::text(entry, &["user"]));
    seen.found(
        Found::secret(CredentialType::ApiToken, place, secret(token))
            .is(Attribute::PROVIDER, provider)
            .maybe(Attribute::USER, user)
            .is(Attribute::ENDPOINT, host),
    );
}
