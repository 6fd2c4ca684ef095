//! Names that no other test has, in this run or in one that goes on beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// `kr_<topic>_<process>_<clock>_<n>`: lower case, safe as a role, database or user name.
///
/// `topic` is cut to 20 characters and reduced to `[a-z0-9_]`, so that the whole stays
/// under PostgreSQL's 63 bytes for an identifier.
#[must_use]
pub fn fresh_name(topic: &str) -> String {
    let topic: String = topic
        .chars()
        .filter_map(|c| match c {
            'a'..='z' | '0'..='9' | '_' => Some(c),
            'A'..='Z' => Some(c.to_ascii_lowercase()),
            '-' | ' ' => Some('_'),
            _ => None,
        })
        .take(20)
        .collect();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    // Process ids come back; the clock keeps two runs against one server apart.
    let clock = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() % 1_000_000_000);
    format!("kr_{topic}_{}_{clock}_{n}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::fresh_name;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_names_are_equal_and_all_fit_an_identifier() {
        let names: BTreeSet<_> = (0..1000)
            .map(|_| fresh_name("A topic; with 'hostile' characters"))
            .collect();
        assert_eq!(names.len(), 1000);
        for name in names {
            assert!(name.len() <= 63, "{name}");
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{name}"
            );
        }
    }
}
