//! What a pass changes: new sightings, versions that end, what hangs on them.

use std::collections::BTreeMap;

use model::{Attribute, EntityId, Observation, SightingKey, SourceId, Tenant, Timestamp};

use super::Change;
use crate::closure::{bearer_hash, target_hash};
use crate::engine::Bulk;
use crate::past::filed_before;
use crate::value::{Type, Value, json};
use crate::{Error, Writing};

/// One sighting as it stands before a change.
struct Standing {
    no: i64,
    version: i64,
    valid_from: Option<Timestamp>,
    since: Timestamp,
    missing_since: Option<Timestamp>,
    observation: Observation,
    body: String,
}

impl Writing<'_> {
    /// Keeps other writers of this tenant's roll waiting until this transaction ends.
    ///
    /// Every operation that needs it takes it by itself; a caller that reads before it writes
    /// takes it first.
    pub fn lock_roll(&mut self, tenant: &Tenant) -> Result<(), Error> {
        if self.locked.contains(tenant) {
            return Ok(());
        }
        self.run(
            "INSERT INTO roll_head (tenant, sightings, cells, turns) VALUES ($1, 0, 0, 1)
             ON CONFLICT (tenant) DO UPDATE SET turns = roll_head.turns + 1",
            &[tenant.into()],
        )?;
        self.locked.insert(tenant.clone());
        Ok(())
    }

    /// Takes `count` numbers and answers the first.
    pub(crate) fn take_numbers(
        &mut self,
        tenant: &Tenant,
        column: &'static str,
        count: usize,
    ) -> Result<i64, Error> {
        self.lock_roll(tenant)?;
        let row = self.row(
            &format!(
                "UPDATE roll_head SET {column} = {column} + $2 WHERE tenant = $1
                 RETURNING {column}"
            ),
            &[tenant.into(), count.into()],
        )?;
        let last = row.map(|mut row| row.int()).transpose()?.unwrap_or(0);
        Ok(last - i64::try_from(count).unwrap_or(0) + 1)
    }

    /// Writes what the pass `pass`, begun at `started`, found out about a source.
    ///
    /// Versions that end are closed at `started` and kept; nothing is rewritten (decision 12).
    /// What is there decides, not the word: a change of a sighting that is not there makes it,
    /// and one that says what is there already does nothing, so that a repeated page does no harm.
    pub fn apply(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        pass: i64,
        started: Timestamp,
        changes: &[Change],
    ) -> Result<(), Error> {
        self.lock_roll(tenant)?;
        let mut sorted: Vec<&Change> = changes.iter().collect();
        sorted.sort_by(|a, b| a.key().cmp(&b.key()));
        // Of two statements about one thing the later counts.
        sorted.reverse();
        sorted.dedup_by(|a, b| a.key() == b.key());
        sorted.reverse();
        let mut standing = self.standing(tenant, source, &sorted)?;
        let mut new = Vec::new();
        let mut ended = Vec::new();
        for change in sorted {
            let key = change.key();
            let known = standing.remove(&(key.0.to_owned(), key.1.to_owned()));
            match (change, known) {
                (Change::Missing { .. }, known) => ended.extend(known.map(|known| (known, None))),
                (Change::New(seen) | Change::Changed(seen) | Change::Back(seen), None) => {
                    new.push(seen);
                }
                (Change::New(seen) | Change::Changed(seen) | Change::Back(seen), Some(known)) => {
                    if known.missing_since.is_some() || known.observation != *seen {
                        ended.push((known, Some(seen)));
                    }
                }
            }
        }
        self.insert_new(tenant, source, pass, started, &new)?;
        self.change_standing(tenant, source, started, ended)
    }

    fn standing(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        changes: &[&Change],
    ) -> Result<BTreeMap<(String, String), Standing>, Error> {
        const STANDING: Bulk = Bulk {
            sql: "SELECT s.kind, s.native, s.no, s.version, s.valid_from, s.since,
                    s.missing_since, b.body
                  FROM {rows} JOIN sighting s ON s.tenant = $1 AND s.source = $2
                    AND s.kind = r.kind AND s.native = r.native
                  JOIN sighting_body b ON b.tenant = s.tenant AND b.no = s.no",
            columns: &[("kind", Type::Text), ("native", Type::Text)],
        };
        let asked: Vec<_> = changes
            .iter()
            .map(|change| vec![change.key().0.into(), change.key().1.into()])
            .collect();
        let mut standing = BTreeMap::new();
        for mut row in self.bulk_rows(&STANDING, &[tenant.into(), source.into()], &asked)? {
            let key = (row.text()?, row.text()?);
            let (no, version) = (row.int()?, row.int()?);
            let (valid_from, since) = (row.time_opt()?, row.time()?);
            let missing_since = row.time_opt()?;
            let body = row.text()?;
            let observation =
                serde_json::from_str(&body).map_err(Error::unreadable("an observation"))?;
            standing.insert(
                key,
                Standing {
                    no,
                    version,
                    valid_from,
                    since,
                    missing_since,
                    observation,
                    body,
                },
            );
        }
        Ok(standing)
    }

    fn insert_new(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        pass: i64,
        started: Timestamp,
        new: &[&Observation],
    ) -> Result<(), Error> {
        const SIGHTING: Bulk = Bulk {
            sql: "INSERT INTO sighting (tenant, source, kind, native, no, entity, joined, hash,
                    scope, first_pass, first_seen, version, valid_from, since)
                  SELECT $1, $2, r.kind, r.native, r.no, r.entity, 0, r.hash, r.scope,
                    CAST($3 AS bigint), CAST($4 AS bigint), 1, r.valid_from, CAST($4 AS bigint)
                  FROM {rows}",
            columns: &[
                ("kind", Type::Text),
                ("native", Type::Text),
                ("no", Type::Int),
                ("entity", Type::Text),
                ("hash", Type::Bytes),
                ("scope", Type::Json),
                ("valid_from", Type::Int),
            ],
        };
        const BODY: Bulk = Bulk {
            sql: "INSERT INTO sighting_body (tenant, no, source, kind, native, body)
                  SELECT $1, r.no, $2, r.kind, r.native, r.body FROM {rows}",
            columns: &[
                ("no", Type::Int),
                ("kind", Type::Text),
                ("native", Type::Text),
                ("body", Type::Json),
            ],
        };
        if new.is_empty() {
            return Ok(());
        }
        let first = self.take_numbers(tenant, "sightings", new.len())?;
        let mut sightings = Vec::with_capacity(new.len());
        let mut bodies = Vec::with_capacity(new.len());
        let mut hangs = Hangs::default();
        for (no, seen) in (first..).zip(new) {
            let key = SightingKey {
                source: source.clone(),
                kind: seen.kind,
                native: seen.native.clone(),
            };
            let (hash, body) = hash_and_body(seen)?;
            sightings.push(vec![
                seen.kind.into(),
                (&seen.native).into(),
                no.into(),
                (&EntityId::of(&key)).into(),
                hash,
                json(&seen.scope)?,
                created_at(seen).into(),
            ]);
            bodies.push(vec![
                no.into(),
                seen.kind.into(),
                (&seen.native).into(),
                body,
            ]);
            hangs.add(source, no, seen);
        }
        let by_source = [tenant.into(), source.into()];
        let by_pass = [tenant.into(), source.into(), pass.into(), started.into()];
        self.bulk(&SIGHTING, &by_pass, &sightings)?;
        self.bulk(&BODY, &by_source, &bodies)?;
        self.hang(tenant, hangs)
    }

    /// Closes standing versions, and opens new ones where something was seen.
    fn change_standing(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        started: Timestamp,
        ended: Vec<(Standing, Option<&Observation>)>,
    ) -> Result<(), Error> {
        let (mut current, mut bodies, mut missing, mut past) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut gone, mut hangs) = (Hangs::default(), Hangs::default());
        for (old, seen) in ended {
            // A collection pushed late cannot end a version before it began.
            let at = started.max(old.missing_since.unwrap_or(old.since));
            let (kind, native) = (old.observation.kind, &old.observation.native);
            let Some(seen) = seen else {
                missing.push(vec![kind.into(), native.into(), at.into()]);
                continue;
            };
            let (hash, body) = hash_and_body(seen)?;
            current.push(vec![
                kind.into(),
                native.into(),
                hash,
                json(&seen.scope)?,
                (old.version + 1).into(),
                at.into(),
            ]);
            bodies.push(vec![old.no.into(), body]);
            if (&old.observation.keys, &old.observation.links) != (&seen.keys, &seen.links) {
                gone.add(source, old.no, &old.observation);
                hangs.add(source, old.no, seen);
            }
            let word = old.missing_since.map_or("changed", |_| "missing");
            let end = old.missing_since.unwrap_or(at);
            past.push(vec![
                old.no.into(),
                old.version.into(),
                old.valid_from.into(),
                end.into(),
                old.since.into(),
                end.into(),
                word.into(),
                Value::Json(old.body),
            ]);
        }
        let by_source = [tenant.into(), source.into()];
        self.bulk(&PAST, &[tenant.into()], &past)?;
        self.bulk(&CURRENT, &by_source, &current)?;
        self.bulk(&MISSING, &by_source, &missing)?;
        self.bulk(&BODY, &[tenant.into()], &bodies)?;
        self.unhang(tenant, gone)?;
        self.hang(tenant, hangs)
    }

    pub(super) fn hang(&mut self, tenant: &Tenant, hangs: Hangs) -> Result<(), Error> {
        const KEYS: Bulk = Bulk {
            sql: "INSERT INTO hard_key (tenant, hash, no) SELECT $1, r.hash, r.no FROM {rows}
                  WHERE true ON CONFLICT DO NOTHING",
            columns: &[("hash", Type::Bytes), ("no", Type::Int)],
        };
        const LINKS: Bulk = Bulk {
            sql: "INSERT INTO link (tenant, target, no, relation)
                  SELECT $1, r.target, r.no, r.relation FROM {rows}
                  WHERE true ON CONFLICT DO NOTHING",
            columns: HANGING_LINK,
        };
        let (keys, links) = hangs.into_rows();
        self.bulk(&KEYS, &[tenant.into()], &keys)?;
        self.bulk(&LINKS, &[tenant.into()], &links)?;
        Ok(())
    }

    /// Files them no longer, and notes that they once were.
    fn unhang(&mut self, tenant: &Tenant, hangs: Hangs) -> Result<(), Error> {
        const KEYS: Bulk = Bulk {
            sql: "DELETE FROM hard_key WHERE (tenant, hash, no) IN
                  (SELECT $1, r.hash, r.no FROM {rows})",
            columns: &[("hash", Type::Bytes), ("no", Type::Int)],
        };
        const LINKS: Bulk = Bulk {
            sql: "DELETE FROM link WHERE (tenant, target, no, relation) IN
                  (SELECT $1, r.target, r.no, r.relation FROM {rows})",
            columns: HANGING_LINK,
        };
        let (keys, links) = hangs.into_rows();
        self.bulk(&KEYS, &[tenant.into()], &keys)?;
        self.bulk(&LINKS, &[tenant.into()], &links)?;
        filed_before(self.session.as_mut(), &tenant.into(), &keys, &links)
    }
}

pub(crate) const HANGING_LINK: &[(&str, Type)] = &[
    ("target", Type::Bytes),
    ("no", Type::Int),
    ("relation", Type::Text),
];

const PAST: Bulk = Bulk {
    sql: "INSERT INTO sighting_past (tenant, no, version, valid_from, valid_to, seen_from,
            seen_to, ended, body)
          SELECT $1, r.no, r.version, r.valid_from, r.valid_to, r.seen_from, r.seen_to, r.ended,
            r.body FROM {rows}",
    columns: &[
        ("no", Type::Int),
        ("version", Type::Int),
        ("valid_from", Type::Int),
        ("valid_to", Type::Int),
        ("seen_from", Type::Int),
        ("seen_to", Type::Int),
        ("ended", Type::Text),
        ("body", Type::Json),
    ],
};

const CURRENT: Bulk = Bulk {
    sql: "UPDATE sighting SET hash = r.hash, scope = r.scope, version = r.version,
            valid_from = r.at, since = r.at, missing_since = NULL
          FROM {rows} WHERE sighting.tenant = $1 AND sighting.source = $2
            AND sighting.kind = r.kind AND sighting.native = r.native",
    columns: &[
        ("kind", Type::Text),
        ("native", Type::Text),
        ("hash", Type::Bytes),
        ("scope", Type::Json),
        ("version", Type::Int),
        ("at", Type::Int),
    ],
};
const BODY: Bulk = Bulk {
    sql: "UPDATE sighting_body SET body = r.body FROM {rows}
          WHERE sighting_body.tenant = $1 AND sighting_body.no = r.no",
    columns: &[("no", Type::Int), ("body", Type::Json)],
};
const MISSING: Bulk = Bulk {
    sql: "UPDATE sighting SET missing_since = r.at FROM {rows}
          WHERE sighting.tenant = $1 AND sighting.source = $2
            AND sighting.kind = r.kind AND sighting.native = r.native
            AND sighting.missing_since IS NULL",
    columns: &[
        ("kind", Type::Text),
        ("native", Type::Text),
        ("at", Type::Int),
    ],
};

/// Hard keys and links of sightings, by which others find them.
#[derive(Default)]
pub(crate) struct Hangs {
    keys: Vec<([u8; 16], i64)>,
    links: Vec<([u8; 16], i64, &'static str)>,
}

impl Hangs {
    pub(crate) fn add(&mut self, source: &SourceId, no: i64, seen: &Observation) {
        for key in &seen.keys {
            self.keys.push((bearer_hash(seen.kind, key), no));
        }
        for link in &seen.links {
            let target = target_hash(source, &link.to);
            self.links.push((target, no, link.relation.as_str()));
        }
    }

    /// Sorted by key, so that writers meet in one order (ST-2).
    pub(crate) fn into_rows(mut self) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
        self.keys.sort_unstable();
        self.keys.dedup();
        self.links.sort_unstable();
        self.links.dedup();
        let keys = self.keys.iter();
        let keys = keys.map(|(hash, no)| vec![hash.as_slice().into(), (*no).into()]);
        let links = self.links.iter();
        let links = links.map(|(target, no, relation)| {
            vec![target.as_slice().into(), (*no).into(), (*relation).into()]
        });
        (keys.collect(), links.collect())
    }
}

pub(super) fn hash_and_body(seen: &Observation) -> Result<(Value, Value), Error> {
    let bytes = seen.to_bytes();
    let hash = Observation::hash(&bytes);
    let body = String::from_utf8(bytes).map_err(|_| Error::corrupt("an observation"))?;
    Ok((hash.as_slice().into(), Value::Json(body)))
}

/// From when a thing that was never seen before is known to have been: when it was made.
fn created_at(seen: &Observation) -> Option<Timestamp> {
    seen.fact(&Attribute::CREATED_AT)
        .is()
        .and_then(|value| value.time())
}
