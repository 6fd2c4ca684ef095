//! RC2 and triple DES under a key of PKCS #12's own making (RFC 7292 appendix C): what OpenSSL
//! before 3.0, Java before 8u301 and Windows encrypt with.

use aws_lc_rs::digest;
use des::cipher::{Array, BlockCipherDecrypt, BlockSizeUser, KeyInit, consts::U8};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;

use super::password::{BEGINNING, Derivation, ENCRYPTING, Rounds, as_written, number};
use crate::der::{self, Der};

/// `pkcs-12PbeIds`, without its last number.
const PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];
const BLOCK: usize = 8;
/// A longer salt is none.
const SALT_BYTES_MAX: usize = 1_024;
/// Two hashes for a key of 24 bytes, one for what it begins with.
const DERIVATIONS: u32 = 3;

/// A cipher of blocks of eight bytes.
#[derive(Clone, Copy)]
enum Cipher {
    TripleDes,
    TwoKeyTripleDes,
    Rc2 { bytes: usize },
}

impl Cipher {
    const fn key_bytes(self) -> usize {
        match self {
            Self::TripleDes => 24,
            Self::TwoKeyTripleDes => 16,
            Self::Rc2 { bytes } => bytes,
        }
    }

    fn decrypt(self, key: &[u8], begin: [u8; BLOCK], sealed: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::TripleDes => chained(&TdesEde3::new_from_slice(key).ok()?, begin, sealed),
            Self::TwoKeyTripleDes => chained(&TdesEde2::new_from_slice(key).ok()?, begin, sealed),
            Self::Rc2 { bytes } => {
                let cipher = Rc2::new_with_eff_key_len(key, bytes * 8);
                chained(&cipher, begin, sealed)
            }
        }
    }
}

/// What `scheme` says was sealed with `password`.
pub(super) fn opened(
    scheme: &[u8],
    mut parameters: Der<'_>,
    sealed: &[u8],
    password: &str,
    rounds: &mut Rounds,
) -> Option<Vec<u8>> {
    let cipher = match scheme.strip_prefix(PBE)? {
        [3] => Cipher::TripleDes,
        [4] => Cipher::TwoKeyTripleDes,
        [5] => Cipher::Rc2 { bytes: 16 },
        [6] => Cipher::Rc2 { bytes: 5 },
        _ => return None,
    };
    let salt = parameters.take(der::OCTET_STRING)?;
    let count = number(parameters.integer()?)?;
    if salt.is_empty() || salt.len() > SALT_BYTES_MAX || count == 0 {
        return None;
    }
    let how = Derivation {
        hash: &digest::SHA1_FOR_LEGACY_USE_ONLY,
        block: 64,
        salt,
        rounds: count,
    };
    as_written(password).into_iter().find_map(|password| {
        if !rounds.spend(count.checked_mul(DERIVATIONS)?) {
            return None;
        }
        let key = how.derive(ENCRYPTING, &password, cipher.key_bytes());
        let begin = how.derive(BEGINNING, &password, BLOCK);
        let plain = cipher.decrypt(&key, begin.try_into().ok()?, sealed)?;
        // Padding alone fits by chance once in 256 times: what is sealed is a sequence.
        (plain.first() == Some(&der::SEQUENCE)).then_some(plain)
    })
}

/// Takes the chain of blocks (CBC) and the padding off.
fn chained<C>(cipher: &C, begin: [u8; BLOCK], sealed: &[u8]) -> Option<Vec<u8>>
where
    C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U8>,
{
    let (blocks, rest) = sealed.as_chunks::<BLOCK>();
    if blocks.is_empty() || !rest.is_empty() {
        return None;
    }
    let mut before = begin;
    let mut plain = Vec::with_capacity(sealed.len());
    for block in blocks {
        let mut one = Array::from(*block);
        cipher.decrypt_block(&mut one);
        plain.extend(one.iter().zip(before).map(|(byte, before)| byte ^ before));
        before = *block;
    }
    let padding = usize::from(*plain.last()?);
    let kept = plain.len().checked_sub(padding)?;
    let fits = (1..=BLOCK).contains(&padding)
        && plain[kept..]
            .iter()
            .all(|byte| usize::from(*byte) == padding);
    fits.then(|| {
        plain.truncate(kept);
        plain
    })
}
