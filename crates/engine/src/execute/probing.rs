//! The probes over the window, and what is claimed after them (RP-2, RP-3, RP-6).

use connectors::Standing;
use lifecycle::{Event, Verdict};
use model::{Duration, Outcome, Path, Probed, Receipt, StepKind, Timestamp};

use super::{Advance, Execution, Halt};
use crate::crash;

impl Execution<'_> {
    /// One probe, kept whatever it says.
    pub(super) fn probe_and_keep(&mut self, path: Path) -> Result<Probed, Halt> {
        let probed = self.provider.probe(&self.plan.body.subject, path)?;
        self.keep(path, probed.clone())?;
        Ok(probed)
    }

    /// Between two probes of one path, so that no lock-out follows (RP-9).
    pub(super) fn probe_pause(&self) -> Duration {
        let pause = self.provider.declares().probe_pause_ms;
        Duration::millis(i64::try_from(pause).unwrap_or(i64::MAX).clamp(20, 60_000))
    }

    /// Twice as dense as the window of `path` asks for: a provider that denies just as often as
    /// is asked is caught by the next probe.
    fn pace(&self, path: Path) -> Duration {
        let window = self.plan.body.window(path);
        let dense = window.over.0 / (2 * i64::from(window.denials.max(1)));
        Duration(dense.max(self.probe_pause().0))
    }

    /// When `path` is to be asked next: what is left of its window in equal parts, counted from
    /// its own last probe, so that one of its probes falls on the end of its window whatever the
    /// others cost. A path that is through goes on being asked, along with the others.
    fn due(&self, path: Path) -> Timestamp {
        let window = self.plan.body.window(path);
        let from = self.record.begun(path).unwrap_or_default();
        let mut probes = self.record.probes.iter().rev();
        let last = probes.find(|one| one.path == path && one.at >= from);
        let Some(last) = last.map(|one| one.at) else {
            return from + window.first_after;
        };
        let now = self.engine.now();
        if last > now {
            // A clock that was set back is not waited for.
            return now;
        }
        let counted = self.record.count(path, &self.plan.body);
        let pace = self.pace(path).0;
        let step = if counted.fills(&window) {
            pace
        } else {
            let left = (window.over.0 - counted.over.0).max(1);
            let rounds = left.div_euclid(pace) + i64::from(left % pace != 0);
            left / rounds.max(1)
        };
        last + Duration(step.max(self.probe_pause().0))
    }

    /// Until the next round: the nearest time at which a path whose window is open is due.
    fn pause(&self) -> Duration {
        if !self.can_probe() {
            return self.probe_pause();
        }
        let open = self.paths().iter().filter(|path| {
            let window = self.plan.body.window(**path);
            !self.record.count(**path, &self.plan.body).fills(&window)
        });
        let due = open.map(|path| self.due(*path)).min();
        let now = self.engine.now();
        due.map_or(self.probe_pause(), |due| {
            due.since(now).max(Duration::default())
        })
    }

    /// Whether it is too early to ask on `path`: the provider is given the time it states.
    pub(super) fn too_early(&self, path: Path) -> bool {
        let after = self.plan.body.window(path).first_after;
        let begun = self.record.begun(path);
        begun.is_some_and(|begun| self.engine.now() < begun + after)
    }

    /// Probing: rounds over all paths until something can be claimed. False if the revocation
    /// went back to an earlier state; true if this call is over.
    pub(super) fn prove(&mut self) -> Result<bool, Halt> {
        if let Some(step) = self.step(StepKind::Prove) {
            (self.told)(Advance::Step(&step));
        }
        loop {
            let standing = self.round()?;
            if !self.is_dead(&standing) {
                self.go(Event::Reopened)?;
                return Ok(false);
            }
            let verdict = lifecycle::judge(
                &self.plan.body,
                self.paths(),
                &self.record,
                self.engine.now(),
            );
            crash::point("judged");
            let event = match verdict {
                Verdict::Proved(proved) => Event::Proved(proved),
                Verdict::Survives { until, why } => Event::Survives { until, why },
                Verdict::Unprovable { why, grade } => Event::Unprovable { why, grade },
                Verdict::NotYet { why } => {
                    let pause = self.pause();
                    if self.engine.now() + pause > self.deadline {
                        return self.out_of_time(why);
                    }
                    self.world.wait(pause);
                    continue;
                }
            };
            self.go(event)?;
            return Ok(true);
        }
    }

    /// The time of this call is over. A row of clean denials only needs more of it; anything else
    /// is a failure, and tried again later.
    fn out_of_time(&self, why: String) -> Result<bool, Halt> {
        let clean = |path: &Path| {
            let mut latest = self.record.probes.iter().rev();
            let last = latest.find(|one| one.path == *path);
            self.too_early(*path)
                || last.is_some_and(|one| matches!(one.probed, Probed::Denied { .. }))
        };
        if self.paths().iter().all(clean) {
            return Ok(true);
        }
        Err(Halt::World(format!("not denied over the window: {why}")))
    }

    /// Whether there is something to probe with that once let in.
    pub(super) fn can_probe(&self) -> bool {
        self.record.bearer && self.record.control().is_some()
    }

    /// Probes every path that is due, and asks the provider how it stands.
    fn round(&mut self) -> Result<Standing, Halt> {
        if self.can_probe() {
            for path in self.paths() {
                if self.engine.now() >= self.due(*path) {
                    self.probe_and_keep(*path)?;
                }
            }
        }
        let standing = self.provider.standing(&self.plan.body.subject)?;
        self.record.read_back = Some(self.is_dead(&standing));
        self.record.show_sessions(standing.sessions);
        Ok(standing)
    }

    /// Dead by the provider's own word, which is never a proof: refused or absent, nobody is in,
    /// and what it minted is denied for as long as it could live. A provider that shows it usable
    /// again has it revived (RP-6).
    pub(super) fn is_dead(&self, standing: &Standing) -> bool {
        is_cut(standing) && (standing.sessions_denied || !self.minted_may_live())
    }

    /// Whether sessions that were minted from it are alive but for our denying them (RP-7).
    fn minted_may_live(&self) -> bool {
        let denied = |one: &Receipt| {
            one.kind == StepKind::DenySessions
                && matches!(one.outcome, Outcome::Done { .. } | Outcome::Already { .. })
        };
        let Some(since) = self.record.dead_since(&self.plan.body) else {
            return false;
        };
        let mut minted = self.plan.body.survives.iter().filter(|one| one.cut_by_plan);
        self.record.receipts.iter().any(denied)
            && minted.any(|one| {
                let until = one.lives_at_most.map(|life| since + life);
                until.is_none_or(|until| self.engine.now() < until)
            })
    }

    /// Watches access over one window although the object could not be removed; says what came
    /// of it. What was watched before is not watched again.
    pub(super) fn watch_access(&mut self) -> Result<String, Halt> {
        let windows = self.paths().iter().map(|path| self.plan.body.window(*path));
        let over = windows.map(|window| window.over).max().unwrap_or_default();
        if !self.record.bearer || self.record.control().is_none() {
            let standing = self.provider.standing(&self.plan.body.subject)?;
            self.record.read_back = Some(is_cut(&standing));
            return Ok("the provider shows it cut; it was not replayed".to_owned());
        }
        let until = (self.engine.now() + over + over).min(self.deadline);
        loop {
            let body = &self.plan.body;
            let counts: Vec<_> = self
                .paths()
                .iter()
                .map(|path| (self.record.count(*path, body), body.window(*path)))
                .collect();
            if counts.iter().all(|(count, window)| count.fills(window)) {
                let least = counts.iter().map(|(count, _)| count.denials).min();
                return Ok(format!("denied {} times over {over}", least.unwrap_or(0)));
            }
            if self.engine.now() >= until {
                return Ok("not denied over the whole window yet".to_owned());
            }
            let standing = self.round()?;
            if !is_cut(&standing) {
                return Ok("open again".to_owned());
            }
            self.world.wait(self.pause());
        }
    }
}

/// Refused or absent, and nobody is in.
fn is_cut(standing: &Standing) -> bool {
    (standing.cut || !standing.present) && standing.sessions.is_none_or(|count| count == 0)
}
