//! JSON objects in a stream.

use memchr::memchr3;

use super::{Cut, RECORD_MAX, TOO_LONG};

/// Members of a page that hold its records.
const PAGES: &[&str] = &[
    "Records",
    "records",
    "Events",
    "events",
    "logEvents",
    "value",
    "items",
    "data",
    "entries",
];
/// Lists and pages within one another.
const LEVELS_MAX: usize = 4;
/// How far back the name of a member is looked for.
const NAME_BACK: usize = 64;

/// Finds the objects of a stream that are records.
#[derive(Debug, Default)]
pub(crate) struct JsonRecords {
    buffer: Vec<u8>,
    /// What was looked at of the buffer.
    at: usize,
    /// Lines that ended before `at`.
    lines: u64,
    /// What encloses the record that comes next.
    levels: Vec<Level>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// A list.
    List,
    /// A list that is a member of an object.
    Page,
}

#[derive(Clone, Copy, Debug, Default)]
enum Mode {
    /// Between records.
    #[default]
    Between,
    /// Something that begins no record: up to the end of its line.
    Noise,
    /// In a record.
    Record(Open),
    /// Behind the records of a page: up to its end.
    Tail(Open),
}

/// A value that has not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Where it begins in the buffer; of no use once `long`.
    start: usize,
    /// The line it begins on, from 1.
    line: u64,
    /// Objects and lists that are open in it, itself counted.
    depth: u32,
    /// Whether `at` is in a text.
    text: bool,
    /// Whether it is too long to be kept.
    long: bool,
}

/// What a scan ended in.
enum Scan {
    /// The buffer ended; more is needed.
    More,
    /// The value ended before this place.
    Ended(usize),
    /// It is broken; go on at this place.
    Broken(usize, &'static str),
    /// Here a page's list begins: behind its bracket.
    Page(usize),
}

impl JsonRecords {
    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Records behind so many lines.
    pub(super) fn after(lines: u64) -> Self {
        Self {
            lines,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8], last: bool, each: &mut dyn FnMut(u64, Cut<'_>)) {
        self.buffer.extend_from_slice(piece);
        while self.step(last, each) {}
        self.forget();
        if last {
            if let Mode::Record(open) | Mode::Tail(open) = self.mode {
                each(open.line, Err("it ends in the middle of a record"));
            } else if !self.levels.is_empty() {
                each(self.lines + 1, Err("it ends in the middle of a list"));
            }
            *self = Self::default();
        }
    }

    /// Goes on to the next record, if the buffer reaches so far.
    fn step(&mut self, last: bool, each: &mut dyn FnMut(u64, Cut<'_>)) -> bool {
        match self.mode {
            Mode::Between => self.between(each),
            Mode::Noise => match memchr::memchr(b'\n', &self.buffer[self.at..]) {
                Some(n) => {
                    self.at += n;
                    self.mode = Mode::Between;
                    true
                }
                None => {
                    self.at = self.buffer.len();
                    false
                }
            },
            Mode::Record(mut open) => {
                let scan = self.scan(&mut open, last);
                self.mode = Mode::Record(open);
                self.record(open, &scan, each)
            }
            Mode::Tail(mut open) => {
                let scan = self.scan(&mut open, last);
                self.mode = Mode::Tail(open);
                match scan {
                    Scan::More => return false,
                    Scan::Ended(at) | Scan::Page(at) => self.at = at,
                    Scan::Broken(at, why) => {
                        each(open.line, Err(why));
                        self.at = at;
                    }
                }
                self.mode = Mode::Between;
                true
            }
        }
    }

    fn record(&mut self, open: Open, scan: &Scan, each: &mut dyn FnMut(u64, Cut<'_>)) -> bool {
        match *scan {
            Scan::More => return false,
            Scan::Ended(at) => {
                let cut = if open.long || at - open.start > RECORD_MAX {
                    Err(TOO_LONG)
                } else {
                    Ok(&self.buffer[open.start..at])
                };
                each(open.line, cut);
                self.at = at;
            }
            Scan::Broken(at, why) => {
                each(open.line, Err(why));
                self.at = at;
            }
            Scan::Page(at) => {
                self.at = at;
                self.levels.push(Level::Page);
            }
        }
        self.mode = Mode::Between;
        true
    }

    fn between(&mut self, each: &mut dyn FnMut(u64, Cut<'_>)) -> bool {
        while let Some(byte) = self.buffer.get(self.at) {
            match byte {
                b'\n' => self.lines += 1,
                b'{' => {
                    self.mode = Mode::Record(self.open(0));
                    return true;
                }
                b'[' if self.levels.len() < LEVELS_MAX => self.levels.push(Level::List),
                b']' if let Some(level) = self.levels.pop() => {
                    if level == Level::Page {
                        self.at += 1;
                        // Of what is behind the records nothing is looked for but its end.
                        let long = true;
                        self.mode = Mode::Tail(Open {
                            long,
                            ..self.open(1)
                        });
                        return true;
                    }
                }
                byte if byte.is_ascii_whitespace() || *byte == b',' => {}
                _ => {
                    each(self.lines + 1, Err("expected an object of JSON"));
                    self.mode = Mode::Noise;
                    return true;
                }
            }
            self.at += 1;
        }
        false
    }

    const fn open(&self, depth: u32) -> Open {
        Open {
            start: self.at,
            line: self.lines + 1,
            depth,
            text: false,
            long: false,
        }
    }

    /// Goes on in `open` from where it was left.
    fn scan(&mut self, open: &mut Open, last: bool) -> Scan {
        loop {
            if open.text {
                let Some(n) = memchr3(b'"', b'\\', b'\n', &self.buffer[self.at..]) else {
                    self.at = self.buffer.len();
                    return Scan::More;
                };
                let found = self.at + n;
                match self.buffer[found] {
                    b'\n' => return Scan::Broken(found, "a line ends in the middle of a text"),
                    b'\\' if found + 1 >= self.buffer.len() && !last => {
                        self.at = found;
                        return Scan::More;
                    }
                    b'\\' => self.at = (found + 2).min(self.buffer.len()),
                    _ => {
                        open.text = false;
                        self.at = found + 1;
                    }
                }
                continue;
            }
            let Some(byte) = self.buffer.get(self.at).copied() else {
                return Scan::More;
            };
            match byte {
                b'"' => open.text = true,
                b'[' if open.depth == 1 && self.levels.len() < LEVELS_MAX && !open.long => {
                    match self.is_page(open.start, last) {
                        None => return Scan::More,
                        Some(true) => return Scan::Page(self.at + 1),
                        Some(false) => open.depth += 1,
                    }
                }
                b'{' | b'[' => open.depth = open.depth.saturating_add(1),
                b'}' | b']' => {
                    open.depth = open.depth.saturating_sub(1);
                    if open.depth == 0 {
                        return Scan::Ended(self.at + 1);
                    }
                }
                b'\n' => {
                    let next = &self.buffer[self.at + 1..];
                    if next.len() < 2 && !last {
                        return Scan::More;
                    }
                    // Nobody prints a nested object so: another record begins here.
                    if next.starts_with(b"{\"") {
                        return Scan::Broken(self.at, "a line ends in the middle of a record");
                    }
                    self.lines += 1;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Whether the bracket at `at` begins the records of a page: a member that is called so, of
    /// objects or empty. `None`: what follows has not been read yet.
    fn is_page(&self, start: usize, last: bool) -> Option<bool> {
        let before = &self.buffer[start.max(self.at.saturating_sub(NAME_BACK))..self.at];
        let before = before.trim_ascii_end();
        let name = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end);
        let named = name.is_some_and(|name| {
            PAGES.iter().any(|page| {
                let rest = name
                    .strip_suffix(b"\"")
                    .and_then(|rest| rest.strip_suffix(page.as_bytes()));
                rest.is_some_and(|rest| rest.ends_with(b"\""))
            })
        });
        if !named {
            return Some(false);
        }
        match self.buffer[self.at + 1..].trim_ascii_start().first() {
            Some(byte) => Some(matches!(byte, b'{' | b']')),
            None if last => Some(false),
            None => None,
        }
    }

    /// Drops what is read, and what is too long to be kept.
    fn forget(&mut self) {
        let keep = match &mut self.mode {
            Mode::Record(open) if !open.long && self.at - open.start <= RECORD_MAX => open.start,
            Mode::Record(open) => {
                open.long = true;
                self.at
            }
            Mode::Tail(_) | Mode::Between | Mode::Noise => self.at,
        };
        let keep = keep.min(self.buffer.len());
        self.buffer.drain(..keep);
        self.at -= keep;
        if let Mode::Record(open) | Mode::Tail(open) = &mut self.mode {
            open.start = open.start.saturating_sub(keep);
        }
    }
}
