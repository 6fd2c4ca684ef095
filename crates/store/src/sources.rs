//! Sources as they are configured, and sealed values: what Keyroll must hold to use them.

use std::collections::BTreeMap;

use model::{SourceId, Tenant, Timestamp};

use crate::value::{Row, json};
use crate::{Error, Reading, Writing};

/// A source as it is configured. Holds no secret: what opens it is sealed at `sealed_path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its id.
    pub id: SourceId,
    /// Which connector collects it.
    pub connector: String,
    /// What it reads, in the connector's words.
    pub target: String,
    /// Whatever else the connector needs.
    pub options: BTreeMap<String, String>,
    /// Where its credential is sealed, if it has one of its own.
    pub sealed_path: Option<String>,
    /// Since when it is configured.
    pub added: Timestamp,
    /// `real`, `emulator` or `stub`: what a proof against it is worth.
    pub kind_of_target: String,
}

impl Reading<'_> {
    /// Every configured source, by id.
    pub fn sources(&mut self, tenant: &Tenant) -> Result<Vec<SourceConfig>, Error> {
        let rows = self.rows(
            "SELECT id, connector, target, options, sealed_path, added, target_kind
             FROM source WHERE tenant = $1 ORDER BY id",
            &[tenant.into()],
        )?;
        rows.into_iter().map(config).collect()
    }

    /// The sealed value at `path` with its version.
    pub fn sealed(&mut self, tenant: &Tenant, path: &str) -> Result<Option<(u32, Vec<u8>)>, Error> {
        let row = self.row(
            "SELECT version, bytes FROM sealed WHERE tenant = $1 AND path = $2",
            &[tenant.into(), path.into()],
        )?;
        row.map(|mut row| Ok((row.count32()?, row.bytes()?)))
            .transpose()
    }

    /// Every path that holds a sealed value.
    pub fn sealed_paths(&mut self, tenant: &Tenant) -> Result<Vec<(String, u32)>, Error> {
        let rows = self.rows(
            "SELECT path, version FROM sealed WHERE tenant = $1 ORDER BY path",
            &[tenant.into()],
        )?;
        rows.into_iter()
            .map(|mut row| Ok((row.text()?, row.count32()?)))
            .collect()
    }
}

fn config(mut row: Row) -> Result<SourceConfig, Error> {
    Ok(SourceConfig {
        id: row.parsed("a source's id")?,
        connector: row.text()?,
        target: row.text()?,
        options: row.json("a source's options")?,
        sealed_path: row.text_opt()?,
        added: row.time()?,
        kind_of_target: row.text()?,
    })
}

impl Writing<'_> {
    /// Configures a source, or changes how it is configured.
    pub fn put_source(&mut self, tenant: &Tenant, source: &SourceConfig) -> Result<(), Error> {
        self.run(
            "INSERT INTO source (tenant, id, connector, target, options, sealed_path, added,
               target_kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (tenant, id) DO UPDATE SET connector = excluded.connector,
               target = excluded.target, options = excluded.options,
               sealed_path = excluded.sealed_path, target_kind = excluded.target_kind",
            &[
                tenant.into(),
                (&source.id).into(),
                (&source.connector).into(),
                (&source.target).into(),
                json(&source.options)?,
                source.sealed_path.as_deref().into(),
                source.added.into(),
                (&source.kind_of_target).into(),
            ],
        )?;
        Ok(())
    }

    /// Forgets how a source is configured; what it saw stays on the roll. Whether it was there.
    pub fn remove_source(&mut self, tenant: &Tenant, id: &SourceId) -> Result<bool, Error> {
        let gone = self.run(
            "DELETE FROM source WHERE tenant = $1 AND id = $2",
            &[tenant.into(), id.into()],
        )?;
        Ok(gone > 0)
    }

    /// Keeps a sealed value in the place of any earlier version.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a later version is there.
    pub fn put_sealed(
        &mut self,
        tenant: &Tenant,
        path: &str,
        version: u32,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let written = self.run(
            "INSERT INTO sealed (tenant, path, version, bytes) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, path) DO UPDATE SET version = excluded.version,
               bytes = excluded.bytes WHERE excluded.version >= sealed.version",
            &[tenant.into(), path.into(), version.into(), bytes.into()],
        )?;
        if written == 0 {
            return Err(Error::Conflict {
                what: "the sealed value",
            });
        }
        Ok(())
    }

    /// Puts `bytes` in the place of the value that is sealed at `path` as `before`, and only of
    /// that one. Whether it was there.
    pub fn reseal(
        &mut self,
        tenant: &Tenant,
        path: &str,
        version: u32,
        before: &[u8],
        bytes: &[u8],
    ) -> Result<bool, Error> {
        let written = self.run(
            "UPDATE sealed SET bytes = $5
             WHERE tenant = $1 AND path = $2 AND version = $3 AND bytes = $4",
            &[
                tenant.into(),
                path.into(),
                version.into(),
                before.into(),
                bytes.into(),
            ],
        )?;
        Ok(written > 0)
    }

    /// Removes a sealed value for ever. Whether it was there.
    pub fn destroy_sealed(&mut self, tenant: &Tenant, path: &str) -> Result<bool, Error> {
        let gone = self.run(
            "DELETE FROM sealed WHERE tenant = $1 AND path = $2",
            &[tenant.into(), path.into()],
        )?;
        Ok(gone > 0)
    }
}
