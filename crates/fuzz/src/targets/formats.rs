//! Each file format by itself, whatever the file is called.

use connectors::formats::{FORMATS, FileAt, Seen};

use crate::answers::survives_writing;
use crate::{Run, Target};

/// What one file may bring of each kind: the limit of the formats, with room.
const ITEMS_MAX: usize = 20_000;

/// One target a format.
pub(super) fn targets() -> impl Iterator<Item = Target> {
    let formats = FORMATS.iter().enumerate();
    formats.map(|(at, format)| Target {
        name: format!("format_{}", format.spec().name),
        claim: "any bytes end in a bounded number of findings and gaps, which are clean and can be written",
        run: Run::Format(at),
    })
}

/// Reads `input` as the format at `at` in the catalogue.
pub(crate) fn read(at: usize, input: &[u8]) {
    let Some(format) = FORMATS.get(at) else {
        return;
    };
    let path = format.spec().places.first().copied().unwrap_or(".env");
    let path = format!("/home/ann/{}", path.trim_start_matches(['~', '/']));
    let mut seen = Seen::default();
    let _ = format.contained_in(input);
    format.read(
        &FileAt {
            path: &path,
            bytes: input,
        },
        &mut seen,
    );
    let counts = [
        seen.found.len(),
        seen.keys.len(),
        seen.things.len(),
        seen.publics.len(),
        seen.certificates.len(),
        seen.aside.len(),
        seen.gaps.len(),
    ];
    assert!(counts.iter().all(|n| *n <= ITEMS_MAX), "{counts:?}");
    let told = seen.found.iter().map(|found| &found.told);
    let certificates = seen.certificates.iter().map(|found| &found.told);
    let things = seen.things.iter().map(|thing| &thing.told);
    told.chain(certificates)
        .chain(things)
        .for_each(survives_writing);
    for (_, told) in &seen.gaps {
        assert_eq!(&model::clean(told), told, "a gap that is not clean");
    }
}
