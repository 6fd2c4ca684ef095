//! What a scan came to: a summary for people, the findings for machines.

use engine::{PassReport, Scanned};
use model::{SourceId, Verdict};
use serde_json::json;
use store::PassOutcome;

use crate::baseline::LeftOut;
use crate::error::Error;
use crate::output::{Cell, Page, Section, Tone};
use crate::roll::{Roll, percent};
use crate::settings::Settings;
use crate::shown;
use crate::words::{count, many};
use tell::Judged;

/// Findings that the summary names.
const NAMED_MAX: usize = 10;

/// So many letters of a name and of an owner are shown; a place has what they leave of a line, so
/// that none wraps where ids are short.
const NAME_MAX: usize = 24;
const WHOSE_MAX: usize = 12;
const LINE_MAX: usize = 100;
/// So much of a place is shown in any case.
const PLACE_MIN: usize = 20;

/// A server or an account that later commands can reach.
pub(super) struct Remembered {
    pub(super) source: SourceId,
    /// What opens it is kept too; some want nothing, or the machine's own login.
    pub(super) sealed: bool,
}

/// All that is told of a scan.
pub(super) struct Report<'a> {
    /// This machine's usual places were read, because nothing was named.
    pub(super) named_nothing: bool,
    /// What came of each source.
    pub(super) scanned: &'a [Scanned],
    /// Servers and accounts that are remembered now.
    pub(super) remembered: &'a [Remembered],
    /// What providers said, where they were asked.
    pub(super) liveness: Option<&'a engine::Asked>,
    /// What the rules say.
    pub(super) judged: &'a Judged,
    /// How many findings are known; they are left out.
    pub(super) known: LeftOut,
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
    percent(seen, missed)
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

/// What to do next.
fn hints(report: &Report<'_>) -> Vec<String> {
    let mut hints =
        vec!["`keyroll ls` lists the roll, `keyroll findings` what is wrong".to_owned()];
    if report.named_nothing {
        hints.push(
            "not looked at: file contents (`keyroll scan DIR`), databases (`keyroll scan postgres://…`), \
             cloud accounts (`keyroll scan aws`)"
                .to_owned(),
        );
    }
    hints.extend(report.known.told());
    if report.liveness.is_some() {
        hints.push(
            "`keyroll findings --live` shows what is wrong with what still opens something"
                .to_owned(),
        );
    }
    for one in report.remembered {
        let login = if one.sealed {
            " with its login sealed"
        } else {
            ""
        };
        hints.push(format!(
            "{} is remembered{login}; `keyroll sources remove` forgets it",
            one.source.as_str()
        ));
    }
    hints
}

fn page(roll: &Roll, report: &Report<'_>) -> Result<Page, Error> {
    let mut gauge = roll.gauge()?;
    let aside: u64 = report
        .scanned
        .iter()
        .filter_map(|one| one.report.as_ref().ok())
        .flat_map(|one| one.set_aside.values())
        .sum();
    gauge.set_aside = Some(aside);
    let failed = report.scanned.iter().filter(|one| one.report.is_err());
    gauge.failed = failed.count() as u64;
    Ok(Page {
        title: "The roll".to_owned(),
        lead: vec![Cell::new(lead(roll)?)],
        sections: [
            vec![Section::rows(
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
            )],
            vec![Section::lines("", aside_line(report.scanned))],
            vec![Section::lines(
                "Asked of providers",
                super::live::lines(report.liveness),
            )],
            findings(report, &Roots::of(report.scanned)),
            vec![
                Section::lines("", more(report.judged)),
                Section::lines("", super::open::lines(roll, report)?),
            ],
        ]
        .concat(),
        hints: hints(report),
        footer: Vec::new(),
        gauge: Some(gauge),
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
        Ok(report) => read(&one.named, report),
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

fn read(named: &str, report: &PassReport) -> Vec<Cell> {
    // A directory is known best by how it was named; a server's account by what it turned out to be.
    let name = match report.source.connector() {
        "files" | "git_history" => named,
        _ => report.source.as_str(),
    };
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
        Cell::new(name),
        Cell::new(count(counts.seen)),
        Cell::new(count(counts.new)),
        Cell::new(count(counts.changed + counts.back)),
        gone,
        Cell::new(count(aside)),
        Cell::new(count(report.gaps.len() as u64)),
        result,
    ]
}

/// What was recognised and is no identity, in one line.
fn aside_line(scanned: &[Scanned]) -> Vec<Cell> {
    let mut kinds = std::collections::BTreeMap::<&str, u64>::new();
    for report in scanned.iter().filter_map(|one| one.report.as_ref().ok()) {
        for (what, n) in &report.set_aside {
            *kinds.entry(what).or_default() += n;
        }
    }
    let told: Vec<_> = kinds
        .into_iter()
        .map(|(what, n)| format!("{what} {}", count(n)))
        .collect();
    match told.is_empty() {
        true => Vec::new(),
        false => vec![Cell::new(format!(
            "set aside, no identity: {}",
            told.join(", ")
        ))],
    }
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
    let live: std::collections::BTreeSet<_> = judged
        .findings()
        .filter(|one| one.rule == "leaked-live" && matches!(one.verdict, Verdict::Fail(_)))
        .map(|one| &one.entity)
        .collect();
    for finding in judged.findings() {
        // What is known to be live and leaked is told as that.
        let is_told = finding.rule == "secret-in-text" && live.contains(&finding.entity);
        if is_told || !matches!(finding.verdict, Verdict::Fail(_)) {
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

/// The gravest, what is wrong in the same way together: said once, above a line for each thing.
fn findings(report: &Report<'_>, roots: &Roots) -> Vec<Section> {
    let wrongs = wrongs(report.judged);
    let mut groups: Vec<(&model::Finding, Vec<&Wrong<'_>>)> = Vec::new();
    for wrong in wrongs.iter().take(NAMED_MAX) {
        let first = wrong.first;
        let alike = |(other, _): &&mut (&model::Finding, _)| {
            (other.rule, other.severity) == (first.rule, first.severity)
        };
        match groups.iter_mut().find(alike) {
            Some((_, group)) => group.push(wrong),
            None => groups.push((first, vec![wrong])),
        }
    }
    let section = |(first, group): (&model::Finding, Vec<&Wrong<'_>>)| {
        let of = |wrong: &&Wrong<'_>| {
            (wrong.first.rule, wrong.first.severity) == (first.rule, first.severity)
        };
        let all = wrongs.iter().filter(of).count() as u64;
        let title = format!(
            "{}: {} ({})",
            shown::severity(first.severity).text,
            first.title,
            count(all)
        );
        let mut rows: Vec<_> = group.iter().map(|wrong| row(wrong)).collect();
        let room = room(&rows);
        for (row, wrong) in rows.iter_mut().zip(&group) {
            row.insert(2, Cell::new(place(wrong, roots, room)));
        }
        Section::rows(&title, &["name", "whose", "where", "next"], rows)
    };
    groups.into_iter().map(section).collect()
}

/// What one line says beside its place.
fn row(wrong: &Wrong<'_>) -> Vec<Cell> {
    let finding = wrong.first;
    let path = finding
        .place
        .as_ref()
        .map_or("", |place| place.path.as_str());
    let file = path.rsplit('/').next().unwrap_or_default();
    // The place says in which file: the name need not.
    let name = finding
        .name
        .strip_suffix(file)
        .and_then(|name| name.strip_suffix(" in "))
        .unwrap_or(&finding.name);
    let whose = match (&finding.owner, &finding.suggested) {
        (Some(owner), _) => Cell::new(model::shorten(owner, WHOSE_MAX)),
        // It is a guess, and is told as one.
        (None, Some(one)) => Cell::new(format!(
            "{}?",
            model::shorten(short(&one.who), WHOSE_MAX - 1)
        )),
        (None, None) => Cell::toned("nobody", Tone::Unknown),
    };
    vec![
        Cell::new(model::shorten(name, NAME_MAX)),
        whose,
        Cell::new(finding.next.clone()),
    ]
}

/// The part of a mail address that tells people apart; `why` shows all of it.
fn short(who: &str) -> &str {
    match who.split_once('@') {
        Some((local, _)) if !local.is_empty() => local,
        _ => who,
    }
}

/// The letters that the other cells of some lines leave to a place.
fn room(rows: &[Vec<Cell>]) -> usize {
    // An id is shown by its first letters: `crd-8f3pf4tq`.
    let letters = |word: &str| match word.split_once('-') {
        Some(("crd" | "idn", _)) => 12,
        _ => word.chars().count(),
    };
    let shown = |cell: &Cell| {
        cell.text
            .split(' ')
            .map(letters)
            .map(|n| n + 1)
            .sum::<usize>()
            - 1
    };
    let heads = ["name", "whose", "next"].into_iter().enumerate();
    let widest = |(at, head): (usize, &str)| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(shown).max().unwrap_or_default().max(head.len())
    };
    let taken: usize = heads.map(widest).map(|width| width + 2).sum();
    LINE_MAX.saturating_sub(taken + 2).max(PLACE_MIN)
}

/// The one directory that was searched: places in it are told from there.
#[derive(Default)]
struct Roots(Option<String>);

impl Roots {
    fn of(scanned: &[Scanned]) -> Self {
        let mut roots: Vec<_> = scanned
            .iter()
            .filter_map(|one| one.report.as_ref().ok())
            .filter(|report| report.source.connector() == "files")
            .filter_map(|report| Some(format!("{}/", report.source.target().split_once(':')?.1)))
            .collect();
        match (roots.pop(), roots.is_empty()) {
            (Some(one), true) if one.starts_with('/') => Self(Some(one)),
            _ => Self(None),
        }
    }

    fn below<'p>(&self, path: &'p str) -> &'p str {
        let root = self.0.as_deref().unwrap_or_default();
        path.strip_prefix(root).unwrap_or(path)
    }
}

/// Where it lies, the end of a long path alone, and in how many places more.
fn place(wrong: &Wrong<'_>, roots: &Roots, room: usize) -> String {
    let whole = match (&wrong.first.place, &wrong.first.source) {
        (Some(place), _) => {
            let line = place
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            format!("{}{line}", model::clean(roots.below(&place.path)))
        }
        // What lies in no file is where its source says that it is.
        (None, Some(source)) => model::clean(source.as_str()),
        (None, None) => return String::new(),
    };
    let more = match wrong.places {
        0 | 1 => String::new(),
        places => format!(" +{}", count((places - 1) as u64)),
    };
    let most = room.saturating_sub(more.chars().count());
    let letters = whole.chars().count();
    if letters <= most {
        return format!("{whole}{more}");
    }
    let end: String = whole.chars().skip(letters + 1 - most).collect();
    format!("…{end}{more}")
}

fn more(judged: &Judged) -> Vec<Cell> {
    let failures = wrongs(judged).len();
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
    lines
}
