//! The checks, in the order in which one thing stands on another.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use engine::Engine;
use model::{Duration, State, Timestamp};
use store::{Location, PassOutcome, RevocationFilter, SCHEMA};

use super::Check;
use crate::configuration::{Layers, Origin};
use crate::error::Error;
use crate::roll::{Roll, key_paths, location};
use crate::settings::Settings;
use crate::words::{count, many, when};

/// Before this the clock cannot be right: 2026-01-01.
const EARLIEST: Timestamp = Timestamp::from_seconds(1_767_225_600);
/// A source that was not read for so long is stale.
const STALE: Duration = Duration::days(7);
/// Longer logs are checked by their checkpoint alone.
const LEAVES_MAX: u64 = 200_000;

pub(super) fn all(settings: &Settings, layers: &Layers) -> Vec<Check> {
    let mut checks = vec![version(), configuration(layers)];
    let at = match location(settings) {
        Ok(at) => at,
        Err(error) => {
            checks.push(Check::fail("store", chain(&error), "give `--store`"));
            return checks;
        }
    };
    checks.extend(files(&at));
    checks.extend(keys(settings, &at));
    let roll = match Roll::open(settings) {
        Ok(roll) => roll,
        Err(error) => {
            let todo = error
                .todo()
                .unwrap_or("do what it says; if nothing else helps, restore a backup");
            checks.push(Check::fail("store", chain(&error), todo));
            return checks;
        }
    };
    checks.push(schema(&roll));
    checks.push(clock(settings, &roll));
    checks.extend(sources(settings, &roll));
    checks.push(residual(&roll));
    match roll.engine(settings) {
        Ok(engine) => {
            checks.push(ring(&engine));
            checks.push(evidence(&roll, &engine));
        }
        Err(error) => checks.push(Check::fail(
            "keys",
            chain(&error),
            "put the right key files back",
        )),
    }
    checks
}

/// Whether the keys are the right ones, and the newest term of the ring may seal for long.
fn ring(engine: &Engine) -> Check {
    let terms = match engine.key_terms() {
        Ok(terms) => terms,
        Err(error) => {
            let told = chain(&Error::from_engine("cannot read the key ring")(error));
            return Check::fail("keys", told, "restore a backup");
        }
    };
    let active = terms.iter().find(|term| term.active);
    match active.filter(|term| term.encryptions >= vault::ROTATION_DUE) {
        Some(term) => Check::warn(
            "keys",
            format!(
                "term {} of the key ring sealed {} values and nears its end",
                term.number,
                count(term.encryptions)
            ),
            "`keyroll key rotate` makes a new one",
        ),
        None => Check::ok("keys", "they are those this roll was made with"),
    }
}

/// An error with its causes in one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn version() -> Check {
    let told = format!(
        "keyroll {} on {} {}, store schema {SCHEMA}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    Check::ok("version", told)
}

/// Whoever may write a configuration file decides where the roll lies (CL-25).
fn configuration(layers: &Layers) -> Check {
    let mut found = Vec::new();
    for origin in layers.origins() {
        if let Origin::Project(path) | Origin::File(path) = origin
            && let Ok(file) = std::fs::metadata(path)
            && let Some(exposed) = Exposed::of(&file, 0o022)
        {
            let shown = model::clean(&path.display().to_string());
            let told = format!("{shown} {}", exposed.told());
            return Check::warn("configuration", told, exposed.todo(&shown));
        }
        found.push(origin.to_string());
    }
    let told = if found.is_empty() {
        "none: defaults and flags only".to_owned()
    } else {
        found.join(", ")
    };
    Check::ok("configuration", told)
}

/// Why others can get at a file.
#[derive(Debug, PartialEq, Eq)]
enum Exposed {
    /// Its mode lets them: the mode, and what of it must not be.
    Mode(u32, u32),
    /// It is theirs.
    Owner(u32),
}

impl Exposed {
    /// Whether others can do with a file what `forbidden` says.
    fn of(file: &std::fs::Metadata, forbidden: u32) -> Option<Self> {
        let me = rustix::process::geteuid().as_raw();
        Self::to(file.mode() & 0o7777, file.uid(), me, forbidden)
    }

    fn to(mode: u32, owner: u32, me: u32, forbidden: u32) -> Option<Self> {
        if mode & forbidden != 0 {
            return Some(Self::Mode(mode, forbidden));
        }
        // Root can do everything anyway.
        (owner != me && owner != 0).then_some(Self::Owner(owner))
    }

    fn told(&self) -> String {
        match self {
            Self::Mode(mode, forbidden) => {
                let may = if forbidden & 0o044 == 0 {
                    "written"
                } else {
                    "read"
                };
                format!("may be {may} by others (mode {mode:04o})")
            }
            Self::Owner(owner) => {
                format!("belongs to user {owner}, who can do with it as they please")
            }
        }
    }

    fn todo(&self, shown: &str) -> String {
        match self {
            Self::Mode(_, 0o022) => format!("chmod go-w {shown}"),
            Self::Mode(..) => format!("chmod go-rwx {shown}"),
            Self::Owner(_) => format!("look whose it should be: chown YOU {shown}"),
        }
    }
}

fn files(at: &Location) -> Vec<Check> {
    let Location::Sqlite(path) = at else {
        return vec![Check::ok("store", at.to_string())];
    };
    if !path.exists() {
        return Vec::new();
    }
    let mut checks = vec![private("store", path, 0o077)];
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        // Others may look at a shared directory, but not put files into it.
        checks.push(private("directory", dir, 0o022));
    }
    checks
}

fn private(what: &'static str, path: &Path, forbidden: u32) -> Check {
    let shown = model::clean(&path.display().to_string());
    let file = match std::fs::metadata(path) {
        Ok(file) => file,
        Err(error) => {
            let told = format!("{shown}: {error}");
            return Check::fail(what, told, "make it readable for you");
        }
    };
    match Exposed::of(&file, forbidden) {
        Some(exposed) => {
            let told = format!("{shown} {}", exposed.told());
            Check::fail(what, told, exposed.todo(&shown))
        }
        None => {
            let (bytes, mode) = (count(file.len()), file.mode() & 0o7777);
            let beside = beside(path).map_or_else(String::new, |more| {
                format!(" and {} of changes not folded into it yet", count(more))
            });
            Check::ok(
                what,
                format!("{shown}, {bytes} bytes{beside}, mode {mode:04o}"),
            )
        }
    }
}

/// The bytes of the write-ahead log beside an embedded store, which belong to it.
fn beside(path: &Path) -> Option<u64> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let file = std::fs::metadata(log).ok()?;
    (file.len() > 0).then_some(file.len())
}

fn keys(settings: &Settings, at: &Location) -> Vec<Check> {
    let paths = match key_paths(settings, at) {
        Ok(paths) => paths,
        Err(error) => {
            return vec![Check::fail("keys", chain(&error), "name both key files")];
        }
    };
    [
        ("fingerprint key", paths.fingerprint),
        ("seal key", paths.seal),
    ]
    .into_iter()
    .map(|(what, path)| {
        if path.exists() {
            private(what, &path, 0o077)
        } else {
            Check::warn(
                what,
                format!("{} is not there", path.display()),
                "the first scan makes it; else put it back",
            )
        }
    })
    .collect()
}

fn schema(roll: &Roll) -> Check {
    match roll.store.schema_version() {
        Ok(version) => Check::ok("schema", format!("{version}, as this program wants it")),
        Err(error) => Check::fail("schema", error.to_string(), "restore a backup"),
    }
}

fn clock(settings: &Settings, roll: &Roll) -> Check {
    let now = settings.now;
    if now < EARLIEST {
        return Check::fail(
            "clock",
            format!("it says {now}"),
            "set it: expiry and proofs depend on it",
        );
    }
    match roll.read(|reading, tenant| reading.passes(tenant, None, 1)) {
        Ok(passes) => match passes.first() {
            Some(pass) if pass.started > now + Duration::minutes(5) => Check::fail(
                "clock",
                format!("it says {now}, but a pass began {}", pass.started),
                "set it: one of the two is wrong",
            ),
            _ => Check::ok("clock", now.to_string()),
        },
        Err(error) => Check::fail(
            "clock",
            chain(&error),
            "`keyroll backup` and look at the store",
        ),
    }
}

fn sources(settings: &Settings, roll: &Roll) -> Vec<Check> {
    let read = roll.read(|reading, tenant| {
        let mut found = Vec::new();
        for source in reading.sources(tenant)? {
            let last = reading
                .passes(tenant, Some(&source.id), 1)?
                .into_iter()
                .next();
            found.push((source, last));
        }
        Ok(found)
    });
    let found = match read {
        Ok(found) => found,
        Err(error) => {
            return vec![Check::fail(
                "sources",
                chain(&error),
                "`keyroll backup` and look at the store",
            )];
        }
    };
    if found.is_empty() {
        return vec![Check::ok(
            "sources",
            "none is remembered: `keyroll sources add` keeps one",
        )];
    }
    let line = |(source, last): (store::SourceConfig, Option<store::Pass>)| {
        let id = source.id.as_str();
        let again = format!("keyroll scan {id}");
        match last {
            None => Check::warn("source", format!("{id} was never read"), again),
            Some(pass) if pass.outcome == Some(PassOutcome::Failed) => Check::fail(
                "source",
                format!("{id} failed {}", when(pass.started, settings.now)),
                format!("keyroll gaps {id}"),
            ),
            Some(pass) if settings.now.since(pass.started) > STALE => Check::warn(
                "source",
                format!("{id} was last read {}", when(pass.started, settings.now)),
                again,
            ),
            Some(pass) => Check::ok(
                "source",
                format!("{id} was read {}", when(pass.started, settings.now)),
            ),
        }
    };
    found.into_iter().map(line).collect()
}

fn residual(roll: &Roll) -> Check {
    match roll.read(|reading, tenant| reading.revocations(tenant, RevocationFilter::Open, 10_000)) {
        Ok(rows) if rows.is_empty() => Check::ok("revocations", "none is open"),
        Ok(rows) => {
            let failed = rows
                .iter()
                .filter(|row| matches!(row.state, State::Failed { .. }))
                .count();
            let told = format!(
                "{} not proven, {} of them failing",
                many(rows.len() as u64, "is", "are"),
                failed
            );
            Check::warn("revocations", told, "keyroll residual")
        }
        Err(error) => Check::fail(
            "revocations",
            chain(&error),
            "`keyroll backup` and look at the store",
        ),
    }
}

fn evidence(roll: &Roll, engine: &Engine) -> Check {
    let todo = "keep the store as it is, restore a backup elsewhere, and compare";
    let size = match roll.read(|reading, tenant| reading.evidence_size(tenant)) {
        Ok(0) => return Check::ok("evidence", "the log is empty"),
        Ok(size) => size,
        Err(error) => return Check::fail("evidence", chain(&error), todo),
    };
    let told = many(size, "leaf", "leaves");
    let untrue = Error::from_engine("the log cannot be trusted");
    if size > LEAVES_MAX {
        return match engine.check_checkpoint() {
            Ok(_) => Check::ok(
                "evidence",
                format!(
                    "{told}; the checkpoint's signature holds (the leaves: `keyroll evidence export`)"
                ),
            ),
            Err(error) => Check::fail("evidence", chain(&untrue(error)), todo),
        };
    }
    match engine.check_evidence() {
        Ok(leaves) if leaves == size => {
            Check::ok("evidence", format!("{told}, every one as it was signed"))
        }
        Ok(leaves) => Check::fail(
            "evidence",
            format!("{leaves} of {size} leaves verify"),
            todo,
        ),
        Err(error) => Check::fail("evidence", chain(&untrue(error)), todo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CL-25: modes and ownership.
    #[test]
    fn a_file_is_exposed_by_its_mode_or_by_its_owner() {
        let to = |mode, owner| Exposed::to(mode, owner, 1000, 0o077);
        assert_eq!(to(0o600, 1000), None);
        assert_eq!(to(0o600, 0), None);
        assert_eq!(to(0o640, 1000), Some(Exposed::Mode(0o640, 0o077)));
        assert_eq!(to(0o600, 1001), Some(Exposed::Owner(1001)));
        assert_eq!(Exposed::to(0o644, 1000, 1000, 0o022), None);
        assert_eq!(
            Exposed::to(0o664, 1000, 1000, 0o022).map(|found| found.todo("x")),
            Some("chmod go-w x".to_owned())
        );
    }
}
