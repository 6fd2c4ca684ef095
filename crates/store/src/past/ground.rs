//! What stands beside a thing that is judged: the same for all of them, and its namesakes.

use std::collections::BTreeSet;

use model::{Kind, Tenant};

use super::{Moment, numbers};
use crate::engine::Bulk;
use crate::roll::cut_name;
use crate::value::{Type, Value};
use crate::{Error, Reading};

impl Reading<'_> {
    /// The numbers of what says of each source which system it reads: its first sighting of those
    /// that were seen by then.
    pub fn of_each_source(
        &mut self,
        tenant: &Tenant,
        moment: Moment,
    ) -> Result<BTreeSet<i64>, Error> {
        let mut all = BTreeSet::new();
        for source in self.sources_read(tenant)? {
            let first = self.rows(
                "SELECT no FROM sighting WHERE tenant = $1 AND source = $2 AND first_seen <= $3
                 ORDER BY kind, native LIMIT 1",
                &[tenant.into(), source, moment.until().into()],
            )?;
            all.extend(numbers(first)?);
        }
        Ok(all)
    }

    /// The numbers of owners of which any version told that they `left`: a word of a source.
    pub fn owners_told(&mut self, tenant: &Tenant, left: &str) -> Result<BTreeSet<i64>, Error> {
        let told = format!("%\"{left}\"%");
        let mut all = BTreeSet::new();
        for source in self.sources_read(tenant)? {
            let owners = self.rows(
                "SELECT s.no FROM sighting s
                 JOIN sighting_body b ON b.tenant = s.tenant AND b.no = s.no
                 WHERE s.tenant = $1 AND s.source = $2 AND s.kind = $3
                   AND (CAST(b.body AS text) LIKE $4 OR EXISTS (SELECT 1 FROM sighting_past p
                     WHERE p.tenant = s.tenant AND p.no = s.no
                       AND CAST(p.body AS text) LIKE $4))",
                &[
                    tenant.into(),
                    source,
                    Kind::Owner.as_str().into(),
                    told.as_str().into(),
                ],
            )?;
            all.extend(numbers(owners)?);
        }
        Ok(all)
    }

    /// The numbers of the sightings that founded the lines of one kind and type.
    pub fn founders_of_type(
        &mut self,
        tenant: &Tenant,
        kind: Kind,
        type_: &str,
    ) -> Result<BTreeSet<i64>, Error> {
        let rows = self.rows(
            "SELECT e.founder FROM cube c JOIN entity e ON e.tenant = c.tenant AND e.cell = c.cell
             WHERE c.tenant = $1 AND c.kind = $2 AND c.type = $3",
            &[tenant.into(), kind.as_str().into(), type_.into()],
        )?;
        Ok(numbers(rows)?.into_iter().collect())
    }

    /// The numbers of the sightings that founded lines which bear one of `names`, or once did;
    /// none at all where there are more than `most`.
    pub fn founders_named(
        &mut self,
        tenant: &Tenant,
        names: &BTreeSet<String>,
        most: usize,
    ) -> Result<BTreeSet<i64>, Error> {
        const NOW: Bulk = Bulk {
            sql: "SELECT e.founder FROM {rows} JOIN entity e ON e.tenant = $1 AND e.name = r.name
                  LIMIT $2",
            columns: &[("name", Type::Text)],
        };
        const ONCE: Bulk = Bulk {
            sql: "SELECT n.no FROM {rows} JOIN name_before n ON n.tenant = $1 AND n.name = r.name
                  LIMIT $2",
            columns: &[("name", Type::Text)],
        };
        let asked: BTreeSet<_> = names.iter().map(|name| cut_name(name)).collect();
        let asked: Vec<_> = asked
            .into_iter()
            .map(|name| vec![Value::from(name)])
            .collect();
        let fixed = [tenant.into(), (most + 1).into()];
        let mut all = BTreeSet::new();
        for bulk in [&NOW, &ONCE] {
            all.extend(numbers(self.bulk_rows(bulk, &fixed, &asked)?)?);
        }
        if all.len() > most {
            all.clear();
        }
        Ok(all)
    }

    /// Every source of which there was a pass.
    fn sources_read(&mut self, tenant: &Tenant) -> Result<Vec<Value>, Error> {
        let rows = self.rows(
            "SELECT DISTINCT source FROM pass WHERE tenant = $1 ORDER BY source",
            &[tenant.into()],
        )?;
        let sources = rows.into_iter();
        sources.map(|mut row| Ok(row.text()?.into())).collect()
    }
}
