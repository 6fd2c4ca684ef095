//! Active Directory, Microsoft's and Samba's.

mod account;
mod descriptor;
mod keys;
mod power;
mod tell;

use std::collections::BTreeSet;

use model::{Reason, Scope};

use super::ACTIVE_NEEDS;
use super::ask::Wanted;
use super::root::Root;
use crate::port::ldap::{Depth, Filter, Search};
use crate::{Context, Refusal, Right, Stop};
use account::Account;
use power::Names;
use tell::Telling;

/// Partitions that every domain refers to and that hold no account.
const NO_ACCOUNTS: &[&str] = &[
    "cn=configuration,",
    "dc=domaindnszones,",
    "dc=forestdnszones,",
];
/// When somebody last logged in; readable apart from the rest.
const LOGON: &str = "lastLogonTimestamp";
/// In which the password of a computer's administrator lies.
const LAPS: &[&str] = &[
    "ms-Mcs-AdmPwd",
    "msLAPS-Password",
    "msLAPS-EncryptedPassword",
];
/// Computers whose local password is looked for.
const LAPS_PAGES_MAX: usize = 2_000;

/// Accounts of every kind: computers and managed service accounts are users as well.
fn accounts<'a>(scope: &'a Scope, base: &'a str, attributes: &'a [&'a str]) -> Wanted<'a> {
    Wanted {
        scope,
        base,
        filter: Filter::class("user"),
        attributes,
        needs: ACTIVE_NEEDS,
        passed_over: NO_ACCOUNTS,
    }
}

pub(super) fn discover(cx: &mut Context<'_>, root: &Root) -> Result<(), Stop> {
    let scope = Scope::of("accounts");
    for base in &root.bases {
        let power = power::read(cx, base)?;
        let logons = logons_told(cx, &scope, base);
        let laps = laps(cx, base)?;
        let mut names = Names::default();
        let mut silent = 0usize;
        accounts(&scope, base, account::ATTRIBUTES).each(cx, |cx, entry| {
            let Some(account) = Account::read(&entry) else {
                silent += 1;
                return Ok(());
            };
            if account.signs.is_empty() {
                cx.set_aside("account without a sign of a program");
                return Ok(());
            }
            let telling = Telling {
                root,
                scope: &scope,
                power: &power,
                logons,
                laps: &laps,
            };
            let descriptors = names.of_descriptors(cx, base, &account)?;
            for one in telling.observed(cx, &account, &descriptors) {
                cx.observe(one);
            }
            Ok(())
        })?;
        if silent > 0 {
            let told =
                format!("{silent} accounts do not show their id, name and userAccountControl");
            cx.gap(
                &scope,
                &Refusal::new(Reason::Denied, told),
                Some(ACTIVE_NEEDS),
            )?;
        }
        if !logons {
            let told = "no account shows lastLogonTimestamp: when one was last used is not known";
            let refusal = Refusal::new(Reason::Denied, told);
            cx.gap(&scope.part("last logon"), &refusal, Some(ACTIVE_NEEDS))?;
        }
    }
    Ok(())
}

/// Whether times of logons may be read at all: only then is silence about one an answer.
fn logons_told(cx: &mut Context<'_>, scope: &Scope, base: &str) -> bool {
    let mut wanted = accounts(scope, base, &[LOGON]);
    wanted.filter = Filter::All(vec![Filter::class("user"), Filter::has(LOGON)]);
    let found = wanted.some(cx).unwrap_or_default();
    found.iter().any(|entry| entry.text(LOGON).is_some())
}

/// Names of the computers whose local administrator's password lies in the directory where we may
/// read it. It is asked for by name, and its value never sent.
fn laps(cx: &mut Context<'_>, base: &str) -> Result<BTreeSet<String>, Stop> {
    let scope = Scope::of("laps");
    let mut search = Search {
        base: base.to_owned(),
        depth: Depth::Whole,
        filter: Filter::Any(LAPS.iter().map(|one| Filter::has(one)).collect()),
        attributes: LAPS.iter().map(|one| (*one).to_owned()).collect(),
        names_only: true,
        page: String::new(),
    };
    let mut found = BTreeSet::new();
    for _ in 0..LAPS_PAGES_MAX {
        let page = match cx.ldap(search.clone()) {
            Ok(page) => page,
            // A schema without such attributes knows no such passwords.
            Err(refusal) if refusal.code == "undefinedAttributeType" => break,
            Err(refusal) => {
                cx.gap(&scope, &refusal, Some(ACTIVE_NEEDS))?;
                break;
            }
        };
        let held = page
            .entries
            .into_iter()
            .filter(|one| !one.attributes.is_empty());
        found.extend(held.map(|one| one.name.to_lowercase()));
        match page.next {
            Some(next) if next != search.page => search.page = next,
            _ => break,
        }
    }
    Ok(found)
}

/// Tries what is read by the first entries alone.
pub(super) fn rights(cx: &mut Context<'_>, root: &Root) -> Result<Vec<Right>, Stop> {
    let scope = Scope::of("accounts");
    let base = root.bases.first().map_or("", String::as_str);
    let right = |name: &str, given, told: &str| Right {
        name: name.to_owned(),
        given,
        told: told.to_owned(),
    };
    let found = match accounts(&scope, base, account::ATTRIBUTES).some(cx) {
        Ok(found) => found,
        Err(refusal) if refusal.stop => return Err(Stop),
        Err(refusal) => {
            let name = "read accounts of the domain";
            return Ok(vec![right(name, Some(false), &refusal.to_string())]);
        }
    };
    let read = found.iter().filter(|one| Account::read(one).is_some());
    let all = !found.is_empty() && read.count() == found.len();
    let logons = logons_told(cx, &scope, base);
    let managed = found
        .iter()
        .filter(|one| one.texts("objectClass").any(account::is_managed));
    let readers = managed
        .clone()
        .any(|one| !one.all(account::READERS).is_empty());
    Ok(vec![
        right(
            "read id, name and userAccountControl of users and computers",
            Some(all),
            "some or all accounts do not show them",
        ),
        right(
            "read lastLogonTimestamp",
            Some(logons),
            "no account shows it",
        ),
        right(
            "read msDS-GroupMSAMembership of managed service accounts",
            managed.clone().next().map(|_| readers),
            "no managed service account shows who may read its password",
        ),
    ])
}

/// What tickets for an account may be encrypted with ([MS-KILE] section 2.2.7); `None` where the
/// domain's own setting decides.
fn words_of_encryption(types: Option<&str>, des_only: bool) -> Option<Vec<String>> {
    const TYPES: &[(i64, &str)] = &[
        (0x1, "des-cbc-crc"),
        (0x2, "des-cbc-md5"),
        (0x4, "rc4-hmac"),
        (0x8, "aes128-sha1"),
        (0x10, "aes256-sha1"),
    ];
    let bits = types.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let bits = if des_only { 0x3 } else { bits & 0x1f };
    if bits == 0 {
        return None;
    }
    let held = TYPES.iter().filter(|(bit, _)| bits & bit != 0);
    Some(held.map(|(_, name)| (*name).to_owned()).collect())
}
