//! Baselines: findings that are known, by their stable fingerprints, so that only new ones gate.
//!
//! A fingerprint holds no secret, no line and no directory above the one that was read
//! (`model::FindingPrint`), so a baseline can be committed and holds on every machine. Where one
//! field of one file has several secrets, they are counted: one more than is known is new.
//!
//! gitleaks' report and a `.gitleaksignore` know findings by path and line.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use model::{Finding, Validity};
use serde::{Deserialize, Serialize};

use tell::Judged;

use crate::error::Error;
use crate::words::many;

/// The form of the file.
const VERSION: u32 = 1;
/// A baseline is read up to here: of about half a million findings.
const BYTES_MAX: u64 = 64 << 20;

/// A baseline as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The form of this file.
    keyroll_baseline: u32,
    /// What is known.
    findings: Vec<Known>,
}

/// One known finding, or several that nothing but their lines tells apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// The stable fingerprint.
    fingerprint: String,
    /// How many.
    count: u64,
    /// For whoever reads the file.
    rule: String,
    /// For whoever reads the file; empty where it lies in none.
    #[serde(default)]
    path: String,
}

/// Findings that are known.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    known: BTreeMap<String, u64>,
    /// gitleaks' report, if the baseline is one: it knows places, below whatever is read.
    report: leaks::Baseline,
    /// Directories that were read, and what the `.gitleaksignore` in each knows.
    trees: Vec<(String, leaks::Baseline)>,
}

/// Who knows a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The file that a person named.
    Baseline,
    /// A file that lies in what was read.
    Ignored,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// There is none at `path`, or it is of another form.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let shown = model::clean(&path.display().to_string());
        let doing = || format!("cannot read the baseline `{shown}`");
        let file = std::fs::File::open(path).map_err(Error::because(doing()))?;
        let mut text = String::new();
        file.take(BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(Error::because(doing()))?;
        if !text.contains("\"keyroll_baseline\"") {
            let report = leaks::Baseline::parse(&text).ok();
            let report = report.filter(|report| !report.is_empty() || text.trim() == "[]");
            return report.map(Self::of_gitleaks).ok_or_else(|| unfit(&shown));
        }

        let written: Written = serde_json::from_str(&text).map_err(|_| unfit(&shown))?;
        if written.keyroll_baseline != VERSION {
            return Err(unfit(&shown));
        }
        let mut known = BTreeMap::new();
        for one in written.findings {
            let count: &mut u64 = known.entry(one.fingerprint).or_default();
            *count = count.saturating_add(one.count);
        }
        Ok(Self {
            known,
            ..Self::default()
        })
    }

    fn of_gitleaks(report: leaks::Baseline) -> Self {
        Self {
            report,
            ..Self::default()
        }
    }

    /// With the directory `root` that was read, and what its `.gitleaksignore` knows.
    pub(crate) fn tree(&mut self, root: String, ignored: leaks::Baseline) {
        self.trees.push((root, ignored));
    }

    /// Takes one finding: who knows it. Asked once for each finding of a run.
    pub(crate) fn knows(&mut self, finding: &Finding) -> Option<By> {
        match self.known.get_mut(finding.print.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                return Some(By::Baseline);
            }
            _ => {}
        }
        let place = finding.place.as_ref()?;
        let line = u64::from(place.line?);
        // Paths of a change begin at the top of its repository, all others at that of the machine.
        let at = |known: &leaks::Baseline, root: &str| {
            let below = place.path.strip_prefix(root);
            let below = below.map_or(&*place.path, |path| path.trim_start_matches('/'));
            known.knows_place(below, line) || known.knows_place(&place.path, line)
        };
        let mut trees = self.trees.iter();
        if trees.clone().any(|(root, _)| at(&self.report, root)) {
            return Some(By::Baseline);
        }
        // Whoever wrote what was read does not decide that a secret that opens something is none.
        let is_live = finding.validity == Some(Validity::Live);
        let ignored = !is_live && trees.any(|(root, known)| at(known, root));
        ignored.then_some(By::Ignored)
    }
}

fn unfit(shown: &str) -> Error {
    Error::failed(format!(
        "`{shown}` is no baseline of this version, and no report of gitleaks"
    ))
    .hint("`keyroll findings baseline write FILE` writes one")
}

/// `findings` as the text of a baseline, and how many entries it has.
///
/// # Errors
/// None that can happen to plain texts.
pub(crate) fn text<'f>(findings: impl Iterator<Item = &'f Finding>) -> Result<String, Error> {
    let mut known: BTreeMap<&str, Known> = BTreeMap::new();
    for finding in findings {
        let place = finding.place.as_ref().map(|place| place.path.as_str());
        let one = known
            .entry(finding.print.as_str())
            .or_insert_with(|| Known {
                fingerprint: finding.print.as_str().to_owned(),
                count: 0,
                rule: finding.rule.to_owned(),
                path: place.unwrap_or_default().to_owned(),
            });
        one.count += 1;
    }
    let written = Written {
        keyroll_baseline: VERSION,
        findings: known.into_values().collect(),
    };
    let mut text = serde_json::to_string_pretty(&written)
        .map_err(Error::because("cannot write a baseline"))?;
    text.push('\n');
    Ok(text)
}
/// How many findings are known and left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeftOut {
    /// From the baseline that was named.
    pub(crate) baseline: u64,
    /// From the `.gitleaksignore` of what was read.
    pub(crate) ignored: u64,
}

impl LeftOut {
    /// In words, a line for each that there is.
    pub(crate) fn told(self) -> impl Iterator<Item = String> {
        let line = |(n, whence)| {
            let findings = many(n, "finding is", "findings are");
            format!("{findings} known from {whence} and left out")
        };
        [
            (self.baseline, "the baseline"),
            (self.ignored, "`.gitleaksignore`"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(line)
    }
}

impl Baseline {
    /// Leaves out what it knows of `judged`, and says how many that were.
    pub(crate) fn leave_out_of(mut self, judged: &mut Judged) -> LeftOut {
        let mut known = LeftOut::default();
        judged.leave_out(|finding| {
            match self.knows(finding) {
                Some(By::Baseline) => known.baseline += 1,
                Some(By::Ignored) => known.ignored += 1,
                None => return false,
            }
            true
        });
        known
    }
}
