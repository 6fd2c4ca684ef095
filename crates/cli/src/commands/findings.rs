//! `keyroll findings`: what is wrong, with whom, why, and the next command.

mod baseline;
mod ticket;

use std::collections::BTreeMap;

use model::{EntityId, Finding, Severity, Validity, Verdict};
use tell::Judged;

use crate::arguments::{Gate, Limit, Moment};
use crate::error::Error;
use crate::exit::Outcome;
use crate::moment::View;
use crate::output::{Cell, Column, FINDINGS, Field, Fields, Format, Gauge, List, Row, Sheet, Tone};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::shown;

/// List what is wrong, and the next command for each
///
/// A rule that cannot judge says `unknown`, with what would let it; unknown is never pass.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Findings {
    #[command(subcommand)]
    further: Option<Further>,
    /// Only about this thing: an id, the beginning of one, or a name
    id: Option<String>,
    /// Only of this rule
    #[arg(long, value_name = "RULE", env = "KEYROLL_RULE")]
    rule: Option<String>,
    /// Only with this verdict
    #[arg(long, value_name = "VERDICT", env = "KEYROLL_VERDICT")]
    verdict: Option<VerdictWord>,
    /// Only about credentials of which a provider said so when it was asked (`scan --check-live`)
    #[arg(long, value_name = "VALIDITY", env = "KEYROLL_VALIDITY")]
    validity: Option<ValidityWord>,
    /// Only about credentials that their provider still lets in: `--validity live`
    #[arg(long, env = "KEYROLL_LIVE", conflicts_with = "validity", value_parser = clap::builder::FalseyValueParser::new())]
    live: bool,
    /// Show muted ones too
    #[arg(long, env = "KEYROLL_MUTED", value_parser = clap::builder::FalseyValueParser::new())]
    muted: bool,
    #[command(flatten)]
    moment: Moment,
    #[command(flatten)]
    gate: Gate,
    #[command(flatten)]
    limit: Limit,
}

/// What else can be done with findings.
#[derive(Debug, clap::Subcommand)]
enum Further {
    #[command(subcommand)]
    Baseline(baseline::Kept),
    Ticket(ticket::Ticket),
}

/// A verdict that makes a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum VerdictWord {
    /// It does not hold.
    Fail,
    /// It cannot be said.
    Unknown,
}

/// What a provider said of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ValidityWord {
    /// It was let in.
    Live,
    /// It was denied.
    Dead,
    /// It was asked for, and the answer is neither.
    Unknown,
    /// Nobody was asked.
    Unasked,
}

impl ValidityWord {
    const fn is(self, validity: Option<Validity>) -> bool {
        matches!(
            (self, validity),
            (Self::Live, Some(Validity::Live))
                | (Self::Dead, Some(Validity::Dead))
                | (Self::Unknown, Some(Validity::Unknown))
                | (Self::Unasked, None)
        )
    }
}

/// The list of findings; SARIF knows it by its title.
pub(crate) static SHEET: Sheet<'_> = Sheet {
    title: FINDINGS,
    columns: &[
        Column::fixed("severity"),
        Column::fixed("verdict"),
        Column::text("what"),
        Column::text("name"),
        Column::text("where"),
        Column::text("owner"),
        Column::whole("next"),
    ],
    fields: &[
        Field::text("finding"),
        Field::text("fingerprint"),
        Field::text("rule"),
        Field::text("title"),
        Field::text("owasp"),
        Field::text("severity"),
        Field::count("risk"),
        Field::text("verdict"),
        Field::text("why"),
        Field::text("id"),
        Field::text("name"),
        Field::text("path"),
        Field::count("line"),
        Field::text("source"),
        Field::text("owner"),
        Field::text("suggested_owner"),
        Field::any("may_own_it"),
        Field::text("validity"),
        Field::any("factors"),
        Field::text("next"),
        Field::time("muted_until"),
    ],
    empty: "no findings",
};

impl Findings {
    /// Judges and lists.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        match self.further {
            Some(Further::Baseline(kept)) => return kept.run(settings),
            Some(Further::Ticket(ticket)) => return ticket.run(settings),
            None => {}
        }
        if let Some(rule) = &self.rule {
            known_rule(rule)?;
        }
        let view = View::open(settings, &self.moment)?;
        let engine = view.engine(settings)?;
        let about = self.id.as_deref().map(|text| engine.find(text)).transpose();
        let about = about.map_err(Error::from_engine("cannot read the roll"))?;
        let validity = self.validity.or(self.live.then_some(ValidityWord::Live));
        let keep = |finding: &Finding| {
            about.as_ref().is_none_or(|id| finding.entity == *id)
                && self.rule.as_deref().is_none_or(|rule| finding.rule == rule)
                && self.verdict.is_none_or(|word| {
                    matches!(finding.verdict, Verdict::Unknown(_)) == (word == VerdictWord::Unknown)
                })
                && validity.is_none_or(|word| word.is(finding.validity))
                && (self.muted || finding.mute.is_none())
        };
        let judged =
            tell::judge(&engine, &keep).map_err(Error::from_engine("cannot judge the roll"))?;
        let shown = list_of(settings, &view, &judged, settings.limit(&self.limit));
        Error::unless_reader_left(shown)?;
        let gate = settings.gate(&self.gate);
        let least = gate.min_coverage.filter(|_| !gate.allow_partial);
        Ok(Outcome {
            findings: reaches(&judged, gate.fail_on),
            incomplete: match least {
                Some(least) => view.roll.percent_read()? < u64::from(least),
                None => false,
            },
            ..Outcome::CLEAN
        })
    }
}

/// Writes judged findings as a list.
///
/// # Errors
/// A target that takes no more; the store refused or broke.
pub(crate) fn list(
    settings: &Settings,
    roll: &Roll,
    judged: &Judged,
    limit: Option<u64>,
) -> Result<(), Error> {
    let things = behind(settings, roll, judged)?;
    write(settings, judged, limit, roll.gauge()?, &things)
}

/// The same of the moment that was asked for.
fn list_of(
    settings: &Settings,
    view: &View,
    judged: &Judged,
    limit: Option<u64>,
) -> Result<(), Error> {
    let things = behind(settings, &view.roll, judged)?;
    let remarks = Vec::from_iter(view.told(settings));
    write_saying(
        settings,
        judged,
        limit,
        view.gauge(settings)?,
        &things,
        remarks,
    )
}

/// The lines of what is judged, where a format wants them.
fn behind(
    settings: &Settings,
    roll: &Roll,
    judged: &Judged,
) -> Result<BTreeMap<EntityId, Fields>, Error> {
    match settings.wanted.has(Format::Ocsf) {
        true => lines(roll, judged),
        false => Ok(BTreeMap::new()),
    }
}

/// Writes judged findings as a list, with what stands behind them and the lines of what they are
/// about, where a format wants those.
///
/// # Errors
/// A target that takes no more.
pub(crate) fn write(
    settings: &Settings,
    judged: &Judged,
    limit: Option<u64>,
    gauge: Gauge,
    things: &BTreeMap<EntityId, Fields>,
) -> Result<(), Error> {
    write_saying(settings, judged, limit, gauge, things, Vec::new())
}

fn write_saying(
    settings: &Settings,
    judged: &Judged,
    limit: Option<u64>,
    mut gauge: Gauge,
    things: &BTreeMap<EntityId, Fields>,
    mut remarks: Vec<String>,
) -> Result<(), Error> {
    let mut list = List::begin(settings, &SHEET)?;
    list.over(&gauge);
    let most = limit.unwrap_or(u64::MAX);
    let (mut all, mut suggested) = (0, false);
    for finding in judged.findings() {
        all += 1;
        if list.rows() < most {
            suggested |= finding.suggested.is_some();
            list.row(&Row {
                cells: cells(finding),
                fields: tell::finding(finding),
                detail: things.get(&finding.entity).cloned().unwrap_or_default(),
            })?;
        }
    }
    gauge.more_than_shown = (list.rows() < all).then_some(all + judged.cut);
    if judged.cut > 0 {
        remarks.push(format!(
            "{} findings of lower severity were left out",
            judged.cut
        ));
    }
    let marks = [Format::Table, Format::Markdown, Format::Html];
    if suggested && marks.iter().any(|one| settings.wanted.has(*one)) {
        remarks.push(
            "an owner with `?` is suggested by evidence and not confirmed; `keyroll owner suggest` says why"
                .to_owned(),
        );
    }
    list.end(&gauge, &remarks)
}

/// The lines of what is judged on the roll.
fn lines(roll: &Roll, judged: &Judged) -> Result<BTreeMap<EntityId, Fields>, Error> {
    let mut ids: Vec<EntityId> = judged.findings().map(|one| one.entity.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = roll.read(|reading, tenant| reading.entity_rows(tenant, &ids))?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id.clone(), tell::line(&row)))
        .collect())
}

/// Whether a failure reaches the gate. An unknown is no failure; muted ones were asked not to count.
pub(crate) fn reaches(judged: &Judged, fail_on: Option<Severity>) -> bool {
    let Some(gate) = fail_on else { return false };
    judged.findings().any(|finding| {
        finding.severity >= gate
            && finding.mute.is_none()
            && matches!(finding.verdict, Verdict::Fail(_))
    })
}

fn known_rule(rule: &str) -> Result<(), Error> {
    let ids = || assess::RULES.iter().map(|rule| rule.id);
    if ids().any(|id| id == rule) {
        return Ok(());
    }
    let told = format!("--rule: there is no rule `{}`", model::clean(rule));
    Err(Error::usage(told).hint(match tell::nearest(rule, ids()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("rules: {}", ids().collect::<Vec<_>>().join(", ")),
    }))
}

fn cells(finding: &Finding) -> Vec<Cell> {
    let place = finding.place.as_ref().map(|place| match place.line {
        Some(line) => format!("{}:{line}", place.path),
        None => place.path.clone(),
    });
    let source = || {
        finding
            .source
            .as_ref()
            .map(|source| source.as_str().to_owned())
    };
    let place = place.or_else(source);
    let mut verdict = shown::verdict(&finding.verdict);
    if let Some(mute) = &finding.mute {
        verdict = Cell::toned(format!("muted until {}", day(mute.until)), Tone::Unknown);
    }
    vec![
        shown::severity(finding.severity),
        verdict,
        Cell::new(match finding.verdict.why() {
            "" => finding.title.to_owned(),
            why => format!("{}: {why}", finding.title),
        }),
        Cell::new(finding.name.clone()),
        place.map_or_else(Cell::default, Cell::new),
        shown::owner(
            finding.owner.as_deref(),
            finding.suggested.as_ref().map(|one| one.who.as_str()),
        ),
        Cell::new(finding.next.clone()),
    ]
}

fn day(at: model::Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    #[test]
    fn what_each_rule_says_to_type_next_is_a_command_of_ours() {
        for rule in assess::RULES {
            let next = rule.next.replace("{id}", "cr-0123456789abcdef");
            let next = next.replace("{holder}", "id-0123456789abcdef");
            let typed = crate::arguments::Cli::try_parse_from(next.split_whitespace());
            assert!(typed.is_ok(), "{}: {next}: {:?}", rule.id, typed.err());
        }
    }

    #[test]
    fn a_revocation_is_offered_for_what_our_connectors_can_revoke() {
        let revoking = connectors::catalog().filter(|one| one.revoker().is_some());
        let names: Vec<_> = revoking.map(|one| one.spec().name).collect();
        assert_eq!(names, assess::REVOKING);
    }
}
