//! Hiding known secrets, however they are written.

use std::{collections::HashSet, ops::Range};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use zeroize::Zeroizing;

use super::REDACTED;

/// So many letters and figures in a row that a text has in common with a secret are part of it: of one
/// that was cut off, or wrapped into lines.
const COMMON_RUN: usize = 10;

/// A secret with fewer letters and figures than this is looked for as it is and no other way: they
/// would be found everywhere.
const FEW_LETTERS: usize = 4;

/// Requests are encoded once, and whoever repeats them does it once or twice more.
const MOST_ENCODINGS: usize = 4;

/// The text with a mark in the place of each secret.
///
/// Whoever repeats a secret may encode it: in percent-encoding, JSON or HTML, each with a choice of what
/// to encode; in capitals; with line breaks; in base64. What is left alike is the order of the letters
/// and figures. So these alone are compared, after the encodings that can be read are undone, and without
/// regard to case.
pub(super) fn hide(text: &str, secrets: &[&str]) -> Zeroizing<String> {
    let letters = Letters::of(text.as_bytes());
    let mut hidden = Vec::new();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        hidden.extend(text.match_indices(*secret).map(|(at, found)| at..at + found.len()));
        for written in writings(secret) {
            hidden.extend(letters.common_with(&written));
        }
    }
    cover(text, hidden)
}

/// The letters of a secret, and those of its base64 at each of the three places where it may begin
/// within a group of three bytes.
fn writings(secret: &str) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    let plain = Letters::of(secret.as_bytes()).bytes;
    let encoded = (0..3).map(|before| {
        let bytes = Zeroizing::new([&vec![0; before], secret.as_bytes()].concat());
        let base64 = Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes));
        // What depends on the neighbours is left out: they are not known.
        let end = base64.len() - usize::from(!bytes.len().is_multiple_of(3));
        let start = (before * 8).div_ceil(6).min(end);
        Letters::of(&base64.as_bytes()[start..end]).bytes
    });
    let enough = plain.len() >= FEW_LETTERS;
    [plain].into_iter().chain(encoded).filter(move |letters| enough && letters.len() >= FEW_LETTERS)
}

/// The letters and figures of a text in lower case, after its encodings are undone, and where in the
/// text each of them stands.
struct Letters {
    bytes: Zeroizing<Vec<u8>>,
    places: Vec<Range<usize>>,
}

impl Letters {
    fn of(text: &[u8]) -> Self {
        let places = (0..text.len()).map(|at| at..at + 1).collect();
        let mut letters = Self { bytes: Zeroizing::new(text.to_vec()), places };
        for _ in 0..MOST_ENCODINGS {
            let decoded = letters.decoded();
            if decoded.bytes.len() == letters.bytes.len() {
                break;
            }
            letters = decoded;
        }
        letters.only_alphanumeric()
    }

    fn with_room_of(other: &Self) -> Self {
        let room = other.bytes.len();
        Self { bytes: Zeroizing::new(Vec::with_capacity(room)), places: Vec::with_capacity(room) }
    }

    fn push(&mut self, byte: u8, place: Range<usize>) {
        self.bytes.push(byte);
        self.places.push(place);
    }

    fn decoded(&self) -> Self {
        let mut decoded = Self::with_room_of(self);
        let mut at = 0;
        while at < self.bytes.len() {
            let (byte, length) = first_unit(&self.bytes[at..]);
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
    fn common_with(&self, others: &[u8]) -> Vec<Range<usize>> {
        let length = others.len().min(COMMON_RUN);
        let runs: HashSet<&[u8]> = others.windows(length).collect();
        let found = self.bytes.windows(length).enumerate().filter(|(_, run)| runs.contains(run));
        found.map(|(at, _)| self.places[at].start..self.places[at + length - 1].end).collect()
    }
}

/// The first byte that the text stands for, and how many bytes it is written with. What stands for
/// anything else than one byte of ASCII counts as a space.
fn first_unit(text: &[u8]) -> (u8, usize) {
    let hex = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let found = match text {
        [b'%', digits @ ..] if digits.len() >= 2 => hex(&digits[..2]).map(|code| (code, 3)),
        [b'\\', b'u', digits @ ..] if digits.len() >= 4 => hex(&digits[..4]).map(|code| (code, 6)),
        [b'\\', b'x', digits @ ..] if digits.len() >= 2 => hex(&digits[..2]).map(|code| (code, 4)),
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => Some((u32::from(b' '), 2)),
        [b'\\', escaped @ (b'"' | b'\\' | b'/'), ..] => Some((u32::from(*escaped), 2)),
        [b'&', ..] => entity(text),
        _ => None,
    };
    match found {
        Some((code, length)) => (u8::try_from(code).unwrap_or(b' '), length),
        None => (text[0], 1),
    }
}

/// A character reference of HTML, such as `&amp;`, `&#126;` or `&#x7e;`.
fn entity(text: &[u8]) -> Option<(u32, usize)> {
    /// Of the longest that names one character of ASCII, `&NewLine;`, and more.
    const LONGEST: usize = 12;
    let end = text.iter().take(LONGEST).position(|&byte| byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let code = match (name, name.strip_prefix('#')) {
        ("amp", _) => u32::from(b'&'),
        ("percnt", _) => u32::from(b'%'),
        ("bsol", _) => u32::from(b'\\'),
        (_, Some(number)) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        },
        // No name stands for a letter or a figure of ASCII.
        _ if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            u32::from(b' ')
        }
        _ => return None,
    };
    Some((code, end + 1))
}

/// Puts one mark over each stretch of the text that these ranges cover.
fn cover(text: &str, mut hidden: Vec<Range<usize>>) -> Zeroizing<String> {
    hidden.sort_by_key(|range| range.start);
    let mut shown = Zeroizing::new(String::with_capacity(text.len() + hidden.len()));
    let mut ranges = hidden.into_iter().peekable();
    let mut from = 0;
    while let Some(Range { start, mut end }) = ranges.next() {
        while let Some(next) = ranges.next_if(|next| next.start <= end) {
            end = end.max(next.end);
        }
        shown.push_str(&text[from..start]);
        shown.push_str(REDACTED);
        from = end;
    }
    shown.push_str(&text[from..]);
    shown
}
