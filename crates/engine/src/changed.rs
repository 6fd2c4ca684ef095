//! What a change of a repository brings, judged at once: nothing is stored and nobody is asked.
//!
//! For whoever is about to commit, and for whoever reads what is about to be merged. The key
//! under which secrets are compared here is made for the one call and forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use assess::{Ground, Thing};
use connectors::{Change, Context, Event, Fingerprints};
use model::{
    Entity, EntityId, Finding, Fingerprint, Gap, Kind, Observation, Reason, Scope, Secret,
    Sighting, SightingKey, SourceId, Timestamp, Verdict,
};
use vault::FingerprintKey;

use crate::ports::GitPort;
use crate::scan::absolute;
use crate::secrets::Secrets;
use crate::{Error, Rules, SystemRandom};

/// The rule that judges the secrets that a change brings.
const NEW_SECRET: &str = "new-secret";
/// The rule that judges the keys that it brings.
const WEAK_KEY: &str = "weak-key";
/// Rules that judge what it configures: by what stands in one file.
const OF_THINGS: &[&str] = &[
    "trust-too-wide",
    "pipeline-too-open",
    "static-login",
    "agent-unasked",
];
/// More findings than this of one change are counted and not kept.
const FINDINGS_MAX: usize = 100_000;

/// What a change brings.
#[derive(Debug, Default)]
pub struct Changed {
    /// Secrets that were not there before, and what is wrong since with what it configures, by
    /// their places.
    pub findings: Vec<Finding>,
    /// The top of the repository.
    pub top: String,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// How many more findings there were than are kept.
    pub cut: u64,
    /// How many matches a comment or an allow-list allows.
    pub allowed: u64,
    /// Jobs, roles and the like, as they are and as they were.
    things: Vec<Observation>,
}

/// Reads what `change` adds to the repository around `dir`, by `rules`.
///
/// # Errors
/// There is no repository or no such change, or none that can be read whole enough to say anything.
pub fn changed(
    dir: &Path,
    change: &Change,
    host: &str,
    rules: &Rules,
    now: Timestamp,
    stop: &Arc<AtomicBool>,
) -> Result<Changed, Error> {
    let top = work_tree(dir)?;
    let repository = absolute(&top)?;
    let target = format!("{host}:{repository}");
    let source = SourceId::new("git_history", &target);
    let connector = connectors::connector("git_history")
        .ok_or_else(|| Error::Unfit("this version reads no repositories".into()))?;
    let options = options(repository.clone(), change);
    let key = OneCall(FingerprintKey::generate(&SystemRandom)?);
    let secrets = rules.at(connector, &target)?;
    let mut port = GitPort::new(top).stopped_by(Arc::clone(stop));
    let mut changed = Changed {
        top: repository,
        ..Changed::default()
    };
    let mut sink = |event| match event {
        Event::Seen(seen) => changed.take(&source, seen, now),
        Event::Gap(gap) => changed.gaps.push(gap),
        // Public keys and the like are no news of a change; what is allowed would be.
        Event::SetAside { what } if what == connectors::ALLOWED => changed.allowed += 1,
        Event::SetAside { .. } => {}
    };
    let mut cx = Context::new(&mut port, &key, &target, &options, now, &mut sink)
        .detecting(secrets.as_ref().map(Secrets::detector));
    let whole = connector.discover(&mut cx).is_ok();
    changed.judge_things(&source, now);
    let refused = changed.gaps.iter().find(|gap| gap.scope == Scope::whole());
    if let Some(gap) = refused {
        return Err(Error::Unfit(gap.told.clone()));
    }
    if !whole {
        let told = "stopped before the end of the change";
        changed
            .gaps
            .push(Gap::new(&Scope::whole(), Reason::Failed, told));
    }
    changed
        .gaps
        .extend(secrets.and_then(|secrets| secrets.gap()));
    let place = |one: &Finding| one.place.clone();
    changed
        .findings
        .sort_by_key(|one| (place(one), one.name.clone(), one.id.clone()));
    Ok(changed)
}

impl Changed {
    fn take(&mut self, source: &SourceId, seen: Observation, now: Timestamp) {
        if seen.kind != Kind::Credential {
            if self.things.len() < FINDINGS_MAX {
                self.things.push(seen);
            } else {
                self.cut += 1;
            }
            return;
        }
        let is_public = flag(&seen, "no_secret");
        for (entity, finding) in judged(source, seen, now) {
            let is_weak = finding.rule == WEAK_KEY && matches!(finding.verdict, Verdict::Fail(_));
            if is_weak || finding.rule == NEW_SECRET && !is_public {
                self.keep(&entity, finding);
            }
        }
    }

    /// Judges what the change configures: what was as wrong before is nobody's news.
    fn judge_things(&mut self, source: &SourceId, now: Timestamp) {
        let things = std::mem::take(&mut self.things);
        let (old, new): (Vec<_>, Vec<_>) =
            things.into_iter().partition(|one| flag(one, "replaced"));
        let mut before: BTreeMap<(String, &'static str), String> = BTreeMap::new();
        for mut one in old {
            if let Some(native) = one.native.strip_suffix(connectors::REPLACED) {
                one.native = native.to_owned();
            }
            let native = one.native.clone();
            for (_, finding) in judged(source, one, now) {
                if let Verdict::Fail(why) = finding.verdict {
                    before.insert((native.clone(), finding.rule), why);
                }
            }
        }
        for one in new {
            let native = one.native.clone();
            for (entity, finding) in judged(source, one, now) {
                let Verdict::Fail(why) = &finding.verdict else {
                    continue;
                };
                let was = before.get(&(native.clone(), finding.rule));
                let is_new = was.is_none_or(|was| says_more(why, was));
                if OF_THINGS.contains(&finding.rule) && is_new {
                    self.keep(&entity, finding);
                }
            }
        }
    }

    fn keep(&mut self, entity: &Entity, mut finding: Finding) {
        if self.findings.len() >= FINDINGS_MAX {
            self.cut += 1;
            return;
        }
        // Nothing is kept of a change, so nothing can be asked for by its id.
        if finding.rule != NEW_SECRET {
            finding.next = "keyroll scan .".to_owned();
        } else if entity.text(&model::Attribute::named("change")) == Some("staged")
            && let Some(place) = &finding.place
            && let Some(path) = pathspec(&place.path)
        {
            finding.next = format!("git restore --staged -- {path}");
        }
        self.findings.push(finding);
    }
}

/// What every rule finds of one thing that a change brings.
fn judged(
    source: &SourceId,
    seen: Observation,
    now: Timestamp,
) -> impl Iterator<Item = (Entity, Finding)> {
    let key = SightingKey {
        source: source.clone(),
        kind: seen.kind,
        native: seen.native.clone(),
    };
    let id = EntityId::of(&key);
    let sighting = Sighting {
        key,
        observation: seen,
        entity: id.clone(),
        first_seen: now,
        since: now,
        last_seen: now,
        missing_since: None,
    };
    let entity = inventory::assemble(&id, Vec::new(), vec![sighting]);
    let thing = Thing {
        entity: &entity,
        holder: None,
        owner: None,
        refused: Some(&[]),
        users: &[],
        twins: &[],
    };
    let found = assess::assess(&thing, &Ground::at(now), &[]);
    found.into_iter().map(move |one| (entity.clone(), one))
}

fn flag(seen: &Observation, name: &'static str) -> bool {
    let told = seen.fact(&model::Attribute::named(name));
    told.is().and_then(|value| value.flag()) == Some(true)
}

/// Whether a reason names something that `was` did not: one action more, another cloud.
fn says_more(why: &str, was: &str) -> bool {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    !words(why).is_subset(&words(was))
}

/// `path` as git and a shell take it for that one file; `None` where no line can name it.
fn pathspec(path: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/@+".contains(c);
    if path.chars().all(plain) {
        return Some(path.to_owned());
    }
    // Bytes that are no text are gone from it, and what steers a terminal is shown escaped.
    if path.contains('\u{fffd}') || model::clean(path) != path {
        return None;
    }
    let magic = path.starts_with(':') || path.contains(['*', '?', '[', '\\']);
    let literal = if magic { ":(literal)" } else { "" };
    Some(format!("'{literal}{}'", path.replace('\'', r"'\''")))
}

fn options(repository: String, change: &Change) -> BTreeMap<String, String> {
    let mut options = BTreeMap::from([("repository".to_owned(), repository)]);
    let mut set = |name: &str, value: &str| options.insert(name.to_owned(), value.to_owned());
    match change {
        Change::Staged { index } => {
            set("change", "staged");
            if let Some(index) = index {
                set("index", index);
            }
        }
        Change::Commits { base, head } => {
            set("change", "commits");
            set("base", base);
            set("head", head);
        }
    }
    options
}

/// The nearest directory at or above `dir` that holds a repository.
fn work_tree(dir: &Path) -> Result<PathBuf, Error> {
    let whole = PathBuf::from(absolute(dir)?);
    let is_top = |dir: &&Path| {
        dir.join(".git").symlink_metadata().is_ok()
            || ["HEAD", "objects", "refs"]
                .iter()
                .all(|name| dir.join(name).exists())
    };
    let found = whole.ancestors().find(is_top).map(Path::to_owned);
    found.ok_or_else(|| {
        Error::Unfit(format!(
            "expected a git repository at or above `{}`, found none",
            model::clean(&dir.display().to_string())
        ))
    })
}

/// Fingerprints that are compared within one call and kept nowhere.
struct OneCall(FingerprintKey);

impl Fingerprints for OneCall {
    fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        let of = |bytes: &[u8]| self.0.fingerprint(bytes);
        let blank = || Fingerprint {
            key: self.0.id(),
            mac: String::new(),
        };
        of(secret.expose())
            .or_else(|| of(b"\0"))
            .unwrap_or_else(blank)
    }

    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_more_where_it_names_something_else() {
        let was = "actions that it runs are not fixed to one content: a/b@v1, c/d@v2";
        let now =
            |names: &str| format!("actions that it runs are not fixed to one content: {names}");
        assert!(!says_more(&now("c/d@v2"), was));
        assert!(!says_more(was, was));
        assert!(says_more(&now("a/b@v1, e/f@main"), was));
    }

    #[test]
    fn a_path_is_quoted_so_that_no_shell_and_no_git_takes_it_apart() {
        let cases = [
            ("shop/.env", Some("shop/.env")),
            ("a b", Some("'a b'")),
            ("$(x)", Some("'$(x)'")),
            ("a;b", Some("'a;b'")),
            ("`x`", Some("'`x`'")),
            ("it's", Some(r"'it'\''s'")),
            ("*.env", Some("':(literal)*.env'")),
            (":/", Some("':(literal):/'")),
            ("a\nb", None),
            ("a\u{fffd}b", None),
        ];
        for (path, quoted) in cases {
            assert_eq!(pathspec(path).as_deref(), quoted, "{path}");
        }
    }
}
