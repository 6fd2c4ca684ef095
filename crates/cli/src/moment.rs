//! The roll as a command reads it: as it is, or as it was at another moment (decision 12, CL-8).
//!
//! A past moment is put together in a store of its own that goes with the command, so whatever is
//! asked of it is asked as of the present.

use std::collections::BTreeSet;

use engine::{Engine, Past};
use model::{EntityId, Timestamp};

use crate::arguments::Moment;
use crate::error::Error;
use crate::output::Gauge;
use crate::roll::{Ephemeral, Roll};
use crate::settings::Settings;
use crate::words::clock;

/// A moment on both axes of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Then {
    /// What was true at this instant …
    pub(crate) at: Timestamp,
    /// … as it was known at this one.
    pub(crate) known: Timestamp,
}

impl Then {
    /// The moment that was asked for; `None` is now.
    pub(crate) fn asked(moment: &Moment, now: Timestamp) -> Option<Self> {
        match (moment.as_of, moment.known_at) {
            (None, None) => None,
            (Some(at), known) => Some(Self {
                at,
                known: known.unwrap_or(now),
            }),
            (None, Some(known)) => Some(Self { at: known, known }),
        }
    }

    /// What a page or list says of its moment.
    fn told(&self, now: Timestamp) -> String {
        if self.known == now {
            format!("as of {}, as known now", clock(self.at))
        } else {
            format!(
                "as of {}, as known at {}",
                clock(self.at),
                clock(self.known)
            )
        }
    }
}

/// A roll of the moment that was asked for.
pub(crate) struct View {
    /// What there is to read.
    pub(crate) roll: Roll,
    /// The instant from which it is told: spans count from here.
    pub(crate) now: Timestamp,
    past: Option<Held>,
}

/// What stands behind a roll of another moment.
struct Held {
    then: Then,
    present: Roll,
    /// Goes with this.
    _dir: Ephemeral,
}

impl View {
    /// All of the roll at the moment that was asked for.
    ///
    /// # Errors
    /// There is no roll, it refused or broke, or the temporary directory takes no copy.
    pub(crate) fn open(settings: &Settings, moment: &Moment) -> Result<Self, Error> {
        let present = Roll::open(settings)?;
        match Then::asked(moment, settings.now) {
            None => Ok(Self::present(settings, present)),
            Some(then) => Self::back(settings, present, then, None),
        }
    }

    /// What tells of the one thing a person means by `text`, and which it was.
    ///
    /// # Errors
    /// Nothing or more than one thing is meant or was; else as for [`View::open`].
    pub(crate) fn around(
        settings: &Settings,
        moment: &Moment,
        text: &str,
    ) -> Result<(Self, EntityId), Error> {
        let present = Roll::open(settings)?;
        let Some(then) = Then::asked(moment, settings.now) else {
            let view = Self::present(settings, present);
            let meant = view.engine(settings)?.find(text);
            return Ok((view, meant.map_err(unread())?));
        };
        let meant = present.read(|reading, tenant| reading.find(tenant, text))?;
        // An id means the same thing at any time. What bears a name now may have had another one
        // then: only all of it can tell.
        let is_id = |id: &EntityId| id.as_str().starts_with(text);
        let by_id = !meant.is_empty() && meant.iter().all(is_id);
        let around = Some(meant.as_slice()).filter(|_| by_id);
        let view = Self::back(settings, present, then, around)?;
        let found = view
            .roll
            .read(|reading, tenant| reading.find(tenant, text))?;
        if let Some(held) = &view.past
            && found.is_empty()
            && !meant.is_empty()
        {
            let was = held.parts(&view.roll, settings.now, &meant)?;
            return Ok((view, was));
        }
        let was = view.engine(settings)?.find(text).map_err(unread())?;
        Ok((view, was))
    }

    const fn present(settings: &Settings, roll: Roll) -> Self {
        Self {
            roll,
            now: settings.now,
            past: None,
        }
    }

    /// Puts the roll of then together, or what tells of the things `around` alone.
    fn back(
        settings: &Settings,
        present: Roll,
        then: Then,
        around: Option<&[EntityId]>,
    ) -> Result<Self, Error> {
        let dir = Ephemeral::make(settings)?;
        let roll = Roll::open_or_make(settings, &dir.location())?;
        let past = Past {
            from: &present.store,
            to: &roll.store,
            tenant: &present.tenant,
            moment: store::Moment {
                at: then.at,
                known: then.known,
            },
        };
        let made = match around {
            Some(ids) => past.around(ids),
            None => past.whole(),
        };
        made.map_err(Error::from_engine("cannot put the roll of then together"))?;
        Ok(Self {
            roll,
            now: then.at,
            past: Some(Held {
                then,
                present,
                _dir: dir,
            }),
        })
    }

    /// The engine over it. Makes keys at first use.
    ///
    /// # Errors
    /// A key is missing, is another one, or may be read by others.
    pub(crate) fn engine(&self, settings: &Settings) -> Result<Engine, Error> {
        let Some(held) = &self.past else {
            return self.roll.engine(settings);
        };
        let present = held.present.engine(settings)?;
        Ok(present.of_past(self.roll.store.clone(), self.now))
    }

    /// Whether it is of another moment.
    pub(crate) const fn is_past(&self) -> bool {
        self.past.is_some()
    }

    /// What a page or list says of its moment.
    pub(crate) fn told(&self, settings: &Settings) -> Option<String> {
        self.past.as_ref().map(|held| held.then.told(settings.now))
    }

    /// How much of the world stood behind what was known.
    ///
    /// # Errors
    /// The store refused or broke.
    pub(crate) fn gauge(&self, settings: &Settings) -> Result<Gauge, Error> {
        match &self.past {
            Some(held) if held.then.known >= settings.now => held.present.gauge(),
            _ => self.roll.gauge(),
        }
    }
}

impl Held {
    /// What the one thing that is meant now was then, where its id of now was none.
    fn parts(&self, roll: &Roll, now: Timestamp, meant: &[EntityId]) -> Result<EntityId, Error> {
        let (names, keys) = self.present.read(|reading, tenant| {
            let (mut names, mut keys) = (Vec::new(), Vec::new());
            for row in reading.entity_rows(tenant, meant)? {
                let members = reading.sightings_of(tenant, &row.id)?;
                keys.extend(members.into_iter().map(|one| one.key));
                names.push(row.name);
            }
            Ok((names, keys))
        })?;
        let stood = roll.read(|reading, tenant| reading.sightings(tenant, &keys))?;
        let were: BTreeSet<EntityId> = stood.into_iter().map(|one| one.entity).collect();
        let mut were = were.into_iter();
        let name = names.first().map_or("it", String::as_str);
        let told = self.then.told(now);
        match (were.next(), were.len()) {
            (Some(was), 0) => Ok(was),
            (None, _) => Err(
                Error::failed(format!("nothing is known of `{name}` {told}"))
                    .hint("`keyroll why ID` says when it was first seen"),
            ),
            (Some(first), more) => {
                let others: Vec<_> = were.take(4).collect();
                let ids = std::iter::once(&first).chain(&others);
                let ids: Vec<_> = ids.map(EntityId::as_str).collect();
                let told = format!("`{name}` was {} things {told}", more + 1);
                Err(Error::failed(told).hint(format!("ask for one of them: {}", ids.join(", "))))
            }
        }
    }
}

fn unread() -> impl FnOnce(engine::Error) -> Error {
    Error::from_engine("cannot read the roll")
}
