//! Messages of LDAP (RFC 4511 section 4): what is sent, written, and what comes, read.

use connectors::ldap::{Depth, Entry, Filter, Octets, Search};

use super::ber::{self, BOOLEAN, Ber, ENUMERATED, INTEGER, OCTETS, SEQUENCE, SET};

/// Of the control for results in pages (RFC 2696).
const PAGED: &str = "1.2.840.113556.1.4.319";
/// Of the request to speak TLS from now on (RFC 4511 section 4.14).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// Filters in filters, at most.
const DEPTH_MAX: usize = 16;

/// What a server says.
#[derive(Debug)]
pub(super) enum Said {
    /// To a bind, or to a request for TLS.
    Done(Outcome),
    /// An entry.
    Entry(Entry),
    /// Addresses of others who hold more.
    Referral(Vec<String>),
    /// That a search is at its end, with the mark of the next page.
    End(Outcome, Option<Vec<u8>>),
}

/// How an operation ended (RFC 4511 section 4.1.9).
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) code: u32,
    pub(super) told: String,
    pub(super) referrals: Vec<String>,
}

/// A message of the number `id`.
fn message(id: u32, operation: &[u8], controls: &[u8]) -> Vec<u8> {
    let inside = [&ber::number(INTEGER, id), operation, controls].concat();
    ber::value(SEQUENCE, &inside)
}

/// A simple bind (RFC 4513 section 5.1).
pub(super) fn bind(id: u32, name: &str, password: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    let inside = zeroize::Zeroizing::new(
        [
            ber::number(INTEGER, 3),
            ber::value(OCTETS, name.as_bytes()),
            ber::value(0x80, password),
        ]
        .concat(),
    );
    let operation = zeroize::Zeroizing::new(ber::value(0x60, &inside));
    zeroize::Zeroizing::new(message(id, &operation, &[]))
}

/// A request to speak TLS from now on.
pub(super) fn start_tls(id: u32) -> Vec<u8> {
    message(id, &ber::value(0x77, &ber::value(0x80, START_TLS)), &[])
}

/// A search for a page of `page` entries.
pub(super) fn search(id: u32, search: &Search, page: u32, cookie: &[u8], seconds: u32) -> Vec<u8> {
    let depth = match search.depth {
        Depth::Base => 0,
        Depth::Whole => 2,
    };
    let attributes: Vec<u8> = search
        .attributes
        .iter()
        .flat_map(|one| ber::value(OCTETS, one.as_bytes()))
        .collect();
    let inside = [
        ber::value(OCTETS, search.base.as_bytes()),
        ber::number(ENUMERATED, depth),
        // Names that stand for other entries are not followed.
        ber::number(ENUMERATED, 0),
        ber::number(INTEGER, 0),
        ber::number(INTEGER, seconds),
        ber::value(BOOLEAN, &[if search.names_only { 0xff } else { 0 }]),
        filter(&search.filter, 0),
        ber::value(SEQUENCE, &attributes),
    ]
    .concat();
    let controls = match search.depth {
        Depth::Base => Vec::new(),
        Depth::Whole => {
            let value = [ber::number(INTEGER, page), ber::value(OCTETS, cookie)].concat();
            let control = [
                ber::value(OCTETS, PAGED.as_bytes()),
                ber::value(OCTETS, &ber::value(SEQUENCE, &value)),
            ]
            .concat();
            ber::value(0xa0, &ber::value(SEQUENCE, &control))
        }
    };
    message(id, &ber::value(0x63, &inside), &controls)
}

fn filter(one: &Filter, depth: usize) -> Vec<u8> {
    // Our own filters are flat: beyond that nothing is meant.
    if depth > DEPTH_MAX {
        return ber::value(0xa1, &[]);
    }
    let all = |list: &[Filter]| -> Vec<u8> {
        list.iter().flat_map(|one| filter(one, depth + 1)).collect()
    };
    match one {
        Filter::All(list) => ber::value(0xa0, &all(list)),
        Filter::Any(list) => ber::value(0xa1, &all(list)),
        Filter::Not(inner) => ber::value(0xa2, &filter(inner, depth + 1)),
        Filter::Has(attribute) => ber::value(0x87, attribute.as_bytes()),
        Filter::Is(attribute, value) => {
            let inside = [
                ber::value(OCTETS, attribute.as_bytes()),
                ber::value(OCTETS, value.as_bytes()),
            ];
            ber::value(0xa3, &inside.concat())
        }
        Filter::Fits {
            attribute,
            rule,
            value,
        } => {
            let inside = [
                ber::value(0x81, rule.as_bytes()),
                ber::value(0x82, attribute.as_bytes()),
                ber::value(0x83, value.as_bytes()),
            ];
            ber::value(0xa9, &inside.concat())
        }
    }
}

/// What a message says that answers the one of the number `id`; `None` where it is none.
pub(super) fn read(inside: &[u8], id: u32) -> Option<Said> {
    let mut all = Ber(inside);
    // The number 0 tells what nobody asked: that the server hangs up.
    if all.number(INTEGER)? != id {
        return None;
    }
    let (tag, content) = all.any()?;
    match tag {
        0x61 | 0x78 => outcome(content).map(Said::Done),
        0x64 => entry(content).map(Said::Entry),
        0x73 => Some(Said::Referral(texts(content))),
        0x65 => Some(Said::End(outcome(content)?, next(all))),
        _ => None,
    }
}

fn outcome(content: &[u8]) -> Option<Outcome> {
    let mut all = Ber(content);
    let code = all.number(ENUMERATED)?;
    all.take(OCTETS)?;
    let told = all.text()?;
    let referrals = all.take(0xa3).map(texts).unwrap_or_default();
    Some(Outcome {
        code,
        told,
        referrals,
    })
}

fn entry(content: &[u8]) -> Option<Entry> {
    let mut all = Ber(content);
    let mut entry = Entry {
        name: all.text()?,
        ..Entry::default()
    };
    let mut list = Ber(all.take(SEQUENCE)?);
    while !list.0.is_empty() {
        let mut one = Ber(list.take(SEQUENCE)?);
        let name = one.text()?.to_ascii_lowercase();
        let mut values = Ber(one.take(SET)?);
        let held = entry.attributes.entry(name).or_default();
        while !values.0.is_empty() {
            held.push(Octets(values.take(OCTETS)?.to_vec()));
        }
    }
    Some(entry)
}

/// The texts in a run of them, as far as they are told.
fn texts(content: &[u8]) -> Vec<String> {
    let mut all = Ber(content);
    std::iter::from_fn(|| all.text()).take(100).collect()
}

/// The mark of the next page among the controls behind an operation.
fn next(mut rest: Ber<'_>) -> Option<Vec<u8>> {
    let mut controls = Ber(rest.take(0xa0)?);
    while let Some(control) = controls.take(SEQUENCE) {
        let mut control = Ber(control);
        if control.text()? != PAGED {
            continue;
        }
        control.take(BOOLEAN);
        let mut value = Ber(Ber(control.take(OCTETS)?).take(SEQUENCE)?);
        value.take(INTEGER)?;
        let cookie = value.take(OCTETS)?;
        return (!cookie.is_empty()).then(|| cookie.to_vec());
    }
    None
}
