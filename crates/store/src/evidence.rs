//! The rows of the evidence log: leaves, tiles, the checkpoint. Its maths is another crate's.

use model::Tenant;

use crate::engine::Bulk;
use crate::value::{Type, Value};
use crate::{Error, Reading, Writing};

impl Reading<'_> {
    /// How many leaves there are.
    pub fn evidence_size(&mut self, tenant: &Tenant) -> Result<u64, Error> {
        let row = self.row(
            "SELECT size FROM evidence_head WHERE tenant = $1",
            &[tenant.into()],
        )?;
        Ok(row.map(|mut row| row.count()).transpose()?.unwrap_or(0))
    }

    /// The hashes of one tile, 32 bytes each; `None` if there is no such tile.
    pub fn evidence_tile(
        &mut self,
        tenant: &Tenant,
        level: u8,
        index: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let row = self.row(
            "SELECT hashes FROM evidence_tile WHERE tenant = $1 AND level = $2 AND tile_no = $3",
            &[tenant.into(), i64::from(level).into(), index.into()],
        )?;
        row.map(|mut row| row.bytes()).transpose()
    }

    /// At most `limit` leaves from the index `from` on, with their indexes, in order.
    pub fn evidence_leaves(
        &mut self,
        tenant: &Tenant,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let rows = self.rows(
            "SELECT leaf_no, leaf FROM evidence_leaf WHERE tenant = $1 AND leaf_no >= $2
             ORDER BY leaf_no LIMIT $3",
            &[tenant.into(), from.into(), limit.into()],
        )?;
        rows.into_iter()
            .map(|mut row| Ok((row.count()?, row.bytes()?)))
            .collect()
    }

    /// The latest signed checkpoint.
    pub fn evidence_checkpoint(&mut self, tenant: &Tenant) -> Result<Option<Vec<u8>>, Error> {
        let row = self.row(
            "SELECT checkpoint FROM evidence_head WHERE tenant = $1",
            &[tenant.into()],
        )?;
        row.map(|mut row| row.bytes()).transpose()
    }
}

impl Writing<'_> {
    /// Keeps other appenders of this tenant's log waiting until this transaction ends, and answers
    /// its size: take it, compute hashes and checkpoint, append.
    pub fn lock_evidence(&mut self, tenant: &Tenant) -> Result<u64, Error> {
        let row = self.row(
            "INSERT INTO evidence_head (tenant, size, checkpoint) VALUES ($1, 0, $2)
             ON CONFLICT (tenant) DO UPDATE SET size = evidence_head.size RETURNING size",
            &[tenant.into(), Value::Bytes(Vec::new())],
        )?;
        Ok(row.map(|mut row| row.count()).transpose()?.unwrap_or(0))
    }

    /// Appends leaves, the tiles (level, index, hashes) that they fill or begin, and the checkpoint
    /// that covers them. A tile takes the place of a narrower one.
    ///
    /// # Errors
    /// [`Error::EvidenceMoved`] if `first_index` is not the size of the log.
    pub fn evidence_append(
        &mut self,
        tenant: &Tenant,
        first_index: u64,
        leaves: &[Vec<u8>],
        tiles: &[(u8, u64, Vec<u8>)],
        checkpoint: &[u8],
    ) -> Result<(), Error> {
        const LEAF: Bulk = Bulk {
            sql: "INSERT INTO evidence_leaf (tenant, leaf_no, leaf)
                  SELECT $1, r.leaf_no, r.leaf FROM {rows}",
            columns: &[("leaf_no", Type::Int), ("leaf", Type::Bytes)],
        };
        const TILE: Bulk = Bulk {
            sql: "INSERT INTO evidence_tile (tenant, level, tile_no, hashes)
                  SELECT $1, r.level, r.tile_no, r.hashes FROM {rows} WHERE true
                  ON CONFLICT (tenant, level, tile_no) DO UPDATE SET hashes = excluded.hashes",
            columns: &[
                ("level", Type::Int),
                ("tile_no", Type::Int),
                ("hashes", Type::Bytes),
            ],
        };
        let size = self.lock_evidence(tenant)?;
        if size != first_index {
            return Err(Error::EvidenceMoved {
                expected: first_index,
                size,
            });
        }
        let rows: Vec<_> = (first_index..)
            .zip(leaves)
            .map(|(n, leaf)| vec![n.into(), leaf.as_slice().into()])
            .collect();
        self.bulk(&LEAF, &[tenant.into()], &rows)?;
        let rows: Vec<_> = tiles
            .iter()
            .map(|(level, index, hashes)| {
                vec![
                    i64::from(*level).into(),
                    (*index).into(),
                    hashes.as_slice().into(),
                ]
            })
            .collect();
        self.bulk(&TILE, &[tenant.into()], &rows)?;
        self.run(
            "UPDATE evidence_head SET size = $2, checkpoint = $3 WHERE tenant = $1",
            &[
                tenant.into(),
                (first_index + leaves.len() as u64).into(),
                checkpoint.into(),
            ],
        )?;
        Ok(())
    }
}
