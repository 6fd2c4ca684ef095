//! How an archive or a compressed file begins.
//!
//! Sources: POSIX.1-2024 `pax` (tar), APPNOTE 6.3.10 (zip), RFC 1952 (gzip), RFC 8878 (zstd),
//! "The .xz File Format" 1.2.1, bzip2.

/// What bytes are wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Files one after the other.
    Tar,
    /// Files with a directory at the end: jar, war, whl, nupkg, apk and docx are zips too.
    Zip,
    /// One compressed stream.
    Gzip,
    /// One compressed stream.
    Zstd,
    /// One compressed stream.
    Xz,
    /// One compressed stream.
    Bzip2,
}

/// The size of a block of tar, and of the longest beginning that is looked at.
const BLOCK: usize = 512;
/// Where a tar header keeps its checksum: eight bytes.
const CHECKSUM_AT: usize = 148;

impl Packing {
    /// What bytes that begin with `head` are wrapped in; 512 bytes of it are enough.
    pub fn of(head: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| head.starts_with(magic);
        if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
            Some(Self::Zip)
        } else if starts(b"\x1f\x8b\x08") {
            Some(Self::Gzip)
        } else if starts(b"\x28\xb5\x2f\xfd") {
            Some(Self::Zstd)
        } else if starts(b"\xfd7zXZ\0") {
            Some(Self::Xz)
        } else if starts(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
            Some(Self::Bzip2)
        } else if is_tar_header(head) {
            Some(Self::Tar)
        } else {
            None
        }
    }
}

/// Whether `head` begins with a tar header whose checksum fits. Old ones have no magic word, so
/// the sum alone tells.
pub fn is_tar_header(head: &[u8]) -> bool {
    let (Some(block), Some(told)) = (
        head.get(..BLOCK),
        head.get(CHECKSUM_AT..CHECKSUM_AT + 8).and_then(octal),
    ) else {
        return false;
    };
    let is_sum = |n: usize| (CHECKSUM_AT..CHECKSUM_AT + 8).contains(&n);
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(n, byte)| u64::from(if is_sum(n) { b' ' } else { *byte }))
        .sum();
    told == sum && block[0] != 0
}

/// Digits to the base of eight, with blanks round them and a zero byte behind.
fn octal(field: &[u8]) -> Option<u64> {
    let end = field.iter().position(|byte| *byte == 0);
    let text = std::str::from_utf8(&field[..end.unwrap_or(field.len())]).ok()?;
    u64::from_str_radix(text.trim(), 8).ok()
}

/// Whether a file of this name is usually an archive or compressed.
pub(crate) fn is_packed_name(name: &str) -> bool {
    const ENDS: &[&str] = &[
        ".zip", ".gz", ".xz", ".bz2", ".zst", ".tar", ".tgz", ".jar", ".whl",
    ];
    let name = name.to_ascii_lowercase();
    ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packing_is_told_by_its_beginning_and_text_is_none() {
        for (head, expected) in [
            (b"PK\x03\x04rest".as_slice(), Some(Packing::Zip)),
            (b"\x1f\x8b\x08\0", Some(Packing::Gzip)),
            (b"\x28\xb5\x2f\xfd", Some(Packing::Zstd)),
            (b"\xfd7zXZ\0", Some(Packing::Xz)),
            (b"BZh91AY&SY", Some(Packing::Bzip2)),
            (b"BZhello, a text", None),
            (b"PK is a postcode", None),
            (b"", None),
        ] {
            assert_eq!(Packing::of(head), expected, "{head:?}");
        }
    }

    #[test]
    fn a_tar_header_is_told_by_its_sum_with_or_without_a_magic_word() {
        let mut block = [0; BLOCK];
        block[0] = b'a';
        block[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(b"000541\0 ");
        assert_eq!(Packing::of(&block), Some(Packing::Tar));
        block[1] = b'b';
        assert_eq!(Packing::of(&block), None);
        assert_eq!(Packing::of(&[0; BLOCK]), None);
    }
}
