//! Which of several statements about one attribute counts.

use std::cmp::{Ordering, Reverse};

use model::{Attribute, Fact, Sighting, Told, Value};

/// A fact with the sighting that tells it.
pub(crate) type Telling<'a> = (&'a Fact, &'a Sighting);

/// The better statement first.
///
/// A value outweighs a denial, and that silence; then what is still there outweighs what is
/// missing, the surer the less sure, the later the earlier. Of two uses the later one is the
/// last. Source and native id break what is left of ties, so the order of sources cannot.
pub(crate) fn better(attribute: &Attribute, a: Telling<'_>, b: Telling<'_>) -> Ordering {
    rank(attribute, a).cmp(&rank(attribute, b))
}

fn rank<'a>(attribute: &Attribute, (fact, sighting): Telling<'a>) -> impl Ord + 'a {
    let used_at = (*attribute == Attribute::LAST_USED_AT)
        .then(|| fact.told.is().and_then(Value::time))
        .flatten();
    (
        match fact.told {
            Told::Is(_) => 0,
            Told::Absent => 1,
            Told::CannotTell => 2,
        },
        sighting.missing_since.is_some(),
        Reverse(fact.confidence),
        Reverse(used_at),
        Reverse(sighting.since),
        &sighting.key,
    )
}

/// The best statement about `attribute` over all `members`.
pub(crate) fn best<'a>(members: &'a [Sighting], attribute: &Attribute) -> Told<&'a Value> {
    let tellings = members
        .iter()
        .filter_map(|member| Some((member.observation.facts.get(attribute)?, member)));
    match tellings.min_by(|a, b| better(attribute, *a, *b)) {
        Some((fact, _)) => match &fact.told {
            Told::Is(value) => Told::Is(value),
            Told::Absent => Told::Absent,
            Told::CannotTell => Told::CannotTell,
        },
        None => Told::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use model::{Confidence, EntityId, Kind, Observation, Scope, SightingKey, Timestamp};

    use super::*;

    fn says(
        source: &str,
        since: i64,
        observation: impl FnOnce(Observation) -> Observation,
    ) -> Sighting {
        let observation = observation(Observation::new(Kind::Identity, "n", &Scope::whole()));
        let key = SightingKey {
            source: source.parse().unwrap(),
            kind: observation.kind,
            native: observation.native.clone(),
        };
        Sighting {
            entity: EntityId::of(&key),
            key,
            observation,
            first_seen: Timestamp(0),
            since: Timestamp(since),
            last_seen: Timestamp(since),
            missing_since: None,
        }
    }

    fn name(members: &[Sighting]) -> Option<String> {
        let mut backwards = members.to_vec();
        backwards.reverse();
        let told = best(members, &Attribute::NAME).map(ToString::to_string);
        assert_eq!(
            told,
            best(&backwards, &Attribute::NAME).map(ToString::to_string)
        );
        told.is().cloned()
    }

    #[test]
    fn a_value_outweighs_a_denial_and_that_silence() {
        let is = says("z:1", 1, |o| {
            o.concluded(Attribute::NAME, "x", Confidence::Guessed)
        });
        let absent = says("a:1", 9, |o| o.told(Attribute::NAME, Told::<Value>::Absent));
        let silent = says("a:2", 9, |o| {
            o.told(Attribute::NAME, Told::<Value>::CannotTell)
        });
        assert_eq!(
            name(&[absent.clone(), silent.clone(), is]),
            Some("x".into())
        );
        assert_eq!(best(&[silent, absent], &Attribute::NAME), Told::Absent);
    }

    #[test]
    fn who_still_sees_it_outweighs_who_does_not_however_sure() {
        let mut gone = says("a:1", 9, |o| o.is(Attribute::NAME, "old"));
        gone.missing_since = Some(Timestamp(10));
        let there = says("b:1", 1, |o| {
            o.concluded(Attribute::NAME, "new", Confidence::Derived)
        });
        assert_eq!(name(&[gone, there]), Some("new".into()));
    }

    #[test]
    fn the_surer_then_the_later_then_the_first_source_by_name_counts() {
        let guessed = says("a:1", 9, |o| {
            o.concluded(Attribute::NAME, "guess", Confidence::Guessed)
        });
        let early = says("a:2", 1, |o| o.is(Attribute::NAME, "early"));
        let late = says("c:1", 2, |o| o.is(Attribute::NAME, "late"));
        let late_too = says("b:1", 2, |o| o.is(Attribute::NAME, "late too"));
        assert_eq!(
            name(&[guessed.clone(), early.clone()]),
            Some("early".into())
        );
        assert_eq!(
            name(&[guessed, early, late, late_too]),
            Some("late too".into())
        );
    }

    #[test]
    fn of_two_uses_the_later_is_the_last_whoever_spoke_last() {
        let used = |source, since, day: &str| {
            let day: Timestamp = day.parse().unwrap();
            says(source, since, |o| o.is(Attribute::LAST_USED_AT, day))
        };
        let members = [used("a:1", 1, "2026-03-01"), used("b:1", 9, "2026-01-01")];
        let best = best(&members, &Attribute::LAST_USED_AT)
            .is()
            .and_then(|value| value.time());
        assert_eq!(best, "2026-03-01".parse().ok());
    }
}
