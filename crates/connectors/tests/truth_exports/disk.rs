//! Files of outside truth, read in place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use connectors::{
    Answer, Context, Entry, EntryKind, Event, File, Fingerprints, Port, Question, Refusal,
    connector,
};
use model::{Attribute, Fingerprint, Gap, Kind, Observation, Reason, Secret, Timestamp};

/// Reads files in place.
struct Disk;

impl Port for Disk {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let failed = |e: std::io::Error| Refusal::new(Reason::Failed, e.to_string());
        match question {
            Question::List { dir } => {
                let mut entries = Vec::new();
                for entry in fs::read_dir(dir).map_err(failed)? {
                    let entry = entry.map_err(failed)?;
                    let directory = entry.file_type().map_err(failed)?.is_dir();
                    entries.push(Entry {
                        name: entry.file_name().into_string().unwrap(),
                        kind: if directory {
                            EntryKind::Directory
                        } else {
                            EntryKind::File
                        },
                        size: 0,
                    });
                }
                Ok(Answer::Entries(entries))
            }
            Question::Read { path, bytes_max } => {
                let mut bytes = fs::read(path).map_err(failed)?;
                let cut = bytes.len() as u64 > *bytes_max;
                bytes.truncate(usize::try_from(*bytes_max).unwrap());
                Ok(Answer::File(File {
                    bytes: Secret::new(bytes),
                    cut,
                    mode: 0o600,
                }))
            }
            _ => Err(Refusal::new(Reason::Unsupported, "files only")),
        }
    }
}

/// No fingerprint is made of exports.
pub(crate) struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        unreachable!("exports hold no secret that is looked at")
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

pub(crate) struct Roll {
    pub(crate) seen: Vec<Observation>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) target: String,
}

/// Everything that the connector called `name` sees in `dir`.
pub(crate) fn collect(name: &str, dir: &Path) -> Roll {
    let options = BTreeMap::from([("dirs".to_owned(), dir.display().to_string())]);
    pass(name, "exports", &options, (&mut Disk, &NoKey))
}

/// Everything that the connector called `name` sees of `target` through a port.
pub(crate) fn pass(
    name: &str,
    target: &str,
    options: &BTreeMap<String, String>,
    (port, fingerprints): (&mut dyn Port, &dyn Fingerprints),
) -> Roll {
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    let mut sink = |event| match event {
        Event::Seen(one) => seen.push(one),
        Event::Gap(gap) => gaps.push(gap),
        Event::SetAside { .. } => {}
    };
    let now: Timestamp = "2026-01-01".parse().unwrap();
    let connector = connector(name).unwrap();
    let mut cx = Context::new(port, fingerprints, target, options, now, &mut sink);
    let target = connector.identify(&mut cx).unwrap();
    connector.discover(&mut cx).unwrap();
    Roll { seen, gaps, target }
}

/// Every file below `dir`.
pub(crate) fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// What an attribute says, of each thing of a kind.
pub(crate) fn texts(roll: &Roll, kind: Option<Kind>, attribute: &Attribute) -> BTreeSet<String> {
    roll.seen
        .iter()
        .filter(|one| kind.is_none_or(|kind| one.kind == kind))
        .filter_map(|one| one.fact(attribute).is()?.text().map(str::to_owned))
        .collect()
}
