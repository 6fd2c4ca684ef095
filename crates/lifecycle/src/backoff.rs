//! How long to wait before the next try: longer each time, up to a limit, and never for ever.

use model::Duration;

/// Before the second try.
const FIRST: Duration = Duration::seconds(1);

/// Between two tries, however many there were.
const LONGEST: Duration = Duration::hours(1);

/// The pause after failure `tries` (from 1): doubles from one second up to one hour, less up to
/// half of it by `seed`, so that many that failed together do not come back together.
pub fn pause(tries: u32, seed: u64) -> Duration {
    let doublings = tries.saturating_sub(1).min(20);
    let full = FIRST.0.saturating_mul(1 << doublings).min(LONGEST.0);
    let spread = mixed(seed ^ u64::from(tries)) % 1000;
    let off = full / 2 / 1000 * i64::try_from(spread).unwrap_or(0);
    Duration(full - off)
}

/// Spreads near numbers far apart (the finaliser of SplitMix64).
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pause_is_never_none_and_never_longer_than_an_hour(tries: u32, seed: u64) {
            let pause = pause(tries, seed);
            prop_assert!(pause >= Duration::millis(500) && pause <= LONGEST);
        }

        #[test]
        fn the_pause_after_many_failures_is_longer_than_after_the_first(seed: u64, tries in 3u32..) {
            prop_assert!(pause(tries, seed) > pause(1, seed));
        }
    }
}
