//! How far is looked, before and behind a keyword.

/// A rule that says nothing looks this far ahead of its keyword.
pub(crate) const AHEAD_DEFAULT: usize = 512;
/// No rule looks further back.
pub(crate) const BACK_MAX: usize = 2 * 1024;
/// No rule looks further ahead: a private key of 16,384 bits has 13 KB.
pub(crate) const AHEAD_MAX: usize = 32 * 1024;
/// A rule with a free regex looks once at each cell in which its keyword stands, so that a
/// file of nothing but keywords costs no more than a few looks at each byte. Cells lie at fixed
/// places, whatever the chunks.
pub(crate) const CELL: u64 = 256;
/// How much is scanned at a time; a multiple of [`CELL`].
pub(crate) const BLOCK: usize = 1024 * 1024;
