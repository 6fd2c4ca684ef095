//! Who wrote what was found: the lines of files that lie in repositories, asked about together.

use std::collections::BTreeMap;

use model::{Attribute, Observation};

use crate::formats::Seen;
use crate::{Context, LineAt, line_mark};

/// So much waits at most until it is asked about.
const WAITING_MAX: usize = 2_000;

/// Lines in repositories, and what was found on them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The repositories that were met; of one within another the inner one counts.
    repositories: Vec<String>,
    /// What the lines say on which something stands, by path and number.
    marks: BTreeMap<(String, u32), u64>,
    waiting: BTreeMap<String, Vec<(LineAt, Observation)>>,
    held: usize,
}

impl Lines {
    /// A repository lies at `root`.
    pub(super) fn repository(&mut self, root: &str) {
        self.repositories.push(root.to_owned());
    }

    /// Remembers what the lines of a file say on which something of `seen` stands.
    pub(super) fn remember(&mut self, path: &str, bytes: &[u8], seen: &Seen) {
        if self.around(path).is_none() {
            return;
        }
        let found = seen.found.iter().map(|one| &one.told);
        let things = seen.things.iter().map(|one| &one.told);
        let keys = seen.keys.iter().filter_map(|key| key.line);
        let keys = keys.filter_map(|line| u32::try_from(line).ok());
        let mut wanted: Vec<u32> = found.chain(things).filter_map(line).chain(keys).collect();
        wanted.sort_unstable();
        let mut wanted = wanted.into_iter().peekable();
        for (number, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            while wanted.next_if(|next| *next < number).is_some() {}
            match wanted.peek() {
                None => return,
                Some(next) if *next == number => {
                    self.marks
                        .insert((path.to_owned(), number), line_mark(text));
                }
                Some(_) => {}
            }
        }
    }

    /// Keeps `told` until its line is asked about; gives it back where there is nothing to ask.
    pub(super) fn keep(&mut self, told: Observation) -> Option<Observation> {
        let place = told.fact(&Attribute::PLACE);
        let path = place.is().and_then(|place| place.text()).map(str::to_owned);
        let (Some(path), Some(line)) = (path, line(&told)) else {
            return Some(told);
        };
        let (Some(mark), Some(root)) = (
            self.marks.get(&(path.clone(), line)).copied(),
            self.around(&path).map(str::to_owned),
        ) else {
            return Some(told);
        };
        let path = path[root.len()..].trim_start_matches('/').to_owned();
        let asked = LineAt { path, line, mark };
        self.held += 1;
        self.waiting.entry(root).or_default().push((asked, told));
        None
    }

    /// Whether enough waits.
    pub(super) fn are_many(&self) -> bool {
        self.held >= WAITING_MAX || self.marks.len() >= 10 * WAITING_MAX
    }

    /// Asks who wrote the lines, and gives back what waited. Where nobody can say, for want of a
    /// history, nobody is named: what is missing of it is told of the history.
    pub(super) fn ask(&mut self, cx: &mut Context<'_>) -> Vec<Observation> {
        self.held = 0;
        self.marks.clear();
        let mut out = Vec::new();
        for (root, waiting) in std::mem::take(&mut self.waiting) {
            let (lines, told): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            let written = cx.blame(&root, lines).unwrap_or_default();
            let mut written = written.into_iter();
            for told in told {
                out.push(match written.next().flatten() {
                    Some(one) => by(told, one),
                    None => told,
                });
            }
        }
        out
    }

    /// The innermost repository around `path`.
    fn around(&self, path: &str) -> Option<&str> {
        let holds = |root: &&String| {
            let rest = path.strip_prefix(root.as_str());
            rest.is_some_and(|rest| root.ends_with('/') || rest.starts_with('/'))
        };
        let around = self.repositories.iter().filter(holds);
        around.max_by_key(|root| root.len()).map(String::as_str)
    }
}

fn line(told: &Observation) -> Option<u32> {
    let line = told.fact(&Attribute::LINE);
    u32::try_from(line.is()?.number()?).ok()
}

fn by(told: Observation, one: crate::Written) -> Observation {
    let mut told = told
        .is(Attribute::named("commit"), one.commit)
        .is(Attribute::AUTHOR, model::shorten(&one.author, 200))
        .is(Attribute::COMMIT_FILES, i64::from(one.files));
    if let Some(at) = one.at {
        told = told.is(Attribute::COMMITTED_AT, at);
    }
    told
}
