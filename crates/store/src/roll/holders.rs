//! How many credentials identities hold, counted by delta.

use std::collections::BTreeMap;

use model::{EntityId, Tenant, Timestamp};

use crate::engine::Bulk;
use crate::feed::Happening;
use crate::value::{Type, Value};
use crate::{Error, Writing};

impl Writing<'_> {
    /// Adds to the number of credentials each of these identities holds, or takes away from it.
    /// Those that are not on the roll are left out; each that is there is one entry of the feed.
    pub fn count_credentials(
        &mut self,
        tenant: &Tenant,
        now: Timestamp,
        held_by: &BTreeMap<EntityId, i64>,
    ) -> Result<(), Error> {
        const COUNT: Bulk = Bulk {
            sql: "UPDATE entity SET credentials = CASE WHEN credentials + r.by < 0 THEN 0
                    ELSE credentials + r.by END
                  FROM {rows} WHERE entity.tenant = $1 AND entity.id = r.id RETURNING entity.id",
            columns: &[("id", Type::Text), ("by", Type::Int)],
        };
        let asked: Vec<_> = held_by
            .iter()
            .filter(|(_, by)| **by != 0)
            .map(|(id, by)| vec![Value::from(id), Value::from(*by)])
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        self.lock_roll(tenant)?;
        let mut feed = Vec::new();
        for mut row in self.bulk_rows(&COUNT, &[tenant.into()], &asked)? {
            feed.push((row.parsed("an entity's id")?, Happening::Changed));
        }
        self.append_feed(tenant, now, feed)
    }
}
