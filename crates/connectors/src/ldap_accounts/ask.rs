//! A search page by page, bounded, in which whatever does not come is a gap.

use model::{Reason, Scope};

use super::LIMIT_NEEDS;
use crate::port::ldap::{Depth, Entry, Filter, Search};
use crate::{Context, Refusal, Stop};

/// Pages of one search: at 500 entries each, five million.
const PAGES_MAX: usize = 10_000;

/// What to search for, and which gap it is where that is refused.
pub(super) struct Wanted<'a> {
    pub(super) scope: &'a Scope,
    pub(super) base: &'a str,
    pub(super) filter: Filter,
    pub(super) attributes: &'a [&'a str],
    /// What would let it be read.
    pub(super) needs: &'a str,
    /// Partitions of which a server speaks and that hold no account.
    pub(super) passed_over: &'a [&'a str],
}

impl Wanted<'_> {
    fn search(&self, page: String) -> Search {
        Search {
            base: self.base.to_owned(),
            depth: Depth::Whole,
            filter: self.filter.clone(),
            attributes: self
                .attributes
                .iter()
                .map(|one| (*one).to_owned())
                .collect(),
            names_only: false,
            page,
        }
    }

    /// Gives every entry to `each`. Whatever does not come is a gap.
    pub(super) fn each(
        &self,
        cx: &mut Context<'_>,
        mut each: impl FnMut(&mut Context<'_>, Entry) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut page = String::new();
        let mut referred = Vec::new();
        for _ in 0..PAGES_MAX {
            let found = match cx.ldap(self.search(page.clone())) {
                Ok(found) => found,
                Err(refusal) => return self.refused(cx, &refusal),
            };
            for entry in found.entries {
                each(cx, entry)?;
            }
            referred.extend(found.referrals);
            referred.truncate(1_000);
            if let Some(refusal) = found.refused {
                self.elsewhere(cx, &referred)?;
                return self.refused(cx, &refusal);
            }
            match found.next {
                None => return self.elsewhere(cx, &referred),
                Some(next) if next == page => break,
                Some(next) => page = next,
            }
        }
        self.elsewhere(cx, &referred)?;
        let endless = Refusal::new(
            Reason::Failed,
            "the pages of the directory repeat, or there are more than are read",
        );
        cx.gap(self.scope, &endless, None)
    }

    /// The first entries alone: whether anything can be read at all.
    pub(super) fn some(&self, cx: &mut Context<'_>) -> Result<Vec<Entry>, Refusal> {
        cx.ldap(self.search(String::new())).map(|page| page.entries)
    }

    fn refused(&self, cx: &mut Context<'_>, refusal: &Refusal) -> Result<(), Stop> {
        let limited = matches!(
            refusal.code.as_str(),
            "sizeLimitExceeded" | "timeLimitExceeded" | "adminLimitExceeded"
        );
        let needs = if limited { LIMIT_NEEDS } else { self.needs };
        cx.gap(self.scope, refusal, Some(needs))
    }

    /// What other servers are said to hold is a gap: an answer does not choose whom we ask.
    fn elsewhere(&self, cx: &mut Context<'_>, to: &[String]) -> Result<(), Stop> {
        let mut told: Vec<&str> = Vec::new();
        for address in to {
            let name = address
                .split("://")
                .nth(1)
                .and_then(|rest| rest.split_once('/'));
            let name = name.map_or("", |(_, name)| name).to_lowercase();
            let known = self.passed_over.iter().any(|one| name.starts_with(one));
            if !known && !told.contains(&address.as_str()) {
                told.push(address);
            }
        }
        for address in told.into_iter().take(20) {
            let shown = model::shorten(&model::clean(address), 200).to_owned();
            let refusal = Refusal::new(
                Reason::Unsupported,
                format!("another server holds this part ({shown}); add it as a source of its own"),
            );
            cx.gap(
                &self.scope.part(format!("elsewhere/{shown}")),
                &refusal,
                None,
            )?;
        }
        Ok(())
    }
}
