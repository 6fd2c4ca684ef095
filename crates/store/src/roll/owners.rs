//! Decisions about the owners of many things at once.

use model::{EntityId, Tenant};

use crate::decisions::{Owned, owned};
use crate::engine::Bulk;
use crate::value::{Type, Value};
use crate::{Error, Reading};

impl Reading<'_> {
    /// The decisions about owners under any of these ids, by id and kind.
    pub fn owners_among(&mut self, tenant: &Tenant, ids: &[EntityId]) -> Result<Vec<Owned>, Error> {
        const DECIDED: Bulk = Bulk {
            sql: "SELECT o.entity, o.kind, o.owner, o.by_whom, o.at
                  FROM {rows} JOIN owner o ON o.tenant = $1 AND o.entity = r.id",
            columns: &[("id", Type::Text)],
        };
        let asked: Vec<_> = ids.iter().map(|id| vec![Value::from(id)]).collect();
        let rows = self.bulk_rows(&DECIDED, &[tenant.into()], &asked)?;
        let mut decided: Vec<Owned> = rows.into_iter().map(owned).collect::<Result<_, _>>()?;
        decided.sort_by(|a, b| (&a.entity, &a.kind).cmp(&(&b.entity, &b.kind)));
        decided.dedup();
        Ok(decided)
    }
}
