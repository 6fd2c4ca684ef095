//! One thing in one line: what lists, filters and facets read.

use crate::{EntityId, Kind, Timestamp, Told};

/// One line of the roll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The thing.
    pub id: EntityId,
    /// What it is.
    pub kind: Kind,
    /// Whether a list without a filter shows it: identities and loose credentials (decision 2).
    pub listed: bool,
    /// What people call it; its native id where no source gives a name. A store cuts it to 512
    /// bytes.
    pub name: String,
    /// Its type in its provider's words; empty: no source tells. A store cuts this and the texts
    /// that follow to 128 bytes.
    pub type_: String,
    /// `aws`, `postgres`, …; the connector that saw it where no source tells.
    pub provider: String,
    /// The word of a [`crate::Class`], if it is told or follows from the type.
    pub class: Option<String>,
    /// `prod`, `staging`, …
    pub environment: Option<String>,
    /// `active`, `inactive`, …
    pub status: Option<String>,
    /// What it may do, if that is special.
    pub privilege: Option<String>,
    /// Whose credential or grant it is.
    pub holder: Option<EntityId>,
    /// Who answers for it, as a person has confirmed.
    pub owner: Option<String>,
    /// Whom a source names as owner.
    pub owner_hint: Option<String>,
    /// How many sources see it.
    pub sources: u32,
    /// In how many places its secret lies.
    pub places: u32,
    /// How many credentials it holds.
    pub credentials: u32,
    /// When it came into being.
    pub created_at: Told<Timestamp>,
    /// When its secret was last changed.
    pub rotated_at: Told<Timestamp>,
    /// When it was last used.
    pub last_used_at: Told<Timestamp>,
    /// When it stops being accepted.
    pub expires_at: Told<Timestamp>,
    /// When any source first saw it.
    pub first_seen: Timestamp,
    /// Since when no source finds it.
    pub missing_since: Option<Timestamp>,
}

impl Row {
    /// Whose credential it is; `None` for what is none.
    pub fn credential_of(&self) -> Option<&EntityId> {
        let holder = self.holder.as_ref();
        holder.filter(|_| self.kind == Kind::Credential)
    }
}
