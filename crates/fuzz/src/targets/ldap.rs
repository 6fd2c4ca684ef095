//! What a directory answers.

use connectors::ldap::{Depth, Filter, Search};
use engine::LdapLimits;

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[(
    "ldap",
    "an answer of a directory is read within bounds, and holds what was asked for alone",
    ldap,
)];

/// What comes after a search was sent, up to its end.
fn ldap(input: &[u8]) {
    let search = Search {
        base: "dc=x".to_owned(),
        depth: Depth::Whole,
        filter: Filter::class("account"),
        attributes: ["cn", "member", "objectSid"].map(str::to_owned).to_vec(),
        names_only: false,
        page: String::new(),
    };
    let limits = LdapLimits {
        entries_max: 50,
        message_max: 1 << 12,
        bytes_max: 1 << 16,
        ..LdapLimits::default()
    };
    let Ok(page) = engine::read_page(&search, input, &limits) else {
        return;
    };
    assert!(page.entries.len() <= limits.entries_max);
    for name in page.entries.iter().flat_map(|one| one.attributes.keys()) {
        let plain = name.split(';').next().unwrap_or_default();
        let mut wanted = search.attributes.iter();
        assert!(wanted.any(|one| one.eq_ignore_ascii_case(plain)), "{name}");
    }
}
