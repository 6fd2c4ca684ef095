//! Answers questions to a directory over LDAP: bounded, and searches alone.
//!
//! Must be used from a plain thread: it blocks on its socket. What is spoken here is a corner of
//! the protocol (bind, StartTLS, search in pages), read with bounds on bytes, entries and time
//! that a client for applications has no reason to keep: whoever answers may be hostile.
//!
//! A [`Refusal`] carries the name of the server's result code as its code
//! (`insufficientAccessRights`), with words beside: `connect`, `closed`, `timeout`, `too_long`,
//! `no_ldap`.
//!
//! **Invariant:** no operation but bind, StartTLS and search is sent, whoever asks.
//! **Invariant:** what holds a secret is never asked for by value, and what was not asked for is
//! dropped ([`SECRET`]).
//! **Invariant:** nobody is asked whom the server refers to.

mod ber;
mod message;
mod outcome;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::ldap::{Depth, Entry, Page, Search};
use connectors::{Answer, Port, Question, Refusal};
use model::Reason;

use self::message::Said;
use self::wire::Wire;
use super::bounded;
use crate::spec::Directory;

/// Attributes whose values are secrets, or hashes of them; in lower case.
const SECRET: &[&str] = &[
    "authpassword",
    "dbcspwd",
    "krbprincipalkey",
    "lmpwdhistory",
    "ms-mcs-admpwd",
    "msds-managedpassword",
    "msfve-recoverypassword",
    "mslaps-encrypteddsrmpassword",
    "mslaps-encrypteddsrmpasswordhistory",
    "mslaps-encryptedpassword",
    "mslaps-encryptedpasswordhistory",
    "mslaps-password",
    "ntpwdhistory",
    "oathsecret",
    "olcdbbindpw",
    "olcrootpw",
    "olcsyncrepl",
    "pwdhistory",
    "sambalmpassword",
    "sambantpassword",
    "sambapasswordhistory",
    "supplementalcredentials",
    "trustauthincoming",
    "trustauthoutgoing",
    "unicodepwd",
    "unixuserpassword",
    "userpassword",
];

/// Bounds on one question.
#[derive(Clone, Debug)]
pub struct LdapLimits {
    /// Until a connection stands and whoever asks is let in.
    pub connect: Duration,
    /// Until an answer is read whole.
    pub answer: Duration,
    /// Entries asked for at once.
    pub page: u32,
    /// Entries of one answer, of a server that knows no pages.
    pub entries_max: usize,
    /// Bytes of one message: an entry.
    pub message_max: usize,
    /// Bytes of one answer.
    pub bytes_max: usize,
}

impl Default for LdapLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(120),
            page: 500,
            entries_max: 50_000,
            message_max: 16 << 20,
            bytes_max: 64 << 20,
        }
    }
}

/// Answers questions to one directory.
pub struct LdapPort {
    directory: Directory,
    limits: LdapLimits,
    stop: Arc<AtomicBool>,
    wire: Option<Wire>,
}

impl LdapPort {
    /// A port to `directory`; nothing is opened yet. Once `stop` is true every question is
    /// refused and says so.
    pub fn new(directory: Directory, limits: LdapLimits, stop: Arc<AtomicBool>) -> Self {
        Self {
            directory,
            limits,
            stop,
            wire: None,
        }
    }

    fn answer(&mut self, search: &Search) -> Result<Page, Refusal> {
        fits(search)?;
        let cookie = cookie(&search.page)?;
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::open(&self.directory, &self.limits, Arc::clone(&self.stop))?,
        };
        let seconds = u32::try_from(self.limits.answer.as_secs()).unwrap_or(60);
        let page = self.limits.page;
        let id = wire.send(
            |id| message::search(id, search, page, &cookie, seconds).into(),
            Instant::now() + self.limits.answer,
        )?;
        let found = collect(search, &self.limits, |left| wire.read(id, left))?;
        self.wire = Some(wire);
        Ok(found)
    }
}

/// A search that reads what may be read.
fn fits(search: &Search) -> Result<(), Refusal> {
    let secret = |one: &String| {
        let name = one.to_ascii_lowercase();
        let plain = name.split(';').next().unwrap_or_default();
        plain.contains(['*', '+']) || !search.names_only && SECRET.contains(&plain)
    };
    // An empty list would mean all of them.
    if search.attributes.is_empty() || search.attributes.iter().any(secret) {
        let told = "this port asks for attributes by name, and for no secret";
        return Err(Refusal::new(Reason::Unsupported, told));
    }
    Ok(())
}

/// Reads what `next` gives until the search is at its end. `next` is told how many bytes are
/// left, and takes from them.
fn collect(
    search: &Search,
    limits: &LdapLimits,
    mut next: impl FnMut(&mut usize) -> Result<Said, Refusal>,
) -> Result<Page, Refusal> {
    let mut page = Page::default();
    let mut left = limits.bytes_max;
    loop {
        match next(&mut left)? {
            Said::Entry(entry) if page.entries.len() < limits.entries_max => {
                page.entries.push(asked_for(search, entry));
            }
            Said::Entry(_) => return Err(wire::too_long()),
            Said::Referral(to) => refer(&mut page, to),
            Said::End(outcome, cookie) => {
                refer(&mut page, outcome.referrals.clone());
                match outcome.refused() {
                    Some(refusal) if page.entries.is_empty() => return Err(refusal),
                    refused => page.refused = refused,
                }
                page.next = cookie
                    .filter(|_| search.depth == Depth::Whole)
                    .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect());
                return Ok(page);
            }
            Said::Done(_) => return Err(wire::no_ldap()),
        }
    }
}

/// Keeps some of the addresses: that there are such is what matters.
fn refer(page: &mut Page, to: Vec<String>) {
    const KEPT: usize = 100;
    let room = KEPT.saturating_sub(page.referrals.len());
    let short = to.iter().map(|one| model::shorten(one, 300));
    page.referrals.extend(short.take(room));
}

/// An entry without what was not asked for.
fn asked_for(search: &Search, mut entry: Entry) -> Entry {
    entry.attributes.retain(|name, values| {
        // Of an attribute with many values a server may give a range: `member;range=0-1499`.
        let plain = name.split(';').next().unwrap_or_default();
        if search.names_only {
            values.clear();
        }
        let mut wanted = search.attributes.iter();
        wanted.any(|one| one.eq_ignore_ascii_case(name) || one.eq_ignore_ascii_case(plain))
    });
    entry
}

/// The mark of a page, from its hex form.
fn cookie(hex: &str) -> Result<Vec<u8>, Refusal> {
    let bytes = hex.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    bytes
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| Refusal::new(Reason::Unsupported, "expected the mark of a page, in hex"))
}

/// Reads the answer to `search` from bytes that may be anything; for fuzzing.
///
/// # Errors
/// It is no answer, is cut short, or is larger than is read.
pub fn read_page(search: &Search, bytes: &[u8], limits: &LdapLimits) -> Result<Page, Refusal> {
    let mut bytes = bytes;
    collect(search, limits, |left| {
        wire::message(&mut bytes, 1, limits.message_max, left)
    })
}

impl Port for LdapPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(bounded::stopped());
        }
        match question {
            Question::Ldap(search) => self.answer(search).map(Answer::Page),
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "this port answers searches of a directory alone",
            )),
        }
    }
}
