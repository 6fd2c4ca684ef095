//! One thing in one line: what lists, filters and facets read.

use std::collections::BTreeSet;

use model::{
    Attribute, EntityId, Kind, Relation, Row, Sighting, SourceId, Target, Timestamp, Told, Value,
};

use crate::facts::best;

/// What a type says by itself of the class of an identity. A user or a login role may be
/// anything: types that leave it open are not here.
const CLASS_BY_TYPE: &[(&str, &str)] = &[
    ("aws_root", "human_operated"),
    ("aws_service_linked_role", "workload"),
    ("gcp_service_account", "workload"),
    ("github_app", "integration"),
    ("kubernetes_service_account", "workload"),
    ("oauth_application", "integration"),
    ("spiffe_workload", "workload"),
];

/// Names of tags that hold an environment, best first; compared in lower case.
const ENVIRONMENT_TAGS: [&str; 3] = ["environment", "env", "stage"];

/// One line about the thing `id` made up by `members`.
///
/// `find` says which thing a link of a source leads to, if that is known; `credentials` how many
/// it is known to hold. Gives the same for `members` in any order.
pub fn summarise(
    id: &EntityId,
    members: &[Sighting],
    credentials: u32,
    find: &dyn Fn(&SourceId, &Target) -> Option<EntityId>,
) -> Row {
    let kind = id.kind();
    let text = |attribute| text(members, attribute);
    let time = |attribute| time(members, attribute);
    let holder = Relation::of_holder(kind).and_then(|relation| holder(members, relation, find));
    let type_ = text(&Attribute::TYPE).unwrap_or_default();
    Row {
        listed: kind == Kind::Identity || (kind == Kind::Credential && holder.is_none()),
        name: text(&Attribute::NAME).unwrap_or_else(|| native_name(members)),
        provider: text(&Attribute::PROVIDER).unwrap_or_else(|| provider(members)),
        class: text(&Attribute::CLASS).or_else(|| class(kind, &type_)),
        environment: text(&Attribute::ENVIRONMENT)
            .or_else(|| tagged_environment(members))
            .map(|told| told.trim().to_lowercase())
            .filter(|told| !told.is_empty()),
        status: text(&Attribute::STATUS),
        privilege: text(&Attribute::PRIVILEGE),
        // Who answers for it is decided by a person; the roll keeps that beside.
        owner: None,
        owner_hint: text(&Attribute::OWNER_HINT),
        sources: count(members.iter().map(|member| &member.key.source)),
        places: count(members.iter().filter_map(place)),
        credentials,
        created_at: time(&Attribute::CREATED_AT),
        rotated_at: time(&Attribute::ROTATED_AT),
        last_used_at: time(&Attribute::LAST_USED_AT),
        expires_at: time(&Attribute::EXPIRES_AT),
        first_seen: first_seen(members),
        missing_since: missing_since(members),
        id: id.clone(),
        kind,
        type_,
        holder,
    }
}

/// When any source first saw it.
pub(crate) fn first_seen(members: &[Sighting]) -> Timestamp {
    let first = members.iter().map(|member| member.first_seen).min();
    first.unwrap_or(Timestamp::MIN)
}

/// Since when nobody finds it: the moment at which the last one lost it.
pub(crate) fn missing_since(members: &[Sighting]) -> Option<Timestamp> {
    let all: Option<Vec<_>> = members.iter().map(|member| member.missing_since).collect();
    all.and_then(|all| all.into_iter().max())
}

fn text(members: &[Sighting], attribute: &Attribute) -> Option<String> {
    best(members, attribute).is().map(|value| match value {
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    })
}

fn time(members: &[Sighting], attribute: &Attribute) -> Told<Timestamp> {
    match best(members, attribute) {
        Told::Is(value) => Told::or_cannot_tell(value.time()),
        Told::Absent => Told::Absent,
        Told::CannotTell => Told::CannotTell,
    }
}

fn smallest(members: &[Sighting]) -> Option<&Sighting> {
    members.iter().min_by_key(|member| &member.key)
}

fn native_name(members: &[Sighting]) -> String {
    smallest(members).map_or_else(String::new, |member| member.key.native.clone())
}

fn provider(members: &[Sighting]) -> String {
    smallest(members).map_or_else(String::new, |member| {
        member.key.source.connector().to_owned()
    })
}

fn class(kind: Kind, type_: &str) -> Option<String> {
    let mut known = CLASS_BY_TYPE.iter().filter(|_| kind == Kind::Identity);
    known
        .find(|(of, _)| *of == type_)
        .map(|(_, class)| (*class).to_owned())
}

fn tagged_environment(members: &[Sighting]) -> Option<String> {
    let Told::Is(Value::Table(tags)) = best(members, &Attribute::TAGS) else {
        return None;
    };
    let tagged = |wanted: &&str| {
        let mut named = tags
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.next().map(|(_, value)| value.clone())
    };
    ENVIRONMENT_TAGS.iter().find_map(tagged)
}

/// Whoever a member says holds it; who still sees it and who spoke last is heard first.
fn holder(
    members: &[Sighting],
    relation: Relation,
    find: &dyn Fn(&SourceId, &Target) -> Option<EntityId>,
) -> Option<EntityId> {
    let mut heard: Vec<&Sighting> = members
        .iter()
        .filter(|member| !member.observation.links.is_empty())
        .collect();
    heard.sort_by_key(|member| {
        (
            member.missing_since.is_some(),
            std::cmp::Reverse(member.since),
            &member.key,
        )
    });
    heard.into_iter().find_map(|member| {
        let links = member.observation.links.iter();
        links
            .filter(|link| link.relation == relation)
            .find_map(|link| find(&member.key.source, &link.to))
    })
}

fn place(member: &Sighting) -> Option<(&SourceId, &str)> {
    let place = member.observation.fact(&Attribute::PLACE);
    Some((
        &member.key.source,
        place.is().and_then(|value| value.text())?,
    ))
}

fn count<T: Ord>(all: impl Iterator<Item = T>) -> u32 {
    let different: BTreeSet<T> = all.collect();
    u32::try_from(different.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{Observation, Scope, SightingKey};

    use super::*;

    fn seen(
        source: &str,
        kind: Kind,
        native: &str,
        f: impl FnOnce(Observation) -> Observation,
    ) -> Sighting {
        let key = SightingKey {
            source: source.parse().unwrap(),
            kind,
            native: native.to_owned(),
        };
        Sighting {
            entity: EntityId::of(&key),
            key,
            observation: f(Observation::new(kind, native, &Scope::whole())),
            first_seen: Timestamp(1),
            since: Timestamp(1),
            last_seen: Timestamp(1),
            missing_since: None,
        }
    }

    fn alone(sighting: &Sighting) -> Row {
        summarise(
            &sighting.entity,
            std::slice::from_ref(sighting),
            0,
            &|_, _| None,
        )
    }

    #[test]
    fn a_credential_is_listed_until_somebody_is_known_to_hold_it() {
        let key = seen("aws:1", Kind::Credential, "AKIA1", |o| {
            o.link(Relation::Holder, Kind::Identity, "alice")
        });
        assert!(alone(&key).listed);
        let alice = seen("aws:1", Kind::Identity, "alice", |o| o);
        let held = summarise(
            &key.entity,
            std::slice::from_ref(&key),
            0,
            &|source, target| {
                assert_eq!(source.as_str(), "aws:1");
                matches!(target, Target::Native { native, .. } if native == "alice")
                    .then(|| alice.entity.clone())
            },
        );
        assert_eq!(
            (held.listed, held.holder),
            (false, Some(alice.entity.clone()))
        );
        assert!(alone(&alice).listed && alone(&alice).name == "alice");
    }

    #[test]
    fn a_thing_is_missing_only_when_nobody_finds_it_since_the_last_one_lost_it() {
        let mut a = seen("a:1", Kind::Identity, "x", |o| o);
        let mut b = seen("b:1", Kind::Identity, "x", |o| o);
        a.missing_since = Some(Timestamp(5));
        let id = a.entity.clone();
        assert_eq!(
            summarise(&id, &[a.clone(), b.clone()], 0, &|_, _| None).missing_since,
            None
        );
        b.missing_since = Some(Timestamp(7));
        let gone = summarise(&id, &[a, b], 0, &|_, _| None);
        assert_eq!((gone.missing_since, gone.sources), (Some(Timestamp(7)), 2));
    }

    #[test]
    fn an_environment_is_told_or_tagged_or_unknown_but_never_read_from_a_name() {
        let tags = |name: &str| BTreeMap::from([(name.to_owned(), " Prod ".to_owned())]);
        let environment = |f: fn(Observation) -> Observation| {
            alone(&seen("a:1", Kind::Identity, "prod-app", f)).environment
        };
        assert_eq!(environment(|o| o), None);
        for name in ["env", "Environment", "STAGE"] {
            let tagged = seen("a:1", Kind::Identity, "x", |o| {
                o.is(Attribute::TAGS, tags(name))
            });
            assert_eq!(
                alone(&tagged).environment.as_deref(),
                Some("prod"),
                "{name}"
            );
        }
        assert_eq!(
            environment(|o| o.is(Attribute::ENVIRONMENT, "test")),
            Some("test".into())
        );
    }

    #[test]
    fn a_type_that_leaves_the_class_open_gives_none() {
        let class = |type_: &'static str| {
            alone(&seen("a:1", Kind::Identity, "x", |o| {
                o.is(Attribute::TYPE, type_)
            }))
            .class
        };
        assert_eq!(
            class("kubernetes_service_account").as_deref(),
            Some("workload")
        );
        assert_eq!(class("aws_iam_user"), None);
    }

    #[test]
    fn a_time_that_is_absent_is_not_one_that_nobody_tells() {
        let never = seen("a:1", Kind::Credential, "x", |o| {
            o.told(Attribute::EXPIRES_AT, Told::<Value>::Absent)
        });
        assert_eq!(alone(&never).expires_at, Told::Absent);
        assert_eq!(alone(&never).rotated_at, Told::CannotTell);
    }

    #[test]
    fn one_secret_in_two_files_lies_in_two_places_of_one_source() {
        let at = |native: &str| {
            let place = native.to_owned();
            seen("files:host", Kind::Credential, native, |o| {
                o.is(Attribute::PLACE, place)
            })
        };
        let members = [at("/a/.env"), at("/b/.env")];
        let summary = summarise(&members[0].entity, &members, 0, &|_, _| None);
        assert_eq!((summary.places, summary.sources), (2, 1));
    }
}
