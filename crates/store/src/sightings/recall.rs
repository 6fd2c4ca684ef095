//! Writing sightings as they stood at another moment, into a store that is made for it.

use model::{EntityId, Tenant};

use super::changes::{Hangs, hash_and_body};
use crate::engine::Bulk;
use crate::past::Stood;
use crate::value::{Type, json};
use crate::{Error, Writing};

impl Writing<'_> {
    /// Writes sightings with the times they had, each a thing of its own until it is assigned.
    /// None of them may be there yet.
    pub fn recall(&mut self, tenant: &Tenant, stood: &[Stood]) -> Result<(), Error> {
        let first = self.take_numbers(tenant, "sightings", stood.len())?;
        let (mut sightings, mut bodies) = (Vec::new(), Vec::new());
        let mut hangs = Hangs::default();
        for (no, one) in (first..).zip(stood) {
            let key = &one.key;
            let (hash, body) = hash_and_body(&one.observation)?;
            sightings.push(vec![
                (&key.source).into(),
                key.kind.into(),
                (&key.native).into(),
                no.into(),
                (&EntityId::of(key)).into(),
                hash,
                json(&one.observation.scope)?,
                one.pass().into(),
                one.first_seen.into(),
                one.valid_from.into(),
                one.since.into(),
                one.missing_since.into(),
            ]);
            bodies.push(vec![
                no.into(),
                (&key.source).into(),
                key.kind.into(),
                (&key.native).into(),
                body,
            ]);
            hangs.add(&key.source, no, &one.observation);
        }
        self.bulk(&SIGHTING, &[tenant.into()], &sightings)?;
        self.bulk(&BODY, &[tenant.into()], &bodies)?;
        self.hang(tenant, hangs)
    }
}

const SIGHTING: Bulk = Bulk {
    sql: "INSERT INTO sighting (tenant, source, kind, native, no, entity, joined, hash, scope,
            first_pass, first_seen, version, valid_from, since, missing_since)
          SELECT $1, r.source, r.kind, r.native, r.no, r.entity, 0, r.hash, r.scope, r.first_pass,
            r.first_seen, 1, r.valid_from, r.since, r.missing_since FROM {rows}",
    columns: &[
        ("source", Type::Text),
        ("kind", Type::Text),
        ("native", Type::Text),
        ("no", Type::Int),
        ("entity", Type::Text),
        ("hash", Type::Bytes),
        ("scope", Type::Json),
        ("first_pass", Type::Int),
        ("first_seen", Type::Int),
        ("valid_from", Type::Int),
        ("since", Type::Int),
        ("missing_since", Type::Int),
    ],
};

const BODY: Bulk = Bulk {
    sql: "INSERT INTO sighting_body (tenant, no, source, kind, native, body)
          SELECT $1, r.no, r.source, r.kind, r.native, r.body FROM {rows}",
    columns: &[
        ("no", Type::Int),
        ("source", Type::Text),
        ("kind", Type::Text),
        ("native", Type::Text),
        ("body", Type::Json),
    ],
};
