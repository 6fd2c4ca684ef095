//! What stands between the armour's first and last line, as lines: source code writes them as
//! literals, with escapes, one to a line and joined by whatever its language joins them with.

use model::Secret;

/// The lines of `text` behind the first line of armour, which stands in a literal between
/// `quote`s, or in none. Escapes are read; what stands between two literals is left out.
pub(super) fn lines(text: &[u8], quote: Option<u8>) -> Secret {
    let mut out = Vec::with_capacity(text.len());
    // Configurations write ends of lines as two letters without any quotes.
    let escapes = quote.is_some() || !text.contains(&b'\n');
    let (mut at, mut is_within) = (0, true);
    while let Some(byte) = text.get(at).copied() {
        at += 1;
        if Some(byte) == quote {
            is_within = !is_within;
            // One literal is a line, whether it ends as one or is joined to others as one.
            out.push(b'\n');
        } else if !is_within {
        } else if byte == b'\\' && escapes {
            at = escape(text, at, quote, &mut out);
        } else {
            out.push(byte);
        }
    }
    Secret::new(out)
}

/// Reads the escape whose `\` stands before `at`; gives what follows it.
fn escape(text: &[u8], at: usize, quote: Option<u8>, out: &mut Vec<u8>) -> usize {
    match text.get(at) {
        // A literal within a literal writes the `\` twice.
        Some(b'\\') => at,
        Some(b'n' | b'r' | b't') => {
            out.push(b'\n');
            at + 1
        }
        // JSON may write `/`, `+` and `=` so.
        Some(b'/') => {
            out.push(b'/');
            at + 1
        }
        Some(b'u') => {
            let digits = text.get(at + 1..at + 5);
            let number = digits
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            out.extend(number);
            at + if number.is_some() { 5 } else { 1 }
        }
        // The line goes on; or the quote of a literal within a literal, which is looked at next.
        Some(b'\n') => at + 1,
        Some(other) if Some(*other) == quote => at,
        _ => at,
    }
}
