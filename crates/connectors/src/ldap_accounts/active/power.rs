//! Who is in a group that may do everything, or much; and what security identifiers are called.

use std::collections::BTreeMap;

use model::Scope;

use super::NO_ACCOUNTS;
use super::account::{ACTORS, Account, READERS};
use super::descriptor;
use crate::ldap_accounts::ACTIVE_NEEDS;
use crate::ldap_accounts::ask::Wanted;
use crate::ldap_accounts::words;
use crate::port::ldap::Filter;
use crate::{Context, Stop};

/// A member of a member: LDAP_MATCHING_RULE_IN_CHAIN ([MS-ADTS] section 3.1.1.3.4.4.3).
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// Who owns a domain or may come to own it: groups of the domain by the last part of their id.
const ADMINS: &[&str] = &["512", "518", "519", "526", "527"];
/// Those that every domain has, whole.
const BUILTIN_ADMINS: &[&str] = &["S-1-5-32-544"];
const OPERATORS: &[&str] = &[
    "S-1-5-32-548",
    "S-1-5-32-549",
    "S-1-5-32-550",
    "S-1-5-32-551",
    "S-1-5-32-552",
];
/// May change policies that apply to administrators.
const POLICY: &str = "520";
/// Names looked up for security identifiers, in one pass.
const NAMES_MAX: usize = 1_000;

/// A group that may do much.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    /// Whether it may do everything.
    pub(super) admin: bool,
    pub(super) name: String,
    rid: String,
}

/// Groups by the folded name of each account that is in them, by whatever way.
#[derive(Debug, Default)]
pub(super) struct Power {
    members: BTreeMap<String, Vec<Group>>,
    groups: Vec<Group>,
    /// Whether all of it could be read.
    pub(super) whole: bool,
}

impl Power {
    /// The groups that an account is in.
    pub(super) fn of(&self, account: &Account<'_>) -> Vec<&Group> {
        let named = self.members.get(&words::folded_name(&account.entry.name));
        // The first group of an account is told by its number, and by no list of members.
        let first = account.entry.text("primaryGroupID");
        let first = self
            .groups
            .iter()
            .filter(|one| Some(one.rid.as_str()) == first);
        let mut all: Vec<&Group> = named.into_iter().flatten().chain(first).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Asks for every privileged group and for all who are in it.
pub(super) fn read(cx: &mut Context<'_>, base: &str) -> Result<Power, Stop> {
    let scope = Scope::of("groups");
    let wanted = |filter: Filter, attributes| Wanted {
        scope: &scope,
        base,
        filter,
        attributes,
        needs: ACTIVE_NEEDS,
        passed_over: NO_ACCOUNTS,
    };
    let filter = Filter::All(vec![
        Filter::class("group"),
        Filter::Any(vec![
            Filter::Is("adminCount".to_owned(), "1".to_owned()),
            Filter::has("isCriticalSystemObject"),
        ]),
    ]);
    let mut groups = Vec::new();
    wanted(filter, &["objectSid", "sAMAccountName"]).each(cx, |_, entry| {
        let sid = entry
            .all("objectSid")
            .first()
            .and_then(|one| words::sid(&one.0));
        if let Some(group) = sid.and_then(|sid| privileged(&sid, entry.text("sAMAccountName"))) {
            groups.push((entry.name, group));
        }
        Ok(())
    })?;
    let mut power = Power {
        whole: !groups.is_empty(),
        ..Power::default()
    };
    for (name, group) in groups {
        let filter = Filter::All(vec![
            Filter::class("user"),
            Filter::Fits {
                attribute: "memberOf".to_owned(),
                rule: IN_CHAIN.to_owned(),
                value: name,
            },
        ]);
        wanted(filter, &["sAMAccountName"]).each(cx, |_, entry| {
            let held = power.members.entry(words::folded_name(&entry.name));
            held.or_default().push(group.clone());
            Ok(())
        })?;
        power.groups.push(group);
    }
    Ok(power)
}

fn privileged(sid: &str, name: Option<&str>) -> Option<Group> {
    let rid = sid.rsplit('-').next().unwrap_or_default();
    let domain = sid.starts_with("S-1-5-21-");
    let admin = BUILTIN_ADMINS.contains(&sid) || domain && ADMINS.contains(&rid);
    let much = OPERATORS.contains(&sid) || domain && rid == POLICY;
    (admin || much).then(|| Group {
        admin,
        name: name.unwrap_or(sid).to_owned(),
        rid: rid.to_owned(),
    })
}

/// Whom the descriptors of an account let in: security identifiers with their names.
#[derive(Debug, Default)]
pub(super) struct LetIn {
    /// May read the password of a managed service account.
    pub(super) readers: Vec<(String, String)>,
    /// May act to it as anybody.
    pub(super) actors: Vec<(String, String)>,
    /// Whether one of the descriptors could not be read.
    pub(super) broken: bool,
}

/// Names of security identifiers that were looked up.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    pub(super) fn of_descriptors(
        &mut self,
        cx: &mut Context<'_>,
        base: &str,
        account: &Account<'_>,
    ) -> Result<LetIn, Stop> {
        let mut found = LetIn::default();
        for (attribute, readers) in [(READERS, true), (ACTORS, false)] {
            let Some(value) = account.entry.all(attribute).first() else {
                continue;
            };
            let Some(sids) = descriptor::allowed(&value.0) else {
                found.broken = true;
                continue;
            };
            for sid in sids {
                let name = self.of(cx, base, &sid)?;
                let list = if readers {
                    &mut found.readers
                } else {
                    &mut found.actors
                };
                list.push((sid, name));
            }
        }
        Ok(found)
    }

    /// What a security identifier is called; itself where nobody says.
    fn of(&mut self, cx: &mut Context<'_>, base: &str, sid: &str) -> Result<String, Stop> {
        if let Some(name) = self.0.get(sid) {
            return Ok(name.clone());
        }
        if self.0.len() >= NAMES_MAX {
            return Ok(sid.to_owned());
        }
        let scope = Scope::of("groups").part("names");
        let mut name = None;
        let wanted = Wanted {
            scope: &scope,
            base,
            filter: Filter::Is("objectSid".to_owned(), sid.to_owned()),
            attributes: &["sAMAccountName"],
            needs: ACTIVE_NEEDS,
            passed_over: NO_ACCOUNTS,
        };
        wanted.each(cx, |_, entry| {
            name = entry.text("sAMAccountName").map(str::to_owned);
            Ok(())
        })?;
        let name = name.unwrap_or_else(|| sid.to_owned());
        self.0.insert(sid.to_owned(), name.clone());
        Ok(name)
    }
}
