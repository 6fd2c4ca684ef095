//! Inputs made of other inputs, the same ones on every machine.

use fuzz::INPUT_BYTES_MAX;

/// What parsers stumble over.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x94\x91",
    b"\x1b[2J",
    b"\xe2\x80\xae",
    b"-1",
    b"0",
    b"4294967296",
    b"18446744073709551616",
    b"1e999",
    b"9999-12-31T23:59:59.999999Z",
    b"%00",
    b"%",
    b"\\",
    b"\"",
    b"'",
    b"${A}",
    b"${",
    b"://",
    b"@",
    b"::",
    b"[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"&a [*a, *a]",
    b"<!DOCTYPE a [<!ENTITY b \"c\">]>",
    b"&#x0;",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"-----END PRIVATE KEY-----\n",
    b"\x30\x84\xff\xff\xff\xff",
    b"ssh-ed25519 AAAA",
    b"eyJhbGciOiJIUzI1NiJ9.e30.",
    b"AKIAIOSFODNN7EXAMPLE",
    b"\n%%\n",
    b"null",
];

/// An endless supply of mutations.
pub(crate) struct Mutations {
    inputs: Vec<Vec<u8>>,
    state: u64,
}

impl Mutations {
    /// Of `inputs`; `seed` decides which ones.
    pub(crate) fn new(seed: &str, inputs: Vec<Vec<u8>>) -> Self {
        // FNV-1a, so that each target has a sequence of its own.
        let state = seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { inputs, state }
    }

    /// One to eight changes to one of the inputs.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let at = self.below(self.inputs.len());
        let mut input = self.inputs[at].clone();
        for _ in 0..=self.below(8) {
            self.change(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(32)).min(input.len());
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.below(256).to_le_bytes()[0],
            2 => drop(input.drain(at.min(end)..end)),
            3 => {
                let part = input[at.min(end)..end].to_vec();
                let times = 1 + self.below(20);
                drop(input.splice(at..at, part.repeat(times)));
            }
            4 => input.truncate(at),
            5 => {
                let of = self.below(self.inputs.len());
                let other = self.inputs[of].clone();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let token = TOKENS[self.below(TOKENS.len())];
                let over = if self.below(2) == 0 { at } else { end.max(at) };
                drop(input.splice(at..over, token.iter().copied()));
            }
        }
    }

    /// A number below `end`, or 0. SplitMix64 is as random as this needs to be.
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = usize::try_from((z ^ (z >> 31)) >> 33).unwrap();
        z % end.max(1)
    }
}
