//! `keyroll plan`: what would be done, in which order, and what could be proven when.

use std::path::PathBuf;

use engine::Engine;
use model::{Plan as Planned, PlanId, Timestamp};
use store::{RevocationFilter, RevocationRow};

use super::apply::Patience;
use crate::arguments::{Consent, Limit};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, List, Page, Row, Section, Sheet, Tone, show};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::shown;
use crate::words::{clock, when};

/// Plan an act; nothing changes until it is applied
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Plan {
    /// Plan to revoke a credential
    Revoke {
        /// An id, the beginning of one, or a name
        id: String,
        /// Carry the plan out at once
        #[arg(long, env = "KEYROLL_APPLY", value_parser = clap::builder::FalseyValueParser::new())]
        apply: bool,
        #[command(flatten)]
        patience: Patience,
        #[command(flatten)]
        consent: Consent,
    },
    /// List plans and where they stand
    List {
        /// Only those that are not proven
        #[arg(long, env = "KEYROLL_OPEN", value_parser = clap::builder::FalseyValueParser::new())]
        open: bool,
        #[command(flatten)]
        limit: Limit,
    },
    /// Stop trying: the revocation stays open, as unverifiable, with your reason
    ///
    /// For a target that will never answer again. The plan can be applied again at any time;
    /// until it is proven the credential keeps a finding.
    Force {
        /// A plan that was applied and is not proven: `pln-…`, or the beginning of one
        plan: String,
        /// Why; it is recorded in the evidence log
        #[arg(long, value_name = "TEXT", env = "KEYROLL_REASON")]
        reason: String,
    },
    /// Vouch for a revocation that cannot be verified, by evidence of another kind
    ///
    /// For what no probe can show: a log of the provider, the word of whoever runs the system.
    /// It leaves the list of `keyroll residual`, is never called proven, and opens again when
    /// `keyroll verify-revoked` finds it let in.
    Attest {
        /// A plan whose revocation is unverifiable: `pln-…`, or the beginning of one
        plan: String,
        /// What you found, and how; it is recorded in the evidence log
        #[arg(long, value_name = "TEXT", env = "KEYROLL_REASON")]
        reason: String,
        /// A file that shows it: its name and SHA-256 are recorded, the file itself is not kept
        #[arg(long, value_name = "PATH", env = "KEYROLL_EVIDENCE_FILE")]
        file: Option<PathBuf>,
    },
    /// Show a plan and what came of it
    Show {
        /// A plan: `pln-…`, or the beginning of one
        plan: String,
    },
}

const SHEET: Sheet<'static> = Sheet {
    title: "Plans",
    columns: &[
        Column::fixed("plan"),
        Column::fixed("act"),
        Column::text("name"),
        Column::whole("state"),
        Column::fixed("made"),
        Column::text("by"),
    ],
    fields: &[
        Field::text("plan"),
        Field::text("act"),
        Field::text("subject"),
        Field::text("name"),
        Field::text("state"),
        Field::any("detail"),
        Field::time("created"),
        Field::time("updated"),
        Field::text("by"),
    ],
    empty: "nothing here: `keyroll plan revoke ID` makes a plan",
};

static OPEN_SHEET: Sheet<'_> = Sheet {
    title: "Revocations that are not proven",
    empty: "nothing is open: every revocation that was begun is proven or attested",
    ..SHEET
};

/// Plans looked at.
const PLANS_MAX: usize = 10_000;

impl Plan {
    /// Plans, lists or shows.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        match self {
            Self::Revoke {
                id,
                apply,
                patience,
                consent,
            } => {
                let engine = roll.engine(settings)?;
                let plan = engine
                    .find(&id)
                    .and_then(|id| engine.plan_revoke(&id))
                    .map_err(Error::from_engine("cannot plan this"))?;
                if apply {
                    return super::apply::carry_out(settings, &engine, &plan, patience, consent);
                }
                let mut page = page(&plan, None, settings.now);
                page.hints.extend(before(&roll, &plan)?);
                show(settings, &page)?;
                Ok(Outcome::CLEAN)
            }
            Self::List { open, limit } => list(settings, &roll, open, &limit),
            Self::Force { plan, reason } => {
                let (plan, _) = find(&roll, &plan)?;
                let forced = roll.engine(settings)?.force(&plan.id, &reason);
                forced.map_err(Error::from_engine("cannot give it up"))?;
                show_plan(&roll, plan.id.as_str(), settings)
            }
            Self::Attest { plan, reason, file } => {
                let (plan, _) = find(&roll, &plan)?;
                let engine = roll.engine(settings)?;
                let attested = engine.attest(&plan.id, &reason, file.as_deref());
                attested.map_err(Error::from_engine("cannot attest it"))?;
                show_plan(&roll, plan.id.as_str(), settings)
            }
            Self::Show { plan } => show_plan(&roll, &plan, settings),
        }
    }
}

fn show_plan(roll: &Roll, plan: &str, settings: &Settings) -> Result<Outcome, Error> {
    let (plan, row) = find(roll, plan)?;
    show(settings, &page(&plan, row.as_ref(), settings.now))?;
    Ok(Outcome::CLEAN)
}

/// A plan by its id, and where its revocation stands.
///
/// # Errors
/// There is none, or the beginning of an id fits several.
pub(crate) fn find(roll: &Roll, text: &str) -> Result<(Planned, Option<RevocationRow>), Error> {
    let found = roll.read(|reading, tenant| {
        let Some(plan) = reading.plan(tenant, &PlanId(text.to_owned()))? else {
            return Ok(None);
        };
        let row = reading.revocation(tenant, &plan.id)?;
        Ok(Some((plan, row)))
    })?;
    found.ok_or_else(|| {
        let shown = model::shorten(&model::clean(text), 60);
        Error::failed(format!("no one plan is called `{shown}`"))
            .hint("`keyroll plan list` shows them; at least `pln-` and 6 letters are needed")
    })
}

/// What is known of an earlier revocation of the same thing.
fn before(roll: &Roll, plan: &Planned) -> Result<Option<String>, Error> {
    let subject = &plan.body.subject.entity;
    let rows = roll.read(|reading, tenant| reading.revocations_of(tenant, subject))?;
    Ok(rows.first().map(|row| {
        format!(
            "it was revoked before, by {}, and is {}: `keyroll verify-revoked {subject}` tries it again",
            row.plan,
            row.state.as_str()
        )
    }))
}

/// The plan as a person approves it; with `row`, what came of it.
pub(crate) fn page(plan: &Planned, row: Option<&RevocationRow>, now: Timestamp) -> Page {
    let body = &plan.body;
    let subject = &body.subject;
    let mut lead = Vec::new();
    match row {
        None => lead.push(Cell::new(format!(
            "Nothing changes until `keyroll apply {}`",
            plan.id
        ))),
        Some(row) => lead.push(shown::state(&row.state, now)),
    }
    let steps = body
        .steps
        .iter()
        .map(|step| {
            (
                format!("{}  {}", step.ordinal, step.kind.as_str()),
                Cell::new(step.says.clone()),
            )
        })
        .collect();
    let mut sections = vec![Section::pairs("", steps)];
    sections.push(Section::lines("", words(plan, row)));
    let hints = match row {
        None => vec![
            format!("`keyroll apply {}` does it", plan.id),
            format!("`keyroll why {}` shows what is known of it", subject.entity),
        ],
        Some(_) => vec![format!(
            "`keyroll evidence export FILE --subject {}` takes the proof along",
            plan.id
        )],
    };
    Page {
        title: format!(
            "Plan {}: revoke {} ({})",
            plan.id, subject.name, subject.credential
        ),
        lead,
        sections,
        hints,
        footer: Vec::new(),
        gauge: None,
        record: tell::plan(plan, row).into(),
    }
}

/// What survives, when it can be proven, what breaks.
fn words(plan: &Planned, row: Option<&RevocationRow>) -> Vec<Cell> {
    let body = &plan.body;
    let mut lines = Vec::new();
    if body.survives.is_empty() {
        lines.push(Cell::new("Survives: nothing known"));
    }
    for one in &body.survives {
        let span = match (one.cut_by_plan, one.lives_at_most) {
            (true, _) => "cut by this plan too".to_owned(),
            (false, Some(span)) => format!("for at most {span}"),
            (false, None) => "without limit".to_owned(),
        };
        let tone = if one.cut_by_plan {
            Tone::Plain
        } else {
            Tone::Warn
        };
        lines.push(Cell::toned(format!("Survives: {}, {span}", one.what), tone));
    }
    for (what, how) in &body.children {
        lines.push(Cell::new(format!("Derived: {what}: {how}")));
    }
    if row.is_none() {
        let lasts = |window: &model::Window| window.first_after.0.saturating_add(window.over.0);
        let own = body.windows.iter().map(|(_, window)| lasts(window));
        let wait = model::Duration(own.fold(lasts(&body.window), i64::max));
        let seen =
            |window: &model::Window| format!("{} denials over {}", window.denials, window.over);
        let own = body.windows.iter();
        let own = own.map(|(path, window)| format!("; {}: {}", path.as_str(), seen(window)));
        let own: String = own.collect();
        lines.push(Cell::new(format!(
            "Proven dead at the earliest {wait} after the cut: {}{own}",
            seen(&body.window)
        )));
    }
    if body.subject.seen_at.is_empty() {
        lines.push(Cell::toned(
            "The secret lies nowhere we can read, so it cannot be tried: the evidence will not be of grade A",
            Tone::Warn,
        ));
    }
    if body.consumers.is_empty() {
        lines.push(Cell::toned(
            "Breaks: unknown; no consumer was seen, which proves nothing",
            Tone::Unknown,
        ));
    } else {
        lines.push(Cell::toned(
            format!("Breaks: {}", body.consumers.join(", ")),
            Tone::Warn,
        ));
    }
    lines.push(Cell::new(format!(
        "Made {} by {}",
        clock(body.created),
        body.by
    )));
    lines
}

/// Lists plans with where they stand; with `open`, those that are not proven.
///
/// # Errors
/// A target that takes no more; the store refused or broke.
pub(crate) fn list(
    settings: &Settings,
    roll: &Roll,
    open: bool,
    limit: &Limit,
) -> Result<Outcome, Error> {
    let most = settings.limit(limit).unwrap_or(u64::MAX);
    let mut all = 0_u64;
    let (plans, rows) = roll.read(|reading, tenant| {
        let filter = if open {
            RevocationFilter::Open
        } else {
            RevocationFilter::All
        };
        let rows = reading.revocations(tenant, filter, PLANS_MAX)?;
        // An open revocation is shown however old its plan is.
        let mut plans = Vec::new();
        if open {
            for row in &rows {
                plans.extend(reading.plan(tenant, &row.plan)?);
            }
            // Those beyond what is shown are counted: the queue never looks shorter than it is.
            reading.each_revocation(tenant, filter, PLANS_MAX, &mut |_| all += 1)?;
        } else {
            plans = reading.plans(tenant, PLANS_MAX)?;
        }
        Ok((plans, rows))
    })?;
    let sheet = if open { &OPEN_SHEET } else { &SHEET };
    let mut list = List::begin(settings, sheet)?;
    for plan in &plans {
        if list.rows() == most {
            break;
        }
        list.row(&line(
            plan,
            rows.iter().find(|row| row.plan == plan.id),
            settings.now,
        ))?;
    }
    let mut gauge = roll.gauge()?;
    let all = all.max(plans.len() as u64);
    gauge.more_than_shown = (list.rows() < all).then_some(all);
    list.end(&gauge, &[])?;
    Ok(Outcome::CLEAN)
}

fn line(plan: &Planned, row: Option<&RevocationRow>, now: Timestamp) -> Row {
    let body = &plan.body;
    let state = row.map_or_else(
        || Cell::new("planned: nothing was done"),
        |row| shown::state(&row.state, now),
    );
    let cells = vec![
        Cell::new(plan.id.as_str()),
        Cell::new("revoke"),
        Cell::new(body.subject.name.clone()),
        state,
        Cell::new(when(body.created, now)),
        Cell::new(body.by.clone()),
    ];
    Row {
        cells,
        fields: tell::plan_line(plan, row),
        ..Row::default()
    }
}

/// What a plan would do, for a question before it is done.
pub(crate) fn question(engine: &Engine, plan: &Planned) -> String {
    format!(
        "Revoke {} ({}) at {} now, as {}?",
        plan.body.subject.name,
        plan.body.subject.credential,
        plan.body.subject.source.as_str(),
        engine.actor
    )
}
