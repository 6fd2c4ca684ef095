//! Holds every rule in the list to its cases.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "cases are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use assess::{Ground, Inventory, LogWindow, RULES, Thing, Twin, Workload, assess, rulings};
use inventory::Conflict;
use model::{
    Attribute, Confidence, Duration, Entity, EntityId, Key, KeyKind, Kind, Link, Member, Mute,
    Relation, Scope, SightingKey, SourcedFact, State, Target, Timestamp, Told, Value, Verdict,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    now: Timestamp,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    claim: String,
    /// `fail`, `pass`, `unknown`, or `silent` where the rule must not apply.
    verdict: String,
    kind: Kind,
    #[serde(default)]
    first_seen: Option<Timestamp>,
    #[serde(default)]
    owner: Option<String>,
    /// Who has left.
    #[serde(default)]
    left: Vec<String>,
    seen: Vec<Seen>,
    #[serde(default)]
    holder: Vec<Seen>,
    /// The ids of the sides of each merge that was refused, the first one's this thing.
    #[serde(default)]
    refused: Vec<Vec<String>>,
    /// Whether too much hangs together to say what was refused.
    #[serde(default)]
    too_connected: bool,
    /// Inventories that were read.
    #[serde(default)]
    inventories: Vec<Read>,
    /// Logs that tell of uses.
    #[serde(default)]
    logs: Vec<Log>,
    /// Where its revocation stands.
    #[serde(default)]
    revocation: Option<State>,
    /// Identities that bear its name in other environments.
    #[serde(default)]
    twins: Vec<Other>,
}

/// An identity in another environment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    own: String,
    environment: String,
    seen: Vec<Seen>,
}

/// An inventory, and which parts of it were not read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    provider: String,
    target: String,
    at: Timestamp,
    #[serde(default)]
    holes: BTreeSet<String>,
}

/// A log, and its window.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    log: String,
    account: String,
    since: Timestamp,
    until: Timestamp,
    #[serde(default)]
    incomplete: Option<String>,
}

/// One sighting: facts by name; `absent` and `cannot-tell` are said as such.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    source: String,
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    facts: BTreeMap<String, Value>,
    /// Names of workloads of the same source that use it.
    #[serde(default)]
    used_by: Vec<String>,
    /// Of which type these workloads are.
    #[serde(default)]
    used_by_type: String,
}

fn entity(kind: Kind, seen: &[Seen], first_seen: Timestamp) -> Entity {
    let mut facts: BTreeMap<Attribute, Vec<SourcedFact>> = BTreeMap::new();
    let mut members = Vec::new();
    let mut links = BTreeSet::new();
    for (n, one) in seen.iter().enumerate() {
        let sighting = SightingKey {
            source: one.source.parse().unwrap(),
            kind,
            native: format!("thing/{n}"),
        };
        for user in &one.used_by {
            let to = Target::Native {
                kind: Kind::Identity,
                native: user.clone(),
            };
            let relation = Relation::UsedBy;
            links.insert((sighting.source.clone(), Link { relation, to }));
        }
        for (name, value) in &one.facts {
            let told = match value.text() {
                Some("absent") => Told::Absent,
                Some("cannot-tell") => Told::CannotTell,
                _ => Told::Is(value.clone()),
            };
            facts
                .entry(Attribute::named(name))
                .or_default()
                .push(SourcedFact {
                    source: sighting.source.clone(),
                    native: sighting.native.clone(),
                    told,
                    confidence: Confidence::Stated,
                    since: first_seen,
                    last_told: first_seen,
                });
        }
        members.push(Member {
            sighting,
            joined_by: std::collections::BTreeSet::new(),
            scope: Scope::whole(),
            first_seen,
            last_seen: first_seen,
            missing_since: one.missing.then_some(first_seen),
        });
    }
    let gone = members.iter().all(|member| member.missing_since.is_some());
    Entity {
        id: EntityId::of(&members[0].sighting),
        aliases: Vec::new(),
        kind,
        facts,
        links,
        first_seen,
        last_seen: first_seen,
        missing_since: gone.then_some(first_seen),
        members,
    }
}

fn cases(rule: &str) -> Cases {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/rules")
        .join(format!("{rule}.toml"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("`{rule}` has no case file {}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{rule}: {e}"))
}

fn with_thing<T>(case: &Case, now: Timestamp, f: impl FnOnce(&Thing<'_>) -> T) -> T {
    let first_seen = case.first_seen.unwrap_or(now);
    let entity = entity(case.kind, &case.seen, first_seen);
    let holder =
        (!case.holder.is_empty()).then(|| self::entity(Kind::Identity, &case.holder, first_seen));
    let refused: Vec<_> = case
        .refused
        .iter()
        .map(|ids| conflict(&entity, ids))
        .collect();
    let users = users(&case.seen);
    let twins: Vec<_> = case
        .twins
        .iter()
        .map(|one| Twin {
            own: one.own.clone(),
            environment: one.environment.clone(),
            entity: self::entity(case.kind, &one.seen, first_seen),
        })
        .collect();
    f(&Thing {
        entity: &entity,
        holder: holder.as_ref(),
        owner: case.owner.as_deref(),
        refused: (!case.too_connected).then_some(refused.as_slice()),
        users: &users,
        twins: &twins,
    })
}

/// Who works with it: of one name, one workload, whoever tells of it.
fn users(seen: &[Seen]) -> Vec<Workload> {
    let mut users: BTreeMap<&str, Workload> = BTreeMap::new();
    for one in seen {
        for name in &one.used_by {
            let user = users.entry(name).or_insert_with(|| Workload {
                id: None,
                name: name.clone(),
                type_: one.used_by_type.clone(),
                sources: BTreeSet::new(),
            });
            user.sources.insert(one.source.parse().unwrap());
        }
    }
    users.into_values().collect()
}

/// One secret of several access keys, the first of which is `entity`.
fn conflict(entity: &Entity, ids: &[String]) -> Conflict {
    let side = |(n, id): (usize, &String)| {
        let other = SightingKey {
            source: "files:elsewhere".parse().unwrap(),
            kind: entity.kind,
            native: id.clone(),
        };
        let own = &entity.members[0].sighting;
        (id.clone(), if n == 0 { own.clone() } else { other })
    };
    Conflict {
        kind: entity.kind,
        key: Key::new(KeyKind::SecretHmac, "k.m"),
        differ_in: KeyKind::AwsAccessKeyId,
        sides: ids.iter().enumerate().map(side).collect(),
        sides_count: ids.len(),
    }
}

#[test]
fn each_rule_gives_the_verdicts_of_its_cases() {
    for rule in RULES {
        let cases = cases(rule.id);
        for case in &cases.case {
            let told = with_thing(case, cases.now, |thing| {
                let mut ground = Ground::at(cases.now);
                for leaver in &case.left {
                    ground.left.add(leaver, &[], None);
                }
                for one in &case.inventories {
                    let (at, holes) = (one.at, one.holes.clone());
                    let read = Inventory { at, holes };
                    ground.inventories.add(&one.provider, &one.target, read);
                }
                ground.logs.extend(case.logs.iter().map(|one| LogWindow {
                    log: one.log.clone(),
                    account: one.account.clone(),
                    since: one.since,
                    until: one.until,
                    incomplete: one.incomplete.clone(),
                }));
                let of = |state: &State| (thing.entity.id.clone(), state.clone());
                ground.revocations.extend(case.revocation.iter().map(of));
                let found = rulings(thing, &ground);
                found
                    .into_iter()
                    .find(|(one, _)| one.id == rule.id)
                    .map(|(_, ruling)| ruling.verdict)
            });
            let word = told.as_ref().map_or("silent", Verdict::as_str);
            assert_eq!(word, case.verdict, "{}: {} ({told:?})", rule.id, case.claim);
        }
    }
}

#[test]
fn each_rule_has_a_hit_and_a_near_miss_and_something_it_cannot_judge() {
    for rule in RULES {
        let cases = cases(rule.id);
        let count = |word: &str| {
            cases
                .case
                .iter()
                .filter(|case| case.verdict == word)
                .count()
        };
        assert!(
            count("fail") >= 1 && count("pass") >= 1 && count("unknown") >= 1,
            "{}",
            rule.id
        );
    }
}

#[test]
fn rule_ids_are_unique_and_name_an_owasp_risk() {
    let mut ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RULES.len());
    for rule in RULES {
        let number = rule
            .owasp
            .strip_prefix("NHI")
            .and_then(|n| n.parse::<u8>().ok());
        assert!(
            number.is_some_and(|n| (1..=10).contains(&n)),
            "{}: {}",
            rule.id,
            rule.owasp
        );
        assert!(rule.next.starts_with("keyroll "), "{}", rule.id);
    }
}

#[test]
fn what_no_source_tells_is_never_a_pass() {
    let silent = [Seen {
        source: "files:host".into(),
        missing: false,
        facts: BTreeMap::new(),
        used_by: Vec::new(),
        used_by_type: String::new(),
    }];
    let now: Timestamp = "2026-03-01".parse().unwrap();
    for kind in [Kind::Credential, Kind::Identity] {
        for type_ in ["aws_access_key", "postgres_password", "x509_certificate"] {
            let mut thing = entity(kind, &silent, now);
            let fact = SourcedFact {
                source: "files:host".parse().unwrap(),
                native: "thing/0".into(),
                told: Told::Is(type_.into()),
                confidence: Confidence::Stated,
                since: now,
                last_told: now,
            };
            thing.facts.insert(Attribute::TYPE, vec![fact]);
            let thing = Thing {
                entity: &thing,
                holder: None,
                owner: None,
                refused: None,
                users: &[],
                twins: &[],
            };
            for (rule, ruling) in rulings(&thing, &Ground::at(now)) {
                assert_ne!(ruling.verdict, Verdict::Pass, "{} of {type_}", rule.id);
            }
        }
    }
}

#[test]
fn two_runs_give_the_same_findings_in_the_same_order() {
    for rule in RULES {
        let cases = cases(rule.id);
        for case in &cases.case {
            let run = || {
                with_thing(case, cases.now, |thing| {
                    format!("{:?}", assess(thing, &Ground::at(cases.now), &[]))
                })
            };
            assert_eq!(run(), run());
        }
    }
}

#[test]
fn a_mute_holds_until_its_day_and_no_longer() {
    let cases = cases("unowned");
    let case = cases
        .case
        .iter()
        .find(|case| case.verdict == "fail")
        .unwrap();
    with_thing(case, cases.now, |thing| {
        let found = assess(thing, &Ground::at(cases.now), &[]);
        let until = cases.now + Duration::days(1);
        let mute = Mute {
            finding: found[0].id.clone(),
            reason: "known".into(),
            by: "ann".into(),
            at: cases.now,
            until,
        };
        let at = |now| {
            assess(thing, &Ground::at(now), std::slice::from_ref(&mute))[0]
                .mute
                .is_some()
        };
        assert!(at(cases.now) && !at(until));
    });
}

#[test]
fn a_file_and_its_history_are_one_finding_on_the_line_of_today() {
    let cases = cases("secret-in-text");
    let moved = |case: &&Case| case.claim.starts_with("a secret that moved");
    let case = cases.case.iter().find(moved).unwrap();
    with_thing(case, cases.now, |thing| {
        for rule in ["secret-in-text", "open-secret"] {
            let findings = assess(thing, &Ground::at(cases.now), &[]);
            let of_rule: Vec<_> = findings.iter().filter(|one| one.rule == rule).collect();
            assert_eq!(of_rule.len(), 1, "{rule}");
            let line = of_rule[0].place.as_ref().and_then(|place| place.line);
            assert_eq!(line, Some(7), "{rule}");
        }
    });
}

#[test]
fn a_finding_at_a_place_keeps_its_name_when_another_place_goes() {
    let cases = cases("open-secret");
    let case = cases
        .case
        .iter()
        .find(|case| case.verdict == "fail")
        .unwrap();
    with_thing(case, cases.now, |thing| {
        let alone = assess(thing, &Ground::at(cases.now), &[]);
        let mut wider = thing.entity.clone();
        let mut other = wider.facts[&Attribute::PLACE][0].clone();
        other.native = "another".into();
        other.told = Told::Is("/a/first.env".into());
        wider.facts.get_mut(&Attribute::PLACE).unwrap().push(other);
        let both = assess(
            &Thing {
                entity: &wider,
                ..*thing
            },
            &Ground::at(cases.now),
            &[],
        );
        let of = |found: &[model::Finding]| {
            found
                .iter()
                .filter(|f| f.rule == "open-secret")
                .map(|f| f.id.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&both).len(), 2);
        assert!(of(&both).contains(&of(&alone)[0]));
    });
}

#[test]
fn each_finding_tells_where_it_is_who_answers_and_what_to_type_next() {
    for rule in RULES {
        let cases = cases(rule.id);
        for case in &cases.case {
            let found = with_thing(case, cases.now, |thing| {
                let mut ground = Ground::at(cases.now);
                for leaver in &case.left {
                    ground.left.add(leaver, &[], None);
                }
                assess(thing, &ground, &[])
            });
            for one in found {
                let at = format!("{}: {}: {one:?}", rule.id, case.claim);
                assert!(one.place.is_some() || one.source.is_some(), "{at}");
                let asked = one.factors.iter().any(|factor| factor.name == "owner");
                assert!(one.owner.is_some() != asked, "{at}");
                assert!(one.next.starts_with("keyroll "), "{at}");
                assert!(!one.next.contains(['{', '}']), "{at}");
                assert!(!one.verdict.why().is_empty(), "{at}");
                let sum: i32 = one.factors.iter().map(|factor| factor.points).sum();
                assert_eq!(i32::from(one.risk), sum.clamp(0, 100), "{at}");
                assert!(one.factors.iter().all(|factor| !factor.why.is_empty()));
            }
        }
    }
}

#[test]
fn a_revocation_is_offered_only_for_what_failed_where_a_source_of_ours_can_make_it() {
    let now: Timestamp = "2026-03-01".parse().unwrap();
    let told = |source: &str, type_: &str, used: Option<&str>| {
        let facts = [("type", type_), ("place", "/srv/shop/.env")];
        let used = used.map(|used| ("last_used_at", used));
        let facts = facts
            .into_iter()
            .chain(used)
            .map(|(name, value)| (name.to_owned(), Value::from(value)));
        let seen = Seen {
            source: source.into(),
            missing: false,
            facts: facts.collect(),
            used_by: Vec::new(),
            used_by_type: String::new(),
        };
        let thing = entity(Kind::Credential, &[seen], now);
        let thing = Thing {
            entity: &thing,
            holder: None,
            owner: None,
            refused: None,
            users: &[],
            twins: &[],
        };
        let found = assess(&thing, &Ground::at(now), &[]);
        let one = found.iter().find(|one| one.rule == "unused").unwrap();
        one.next.replace(thing.entity.id.as_str(), "ID")
    };
    let next = |source: &str, type_: &str| told(source, type_, Some("2024-01-01T00:00:00Z"));
    // Nobody knows whether it is used: that is no reason to revoke it.
    let unknown = told("postgres_roles:7", "postgres_password", None);
    assert_eq!(unknown, "keyroll why ID");
    let (plan, get) = ("keyroll plan revoke ID", "keyroll get ID");
    assert_eq!(next("aws_iam:000000000001", "aws_access_key"), plan);
    assert_eq!(next("postgres_roles:7", "postgres_password"), plan);
    assert_eq!(next("files:host", "api_token"), get);
    assert_eq!(next("slack:T01", "api_token"), get);
    assert_eq!(next("aws_iam:000000000001", "aws_console_password"), get);
    assert_eq!(next("aws_exports:host:/srv/export", "aws_access_key"), get);
}

/// The factors of what `unused` says of an access key with these facts.
fn factors(facts: &[(&str, Value)], owner: Option<&str>) -> BTreeMap<String, i32> {
    let now: Timestamp = "2026-03-01".parse().unwrap();
    let known = [
        ("type", Value::from("aws_access_key")),
        ("last_used_at", Value::from("2025-01-01T00:00:00Z")),
    ];
    let facts = known.into_iter().chain(facts.iter().cloned());
    let seen = Seen {
        source: "aws_iam:000000000001".into(),
        missing: false,
        facts: facts
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        used_by: Vec::new(),
        used_by_type: String::new(),
    };
    let thing = entity(Kind::Credential, &[seen], now);
    let thing = Thing {
        entity: &thing,
        holder: None,
        owner,
        refused: None,
        users: &[],
        twins: &[],
    };
    let found = assess(&thing, &Ground::at(now), &[]);
    let one = found.iter().find(|one| one.rule == "unused").unwrap();
    let factors = one.factors.iter();
    factors.map(|one| (one.name.clone(), one.points)).collect()
}

#[test]
fn risk_is_the_sum_of_named_factors_and_nothing_else() {
    let all = [
        ("privilege", Value::from("superuser")),
        ("file_mode", Value::from("0644")),
        ("endpoint", Value::from("postgres://9.9.9.9:5432")),
        ("environment", Value::from("production")),
        ("validity", Value::from("live")),
        ("created_at", Value::from("2020-01-01T00:00:00Z")),
    ];
    let told = factors(&all, None);
    let names: Vec<_> = told.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "age",
            "environment",
            "exposure",
            "internet",
            "owner",
            "privilege",
            "severity",
            "validity"
        ]
    );
    let none = factors(&[], Some("ann"));
    assert_eq!(none.keys().collect::<Vec<_>>(), ["severity"]);
    assert!(factors(&[("validity", Value::from("dead"))], None)["validity"] < 0);
    assert!(!factors(&[("validity", Value::from("unknown"))], None).contains_key("validity"));
    let near = [
        ("endpoint", Value::from("10.0.0.1:5432")),
        ("environment", Value::from("staging")),
        ("file_mode", Value::from("0600")),
        ("created_at", Value::from("2025-12-01T00:00:00Z")),
    ];
    let near = factors(&near, Some("ann"));
    assert_eq!(near.keys().collect::<Vec<_>>(), ["severity"]);
}
