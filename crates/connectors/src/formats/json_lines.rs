//! Lines of JSON (`.jsonl`, `.ndjson`): each is a document of its own, which any format may know.

use model::{Attribute, Fact, Observation, Told};

use super::{FileAt, Seen};

/// More lines than this are left to the rules, which search all of the file.
const LINES_MAX: usize = 50_000;

/// Whether a file of this name holds a document on each line.
pub(super) fn is_one(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".jsonl", ".ndjson", ".jsonlines"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// What `read_one` sees in each line of `file`.
pub(super) fn read(file: &FileAt<'_>, read_one: &dyn Fn(&FileAt<'_>) -> Seen) -> Seen {
    let mut all = Seen::default();
    let lines = file.bytes.split(|byte| *byte == b'\n').enumerate();
    for (before, line) in lines {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if before >= LINES_MAX {
            // Where no format knew a line so far, none is missed.
            let is_known = !all.found.is_empty() || !all.things.is_empty() || !all.gaps.is_empty();
            if is_known {
                all.unsupported(format!(
                    "more than {LINES_MAX} lines; formats did not look at the rest"
                ));
            }
            break;
        }
        let seen = read_one(&FileAt {
            path: file.path,
            bytes: line,
        });
        take(&mut all, seen, before);
    }
    all
}

/// Adds what one line holds, behind so many lines, as what stands in the file.
fn take(all: &mut Seen, seen: Seen, before: usize) {
    for mut found in seen.found {
        moved(&mut found.told, before);
        all.found(found);
    }
    for mut key in seen.keys {
        key.line = key.line.map(|line| line + before);
        all.key(key);
    }
    for mut certificate in seen.certificates {
        moved(&mut certificate.told, before);
        all.certificate(certificate);
    }
    for mut thing in seen.things {
        moved(&mut thing.told, before);
        all.thing(thing);
    }
    seen.publics.into_iter().for_each(|one| all.public(one));
    seen.aside.into_iter().for_each(|what| all.set_aside(what));
    all.is_code |= seen.is_code;
    for (reason, told) in seen.gaps {
        all.gap(reason, format!("line {}: {told}", before + 1));
    }
}

/// Counts the line of `told` from the beginning of the file.
fn moved(told: &mut Observation, before: usize) {
    let line = told
        .fact(&Attribute::LINE)
        .is()
        .and_then(|line| line.number());
    if let Some(line) = line {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let moved = Fact::stated(Told::Is(line.saturating_add(before).into()));
        told.facts.insert(Attribute::LINE, moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_on_a_line_is_read_as_one_in_a_file_and_told_on_its_line() {
        let service = |name: &str, key: &str| {
            format!(
                r#"{{"Name":"{name}","StartName":".\\svc","PathName":"C:\\x.exe --api-key {key}"}}"#
            )
        };
        let text = format!(
            "{{\"x\": 1}}\n\n{}\nno JSON\n{}\n",
            service("a", "lines-4kT9xWq2"),
            service("b", "lines-7mB2vYp5")
        );
        let file = FileAt {
            path: "/srv/services.jsonl",
            bytes: text.as_bytes(),
        };
        let seen = super::super::read_all(&file);
        let lines: Vec<_> = seen
            .found
            .iter()
            .filter(|found| found.secret.is_some())
            .map(|found| {
                found
                    .told
                    .fact(&Attribute::LINE)
                    .is()
                    .and_then(|line| line.number())
            })
            .collect();
        assert_eq!(lines, [Some(3), Some(5)]);
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
    }
}
