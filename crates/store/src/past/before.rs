//! Where sightings and lines were filed before they were filed otherwise.

use model::{Attribute, Observation, SourceId};

use crate::Error;
use crate::engine::{Bulk, Session};
use crate::roll::cut_name;
use crate::sightings::{HANGING_LINK, Hangs};
use crate::value::{Type, Value};

/// Versions of an older store that are read at once.
const PAGE: i64 = 2_000;

/// Notes hard keys and links by which sightings are not found any more.
pub(crate) fn filed_before(
    session: &mut dyn Session,
    tenant: &Value,
    keys: &[Vec<Value>],
    links: &[Vec<Value>],
) -> Result<(), Error> {
    const KEYS: Bulk = Bulk {
        sql: "INSERT INTO key_before (tenant, hash, no) SELECT $1, r.hash, r.no FROM {rows}
              WHERE true ON CONFLICT DO NOTHING",
        columns: &[("hash", Type::Bytes), ("no", Type::Int)],
    };
    const LINKS: Bulk = Bulk {
        sql: "INSERT INTO link_before (tenant, target, no) SELECT $1, r.target, r.no FROM {rows}
              WHERE true ON CONFLICT DO NOTHING",
        columns: HANGING_LINK,
    };
    let of = std::slice::from_ref(tenant);
    session.bulk(&KEYS, of, keys)?;
    session.bulk(&LINKS, of, links)?;
    Ok(())
}

/// Notes names that lines bore, each with the number of the sighting that founded its line.
pub(crate) fn named_before<'n>(
    session: &mut dyn Session,
    tenant: &Value,
    names: impl IntoIterator<Item = (&'n str, i64)>,
) -> Result<(), Error> {
    const NAMES: Bulk = Bulk {
        sql: "INSERT INTO name_before (tenant, name, no) SELECT $1, r.name, r.no FROM {rows}
              WHERE true ON CONFLICT DO NOTHING",
        columns: &[("name", Type::Text), ("no", Type::Int)],
    };
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    let rows = names.into_iter();
    let rows: Vec<_> = rows
        .map(|(name, no)| vec![name.into(), no.into()])
        .collect();
    session.bulk(&NAMES, std::slice::from_ref(tenant), &rows)?;
    Ok(())
}

/// Notes all of that for a store which did not: from the versions of sightings that ended. Names
/// of lines are not kept, so those that sightings told stand for them.
pub(crate) fn fill_before(session: &mut dyn Session) -> Result<(), Error> {
    const FIRST: &str = "SELECT p.tenant, p.no, p.version, b.source, p.body FROM sighting_past p
        JOIN sighting_body b ON b.tenant = p.tenant AND b.no = p.no
        ORDER BY p.tenant, p.no, p.version LIMIT $1";
    const NEXT: &str = "SELECT p.tenant, p.no, p.version, b.source, p.body FROM sighting_past p
        JOIN sighting_body b ON b.tenant = p.tenant AND b.no = p.no
        WHERE (p.tenant, p.no, p.version) > ($2, $3, $4)
        ORDER BY p.tenant, p.no, p.version LIMIT $1";
    let mut rows = session.rows(FIRST, &[PAGE.into()])?;
    while !rows.is_empty() {
        let mut last = Vec::new();
        for mut row in rows {
            let (tenant, no, version) = (row.text()?, row.int()?, row.int()?);
            let source: SourceId = row.parsed("a source's id")?;
            let seen: Observation = row.json("an observation")?;
            let mut hangs = Hangs::default();
            hangs.add(&source, no, &seen);
            let (keys, links) = hangs.into_rows();
            let of: Value = tenant.as_str().into();
            filed_before(session, &of, &keys, &links)?;
            let told = seen.fact(&Attribute::NAME);
            let name = told.is().and_then(|name| name.text());
            let name = cut_name(name.unwrap_or(&seen.native));
            named_before(session, &of, [(name, no)])?;
            last = vec![PAGE.into(), of, no.into(), version.into()];
        }
        rows = session.rows(NEXT, &last)?;
    }
    Ok(())
}
