//! A secret's value: held, used, wiped; never shown.

use std::fmt;

use zeroize::Zeroizing;

/// A secret's value. No `Display`, no `Serialize`; `Debug` shows nothing; wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`; they are wiped when this is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Hands out the bytes. Every call is a place to review: a test of the tree lists them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether both hold the same bytes; how long that takes tells nothing but their lengths.
    pub fn is_same(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(other.0.iter());
        self.len() == other.len() && pairs.fold(0, |other, (a, b)| other | (a ^ b)) == 0
    }

    /// Whether it holds no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_the_same_byte_for_byte() {
        let is_same = |a: &str, b: &str| Secret::from(a).is_same(&Secret::from(b));
        assert!(is_same("", "") && is_same("pw", "pw"));
        assert!(!is_same("pw", "pw ") && !is_same("pw", "px") && !is_same(" pw", "pw "));
    }

    #[test]
    fn a_secret_shows_nothing_when_debugged() {
        assert_eq!(
            format!("{:?}", Some(Secret::from("hunter2"))),
            "Some(Secret(redacted))"
        );
    }
}
