//! `keyroll get`: one thing, as the questions of someone woken at three.

use std::collections::BTreeSet;

use engine::{Engine, Looked};
use inventory::owners::Answer;
use model::{Attribute, CredentialType, Finding, Kind, Relation, Timestamp, Told, revocability};
use serde_json::json;
use store::{RevocationRow, Row};

use super::owner::suggest;
use super::places;
use crate::arguments::Moment;
use crate::error::Error;
use crate::exit::Outcome;
use crate::moment::View;
use crate::output::{Cell, Page, Section, Tone, show};
use crate::settings::Settings;
use crate::shown;
use crate::words::{many, seen as seen_at, when};

/// Show one thing: what it is, whose, where it lies, what it may do
#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// An id, the beginning of one, or a name
    id: String,
    #[command(flatten)]
    moment: Moment,
}

/// All that a page about one thing needs.
struct Seen {
    thing: Looked,
    credentials: Vec<Row>,
    /// What grants of it say.
    grants: Vec<Row>,
    findings: Vec<Finding>,
    suggested: Answer,
    revocation: Option<RevocationRow>,
}

impl Get {
    /// Shows the thing.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let (view, id) = View::around(settings, &self.moment, &self.id)?;
        let engine = view.engine(settings)?;
        let thing = engine
            .look(&id)
            .map_err(Error::from_engine("cannot read the roll"))?;
        let seen = see(&view, &engine, thing)?;
        let mut page = page(&seen, view.now);
        page.footer.extend(view.told(settings));
        page.gauge = Some(view.gauge(settings)?);
        show(settings, &page)?;
        Ok(Outcome::CLEAN)
    }
}

/// What is shown of `thing`.
fn see(view: &View, engine: &Engine, thing: Looked) -> Result<Seen, Error> {
    let (credentials, grants, mutes, revocations) = view.roll.read(|reading, tenant| {
        let (mut credentials, mut grants) = (Vec::new(), Vec::new());
        if thing.row.kind == Kind::Identity {
            credentials = reading.credentials_of(tenant, &thing.row.id)?;
            let pointing = reading.incoming(tenant, &thing.row.id)?.into_iter();
            let of = pointing.filter(|(_, relation)| *relation == Relation::Of);
            let of: Vec<_> = of.map(|(id, _)| id).take(GRANTS_MAX).collect();
            grants = reading.entity_rows(tenant, &of)?;
            grants.retain(|one| one.missing_since.is_none());
            grants.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        }
        let revocations = reading.revocations_of(tenant, &thing.row.id)?;
        Ok((credentials, grants, reading.mutes(tenant)?, revocations))
    })?;
    let findings = engine.findings_of(&thing, &mutes);
    let findings = findings.map_err(Error::from_engine("cannot judge it"))?;
    let left = engine.left();
    let left = left.map_err(Error::from_engine("cannot read the roll"))?;
    let suggested = engine.suggested(&thing, &left);
    Ok(Seen {
        thing,
        credentials,
        grants,
        findings,
        suggested,
        revocation: revocations.into_iter().next(),
    })
}

/// Grants of one identity that are shown.
const GRANTS_MAX: usize = 1_000;

fn page(seen: &Seen, now: Timestamp) -> Page {
    let row = &seen.thing.row;
    let type_ = if row.type_.is_empty() {
        "of unknown type"
    } else {
        &row.type_
    };
    let mut sections = vec![Section::pairs("", facts(seen, now))];
    sections.push(Section::lines(
        "Where it lies",
        place_lines(&seen.thing, now),
    ));
    sections.push(Section::rows(
        "Who works with it",
        &["id", "name", "says"],
        places::users(&seen.thing),
    ));
    sections.extend(held(seen, now));
    if seen.thing.owner.is_none() {
        sections.push(Section::rows(
            "Who may own it",
            &["who", "as", "score", "because"],
            suggest::rows(&seen.suggested),
        ));
    }
    sections.push(findings(&seen.findings));
    if row.kind == Kind::Credential {
        sections.push(Section::lines("Revocation", revocation(seen, now)));
    }
    Page {
        title: format!("{} ({} {type_})", row.name, row.kind),
        lead: lead(row, now),
        sections,
        hints: hints(seen),
        footer: Vec::new(),
        gauge: None,
        record: record(seen),
    }
}

/// What to ask next.
fn hints(seen: &Seen) -> Vec<String> {
    let row = &seen.thing.row;
    let id = row.id.as_str();
    let mut hints = vec![format!(
        "`keyroll why {id}` shows where each word comes from"
    )];
    if row.kind == Kind::Credential
        && seen.revocation.is_none()
        && row.missing_since.is_none()
        && assess::is_revocable(&seen.thing.entity, seen.thing.holder.as_ref())
    {
        hints.push(format!(
            "`keyroll plan revoke {id}` plans its end; nothing changes until you apply it"
        ));
    }
    hints
}

/// What it holds: credentials, and what grants give it.
fn held(seen: &Seen, now: Timestamp) -> [Section; 2] {
    let credentials = seen
        .credentials
        .iter()
        .map(|one| credential(one, now))
        .collect();
    let credentials = Section::rows(
        "Credentials",
        &["id", "name", "type", "last used", "expires"],
        credentials,
    );
    let grants = seen.grants.iter();
    let grants = grants.map(|one| {
        vec![
            shown::id(&one.id),
            Cell::new(one.name.clone()),
            Cell::new(one.type_.clone()),
        ]
    });
    let grants = Section::rows(
        "What it is granted",
        &["id", "name", "type"],
        grants.collect(),
    );
    [credentials, grants]
}

fn findings(findings: &[Finding]) -> Section {
    let findings = findings.iter().map(|finding| {
        vec![
            shown::severity(finding.severity),
            shown::verdict(&finding.verdict),
            Cell::new(finding.title),
            Cell::new(finding.verdict.why().to_owned()),
            Cell::new(finding.next.clone()),
        ]
    });
    let findings: Vec<_> = findings.collect();
    Section::rows(
        "Findings",
        &["severity", "verdict", "what", "why", "next"],
        findings,
    )
}

fn lead(row: &Row, now: Timestamp) -> Vec<Cell> {
    row.missing_since
        .map(|at| {
            Cell::toned(
                format!("no source finds it any more since {}", when(at, now)),
                Tone::Unknown,
            )
        })
        .into_iter()
        .collect()
}

fn facts(seen: &Seen, now: Timestamp) -> Vec<(String, Cell)> {
    let row = &seen.thing.row;
    let entity = &seen.thing.entity;
    let mut pairs = vec![("id".to_owned(), shown::id(&row.id))];
    let mut add = |name: &str, cell: Cell| pairs.push((name.to_owned(), cell));
    add(
        "owner",
        shown::owner(seen.thing.owner.as_deref(), row.owner_hint.as_deref()),
    );
    if let Some(holder) = &seen.thing.holder {
        add(
            "belongs to",
            Cell::new(format!("{} ({})", holder.name(), holder.id)),
        );
    } else if row.kind == Kind::Credential {
        add(
            "belongs to",
            Cell::toned("unknown: no source tells whose it is", Tone::Unknown),
        );
    }
    add("provider", Cell::new(row.provider.clone()));
    add("environment", shown::word(row.environment.as_deref()));
    if row.kind == Kind::Identity {
        add("class", shown::word(row.class.as_deref()));
    }
    add("status", shown::word(row.status.as_deref()));
    if let Some(privilege) = &row.privilege {
        add("privilege", Cell::toned(privilege.clone(), Tone::Warn));
    }
    add("created", shown::time(&row.created_at, "never", now));
    add("rotated", shown::time(&row.rotated_at, "never", now));
    add("last used", shown::time(&row.last_used_at, "never", now));
    add("expires", shown::expiry(&row.expires_at, now));
    let sources = many(u64::from(row.sources), "source", "sources");
    add(
        "seen by",
        Cell::new(format!(
            "{sources}, first {}, last {}",
            seen_at(row.first_seen, now),
            seen_at(entity.last_seen, now)
        )),
    );
    for attribute in OTHERS {
        if let Told::Is(value) = entity.fact(&attribute) {
            pairs.push((
                attribute.as_str().replace('_', " "),
                Cell::new(value.to_string()),
            ));
        }
    }
    pairs
}

/// Attributes that have no place of their own on the page and are shown where they are told.
const OTHERS: [Attribute; 18] = [
    Attribute::ENDPOINT,
    Attribute::USER,
    Attribute::ACCOUNT,
    Attribute::ARN,
    Attribute::MEMBER_OF,
    Attribute::RIGHTS,
    Attribute::TRUSTS,
    Attribute::SESSIONS,
    Attribute::SUBJECT,
    Attribute::ISSUER,
    Attribute::ALT_NAMES,
    Attribute::ALGORITHM,
    Attribute::ENCRYPTED,
    Attribute::LAST_USED_FOR,
    Attribute::CREATED_BY,
    Attribute::PURPOSE,
    Attribute::TAGS,
    Attribute::MATCHABLE,
];

/// Each place with the mode of its file and where in a history it came from.
fn place_lines(thing: &Looked, now: Timestamp) -> Vec<Cell> {
    let all = places::of(thing);
    let mut lines: Vec<Cell> = all.iter().map(|place| place.cell(now)).collect();
    lines.dedup();
    // Vaults and variables are no files: they are told apart by what they are called.
    let stored = thing.entity.facts.get(&Attribute::named("stored_in"));
    let stored: BTreeSet<&str> = stored
        .into_iter()
        .flatten()
        .filter_map(|fact| fact.told.is()?.text())
        .collect();
    lines.extend(stored.into_iter().map(Cell::new));
    lines
}

fn credential(row: &Row, now: Timestamp) -> Vec<Cell> {
    vec![
        shown::id(&row.id),
        Cell::new(row.name.clone()),
        Cell::new(row.type_.clone()),
        shown::time(&row.last_used_at, "never", now),
        shown::expiry(&row.expires_at, now),
    ]
}

fn revocation(seen: &Seen, now: Timestamp) -> Vec<Cell> {
    let mut lines = Vec::new();
    if let Some(row) = &seen.revocation {
        let mut cell = shown::state(&row.state, now);
        cell.text = format!("{} (plan {})", cell.text, row.plan);
        lines.push(cell);
    }
    let Ok(type_) = seen.thing.row.type_.parse::<CredentialType>() else {
        lines.push(Cell::toned(
            "how it is revoked is unknown for this type",
            Tone::Unknown,
        ));
        return lines;
    };
    let how = revocability(type_);
    lines.push(Cell::new(format!("how: {}", how.how)));
    lines.push(match how.bites_within {
        Told::Is(span) => Cell::new(format!("bites within: {span}")),
        _ => Cell::toned("bites within: unknown", Tone::Unknown),
    });
    if !how.survives.is_empty() {
        lines.push(Cell::new(format!("survives: {}", how.survives.join("; "))));
    }
    if !how.by_us {
        lines.push(Cell::new("Keyroll cannot do it itself yet"));
    }
    lines
}

fn record(seen: &Seen) -> serde_json::Value {
    let mut fields = super::ls::fields(&seen.thing.row);
    fields.insert("aliases".to_owned(), json!(seen.thing.entity.aliases));
    fields.insert("last_seen".to_owned(), json!(seen.thing.entity.last_seen));
    let facts: serde_json::Map<_, _> = seen
        .thing
        .entity
        .facts
        .keys()
        .map(|attribute| {
            let told = match seen.thing.entity.fact(attribute) {
                Told::Is(value) => json!(value),
                Told::Absent => json!("absent"),
                Told::CannotTell => serde_json::Value::Null,
            };
            (attribute.as_str().to_owned(), told)
        })
        .collect();
    fields.insert("facts".to_owned(), facts.into());
    let credentials: Vec<_> = seen.credentials.iter().map(|row| &row.id).collect();
    fields.insert("held".to_owned(), json!(credentials));
    let grants: Vec<_> = seen.grants.iter().map(|row| &row.id).collect();
    fields.insert("granted".to_owned(), json!(grants));
    fields.insert("places_seen".to_owned(), places::records(&seen.thing));
    fields.insert("used_by".to_owned(), places::user_records(&seen.thing));
    let findings: Vec<_> = seen.findings.iter().map(super::findings::fields).collect();
    fields.insert("findings".to_owned(), json!(findings));
    fields.insert("may_own_it".to_owned(), suggest::records(&seen.suggested));
    let revocation = seen
        .revocation
        .as_ref()
        .map(|row| json!({"plan": row.plan, "state": row.state, "updated": row.updated}));
    fields.insert("revocation".to_owned(), json!(revocation));
    fields.into()
}
