//! One birth, told.

use connectors::events::Born;
use model::{Duration, EntityId, Kind, SightingKey, Timestamp};
use serde_json::{Value, json};

use super::door::{Door, digest_of};
use crate::{Engine, Error};

/// That an identity or credential was born.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The same each time it is told.
    pub id: String,
    /// Of which kind.
    pub kind: Kind,
    /// Its id on the roll.
    pub entity: EntityId,
    /// Its type.
    pub type_: String,
    /// Its provider.
    pub provider: String,
    /// What people call it.
    pub name: String,
    /// Its account.
    pub account: String,
    /// When it was born, as the event says.
    pub born_at: Timestamp,
    /// Who made it: an owner to ask.
    pub by: String,
    /// Of which source the event came.
    pub source: String,
    /// When this was told.
    pub told_at: Timestamp,
}

impl Alert {
    /// Of one that stands on the roll already.
    pub(super) fn of(engine: &Engine, door: &Door, born: &Born) -> Result<Self, Error> {
        let key = SightingKey {
            source: door.id.clone(),
            kind: born.kind,
            native: born.native.clone(),
        };
        let own = EntityId::of(&key);
        let row = engine
            .store
            .read(|reading| reading.entity_row(&engine.tenant, &own))?;
        let mark = format!(
            "{} {} {} {}",
            door.id.as_str(),
            born.kind.as_str(),
            born.native,
            born.at.0
        );
        let mark = digest_of(mark.as_bytes());
        let mark: String = mark
            .iter()
            .take(10)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            id: format!("birth-{mark}"),
            kind: born.kind,
            entity: row.map_or(own, |row| row.id),
            type_: born.type_.clone(),
            provider: born.provider.clone(),
            name: born.name.clone(),
            account: born.account.clone(),
            born_at: born.at,
            by: born.by.clone(),
            source: door.id.as_str().to_owned(),
            told_at: engine.now(),
        })
    }

    /// From the event's own time until it was told.
    pub const fn delay(&self) -> Duration {
        self.told_at.since(self.born_at)
    }

    /// As a line of NDJSON and as a webhook tells it.
    pub fn to_json(&self) -> Value {
        let or_null = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        json!({
            "alert": "born",
            "id": self.id,
            "kind": self.kind.as_str(),
            "entity": self.entity.as_str(),
            "type": self.type_,
            "provider": self.provider,
            "name": self.name,
            "account": or_null(&self.account),
            "born_at": self.born_at.to_string(),
            "created_by": or_null(&self.by),
            "source": self.source,
            "told_at": self.told_at.to_string(),
            "delay_ms": u64::try_from(self.delay().to_std().as_millis()).unwrap_or(u64::MAX),
        })
    }
}
