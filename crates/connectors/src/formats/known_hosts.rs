//! Keys by which hosts are known (sshd manual, "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! Each line is a resource of type `ssh_host_key` with the facts `hosts` (patterns; none where
//! they are hashed), `hashed`, `marker` (`cert-authority`: every host whose certificate this key
//! signed is believed; `revoked`: it must never be), `algorithm`.

use std::collections::BTreeSet;

use model::{Attribute, Kind};

use super::text::lines;
use super::{FileAt, Format, FormatSpec, Seen, Thing, ssh_public_key};

/// More patterns than this in one line are not told.
const HOSTS_MAX: usize = 64;

pub(super) struct KnownHosts;

impl Format for KnownHosts {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "known_hosts",
            reads: "keys by which SSH hosts and their authorities are known",
            places: &["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        matches!(name, "known_hosts" | "known_hosts2" | "ssh_known_hosts")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let mut told = BTreeSet::new();
        for (number, line) in lines(file.text(seen)) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match entry(line) {
                // One host stands there once under its name and once under its address.
                Some((field, thing)) => {
                    if told.insert(field) {
                        seen.thing(
                            thing.is(Attribute::LINE, i64::try_from(number).unwrap_or(i64::MAX)),
                        );
                    }
                }
                None => seen.broken(format!(
                    "line {number}: expected hosts and a public key, got something else"
                )),
            }
        }
    }
}

fn entry(line: &str) -> Option<(String, Thing)> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let (marker, hosts) = match first.strip_prefix('@') {
        Some(marker) => (Some(marker), words.next()?),
        None => (None, first),
    };
    if !matches!(marker, None | Some("cert-authority" | "revoked")) {
        return None;
    }
    let key = ssh_public_key::decoded(words.next()?, words.next()?)?;
    let print = key.ssh_key()?;
    let hashed = hosts.starts_with("|1|");
    let patterns: Vec<String> = hosts
        .split(',')
        .filter(|host| !host.is_empty())
        .take(HOSTS_MAX)
        .map(|host| model::shorten(host, 200))
        .collect();
    let name = match patterns.first() {
        Some(host) if !hashed => host.clone(),
        _ => "hashed host".to_owned(),
    };
    let name = format!("{name} {}", key.algorithm);
    // A hash tells hosts apart as well as a name does.
    let field = format!("{} {}", model::shorten(hosts, 60), print.value);
    let mut thing = Thing::new(Kind::Resource, field.as_str(), "ssh_host_key")
        .is(Attribute::NAME, name)
        .is(Attribute::PROVIDER, "ssh")
        .is(Attribute::ALGORITHM, key.algorithm.as_str())
        .is(Attribute::named("hashed"), hashed)
        .maybe(Attribute::named("marker"), marker)
        .with(|told| told.hint("ssh_key_sha256", print.value.as_str()));
    if !hashed {
        thing = thing.is(Attribute::named("hosts"), patterns);
    }
    Some((field, thing))
}
