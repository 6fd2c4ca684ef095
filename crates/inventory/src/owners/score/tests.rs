//! Candidates weighed over small pieces of evidence.

use model::Duration;

use super::*;

const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

fn person(name: &str) -> Who {
    Who::Person(name.to_owned())
}

fn team(name: &str) -> Who {
    Who::Team(format!("team-{name}"))
}

fn says(sign: Sign, who: &[Who]) -> Evidence {
    Evidence {
        sign,
        who: who.iter().cloned().collect(),
        machines: BTreeSet::new(),
        told: format!("{sign:?} names {who:?}"),
        at: None,
        of_holder: false,
    }
}

fn named(evidence: &[Evidence], role: Ownership) -> Option<String> {
    let answer = weigh(evidence, &Left::nobody(), NOW);
    answer.named(role).map(|one| one.who.to_string())
}

#[test]
fn a_tag_alone_is_an_answer_and_a_commit_alone_is_none() {
    let tag = says(Sign::OwnerTag, &[person("ann@x.com")]);
    assert_eq!(
        named(&[tag], Ownership::System).as_deref(),
        Some("ann@x.com")
    );
    let commit = says(Sign::Introduced, &[person("ann@x.com")]);
    let answer = weigh(&[commit], &Left::nobody(), NOW);
    assert_eq!(answer.named(Ownership::System), None);
    assert_eq!(
        answer.best(Ownership::System).map(|one| one.score),
        Some(55)
    );
}

#[test]
fn what_agrees_is_surer_than_either_and_what_contradicts_gives_no_answer() {
    let ann = |sign| says(sign, &[person("ann@x.com")]);
    let bob = |sign| says(sign, &[person("bob@x.com")]);
    let agreeing = [ann(Sign::Creator), ann(Sign::Introduced)];
    assert_eq!(
        named(&agreeing, Ownership::System).as_deref(),
        Some("ann@x.com")
    );
    let torn = [ann(Sign::OwnerTag), bob(Sign::CodeOwners)];
    assert_eq!(named(&torn, Ownership::System), None);
}

#[test]
fn a_person_and_a_team_do_not_contradict_each_other() {
    let both = [
        says(Sign::OwnerTag, &[person("ann@x.com")]),
        says(Sign::CodeOwners, &[team("payments")]),
    ];
    let answer = weigh(&both, &Left::nobody(), NOW);
    let system: Vec<_> = answer
        .ranked
        .iter()
        .filter(|one| one.role == Ownership::System && one.score >= ANSWER_MIN)
        .collect();
    assert_eq!(system.len(), 2, "{answer:?}");
}

#[test]
fn the_business_owner_and_the_system_owner_may_differ() {
    let evidence = [
        says(Sign::BusinessTag, &[person("ann@x.com")]),
        says(Sign::TechnicalTag, &[person("bob@x.com")]),
    ];
    assert_eq!(
        named(&evidence, Ownership::Business).as_deref(),
        Some("ann@x.com")
    );
    assert_eq!(
        named(&evidence, Ownership::System).as_deref(),
        Some("bob@x.com")
    );
}

#[test]
fn who_has_left_is_named_and_never_suggested() {
    let mut left = Left::nobody();
    left.add("ann@x.com", &[], None);
    let evidence = [
        says(Sign::OwnerTag, &[Who::Word("ann".into())]),
        says(
            Sign::CodeOwners,
            &[person("ann@x.com"), person("bob@x.com")],
        ),
        says(Sign::Creator, &[person("@ann")]),
    ];
    let answer = weigh(&evidence, &left, NOW);
    assert!(
        answer
            .ranked
            .iter()
            .all(|one| one.who == person("bob@x.com")),
        "{answer:?}"
    );
    assert_eq!(answer.left.len(), 1, "{answer:?}");
    assert_eq!(answer.left[0].reasons.len(), 3);
}

#[test]
fn one_line_of_codeowners_over_ten_files_is_one_opinion() {
    let one = says(Sign::CodeOwners, &[team("payments")]);
    let ten = vec![one.clone(); 10];
    assert_eq!(
        weigh(&ten, &Left::nobody(), NOW).ranked,
        weigh(&[one], &Left::nobody(), NOW).ranked
    );
}

#[test]
fn several_owners_of_one_line_share_its_weight() {
    let shared = says(Sign::CodeOwners, &[team("payments"), team("search")]);
    assert_eq!(
        named(std::slice::from_ref(&shared), Ownership::System),
        None
    );
    let tie_breaker = says(Sign::TeamTag, &[team("search")]);
    assert_eq!(
        named(&[shared, tie_breaker], Ownership::System).as_deref(),
        Some("team-search")
    );
}

#[test]
fn an_old_commit_is_worth_less_than_a_new_one() {
    let at = |days| Evidence {
        at: Some(NOW - Duration::days(days)),
        ..says(Sign::Introduced, &[person("ann@x.com")])
    };
    let score = |days| {
        let answer = weigh(&[at(days)], &Left::nobody(), NOW);
        answer.best(Ownership::System).map(|one| one.score)
    };
    assert!(score(10) > score(1_000), "{:?}", score(10));
}

#[test]
fn the_order_of_evidence_does_not_matter() {
    let mut evidence = vec![
        says(Sign::OwnerTag, &[Who::Word("annlee".into())]),
        says(Sign::CodeOwners, &[team("payments"), person("@ann-lee")]),
        says(Sign::Introduced, &[person("ann.lee@x.com")]),
        says(Sign::TeamTag, &[team("search")]),
    ];
    let first = weigh(&evidence, &Left::nobody(), NOW);
    evidence.reverse();
    assert_eq!(weigh(&evidence, &Left::nobody(), NOW), first);
    assert_eq!(
        first.named(Ownership::System).map(|one| one.who.clone()),
        Some(person("ann.lee@x.com")),
        "one person in three spellings"
    );
}
