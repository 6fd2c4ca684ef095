//! One block: keywords, then rules at them; operators, then names beside them.

use std::ops::Range;

use model::Secret;

use super::{Detector, Place};
use crate::Allowlist;
use crate::allow::Seen;
use crate::checks::Outcome;
use crate::found::{Checksum, Confidence, Fact, Mode};
use crate::generic::{self, Found, Word};
use crate::keywords::Hit;
use crate::resolve::Candidate;
use crate::rule::{Form, Rule, SECRET, What};
use crate::stated::Assignment;
use crate::window::CELL;
use crate::{encoded, entropy, ignore, pem, placeholder};

/// A secret whose rule does not say has at least this many bits a byte.
const ENTROPY_MIN: f64 = 2.3;
/// Rules without a keyword look at pieces of this size, at fixed places.
pub(super) const PIECE: usize = 64 * 1024;

/// A look at one block.
pub(super) struct Look<'a> {
    detector: &'a Detector,
    place: Place<'a>,
    bytes: &'a [u8],
    base: u64,
    found: Vec<Candidate>,
    /// The cells that rules looked at last.
    cells: Vec<(usize, u64)>,
    /// This looks at text that was decoded.
    is_decoded: bool,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        detector: &'a Detector,
        place: Place<'a>,
        bytes: &'a [u8],
        base: u64,
    ) -> Self {
        Self {
            detector,
            place,
            bytes,
            base,
            found: Vec::new(),
            cells: Vec::new(),
            is_decoded: false,
        }
    }

    pub(super) fn all(mut self, core: Range<usize>) -> Vec<Candidate> {
        let (detector, bytes) = (self.detector, self.bytes);
        detector
            .keywords
            .each(bytes, core.start, core.end, |hit| self.keyword(hit));
        self.everywhere(&core);
        for at in memchr::memchr2_iter(b'=', b':', &bytes[core.clone()]) {
            self.operator(core.start + at);
        }
        self.found
    }

    fn keyword(&mut self, hit: Hit<'_>) {
        // Many rules may share a keyword that stands everywhere.
        if !self.place.goes_on() {
            return;
        }
        let detector = self.detector;
        for at in hit.rules {
            let Some(rule) = detector.rules.get(*at) else {
                continue;
            };
            match &rule.form {
                Form::Token(_) => self.token(*at, rule, hit.start),
                Form::Near { .. } => self.anchored(*at, rule, hit.end),
                Form::Free { .. } => self.cell(*at, rule, hit.start),
                Form::Armour => self.armour(*at, rule, hit.start),
                Form::Assignment | Form::Url(_) => {}
            }
        }
    }

    /// A token begins where no word goes on; an escape such as `\n` or `%3D` is no word.
    fn token(&mut self, at: usize, rule: &Rule, start: usize) {
        let before = |by: usize| start.checked_sub(by).map(|at| self.bytes[at]);
        let goes_on = before(1).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let escape = before(2) == Some(b'\\') && matches!(before(1), Some(b'n' | b'r' | b't'));
        if !goes_on || escape || before(3) == Some(b'%') {
            self.anchored(at, rule, start);
        }
    }

    /// Runs a regex that begins at `start`.
    fn anchored(&mut self, at: usize, rule: &Rule, start: usize) {
        let end = self.bytes.len().min(start + rule.window.1);
        let window = &self.bytes[start..end];
        let Some(captures) = rule.regex().and_then(|regex| regex.captures(window)) else {
            return;
        };
        let secret = captures.name(SECRET).or_else(|| captures.get(1));
        let (Some(whole), Some(secret)) = (captures.get(0), secret) else {
            return;
        };
        let moved = |range: Range<usize>| range.start + start..range.end + start;
        self.judge(at, rule, moved(secret.range()), moved(whole.range()));
    }

    /// Looks once at the cell in which a keyword stands, and at the window around it.
    fn cell(&mut self, at: usize, rule: &Rule, start: usize) {
        let cell = (self.base + start as u64) / CELL;
        if self.cells.contains(&(at, cell)) {
            return;
        }
        self.cells
            .retain(|(other, last)| *other != at && last + 64 > cell);
        self.cells.push((at, cell));
        // A cell begins at a fixed place; what is before the bytes at hand is the very beginning.
        let offset = (self.base + start as u64) % CELL;
        let begin = start.saturating_sub(usize::try_from(offset).unwrap_or(0));
        let from = begin.saturating_sub(rule.window.0);
        let cell_bytes = usize::try_from(CELL).unwrap_or(0);
        let to = self.bytes.len().min(begin + cell_bytes + rule.window.1);
        self.search(at, rule, from, to);
    }

    fn search(&mut self, at: usize, rule: &Rule, from: usize, to: usize) {
        if !self.place.goes_on() {
            return;
        }
        let (Some(regex), Form::Free { group, .. }) = (rule.regex(), &rule.form) else {
            return;
        };
        let bytes = self.bytes;
        for captures in regex.captures_iter(&bytes[from..to]) {
            // Each next match may cost as much as the first one did.
            if !self.place.goes_on() {
                return;
            }
            let Some(whole) = captures.get(0) else {
                continue;
            };
            let first = || {
                captures
                    .iter()
                    .skip(1)
                    .flatten()
                    .find(|one| !one.is_empty())
            };
            let secret = match group {
                Some(group) => captures.get(*group),
                None => first().or(Some(whole)),
            };
            let moved = |range: Range<usize>| range.start + from..range.end + from;
            if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
                self.judge(at, rule, moved(secret.range()), moved(whole.range()));
            }
        }
    }

    fn everywhere(&mut self, core: &Range<usize>) {
        let detector = self.detector;
        for at in &detector.everywhere {
            let rule = &detector.rules[*at];
            for from in core.clone().step_by(PIECE) {
                let to = self.bytes.len().min(from + PIECE + rule.window.1);
                self.search(*at, rule, from.saturating_sub(rule.window.0), to);
            }
        }
    }

    fn armour(&mut self, at: usize, rule: &Rule, start: usize) {
        let end = self.bytes.len().min(start + rule.window.1);
        let Some(armour) = pem::read(&self.bytes[start..end]) else {
            return;
        };
        let range = start + armour.range.start..start + armour.range.end;
        let outcome = Outcome {
            facts: armour.facts,
            ..Outcome::default()
        };
        self.keep(at, rule, range.clone(), range, outcome);
    }

    fn operator(&mut self, place: usize) {
        match generic::at(self.bytes, place) {
            Some(Found::Assigned {
                word,
                range,
                name,
                is_quoted,
                is_word,
            }) => {
                let at = match word {
                    Word::Password => self.detector.password,
                    Word::Secret | Word::Key => self.detector.secret,
                };
                let assignment = Assignment {
                    path: self.place.path,
                    line: ignore::line(self.bytes, place, range.end),
                    operator: self.bytes[place],
                    is_quoted,
                    value: &self.bytes[range.clone()],
                };
                let outcome = Outcome {
                    facts: vec![Fact::new("variable", name)],
                    is_in_use: !is_word && assignment.is_in_use(),
                    ..Outcome::example(is_word)
                };
                self.assigned(at, range, outcome);
            }
            Some(Found::Url {
                scheme,
                range,
                facts,
                is_word,
            }) => {
                let rules = &self.detector.rules;
                let is_of = |at: &&usize| match &rules[**at].form {
                    Form::Url(schemes) => schemes.is_empty() || schemes.contains(&scheme),
                    _ => false,
                };
                let at = self.detector.urls.iter().find(is_of).copied();
                let outcome = Outcome {
                    facts,
                    ..Outcome::example(is_word)
                };
                self.assigned(at, range, outcome);
            }
            None => {}
        }
        if !self.is_decoded
            && let Some((range, text)) = encoded::behind(self.bytes, place)
        {
            self.decoded(range, &text);
        }
    }

    fn assigned(&mut self, at: Option<usize>, range: Range<usize>, outcome: Outcome) {
        let detector = self.detector;
        if let Some((at, rule)) = at.and_then(|at| Some((at, detector.rules.get(at)?))) {
            self.keep(at, rule, range.clone(), range, outcome);
        }
    }

    /// Looks at decoded text; what is found there stands where the encoded text does.
    fn decoded(&mut self, range: Range<usize>, text: &[u8]) {
        let mut inner = Look::new(self.detector, self.place, text, 0);
        inner.is_decoded = true;
        let muted = ignore::is_marked(ignore::line(self.bytes, range.start, range.end));
        for mut one in inner.all(0..text.len()) {
            one.start = self.base + range.start as u64;
            one.end = self.base + range.end as u64;
            one.decoded = true;
            one.muted |= muted;
            self.found.push(one);
        }
    }

    /// Weighs what a regex matched.
    fn judge(&mut self, at: usize, rule: &Rule, range: Range<usize>, whole: Range<usize>) {
        let secret = &self.bytes[range.clone()];
        let outcome = rule
            .check
            .map(|check| check.run(secret))
            .unwrap_or_default();
        if outcome.is_none {
            return;
        }
        let weighs =
            rule.placeholders && rule.what != What::Identifier && outcome.mode != Mode::Example;
        if weighs && (placeholder::is_filler(secret) || placeholder::is_variable(secret)) {
            return;
        }
        let min = match rule.entropy {
            stated if stated > 0.0 => stated,
            _ if weighs => ENTROPY_MIN.min(reachable(secret.len())),
            _ => 0.0,
        };
        if min == 0.0 || entropy::shannon(secret) > min {
            self.keep(at, rule, range, whole, outcome);
        }
    }

    fn keep(
        &mut self,
        at: usize,
        rule: &Rule,
        range: Range<usize>,
        whole: Range<usize>,
        outcome: Outcome,
    ) {
        let secret = &self.bytes[range.clone()];
        // Makers of manuals write it into what they show; chance does not.
        let mode = match outcome.mode {
            Mode::Unmarked if memchr::memmem::find(secret, b"EXAMPLE").is_some() => Mode::Example,
            mode => mode,
        };
        let path = self.place.path.unwrap_or_default().as_bytes();
        if rule
            .path
            .as_ref()
            .is_some_and(|wanted| !wanted.is_match(path))
        {
            return;
        }
        let line = ignore::line(self.bytes, whole.start, whole.end);
        let seen = Seen {
            rule: &rule.id,
            path: self.place.path,
            commit: self.place.commit,
            secret,
            matched: &self.bytes[whole],
            line,
        };
        let mut lists = rule.allow.iter().chain(&self.detector.allow);
        let goes_on = || self.place.goes_on();
        let known = |list: &Allowlist| list.knows(&seen, &goes_on);
        let muted = ignore::is_marked(line) || lists.any(known);
        let confidence = match (outcome.checksum, mode) {
            (Checksum::Invalid, _) => rule.confidence.lower(),
            (Checksum::Valid, _) => Confidence::High,
            (Checksum::Absent, Mode::Example) => Confidence::Low,
            (Checksum::Absent, _) if outcome.is_in_use => rule.confidence.max(Confidence::Medium),
            (Checksum::Absent, _) => rule.confidence,
        };
        self.found.push(Candidate {
            start: self.base + range.start as u64,
            end: self.base + range.end as u64,
            rule: at,
            specificity: rule.specificity(),
            confidence,
            checksum: outcome.checksum,
            mode,
            entropy: entropy::shannon(secret),
            decoded: false,
            muted,
            facts: outcome.facts,
            secret: Secret::new(secret.to_vec()),
            line: 1,
            column: 1,
        });
    }
}

/// No text of `length` bytes has more bits a byte than the logarithm of its length.
fn reachable(length: usize) -> f64 {
    (length as f64).log2() * 0.7
}
