//! Chance that can be repeated.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and good enough for names and ages.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is at least 1.
    pub(crate) const fn below(&mut self, n: i64) -> i64 {
        (self.next() >> 33) as i64 % n
    }

    /// True `percent` times of a hundred.
    pub(crate) const fn often(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub(crate) fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.below(all.len().max(1) as i64)).unwrap_or(0);
        all.get(at).copied().unwrap_or_default()
    }

    /// So many letters of `alphabet`.
    pub(crate) fn letters(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut letter = || {
            let at = usize::try_from(self.below(letters.len().max(1) as i64)).unwrap_or(0);
            letters.get(at).copied().unwrap_or('x')
        };
        (0..count).map(|_| letter()).collect()
    }
}
