//! What is left of a text in each of its encodings.

use std::{collections::HashSet, ops::Range};

use zeroize::Zeroizing;

/// So many letters and figures in a row that a text has in common with a secret are part of it: of one
/// that was cut off, or wrapped into lines.
const COMMON_RUN: usize = 10;

/// Requests are encoded once, and each on the way of whoever repeats them may do it once more.
const MOST_ENCODINGS: usize = 8;

/// Which encodings are undone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encodings {
    /// Those that begin with a character of their own.
    Usual,
    /// Also that of mail ([RFC 2045](https://www.rfc-editor.org/rfc/rfc2045#section-6.7)), whose equals
    /// sign mostly means something else.
    QuotedPrintable,
}

/// The letters and figures of a text in lower case, after its encodings are undone, and where in the
/// text each of them stands.
pub(super) struct Letters {
    bytes: Zeroizing<Vec<u8>>,
    places: Vec<Range<usize>>,
}

impl Letters {
    pub(super) fn of(text: &[u8], encodings: Encodings) -> Self {
        let places = (0..text.len()).map(|at| at..at + 1).collect();
        let mut letters = Self { bytes: Zeroizing::new(text.to_vec()), places };
        for _ in 0..MOST_ENCODINGS {
            let decoded = letters.decoded(encodings);
            if decoded.bytes.len() == letters.bytes.len() {
                break;
            }
            letters = decoded;
        }
        letters.only_alphanumeric()
    }

    pub(super) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }

    fn with_room_of(other: &Self) -> Self {
        let room = other.bytes.len();
        Self { bytes: Zeroizing::new(Vec::with_capacity(room)), places: Vec::with_capacity(room) }
    }

    fn push(&mut self, byte: u8, place: Range<usize>) {
        self.bytes.push(byte);
        self.places.push(place);
    }

    fn decoded(&self, encodings: Encodings) -> Self {
        let mut decoded = Self::with_room_of(self);
        let mut at = 0;
        while at < self.bytes.len() {
            let (byte, length) = first_unit(&self.bytes[at..], encodings);
            let place = self.places[at].start..self.places[at + length - 1].end;
            decoded.push(byte, place);
            at += length;
        }
        decoded
    }

    fn only_alphanumeric(&self) -> Self {
        let mut kept = Self::with_room_of(self);
        for (byte, place) in self.bytes.iter().zip(&self.places) {
            if byte.is_ascii_alphanumeric() {
                kept.push(byte.to_ascii_lowercase(), place.clone());
            }
        }
        kept
    }

    /// The places of all runs that are also in the other letters.
    pub(super) fn common_with(&self, others: &[u8]) -> Vec<Range<usize>> {
        let length = others.len().min(COMMON_RUN);
        let runs: HashSet<&[u8]> = others.windows(length).collect();
        let found = self.bytes.windows(length).enumerate().filter(|(_, run)| runs.contains(run));
        found.map(|(at, _)| self.places[at].start..self.places[at + length - 1].end).collect()
    }
}

/// The first byte that the text stands for, and how many bytes it is written with. What stands for
/// anything else than one byte of ASCII counts as a space.
fn first_unit(text: &[u8], encodings: Encodings) -> (u8, usize) {
    let is_mail = encodings == Encodings::QuotedPrintable;
    let found = match text {
        [b'=', digits @ ..] if is_mail => number(digits, 16, 2, 1),
        [b'%', b'u', digits @ ..] => number(digits, 16, 4, 2),
        [b'%', digits @ ..] => number(digits, 16, 2, 1),
        [b'0', b'x' | b'X', digits @ ..] => number(digits, 16, 2, 2),
        [b'\\', b'u', b'{', digits @ ..] => braced(digits),
        [b'\\', b'u', digits @ ..] => number(digits, 16, 4, 2),
        [b'\\', b'U', digits @ ..] => number(digits, 16, 8, 2),
        [b'\\', b'x', digits @ ..] => number(digits, 16, 2, 2),
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => Some((u32::from(b' '), 2)),
        [b'\\', escaped @ (b'"' | b'\\' | b'/'), ..] => Some((u32::from(*escaped), 2)),
        [b'\\', digits @ ..] => number(digits, 8, 3, 1),
        [b'&', b'#', b'x' | b'X', digits @ ..] => reference(digits, 16, 3),
        [b'&', b'#', digits @ ..] => reference(digits, 10, 2),
        [b'&', ..] => entity(text),
        _ => None,
    };
    match found {
        Some((code, length)) => (u8::try_from(code).unwrap_or(b' '), length),
        None => (text[0], 1),
    }
}

/// The number that begins a text with so many digits, and their length with what was before them.
fn number(text: &[u8], radix: u32, digits: usize, before: usize) -> Option<(u32, usize)> {
    let code = digits_value(text.get(..digits)?, radix)?;
    Some((code, before + digits))
}

/// Digits, with as many zeros before them as one likes; `None` if there are others or none.
fn digits_value(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    // A larger number stands for no character.
    is_number.then(|| u32::from_str_radix(digits, radix).unwrap_or(u32::MAX))
}

/// The escape of Rust and JavaScript, such as `\u{7e}`.
fn braced(text: &[u8]) -> Option<(u32, usize)> {
    /// Of the longest number that it may hold, and the brace.
    const LONGEST: usize = 7;
    let end = text.iter().take(LONGEST).position(|&byte| byte == b'}')?;
    Some((digits_value(&text[..end], 16)?, 3 + end + 1))
}

/// A numeric reference of HTML, such as `&#126;` or `&#x7e;`; browsers read it without its semicolon too.
fn reference(text: &[u8], radix: u32, before: usize) -> Option<(u32, usize)> {
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let digits = text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len());
    let code = digits_value(&text[..digits], radix)?;
    let end = usize::from(text.get(digits) == Some(&b';'));
    Some((code, before + digits + end))
}

/// A named reference of HTML, such as `&amp;`.
fn entity(text: &[u8]) -> Option<(u32, usize)> {
    /// Of the longest that names one character of ASCII, `&NewLine;`, and more.
    const LONGEST: usize = 12;
    let end = text.iter().take(LONGEST).position(|&byte| byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let byte = match name {
        "amp" => b'&',
        "num" => b'#',
        "percnt" => b'%',
        "bsol" => b'\\',
        "equals" => b'=',
        // No name stands for a letter or a figure of ASCII.
        _ if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()) => b' ',
        _ => return None,
    };
    Some((u32::from(byte), end + 1))
}
