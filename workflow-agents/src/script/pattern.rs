//! Patterns as Lua has them, matched step by step, so that a match that takes too long can be ended. It is `lstrlib.c`, in other words.

use super::watch::Watch;

/// How many captures a pattern may have, and how deep it may be tried.
const CAPTURES: usize = 32;
const DEEPEST: u32 = 200;

/// After how many steps it is looked whether the script is to end.
const STRIDE: u64 = 1000;

/// Why a pattern does not match, but fails.
pub(super) type Wrong = String;

/// What a capture has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Capture {
    /// It has begun here.
    Open(usize),
    /// From one place to another.
    Part(usize, usize),
    /// A place, from 1.
    Place(usize),
}

/// A text, and a pattern that is looked for in it.
pub(super) struct Matcher<'a> {
    source: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<Capture>,
    depth: u32,
    steps: u64,
    watch: &'a Watch,
}

type Found = Result<Option<usize>, Wrong>;

impl<'a> Matcher<'a> {
    pub(super) fn new(source: &'a [u8], pattern: &'a [u8], watch: &'a Watch) -> Self {
        Self { source, pattern, captures: Vec::new(), depth: 0, steps: 0, watch }
    }

    /// Where a match ends that begins here.
    pub(super) fn at(&mut self, start: usize) -> Found {
        self.captures.clear();
        self.depth = 0;
        self.step()?;
        self.matches(start, 0)
    }

    /// What was captured; of a pattern without captures, the whole, where that is asked for.
    pub(super) fn captured(&self, whole: Option<(usize, usize)>) -> Result<Vec<Capture>, Wrong> {
        if self.captures.is_empty() {
            return Ok(whole.map(|(start, end)| Capture::Part(start, end)).into_iter().collect());
        }
        if self.captures.iter().any(|capture| matches!(capture, Capture::Open(_))) {
            return Err("unfinished capture".to_owned());
        }
        Ok(self.captures.clone())
    }

    /// One capture, from 0; of a pattern without captures, the first is the whole.
    pub(super) fn capture(&self, number: usize, start: usize, end: usize) -> Result<Capture, Wrong> {
        match self.captures.get(number) {
            Some(Capture::Open(_)) => Err("unfinished capture".to_owned()),
            Some(capture) => Ok(*capture),
            None if number == 0 => Ok(Capture::Part(start, end)),
            None => Err(format!("invalid capture index %{} in replacement string", number + 1)),
        }
    }

    pub(super) fn step(&mut self) -> Result<(), Wrong> {
        self.steps += 1;
        if self.steps.is_multiple_of(STRIDE) {
            self.watch.spend(STRIDE).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// A byte of the pattern; behind its end, a zero byte.
    fn rule(&self, place: usize) -> u8 {
        self.pattern.get(place).copied().unwrap_or(0)
    }

    /// A byte of the text; behind its end, a zero byte.
    fn byte(&self, place: usize) -> u8 {
        self.source.get(place).copied().unwrap_or(0)
    }

    fn matches(&mut self, start: usize, rule: usize) -> Found {
        if self.depth == DEEPEST {
            return Err("pattern too complex".to_owned());
        }
        self.depth += 1;
        let found = self.matches_here(start, rule);
        self.depth -= 1;
        found
    }

    fn matches_here(&mut self, mut start: usize, mut rule: usize) -> Found {
        while rule < self.pattern.len() {
            self.step()?;
            let next = match (self.rule(rule), self.rule(rule + 1)) {
                (b'(', b')') => return self.open(start, rule + 2, Capture::Place(start + 1)),
                (b'(', _) => return self.open(start, rule + 1, Capture::Open(start)),
                (b')', _) => return self.close(start, rule + 1),
                (b'$', _) if rule + 1 == self.pattern.len() => {
                    return Ok((start == self.source.len()).then_some(start));
                }
                (b'%', b'b') => self.balanced(start, rule + 2)?.map(|end| (end, rule + 4)),
                (b'%', b'f') => self.frontier(start, rule + 2)?,
                (b'%', digit @ b'0'..=b'9') => self.again(start, digit)?.map(|end| (end, rule + 2)),
                _ => match self.single(start, rule)? {
                    Single::Goes(start, rule) => Some((start, rule)),
                    Single::Ends(found) => return Ok(found),
                },
            };
            let Some(next) = next else { return Ok(None) };
            (start, rule) = next;
        }
        Ok(Some(start))
    }

    /// One class with what says how often it may be there.
    fn single(&mut self, start: usize, rule: usize) -> Result<Single, Wrong> {
        let end = self.class_end(rule)?;
        let how_often = self.rule(end);
        if !self.fits(start, rule, end) {
            return Ok(match how_often {
                b'*' | b'?' | b'-' => Single::Goes(start, end + 1),
                _ => Single::Ends(None),
            });
        }
        match how_often {
            b'?' => match self.matches(start + 1, end + 1)? {
                Some(found) => Ok(Single::Ends(Some(found))),
                None => Ok(Single::Goes(start, end + 1)),
            },
            b'+' => self.most(start + 1, rule, end).map(Single::Ends),
            b'*' => self.most(start, rule, end).map(Single::Ends),
            b'-' => self.least(start, rule, end).map(Single::Ends),
            _ => Ok(Single::Goes(start + 1, end)),
        }
    }

    fn most(&mut self, start: usize, rule: usize, end: usize) -> Found {
        let mut count = 0;
        while self.fits(start + count, rule, end) {
            self.step()?;
            count += 1;
        }
        for count in (0..=count).rev() {
            if let Some(found) = self.matches(start + count, end + 1)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn least(&mut self, mut start: usize, rule: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.matches(start, end + 1)? {
                return Ok(Some(found));
            }
            if !self.fits(start, rule, end) {
                return Ok(None);
            }
            start += 1;
        }
    }

    fn open(&mut self, start: usize, rule: usize, capture: Capture) -> Found {
        if self.captures.len() == CAPTURES {
            return Err("too many captures".to_owned());
        }
        self.captures.push(capture);
        let found = self.matches(start, rule)?;
        if found.is_none() {
            self.captures.pop();
        }
        Ok(found)
    }

    fn close(&mut self, start: usize, rule: usize) -> Found {
        let open = self.captures.iter().rposition(|capture| matches!(capture, Capture::Open(_)));
        let Some(number) = open else { return Err("invalid pattern capture".to_owned()) };
        let begun = self.captures[number];
        if let Capture::Open(begin) = begun {
            self.captures[number] = Capture::Part(begin, start);
        }
        let found = self.matches(start, rule)?;
        if found.is_none() {
            self.captures[number] = begun;
        }
        Ok(found)
    }

    fn balanced(&mut self, start: usize, rule: usize) -> Found {
        if rule + 1 >= self.pattern.len() {
            return Err("malformed pattern (missing arguments to '%b')".to_owned());
        }
        let (open, close) = (self.rule(rule), self.rule(rule + 1));
        if self.source.get(start) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for place in start + 1..self.source.len() {
            self.step()?;
            let byte = self.byte(place);
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(place + 1));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    fn frontier(&mut self, start: usize, rule: usize) -> Result<Option<(usize, usize)>, Wrong> {
        if self.rule(rule) != b'[' {
            return Err("missing '[' after '%f' in pattern".to_owned());
        }
        let end = self.class_end(rule)?;
        let before = if start == 0 { 0 } else { self.byte(start - 1) };
        let is_there = !self.in_set(before, rule, end - 1) && self.in_set(self.byte(start), rule, end - 1);
        Ok(is_there.then_some((start, end)))
    }

    /// What was captured before, again.
    fn again(&mut self, start: usize, digit: u8) -> Found {
        let number = usize::from(digit).wrapping_sub(usize::from(b'1'));
        match self.captures.get(number) {
            None | Some(Capture::Open(_)) => {
                Err(format!("invalid capture index %{} in pattern", number.wrapping_add(1)))
            }
            Some(Capture::Place(_)) => Ok(None),
            Some(&Capture::Part(begin, end)) => {
                self.watch.spend(1 + (end - begin) as u64 / 64).map_err(|error| error.to_string())?;
                let is_there = self.source[start..].starts_with(&self.source[begin..end]);
                Ok(is_there.then_some(start + (end - begin)))
            }
        }
    }

    fn class_end(&self, rule: usize) -> Result<usize, Wrong> {
        match self.rule(rule) {
            b'%' if rule + 1 >= self.pattern.len() => Err("malformed pattern (ends with '%')".to_owned()),
            b'%' => Ok(rule + 2),
            b'[' => self.set_end(rule + 1),
            _ => Ok(rule + 1),
        }
    }

    fn set_end(&self, mut rule: usize) -> Result<usize, Wrong> {
        if self.rule(rule) == b'^' {
            rule += 1;
        }
        loop {
            if rule >= self.pattern.len() {
                return Err("malformed pattern (missing ']')".to_owned());
            }
            let is_escape = self.rule(rule) == b'%';
            rule += 1;
            if is_escape && rule < self.pattern.len() {
                rule += 1;
            }
            if self.rule(rule) == b']' && rule < self.pattern.len() {
                return Ok(rule + 1);
            }
        }
    }

    /// Whether the byte here fits a class, which ends there.
    fn fits(&self, start: usize, rule: usize, end: usize) -> bool {
        let Some(&byte) = self.source.get(start) else { return false };
        match self.rule(rule) {
            b'.' => true,
            b'%' => in_class(byte, self.rule(rule + 1)),
            b'[' => self.in_set(byte, rule, end - 1),
            literal => literal == byte,
        }
    }

    /// Whether a byte is in a set, whose `[` is at `rule` and whose `]` is at `end`.
    fn in_set(&self, byte: u8, rule: usize, end: usize) -> bool {
        let is_inverted = self.rule(rule + 1) == b'^';
        let mut place = rule + 1 + usize::from(is_inverted);
        while place < end {
            let (first, last) = (self.rule(place), self.rule(place + 2));
            let (is_in, next) = if first == b'%' {
                (in_class(byte, self.rule(place + 1)), place + 2)
            } else if self.rule(place + 1) == b'-' && place + 2 < end {
                ((first..=last).contains(&byte), place + 3)
            } else {
                (first == byte, place + 1)
            };
            if is_in {
                return !is_inverted;
            }
            place = next;
        }
        is_inverted
    }
}

/// What comes of one class.
enum Single {
    /// It goes on, from here in the text and there in the pattern.
    Goes(usize, usize),
    /// All of it is decided.
    Ends(Option<usize>),
}

fn in_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte == b' ' || (9..=13).contains(&byte),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        _ => return byte == class,
    };
    is_in != class.is_ascii_uppercase()
}
