//! Any directory but Active Directory: accounts of programs by their classes (RFC 4519, RFC 4524,
//! RFC 2307), with what a password policy keeps of them.

mod account;

use std::collections::BTreeMap;

use model::{Reason, Scope};

use super::PLAIN_NEEDS;
use super::ask::Wanted;
use super::root::Root;
use super::words;
use crate::port::ldap::{Depth, Filter, Search};
use crate::{Context, Refusal, Right, Stop};
use account::{Account, Telling};

/// Names of groups by whoever is in them: a folded name of an entry, or `uid:NAME`.
type Groups = BTreeMap<String, Vec<String>>;

/// Members of one group that are kept.
const MEMBERS_MAX: usize = 100_000;

fn accounts<'a>(scope: &'a Scope, base: &'a str, attributes: &'a [&'a str]) -> Wanted<'a> {
    let mut any: Vec<_> = account::CLASSES
        .iter()
        .map(|one| Filter::class(one))
        .collect();
    any.push(Filter::has("uid"));
    Wanted {
        scope,
        base,
        filter: Filter::Any(any),
        attributes,
        needs: PLAIN_NEEDS,
        passed_over: &[],
    }
}

pub(super) fn discover(cx: &mut Context<'_>, root: &Root) -> Result<(), Stop> {
    let scope = Scope::of("accounts");
    for base in &root.bases {
        let groups = groups(cx, base)?;
        let passwords = with_passwords(cx, &scope, base)?;
        let (mut silent, mut odd) = (0usize, 0usize);
        accounts(&scope, base, account::ATTRIBUTES).each(cx, |cx, entry| {
            let Some(account) = Account::read(&entry) else {
                silent += 1;
                return Ok(());
            };
            if !account.is_a_programs() {
                cx.set_aside("account of a person, as far as its entry tells");
                return Ok(());
            }
            let telling = Telling {
                root,
                scope: &scope,
                groups: &groups,
                passwords: &passwords,
            };
            let (all, broken) = telling.observed(&account);
            odd += broken;
            all.into_iter().for_each(|one| cx.observe(one));
            Ok(())
        })?;
        if silent > 0 {
            let told = format!("{silent} accounts do not show entryUUID, by which they are known");
            cx.gap(
                &scope,
                &Refusal::new(Reason::Denied, told),
                Some(PLAIN_NEEDS),
            )?;
        }
        if odd > 0 {
            let told = format!("{odd} keys or certificates cannot be read");
            let part = scope.part("keys");
            cx.gap(&part, &Refusal::new(Reason::Unsupported, told), None)?;
        }
    }
    configuration(cx, root)
}

/// Who is in which group, by each of the ways in which groups are written.
fn groups(cx: &mut Context<'_>, base: &str) -> Result<Groups, Stop> {
    let scope = Scope::of("groups");
    let classes = [
        "groupOfNames",
        "groupOfUniqueNames",
        "posixGroup",
        "groupOfMembers",
    ];
    let wanted = Wanted {
        scope: &scope,
        base,
        filter: Filter::Any(classes.iter().map(|one| Filter::class(one)).collect()),
        attributes: &["cn", "member", "uniqueMember", "memberUid"],
        needs: PLAIN_NEEDS,
        passed_over: &[],
    };
    let mut all = Groups::new();
    wanted.each(cx, |_, entry| {
        let name = entry
            .text("cn")
            .map_or_else(|| words::first_of(&entry.name), str::to_owned);
        let named = entry
            .texts("member")
            .chain(entry.texts("uniqueMember"))
            .map(words::folded_name);
        let users = entry.texts("memberUid").map(|one| format!("uid:{one}"));
        for member in named.chain(users).take(MEMBERS_MAX) {
            all.entry(member).or_default().push(name.clone());
        }
        Ok(())
    })?;
    Ok(all)
}

/// Folded names of the entries that show that they have a password. Its value is never asked for,
/// and that one is not shown says nothing.
fn with_passwords(
    cx: &mut Context<'_>,
    scope: &Scope,
    base: &str,
) -> Result<std::collections::BTreeSet<String>, Stop> {
    let mut search = Search {
        base: base.to_owned(),
        depth: Depth::Whole,
        filter: Filter::has("userPassword"),
        attributes: vec!["userPassword".to_owned()],
        names_only: true,
        page: String::new(),
    };
    let mut found = std::collections::BTreeSet::new();
    for _ in 0..10_000 {
        match cx.ldap(search.clone()) {
            Ok(page) => {
                found.extend(page.entries.iter().map(|one| words::folded_name(&one.name)));
                match page.next {
                    Some(next) if next != search.page => search.page = next,
                    _ => break,
                }
            }
            Err(refusal) => {
                cx.gap(&scope.part("passwords"), &refusal, Some(PLAIN_NEEDS))?;
                break;
            }
        }
    }
    Ok(found)
}

/// Whoever OpenLDAP's own configuration names lets itself in past every entry and policy.
fn configuration(cx: &mut Context<'_>, root: &Root) -> Result<(), Stop> {
    let scope = Scope::of("server");
    let told = match &root.configuration {
        None => "the server does not show who its administrator is (rootdn)",
        Some(base) => match administrators(cx, base) {
            Ok(names) if !names.is_empty() => {
                for one in account::administrators(root, &scope, &names) {
                    cx.observe(one);
                }
                return Ok(());
            }
            Ok(_) => "its configuration does not show who its administrator is (olcRootDN)",
            Err(refusal) if refusal.stop => return Err(Stop),
            Err(_) => {
                "its configuration may not be read (olcRootDN): who its administrator is, is not known"
            }
        },
    };
    let needs = "`read` on olcRootDN below cn=config";
    cx.gap(&scope, &Refusal::new(Reason::Denied, told), Some(needs))
}

/// The administrators of each database, by the suffix of it.
fn administrators(cx: &mut Context<'_>, base: &str) -> Result<Vec<(String, String)>, Refusal> {
    let scope = Scope::of("server");
    let wanted = Wanted {
        scope: &scope,
        base,
        filter: Filter::has("olcRootDN"),
        attributes: &["olcRootDN", "olcSuffix"],
        needs: PLAIN_NEEDS,
        passed_over: &[],
    };
    let found = wanted.some(cx)?;
    let named = found.iter().filter_map(|one| {
        let suffix = one.text("olcSuffix").unwrap_or("cn=config");
        Some((one.text("olcRootDN")?.to_owned(), suffix.to_owned()))
    });
    Ok(named.collect())
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
            let name = "search and read accounts below the base";
            return Ok(vec![right(name, Some(false), &refusal.to_string())]);
        }
    };
    let shows = |attribute: &str| found.iter().any(|one| !one.all(attribute).is_empty());
    let named = !found.is_empty() && found.iter().all(|one| Account::read(one).is_some());
    // Only a server with a password policy keeps these; that none is shown says nothing.
    let policy = shows("pwdChangedTime").then_some(true);
    let configuration = root.configuration.as_ref();
    let server =
        configuration.map(|base| administrators(cx, base).is_ok_and(|all| !all.is_empty()));
    Ok(vec![
        right(
            "read entryUUID of accounts",
            Some(named),
            "some or all accounts do not show it, or none may be read",
        ),
        right(
            "read createTimestamp of accounts",
            Some(shows("createTimestamp")),
            "no account shows it",
        ),
        right(
            "read pwdChangedTime of accounts",
            policy,
            "no account shows it: it may not be read, or the server keeps none",
        ),
        right(
            "read olcRootDN below cn=config",
            server,
            "the configuration does not show it",
        ),
    ])
}
