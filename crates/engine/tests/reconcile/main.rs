//! The promises of the roll, held by the real stores: SQLite, and PostgreSQL where there is one.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use model::{
    Attribute, Collection, EntityId, Gap, Key, KeyKind, Kind, Observation, Reason, Relation, Scope,
    SightingKey, SourceId, Timestamp,
};
use store::{Filter, PassCounts};

mod past;
mod properties;
mod rolls;

use rolls::on_every_engine;

fn source(target: &str) -> SourceId {
    SourceId::new("test", target)
}

fn pass(target: &str, started: i64, observations: Vec<Observation>) -> Collection {
    let mut pass = Collection::new(source(target), Scope::whole(), Timestamp(started));
    pass.observations = observations;
    pass
}

fn credential(native: &str) -> Observation {
    Observation::new(Kind::Credential, native, &Scope::of("keys"))
}

fn identity(native: &str) -> Observation {
    Observation::new(Kind::Identity, native, &Scope::of("users"))
}

fn id_of(target: &str, kind: Kind, native: &str) -> EntityId {
    EntityId::of(&SightingKey {
        source: source(target),
        kind,
        native: native.to_owned(),
    })
}

fn secret(value: &str) -> Key {
    Key::new(KeyKind::SecretHmac, format!("k.{value}"))
}

fn zero_but_seen(counts: PassCounts) -> PassCounts {
    PassCounts {
        seen: counts.seen,
        ..PassCounts::default()
    }
}

/// ST-5: of two collectors of one source the one that was too slow is refused at its next batch.
#[test]
fn a_pass_whose_lease_was_taken_over_changes_nothing_more() {
    on_every_engine("fenced", |roll| {
        let first = roll.lease(&source("a"), "ann", 0).unwrap();
        let mut slow = pass("a", 10, vec![identity("u1"), credential("k1")]);
        let number = roll.begin(&slow);
        assert_eq!(roll.bring_under(&first, number, &slow).unwrap().new, 2);
        let before = roll.snapshot();

        assert_eq!(roll.lease(&source("a"), "bob", 9), None);
        let second = roll.lease(&source("a"), "bob", 11).unwrap();
        slow.observations = vec![identity("u1").is(Attribute::NAME, "x"), identity("u2")];
        let refused = roll.bring_under(&first, number, &slow).unwrap_err();
        assert!(
            matches!(&refused, engine::Error::Store(store::Error::Fenced { held, current, .. })
                if (*held, *current) == (first.token, second.token)),
            "{refused}"
        );
        assert_eq!(roll.snapshot(), before);

        let counts = roll.bring_under(&second, number, &slow).unwrap();
        assert_eq!((counts.new, counts.changed, counts.missing), (1, 1, 1));
    });
}

/// Decision 13, over more than one page and more than one batch.
#[test]
fn collecting_twice_writes_one_pass_row_and_nothing_else() {
    on_every_engine("twice", |roll| {
        let people = (0..6_000).map(|n| identity(&format!("u{n:05}")));
        let keys = (0..6_000).map(|n| {
            credential(&format!("k{n:05}")).link(
                Relation::Holder,
                Kind::Identity,
                format!("u{:05}", n / 2),
            )
        });
        let mut all = pass("a", 10, people.chain(keys).collect());
        let first = roll.take(&all);
        assert_eq!((first.seen, first.new), (12_000, 12_000));

        let before = roll.snapshot();
        all.started = Timestamp(20);
        all.observations.reverse();
        let again = roll.take(&all);
        assert_eq!(again, zero_but_seen(again));
        assert_eq!(again.seen, 12_000);
        assert_eq!(roll.snapshot(), before);
        assert_eq!(roll.passes().len(), 2);

        let row = roll.row(&id_of("a", Kind::Identity, "u00007")).unwrap();
        assert_eq!(row.credentials, 2);
        let listed = Filter {
            listed: Some(true),
            ..Filter::default()
        };
        assert_eq!(
            roll.count(&listed),
            6_000,
            "every credential has its holder"
        );
        roll.assert_counts_agree();
    });
}

#[test]
fn what_is_missing_comes_back_as_the_same_thing() {
    on_every_engine("back", |roll| {
        let three = [credential("a"), credential("b"), credential("c")];
        roll.take(&pass("a", 10, three.to_vec()));
        let counts = roll.take(&pass("a", 20, three[..1].to_vec()));
        assert_eq!((counts.seen, counts.missing), (1, 2));
        let gone = roll.row(&id_of("a", Kind::Credential, "b")).unwrap();
        assert_eq!(gone.missing_since, Some(Timestamp(20)));

        let counts = roll.take(&pass("a", 30, three[..1].to_vec()));
        assert_eq!(
            counts,
            zero_but_seen(counts),
            "what is missing is not missed twice"
        );

        let counts = roll.take(&pass("a", 40, three.to_vec()));
        assert_eq!((counts.back, counts.new), (2, 0));
        let back = roll.row(&gone.id).unwrap();
        assert_eq!((back.missing_since, back.first_seen), (None, Timestamp(10)));
        roll.assert_counts_agree();
    });
}

#[test]
fn a_403_changes_nothing_and_leaves_its_gap() {
    on_every_engine("refused", |roll| {
        roll.take(&pass("a", 10, vec![credential("a"), identity("b")]));
        let before = roll.snapshot();
        let mut refused = pass("a", 20, Vec::new());
        let gap = Gap::new(&Scope::whole(), Reason::Denied, "403").needs("iam:ListUsers");
        refused.gaps.push(gap.clone());
        let counts = roll.take(&refused);
        assert_eq!(counts, PassCounts::default());
        assert_eq!(roll.snapshot(), before);
        assert_eq!(roll.gaps(), [gap]);
    });
}

#[test]
fn a_gap_below_keeps_its_part_and_lets_the_rest_go() {
    on_every_engine("half", |roll| {
        roll.take(&pass(
            "a",
            10,
            vec![credential("a"), identity("b"), identity("c")],
        ));
        let mut half = pass("a", 20, vec![identity("c")]);
        half.gaps
            .push(Gap::new(&Scope::of("users"), Reason::Failed, "cut off"));
        let counts = roll.take(&half);
        assert_eq!(
            counts.missing, 1,
            "the key was in a part read whole, the user was not"
        );
        let user = roll.row(&id_of("a", Kind::Identity, "b")).unwrap();
        assert_eq!(user.missing_since, None);
    });
}

#[test]
fn a_merge_keeps_every_id_and_what_people_decided_and_can_be_undone() {
    on_every_engine("merge", |roll| {
        let (a, b) = (
            id_of("a", Kind::Credential, "x"),
            id_of("b", Kind::Credential, "y"),
        );
        roll.take(&pass("a", 10, vec![credential("x").key(secret("s"))]));
        roll.take(&pass("b", 10, vec![credential("y")]));
        roll.own(&b, "payments");
        roll.take(&pass("b", 20, vec![credential("y").key(secret("s"))]));

        let one = roll.row(&a).unwrap();
        assert_eq!(one, roll.row(&b).unwrap());
        assert_eq!((one.sources, one.owner.as_deref()), (2, Some("payments")));
        assert_eq!(roll.count(&Filter::default()), 1);
        roll.assert_counts_agree();

        roll.take(&pass("b", 30, vec![credential("y")]));
        assert_eq!(roll.row(&a).unwrap().id, a);
        let undone = roll.row(&b).unwrap();
        assert_eq!(
            (&undone.id, undone.owner.as_deref()),
            (&b, Some("payments"))
        );
        roll.assert_counts_agree();
    });
}

/// CV-32.
#[test]
fn two_unique_ids_that_share_a_secret_stay_two_until_one_of_them_goes() {
    on_every_engine("uids", |roll| {
        let uid = |value: &str| Key::new(KeyKind::AwsAccessKeyId, value);
        let keyed = |uids: &[&str]| {
            let seen = credential("x").key(secret("s"));
            uids.iter().fold(seen, |seen, value| seen.key(uid(value)))
        };
        roll.take(&pass("a", 10, vec![keyed(&["AKIA1"])]));
        roll.take(&pass("b", 10, vec![keyed(&["AKIA2"])]));
        roll.take(&pass("c", 10, vec![keyed(&[])]));
        assert_eq!(roll.count(&Filter::default()), 3);
        let conflicts = roll.conflicts(&id_of("c", Kind::Credential, "x"));
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].sides_count, 2);

        roll.take(&pass("a", 20, vec![credential("x")]));
        assert_eq!(
            roll.count(&Filter::default()),
            2,
            "what stood between them is gone"
        );
        assert_eq!(roll.conflicts(&id_of("c", Kind::Credential, "x")), []);
        roll.assert_counts_agree();
    });
}

/// Decision 2.
#[test]
fn a_loose_credential_finds_its_holder_when_a_later_source_brings_it() {
    on_every_engine("holder", |roll| {
        let login = Key::new(KeyKind::PostgresLogin, "db:5432/app");
        let in_file =
            credential("/srv/.env#1").link_key(Relation::Holder, Kind::Identity, login.clone());
        roll.take(&pass("files", 10, vec![in_file.clone()]));
        let loose = roll
            .row(&id_of("files", Kind::Credential, "/srv/.env#1"))
            .unwrap();
        assert!(loose.listed && loose.holder.is_none());

        roll.take(&pass("db", 10, vec![identity("app").key(login)]));
        let role = id_of("db", Kind::Identity, "app");
        let held = roll.row(&loose.id).unwrap();
        assert_eq!((held.listed, held.holder.as_ref()), (false, Some(&role)));
        assert_eq!(roll.row(&role).unwrap().credentials, 1);

        roll.take(&pass("db", 20, vec![identity("app")]));
        assert!(
            roll.row(&loose.id).unwrap().listed,
            "the login is no longer the role's"
        );
        assert_eq!(roll.row(&role).unwrap().credentials, 0);
        roll.assert_counts_agree();
    });
}

/// Decision 2, for grants: and no identity counts them among its credentials.
#[test]
fn a_grant_says_whose_it_is_as_soon_as_that_is_known() {
    on_every_engine("grant", |roll| {
        let uid = Key::new(KeyKind::Uid, "x:1");
        let may = |native: &str| Observation::new(Kind::Grant, native, &Scope::whole());
        let read = may("read").link_key(Relation::Of, Kind::Identity, uid.clone());
        roll.take(&pass("a", 10, vec![read]));
        let loose = roll.row(&id_of("a", Kind::Grant, "read")).unwrap();
        assert_eq!(loose.holder, None);

        let write = may("write").link(Relation::Of, Kind::Identity, "app");
        roll.take(&pass("b", 10, vec![identity("app").key(uid), write]));
        let app = roll.row(&id_of("b", Kind::Identity, "app")).unwrap();
        let write = roll.row(&id_of("b", Kind::Grant, "write")).unwrap();
        let read = roll.row(&loose.id).unwrap();
        assert_eq!([&read.holder, &write.holder], [&Some(app.id.clone()); 2]);
        assert_eq!(app.credentials, 0);
        roll.assert_counts_agree();
    });
}

#[test]
fn when_identities_become_one_their_credentials_go_along() {
    on_every_engine("along", |roll| {
        let uid = Key::new(KeyKind::Uid, "x:1");
        let key = |native: &str| credential(native).link(Relation::Holder, Kind::Identity, "app");
        roll.take(&pass(
            "a",
            10,
            vec![identity("app").key(uid.clone()), key("k1")],
        ));
        roll.take(&pass("b", 10, vec![identity("app"), key("k2")]));
        roll.take(&pass("b", 20, vec![identity("app").key(uid), key("k2")]));
        let app = id_of("a", Kind::Identity, "app");
        assert_eq!(roll.row(&app).unwrap().credentials, 2);
        let k2 = roll.row(&id_of("b", Kind::Credential, "k2")).unwrap();
        assert_eq!(k2.holder, Some(app.clone()));

        roll.take(&pass("b", 30, vec![identity("app"), key("k2")]));
        assert_eq!(roll.row(&app).unwrap().credentials, 1);
        let other = roll.row(&id_of("b", Kind::Identity, "app")).unwrap();
        assert_eq!(other.credentials, 1);
        roll.assert_counts_agree();
    });
}

/// A pass that dies between two transactions is finished by the next one.
#[test]
fn a_pass_that_died_half_way_is_finished_by_the_next() {
    on_every_engine("died", |roll| {
        let observations: Vec<_> = (0..5_000)
            .map(|n| credential(&format!("k{n:05}")).key(secret(&(n % 1_700).to_string())))
            .collect();
        let whole = pass("a", 10, observations.clone());
        roll.take_and_die(&pass("a", 10, observations[..2_300].to_vec()));
        roll.assert_counts_agree();
        let counts = roll.take(&whole);
        assert_eq!((counts.seen, counts.new), (5_000, 2_700));

        let direct = roll.beside();
        direct.take(&whole);
        assert_eq!(roll.lines(), direct.lines());
    });
}

#[test]
fn a_long_pass_tells_how_far_it_is_after_each_batch() {
    on_every_engine("told", |roll| {
        let many = (0..4_500)
            .map(|n| credential(&format!("k{n:05}")))
            .collect();
        let collection = pass("a", 10, many);
        let lease = roll.lease(&collection.source, "ann", 0).unwrap();
        let number = roll.begin(&collection);
        let mut told = Vec::new();
        let mut tell = |done| told.push(done);
        roll.bring_telling(&lease, number, &collection, &mut tell)
            .unwrap();
        assert_eq!(told, [2_000, 4_000]);
    });
}

#[test]
fn a_changed_fact_is_on_the_line_and_the_fact_before_in_its_history() {
    on_every_engine("changed", |roll| {
        let named = |name: &str| vec![identity("u").is(Attribute::NAME, name)];
        roll.take(&pass("a", 10, named("before")));
        let counts = roll.take(&pass("a", 20, named("after")));
        assert_eq!(counts.changed, 1);
        let id = id_of("a", Kind::Identity, "u");
        assert_eq!(roll.row(&id).unwrap().name, "after");
        let versions = roll.versions(&SightingKey {
            source: source("a"),
            kind: Kind::Identity,
            native: "u".to_owned(),
        });
        let seen: Vec<_> = versions
            .iter()
            .map(|one| (one.seen_from, one.seen_to))
            .collect();
        assert_eq!(
            seen,
            [(Timestamp(10), Some(Timestamp(20))), (Timestamp(20), None)]
        );
    });
}
