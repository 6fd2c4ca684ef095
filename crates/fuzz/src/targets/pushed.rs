//! What any program may push: a collection as JSON.

use connectors::{Event, Pushed, read_collection};
use model::{Gap, Observation, Timestamp};

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[(
    "collection",
    "a collection is refused, or what it holds is read the same when it is written again",
    collection,
)];

/// The key id that collections in the corpus name as ours.
const OWN_KEY: &str = "00112233aabbccdd";

/// What was taken of a collection.
#[derive(Default)]
struct Taken {
    lines: Vec<String>,
    seen: Vec<Observation>,
    gaps: Vec<Gap>,
}

fn collection(input: &[u8]) {
    let Ok((taken, finished)) = take(input) else {
        return;
    };
    let mut lines = taken.lines;
    for one in &taken.seen {
        lines.push(serde_json::json!({ "observation": one }).to_string());
    }
    for one in &taken.gaps {
        lines.push(serde_json::json!({ "gap": one }).to_string());
    }
    let count = lines.len() - 1;
    lines.push(serde_json::json!({"end": {"finished": finished, "lines": count}}).to_string());
    let written = lines.join("\n");
    match take(written.as_bytes()) {
        Ok((again, ended)) => {
            assert_eq!(again.seen, taken.seen);
            assert_eq!(again.gaps, taken.gaps);
            assert_eq!(ended, finished);
        }
        Err(why) => panic!("what was read is refused when it is written again: {why}"),
    }
}

fn take(input: &[u8]) -> Result<(Taken, Timestamp), connectors::CollectionError> {
    let mut taken = Taken::default();
    let finished = read_collection(input, OWN_KEY, &mut |pushed| match pushed {
        Pushed::Begins(header) => {
            let mut first = serde_json::json!({
                "format": model::FORMAT,
                "source": header.source,
                "scope": header.scope,
                "started": header.started,
            });
            if let Some(scanner) = &header.scanner {
                first["scanner"] = serde_json::json!(scanner);
            }
            taken.lines.push(first.to_string());
        }
        Pushed::Event(event) => match *event {
            Event::Seen(seen) => taken.seen.push(seen),
            Event::Gap(gap) => taken.gaps.push(gap),
            Event::SetAside { .. } => {}
        },
    })?;
    Ok((taken, finished))
}
