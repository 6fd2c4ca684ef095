//! What is known of one kind of things of a source, page by page.

use inventory::Known;
use model::Kind;

use super::Run;
use crate::Error;

/// As many are read at once.
const PAGE: usize = 5_000;

/// Streams what is known, in the order of native ids.
///
/// Each page is a read of its own. What this pass itself writes meanwhile lies behind the page
/// that was read last, so it is never met.
pub(super) struct KnownPages<'a> {
    run: &'a Run<'a>,
    kind: Kind,
    after: String,
    page: std::vec::IntoIter<store::Known>,
    ended: bool,
}

impl<'a> KnownPages<'a> {
    pub(super) fn new(run: &'a Run<'a>, kind: Kind) -> Self {
        Self {
            run,
            kind,
            after: String::new(),
            page: Vec::new().into_iter(),
            ended: false,
        }
    }

    fn turn(&mut self) -> Result<(), Error> {
        let run = self.run;
        let mut page = run.store.read(|reading| {
            let after = Some((self.kind, self.after.as_str()));
            reading.known_page(run.tenant, run.source, after, PAGE)
        })?;
        let whole = page.len() == PAGE;
        page.retain(|known| known.kind == self.kind);
        // Other kinds on it mean that this one is through.
        self.ended = !whole || page.len() < PAGE;
        if let Some(last) = page.last() {
            self.after.clone_from(&last.native);
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for KnownPages<'_> {
    type Item = Result<Known, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(known) = self.page.next() {
                return Some(Ok(Known {
                    kind: known.kind,
                    native: known.native,
                    scope: known.scope,
                    hash: known.hash,
                    missing: known.missing,
                }));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.turn() {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }
}
