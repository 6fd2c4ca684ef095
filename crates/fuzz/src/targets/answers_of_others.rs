//! What the network and this machine answer below the questions of connectors: headers, tokens,
//! sessions, the words before TLS, frames, the mount table, backups.

use std::time::{Duration, Instant};

use connectors::Refusal;
use engine::foreign;
use model::Secret;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[
    (
        "headers",
        "of a next page only parameters are taken, and nothing that is told makes anybody wait for long",
        headers,
    ),
    (
        "token_answer",
        "a token that is given is shown for a bounded time, and a refusal repeats nothing of the answer",
        token_answer,
    ),
    (
        "kept_login",
        "a file or a print that lets in is read, or refused in words that hold none of it",
        kept_login,
    ),
    (
        "starttls",
        "what is said before TLS is read to its end, and no byte of what follows is taken",
        starttls,
    ),
    (
        "grpc",
        "a message has the length that it says, and a refusal is short",
        grpc,
    ),
    (
        "mountinfo",
        "of a mount table the type of the longest mount around a path is told, in the table's own words",
        mountinfo,
    ),
    (
        "roll_archive",
        "a backup is read whole or refused, and one that was cut, altered or added to is refused",
        roll_archive,
    ),
];

/// Must never come out.
const PLANTED: &str = "Pl4nted-t0ken-of-a-test";

/// Longer than any pause before a question.
const LONG: Duration = Duration::from_secs(3_601);

/// Lines `name: value`.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let pair = |line| {
        let (name, value): (&str, &str) = str::split_once(line, ':')?;
        Some((name.trim(), value.trim()))
    };
    text.lines().filter_map(pair).collect()
}

fn headers(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let headers = pairs(&text);
    let next = foreign::next_page(&headers);
    assert!(next.len() <= 32, "{next:?}");
    let (again, other) = foreign::waits(&headers);
    assert!(again < LONG && other < LONG, "{again:?} {other:?}");
}

/// The first line is the status, the rest the body, with a planted word in it.
fn token_answer(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (head, body) = text.split_once('\n').unwrap_or(("200", &text));
    let status = head.trim().parse().unwrap_or(200);
    // A token in a field of the answer, the same in a description, and one among broken words.
    let quoted = format!("\"{PLANTED}\"");
    for body in [
        body.to_owned(),
        body.replace("\"TOKEN\"", &quoted),
        format!("{body}{PLANTED}"),
    ] {
        for given in foreign::tokens(status, &body) {
            match given {
                Ok((token, shown)) => {
                    assert!(Instant::now().checked_add(shown).is_some());
                    assert!(!format!("{token:?}").contains(PLANTED));
                }
                Err(refusal) => silent(&refusal),
            }
        }
        let refused = foreign::sessions(status, &body).into_iter();
        refused.filter_map(Result::err).for_each(|one| silent(&one));
    }
}

fn kept_login(input: &[u8]) {
    let planted = [input, PLANTED.as_bytes()].concat();
    let text = String::from_utf8_lossy(input).replace("SECRET", PLANTED);
    for bytes in [input.to_vec(), planted, text.into_bytes()] {
        let secret = Secret::new(bytes);
        if foreign::is_kept_session(&secret) {
            let read: Result<Value, _> = serde_json::from_slice(secret.expose());
            assert!(read.is_ok_and(|read| read["accessToken"].is_string()));
        }
        let refused = foreign::logins(&secret).into_iter();
        refused.filter_map(Result::err).for_each(|one| silent(&one));
    }
}

/// The word of a refusal is ours alone, and short.
fn silent(refusal: &Refusal) {
    let told = format!("{refusal} {refusal:?}");
    assert!(!told.contains(PLANTED), "a refusal repeats what came");
    assert!(told.chars().count() < 2_000, "a flood");
}

/// The first byte chooses the protocol.
fn starttls(input: &[u8]) {
    const PROTOCOLS: [&str; 6] = ["postgres", "smtp", "imap", "ldap", "", "another"];
    let Some((first, said)) = input.split_first() else {
        return;
    };
    let protocol = PROTOCOLS[usize::from(*first) % PROTOCOLS.len()];
    match engine::leads_to_tls(protocol, said) {
        Ok(taken) => {
            assert!(taken <= said.len());
            // Neither less nor more of what follows changes what was taken.
            let alone = engine::leads_to_tls(protocol, &said[..taken]);
            assert!(matches!(alone, Ok(same) if same == taken));
            let more = [&said[..taken], b"\x16\x03\x01\nmore"].concat();
            let more = engine::leads_to_tls(protocol, &more);
            assert!(matches!(more, Ok(same) if same == taken));
            let cut = said.get(..taken.wrapping_sub(1));
            assert!(cut.is_none_or(|cut| engine::leads_to_tls(protocol, cut).is_err()));
        }
        Err(refusal) => {
            let told = refusal.to_string();
            assert_eq!(model::clean(&told), told);
        }
    }
}

/// The trailers, an empty line, the frame.
fn grpc(input: &[u8]) {
    let at = input.windows(2).position(|two| two == b"\n\n");
    let (head, frame) = match at {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (&input[..0], input),
    };
    let head = String::from_utf8_lossy(head);
    let (message, refused) = engine::grpc_says(frame, &pairs(&head));
    if let Ok(length) = message {
        assert_eq!(length + 5, frame.len());
    }
    if let Some(refusal) = refused {
        assert!(refusal.told.chars().count() <= 240, "{refusal}");
    }
}

fn mountinfo(input: &[u8]) {
    let table = String::from_utf8_lossy(input);
    for path in ["/", "/srv/a b/roll.db", "/srv", "relative", ""] {
        let Some(kind) = store::mounted_as(&table, path) else {
            continue;
        };
        assert!(table.contains(kind) && !kind.contains(' '), "{kind:?}");
        // A later mount over everything hides all others of its length or less.
        let over = format!("{table}\n99 1 0:1 / {path} rw - over x rw\n");
        if !path.is_empty() && !path.contains(' ') {
            assert_eq!(store::mounted_as(&over, path), Some("over"));
        }
    }
}

/// As it is, and with a last line that vouches for whatever stands before it.
fn roll_archive(input: &[u8]) {
    let lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    let body = lines[..lines.len().saturating_sub(1)].concat();
    let rows = lines
        .iter()
        .filter(|line| line.first() == Some(&b'['))
        .count();
    let sum = Sha256::digest(&body);
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    let end = format!("{{\"rows\":{rows},\"sha256\":\"{sum}\"}}\n");
    let vouched = [body.as_slice(), end.as_bytes()].concat();
    for bytes in [input, &vouched] {
        match store::archive_rows(bytes) {
            Ok(read) => {
                assert!(read <= rows as u64, "{read} of {rows}");
                assert!(store::archive_rows(&[bytes, b" "].concat()).is_err());
                assert!(store::archive_rows(&bytes[..bytes.len() - 1]).is_err());
                let mut altered = bytes.to_vec();
                if let Some(byte) = altered.get_mut(bytes.len() / 2) {
                    *byte ^= 1;
                    assert!(store::archive_rows(&altered).is_err());
                }
            }
            Err(why) => {
                let told = why.to_string();
                assert!(told.chars().count() < 400, "a flood");
                assert_eq!(model::clean(&told), told);
            }
        }
    }
}
