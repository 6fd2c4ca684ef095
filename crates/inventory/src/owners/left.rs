//! Who has left.

use std::collections::BTreeMap;

use model::Timestamp;

use super::Who;
use super::who::{Expected, Named, read};

/// Everybody who has left, by every name they went by.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// By mail address or `@user`, exactly.
    exact: BTreeMap<String, Leaver>,
    /// By what spellings have in common. `None`: of several people.
    folded: BTreeMap<String, Option<Leaver>>,
}

/// Somebody who has left, as a list of leavers tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaver {
    /// The name the list gives.
    pub name: String,
    /// When, if it is told.
    pub since: Option<Timestamp>,
    /// Whether it is surely them: by mail address or user name, not only by a like spelling.
    pub surely: bool,
}

impl Left {
    /// Nobody.
    pub const fn nobody() -> Self {
        Self {
            exact: BTreeMap::new(),
            folded: BTreeMap::new(),
        }
    }

    /// Whether nobody is known to have left; perhaps no list was read.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// Adds somebody who has left: the name the list gives, and the others they go by.
    pub fn add(&mut self, name: &str, others: &[String], since: Option<Timestamp>) {
        let leaver = |surely| Leaver {
            name: name.to_owned(),
            since,
            surely,
        };
        let names = std::iter::once(name).chain(others.iter().map(String::as_str));
        for one in names.flat_map(|name| read(name, Expected::Actor)) {
            let Named::Who(who) = one else { continue };
            self.exact
                .entry(who.name().to_owned())
                .or_insert(leaver(true));
            let folded = self.folded.entry(who.folded());
            folded
                .and_modify(|known| {
                    if known.as_ref().is_some_and(|known| known.name != name) {
                        *known = None;
                    }
                })
                .or_insert(Some(leaver(false)));
        }
    }

    /// Whether `who` has left. A user name or a word that is only spelt like a leaver's address
    /// is not surely theirs; another address never is, and a team does not leave.
    pub fn of(&self, who: &Who) -> Option<Leaver> {
        if let Who::Team(_) = who {
            return None;
        }
        if let Some(leaver) = self.exact.get(who.name()) {
            return Some(leaver.clone());
        }
        if who.mail().is_some() {
            return None;
        }
        let user = self.exact.get(&format!("@{}", who.name()));
        let alike = || self.folded.get(&who.folded()).cloned().flatten();
        user.cloned().or_else(alike)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann_left() -> Left {
        let mut left = Left::nobody();
        left.add("ann.lee@example.com", &["alee".to_owned()], None);
        left
    }

    #[test]
    fn a_leaver_is_known_by_address_and_user_name_and_suspected_by_spelling() {
        let left = ann_left();
        let surely = |who: Who| left.of(&who).map(|leaver| leaver.surely);
        assert_eq!(
            surely(Who::Person("ann.lee@example.com".into())),
            Some(true)
        );
        assert_eq!(surely(Who::Person("@alee".into())), Some(true));
        assert_eq!(surely(Who::Word("alee".into())), Some(true));
        assert_eq!(surely(Who::Person("@ann-lee".into())), Some(false));
        assert_eq!(surely(Who::Word("annlee".into())), Some(false));
    }

    #[test]
    fn another_address_and_a_team_are_not_the_leaver() {
        let left = ann_left();
        assert_eq!(left.of(&Who::Person("ann.lee@other.com".into())), None);
        assert_eq!(left.of(&Who::Team("team-annlee".into())), None);
    }

    #[test]
    fn a_spelling_that_two_leavers_share_points_at_neither() {
        let mut left = ann_left();
        left.add("annlee@other.com", &[], None);
        assert_eq!(left.of(&Who::Word("annlee".into())), None);
    }
}
