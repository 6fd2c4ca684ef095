//! Comments that say of a secret on their line that it may stand there.
//!
//! Rules leave out what is allowed; what a format reads is a credential all the same, and stays on
//! the roll: only that it lies in a text is nobody's news.

use model::{Attribute, Fact, Observation, Secret, Told, Value};

use crate::formats::Seen;

/// Written on a line, it says that what stands there may stand there.
const MARKS: [&[u8]; 2] = [b"keyroll:allow", b"gitleaks:allow"];
/// A shorter secret stands in lines that say something else.
const SECRET_BYTES_MIN: usize = 6;
/// A line is looked through so far.
const LINE_BYTES_MAX: usize = 4096;

/// The fact that a comment on its line allows it.
fn fact() -> Attribute {
    Attribute::named("allowed")
}

/// Marks what formats told of in `bytes` and a comment on its line allows; how many there are.
pub(super) fn mark(bytes: &[u8], seen: &mut Seen) -> usize {
    // Every mark has it, and hardly any file does.
    if memchr::memmem::find(bytes, b":allow").is_none() {
        return 0;
    }
    let marked = Marked::of(bytes);
    let mut count = 0;
    for one in &mut seen.found {
        let Some(secret) = &one.secret else { continue };
        let line = one.told.fact(&Attribute::LINE);
        let is_allowed = match line.is().and_then(|line| line.number()) {
            Some(line) => marked.has_line(line),
            None => marked.has_all_of(bytes, secret),
        };
        if is_allowed {
            allow(&mut one.told);
            count += 1;
        }
    }
    for key in &mut seen.keys {
        let line = key.line.and_then(|line| i64::try_from(line).ok());
        key.allowed = line.is_some_and(|line| marked.has_line(line));
        count += usize::from(key.allowed);
    }
    count
}

/// The lines with a mark: their numbers from 1, and where they stand.
struct Marked(Vec<(i64, std::ops::Range<usize>)>);

impl Marked {
    fn of(bytes: &[u8]) -> Self {
        let mut at = 0;
        let lines = (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n'));
        let placed = lines.map(|(number, line)| {
            let start = at;
            at += line.len();
            (number, start..at)
        });
        let is_marked = |(_, place): &(i64, std::ops::Range<usize>)| {
            bytes.get(place.clone()).is_some_and(is_marked)
        };
        Self(placed.filter(is_marked).collect())
    }

    fn has_line(&self, line: i64) -> bool {
        self.0
            .binary_search_by_key(&line, |(line, _)| *line)
            .is_ok()
    }

    /// Whether a secret stands on lines with a mark and on no other: formats that are trees do
    /// not tell lines.
    fn has_all_of(&self, bytes: &[u8], secret: &Secret) -> bool {
        let on_marked = |at: usize| {
            let after = self.0.partition_point(|(_, place)| place.start <= at);
            let before = after.checked_sub(1).and_then(|last| self.0.get(last));
            before.is_some_and(|(_, place)| place.contains(&at))
        };
        let secret = secret.expose();
        if secret.len() < SECRET_BYTES_MIN {
            return false;
        }
        let mut places = memchr::memmem::find_iter(bytes, secret).peekable();
        places.peek().is_some() && places.all(on_marked)
    }
}

/// Says that a comment on its line allows it.
pub(super) fn allow(told: &mut Observation) {
    let flag = Fact::stated(Told::Is(Value::Flag(true)));
    told.facts.insert(fact(), flag);
}

/// Whether a comment on its line allows it.
pub(crate) fn is_allowed(told: &Observation) -> bool {
    told.facts.contains_key(&fact())
}

/// What is found once more, and not allowed there, is not allowed.
pub(crate) fn allow_no_more(told: &mut Observation) {
    told.facts.remove(&fact());
}

fn is_marked(line: &[u8]) -> bool {
    let line = line.get(..LINE_BYTES_MAX).unwrap_or(line);
    let mut marks = MARKS.iter();
    marks.any(|mark| memchr::memmem::find(line, mark).is_some())
}

#[cfg(test)]
mod tests {
    use model::CredentialType;

    use super::*;
    use crate::formats::Found;

    #[test]
    fn a_mark_allows_its_own_line_alone() {
        let text = b"A=1 # keyroll:allow\nB=hunter2\nC=hunter3 // gitleaks:allow";
        let mut seen = Seen::default();
        let cases = [
            (Some(1), "x", true),
            (Some(2), "x", false),
            (Some(3), "x", true),
            (Some(4), "x", false),
            // Where no line is told, the secret is looked for.
            (None, "hunter2", false),
            (None, "hunter3", true),
            (None, "hunter", false),
            (None, "absent", false),
        ];
        for (line, secret, _) in cases {
            let one = Found::secret(CredentialType::Password, "A", Secret::from(secret));
            seen.found(match line {
                Some(line) => one.line(line),
                None => one,
            });
        }
        assert_eq!(mark(text, &mut seen), 3);
        let told: Vec<_> = seen.found.iter().map(|one| is_allowed(&one.told)).collect();
        assert_eq!(told, cases.map(|(.., expected)| expected));
    }

    #[test]
    fn what_is_public_needs_no_leave() {
        let mut seen = Seen::default();
        seen.found(Found::public(CredentialType::SshAuthorizedKey, "key", "1").line(1));
        assert_eq!(mark(b"ssh-ed25519 AAAA # keyroll:allow", &mut seen), 0);
    }
}
