//! What receipts and probes prove, and how strongly (RP-1 to RP-8).

use model::{
    Duration, Grade, Outcome, Path, Plan, PlanBody, Probe, Proof, Receipt, Sessions, State,
    StepKind, Timestamp,
};

use crate::count::{PathCount, count};

/// All that is known of one revocation.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Every receipt, in order.
    pub receipts: Vec<Receipt>,
    /// Every probe, in order, those of the control included.
    pub probes: Vec<Probe>,
    /// Whether the secret is at hand, so that more probes are possible.
    pub bearer: bool,
    /// Paths that cannot be tried any more because what was opened on them before the cut went
    /// down with the process that held it.
    pub lost: Vec<Path>,
    /// What the provider said when it was last asked: refused or absent, and without sessions.
    pub read_back: Option<bool>,
    /// Live sessions when they were about to be ended, those that came later added.
    pub sessions_found: Option<u32>,
    /// Live sessions when the provider was last asked.
    pub sessions_left: Option<u32>,
    /// How many of those are counted as found already.
    pub sessions_known: u32,
}

/// The word that a credential is dead. Nobody but [`judge`] can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    at: Timestamp,
    denials: u32,
    over: Duration,
}

impl Proved {
    pub(crate) fn into_state(self) -> State {
        State::Proven {
            at: self.at,
            denials: self.denials,
            over: self.over,
        }
    }
}

/// What may be claimed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Dead, with everything derived from it.
    Proved(Proved),
    /// Denied wherever we tried, but something lives on by design.
    Survives {
        /// Until when; `None`: without limit.
        until: Option<Timestamp>,
        /// What, and why.
        why: String,
    },
    /// It cannot be proven.
    Unprovable {
        /// Why.
        why: String,
        /// How strong the evidence is all the same.
        grade: Grade,
    },
    /// More probes are needed.
    NotYet {
        /// What is missing.
        why: String,
    },
}

impl Record {
    /// When new logins were first refused: what was found before it is control.
    pub fn cut_at(&self) -> Option<Timestamp> {
        let mut cuts = self.receipts.iter().filter(|one| one.kind == StepKind::Cut);
        cuts.find(|one| matches!(one.outcome, Outcome::Done { .. } | Outcome::Already { .. }))
            .map(|one| one.at)
    }

    /// When the window of `path` begins: at the cut, or where it had to be done again, at the last
    /// one; what was denied before that says nothing of now.
    pub fn begun(&self, path: Path) -> Option<Timestamp> {
        let again = |kind| {
            let done = |one: &&Receipt| {
                one.kind == kind
                    && matches!(one.outcome, Outcome::Done { .. } | Outcome::Already { .. })
            };
            self.receipts.iter().rev().find(done).map(|one| one.at)
        };
        let cut = self.cut_at()?;
        let denied = (path == Path::MintedSession).then(|| again(StepKind::DenySessions));
        Some(
            cut.max(again(StepKind::Cut).unwrap_or(cut))
                .max(denied.flatten().unwrap_or(cut)),
        )
    }

    /// Since when nobody could begin with it: the last cut, or the first denial after it was let
    /// in again. What was minted from it is no younger than that.
    pub fn dead_since(&self, plan: &PlanBody) -> Option<Timestamp> {
        let cut = self.begun(Path::NewLogin)?;
        let logins = self.count(Path::NewLogin, plan);
        let denied = logins.first_denied.or(logins.last_allowed);
        Some(match denied.filter(|_| logins.allowed > 0) {
            Some(denied) => denied.max(cut),
            None => cut,
        })
    }

    /// What the probes on `path` add up to.
    pub fn count(&self, path: Path, plan: &PlanBody) -> PathCount {
        let cut = self.cut_at().zip(self.begun(path));
        count(&self.probes, path, cut, &plan.window(path))
    }

    /// From the cut to the first denial of a new login.
    pub fn time_to_denied(&self, plan: &PlanBody) -> Option<Duration> {
        let denied = self.count(Path::NewLogin, plan).first_denied;
        Some(denied?.since(self.begun(Path::NewLogin)?))
    }

    /// The positive control: who was found behind a new login before the cut (RP-1).
    pub fn control(&self) -> Option<(Timestamp, String)> {
        self.receipts
            .iter()
            .filter(|receipt| receipt.kind == StepKind::Control)
            .find_map(|receipt| match &receipt.outcome {
                Outcome::Controlled { principal } => Some((receipt.at, principal.clone())),
                _ => None,
            })
    }

    /// The provider shows so many live sessions, and they are about to be ended: those that were
    /// not counted before are found.
    pub fn find_sessions(&mut self, shown: Option<u32>) {
        if let Some(now) = shown {
            let anew = now.saturating_sub(self.sessions_known);
            let before = self.sessions_found.unwrap_or(0);
            self.sessions_found = Some(before.saturating_add(anew));
            self.sessions_known = now;
        }
        self.sessions_left = shown;
    }

    /// The provider shows so many live sessions. Of fewer than were known, no more are known; more
    /// have come and are found when they are about to be ended.
    pub fn show_sessions(&mut self, shown: Option<u32>) {
        if let Some(now) = shown {
            self.sessions_known = self.sessions_known.min(now);
        }
        self.sessions_left = shown;
    }

    /// Sessions found, ended by the receipts' count, and left.
    fn sessions(&self) -> Sessions {
        let mut ended = None;
        for receipt in &self.receipts {
            if let (StepKind::EndSessions, Outcome::Done { count, .. }) =
                (receipt.kind, &receipt.outcome)
            {
                ended = count
                    .map(|count| count.saturating_add(ended.unwrap_or(0)))
                    .or(ended);
            }
        }
        // Where there was none, none was ended.
        let nothing = (self.sessions_found == Some(0)).then_some(0);
        Sessions {
            found: self.sessions_found,
            ended: ended.or(nothing),
            left: self.sessions_left,
        }
    }

    /// B where the provider's state was read back as dead, else C; A is for [`judge`] to give.
    fn weaker_grade(&self) -> Grade {
        if self.read_back == Some(true) {
            Grade::B
        } else {
            Grade::C
        }
    }
}

/// What may be claimed of the revocation at `now`, over all `paths`.
pub fn judge(plan: &PlanBody, paths: &[Path], record: &Record, now: Timestamp) -> Verdict {
    let unprovable = |why: String| Verdict::Unprovable {
        why,
        grade: record.weaker_grade(),
    };
    let Some((_, principal)) = record.control() else {
        return unprovable("there was no positive control before the cut (RP-1)".to_owned());
    };
    if principal != plan.subject.principal {
        return unprovable(format!(
            "the positive control found {} behind it, not {}",
            model::clean(&principal),
            model::clean(&plan.subject.principal)
        ));
    }
    let Some(cut) = record.cut_at() else {
        return Verdict::NotYet {
            why: "it is not cut".to_owned(),
        };
    };
    let mut proved = Proved {
        at: cut,
        denials: u32::MAX,
        over: Duration(i64::MAX),
    };
    let mut open = Vec::new();
    let mut unwatched = Vec::new();
    for path in paths {
        let (counted, window) = (record.count(*path, plan), plan.window(*path));
        let expected = |control: &(Timestamp, String)| control.1 == plan.subject.principal;
        let lost = record.lost.contains(path) && !counted.fills(&window);
        if lost || !counted.control.as_ref().is_some_and(expected) {
            unwatched.push(path.as_str());
        } else if counted.fills(&window) {
            proved.at = proved.at.max(counted.last_denied.unwrap_or(cut));
            proved.denials = proved.denials.min(counted.denials);
            proved.over = proved.over.min(counted.over);
        } else {
            open.push(format!(
                "{}: {} of {} denials, {} of {}",
                path.as_str(),
                counted.denials,
                window.denials,
                counted.over,
                window.over
            ));
        }
    }
    if paths.is_empty() {
        return unprovable("this connector declares no path to probe".to_owned());
    }
    if !open.is_empty() {
        let why = open.join("; ");
        if record.bearer {
            return Verdict::NotYet { why };
        }
        return unprovable(format!(
            "the secret lies nowhere any more where it could be read again, and the probes are \
             not complete: {why}"
        ));
    }
    let since = record.dead_since(plan).unwrap_or(cut);
    settle(plan, record, since, now, &unwatched, proved)
}

/// Every watched path is denied over the window: what is left that may live on.
fn settle(
    plan: &PlanBody,
    record: &Record,
    cut: Timestamp,
    now: Timestamp,
    unwatched: &[&str],
    proved: Proved,
) -> Verdict {
    let left: Vec<_> = plan
        .survives
        .iter()
        .filter(|one| !one.cut_by_plan || !unwatched.is_empty())
        .map(|one| (one.what.as_str(), one.lives_at_most.map(|life| cut + life)))
        .filter(|(_, until)| until.is_none_or(|until| until > now))
        .collect();
    // A path that could not be watched is dead as well once nothing on it can live any longer.
    let outlived = !plan.survives.is_empty() && !unwatched.contains(&Path::NewLogin.as_str());
    if left.is_empty() && (unwatched.is_empty() || outlived) {
        return Verdict::Proved(proved);
    }
    let what: Vec<_> = left.iter().map(|(what, _)| *what).collect();
    let until = left
        .iter()
        .map(|(_, until)| *until)
        .try_fold(cut, |latest, until| Some(latest.max(until?)));
    if unwatched.is_empty() {
        let why = format!("{} live on by design", what.join("; "));
        return Verdict::Survives { until, why };
    }
    let unwatched = unwatched.join(", ");
    match until {
        Some(until) if until > cut => Verdict::Survives {
            until: Some(until),
            why: format!("{unwatched} could not be watched: {}", what.join("; ")),
        },
        _ => Verdict::Unprovable {
            why: format!("{unwatched} could not be watched from before the cut (RP-1)"),
            grade: record.weaker_grade(),
        },
    }
}

/// The evidence record of a revocation that stands at `state`. `target` is `real`, `emulator`
/// or `stub`.
pub fn assemble(
    plan: &Plan,
    paths: &[Path],
    record: &Record,
    state: &State,
    target: &str,
) -> Proof {
    let body = &plan.body;
    let cut = record.begun(Path::NewLogin);
    let counts: Vec<_> = paths
        .iter()
        .map(|path| (*path, record.count(*path, body)))
        .collect();
    let denied = |(path, count): &(Path, PathCount)| {
        count.control.is_some() && count.fills(&body.window(*path))
    };
    let first_denied = counts
        .iter()
        .filter(|(path, _)| *path == Path::NewLogin)
        .find_map(|(_, count)| count.first_denied);
    let grade = match state {
        State::Proven { .. } => Grade::A,
        State::Unverifiable { grade, .. } => *grade,
        _ if record.control().is_some() && !counts.is_empty() && counts.iter().all(denied) => {
            Grade::A
        }
        _ => record.weaker_grade(),
    };
    let children = body.children.iter().map(|(name, how)| {
        let count = counts.iter().find(|(path, _)| path.as_str() == name);
        let stands = match count {
            Some(both) if denied(both) => "denied over the window: ",
            Some((_, count)) if count.control.is_none() => "no positive control: ",
            Some(_) => "not yet denied over the window: ",
            None => "",
        };
        (name.clone(), format!("{stands}{how}"))
    });
    let residual = body.survives.iter().filter(|one| !one.cut_by_plan);
    let since = record.dead_since(body);
    Proof {
        plan: plan.id.clone(),
        subject: body.subject.clone(),
        state: state.clone(),
        grade,
        control: record.control(),
        receipts: record.receipts.clone(),
        probes: record.probes.clone(),
        last_allowed: counts
            .iter()
            .filter_map(|(_, count)| count.last_allowed)
            .max(),
        first_denied,
        time_to_denied: cut.zip(first_denied).map(|(cut, denied)| denied.since(cut)),
        children: children.collect(),
        residual: residual
            .map(|one| {
                let until = since
                    .zip(one.lives_at_most)
                    .map(|(since, life)| since + life);
                (one.what.clone(), until)
            })
            .collect(),
        sessions: record.sessions(),
        target: target.to_owned(),
    }
}
