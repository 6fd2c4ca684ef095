//! The targets of this crate, driven by libFuzzer: `scripts/fuzz TARGET`.
//!
//! Which one is told by the environment, for libFuzzer takes the arguments.

#![no_main]

use std::sync::OnceLock;

use fuzz::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fn chosen() -> Target {
    let name = std::env::var("KEYROLL_FUZZ_TARGET").unwrap_or_default();
    fuzz::target(&name).unwrap_or_else(|| {
        let names: Vec<_> = fuzz::all().into_iter().map(|one| one.name).collect();
        panic!(
            "expected a target as KEYROLL_FUZZ_TARGET, got `{name}`; there are: {}",
            names.join(" ")
        )
    })
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| TARGET.get_or_init(chosen).run(input));
