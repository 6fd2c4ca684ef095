//! `keyroll findings ticket`: one finding as the text of a ticket.

use inventory::owners::Answer;
use model::{Finding, Verdict};
use serde_json::Value;

use crate::commands::owner::suggest;
use crate::error::Error;
use crate::exit::Outcome;
use crate::judged;
use crate::output::{Cell, Fields, Page, Section, show};
use crate::roll::Roll;
use crate::settings::Settings;

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
        let judged = judged::all(&engine, &is_meant)?;
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
        let mut record = super::fields(finding);
        let suggested = engine.suggested(&thing, &left);
        record.insert("may_own_it".to_owned(), suggest::records(&suggested));
        show(&settings, &page(finding, &suggested, record))?;
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

/// The text: what, where, whose, why it matters, what to do.
fn page(finding: &Finding, suggested: &Answer, record: Fields) -> Page {
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
        Some(owner) => vec![owner.clone()],
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
            lines("Who answers", owners),
            lines("Why it matters", why.collect()),
            lines("Next", vec![format!("`{}`", finding.next)]),
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
