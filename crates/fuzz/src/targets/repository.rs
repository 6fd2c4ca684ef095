//! What a repository says of itself: its index, who owns its files, which findings are known.

use std::collections::BTreeMap;

use connectors::{Answer, Blob, Blobs, Port, Question, Refusal, connector};
use model::{Attribute, Reason, Secret};

use super::Listed;
use crate::answers::pass;
use crate::witness::Witness;

pub(super) const TARGETS: &[Listed] = &[
    (
        "git_index",
        "any index is read or refused; its paths are no longer than it is",
        git_index,
    ),
    (
        "code_owners",
        "any CODEOWNERS names a few owners, each of them short and written with an @",
        code_owners,
    ),
    (
        "leaks_baseline",
        "any baseline is read or refused, and knows no place that it does not name",
        leaks_baseline,
    ),
];

fn git_index(input: &[u8]) {
    if let Ok(paths) = engine::index_paths(input) {
        // The fourth version writes what two paths begin with once, and each has its byte.
        assert!(paths.len() <= input.len());
    }
}

/// A history whose newest commit holds the input as `CODEOWNERS`, and a secret beside it.
struct Repository<'a>(&'a [u8]);

impl Port for Repository<'_> {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Git { from: 0, .. } = question else {
            return Err(Refusal::new(Reason::Unsupported, "not asked for"));
        };
        let blob = |path: &str, bytes: &[u8]| Blob {
            path: path.to_owned(),
            bytes: Secret::new(bytes.to_vec()),
            id: "1f7a7a47".to_owned(),
            commit: "3c4e2a0c".to_owned(),
            author: "Ann <ann@example.com>".to_owned(),
            at: None,
            in_head: true,
        };
        let held = b"DATABASE_URL=postgres://shop:Kq3-w9Zx!mT7v@db.example/shop\n";
        Ok(Answer::Blobs(Blobs {
            blobs: vec![
                blob("CODEOWNERS", self.0),
                blob("apps/shop/docs/.env", held),
            ],
            ..Blobs::default()
        }))
    }
}

fn code_owners(input: &[u8]) {
    let options = BTreeMap::from([("repository".to_owned(), "/srv".to_owned())]);
    let Some(history) = connector("git_history") else {
        return;
    };
    let witness = Witness::default();
    let mut port = Repository(input);
    let told = pass(history, &mut port, &witness, "host", &options);
    assert!(
        !told.seen.is_empty(),
        "the secret beside it is told in any case"
    );
    for one in told.seen {
        let told = one.fact(&Attribute::CODE_OWNERS);
        let owners = told.is().and_then(|told| told.list()).unwrap_or_default();
        assert!(owners.len() <= 20, "{owners:?}");
        for owner in owners {
            assert!(
                owner.contains('@') && owner.chars().count() <= 120,
                "{owner}"
            );
        }
    }
}

fn leaks_baseline(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let place = "a/place/that/nobody/names-7Qx.env";
    if let Ok(known) = leaks::Baseline::parse(&text) {
        let print = leaks::fingerprint("rule", place, 0);
        let named = text.contains("names-7Qx");
        assert!(named || !known.knows(&print, place, 1, None));
    }
}
