//! `keyroll findings ticket`: one finding as the text of a ticket.

use engine::Looked;
use inventory::owners::Answer;
use model::{Attribute, Finding, Kind, Told, Validity, Verdict};
use serde_json::{Value, json};

use crate::commands::places;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Fields, Page, Section, show};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::clock;

/// Other places, and workloads, that a ticket names; it is read by people.
const NAMED_MAX: usize = 20;

/// Write one finding as the text of a ticket (Markdown)
#[derive(Debug, clap::Args)]
pub(crate) struct Ticket {
    /// The finding: `fnd-…` or its fingerprint `fpr-…`, as `keyroll findings -o json` names them
    finding: String,
}

impl Ticket {
    /// Finds and writes it.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let engine = roll.engine(settings)?;
        let is_meant = |finding: &Finding| {
            [finding.id.as_str(), finding.print.as_str()].contains(&self.finding.as_str())
        };
        let judged =
            tell::judge(&engine, &is_meant).map_err(Error::from_engine("cannot judge the roll"))?;
        let Some(finding) = judged.findings().next() else {
            let got = model::shorten(&model::clean(&self.finding), 60);
            return Err(Error::failed(format!("there is no finding `{got}` now"))
                .hint("`keyroll findings --json finding,fingerprint,title,name` lists them"));
        };
        let mut settings = settings.clone();
        settings.wanted = settings.wanted.markdown_unless_asked();
        let reading = || Error::from_engine("cannot read the roll");
        let left = engine.left().map_err(reading())?;
        let thing = engine.look(&finding.entity).map_err(reading())?;
        let mut record = tell::finding(finding);
        let suggested = engine.suggested(&thing, &left);
        record.insert("may_own_it".to_owned(), tell::owners(&suggested));
        record.insert("used_by".to_owned(), tell::users(&thing));
        record.insert("places_seen".to_owned(), tell::places(&thing));
        let holder = thing.holder.as_ref();
        let holder = holder.map(|holder| json!({"id": holder.id, "name": holder.name()}));
        record.insert("belongs_to".to_owned(), json!(holder));
        show(
            &settings,
            &page(&settings, finding, &thing, &suggested, record),
        )?;
        Ok(Outcome::CLEAN)
    }
}

/// Whom the evidence names, in both senses and with its reasons, and how one of them is confirmed.
fn unconfirmed(finding: &Finding, suggested: &Answer) -> Vec<String> {
    let likely = suggested.ranked.iter().map(|one| {
        format!(
            "perhaps {} ({}, {} of 100): {}",
            one.who.name(),
            one.role.as_str(),
            one.score,
            one.reasons.join("; ")
        )
    });
    let left = suggested
        .left
        .iter()
        .map(|one| format!("{} has left: {}", one.who.name(), one.reasons.join("; ")));
    let mut lines: Vec<String> = likely.chain(left).collect();
    lines.push(format!(
        "nobody is confirmed; `keyroll owner set {} NAME` says who",
        finding.entity
    ));
    lines
}

/// Whether it still lets in whoever shows it, and until when.
fn validity(settings: &Settings, finding: &Finding, thing: &Looked) -> Vec<String> {
    if thing.row.kind != Kind::Credential {
        return Vec::new();
    }
    let because = thing.entity.text(&Attribute::VALIDITY_BECAUSE);
    let because = because.map(|why| format!(": {why}")).unwrap_or_default();
    let mut lines = vec![match finding.validity {
        Some(Validity::Live) => format!("it still works{because}"),
        Some(Validity::Dead) => format!("it is dead{because}"),
        Some(Validity::Unknown) => format!("it was tried, and nobody can tell{because}"),
        None => match thing.row.status.as_deref() {
            Some(status) => format!("unknown: nobody tried it; a source lists it as {status}"),
            None => "unknown: nobody tried it, and no source tells".to_owned(),
        },
    }];
    lines.push(match &thing.row.expires_at {
        Told::Is(at) if *at <= settings.now => format!("it ended on {}", clock(*at)),
        Told::Is(at) => format!("it ends on {}", clock(*at)),
        Told::Absent => "it never ends by itself".to_owned(),
        Told::CannotTell => "no source tells when it ends".to_owned(),
    });
    lines
}

/// Whose it is and who works with it.
fn users(thing: &Looked) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(holder) = &thing.holder {
        lines.push(format!("it belongs to {} (`{}`)", holder.name(), holder.id));
    } else if thing.row.kind == Kind::Credential {
        lines.push("no source tells whose it is".to_owned());
    }
    for one in thing.users.iter().take(NAMED_MAX) {
        let id = one.id.as_ref().map(|id| format!(" (`{id}`)"));
        lines.push(format!(
            "{} works with it{}",
            one.name,
            id.unwrap_or_default()
        ));
    }
    more(&mut lines, thing.users.len(), "workloads");
    if thing.row.kind == Kind::Credential && thing.users.is_empty() {
        lines.push("no source tells who works with it".to_owned());
    }
    let used_for = thing.entity.text(&Attribute::LAST_USED_FOR);
    lines.push(match &thing.row.last_used_at {
        Told::Is(at) => {
            let what = used_for
                .map(|what| format!(", for {what}"))
                .unwrap_or_default();
            format!("last used on {}{what}", clock(*at))
        }
        Told::Absent => "never used, as its provider says".to_owned(),
        Told::CannotTell => "no source tells when it was used last".to_owned(),
    });
    lines
}

/// Where else it lies.
fn others(settings: &Settings, finding: &Finding, thing: &Looked) -> Vec<String> {
    let own = finding.place.as_ref().map(|place| place.path.as_str());
    let all = tell::places_of(thing);
    let others = all
        .iter()
        .filter(|place| Some(place.path().as_str()) != own);
    let mut lines: Vec<String> = others
        .map(|place| places::cell(place, settings.now).text)
        .collect();
    lines.dedup();
    let count = lines.len();
    lines.truncate(NAMED_MAX);
    more(&mut lines, count, "places");
    lines
}

fn more(lines: &mut Vec<String>, count: usize, what: &str) {
    if count > NAMED_MAX {
        lines.push(format!("and {} more {what}", count - NAMED_MAX));
    }
}

/// What to type: the rule's own command, and what ends a credential or tells whether it lives.
fn next(finding: &Finding, thing: &Looked) -> Vec<String> {
    let mut lines = vec![format!("`{}`", finding.next)];
    let mut add = |command: String, why: &str| {
        if command != finding.next {
            lines.push(format!("`{command}` {why}"));
        }
    };
    if assess::is_revocable(&thing.entity, thing.holder.as_ref()) {
        let plan = format!("keyroll plan revoke {}", finding.entity);
        add(plan, "plans its end; nothing changes until it is applied");
    }
    let id = &finding.entity;
    add(format!("keyroll get {id}"), "shows all that is known of it");
    lines
}

/// The text: what, where, whose, who uses it, whether it lives, why it matters, what to do.
fn page(
    settings: &Settings,
    finding: &Finding,
    thing: &Looked,
    suggested: &Answer,
    record: Fields,
) -> Page {
    let lines = |title: &str, lines: Vec<String>| {
        Section::lines(title, lines.into_iter().map(Cell::new).collect())
    };
    let what = match (&finding.verdict, finding.verdict.why()) {
        (_, "") => finding.title.to_owned(),
        (Verdict::Unknown(_), why) => format!("Cannot be told: {why}."),
        (_, why) => format!("It is so: {why}."),
    };
    let place = finding.place.as_ref().map(|place| match place.line {
        Some(line) => format!("{}, line {line}", place.path),
        None => place.path.clone(),
    });
    let source = finding.source.as_ref();
    let source = || source.map(|source| format!("seen by {}", source.as_str()));
    let mut at: Vec<String> = place.or_else(source).into_iter().collect();
    at.push(format!(
        "on the roll: `{}` ({})",
        finding.entity, finding.name
    ));
    let owners = match &finding.owner {
        Some(owner) => vec![format!("{owner}, as a person has confirmed")],
        None => unconfirmed(finding, suggested),
    };
    let why = finding
        .factors
        .iter()
        .map(|one| format!("{:+} {}: {}", one.points, one.name, one.why));
    let why = std::iter::once(format!(
        "severity {}, risk {} of 100",
        finding.severity.as_str(),
        finding.risk
    ))
    .chain(why);
    let known = [
        ("fingerprint", finding.print.as_str()),
        ("rule", finding.rule),
        ("OWASP NHI", finding.owasp),
        ("verdict", finding.verdict.as_str()),
    ];
    Page {
        title: format!("{}: {}", finding.name, finding.title),
        lead: vec![Cell::new(what)],
        sections: vec![
            lines("Where", at),
            lines("Where else", others(settings, finding, thing)),
            lines("Whether it still works", validity(settings, finding, thing)),
            lines("Who uses it", users(thing)),
            lines("Who answers", owners),
            lines("Why it matters", why.collect()),
            lines("Next", next(finding, thing)),
            lines(
                "Known as",
                known
                    .map(|(name, value)| format!("{name}: `{value}`"))
                    .into(),
            ),
        ],
        record: Value::Object(record),
        ..Page::default()
    }
}
