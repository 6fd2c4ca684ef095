//! Passwords of people who sign in: Argon2id, and nothing that could be compared without it.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use model::Secret;

use crate::{Error, Random};

/// Letters of a password: at least and at most. What it is made of is its owner's affair (NIST SP
/// 800-63B, section 3.1.1.2).
pub const PASSWORD_LETTERS: std::ops::RangeInclusive<usize> = 12..=256;

/// KiB of memory, passes and lanes: the first choice of OWASP's "Password Storage Cheat Sheet".
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// More than this is not taken from a store: a hash altered there is not to eat up the machine.
const COST_MAX: (u32, u32, u32) = (262_144, 16, 8);
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What is kept of a password: `argon2id$KiB$passes$lanes$salt$hash`.
#[derive(Clone)]
pub struct PasswordHash {
    cost: (u32, u32, u32),
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

impl PasswordHash {
    /// The hash of `password` under a salt by chance. Takes some 19 MiB and some 20 ms.
    ///
    /// # Errors
    /// There is no chance to be had.
    pub fn of(password: &Secret, random: &dyn Random) -> Result<Self, Error> {
        let mut salt = vec![0; SALT_BYTES];
        random.fill(&mut salt)?;
        let hash = derive(password, &salt, COST)?;
        Ok(Self {
            cost: COST,
            salt,
            hash,
        })
    }

    /// Whether `password` is the one.
    ///
    /// # Errors
    /// The library refuses what it should not.
    pub fn matches(&self, password: &Secret) -> Result<bool, Error> {
        let hash = derive(password, &self.salt, self.cost)?;
        Ok(verify_slices_are_equal(&hash, &self.hash).is_ok())
    }

    /// As it is sealed.
    pub fn to_secret(&self) -> Secret {
        let (memory, passes, lanes) = self.cost;
        let (salt, hash) = (BASE64.encode(&self.salt), BASE64.encode(&self.hash));
        let text = format!("argon2id${memory}${passes}${lanes}${salt}${hash}");
        Secret::new(text.into_bytes())
    }

    /// As it was sealed.
    ///
    /// # Errors
    /// It is no such text, or asks for more than any of ours.
    pub fn from_secret(text: &Secret) -> Result<Self, Error> {
        let wrong = || Error::Form {
            why: "got no password hash of ours",
        };
        let text = std::str::from_utf8(text.expose()).map_err(|_| wrong())?;
        let parts: Vec<&str> = text.split('$').collect();
        let [kind, memory, passes, lanes, salt, hash] = parts[..] else {
            return Err(wrong());
        };
        let number = |text: &str, most: u32| {
            let number = text.parse().ok();
            number.filter(|one| (1..=most).contains(one))
        };
        let cost = match (
            number(memory, COST_MAX.0),
            number(passes, COST_MAX.1),
            number(lanes, COST_MAX.2),
        ) {
            (Some(memory), Some(passes), Some(lanes)) => (memory, passes, lanes),
            _ => return Err(wrong()),
        };
        let salt = BASE64.decode(salt).map_err(|_| wrong())?;
        let hash = BASE64.decode(hash).map_err(|_| wrong())?;
        if kind != "argon2id" || salt.len() != SALT_BYTES || hash.len() != HASH_BYTES {
            return Err(wrong());
        }
        Ok(Self { cost, salt, hash })
    }
}

fn derive(
    password: &Secret,
    salt: &[u8],
    (memory, passes, lanes): (u32, u32, u32),
) -> Result<Vec<u8>, Error> {
    let refused = |_| Error::Refused {
        what: "hash a password",
    };
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES)).map_err(refused)?;
    let mut hash = vec![0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.expose(), salt, &mut hash)
        .map_err(refused)?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Same;
    impl Random for Same {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
            bytes.fill(7);
            Ok(())
        }
    }

    #[test]
    fn a_password_matches_its_own_hash_and_no_other() {
        let password = Secret::from("correct horse battery");
        let kept = PasswordHash::of(&password, &Same).unwrap().to_secret();
        let read = PasswordHash::from_secret(&kept).unwrap();
        assert!(read.matches(&password).unwrap());
        assert!(
            !read
                .matches(&Secret::from("correct horse batterz"))
                .unwrap()
        );
        assert_eq!(format!("{read:?}"), "PasswordHash");
    }

    #[test]
    fn the_hash_is_that_of_the_reference_implementation() {
        // `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24`: the list of vectors that
        // the reference implementation (P-H-C/phc-winner-argon2, src/test.c) checks itself by.
        let mut hash = [0; 32];
        let params = Params::new(65_536, 2, 1, Some(32)).unwrap();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(b"password", b"somesalt", &mut hash)
            .unwrap();
        let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            text,
            "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
        );
    }

    #[test]
    fn what_is_no_hash_of_ours_or_costs_too_much_is_refused() {
        let salt = BASE64.encode([7; 16]);
        let hash = BASE64.encode([7; 32]);
        let read = |text: String| PasswordHash::from_secret(&Secret::new(text.into_bytes()));
        assert!(read(format!("argon2id$19456$2$1${salt}${hash}")).is_ok());
        for text in [
            String::new(),
            format!("argon2i$19456$2$1${salt}${hash}"),
            format!("argon2id$4000000$2$1${salt}${hash}"),
            format!("argon2id$19456$0$1${salt}${hash}"),
            format!("argon2id$19456$2$1${salt}${salt}"),
            format!("argon2id$19456$2$1${salt}${hash}$"),
        ] {
            assert!(read(text.clone()).is_err(), "{text}");
        }
    }
}
