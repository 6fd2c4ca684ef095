//! How likely each candidate owns the thing, given all the evidence.
//!
//! A piece of evidence names the owner with probability `w`, and somebody else otherwise. With
//! the pieces taken as independent, a candidate's odds are the product of `w` over the pieces
//! that name them and of `1 - w` over those that name others; against them stands that it is
//! somebody whom nothing names. Pieces of one kind that name the same count once: ten files under
//! one line of `CODEOWNERS` are one opinion.

use std::collections::{BTreeMap, BTreeSet};

use model::{Ownership, Suggested, Timestamp};

use super::weights::{self, ANSWER_MIN, LIKELY_MIN};
use super::{Evidence, Leaver, Left, Sign, Who};

/// Somebody who might own the thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Who.
    pub who: Who,
    /// In which sense.
    pub role: Ownership,
    /// How likely it is, 1 to 99: never certain, because nobody has confirmed it.
    pub score: u8,
    /// What speaks for them, the weightiest first.
    pub reasons: Vec<String>,
}

/// Somebody who is named as owner and has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    /// Who.
    pub who: Who,
    /// As the list of leavers has them.
    pub leaver: Leaver,
    /// What names them.
    pub reasons: Vec<String>,
}

/// What the evidence about one thing comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whoever might own it, in both senses, the likeliest first.
    pub ranked: Vec<Suggestion>,
    /// Whoever is named and has left.
    pub left: Vec<Departed>,
    /// Machines that are named: they own nothing.
    pub machines: BTreeSet<String>,
}

/// What is less likely than this, of 100, is not told.
const TOLD_MIN: u8 = 10;

impl Answer {
    /// The likeliest owner in this sense, however unlikely.
    pub fn best(&self, role: Ownership) -> Option<&Suggestion> {
        self.ranked.iter().find(|one| one.role == role)
    }

    /// The owner in this sense, where the evidence is strong enough to name one.
    pub fn named(&self, role: Ownership) -> Option<&Suggestion> {
        self.best(role).filter(|one| one.score >= ANSWER_MIN)
    }

    /// Whoever is the likeliest, in either sense, where that is more likely than not.
    pub fn likely(&self) -> Option<Suggested> {
        let first = self.ranked.first();
        first
            .filter(|one| one.score >= LIKELY_MIN)
            .map(Suggestion::told)
    }
}

impl Suggestion {
    /// As it is told.
    pub fn told(&self) -> Suggested {
        Suggested {
            who: self.who.name().to_owned(),
            role: self.role,
            score: self.score,
            reasons: self.reasons.clone(),
        }
    }
}

/// A piece with the names in it made one for each person and team.
struct Piece<'a> {
    evidence: &'a Evidence,
    who: BTreeSet<Who>,
}

/// Weighs evidence about one thing; the same for it in any order.
pub fn weigh(evidence: &[Evidence], left: &Left, now: Timestamp) -> Answer {
    let names = Names::among(evidence, left);
    let mut pieces: Vec<Piece<'_>> = evidence
        .iter()
        .map(|one| Piece {
            evidence: one,
            who: one.who.iter().map(|who| names.one(who)).collect(),
        })
        .collect();
    let departed = departed(&pieces, left);
    let mut beside_leaver = 1.0;
    if !departed.is_empty() {
        beside_leaver = weights::BESIDE_LEAVER;
        for piece in &mut pieces {
            piece
                .who
                .retain(|who| !departed.iter().any(|one| one.who == *who));
        }
    }
    let mut ranked = Vec::new();
    for role in Ownership::ALL {
        for person in [false, true] {
            let weighed = weighed(&pieces, role, person, beside_leaver, now);
            ranked.extend(rank(&weighed, role));
        }
    }
    // The likelier first; where it is even a team for the business and a person for the system.
    ranked.sort_by_key(|one| {
        let second = one.who.is_person() == (one.role == Ownership::Business);
        (
            std::cmp::Reverse(one.score),
            second,
            one.role,
            one.who.clone(),
        )
    });
    Answer {
        ranked,
        left: departed,
        machines: evidence
            .iter()
            .flat_map(|one| one.machines.clone())
            .collect(),
    }
}

/// Whom one piece names of a class of candidates, and how often such a piece is right.
struct Weighed<'a> {
    who: BTreeSet<&'a Who>,
    right: f64,
    told: &'a str,
}

fn weighed<'a>(
    pieces: &'a [Piece<'_>],
    role: Ownership,
    person: bool,
    beside_leaver: f64,
    now: Timestamp,
) -> Vec<Weighed<'a>> {
    let mut one_opinion: BTreeMap<(Sign, BTreeSet<&Who>), Weighed<'a>> = BTreeMap::new();
    for piece in pieces {
        let class = piece.who.iter().filter(|who| who.is_person() == person);
        let who: BTreeSet<&Who> = class.collect();
        let right = worth(piece, role, person, now) * beside_leaver;
        if who.is_empty() || right <= 0.0 {
            continue;
        }
        let known = one_opinion.get(&(piece.evidence.sign, who.clone()));
        let told = piece.evidence.told.as_str();
        let better = |known: &Weighed<'_>| {
            known.right > right || (known.right == right && known.told <= told)
        };
        if !known.is_some_and(better) {
            let key = (piece.evidence.sign, who.clone());
            one_opinion.insert(key, Weighed { who, right, told });
        }
    }
    let mut weighed: Vec<_> = one_opinion.into_values().collect();
    weighed.sort_by(|a, b| b.right.total_cmp(&a.right).then_with(|| a.told.cmp(b.told)));
    weighed
}

/// How often such a piece is right: by its kind, its age, and of what it is told.
fn worth(piece: &Piece<'_>, role: Ownership, person: bool, now: Timestamp) -> f64 {
    let (unclear, piece) = (piece.who.iter().any(Who::is_unclear), piece.evidence);
    let weight = piece.sign.weight();
    let mut right = weight.of(role, person);
    if unclear {
        right = right.min(weight.of(role, !person));
    }
    if piece.of_holder {
        right *= weights::OF_HOLDER;
    }
    if let (Some(at), true) = (piece.at, weight.half_life_days > 0) {
        let age = now.since(at).min(weights::AGE_MAX).to_std().as_secs_f64() / 86_400.0;
        right *= 0.5_f64.powf(age / f64::from(weight.half_life_days));
    }
    right
}

fn rank(weighed: &[Weighed<'_>], role: Ownership) -> Vec<Suggestion> {
    let candidates: BTreeSet<&Who> = weighed.iter().flat_map(|one| one.who.clone()).collect();
    let odds = |who: &Who| -> f64 {
        let factor = |one: &Weighed<'_>| {
            if one.who.contains(who) {
                // A piece that names several is right about one of them.
                one.right / f64::from(u32::try_from(one.who.len()).unwrap_or(u32::MAX))
            } else {
                (1.0 - one.right) * weights::TOGETHER
            }
        };
        weighed.iter().map(factor).product()
    };
    let wrong = |one: &Weighed<'_>| (1.0 - one.right) * weights::TOGETHER;
    let somebody_else: f64 = weighed.iter().map(wrong).product::<f64>() / weights::TOGETHER;
    let all = candidates.iter().map(|who| odds(who)).sum::<f64>() + somebody_else;
    let mut ranked = Vec::new();
    for who in candidates {
        let score = percent(odds(who) / all);
        if score >= TOLD_MIN {
            let named = weighed.iter().filter(|one| one.who.contains(who));
            ranked.push(Suggestion {
                who: who.clone(),
                role,
                score,
                reasons: named.map(|one| one.told.to_owned()).collect(),
            });
        }
    }
    ranked
}

/// 0 to 99, rounded down: nothing here is certain.
fn percent(likely: f64) -> u8 {
    (0..=99_u8)
        .rev()
        .find(|score| f64::from(*score) <= likely * 100.0)
        .unwrap_or(0)
}

fn departed(pieces: &[Piece<'_>], left: &Left) -> Vec<Departed> {
    let mut found: BTreeMap<&Who, Departed> = BTreeMap::new();
    for piece in pieces {
        for who in &piece.who {
            let Some(leaver) = left.of(who) else { continue };
            let one = found.entry(who).or_insert_with(|| Departed {
                who: who.clone(),
                leaver,
                reasons: Vec::new(),
            });
            one.reasons.push(piece.evidence.told.clone());
        }
    }
    found.into_values().collect()
}

/// Which spellings in the evidence about one thing are of one person or team.
struct Names {
    mails: BTreeMap<String, BTreeSet<Who>>,
    handles: BTreeMap<String, Who>,
    teams: BTreeMap<String, Who>,
    leavers: BTreeSet<Who>,
}

impl Names {
    fn among(evidence: &[Evidence], left: &Left) -> Self {
        let mut names = Self {
            mails: BTreeMap::new(),
            handles: BTreeMap::new(),
            teams: BTreeMap::new(),
            leavers: BTreeSet::new(),
        };
        for who in evidence.iter().flat_map(|one| &one.who) {
            let folded = who.folded();
            match who {
                Who::Team(_) => drop(names.teams.insert(folded, who.clone())),
                Who::Person(_) if who.mail().is_some() => {
                    names.mails.entry(folded).or_default().insert(who.clone());
                }
                Who::Person(_) => {
                    let known = names.handles.entry(folded).or_insert_with(|| who.clone());
                    *known = who.min(known).clone();
                }
                Who::Word(_) if left.of(who).is_some() => drop(names.leavers.insert(who.clone())),
                Who::Word(_) => {}
            }
        }
        names
    }

    /// The one spelling that stands for all: an address before a user name.
    fn one(&self, who: &Who) -> Who {
        let folded = who.folded();
        if let Some(team) = self.teams.get(&folded) {
            return team.clone();
        }
        if who.mail().is_some() {
            return who.clone();
        }
        let mails = self.mails.get(&folded).filter(|mails| mails.len() == 1);
        let person = mails.and_then(|mails| mails.first());
        match (person.or_else(|| self.handles.get(&folded)), who) {
            (Some(person), _) => person.clone(),
            (None, Who::Word(name)) if self.leavers.contains(who) => {
                Who::Person(format!("@{name}"))
            }
            (None, _) => who.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
