//! Audit logs that lie in files: who was born, who died, who acted last, and over which window.
//!
//! Source: each platform's own, named in its file. Files are known by what is in them, so any
//! layout will do, that of an S3 bucket of CloudTrail too. Each is read piece by piece, so that
//! what is held does not grow with it. Option: `dirs`, files and directories, one a line.

mod cloudtrail;
mod entra;
pub(crate) mod fold;
mod gcp;
mod github;
mod gitlab;
mod kubernetes;
pub(crate) mod lenient;
mod models;
mod okta;
pub(crate) mod platform;
mod postgres;
pub(crate) mod reading;
pub(crate) mod split;
pub(crate) mod tell;
mod wrapped;

use model::{Reason, Scope};

use crate::published;
use crate::{Connector, Context, EntryKind, PortKind, Refusal, Spec, Stop};
use fold::Fold;
use reading::{FileRead, read};

/// Audit logs in files.
pub(crate) struct Logs;

/// Files read in one pass: a year of CloudTrail of one account in 20 regions has a million.
const FILES_MAX: usize = 2_000_000;
/// Directories below a named one: CloudTrail's lie nine deep.
const DEPTH_MAX: usize = 32;
/// Files that are told as gaps; of more their number is.
const GAPS_MAX: usize = 200;
const NEEDS: &str = "read access to the files";

impl Connector for Logs {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "logs",
            reads: "audit logs in files: CloudTrail, Kubernetes, Entra, Azure, Google Cloud, Okta, GitHub, GitLab, OpenAI, Anthropic, PostgreSQL",
            named: "logs:PATH",
            target: "a directory or file; option `dirs` names several, one a line",
            port: PortKind::Files,
            needs_to_discover: &[NEEDS],
            needs_to_act: &[],
            scopes: &["part", "file"],
        }
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut pass = Pass::default();
        let named: Vec<_> = cx.option("dirs").unwrap_or(cx.target()).lines().collect();
        let named: Vec<String> = named.iter().map(|one| one.trim().to_owned()).collect();
        for place in named.iter().filter(|one| !one.is_empty()) {
            if pass.walk(cx, place, 0).is_err() {
                break;
            }
        }
        pass.tell(cx)
    }
}

/// What one pass came to.
#[derive(Default)]
struct Pass {
    fold: Fold,
    files: usize,
    /// Files that hold records of a log.
    logs: usize,
    /// What could not be read: where, and why.
    trouble: Vec<(String, Refusal)>,
    /// How much more there was of that.
    more: usize,
}

impl Pass {
    fn walk(&mut self, cx: &mut Context<'_>, place: &str, depth: usize) -> Result<(), Stop> {
        if depth > DEPTH_MAX || self.files >= FILES_MAX {
            let told = format!("more than {FILES_MAX} files or {DEPTH_MAX} levels of directories");
            return self.refused(place, Refusal::new(Reason::Unsupported, told));
        }
        let entries = match cx.list(place) {
            Ok(entries) => entries,
            // A place that is named may be a file.
            Err(refusal) if depth == 0 && !refusal.stop && refusal.code == "ENOTDIR" => {
                return self.file(cx, place, true);
            }
            Err(refusal) => return self.refused(place, refusal),
        };
        for entry in entries {
            let path = format!("{}/{}", place.trim_end_matches('/'), entry.name);
            match entry.kind {
                EntryKind::Directory => self.walk(cx, &path, depth + 1)?,
                EntryKind::File => self.file(cx, &path, claims(&entry.name))?,
                EntryKind::Link | EntryKind::Other => {}
            }
        }
        Ok(())
    }

    /// Reads one file; `claimed`: it is named, or called like a log.
    fn file(&mut self, cx: &mut Context<'_>, path: &str, claimed: bool) -> Result<(), Stop> {
        self.files += 1;
        let FileRead {
            records,
            aside,
            unread,
            refused,
        } = read(cx, path, &mut self.fold);
        if records > 0 {
            self.logs += 1;
        } else if let Some(what) = aside {
            cx.set_aside(what);
        } else if refused.is_none() && !claimed {
            cx.set_aside("file that is no log");
        } else if refused.is_none() && unread.is_none() {
            let told = "no record of a log that is known";
            return self.refused(path, Refusal::new(Reason::Unsupported, told));
        }
        if let Some(told) = unread.filter(|_| records > 0 || claimed) {
            self.refused(path, Refusal::new(Reason::Failed, told))?;
        }
        match refused {
            Some(refusal) => self.refused(path, refusal),
            None => Ok(()),
        }
    }

    fn refused(&mut self, place: &str, refusal: Refusal) -> Result<(), Stop> {
        let stop = refusal.stop;
        if stop || self.trouble.len() < GAPS_MAX {
            self.trouble.push((place.to_owned(), refusal));
        } else {
            self.more += 1;
        }
        if stop { Err(Stop) } else { Ok(()) }
    }

    fn tell(self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let unread = self.trouble.len() + self.more;
        let unread = (unread > 0).then(|| format!("{unread} of its files were not read whole"));
        let keyed = |provider: &str, hash: &str| published::fingerprint(cx, provider, hash);
        for one in tell::observations(&self.fold, unread.as_deref(), Some(&keyed)) {
            cx.observe(one);
        }
        for _ in 0..tell::over(&self.fold) {
            cx.set_aside("token that lived an hour");
        }
        let gap = |cx: &mut Context<'_>, scope: &Scope, told: String| {
            cx.gap(scope, &Refusal::new(Reason::Unsupported, told), None)
        };
        for ((log, account), days) in tell::silent_days(&self.fold) {
            let scope = Scope::of("days").part(log).part(account);
            let told = format!("nothing is in the log of {days}: nobody acted, or it has a hole");
            gap(cx, &scope, told)?;
        }
        if self.fold.beyond {
            let told = "more identities, credentials or accounts than are kept".to_owned();
            gap(cx, &Scope::of("beyond"), told)?;
        }
        let told = "a log tells of those who acted while it was written, and lists nobody else: \
                    who is not in it may be there all the same";
        gap(cx, &Scope::whole(), told.to_owned())?;
        if self.more > 0 {
            let told = format!("{} more files could not be read whole", self.more);
            gap(cx, &Scope::of("files"), told)?;
        }
        for (place, refusal) in self.trouble {
            cx.gap(&Scope::of("files").part(place), &refusal, Some(NEEDS))?;
        }
        Ok(())
    }
}

/// Whether a file of that name says that it is a log.
fn claims(name: &str) -> bool {
    const ENDS: &[&str] = &[".json", ".jsonl", ".ndjson", ".log", ".csv"];
    const PACKED: &[&str] = &[".gz", ".zst", ".xz", ".bz2"];
    let name = name.to_ascii_lowercase();
    let inner = PACKED
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(&name);
    ENDS.iter().any(|end| inner.ends_with(end))
}

#[cfg(test)]
mod tests;
