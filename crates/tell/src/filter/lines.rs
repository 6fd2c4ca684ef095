//! A filter over lines of the roll: what the store can answer by its indexes, and the rest.

use model::{Timestamp, Told};
use store::Row;

use super::{Field, Filter, Term, TimeField, When};

/// The word that stands for nothing told.
const NONE: &str = "none";

impl Filter {
    /// What the store can answer, and whether that is all of it. Where it is not, each line
    /// still has to pass [`Filter::holds`].
    pub fn lowered(&self) -> (store::Filter, bool) {
        let mut asked = store::Filter {
            missing: Some(false),
            ..store::Filter::default()
        };
        let mut whole = true;
        let mut listed = true;
        for term in &self.terms {
            let taken = match term {
                Term::Is {
                    field,
                    values,
                    not: false,
                } if values.len() == 1 => {
                    listed &= *field != Field::Kind;
                    take(&mut asked, *field, &values[0])
                }
                Term::Is {
                    field: Field::Kind, ..
                } => {
                    listed = false;
                    false
                }
                Term::Contains {
                    field: Field::Name,
                    text,
                } => fill(&mut asked.text, text.clone()),
                Term::Time {
                    field: TimeField::Expires,
                    when: When::Before(at),
                } => fill(&mut asked.expires_before, *at),
                Term::Time {
                    field: TimeField::Used,
                    when: When::Before(at),
                } => fill(&mut asked.unused_since, *at),
                Term::Time {
                    field: TimeField::Missing,
                    ..
                } => {
                    asked.missing = None;
                    false
                }
                _ => false,
            };
            whole &= taken;
        }
        if listed {
            asked.listed = Some(true);
        }
        (asked, whole)
    }

    /// Whether a line has all that is asked for.
    pub fn holds(&self, row: &Row) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Is { field, values, not } => {
                let has = word(row, *field);
                let is = values.iter().any(|value| match (has, value.as_str()) {
                    (None | Some(""), NONE) => true,
                    (has, value) => has == Some(value),
                });
                is != *not
            }
            Term::Contains { field, text } => {
                let text = text.to_ascii_lowercase();
                word(row, *field).is_some_and(|has| has.to_ascii_lowercase().contains(&text))
            }
            Term::Time { field, when } => {
                let told = time(row, *field);
                match when {
                    When::Before(at) => told.is().is_some_and(|is| is < at),
                    When::After(at) => told.is().is_some_and(|is| is > at),
                    When::Never => told == Told::Absent,
                    When::Unknown => told == Told::CannotTell,
                    When::Told => told.is().is_some(),
                }
            }
        })
    }
}

/// Sets what is not set yet; a second condition on the same field is for [`Filter::holds`].
fn fill<T>(slot: &mut Option<T>, value: T) -> bool {
    let free = slot.is_none();
    if free {
        *slot = Some(value);
    }
    free
}

fn take(asked: &mut store::Filter, field: Field, value: &str) -> bool {
    let text = if value == NONE {
        String::new()
    } else {
        value.to_owned()
    };
    match field {
        Field::Kind => value.parse().is_ok_and(|kind| fill(&mut asked.kind, kind)),
        Field::Class => fill(&mut asked.class, text),
        Field::Type => fill(&mut asked.type_, text),
        Field::Provider => fill(&mut asked.provider, text),
        Field::Environment => fill(&mut asked.environment, text),
        Field::Status => fill(&mut asked.status, text),
        Field::Privilege => fill(&mut asked.privilege, text),
        Field::Owner if value == NONE => fill(&mut asked.owned, false),
        Field::Owner => fill(&mut asked.owner, text),
        Field::Name => false,
    }
}

fn word(row: &Row, field: Field) -> Option<&str> {
    match field {
        Field::Kind => Some(row.kind.as_str()),
        Field::Class => row.class.as_deref(),
        Field::Type => Some(&row.type_),
        Field::Provider => Some(&row.provider),
        Field::Environment => row.environment.as_deref(),
        Field::Status => row.status.as_deref(),
        Field::Privilege => row.privilege.as_deref(),
        Field::Owner => row.owner.as_deref(),
        Field::Name => Some(&row.name),
    }
}

fn time(row: &Row, field: TimeField) -> Told<Timestamp> {
    match field {
        TimeField::Created => row.created_at.clone(),
        TimeField::Rotated => row.rotated_at.clone(),
        TimeField::Used => row.last_used_at.clone(),
        TimeField::Expires => row.expires_at.clone(),
        TimeField::FirstSeen => Told::Is(row.first_seen),
        TimeField::Missing => Told::or_absent(row.missing_since),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{EntityId, Kind, SightingKey};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000_000);

    fn row() -> Row {
        let key = SightingKey {
            source: "test:a".parse().unwrap(),
            kind: Kind::Identity,
            native: "n".into(),
        };
        Row {
            id: EntityId::of(&key),
            kind: Kind::Identity,
            listed: true,
            name: "Billing worker".into(),
            type_: "postgres_role".into(),
            provider: "postgres".into(),
            class: Some("workload".into()),
            environment: Some("prod".into()),
            status: None,
            privilege: None,
            holder: None,
            owner: None,
            owner_hint: None,
            sources: 1,
            places: 0,
            credentials: 1,
            created_at: Told::CannotTell,
            rotated_at: Told::CannotTell,
            last_used_at: Told::Absent,
            expires_at: Told::Is(NOW + model::Duration::days(10)),
            first_seen: NOW,
            missing_since: None,
        }
    }

    fn filter(text: &str) -> Filter {
        Filter::parse(text, NOW).unwrap()
    }

    #[test]
    fn every_term_must_hold() {
        for (text, holds) in [
            ("", true),
            ("billing", true),
            ("billing other", false),
            ("env=prod class=workload", true),
            ("env=staging,prod", true),
            ("env!=prod", false),
            ("env!=staging", true),
            ("owner=none status=none", true),
            ("owner=ann", false),
            ("expires<30d", true),
            ("expires<5d", false),
            ("expires>5d expires<30d", true),
            ("used=never", true),
            ("used<30d", false),
            ("created=unknown", true),
            ("type~GRES", true),
        ] {
            assert_eq!(filter(text).holds(&row()), holds, "{text}");
        }
    }

    #[test]
    fn the_store_is_asked_for_what_it_can_answer_and_the_rest_is_said_to_remain() {
        let (asked, whole) = filter("env=prod owner=none expires<30d billing").lowered();
        assert!(whole);
        assert_eq!(asked.environment.as_deref(), Some("prod"));
        assert_eq!(
            (asked.owned, asked.listed, asked.missing),
            (Some(false), Some(true), Some(false))
        );
        assert_eq!(asked.text.as_deref(), Some("billing"));
        assert!(asked.expires_before.is_some());

        assert_eq!(filter("kind=credential").lowered().0.listed, None);
        assert_eq!(filter("missing=known").lowered().0.missing, None);
        for text in [
            "env!=prod",
            "env=a,b",
            "a b",
            "type~x",
            "used>1d used<9d",
            "env=a env=b",
        ] {
            assert!(!filter(text).lowered().1, "{text}");
        }
    }
}
