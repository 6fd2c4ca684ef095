//! Whether what a credential opens, or what serves it, can be reached from the internet.
//!
//! An address is compared with the ranges that are not routed there (RFC 6890); of a name only
//! its spelling is known, which weighs less. Nothing is looked up.

use std::net::IpAddr;

use model::{Attribute, RiskFactor};

use super::factor;
use crate::Thing;

/// Providers whose interfaces answer whoever asks, from wherever.
const HOSTED: &[&str] = &[
    "anthropic",
    "aws",
    "azure",
    "bitbucket",
    "gcp",
    "github",
    "google",
    "npm",
    "openai",
    "pypi",
    "slack",
    "stripe",
];

/// Ends of names that lead nowhere outside.
const INSIDE: &[&str] = &[
    ".cluster.local",
    ".corp",
    ".example",
    ".home",
    ".internal",
    ".invalid",
    ".lan",
    ".local",
    ".localdomain",
    ".localhost",
    ".svc",
    ".test",
];

/// How far a host can be reached from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Inside,
    ByName,
    Public,
}

/// The factor, if it is told or follows from an address.
pub(super) fn factor_of(thing: &Thing<'_>) -> Option<RiskFactor> {
    let told = |attribute: &Attribute| -> Option<String> {
        let told = thing.own_or_holders(attribute);
        told.is()?.text().map(str::to_owned)
    };
    if told(&Attribute::named("exposure")).as_deref() == Some("internet") {
        return Some(factor("internet", 15, "it answers on the internet"));
    }
    if let Some(endpoint) = told(&Attribute::ENDPOINT) {
        let shown = model::clean(&endpoint);
        return match reach(host(&endpoint)?) {
            Reach::Inside => None,
            Reach::ByName => Some(factor(
                "internet",
                5,
                format!("by its name, `{shown}` may answer on the internet"),
            )),
            Reach::Public => Some(factor(
                "internet",
                10,
                format!("`{shown}` is an address of the internet"),
            )),
        };
    }
    let provider = told(&Attribute::PROVIDER)?;
    let hosted =
        thing.entity.kind == model::Kind::Credential && HOSTED.contains(&provider.as_str());
    hosted.then(|| {
        let why = format!("{provider} takes it from anywhere on the internet");
        factor("internet", 5, why)
    })
}

/// The host of `https://user@host:port/path`, `host:port`, `[::1]:80`.
fn host(endpoint: &str) -> Option<&str> {
    let rest = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#', ',']).next()?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if let Some(bracketed) = rest.strip_prefix('[') {
        return bracketed.split_once(']').map(|(host, _)| host);
    }
    let host = match rest.split_once(':') {
        // More than one colon: an address of version 6.
        Some((_, more)) if more.contains(':') => rest,
        Some((host, _)) => host,
        None => rest,
    };
    (!host.is_empty()).then_some(host)
}

fn reach(host: &str) -> Reach {
    if let Ok(address) = host.parse::<IpAddr>() {
        return if is_inside(address) {
            Reach::Inside
        } else {
            Reach::Public
        };
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let inside = !name.contains('.') || !name.chars().all(plain);
    if inside || INSIDE.iter().any(|end| name.ends_with(end)) {
        Reach::Inside
    } else {
        Reach::ByName
    }
}

fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [first, second, ..] = four.octets();
            four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || four.is_unspecified()
                || four.is_documentation()
                || four.is_multicast()
                // RFC 6598: what carriers share among their customers.
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => is_inside(IpAddr::V4(four)),
            None => {
                six.is_loopback()
                    || six.is_unspecified()
                    || six.is_multicast()
                    || six.is_unique_local()
                    || six.is_unicast_link_local()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_or_on_the_internet_and_a_name_only_may_be() {
        for (endpoint, expected) in [
            ("10.2.3.4:5432", Reach::Inside),
            ("100.64.0.9", Reach::Inside),
            ("[::1]:443", Reach::Inside),
            ("::ffff:192.168.1.1", Reach::Inside),
            ("fd00::1", Reach::Inside),
            ("db", Reach::Inside),
            ("https://vault.svc.cluster.local:8200/v1", Reach::Inside),
            ("/var/run/postgresql", Reach::Inside),
            ("postgres://ann@9.9.9.9:5432/shop", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("https://api.acme.com/v1", Reach::ByName),
        ] {
            let told = host(endpoint).map_or(Reach::Inside, reach);
            assert_eq!(told, expected, "{endpoint}");
        }
    }
}
