//! PEM armour (RFC 7468 and the older forms with headers) anywhere in bytes.
//!
//! Armour stands in files of its own, indented or commented out in others, in one line with `\n`
//! written out, as environment files and JSON have it, and in literals of source code.

mod literal;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::Secret;

use crate::der::{self, Der};
use crate::formats::text::is_placeholder;

/// A block is no longer than this; real ones are a hundredth of it.
const BLOCK_BYTES_MAX: usize = 256 * 1024;
/// Names are short: `ENCRYPTED PRIVATE KEY`.
const LABEL_BYTES_MAX: usize = 64;
/// More blocks than this in one file are not looked at.
const BLOCKS_MAX: usize = 20_000;

const BEGIN: &[u8] = b"-----BEGIN ";
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One armoured block.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// What it says it is: `CERTIFICATE`.
    pub(crate) label: &'a str,
    /// On which line it begins, from 1.
    pub(crate) line: usize,
    /// Its content; `None` where it is cut off or no base64.
    pub(crate) body: Option<Secret>,
    /// Whether its headers say that a pass phrase protects it (RFC 1421).
    pub(crate) encrypted: bool,
    /// Whether it begins as a key or a certificate does: code and manuals also show armour round
    /// a few words, and tests round what is none on purpose.
    pub(crate) is_meant: bool,
}

/// Whether there may be armour in `bytes`.
pub(crate) fn is_in(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

/// Every block in `bytes`, in order. A mere mention of armour, as in source code, is none.
pub(crate) fn blocks(bytes: &[u8]) -> Vec<Block<'_>> {
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(begin) = find(&bytes[at..], BEGIN) {
        line += count_lines(&bytes[at..at + begin]);
        let start = at + begin + BEGIN.len();
        // Up to the next beginning only: a block that was cut off costs no second look.
        let stop = find(&bytes[start..], BEGIN).map_or(bytes.len(), |next| start + next);
        let before = bytes[..at + begin].last().copied();
        let quote = before.filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        if let Some(block) = block(&bytes[start..stop], quote, line) {
            if out.len() == BLOCKS_MAX {
                break;
            }
            out.push(block);
        }
        at = start;
    }
    out
}

/// Whether a file that begins as armour of `label` does holds no block, and no example of one
/// (`...`, `<here>`): it is cut off, or broken.
pub(crate) fn is_torn(bytes: &[u8], label: &str) -> bool {
    let text = bytes.trim_ascii();
    let Some((first, inside)) = text.strip_prefix(BEGIN).and_then(self::label) else {
        return false;
    };
    let end = find(inside, b"-----END ");
    let body = inside[..end.unwrap_or(inside.len())].trim_ascii();
    let is_example = end.is_some() && body.is_empty()
        || [&b"..."[..], b"<", b"{{", b"$"]
            .iter()
            .any(|word| find(body, word).is_some());
    first.ends_with(label) && !is_example && blocks(bytes).is_empty()
}

/// Why a file that is called like a key or a certificate and has no armour is neither; `None`
/// where it may be one in DER, is a public key of SSH, or is there to be filled in.
pub(crate) fn is_neither(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("an empty file, where a key or a certificate was expected");
    }
    if bytes.first() == Some(&der::SEQUENCE) {
        let whole = Der::new(bytes).any().is_some();
        return (!whole).then_some("DER that is cut off or broken");
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
    let is_public = ["ssh-", "ecdsa-", "sk-", "---- BEGIN ", "PuTTY-"]
        .iter()
        .any(|start| text.starts_with(start));
    let is_open = !text.is_empty() && is_placeholder(text);
    (!is_public && !is_open).then_some("expected a key or a certificate in PEM or DER, got neither")
}

fn block(bytes: &[u8], quote: Option<u8>, line: usize) -> Option<Block<'_>> {
    let (label, inside) = label(bytes)?;
    let inside = &inside[..inside.len().min(BLOCK_BYTES_MAX)];
    let end = find(inside, format!("-----END {label}-----").as_bytes());
    let text = literal::lines(&inside[..end.unwrap_or(inside.len())], quote);
    let (encrypted, digits) = strip(text.expose());
    let body = end.and_then(|_| LENIENT.decode(digits.expose()).ok());
    (digits.len() >= 32).then(|| Block {
        label,
        line,
        body: body.map(Secret::new),
        encrypted,
        is_meant: !is_shortened(text.expose()) && begins_as_meant(label, digits.expose()),
    })
}

/// Whether the text is there to be filled in or leaves out what it does not want to show.
fn is_shortened(text: &[u8]) -> bool {
    [
        &b"..."[..],
        "\u{2026}".as_bytes(),
        b"<",
        b"{{",
        b"${",
        b"%s",
    ]
    .iter()
    .any(|word| find(text, word).is_some())
}

/// Whether base64 `digits` begin as DER does, or as what else `label` announces.
fn begins_as_meant(label: &str, digits: &[u8]) -> bool {
    match label {
        "OPENSSH PRIVATE KEY" => digits.starts_with(b"b3BlbnNzaC1r"),
        // A packet of a secret key, in the old form or the new (RFC 9580, section 4.2).
        _ if label.starts_with("PGP") => matches!(digits.first(), Some(b'l' | b'x')),
        _ => {
            let head = LENIENT.decode(&digits[..digits.len().min(4)]);
            head.is_ok_and(|head| head.first() == Some(&der::SEQUENCE))
        }
    }
}

fn label(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = find(bytes.get(..LABEL_BYTES_MAX + 5).unwrap_or(bytes), b"-----")?;
    let label = std::str::from_utf8(&bytes[..end]).ok()?;
    let plain = !label.is_empty()
        && label
            .bytes()
            .all(|b| b == b' ' || b.is_ascii_alphanumeric());
    plain.then(|| (label, &bytes[end + 5..]))
}

/// Whether headers say it is encrypted, and the base64 digits behind them.
///
/// A line with a colon is a header; a line that starts with `=` is OpenPGP's checksum. What
/// stands before the digits, such as the mark of a comment, is left out.
fn strip(text: &[u8]) -> (bool, Secret) {
    let mut encrypted = false;
    let mut digits = Vec::with_capacity(text.len());
    for line in text.split(|byte| *byte == b'\n') {
        if line.contains(&b':') {
            encrypted |= find(line, b"Proc-Type").is_some() && find(line, b"ENCRYPTED").is_some();
            continue;
        }
        let words = line.split(u8::is_ascii_whitespace).filter_map(|word| {
            let start = word.iter().position(|byte| is_digit(*byte))?;
            Some(&word[start..]).filter(|word| !is_mark(word))
        });
        for (at, word) in words.enumerate() {
            if at == 0 && word.starts_with(b"=") {
                break;
            }
            let behind = word.iter().position(|byte| !is_digit(*byte));
            digits.extend(&word[..behind.unwrap_or(word.len())]);
            if behind.is_some() {
                break;
            }
        }
    }
    (encrypted, Secret::new(digits))
}

/// Whether a word only marks a comment: `//`.
fn is_mark(word: &[u8]) -> bool {
    word == b"//" || word == b"///"
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Where `needle` first stands in `hay`.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(hay, needle)
}

fn count_lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    #[test]
    fn armour_is_found_whole_indented_and_in_one_line() {
        for text in [
            format!("x\n-----BEGIN A KEY-----\n{BODY}\n-----END A KEY-----\n"),
            format!(
                "x\n  key: |\n    -----BEGIN A KEY-----\r\n    {BODY}\r\n    -----END A KEY-----\n"
            ),
            format!("\nK=\"-----BEGIN A KEY-----\\n{BODY}\\n-----END A KEY-----\\n\""),
        ] {
            let blocks = blocks(text.as_bytes());
            assert_eq!(blocks.len(), 1, "{text}");
            assert_eq!(blocks[0].label, "A KEY");
            let body = blocks[0].body.as_ref().unwrap();
            assert_eq!(body.expose(), b"01234567890123456789012345678901", "{text}");
        }
    }

    #[test]
    fn a_block_that_is_cut_off_has_no_body_and_a_mention_is_no_block() {
        let cut = format!("-----BEGIN A-----\n{BODY}\n-----BEGIN B-----\n{BODY}\n-----END B-----");
        let found: Vec<_> = blocks(cut.as_bytes())
            .iter()
            .map(|block| (block.label.to_owned(), block.line, block.body.is_some()))
            .collect();
        assert_eq!(
            found,
            [("A".to_owned(), 1, false), ("B".to_owned(), 3, true)]
        );
        assert!(blocks(b"looks for '-----BEGIN RSA PRIVATE KEY-----' in text").is_empty());
    }

    fn assert_whole(what: &str, text: &str) {
        let blocks = blocks(text.as_bytes());
        assert_eq!(blocks.len(), 1, "{what}");
        let body = blocks[0].body.as_ref().map(Secret::expose);
        assert_eq!(
            body,
            Some(&b"01234567890123456789012345678901"[..]),
            "{what}"
        );
    }

    #[test]
    fn armour_in_source_code_is_read_as_its_literals_say() {
        let (one, two) = BODY.split_at(24);
        for (what, text) in [
            (
                "JavaScript, Go, C#",
                format!(
                    r#"k = "-----BEGIN A KEY-----\n" +
  "{one}\n" +
  "{two}\n" +
  "-----END A KEY-----";"#
                ),
            ),
            (
                "Java",
                format!(
                    r#"k = "-----BEGIN A KEY-----\n"
  + "{one}\r\n"
  + "{two}\n"
  + "-----END A KEY-----";"#
                ),
            ),
            (
                "C and Python, side by side",
                format!(
                    r#"k = (b"-----BEGIN A KEY-----\n"
  b"{one}\n"
  b"{two}\n"
  b"-----END A KEY-----")"#
                ),
            ),
        ] {
            assert_whole(what, &text);
        }
    }

    #[test]
    fn armour_in_literals_of_many_lines_lists_and_comments_is_read() {
        let (one, two) = BODY.split_at(24);
        for (what, text) in [
            (
                "a literal of many lines",
                format!("k = '''-----BEGIN A KEY-----\n{one}\n{two}\n-----END A KEY-----'''"),
            ),
            (
                "lines that go on",
                format!(
                    "k = \"-----BEGIN A KEY-----\\n\\\n{one}\\n\\\n{two}\\n\\\n-----END A KEY-----\""
                ),
            ),
            (
                "a list",
                format!(
                    "['-----BEGIN A KEY-----', '{one}', '{two}', '-----END A KEY-----'].join()"
                ),
            ),
            (
                "statements that append",
                format!(
                    "$k = '-----BEGIN A KEY-----'\n$k += '{one}'\n$k += '{two}'\n$k += '-----END A KEY-----'"
                ),
            ),
            (
                "JSON in JSON",
                format!(
                    r#""{{\"k\": \"-----BEGIN A KEY-----\\n{BODY}\\n-----END A KEY-----\\n\"}}""#
                ),
            ),
            (
                "comments",
                format!("// -----BEGIN A KEY-----\n// {one}\n// {two}\n// -----END A KEY-----\n"),
            ),
            (
                "ends of lines that became blanks",
                format!("K=-----BEGIN A KEY----- {one} {two} -----END A KEY-----\n"),
            ),
        ] {
            assert_whole(what, &text);
        }
    }

    #[test]
    fn signs_that_json_escapes_are_read() {
        let plain = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5/+Q=";
        let escaped = plain.replace('/', "\\/").replace('+', "\\u002B");
        let text = format!("\"-----BEGIN A KEY-----\\n{escaped}\\n-----END A KEY-----\"");
        let found = blocks(text.as_bytes());
        let body = found[0].body.as_ref().unwrap();
        assert_eq!(body.expose(), LENIENT.decode(plain).unwrap());
    }

    #[test]
    fn what_only_looks_like_armour_is_not_meant() {
        let meant = |text: &str| blocks(text.as_bytes()).first().map(|one| one.is_meant);
        let der = "MC4CAQAwBQYDK2VwBCIEIBq9zK3xV0aB7cD1eF5gH2iJ8kL4";
        assert_eq!(meant(&format!("-----BEGIN A-----\n{der}")), Some(true));
        let other = der.replace("MC4", "AC4");
        assert_eq!(meant(&format!("-----BEGIN A-----\n{other}")), Some(false));
        let shortened = format!("-----BEGIN A-----\n{der}\n...\n-----END A-----");
        assert_eq!(meant(&shortened), Some(false));
        for mention in [
            "if text.starts_with('-----BEGIN A KEY-----') { return Some(Kind::PrivateKeyInPem); }",
            "\"-----BEGIN A KEY-----\\n\" + body_of_the_private_key_in_base64 + \"-----END A KEY-----\"",
        ] {
            assert_eq!(meant(mention), None, "{mention}");
        }
    }

    #[test]
    fn headers_tell_that_a_pass_phrase_protects_it() {
        let text = format!(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{BODY}\n-----END RSA PRIVATE KEY-----"
        );
        assert!(blocks(text.as_bytes())[0].encrypted);
    }

    #[test]
    fn lines_are_counted_from_one() {
        let one = format!("-----BEGIN A-----\n{BODY}\n-----END A-----\n");
        let lines: Vec<_> = blocks(one.repeat(3).as_bytes())
            .iter()
            .map(|b| b.line)
            .collect();
        assert_eq!(lines, [1, 4, 7]);
    }
}
