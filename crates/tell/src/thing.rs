//! One thing, as whoever is woken at three asks about it.

use engine::{Engine, Error, Looked};
use inventory::owners::Answer;
use model::{Finding, Kind, Relation, Told};
use serde_json::json;
use store::{RevocationRow, Row};

use crate::{Fields, finding, line, owners, places, users};

/// All that a page about one thing needs.
#[derive(Debug)]
pub struct Thing {
    /// It, and what it stands next to.
    pub looked: Looked,
    /// What it holds, if it is an identity.
    pub credentials: Vec<Row>,
    /// What grants of it say.
    pub grants: Vec<Row>,
    /// What the rules say of it.
    pub findings: Vec<Finding>,
    /// Who may own it.
    pub suggested: Answer,
    /// Where its latest revocation stands.
    pub revocation: Option<RevocationRow>,
}

/// Grants of one identity that are told.
const GRANTS_MAX: usize = 1_000;

impl Thing {
    /// All of `looked`.
    ///
    /// # Errors
    /// The store refused or broke.
    pub fn of(engine: &Engine, looked: Looked) -> Result<Self, Error> {
        let (tenant, id) = (&engine.tenant, &looked.row.id);
        let (credentials, grants, mutes, revocations) = engine.store.read(|reading| {
            let (mut credentials, mut grants) = (Vec::new(), Vec::new());
            if looked.row.kind == Kind::Identity {
                credentials = reading.credentials_of(tenant, id)?;
                let pointing = reading.incoming(tenant, id)?.into_iter();
                let of = pointing.filter(|(_, relation)| *relation == Relation::Of);
                let of: Vec<_> = of.map(|(id, _)| id).take(GRANTS_MAX).collect();
                grants = reading.entity_rows(tenant, &of)?;
                grants.retain(|one| one.missing_since.is_none());
                grants.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            }
            let revocations = reading.revocations_of(tenant, id)?;
            Ok((credentials, grants, reading.mutes(tenant)?, revocations))
        })?;
        let findings = engine.findings_of(&looked, &mutes)?;
        let suggested = engine.suggested(&looked, &engine.left()?);
        Ok(Self {
            looked,
            credentials,
            grants,
            findings,
            suggested,
            revocation: revocations.into_iter().next(),
        })
    }

    /// The page for machines.
    pub fn record(&self) -> Fields {
        let mut fields = line(&self.looked.row);
        fields.insert("aliases".to_owned(), json!(self.looked.entity.aliases));
        fields.insert("last_seen".to_owned(), json!(self.looked.entity.last_seen));
        let facts: serde_json::Map<_, _> = self
            .looked
            .entity
            .facts
            .keys()
            .map(|attribute| {
                let told = match self.looked.entity.fact(attribute) {
                    Told::Is(value) => json!(value),
                    Told::Absent => json!("absent"),
                    Told::CannotTell => serde_json::Value::Null,
                };
                (attribute.as_str().to_owned(), told)
            })
            .collect();
        fields.insert("facts".to_owned(), facts.into());
        let credentials: Vec<_> = self.credentials.iter().map(|row| &row.id).collect();
        fields.insert("held".to_owned(), json!(credentials));
        let grants: Vec<_> = self.grants.iter().map(|row| &row.id).collect();
        fields.insert("granted".to_owned(), json!(grants));
        fields.insert("places_seen".to_owned(), places(&self.looked));
        fields.insert("used_by".to_owned(), users(&self.looked));
        let findings: Vec<_> = self.findings.iter().map(finding).collect();
        fields.insert("findings".to_owned(), json!(findings));
        fields.insert("may_own_it".to_owned(), json!(owners(&self.suggested)));
        let revocation = self
            .revocation
            .as_ref()
            .map(|row| json!({"plan": row.plan, "state": row.state, "updated": row.updated}));
        fields.insert("revocation".to_owned(), json!(revocation));
        fields
    }
}
