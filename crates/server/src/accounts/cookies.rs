//! Cookies, and where a request comes from.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, header};
use engine::{Handed, Origin};
use model::Duration;

use crate::api::{Peer, Problem};

/// The session.
pub(super) const SESSION: &str = "keyroll";
/// That this browser was here before.
pub(super) const BROWSER: &str = "keyroll-browser";
/// How long a browser keeps that.
pub(super) const BROWSER_LASTS: Duration = Duration::days(180);
/// Bytes of all cookies that are looked at.
const COOKIES_MAX: usize = 8 * 1024;

/// The name as it is on the wire: over TLS no other host can set it (RFC 6265bis, section 4.1.3.2).
fn named(name: &str, tls: bool) -> String {
    let prefix = if tls { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// What the request shows in the cookie `name`.
pub(super) fn shown(headers: &HeaderMap, name: &str, tls: bool) -> Option<Handed> {
    let name = named(name, tls);
    let all = headers.get_all(header::COOKIE).iter();
    let texts = all.filter_map(|one| one.to_str().ok());
    texts
        .filter(|text| text.len() <= COOKIES_MAX)
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| Handed::shown(value))
}

/// A header that sets the cookie `name`; `None` takes it away.
pub(super) fn set(
    name: &str,
    value: Option<&Handed>,
    lasts: Duration,
    tls: bool,
) -> Result<(header::HeaderName, HeaderValue), Problem> {
    let text = value.map_or(std::borrow::Cow::Borrowed(""), |one| {
        String::from_utf8_lossy(one.secret().expose())
    });
    let seconds = value.map_or(0, |_| lasts.to_std().as_secs());
    let secure = if tls { "; Secure" } else { "" };
    let cookie = format!(
        "{}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
        named(name, tls)
    );
    let mut value = HeaderValue::from_str(&cookie).map_err(|_| Problem::ours())?;
    value.set_sensitive(true);
    Ok((header::SET_COOKIE, value))
}

/// Where a request comes from. Of a proxy on this machine what it says is believed: the address
/// that it added last. Nobody else is believed.
pub(super) fn origin(peer: Peer, headers: &HeaderMap) -> Origin {
    let own = peer.address.ip().to_canonical();
    let passed_on = headers.get_all("x-forwarded-for").iter().next_back();
    let passed_on = passed_on
        .and_then(|one| one.to_str().ok())
        .and_then(|text| text.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    let agent = headers.get(header::USER_AGENT);
    Origin {
        address: passed_on.filter(|_| own.is_loopback()).unwrap_or(own),
        device: shown(headers, BROWSER, peer.tls),
        agent: agent
            .and_then(|one| one.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_says_is_believed_of_one_on_this_machine_alone() {
        let mut headers = HeaderMap::new();
        let said = HeaderValue::from_static("203.0.113.9, 192.0.2.1");
        headers.insert("x-forwarded-for", said);
        for (peer, from) in [
            ("127.0.0.1:1", "192.0.2.1"),
            ("198.51.100.7:1", "198.51.100.7"),
        ] {
            let peer = Peer {
                address: peer.parse().unwrap(),
                tls: false,
            };
            assert_eq!(origin(peer, &headers).address.to_string(), from);
        }
    }

    #[test]
    fn over_tls_only_a_cookie_of_this_host_is_taken() {
        let mut headers = HeaderMap::new();
        let given = HeaderValue::from_static("a=b; keyroll=plain; __Host-keyroll=tls");
        headers.insert(header::COOKIE, given);
        for (tls, right) in [(true, "tls"), (false, "plain")] {
            let cookie = shown(&headers, SESSION, tls).unwrap();
            assert!(cookie.secret().is_same(&model::Secret::from(right)));
        }
    }
}
