//! Many revocations in one command: tried again where they are due, looked at again where they
//! are over (S-9, RP-6).
//!
//! Each has its turn; of one target only a few at once, and a target that does not answer is left
//! alone, so that one that is slow or dead delays nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use model::{Duration, EntityId, PlanId, Probed, SourceId, State};
use store::{RevocationFilter, RevocationRow};

use super::world::Live;
use super::{Applied, ROWS, Verified, World};
use crate::{Engine, Error};

/// How much of the world is asked at once.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Revocations at work at once.
    pub at_once: NonZeroUsize,
    /// Of them on one target.
    pub on_one_target: NonZeroUsize,
    /// A target that did not answer so many in a row is asked no more in this command.
    pub silent_max: u32,
}

impl Default for Crowd {
    fn default() -> Self {
        let few = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        Self {
            at_once: few(8),
            on_one_target: few(2),
            silent_max: 3,
        }
    }
}

/// One revocation of many, and what came of it.
#[derive(Debug)]
pub struct Tried<T> {
    /// By which plan.
    pub plan: PlanId,
    /// Of what.
    pub subject: EntityId,
    /// What it is called.
    pub name: String,
    /// Whom it concerns.
    pub target: SourceId,
    /// What came of it; `None`: its target had given no answer to others, so it was not asked.
    pub came: Option<Result<T, Error>>,
}

/// One revocation that waits for its turn.
struct Turn {
    plan: PlanId,
    subject: EntityId,
    name: String,
    target: SourceId,
}

impl<T> Tried<T> {
    fn new(turn: Turn, came: Option<Result<T, Error>>) -> Self {
        let Turn {
            plan,
            subject,
            name,
            target,
        } = turn;
        Self {
            plan,
            subject,
            name,
            target,
            came,
        }
    }
}

impl Engine {
    /// Looks again at every revocation that is still watched: the latest of each subject, if it is
    /// settled and not proven longer ago than `within`. What is let in opens its row again.
    ///
    /// # Errors
    /// The store gave out. What one of them came to stands with it.
    pub fn verify_watched(
        &self,
        within: Duration,
        crowd: &Crowd,
        stop: &Arc<AtomicBool>,
        told: &(dyn Fn(&Tried<Verified>) + Sync),
    ) -> Result<Vec<Tried<Verified>>, Error> {
        let now = self.now();
        let mut rows = self.rows(RevocationFilter::All)?;
        // The latest of each subject.
        rows.sort_by_key(|row| std::cmp::Reverse(row.updated));
        let mut seen = BTreeSet::new();
        rows.retain(|row| seen.insert(row.subject.clone()));
        rows.retain(|row| match &row.state {
            State::Proven { at, .. } => now.since(*at) <= within,
            State::Residual { .. } | State::Unverifiable { .. } | State::Attested { .. } => true,
            _ => false,
        });
        let each = |turn: &Turn| {
            let verified = self.verify_plan_in(&Live::new(self, stop), &turn.plan);
            let answers = verified.as_ref().is_ok_and(answered);
            (verified, answers)
        };
        Ok(spread(self.turns(&rows)?, crowd, stop, &each, told))
    }

    /// Goes on with every revocation that is due by now.
    ///
    /// # Errors
    /// The store gave out. What one of them came to stands with it.
    pub fn retry_due(
        &self,
        patience: Duration,
        crowd: &Crowd,
        stop: &Arc<AtomicBool>,
        told: &(dyn Fn(&Tried<Applied>) + Sync),
    ) -> Result<Vec<Tried<Applied>>, Error> {
        let rows = self.rows(RevocationFilter::Due(self.now()))?;
        let each = |turn: &Turn| {
            let world: &dyn World = &Live::new(self, stop);
            let applied = self.apply_to(world, &turn.plan, patience, &mut |_| {});
            let failed = |applied: &Applied| matches!(applied.state, State::Failed { .. });
            let answers = applied.as_ref().is_ok_and(|applied| !failed(applied));
            (applied, answers)
        };
        Ok(spread(self.turns(&rows)?, crowd, stop, &each, told))
    }

    /// How many revocations are due by now.
    ///
    /// # Errors
    /// The store gave out.
    pub fn due(&self) -> Result<usize, Error> {
        Ok(self.rows(RevocationFilter::Due(self.now()))?.len())
    }

    fn rows(&self, filter: RevocationFilter) -> Result<Vec<RevocationRow>, Error> {
        let mut rows = Vec::new();
        self.store.read(|reading| {
            reading.each_revocation(&self.tenant, filter, ROWS, &mut |row| rows.push(row))
        })?;
        // Those that want to go on soonest first, then the latest.
        rows.sort_by_key(|row| {
            let next = row.next_at.map_or(i64::MAX, |at| at.0);
            (next, std::cmp::Reverse(row.updated))
        });
        Ok(rows)
    }

    fn turns(&self, rows: &[RevocationRow]) -> Result<Vec<Turn>, Error> {
        let turns = rows.iter().map(|row| {
            let subject = self.plan(&row.plan)?.body.subject;
            Ok(Turn {
                plan: row.plan.clone(),
                subject: row.subject.clone(),
                name: subject.name,
                target: subject.source,
            })
        });
        turns.collect()
    }
}

/// Whether anybody said anything that can be used.
fn answered(verified: &Verified) -> bool {
    let clear = |probed: &Probed| !matches!(probed, Probed::Unclear { .. });
    verified.read_back.is_some() || verified.probes.iter().any(|probe| clear(&probe.probed))
}

/// Who waits, who is at work, and who did not answer.
struct Queue {
    waiting: Vec<Turn>,
    at_work: BTreeMap<SourceId, usize>,
    silent: BTreeMap<SourceId, u32>,
    /// Two plans of one subject are never at work at once.
    subjects: BTreeSet<EntityId>,
}

/// What a worker does next.
enum Next {
    Ask(Turn),
    Leave(Turn),
    Wait,
    Rest,
}

impl Queue {
    fn next(&mut self, crowd: &Crowd) -> Next {
        let silent = |turn: &Turn| {
            self.silent
                .get(&turn.target)
                .is_some_and(|count| *count >= crowd.silent_max)
        };
        if let Some(at) = self.waiting.iter().position(silent) {
            return Next::Leave(self.waiting.remove(at));
        }
        let busy = |turn: &Turn| self.at_work.get(&turn.target).copied().unwrap_or(0);
        let free = self.waiting.iter().enumerate().filter(|(_, turn)| {
            busy(turn) < crowd.on_one_target.get() && !self.subjects.contains(&turn.subject)
        });
        // Whose target is least at work, so that no target waits behind another one's many.
        match free.min_by_key(|(_, turn)| busy(turn)).map(|(at, _)| at) {
            Some(at) => {
                let turn = self.waiting.remove(at);
                *self.at_work.entry(turn.target.clone()).or_default() += 1;
                self.subjects.insert(turn.subject.clone());
                Next::Ask(turn)
            }
            None if self.waiting.is_empty() => Next::Rest,
            None => Next::Wait,
        }
    }

    fn done(&mut self, turn: &Turn, answers: bool) {
        if let Some(count) = self.at_work.get_mut(&turn.target) {
            *count = count.saturating_sub(1);
        }
        self.subjects.remove(&turn.subject);
        let silent = self.silent.entry(turn.target.clone()).or_default();
        *silent = if answers { 0 } else { silent.saturating_add(1) };
    }
}

/// What came of a turn, and whether its target answers.
type Came<T> = (Result<T, Error>, bool);

/// Gives each its turn. `each` says what came of it, and whether its target answers.
fn spread<T: Send>(
    turns: Vec<Turn>,
    crowd: &Crowd,
    stop: &AtomicBool,
    each: &(dyn Fn(&Turn) -> Came<T> + Sync),
    told: &(dyn Fn(&Tried<T>) + Sync),
) -> Vec<Tried<T>> {
    let workers = crowd.at_once.get().min(turns.len());
    let queue = Mutex::new(Queue {
        waiting: turns,
        at_work: BTreeMap::new(),
        silent: BTreeMap::new(),
        subjects: BTreeSet::new(),
    });
    let (turned, all) = (Condvar::new(), Mutex::new(Vec::new()));
    let end = |tried: Tried<T>| {
        told(&tried);
        lock(&all).push(tried);
    };
    let work = || {
        let mut held = lock(&queue);
        loop {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            match held.next(crowd) {
                Next::Rest => return,
                Next::Wait => {
                    held = turned.wait(held).unwrap_or_else(PoisonError::into_inner);
                }
                Next::Leave(turn) => end(Tried::new(turn, None)),
                Next::Ask(turn) => {
                    drop(held);
                    let (came, answers) = each(&turn);
                    held = lock(&queue);
                    held.done(&turn, answers);
                    turned.notify_all();
                    end(Tried::new(turn, Some(came)));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing is left half-done under these locks, so a worker that panicked spoils none of them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    use super::*;

    fn turns(counts: &[(&str, usize)]) -> Vec<Turn> {
        let one = |target: &str, n: usize| Turn {
            plan: PlanId(format!("pln-{target}-{n}")),
            subject: EntityId::of(&model::SightingKey {
                source: format!("stub:{target}").parse().unwrap(),
                kind: model::Kind::Credential,
                native: n.to_string(),
            }),
            name: format!("{target} {n}"),
            target: format!("stub:{target}").parse().unwrap(),
        };
        let each = counts
            .iter()
            .flat_map(|(target, count)| (0..*count).map(|n| one(target, n)));
        each.collect()
    }

    fn all(counts: &[(&str, usize)], each: &(dyn Fn(&Turn) -> Came<()> + Sync)) -> Vec<Tried<()>> {
        let stop = AtomicBool::new(false);
        spread(turns(counts), &Crowd::default(), &stop, each, &|_| {})
    }

    /// S-9.
    #[test]
    fn a_slow_target_does_not_delay_others() {
        let (done, waits) = mpsc::channel();
        let (done, waits) = (Mutex::new(done), Mutex::new(waits));
        let (others, late) = (AtomicUsize::new(0), AtomicBool::new(false));
        // The slow one answers only once all the others have had their turn.
        let each = |turn: &Turn| {
            if turn.target.target() == "slow" {
                let told = lock(&waits).recv_timeout(std::time::Duration::from_secs(60));
                late.fetch_or(told.is_err(), Ordering::SeqCst);
            } else if others.fetch_add(1, Ordering::SeqCst) == 39 {
                (0..20).for_each(|_| lock(&done).send(()).unwrap());
            }
            (Ok(()), true)
        };
        assert_eq!(all(&[("slow", 20), ("a", 20), ("b", 20)], &each).len(), 60);
        assert!(!late.load(Ordering::SeqCst), "it kept the others waiting");
    }

    /// S-9.
    #[test]
    fn a_dead_target_is_asked_a_few_times_and_told_of_every_row() {
        let asked = AtomicUsize::new(0);
        let each = |turn: &Turn| {
            let dead = turn.target.target() == "dead";
            asked.fetch_add(usize::from(dead), Ordering::SeqCst);
            (Ok(()), !dead)
        };
        let tried = all(&[("dead", 30), ("well", 30)], &each);
        let of = |target: &str, asked: bool| {
            let of =
                |one: &&Tried<()>| one.target.target() == target && one.came.is_some() == asked;
            tried.iter().filter(of).count()
        };
        // Two may be at it when the third silence comes.
        let dead = asked.load(Ordering::SeqCst);
        assert!((3..=4).contains(&dead), "{dead}");
        assert_eq!((of("dead", true), of("dead", false)), (dead, 30 - dead));
        assert_eq!(of("well", true), 30);
    }

    #[test]
    fn of_one_target_only_a_few_are_at_work_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let each = |_: &Turn| {
            let at_work = now.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(at_work, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            (Ok(()), true)
        };
        assert_eq!(all(&[("one", 200)], &each).len(), 200);
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[test]
    fn who_is_stopped_begins_no_other() {
        let stop = AtomicBool::new(false);
        let each = |_: &Turn| {
            stop.store(true, Ordering::Relaxed);
            (Ok::<_, Error>(()), true)
        };
        let crowd = Crowd {
            at_once: NonZeroUsize::MIN,
            ..Crowd::default()
        };
        let tried = spread(turns(&[("a", 5)]), &crowd, &stop, &each, &|_| {});
        assert_eq!(tried.len(), 1);
    }
}
