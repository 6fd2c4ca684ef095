//! What stands where a secret would, and is none.

use crate::entropy::shannon;

/// Parts of text that authors write where a reader shall put a secret.
const WORDS: &[&[u8]] = &[
    b"placeholder",
    b"changeme",
    b"change_me",
    b"change-me",
    b"changeit",
    b"replace",
    b"redacted",
    b"your_",
    b"your-",
    b"yoursecret",
    b"yourtoken",
    b"yourkey",
    b"yourpassword",
    b"yourapi",
    b"insert_",
    b"insert-",
    b"enter_",
    b"enter-",
    b"example",
    b"dummy",
    b"sample",
    b"foobar",
    b"fill_in",
    b"fillme",
    b"goes_here",
    b"goes-here",
    b"_here",
    b"-here",
    b"mysecret",
    b"my-secret",
    b"my_secret",
    b"mypassword",
    b"my-password",
    b"my_password",
    b"my-token",
    b"my_token",
    b"my_api",
    b"my-api",
    b"xxxx",
    b"****",
    b"....",
    b"1234567890",
    b"0123456789",
    b"abcdefgh",
    b"undefined",
    b"deadbeef",
    b"lorem",
    b"ipsum",
    b"not-a-",
    b"not_a_",
    b"fake",
    b"notreal",
    b"secret_key",
    b"secretkey",
    b"access_key",
    b"api_key",
    b"apikey",
    b"private_key",
];

/// Words with which manuals and tests show a password, between blanks.
const STEMS: &str = "\
password passwd passwort passphrase pass passw pwd pw secret supersecret topsecret \
verysecret token apitoken accesstoken key test testing tester testpass testpassword \
testtoken testsecret admin administrator adminpass adminpassword root rootpassword user \
username userpass userpassword guest default demo foo bar baz abc asdf qwer qwerty letmein \
welcome hello helloworld string value new newpass newpassword old oldpass oldpassword some \
somepass somepassword somesecret my mypass mytoken dev devpassword local postgres mysql \
redis rabbitmq mongo correcthorsebatterystaple authpass privpass privacy thepassword \
strongpassword securepassword goodpassword badpassword wrongpassword weakpassword basic";

/// Fewer bits a byte than this has no real key, however long it is.
const ENTROPY_MIN: f64 = 2.0;

/// Whether `value` is written to be replaced: a variable, a word such as `changeme`, one letter
/// again and again.
pub(crate) fn is_one(value: &[u8]) -> bool {
    is_variable(value) || is_repeated(value) || has_word(value)
}

/// Whether `value` is filled in by a shell, a template or a formatter.
pub(crate) fn is_variable(value: &[u8]) -> bool {
    let starts = |marks: &[&[u8]]| marks.iter().any(|mark| value.starts_with(mark));
    let has = |part: &[u8]| memchr::memmem::find(value, part).is_some();
    if starts(&[
        b"${", b"$(", b"$env:", b"$Env:", b"{{", b"<", b"%(", b"%{", b"#{", b"@{", b"[[", b"__",
        b"{%", b"!",
    ]) {
        return true;
    }
    // `$NAME` and `%NAME%`; a password may begin with `$`, but goes on with more than a name.
    let is_name = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|b| b.is_ascii_uppercase() || *b == b'_' || b.is_ascii_digit())
    };
    match value {
        [b'$', rest @ ..] if names_secret(rest) => true,
        [b'$', rest @ ..]
            if is_name(rest) || rest.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_') =>
        {
            true
        }
        [b'%', rest @ .., b'%'] if is_name(rest) => true,
        [b'{', .., b'}'] => true,
        [b'\'' | b'"', b'$', ..] => true,
        [b'%', b's' | b'd' | b'v' | b'q'] => true,
        _ => has(b"${") || has(b"$(") || has(b"{{") || has(b"#{") || has(b"%s"),
    }
}

/// Whether what stands behind a `$` is the name of a variable that holds a secret: `dbPassword2`.
fn names_secret(name: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[b"password", b"passwd", b"token", b"secret", b"apikey"];
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let letters = &name[..name.len() - digits];
    let lower = letters.to_ascii_lowercase();
    digits <= 2
        && letters
            .iter()
            .all(|b| b.is_ascii_alphabetic() || *b == b'_')
        && WORDS
            .iter()
            .any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// One letter again and again, or hardly more.
pub(crate) fn is_repeated(value: &[u8]) -> bool {
    value.len() >= 6 && (shannon(value) < ENTROPY_MIN || longest_run(value) * 2 > value.len())
}

/// A word that is made for the place.
pub(crate) fn has_word(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    WORDS
        .iter()
        .any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// Whether `value` is a word with which manuals and tests show a password, dressed up as they do:
/// `Password123!`, `p@ssw0rd`, `Testing@123`. Somebody may use it all the same.
pub(crate) fn is_tame(value: &[u8]) -> bool {
    let plain: Vec<u8> = value
        .iter()
        .map(|byte| match byte {
            b'@' => b'a',
            b'0' => b'o',
            b'3' => b'e',
            b'$' | b'5' => b's',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    // Both as it stands and as it reads: `test123` ends in digits, `passw0rd` has one for a letter.
    let stem = |text: &[u8]| {
        let letters = text.iter().copied().filter(|byte| !b"_-. ".contains(byte));
        let text: Vec<u8> = letters.collect();
        let end = text.iter().rposition(u8::is_ascii_alphabetic);
        let stem = text.get(..end.map_or(0, |at| at + 1)).unwrap_or_default();
        STEMS
            .split_ascii_whitespace()
            .any(|one| one.as_bytes() == stem)
    };
    let end = value.iter().rposition(u8::is_ascii_alphabetic);
    let head = end.map_or(0, |at| at + 1);
    stem(&value.to_ascii_lowercase()) || stem(&plain[..head]) || stem(&plain)
}

/// A form's variable part that is filled with one letter, or counts up: `ghp_xxxxxxxx`.
pub(crate) fn is_filler(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    let has_word = || {
        [b"xxxx".as_slice(), b"your", b"redacted", b"placeholder"]
            .iter()
            .any(|word| memchr::memmem::find(&lower, word).is_some())
    };
    longest_run(secret) >= 8 || counts_up(&lower) || has_word()
}

/// Half of it counts up, as `abcdef` and `567890` do; a part of a masked key may.
fn counts_up(lower: &[u8]) -> bool {
    const STEPS_MIN: usize = 8;
    let follows = |a: u8, b: u8| b == a.wrapping_add(1) || (a, b) == (b'9', b'0');
    let longest = lower
        .chunk_by(|a, b| a.is_ascii_alphanumeric() && follows(*a, *b))
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0);
    longest >= STEPS_MIN && longest * 2 > lower.len()
}

fn longest_run(value: &[u8]) -> usize {
    let mut longest = 0;
    let mut run = 0;
    let mut before = None;
    for byte in value {
        run = if before == Some(*byte) { run + 1 } else { 1 };
        before = Some(*byte);
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_words_and_repetitions_are_placeholders() {
        for text in [
            "${DB_PASSWORD}",
            "$PASSWORD",
            "%PASSWORD%",
            "{{ vault.key }}",
            "<your key>",
            "changeme",
            "xxxxxxxxxxxx",
            "your_api_key_here",
            "aaaaaaaaaaaa",
            "#{token}",
            "%(password)s",
            "{}",
        ] {
            assert!(is_one(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_token_that_counts_up_or_repeats_is_filler_and_a_masked_part_is_not() {
        for text in [
            "AKIAABCDEFGHIJKLMNOP",
            "key-xxxxxxxxxxxx",
            "1234567890123456",
        ] {
            assert!(is_filler(text.as_bytes()), "{text}");
        }
        assert!(!is_filler(b"x7Kp2Qm9Zt4Lw8aR-ABCDEFGHIJ-v3Nf6Hj1Yc5"));
    }

    #[test]
    fn a_word_of_manuals_is_tame_however_it_is_dressed_up() {
        for text in [
            "Password123!",
            "p@ssw0rd",
            "Passw0rd",
            "P@$$w0rd",
            "Testing@123",
            "admin123",
            "secret1",
            "s3cret",
            "test_1234",
            "abc1234",
            "password1234",
            "qwerty12",
        ] {
            assert!(is_tame(text.as_bytes()), "{text}");
        }
        for text in [
            "hunter2hunter",
            "Cisco123!",
            "Winter2024",
            "Tr0ub4dor&3",
            "correct-rxSO4ttW",
        ] {
            assert!(!is_tame(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_random_is_no_placeholder() {
        for text in ["$ecur3P4ss!", "x7Kp2Qm9Zt4Lw8aR", "Tr0ub4dor&3"] {
            assert!(!is_one(text.as_bytes()), "{text}");
        }
    }
}
