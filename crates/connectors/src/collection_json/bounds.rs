//! A reader that ends hostile JSON before it costs memory: one element is at most a megabyte.

use std::io::{self, Read};

/// Bytes of one observation, one gap, or of the header with all its white space.
pub(super) const ELEMENT_BYTES_MAX: usize = 1 << 20;
/// Bytes of a whole collection: ten million observations with room to spare.
const BYTES_MAX: u64 = 64 << 30;

/// Counts what lies between two elements: things in a list of the object at the top, fields of
/// that object, or objects after one another.
pub(super) struct Bounded<R> {
    inner: R,
    depth: u32,
    in_text: bool,
    escaped: bool,
    element: usize,
    total: u64,
}

impl<R> Bounded<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self {
            inner,
            depth: 0,
            in_text: false,
            escaped: false,
            element: 0,
            total: 0,
        }
    }

    fn count(&mut self, byte: u8) {
        self.element += 1;
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth <= 2 {
                    self.element = 0;
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth <= 2 {
                    self.element = 0;
                }
            }
            b',' if self.depth <= 2 => self.element = 0,
            _ => {}
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The decoder takes one byte after the other; it is given at most this much ahead.
        let n = buffer.len().min(64 * 1024);
        let n = self.inner.read(&mut buffer[..n])?;
        for byte in &buffer[..n] {
            self.count(*byte);
            if self.element > ELEMENT_BYTES_MAX {
                return Err(io::Error::other(format!(
                    "one element is larger than the limit of {ELEMENT_BYTES_MAX} bytes"
                )));
            }
        }
        self.total += u64::try_from(n).unwrap_or(u64::MAX);
        if self.total > BYTES_MAX {
            return Err(io::Error::other(format!(
                "larger than the limit of {BYTES_MAX} bytes"
            )));
        }
        Ok(n)
    }
}
