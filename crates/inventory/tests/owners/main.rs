//! How often suggested owners are right, over a made-up organisation whose owners are known.
//!
//! An answer is right if it names the team that answers for the thing, or the one person of it
//! who does, in that sense. Another member of the same team is wrong. The figures are printed:
//! `cargo test -p inventory --test owners -- --nocapture`.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

mod monorepo;
mod organisation;

use inventory::owners::{self, ANSWER_MIN, Answer};
use model::Ownership;
use monorepo::{BUSY, monorepo};
use organisation::{NOW, Organisation, Owned, USUAL, WILD, organisation};

/// Identities in the organisation.
const THINGS: usize = 4_000;

/// Answers at one threshold.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Answers, in both senses.
    answers: u32,
    /// Right ones.
    right: u32,
    /// Things with an answer in at least one sense.
    things: u32,
    /// Answers by sense, business first.
    by_role: [u32; 2],
}

impl Tally {
    fn precision(&self) -> f64 {
        f64::from(self.right) / f64::from(self.answers.max(1))
    }
    fn answered(&self) -> f64 {
        f64::from(self.things) / THINGS as f64
    }
    fn of_role(&self, role: usize) -> f64 {
        f64::from(self.by_role[role]) / THINGS as f64
    }
}

fn answers(organisation: &Organisation) -> Vec<(&Owned, Answer)> {
    let things = organisation.things.iter();
    things
        .map(|one| {
            let answer = owners::suggest(&one.entity, None, &organisation.left, NOW);
            (one, answer)
        })
        .collect()
}

fn is_right(one: &Owned, role: Ownership, who: &str) -> bool {
    let persons = match role {
        Ownership::Business => &one.business,
        Ownership::System => &one.system,
    };
    who == one.team
        || one.team.strip_prefix("team-") == Some(who)
        || persons.iter().any(|name| name == who)
}

fn tally(answers: &[(&Owned, Answer)], threshold: u8) -> Tally {
    let mut tally = Tally::default();
    for (one, answer) in answers {
        let mut any = false;
        for (n, role) in Ownership::ALL.into_iter().enumerate() {
            let Some(best) = answer.best(role).filter(|best| best.score >= threshold) else {
                continue;
            };
            any = true;
            tally.answers += 1;
            tally.by_role[n] += 1;
            tally.right += u32::from(is_right(one, role, best.who.name()));
        }
        tally.things += u32::from(any);
    }
    tally
}

fn figures(named: &str, seed: u64, organisation: &Organisation) -> Tally {
    let answers = answers(organisation);
    println!("{named}, seed {seed}: threshold, precision, answered, business, system");
    for threshold in [40, 50, 60, 65, 70, 75, 80, 85, 90, 95] {
        let at = tally(&answers, threshold);
        println!(
            "{threshold:>4} {:>6.3} {:>6.3} {:>6.3} {:>6.3}",
            at.precision(),
            at.answered(),
            at.of_role(0),
            at.of_role(1)
        );
    }
    tally(&answers, ANSWER_MIN)
}

#[test]
fn nine_of_ten_answers_are_right_where_seven_of_ten_are_answered() {
    for seed in [11, 12, 13] {
        let at = figures("usual noise", seed, &organisation(seed, THINGS, &USUAL));
        assert!(at.precision() >= 0.9, "{at:?}");
        assert!(at.answered() >= 0.7, "{at:?}");
    }
}

#[test]
fn nine_of_ten_answers_are_right_in_one_repository_with_robots_and_leavers_too() {
    for seed in [21, 22, 23] {
        let at = figures("one repository", seed, &monorepo(seed, THINGS, &BUSY));
        assert!(at.precision() >= 0.9, "{at:?}");
        assert!(at.answered() >= 0.7, "{at:?}");
    }
}

#[test]
fn twice_the_noise_costs_answers_before_it_costs_precision() {
    let usual = figures("usual noise", 14, &organisation(14, THINGS, &USUAL));
    let wild = figures("twice the noise", 14, &organisation(14, THINGS, &WILD));
    let lost = |from: f64, to: f64| (from - to) / from;
    assert!(
        lost(usual.answered(), wild.answered()) > lost(usual.precision(), wild.precision()),
        "{usual:?} {wild:?}"
    );
}

/// A score is meant as a probability: of answers near a score, about so many are right.
#[test]
fn a_higher_score_is_right_more_often() {
    let organisation = organisation(15, THINGS, &USUAL);
    let answers = answers(&organisation);
    let at = |threshold| tally(&answers, threshold).precision();
    assert!(at(50) < at(80) && at(80) < at(95), "{} {}", at(50), at(95));
}

#[test]
fn nobody_who_left_and_no_machine_is_suggested() {
    let organisation = organisation(5, THINGS, &WILD);
    let mut named_and_left = 0;
    for (_, answer) in answers(&organisation) {
        for one in &answer.ranked {
            assert!(
                !organisation
                    .leavers
                    .iter()
                    .any(|left| left == one.who.name()),
                "{one:?}"
            );
            for machine in ["renovate", "ci", "terraform", "@ci", "githubactions"] {
                assert_ne!(one.who.name(), machine);
            }
        }
        named_and_left += answer.left.len();
    }
    assert!(named_and_left > 100, "leavers are in the evidence");
}
