//! Tells credentials: access keys, console passwords, signing certificates.

use std::collections::BTreeSet;

use model::{
    Attribute, Confidence, CredentialType, Key, KeyKind, Kind, Observation, Relation, Scope,
    Timestamp, Told,
};

use super::account::{AccessKey, Account, Principal, account_of, is_unique_id, principal_of};
use super::observe::Telling;
use super::report::{Line, Slot};

/// From when AWS records the last use of access keys: 2015-04-22. No record of a use of an
/// older key does not say that there was none.
const KEY_USE_RECORDED_FROM: Timestamp = Timestamp::from_seconds(1_429_660_800);

/// Users that the credential report tells of, where nothing else did.
pub(crate) fn users_of_the_report(account: &mut Account) {
    let users: Vec<_> = account
        .report
        .iter()
        .filter(|line| !line.is_root())
        .map(|line| Principal {
            name: line.user.clone(),
            arn: principal_of(&line.arn)
                .map(|_| line.arn.clone())
                .unwrap_or_default(),
            created: line.created,
            password_used: line.password_used.is().copied(),
            recorded: true,
            ..Principal::default()
        })
        .collect();
    for user in users {
        account.principal(user);
    }
    // Keys of a user that no list names: the user exists all the same.
    let holders: Vec<_> = account
        .keys
        .values()
        .filter_map(|key| key.user.clone())
        .collect();
    let holders = holders
        .into_iter()
        .chain(account.passwords.keys().cloned().collect::<Vec<_>>());
    for name in holders {
        account.principal(Principal {
            name,
            recorded: true,
            ..Principal::default()
        });
    }
}

/// Everything that users and the root show to be let in.
pub(crate) fn credentials(telling: &Telling<'_>, told: &mut Vec<Observation>) {
    for (id, key) in &telling.account.keys {
        told.push(access_key(telling, id, key));
    }
    for line in &telling.account.report {
        of_line(telling, line, told);
    }
    let reported = |name: &str| telling.line(name).is_some();
    for (user, since) in telling
        .account
        .passwords
        .iter()
        .filter(|(user, _)| !reported(user))
    {
        if let Some((one, holder)) = telling.user(user, None) {
            let used = Told::or_cannot_tell(one.password_used);
            let told_of = password(telling, user, holder, *since, used);
            told.push(told_of.told(Attribute::CREATED_AT, Told::or_cannot_tell(*since)));
        }
    }
    let root_keys = telling
        .account
        .summary
        .get("AccountAccessKeysPresent")
        .is_some_and(|n| *n > 0);
    if root_keys
        && !telling.account.report.iter().any(Line::is_root)
        && let Some(root) = telling.root_native()
    {
        let id = format!("{root}/access_key");
        let one = nameless(
            telling,
            &id,
            "root",
            &root,
            Scope::of("account"),
            CredentialType::AwsAccessKey,
        );
        told.push(for_good(one.is(Attribute::PRIVILEGE, "root")));
    }
}

fn access_key(telling: &Telling<'_>, id: &str, key: &AccessKey) -> Observation {
    let temporary = id.starts_with("ASIA");
    let of_type = if temporary {
        CredentialType::AwsSession
    } else {
        CredentialType::AwsAccessKey
    };
    let account = crate::aws_key_id::aws_account_of(id);
    let holder = key
        .user
        .as_deref()
        .and_then(|user| telling.user(user, account.as_deref()));
    let scope = match &key.user {
        Some(user) => Scope::of("access_keys").part(user),
        None => Scope::of("mentions"),
    };
    let mut one = telling.start(Kind::Credential, of_type.as_str(), id, &scope, id);
    if is_unique_id(id) {
        one = one.key(Key::new(KeyKind::AwsAccessKeyId, id));
    }
    if let Some(number) = account {
        one = one.concluded(Attribute::ACCOUNT, number, Confidence::Derived);
    }
    if let Some(user) = &key.user {
        one = one.is(Attribute::USER, user.as_str());
    }
    if let Some((principal, native)) = holder {
        one = one.link(Relation::Holder, Kind::Identity, native.as_str());
        if let Some(number) = account_of(&principal.arn) {
            one = one.is(Attribute::ACCOUNT, number);
        }
        if !principal.arn.is_empty() {
            one = one.is(Attribute::named("holder_arn"), principal.arn.as_str());
        }
    }
    if let Some(status) = &key.status {
        one = one.is(Attribute::STATUS, status.as_str());
    }
    if let Some(used_for) = &key.used_for {
        one = one.is(Attribute::LAST_USED_FOR, used_for.as_str());
    }
    let line = key.user.as_deref().and_then(|user| telling.line(user));
    let slot = line.and_then(|line| {
        line.keys
            .iter()
            .find(|slot| slot.rotated.is_some() && slot.rotated == key.created)
    });
    let used = match (&key.used, slot) {
        (Some(Told::Is(at)), _) => Told::Is(*at),
        (Some(Told::Absent), _) => never(key.created),
        (_, Some(slot)) => used(slot),
        _ => Told::CannotTell,
    };
    let one = one.told(Attribute::LAST_USED_AT, used);
    let one = one.told(Attribute::CREATED_AT, Told::or_cannot_tell(key.created));
    if temporary { one } else { for_good(one) }
}

/// An access key has no end, and its secret cannot be changed: another secret is another key, so
/// that a key is as old as its creation.
fn for_good(one: Observation) -> Observation {
    one.told::<Timestamp>(Attribute::ROTATED_AT, Told::Absent)
        .told::<Timestamp>(Attribute::EXPIRES_AT, Told::Absent)
}

fn never(created: Option<Timestamp>) -> Told<Timestamp> {
    match created {
        Some(at) if at >= KEY_USE_RECORDED_FROM => Told::Absent,
        _ => Told::CannotTell,
    }
}

fn used(slot: &Slot) -> Told<Timestamp> {
    match slot.used {
        Told::Absent => never(slot.rotated),
        ref told => told.clone(),
    }
}

/// What a line of the report tells that no list of keys does.
fn of_line(telling: &Telling<'_>, line: &Line, told: &mut Vec<Observation>) {
    let root = line.is_root();
    let holder = if root {
        line.arn.clone()
    } else {
        let of = account_of(&line.arn);
        let Some((_, native)) = telling.user(&line.user, of) else {
            return;
        };
        native.clone()
    };
    let name = if root { "root" } else { line.user.as_str() };
    let dates: Vec<_> = telling
        .keys
        .get(name)
        .into_iter()
        .flatten()
        .map(|key| key.created)
        .collect();
    let listed = telling.account.keys_listed.contains(name) || dates.len() >= line.keys.len();
    for slot in &line.keys {
        // A listed key is told by its id; the report only has its date.
        if listed || dates.contains(&slot.rotated) {
            continue;
        }
        let id = slot_id(&line.arn, "access_key", slot);
        let scope = if root {
            Scope::of("account")
        } else {
            Scope::of("access_keys").part(name)
        };
        let one = nameless(
            telling,
            &id,
            name,
            &holder,
            scope,
            CredentialType::AwsAccessKey,
        );
        let one = if root {
            one.is(Attribute::PRIVILEGE, "root")
        } else {
            one
        };
        told.push(for_good(dated(one, slot)));
    }
    for slot in &line.certificates {
        let id = slot_id(&line.arn, "signing_certificate", slot);
        let scope = Scope::of("signing_certificates");
        let one = nameless(
            telling,
            &id,
            name,
            &holder,
            scope,
            CredentialType::X509Certificate,
        );
        let rotated = Told::or_cannot_tell(slot.rotated);
        told.push(dated(one, slot).told(Attribute::ROTATED_AT, rotated));
    }
    let shown = line.password == Some(true) || (root && line.password_used.is().is_some());
    if shown {
        let used = line.password_used.clone();
        let one = password(telling, name, &holder, line.password_changed, used);
        told.push(one.told(
            Attribute::ROTATED_AT,
            Told::or_cannot_tell(line.password_changed),
        ));
    }
}

fn slot_id(arn: &str, what: &str, slot: &Slot) -> String {
    // A new key in the same slot has another date, so it is another thing.
    match slot.rotated {
        Some(at) => format!("{arn}/{what}@{at}"),
        None => format!("{arn}/{what}_{}", slot.ordinal),
    }
}

fn dated(one: Observation, slot: &Slot) -> Observation {
    let one = one
        .is(
            Attribute::STATUS,
            if slot.active { "active" } else { "inactive" },
        )
        .told(Attribute::CREATED_AT, Told::or_cannot_tell(slot.rotated))
        .told(Attribute::LAST_USED_AT, used(slot));
    match &slot.used_for {
        Some(used_for) => one.is(Attribute::LAST_USED_FOR, used_for.as_str()),
        None => one,
    }
}

/// A credential that has no id of its own in what was shown.
fn nameless(
    telling: &Telling<'_>,
    id: &str,
    user: &str,
    holder: &str,
    scope: Scope,
    of: CredentialType,
) -> Observation {
    let name = format!("{} of {user}", of.as_str());
    telling
        .start(Kind::Credential, of.as_str(), id, &scope, &name)
        .is(Attribute::USER, user)
        .link(Relation::Holder, Kind::Identity, holder)
}

fn password(
    telling: &Telling<'_>,
    user: &str,
    holder: &str,
    since: Option<Timestamp>,
    used: Told<Timestamp>,
) -> Observation {
    let of = CredentialType::AwsConsolePassword;
    let id = match since {
        Some(at) => format!("{holder}/console_password@{at}"),
        None => format!("{holder}/console_password"),
    };
    let scope = if user == "root" {
        "account"
    } else {
        "passwords"
    };
    nameless(telling, &id, user, holder, Scope::of(scope), of)
        .is(Attribute::STATUS, "active")
        .told(Attribute::LAST_USED_AT, used)
}

/// Another thing, with the user that holds it; a key pair that is only mentioned gives way to
/// the one that is described.
pub(crate) fn held(telling: &Telling<'_>, one: &Observation) -> Option<Observation> {
    let user = one.fact(&Attribute::USER).is().and_then(|user| user.text());
    let of_user = matches!(
        one.scope.0.first().map(String::as_str),
        Some("ssh_public_keys" | "service_credentials" | "signing_certificates")
    );
    if let (true, Some(user)) = (of_user, user) {
        let holder = telling.user(user, None).map(|(_, native)| native.clone());
        return Some(match holder {
            Some(native) => one.clone().link(Relation::Holder, Kind::Identity, native),
            None => one.clone(),
        });
    }
    if let Some(name) = one.native.strip_prefix("key-pair/")
        && !is_described(one)
        && telling.key_pairs.contains(name)
    {
        return None;
    }
    // A secret whose versions are known is told by them.
    let versions = format!("{}#", one.native);
    let versioned = one.kind == Kind::Credential
        && telling
            .account
            .others
            .range((Kind::Credential, versions.clone())..)
            .next()
            .is_some_and(|((kind, native), _)| {
                *kind == Kind::Credential && native.starts_with(&versions)
            });
    (!versioned).then(|| one.clone())
}

/// Names of key pairs of which more is known than that something was started with them.
pub(crate) fn described_key_pairs(account: &Account) -> BTreeSet<&str> {
    let pairs = account
        .others
        .values()
        .filter(|one| one.native.starts_with("key-pair/"));
    pairs
        .filter(|one| is_described(one))
        .filter_map(|one| one.fact(&Attribute::NAME).is()?.text())
        .collect()
}

fn is_described(key_pair: &Observation) -> bool {
    let name = key_pair
        .fact(&Attribute::NAME)
        .is()
        .and_then(|held| held.text());
    key_pair.native.strip_prefix("key-pair/") != name
}
