//! Folds over events that are made here.

use proptest::prelude::*;

use super::*;

type Made = (u8, u8, i64, u8, bool);

fn event(made: &Made) -> (AuditEvent<'static>, Timestamp) {
    let (who, what, day, minute, known) = *made;
    let at = Timestamp::from_seconds(day * 86_400 + i64::from(minute) * 60);
    let user = Party {
        type_: "aws_iam_user",
        provider: "aws",
        native: if known {
            format!("AIDA{who}").into()
        } else {
            "".into()
        },
        handle: format!("arn:user/{who}").into(),
        name: format!("user {who}").into(),
        ..Party::default()
    };
    let key = Party {
        type_: "aws_access_key",
        native: format!("AKIA{who}").into(),
        ..Party::default()
    };
    let turn = [Turn::Born, Turn::Changed, Turn::On, Turn::Off, Turn::Ended][usize::from(what % 5)];
    let event = AuditEvent {
        log: "aws_cloudtrail",
        account: "1".into(),
        action: format!("action {what}").into(),
        by: format!("maker {}", what % 3).into(),
        actor: Some(user.clone()),
        credential: (what % 2 == 0).then(|| key.clone()),
        lives: vec![Life {
            kind: Kind::Credential,
            of: key,
            turn,
            holder: Some(user),
            expires: None,
        }],
        ..AuditEvent::default()
    };
    (event, at)
}

fn fold(events: &[Made]) -> Fold {
    let mut fold = Fold::default();
    for made in events {
        let (event, at) = event(made);
        fold.take(&event, at);
    }
    fold
}

proptest! {
    #[test]
    fn order_parts_and_repetition_of_events_change_nothing(
        events in prop::collection::vec((0u8..4, 0u8..9, 0i64..5, 0u8..4, any::<bool>()), 0..24),
        seed in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        at in any::<prop::sample::Index>(),
    ) {
        let whole = fold(&events);
        let mut shuffled = events.clone();
        for (n, other) in seed.iter().enumerate().filter(|(n, _)| *n < events.len()) {
            shuffled.swap(n, other.index(events.len()));
        }
        // Some are told twice, as in two files that overlap.
        shuffled.extend(seed.iter().filter(|_| !events.is_empty()).map(|one| events[one.index(events.len())]));
        prop_assert_eq!(&fold(&shuffled), &whole);
        let cut = if shuffled.is_empty() { 0 } else { at.index(shuffled.len()) };
        let (mut one, other) = (fold(&shuffled[..cut]), fold(&shuffled[cut..]));
        one.merge(&other);
        prop_assert_eq!(&one, &whole);
        let told = |fold: &Fold| super::super::tell::observations(fold, None, None);
        prop_assert_eq!(told(&one), told(&whole));
    }
}

#[test]
fn of_more_than_the_limit_the_first_by_name_are_kept_in_any_order() {
    let names: Vec<_> = (0..50).map(|n| format!("{:02}", (n * 37) % 50)).collect();
    let kept = |names: &mut dyn Iterator<Item = &String>| {
        let mut map: BTreeMap<String, ()> = BTreeMap::new();
        let mut beyond = false;
        for name in names {
            map.insert(name.clone(), ());
            beyond |= keep_first(&mut map, 10);
        }
        (map.into_keys().collect::<Vec<_>>(), beyond)
    };
    let forwards = kept(&mut names.iter());
    assert_eq!(forwards, kept(&mut names.iter().rev()));
    assert_eq!(
        forwards.0,
        (0..10).map(|n| format!("{n:02}")).collect::<Vec<_>>()
    );
    assert!(forwards.1);
}
