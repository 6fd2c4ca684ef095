//! Small named values: key ids, public keys, key rings that are sealed already.

use model::Tenant;

use crate::{Error, Reading, Writing};

impl Reading<'_> {
    /// The value of a setting.
    pub fn setting(&mut self, tenant: &Tenant, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let row = self.row(
            "SELECT value FROM setting WHERE tenant = $1 AND name = $2",
            &[tenant.into(), name.into()],
        )?;
        row.map(|mut row| row.bytes()).transpose()
    }
}

impl Writing<'_> {
    /// Sets a setting. Never a secret: what must be kept secret is sealed before it comes here.
    pub fn put_setting(
        &mut self,
        tenant: &Tenant,
        name: &str,
        value: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO setting (tenant, name, value) VALUES ($1, $2, $3)
             ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value
             WHERE setting.value IS DISTINCT FROM excluded.value",
            &[tenant.into(), name.into(), value.as_ref().into()],
        )?;
        Ok(())
    }
}
