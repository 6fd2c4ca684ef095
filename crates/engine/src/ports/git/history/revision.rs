//! The commit that a person means: `main`, `v1.2`, `origin/main~2`, `1a2b3c4`, `HEAD^1`.

use connectors::Refusal;
use gix_hash::ObjectId;
use gix_object::FindExt as _;
use model::Reason;

use super::{History, Over};

/// From a commit to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// So many first parents back.
    Back(usize),
    /// To this parent, from 1.
    Parent(usize),
}

/// More steps than this are no person's.
const STEPS_MAX: usize = 100_000;

impl History<'_> {
    /// The commit that `text` names.
    pub(super) fn resolve(&self, text: &str) -> Result<ObjectId, Over> {
        let shown = model::shorten(&model::clean(text), 80);
        let (name, steps) = split(text).ok_or_else(|| {
            refused(format!(
                "expected a commit, a branch or a tag, perhaps with `~2` or `^1` behind it, got `{shown}`"
            ))
        })?;
        let found = self.named(name).and_then(|id| self.commit_of(id));
        let mut id = found.ok_or_else(|| self.not_here(&shown, None))?;
        let mut back = 0;
        for step in steps {
            let (times, parent) = match step {
                Step::Back(times) => (times, 1),
                Step::Parent(parent) => (1, parent),
            };
            for _ in 0..times {
                back += 1;
                let parent = self.parent(&id, parent);
                id = parent.ok_or_else(|| self.not_here(&shown, Some(back + 1)))?;
            }
        }
        Ok(id)
    }

    fn named(&self, name: &str) -> Option<ObjectId> {
        let name = if name == "@" { "HEAD" } else { name };
        if let Some(id) = self.repository.follow(name) {
            return Some(id);
        }
        let is_id = name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let prefix = is_id.then(|| gix_hash::Prefix::from_hex(name).ok())??;
        self.objects.lookup_prefix(prefix, None).ok()??.ok()
    }

    /// `id`, or the commit that the tag names, if it is here.
    fn commit_of(&self, id: ObjectId) -> Option<ObjectId> {
        let mut buffer = Vec::new();
        let id = self.peeled(id, &mut buffer)?;
        self.objects.find_commit(&id, &mut buffer).ok()?;
        Some(id)
    }

    fn parent(&self, id: &ObjectId, number: usize) -> Option<ObjectId> {
        let mut buffer = Vec::new();
        let commit = self.objects.find_commit(id, &mut buffer).ok()?;
        let parent = match number {
            0 => return Some(*id),
            number => commit.parents().nth(number - 1)?,
        };
        self.commit_of(parent)
    }

    /// Why a commit cannot be had, and what brings it: in CI it is most often a shallow clone.
    fn not_here(&self, shown: &str, depth: Option<usize>) -> Over {
        if self.repository.shallow().is_empty() {
            return refused(format!("there is no commit `{shown}` in this repository"));
        }
        let depth = match depth {
            Some(depth) => format!("{depth} or more, or 0 for all"),
            None => "0".to_owned(),
        };
        refused(format!(
            "`{shown}` is not in this shallow clone; fetch deeper (GitHub: `fetch-depth: {depth}` \
             of actions/checkout; GitLab: `GIT_DEPTH: 0`; or `git fetch --unshallow`)"
        ))
    }
}

fn refused(told: String) -> Over {
    Over::Refused(Refusal::new(Reason::Failed, told))
}

/// A name and the steps from there; `None` where it is neither.
fn split(text: &str) -> Option<(&str, Vec<Step>)> {
    let end = text.find(['~', '^']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if name.is_empty() || name.starts_with('-') {
        return None;
    }
    let mut steps = Vec::new();
    while let Some(kind) = rest.chars().next() {
        rest = &rest[1..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let number = match number {
            "" => 1,
            number => number.parse().ok().filter(|number| *number <= STEPS_MAX)?,
        };
        steps.push(match kind {
            '~' => Step::Back(number),
            '^' => Step::Parent(number),
            _ => return None,
        });
        rest = after;
    }
    Some((name, steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_a_name_and_steps() {
        let told = |text| split(text).map(|(name, steps)| (name, steps.len()));
        assert_eq!(told("main"), Some(("main", 0)));
        assert_eq!(
            split("origin/main~2^"),
            Some(("origin/main", vec![Step::Back(2), Step::Parent(1)]))
        );
        assert_eq!(told("HEAD~~"), Some(("HEAD", 2)));
        for wrong in [
            "",
            "~1",
            "-x",
            "HEAD~x",
            "HEAD^{tree}",
            "HEAD~99999999999999999999",
        ] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }
}
