//! Identities of other environments that bear a thing's name.

use assess::{Twin, environment, namesakes};
use model::Kind;
use store::{Reading, Row};

use crate::Engine;

/// Of so many at most everything is read that sources tell.
const TWINS_MAX: usize = 5;

impl Engine {
    /// The identities of the type of `row` in other environments that bear its name, words for
    /// environments apart. None where nobody tells its environment.
    pub(super) fn twins_in(
        &self,
        reading: &mut Reading<'_>,
        row: &Row,
    ) -> Result<Vec<Twin>, store::Error> {
        let Some(own) = row.environment.as_deref().map(environment) else {
            return Ok(Vec::new());
        };
        if row.kind != Kind::Identity {
            return Ok(Vec::new());
        }
        let mut twins = Vec::new();
        for other in reading.namesakes(&self.tenant, row.kind, &namesakes(&row.name))? {
            let there = other.environment.as_deref().map(environment);
            let Some(there) = there.filter(|there| *there != own) else {
                continue;
            };
            if twins.len() < TWINS_MAX && other.type_ == row.type_ && other.provider == row.provider
            {
                twins.push(Twin {
                    own: own.clone(),
                    environment: there,
                    entity: self.entity_in(reading, &other.id)?,
                });
            }
        }
        Ok(twins)
    }
}
