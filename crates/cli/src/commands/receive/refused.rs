//! Says on standard error what was refused: an operator who mistyped a secret sees nothing else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::receive::Counts;

/// What became of deliveries that were not refused.
const TAKEN: [&str; 3] = ["taken", "nothing_kept", "repeated"];
/// Refusals of one kind are said at most so often: whoever sends them must not fill a log.
const EVERY: Duration = Duration::from_secs(60);

/// What was said of refusals so far.
#[derive(Default)]
pub(super) struct Refused {
    said: BTreeMap<(String, &'static str), (u64, Instant)>,
}

impl Refused {
    /// A line for each kind of refusal that is new, or of which there are more and nothing was
    /// said for a minute.
    pub(super) fn lines(&mut self, counts: &Counts, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, count) in counts {
            if TAKEN.contains(&kind.1) {
                continue;
            }
            let before = self.said.get(kind);
            let is_due = before.is_none_or(|(said, at)| {
                count > said && now.saturating_duration_since(*at) >= EVERY
            });
            if is_due {
                let new = count - before.map_or(0, |(said, _)| *said);
                self.said.insert(kind.clone(), (*count, now));
                lines.push(line(kind, new));
            }
        }
        lines
    }
}

fn line((path, what): &(String, &'static str), new: u64) -> String {
    let whose = match path.trim_start_matches('/') {
        "" => "a path that nobody configured",
        path => path,
    };
    let what = what.replace('_', " ");
    format!("{whose}: refused {new}, {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_refusal_is_said_at_once_and_then_once_a_minute() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let acme = |what| ("/github/acme".to_owned(), what);
        let mut refused = Refused::default();
        let mut counts = Counts::from([(acme("taken"), 9), (acme("wrong_signature"), 1)]);
        let first = "github/acme: refused 1, wrong signature";
        assert_eq!(refused.lines(&counts, after(0)), [first]);
        counts.insert(acme("wrong_signature"), 8);
        counts.insert((String::new(), "unknown_path"), 2);
        let path = "a path that nobody configured: refused 2, unknown path";
        assert_eq!(refused.lines(&counts, after(59)), [path]);
        let more = "github/acme: refused 7, wrong signature";
        assert_eq!(refused.lines(&counts, after(60)), [more]);
        assert_eq!(refused.lines(&counts, after(600)), [""; 0]);
    }
}
