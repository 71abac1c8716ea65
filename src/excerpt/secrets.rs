//! Hiding known secrets, however they are written.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{
    REDACTED,
    letters::{Encodings, Letters},
};

/// A secret with fewer letters and figures than this is looked for as it is and no other way: they
/// would be found everywhere.
const FEW_LETTERS: usize = 4;

/// What the encoding of forms leaves as it is
/// ([standard](https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set)).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// The text with a mark in the place of each secret.
///
/// Whoever repeats a secret may encode it: in percent-encoding, JSON or HTML, each with a choice of what
/// to encode; in capitals; with line breaks; byte by byte; in base64. What is left alike is the order of
/// the letters and figures. So these alone are compared, after the encodings that can be read are undone,
/// and without regard to case.
pub(super) fn hide(text: &str, secrets: &[&str]) -> Zeroizing<String> {
    let mut hidden = Vec::new();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        hidden.extend(text.match_indices(*secret).map(|(at, found)| at..at + found.len()));
    }
    for encodings in [Encodings::Usual, Encodings::QuotedPrintable] {
        let letters = Letters::of(text.as_bytes(), encodings);
        for secret in secrets {
            for written in writings(secret, encodings) {
                hidden.extend(letters.common_with(&written));
            }
        }
    }
    cover(text, hidden)
}

/// The letters of a secret; the figures of its bytes; and the letters of its base64, as it is, in a
/// form, and in the UTF-16 of Windows.
fn writings(secret: &str, encodings: Encodings) -> Vec<Zeroizing<Vec<u8>>> {
    let plain = Letters::of(secret.as_bytes(), encodings).into_bytes();
    if plain.len() < FEW_LETTERS {
        return Vec::new();
    }
    let figures = |write: fn(u8) -> String| {
        Zeroizing::new(secret.bytes().map(write).collect::<String>().into_bytes())
    };
    let utf_16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_16 = Zeroizing::new(utf_16);
    let mut writings =
        vec![plain, figures(|byte| format!("{byte:02x}")), figures(|byte| byte.to_string())];
    writings.extend(base64_letters(secret.as_bytes()));
    writings.extend(base64_letters(&utf_16));
    for kept in [FORM, NON_ALPHANUMERIC] {
        let form = Zeroizing::new(utf8_percent_encode(secret, kept).to_string());
        if *form != secret {
            writings.extend(base64_letters(form.as_bytes()));
        }
    }
    writings.retain(|letters| letters.len() >= FEW_LETTERS);
    writings
}

/// The letters of base64 at each of the three places where the bytes may begin within a group of three.
fn base64_letters(bytes: &[u8]) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    (0..3).map(move |before| {
        let bytes = Zeroizing::new([&vec![0; before], bytes].concat());
        let base64 = Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes));
        // What depends on the neighbours is left out: they are not known.
        let end = base64.len() - usize::from(!bytes.len().is_multiple_of(3));
        let start = (before * 8).div_ceil(6).min(end);
        Letters::of(&base64.as_bytes()[start..end], Encodings::Usual).into_bytes()
    })
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
