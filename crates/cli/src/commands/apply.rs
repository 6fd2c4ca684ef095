//! `keyroll apply`: carry out a plan and watch it to its proof.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Advance, Applied, Engine};
use model::{Duration, Plan, Probe, Probed, Proof, Receipt, Sessions, State, Timestamp};
use serde_json::json;

use crate::arguments::Consent;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Page, Section, Tone, show};
use crate::progress::Progress;
use crate::roll::Roll;
use crate::settings::Settings;
use crate::shown;
use crate::words::{clock, when};
use tell::span;

/// Carry out a plan, and prove it
///
/// Cuts first, ends live sessions, removes, then tries the credential on every path until it was
/// denied for the right reason over the whole window. What a crash interrupts goes on from where
/// it was when the plan is applied again. Exits with 0 if proven dead, with 5 if something is
/// left open, which `keyroll residual` then lists.
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// A plan: `pln-…`, or the beginning of one
    plan: String,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    consent: Consent,
}

/// How long somebody waits for a proof.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Patience {
    /// Wait so long for the proof: `5min`, `1h`; what is not proven then stays in the queue
    #[arg(long, value_name = "SPAN", env = "KEYROLL_WAIT", allow_hyphen_values = true, default_value = "15min", value_parser = wait)]
    pub(crate) wait: Duration,
}

/// A span of time.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    span(text).ok_or_else(|| "expected a span such as `30s`, `5min` or `1h`".to_owned())
}

impl Apply {
    /// Carries the plan out.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let (plan, _) = super::plan::find(&roll, &self.plan)?;
        let engine = roll.engine(settings)?;
        carry_out(settings, &engine, &plan, self.patience, self.consent)
    }
}

/// Asks, carries out, and shows what came of it.
///
/// # Errors
/// Nobody agreed; somebody else is at it; the log or the store gave out. What the provider
/// refuses is no error: it is tried again, and told.
pub(crate) fn carry_out(
    settings: &Settings,
    engine: &Engine,
    plan: &Plan,
    patience: Patience,
    consent: Consent,
) -> Result<Outcome, Error> {
    super::sources::agreed(settings, consent, &super::plan::question(engine, plan))?;
    let stop = Arc::new(AtomicBool::new(false));
    let applied = {
        let mut teller = Teller::new(settings);
        let mut tell = |advance: Advance<'_>| teller.tell(&advance, engine.now());
        engine
            .apply(&plan.id, patience.wait, &stop, &mut tell)
            .map_err(Error::from_engine("cannot carry out the plan"))?
    };
    show(settings, &page(plan, &applied, engine.now()))?;
    let proven = matches!(applied.state, State::Proven { .. });
    Ok(Outcome {
        incomplete: !proven,
        ..Outcome::CLEAN
    })
}

/// Tells how far it is: in one line that changes where somebody watches, else in one line for
/// each step.
struct Teller<'s> {
    settings: &'s Settings,
    progress: Progress,
    denied: u32,
}

impl<'s> Teller<'s> {
    fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            progress: Progress::start(settings),
            denied: 0,
        }
    }

    fn tell(&mut self, advance: &Advance<'_>, now: Timestamp) {
        match advance {
            Advance::Step(step) => {
                self.progress
                    .says(&format!("{}: {}", step.kind.as_str(), step.says))
            }
            Advance::Receipt(receipt) => {
                let told = came(receipt);
                self.line(&format!(
                    "{}  {}: {}",
                    receipt.step,
                    receipt.kind.as_str(),
                    told.text
                ));
            }
            Advance::Probe(probe) => {
                if matches!(probe.probed, Probed::Denied { .. }) {
                    self.denied += 1;
                }
                self.progress
                    .says(&format!("{}; {} denied so far", probed(probe), self.denied));
            }
            Advance::State(state) => self.progress.says(&shown::state(state, now).text),
            Advance::Waiting(until, why) => self
                .progress
                .says(&format!("trying again {}: {why}", when(*until, now))),
        }
    }

    fn line(&self, text: &str) {
        if self.settings.quiet {
            return;
        }
        let write = || {
            // A standard error that is closed must not stop a revocation half-way.
            let _ = writeln!(self.settings.terminal.stderr(), "{}", model::clean(text));
        };
        self.progress.aside(write);
    }
}

/// One probe in words.
pub(crate) fn probed(probe: &Probe) -> String {
    let path = probe.path.as_str().replace('_', " ");
    match &probe.probed {
        Probed::Accepted { principal } => format!("{path}: LET IN as {principal}"),
        Probed::Denied { code } => format!("{path}: denied ({code})"),
        Probed::Unclear { why } => format!("{path}: no clear answer ({why})"),
    }
}

/// What came of a step, in words.
fn came(receipt: &Receipt) -> Cell {
    use model::Outcome as Came;
    match &receipt.outcome {
        Came::Done {
            told,
            count: Some(count),
        } => Cell::new(format!("{told} ({count})")),
        Came::Done { told, count: None } => Cell::new(told.clone()),
        Came::Already { told } => Cell::new(format!("it was so already: {told}")),
        Came::Controlled { principal } => Cell::new(format!("accepted as {principal}")),
        Came::Impossible { why } => Cell::toned(format!("not possible: {why}"), Tone::Unknown),
        Came::Failed { why } => Cell::toned(format!("failed: {why}"), Tone::Bad),
    }
}

fn page(plan: &Plan, applied: &Applied, now: Timestamp) -> Page {
    let subject = &plan.body.subject;
    let mut sections = Vec::new();
    let mut hints = Vec::new();
    if let Some(proof) = &applied.proof {
        let steps = proof.receipts.iter().map(|receipt| {
            let step = format!("{}  {}", receipt.step, receipt.kind.as_str());
            vec![Cell::new(step), Cell::new(clock(receipt.at)), came(receipt)]
        });
        sections.push(Section::rows(
            "Done",
            &["step", "when", "what came of it"],
            steps.collect(),
        ));
        sections.push(Section::pairs("Proof", proven(proof)));
    }
    if matches!(applied.state, State::Proven { .. }) {
        hints.push(format!(
            "`keyroll evidence export FILE --subject {}` takes the proof along",
            subject.entity
        ));
        hints.push(format!(
            "`keyroll verify-revoked {}` tries it again",
            subject.entity
        ));
    } else {
        hints.push(format!(
            "not proven: `keyroll residual` keeps it, `keyroll apply {}` goes on",
            plan.id
        ));
    }
    Page {
        title: format!(
            "{} ({}), plan {}",
            subject.name, subject.credential, plan.id
        ),
        lead: vec![shown::state(&applied.state, now)],
        sections,
        hints,
        footer: Vec::new(),
        gauge: None,
        record: json!({"plan": plan.id, "id": subject.entity, "state": applied.state, "proof": applied.proof}),
    }
}

/// How many live sessions there were, in words.
fn sessions(counted: Sessions) -> String {
    let told = |count: Option<u32>, what: &str| match count {
        Some(0) => format!("none {what}"),
        Some(count) => format!("{count} {what}"),
        None => format!("cannot tell how many {what}"),
    };
    if counted == Sessions::default() {
        return "the provider does not count them".to_owned();
    }
    let Sessions { found, ended, left } = counted;
    [(found, "found"), (ended, "ended"), (left, "left")]
        .map(|(count, what)| told(count, what))
        .join(", ")
}

/// The proof in pairs: what was seen before, what after, how fast, and what remains.
pub(crate) fn proven(proof: &Proof) -> Vec<(String, Cell)> {
    let denied = proof
        .probes
        .iter()
        .filter(|probe| matches!(probe.probed, Probed::Denied { .. }))
        .count();
    let mut pairs = vec![("grade".to_owned(), Cell::new(format!("{:?}", proof.grade)))];
    let mut add = |name: &str, cell: Cell| pairs.push((name.to_owned(), cell));
    match &proof.control {
        Some((at, principal)) => add(
            "control",
            Cell::new(format!("accepted as {principal} at {}", clock(*at))),
        ),
        None => add(
            "control",
            Cell::toned("none: it was never seen to be accepted", Tone::Unknown),
        ),
    }
    if let Some(at) = proof.first_denied {
        let fast = proof
            .time_to_denied
            .map(|span| format!(", {span} after the cut"))
            .unwrap_or_default();
        add("first denied", Cell::new(format!("{}{fast}", clock(at))));
    }
    if let Some(at) = proof.last_allowed {
        add("last let in", Cell::new(clock(at)));
    }
    add(
        "probes",
        Cell::new(format!("{} asked, {denied} denied", proof.probes.len())),
    );
    add("sessions", Cell::new(sessions(proof.sessions)));
    for fingerprint in &proof.subject.fingerprints {
        add("fingerprint", Cell::new(fingerprint.clone()));
    }
    for (what, how) in &proof.children {
        add("derived", Cell::new(format!("{what}: {how}")));
    }
    for (what, until) in &proof.residual {
        let until = until.map_or_else(
            || "without end".to_owned(),
            |until| format!("until {}", clock(until)),
        );
        add(
            "remains",
            Cell::toned(format!("{what}, {until}"), Tone::Warn),
        );
    }
    add(
        "against",
        match proof.target.as_str() {
            "real" => Cell::new("the provider itself, as the source is declared"),
            other => Cell::toned(format!("no provider: {other}"), Tone::Warn),
        },
    );
    pairs
}
