//! Archives of others: tar, zip, compressed streams, and images in them.

use std::collections::BTreeMap;

use connectors::{Answer, Port, Question, Refusal, Unpacked, connector};
use engine::{ArchiveLimits, unpack_all};
use model::Reason;

use super::Listed;
use crate::answers::pass;
use crate::witness::Witness;

pub(super) const TARGETS: &[Listed] = &[
    (
        "tar",
        "any tar, in whatever it is compressed, ends in bounded entries and gaps",
        unpacked,
    ),
    ("zip", "any zip ends in bounded entries and gaps", unpacked),
    (
        "image",
        "any entries of an archive, images among them, are told without a secret of theirs",
        image,
    ),
];

/// Little, so that what is beyond a limit is met by small inputs.
const LIMITS: ArchiveLimits = ArchiveLimits {
    entries_max: 500,
    bytes_max: 4 << 20,
    ratio_max: 200,
    ratio_free: 1 << 20,
    whole_free: 4 << 20,
    depth_max: 4,
    held_max: 1 << 20,
    gaps_max: 50,
    answer_bytes: 1 << 20,
};

fn unpacked(input: &[u8]) {
    let some = unpack_all(input, "input.gz", LIMITS);
    // An archive within another is an entry of both.
    assert!(some.entries.len() <= 500, "more entries than allowed");
    assert!(some.gaps.len() <= 51, "more gaps than allowed");
    let bytes: usize = some
        .entries
        .iter()
        .filter_map(|entry| Some(entry.file.as_ref()?.bytes.len()))
        .sum();
    assert!(bytes <= (4 << 20) + input.len(), "more bytes than allowed");
    for entry in &some.entries {
        let up = entry.path.split('/').any(|part| matches!(part, ".." | "."));
        assert!(!up && !entry.path.starts_with('/'), "{:?}", entry.path);
    }
}

/// The archive at `/srv/image.tar`, and nothing else.
struct OneArchive<'a>(&'a [u8]);

impl Port for OneArchive<'_> {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let refusal = |code| Refusal::new(Reason::Failed, "not there").code(code);
        match question {
            Question::List { .. } => Err(refusal("ENOTDIR")),
            Question::Read { path, .. } if path == "/srv/image.tar" => {
                Ok(Answer::File(connectors::File {
                    bytes: model::Secret::new(self.0.to_vec()),
                    cut: false,
                    mode: 0o600,
                }))
            }
            Question::Unpack { path, from: 0 } if path == "/srv/image.tar" => {
                let some = unpack_all(self.0, "image.tar", LIMITS);
                Ok(Answer::Unpacked(Unpacked { next: None, ..some }))
            }
            _ => Err(refusal("ENOENT")),
        }
    }
}

fn image(input: &[u8]) {
    let options = BTreeMap::from([("dirs".to_owned(), "/srv/image.tar".to_owned())]);
    let Some(files) = connector("files") else {
        return;
    };
    let witness = Witness::default();
    let mut port = OneArchive(input);
    let told = pass(files, &mut port, &witness, "host", &options);
    // Names of entries are told, as names of files are.
    let some = unpack_all(input, "image.tar", LIMITS);
    let names: String = some
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    witness.finds_nothing_in(&told.text, &names);
}
