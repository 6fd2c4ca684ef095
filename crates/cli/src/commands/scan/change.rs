//! `keyroll scan --staged` and `--since`: what a change brings, judged at once. Keeps nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::Change;

use crate::arguments::{Gate, Limit};
use crate::baseline::Baseline;
use crate::baseline::LeftOut;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::Gauge;
use crate::rules;
use crate::settings::Settings;
use crate::words::many;
use tell::Judged;

/// The rule of secrets that a change brings.
const NEW_SECRET: &str = "new-secret";

/// Which change is read, if one is.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Asked {
    /// Read what the next commit of this repository brings; for a pre-commit hook
    #[arg(long, env = "KEYROLL_STAGED", value_parser = clap::builder::FalseyValueParser::new(), conflicts_with_all = ["since", "diff"])]
    staged: bool,
    /// Read what the commits bring that HEAD reaches and this commit, branch or tag does not
    #[arg(
        long,
        value_name = "REV",
        env = "KEYROLL_SINCE",
        conflicts_with = "diff"
    )]
    since: Option<String>,
    /// The same for two commits
    #[arg(long, value_name = "BASE..HEAD", env = "KEYROLL_DIFF")]
    diff: Option<String>,
}

impl Asked {
    /// The change that was asked for.
    ///
    /// # Errors
    /// `--diff` without two commits.
    pub(super) fn change(&self, settings: &Settings) -> Result<Option<Change>, Error> {
        if self.staged {
            // git names another index to its hooks while it commits a part of what is staged.
            let index = settings.environment.get("GIT_INDEX_FILE");
            let whole = |path: &str| settings.environment.here.join(path).display().to_string();
            return Ok(Some(Change::Staged {
                index: index.map(whole),
            }));
        }
        if let Some(base) = &self.since {
            return Ok(Some(commits(base, "HEAD")));
        }
        let Some(diff) = &self.diff else {
            return Ok(None);
        };
        // Three dots mean the same here: what the base has besides is nobody's change.
        let two = diff.split_once("...").or_else(|| diff.split_once(".."));
        match two {
            Some((base, head)) if !base.is_empty() => Ok(Some(commits(
                base,
                if head.is_empty() { "HEAD" } else { head },
            ))),
            _ => Err(Error::usage(format!(
                "--diff: expected BASE..HEAD, got `{}`",
                model::shorten(&model::clean(diff), 80)
            ))),
        }
    }
}

fn commits(base: &str, head: &str) -> Change {
    Change::Commits {
        base: base.to_owned(),
        head: head.to_owned(),
    }
}

/// Reads the change and shows what it brings.
pub(super) fn run(
    settings: &Settings,
    named: &[String],
    change: &Change,
    (rules, baseline): (&rules::ByRules, Option<Baseline>),
    (gate, limit): (&Gate, &Limit),
) -> Result<Outcome, Error> {
    let dir = match named {
        [] => settings.environment.here.clone(),
        [one] => PathBuf::from(one),
        _ => {
            return Err(Error::usage(
                "a change is of one repository; name one directory",
            ));
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let host = crate::machine::host();
    let by = rules.rules(settings)?;
    let mut changed = engine::changed(Path::new(&dir), change, &host, &by, settings.now, &stop)
        .map_err(Error::from_engine("cannot read the change"))?;
    let mut judged = Judged::of(std::mem::take(&mut changed.findings));
    judged.cut += changed.cut;
    let trees = std::slice::from_ref(&changed.top);
    let known = rules
        .baseline(settings, baseline, trees)?
        .leave_out_of(&mut judged);
    let gauge = Gauge {
        sources: 1,
        gaps: changed.gaps.len() as u64,
        ..Gauge::default()
    };
    let lines = settings.wanted.in_lines();
    let mut shown = settings.clone();
    if let Some(lines) = lines {
        shown.wanted = lines;
        shown.quiet = true;
    }
    let limit = settings.limit(limit);
    let written =
        crate::commands::findings::write(&shown, &judged, limit, gauge, &Default::default());
    Error::unless_reader_left(written)?;
    tell(settings, change, &judged, known, &changed)?;
    let gate = settings.gate(gate);
    let least = gate.min_coverage.filter(|_| !gate.allow_partial);
    Ok(Outcome {
        findings: crate::commands::findings::reaches(&judged, gate.fail_on),
        // How much of a change a gap is nobody can tell, so one is too many for whoever asks.
        incomplete: least.is_some_and(|least| least > 0) && !changed.gaps.is_empty(),
        ..Outcome::CLEAN
    })
}

/// What it came to and what can be done, on standard error.
fn tell(
    settings: &Settings,
    change: &Change,
    judged: &Judged,
    known: LeftOut,
    changed: &engine::Changed,
) -> Result<(), Error> {
    let mut stderr = settings.terminal.stderr();
    // What was not read is told even to whoever wants to hear nothing else.
    for gap in &changed.gaps {
        let (place, told) = (gap.scope.to_string(), model::clean(&gap.told));
        writeln!(stderr, "not read: {}: {told}", model::clean(&place))?;
    }
    if settings.quiet {
        return Ok(());
    }
    let secrets = judged.findings().filter(|one| one.rule == NEW_SECRET);
    let secrets = secrets.count() as u64 + judged.cut;
    let others = judged.findings().filter(|one| one.rule != NEW_SECRET);
    let others = others.count() as u64;
    let brings = match change {
        Change::Staged { .. } => "what is staged brings",
        Change::Commits { .. } => "the change brings",
    };
    for line in known.told() {
        writeln!(stderr, "{line}")?;
    }
    if changed.allowed > 0 {
        writeln!(
            stderr,
            "{} allowed by a comment or an allow-list and set aside",
            many(changed.allowed, "match is", "matches are")
        )?;
    }
    let other = match others {
        0 => String::new(),
        others => format!(" and {}", many(others, "other finding", "other findings")),
    };
    let new = match secrets {
        0 => "no new secret".to_owned(),
        secrets => many(secrets, "new secret", "new secrets"),
    };
    writeln!(stderr, "{brings} {new}{other}")?;
    if secrets + others == 0 {
        return Ok(());
    }
    let past = match change {
        Change::Staged { .. } => "; past this once: `git commit --no-verify`",
        Change::Commits { .. } => "",
    };
    let allow = match secrets {
        0 => "",
        _ => "no secret? `keyroll:allow` in a comment on its line; ",
    };
    writeln!(
        stderr,
        "hint: {allow}known and accepted? `--baseline FILE`{past}"
    )?;
    Ok(())
}
