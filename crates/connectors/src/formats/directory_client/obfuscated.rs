//! Passwords as `sss_obfuscate` writes them (SSSD, "sss_obfuscate(8)"): encrypted under a key that
//! lies before them, so whoever can read the file has them.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Secret;

/// The one method there is: AES-256 in CBC mode.
const METHOD: u16 = 0;
const KEY: usize = 32;
const IV: usize = 16;

/// The password in `written`: method, length, key, initialisation vector, ciphertext, a mark.
/// `None` where it is none of that form.
pub(super) fn opened(written: &str) -> Option<Secret> {
    let mut bytes = STANDARD.decode(written).ok()?;
    let number = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (method, length) = (number(0)?, usize::from(number(2)?));
    let key = bytes.get(4..4 + KEY)?;
    let key = UnboundCipherKey::new(&AES_256, key).ok()?;
    let iv: [u8; IV] = *bytes.get(4 + KEY..)?.first_chunk()?;
    let begin = 4 + KEY + IV;
    let sealed = bytes.get_mut(begin..begin + length)?;
    if method != METHOD {
        return None;
    }
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let plain = key.decrypt(sealed, context).ok()?;
    // It is kept with the zero that ends it.
    let plain = plain.strip_suffix(b"\0").unwrap_or(plain);
    (!plain.is_empty()).then(|| Secret::new(plain.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of SSSD's own documentation.
    const DOCUMENTED: &str = "AAAQABagVAjf9KgUyIxTw3A+HUfbig7N1+L0qtY4xAULt2GYHFc1B3CBWGAE9ArooklBkpxQtROiyCGDQH+VzLHYmiIAAQID";

    #[test]
    fn a_password_that_is_only_obfuscated_is_read() {
        let secret = opened(DOCUMENTED).unwrap();
        assert_eq!(secret.expose(), b"Passw0rd");
    }

    #[test]
    fn what_is_cut_or_of_another_method_is_none() {
        let bytes = STANDARD.decode(DOCUMENTED).unwrap();
        for end in 0..68 {
            assert!(opened(&STANDARD.encode(&bytes[..end])).is_none(), "{end}");
        }
        let mut other = bytes;
        other[0] = 1;
        assert!(opened(&STANDARD.encode(&other)).is_none());
        assert!(opened("no base64").is_none());
    }
}
