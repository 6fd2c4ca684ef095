//! What a scan came to: a summary for people, the findings for machines.

use engine::{PassReport, Scanned};
use model::{SourceId, Verdict};
use serde_json::json;
use store::PassOutcome;

use crate::error::Error;
use crate::judged::Judged;
use crate::output::{Cell, Page, Section, Tone};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::shown;
use crate::words::{count, many};

/// Findings that the summary names.
const NAMED_MAX: usize = 10;

/// All that is told of a scan.
pub(super) struct Report<'a> {
    /// This machine's usual places were read, because nothing was named.
    pub(super) named_nothing: bool,
    /// What came of each source.
    pub(super) scanned: &'a [Scanned],
    /// Servers and accounts that are remembered now.
    pub(super) remembered: &'a [SourceId],
    /// What providers said, where they were asked.
    pub(super) liveness: Option<&'a engine::Asked>,
    /// What the rules say.
    pub(super) judged: &'a Judged,
    /// How many findings the baseline knows; they are left out.
    pub(super) known: u64,
    /// How many findings are listed.
    pub(super) limit: Option<u64>,
}

/// Of what was asked for, how much could be read: things seen against things seen and gaps met.
pub(super) fn percent_read(scanned: &[Scanned]) -> u64 {
    let (mut seen, mut missed) = (0, 0);
    for one in scanned {
        match &one.report {
            Ok(report) => {
                seen += report.counts.seen;
                missed += report.gaps.len() as u64;
                if report.outcome == PassOutcome::Failed {
                    missed = missed.max(1);
                }
            }
            Err(_) => missed += 1,
        }
    }
    if missed == 0 {
        100
    } else {
        (seen * 100 / (seen + missed)).min(99)
    }
}

/// Shows the summary where people read, and lists the findings elsewhere.
///
/// # Errors
/// A target that takes no more; the store refused or broke.
pub(super) fn show(settings: &Settings, roll: &Roll, report: &Report<'_>) -> Result<(), Error> {
    let people = settings.wanted.is_for_people();
    let mut machines = settings.clone();
    machines
        .wanted
        .targets
        .retain(|target| target.path.is_some() || !people);
    if !machines.wanted.targets.is_empty() {
        // Remarks go to the summary when there is one.
        machines.quiet |= people;
        super::super::findings::list(&machines, roll, report.judged, report.limit)?;
    }
    if people {
        let mut people = settings.clone();
        people.wanted.targets.retain(|target| target.path.is_none());
        crate::output::show(&people, &page(roll, report)?)?;
    }
    Ok(())
}

fn page(roll: &Roll, report: &Report<'_>) -> Result<Page, Error> {
    let mut hints =
        vec!["`keyroll ls` lists the roll, `keyroll findings` what is wrong".to_owned()];
    if report.named_nothing {
        hints.push(
            "not looked at: file contents (`keyroll scan DIR`), databases (`keyroll scan postgres://…`), \
             cloud accounts (`keyroll scan aws`)"
                .to_owned(),
        );
    }
    if report.known > 0 {
        hints.push(format!(
            "{} known from the baseline and left out",
            many(report.known, "finding is", "findings are")
        ));
    }
    if report.liveness.is_some() {
        hints.push(
            "`keyroll findings --live` shows what is wrong with what still opens something"
                .to_owned(),
        );
    }
    for source in report.remembered {
        hints.push(format!(
            "{} is remembered with its login sealed; `keyroll sources remove` forgets it",
            source.as_str()
        ));
    }
    let mut gauge = roll.gauge()?;
    let aside: u64 = report
        .scanned
        .iter()
        .filter_map(|one| one.report.as_ref().ok())
        .flat_map(|one| one.set_aside.values())
        .sum();
    gauge.set_aside = Some(aside);
    Ok(Page {
        title: "The roll".to_owned(),
        lead: vec![Cell::new(lead(roll)?)],
        sections: vec![
            Section::rows(
                "Read",
                &[
                    "source",
                    "seen",
                    "new",
                    "changed",
                    "gone",
                    "set aside",
                    "gaps",
                    "result",
                ],
                report.scanned.iter().map(source).collect(),
            ),
            Section::lines("Set aside", aside_lines(report.scanned)),
            Section::lines("Asked of providers", super::live::lines(report.liveness)),
            Section::rows(
                "Findings",
                &["severity", "name", "what", "where", "next"],
                findings(report.judged),
            ),
            Section::lines("", more(report.judged)),
        ],
        hints,
        footer: vec![gauge.to_string()],
        record: json!(null),
    })
}

/// How many there are of what a list without a filter shows.
fn lead(roll: &Roll) -> Result<String, Error> {
    let (identities, loose) = roll.read(|reading, tenant| {
        let filter = |kind| store::Filter {
            kind: Some(kind),
            listed: Some(true),
            missing: Some(false),
            ..store::Filter::default()
        };
        let identities = reading.count(tenant, &filter(model::Kind::Identity))?;
        Ok((
            identities,
            reading.count(tenant, &filter(model::Kind::Credential))?,
        ))
    })?;
    Ok(format!(
        "{} and {} of unknown holders on the roll",
        many(identities, "identity", "identities"),
        many(loose, "credential", "credentials"),
    ))
}

fn source(one: &Scanned) -> Vec<Cell> {
    match &one.report {
        Ok(report) => read(report),
        Err(error) => {
            let mut cells = vec![Cell::new(one.named.clone())];
            cells.extend((0..6).map(|_| Cell::default()));
            cells.push(Cell::toned(format!("failed: {}", chain(error)), Tone::Bad));
            cells
        }
    }
}

/// An error with its causes in one line.
pub(super) fn chain(error: &engine::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

fn read(report: &PassReport) -> Vec<Cell> {
    let counts = &report.counts;
    let result = match report.outcome {
        PassOutcome::Whole => Cell::new("read whole"),
        PassOutcome::Partial => Cell::toned("read in part", Tone::Warn),
        PassOutcome::Failed => {
            let why = report.gaps.first().map_or("", |gap| gap.told.as_str());
            Cell::toned(format!("failed: {why}"), Tone::Bad)
        }
    };
    let aside: u64 = report.set_aside.values().sum();
    let gone = Cell {
        tone: if counts.missing > 0 {
            Tone::Warn
        } else {
            Tone::Plain
        },
        ..Cell::new(count(counts.missing))
    };
    vec![
        Cell::new(report.source.as_str()),
        Cell::new(count(counts.seen)),
        Cell::new(count(counts.new)),
        Cell::new(count(counts.changed + counts.back)),
        gone,
        Cell::new(count(aside)),
        Cell::new(count(report.gaps.len() as u64)),
        result,
    ]
}

fn aside_lines(scanned: &[Scanned]) -> Vec<Cell> {
    let mut kinds = std::collections::BTreeMap::<&str, u64>::new();
    for report in scanned.iter().filter_map(|one| one.report.as_ref().ok()) {
        for (what, n) in &report.set_aside {
            *kinds.entry(what).or_default() += n;
        }
    }
    let line = |(what, n): (&str, u64)| Cell::new(format!("{}: {what}, no identity", count(n)));
    kinds.into_iter().map(line).collect()
}

/// What is wrong with one thing by one rule, wherever it lies: the first place stands for all.
struct Wrong<'a> {
    first: &'a model::Finding,
    places: usize,
}

/// The failures, one for each thing and rule, the gravest first.
fn wrongs(judged: &Judged) -> Vec<Wrong<'_>> {
    let mut at = std::collections::BTreeMap::new();
    let mut wrongs: Vec<Wrong<'_>> = Vec::new();
    for finding in judged.findings() {
        if !matches!(finding.verdict, Verdict::Fail(_)) {
            continue;
        }
        match at.entry((finding.rule, &finding.entity)) {
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(wrongs.len());
                wrongs.push(Wrong {
                    first: finding,
                    places: 1,
                });
            }
            std::collections::btree_map::Entry::Occupied(known) => {
                if let Some(wrong) = wrongs.get_mut(*known.get()) {
                    wrong.places += 1;
                }
            }
        }
    }
    wrongs
}

fn findings(judged: &Judged) -> Vec<Vec<Cell>> {
    let row = |wrong: Wrong<'_>| {
        let finding = wrong.first;
        vec![
            shown::severity(finding.severity),
            Cell::new(model::shorten(&finding.name, 40)),
            Cell::new(finding.title),
            Cell::new(place(&wrong)),
            Cell::new(finding.next.clone()),
        ]
    };
    wrongs(judged)
        .into_iter()
        .take(NAMED_MAX)
        .map(row)
        .collect()
}

/// Where it lies, the end of a long path alone, and in how many places more.
fn place(wrong: &Wrong<'_>) -> String {
    const LETTERS_MAX: usize = 48;
    let Some(place) = &wrong.first.place else {
        return String::new();
    };
    let line = place
        .line
        .map_or_else(String::new, |line| format!(":{line}"));
    let whole = format!("{}{line}", model::clean(&place.path));
    let letters = whole.chars().count();
    let mut told = if letters > LETTERS_MAX {
        let end: String = whole.chars().skip(letters - LETTERS_MAX).collect();
        format!("…{end}")
    } else {
        whole
    };
    if wrong.places > 1 {
        told.push_str(&format!(" and {} more", count((wrong.places - 1) as u64)));
    }
    told
}

fn more(judged: &Judged) -> Vec<Cell> {
    let failures = wrongs(judged).len();
    let unknown = judged
        .findings()
        .filter(|one| matches!(one.verdict, Verdict::Unknown(_)))
        .count();
    let mut lines = Vec::new();
    if failures == 0 {
        lines.push(Cell::new("no rule failed"));
    }
    if failures > NAMED_MAX {
        lines.push(Cell::new(format!(
            "and {} more",
            count((failures - NAMED_MAX) as u64)
        )));
    }
    if unknown > 0 {
        lines.push(Cell::toned(
            format!(
                "{}: unknown is not pass (`keyroll findings --verdict unknown`)",
                many(
                    unknown as u64,
                    "question could not be answered",
                    "questions could not be answered"
                )
            ),
            Tone::Unknown,
        ));
    }
    lines
}
