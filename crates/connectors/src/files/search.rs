//! Secrets that rules find in the text of a file, beside what its formats told.

use std::collections::BTreeSet;

use super::kept::digest;
use crate::Context;
use crate::formats::{FileAt, Found, Seen};

/// Adds the secrets that rules find in `file` and no format told of: a format knows more.
///
/// What a format hands on as text is searched first, because its place is told better there.
pub(crate) fn search(cx: &Context<'_>, file: &FileAt<'_>, seen: &mut Seen) {
    let found = seen.found.iter().filter_map(|found| found.secret.as_ref());
    let keys = seen.keys.iter().map(|key| &key.body);
    let mut told: BTreeSet<_> = found.chain(keys).map(digest).collect();
    for text in std::mem::take(&mut seen.texts) {
        for one in cx.detect(file.path, text.text.expose()) {
            if told.insert(digest(&one.secret)) {
                seen.found(Found::detected(one).within(&text));
            }
        }
    }
    if seen.texts_are_all {
        return;
    }
    for one in cx.detect(file.path, file.bytes) {
        if told.insert(digest(&one.secret)) {
            seen.found(Found::detected(one));
        }
    }
}
