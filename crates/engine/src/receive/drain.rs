//! Brings what waits into the roll, and tells of births.

use std::collections::BTreeSet;

use connectors::Event;
use connectors::events::{Born, Events};
use model::{Duration, Gap, Reason, Scope, Timestamp};
use store::{Durability, JournalPart, Lease};

use super::door::Door;
use super::inbox::{Came, Waits};
use super::{Alert, Receiver, inbox, lock};
use crate::held::Held;
use crate::{Error, PassReport, crash};

/// Is told of a birth.
type Tell<'a> = dyn FnMut(&Alert) -> Result<(), Error> + 'a;

/// Deliveries that are brought into the roll by one pass.
const BATCH: usize = 500;
/// Uses change nothing that is alerted on: they wait so long, so that a roll is not one pass a
/// second.
const USES_WAIT: Duration = Duration::minutes(5);
/// How far the log reaches is a fact of all that it tells of: told anew so often.
const ALL_EVERY: Duration = Duration::hours(1);

/// What came of draining.
#[derive(Clone, Debug, Default)]
pub struct Drained {
    /// Deliveries that were brought into the roll.
    pub deliveries: usize,
    /// Births that were told.
    pub alerts: usize,
    /// Deliveries that wait on because they cannot be read.
    pub left: usize,
    /// The passes that were made.
    pub passes: Vec<PassReport>,
}

impl Receiver {
    /// Brings what waits into the roll, gives each birth to `tell` once it stands there, and puts
    /// it down to be sent. `all`: uses as well, however short they wait, and all that is known is
    /// told anew.
    ///
    /// # Errors
    /// The store gave out, or `tell` did. What was not brought in waits on.
    pub fn drain(
        &self,
        all: bool,
        tell: &mut dyn FnMut(&Alert) -> Result<(), Error>,
    ) -> Result<Drained, Error> {
        let mut drained = Drained::default();
        for door in self.doors.values() {
            let mut held = lock(&door.held);
            if held.is_none() {
                *held = match Held::collecting(&self.engine, &door.turn) {
                    Ok(turn) => Some(turn),
                    Err(Error::Busy { .. }) => continue,
                    Err(error) => return Err(error),
                };
                // Another may have brought in more since.
                door.forget();
            }
            let Some(lease) = held.as_ref().map(|held| held.lease().clone()) else {
                continue;
            };
            if let Err(error) = self.drain_door(door, all, (tell, &lease), &mut drained) {
                // What is in memory may be ahead of what is kept, or behind: it is read again.
                door.forget();
                *held = None;
                return Err(error);
            }
        }
        Ok(drained)
    }

    fn drain_door(
        &self,
        door: &Door,
        all: bool,
        (tell, lease): (&mut Tell<'_>, &Lease),
        drained: &mut Drained,
    ) -> Result<(), Error> {
        let mut known = lock(&door.events);
        if known.is_none() {
            *known = Some(inbox::standing(&self.engine, door)?);
        }
        let Some(events) = known.as_mut() else {
            return Ok(());
        };
        let (mut after, mut left) = (String::new(), 0);
        loop {
            let parts = inbox::waiting(&self.engine, door, &after, BATCH)?;
            let full = parts.len() >= BATCH;
            if let Some(last) = parts.last() {
                after.clone_from(&last.part);
            }
            let count = parts.len();
            let waits: Vec<_> = parts.into_iter().filter_map(Waits::read).collect();
            // What cannot be read is left where it is, and told with each pass.
            left += count - waits.len();
            let now = self.engine.now();
            let whole = all || self.is_due(door, now);
            if waits.is_empty() && !full {
                if whole {
                    self.tell_all(door, events, (now, lease, left), drained)?;
                }
                drained.left += left;
                return Ok(());
            }
            let waits_on = !all && !full && !is_urgent(&waits, now);
            if !waits.is_empty() && !waits_on {
                self.bring(door, events, (&waits, left), (tell, lease), drained)?;
            }
            if waits_on || (!full && !whole) {
                drained.left += left;
                return Ok(());
            }
        }
    }

    fn is_due(&self, door: &Door, now: Timestamp) -> bool {
        lock(&door.told_all).is_none_or(|told| now > told + ALL_EVERY)
    }

    /// Brings in what waits.
    fn bring(
        &self,
        door: &Door,
        events: &mut Events,
        (waits, left): (&[Waits], usize),
        (tell, lease): (&mut Tell<'_>, &Lease),
        drained: &mut Drained,
    ) -> Result<(), Error> {
        let mut rows = BTreeSet::new();
        let mut born: Vec<Born> = Vec::new();
        let mut moved = false;
        let mut gaps = left_gap(left);
        for one in waits {
            let came = match &one.came {
                Came::Events(came) => came,
                Came::Unread(told) => {
                    gaps.push(Gap::new(&Scope::whole(), Reason::Unsupported, told));
                    continue;
                }
            };
            let joined = events.join(came);
            rows.extend(joined.rows);
            born.extend(joined.born);
            moved |= joined.moved;
        }
        if !rows.is_empty() || gaps.len() > usize::from(left > 0) {
            let of = (!moved).then_some(&rows);
            drained
                .passes
                .push(self.pass(door, events, (of, gaps), lease)?);
            crash::point("events are on the roll");
        }
        born.sort_by(|a, b| (a.at, a.kind, &a.native).cmp(&(b.at, b.kind, &b.native)));
        let mut alerts = Vec::new();
        for born in &born {
            let alert = Alert::of(&self.engine, door, born)?;
            tell(&alert)?;
            alerts.push(alert);
        }
        crash::point("births are told");
        self.settle(door, events, (waits, &rows), (&alerts, lease))?;
        crash::point("events are forgotten");
        drained.deliveries += waits
            .iter()
            .filter(|one| matches!(one.came, Came::Events(_)))
            .count();
        drained.alerts += alerts.len();
        Ok(())
    }

    /// One pass, of what stands in `rows` or of all.
    fn pass(
        &self,
        door: &Door,
        events: &Events,
        (rows, gaps): (Option<&BTreeSet<String>>, Vec<Gap>),
        lease: &Lease,
    ) -> Result<PassReport, Error> {
        self.is_still(lease)?;
        let mut open = self
            .engine
            .begin(&door.id, &Scope::whole(), self.engine.now())?;
        // Whoever slept past the turn may have taken the source after another brought in more. From
        // here on another's pass ends this one.
        self.is_still(lease)?;
        for one in events.observations(rows) {
            open.intake.take(Event::Seen(one));
        }
        for gap in events.gaps(rows.is_none()).into_iter().chain(gaps) {
            open.intake.take(Event::Gap(gap));
        }
        self.engine.end(open, &mut |_| {})
    }

    /// That the turn is still this one's.
    fn is_still(&self, lease: &Lease) -> Result<(), Error> {
        let tenant = &self.engine.tenant;
        let store = &self.engine.store;
        store.write(Durability::Repeatable, |writing| {
            Ok::<_, Error>(writing.fence(tenant, lease)?)
        })
    }

    /// Tells all anew.
    fn tell_all(
        &self,
        door: &Door,
        events: &Events,
        (now, lease, left): (Timestamp, &Lease, usize),
        drained: &mut Drained,
    ) -> Result<(), Error> {
        self.is_still(lease)?;
        if !events.is_empty() || left > 0 {
            let of = (None, left_gap(left));
            drained.passes.push(self.pass(door, events, of, lease)?);
        }
        *lock(&door.told_all) = Some(now);
        Ok(())
    }

    /// Puts down what is known now, forgets what waited, and what is to be sent, in one.
    fn settle(
        &self,
        door: &Door,
        events: &Events,
        (waits, rows): (&[Waits], &BTreeSet<String>),
        (alerts, lease): (&[Alert], &Lease),
    ) -> Result<(), Error> {
        let (engine, now) = (&self.engine, self.engine.now());
        let part = |(part, body)| JournalPart {
            part,
            about: "standing 1".to_owned(),
            started: now,
            body,
        };
        let standing: Vec<_> = events.rows_of(rows).into_iter().map(part).collect();
        engine.store.write(Durability::Full, |writing| {
            writing.fence(&engine.tenant, lease)?;
            for one in &standing {
                writing.keep_part(&engine.tenant, &door.standing, one)?;
            }
            for one in waits {
                writing.forget_part(&engine.tenant, &door.waiting, &one.part.part)?;
            }
            if self.outgoing.is_some() {
                super::outgoing::put(writing, &engine.tenant, alerts, now)?;
            }
            Ok::<_, Error>(())
        })
    }
}

/// What is told of so many deliveries that wait and cannot be read.
fn left_gap(left: usize) -> Vec<Gap> {
    let told = format!(
        "{left} deliveries that wait cannot be read and are left: another version of this program may have kept them"
    );
    let gap = (left > 0).then(|| Gap::new(&Scope::whole(), Reason::Unsupported, told));
    gap.into_iter().collect()
}

/// Whether what waits has a birth, change or end in it, or waits long enough.
fn is_urgent(waits: &[Waits], now: Timestamp) -> bool {
    waits.iter().any(|one| {
        let tells = matches!(&one.came, Came::Events(came) if came.tells_of_lives());
        tells || now > one.part.started + USES_WAIT
    })
}
