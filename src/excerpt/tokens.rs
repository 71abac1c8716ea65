//! Hiding what looks like a token, whoever's it may be.

use super::REDACTED;

/// How a JSON object begins in base64, and so every JSON Web Token.
const JWT_START: &str = "eyJ";

/// A run of base64url characters from this length on may be part of a token. Shorter ones are of no use
/// without the rest.
const LONG_RUN: usize = 32;

/// In base64url one of 32 characters is a hyphen or an underscore. Names have more of them, so a
/// run is one only if this many others follow each other.
const LONG_STRETCH: usize = 20;

/// Letters and figures of one case alone: more than a GUID or a digest's beginning.
const LONG_HEX: usize = 40;

/// The text with a mark in the place of each token or part of one.
pub(super) fn hide(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = find(rest) {
        let word = rest[..start].trim_end_matches(is_token_char).len();
        // A whole word, but no more of a URL or an assignment than the token in it.
        let from = if rest[word..start].contains(['/', '=', '%']) { start } else { word };
        shown.push_str(&rest[..from]);
        shown.push_str(REDACTED);
        rest = rest[start..].trim_start_matches(is_token_char);
    }
    shown + rest
}

/// Where the first token, or part of one, begins.
fn find(text: &str) -> Option<usize> {
    let jwt = text.find(JWT_START);
    let mut run = 0;
    let mut long = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if is_base64url(c) {
            continue;
        }
        if looks_random(&text[run..at]) {
            long = Some(run);
            break;
        }
        run = at + c.len_utf8();
    }
    [jwt, long].into_iter().flatten().min()
}

/// Whether a run of base64url characters is one by chance rather than a name or an id.
fn looks_random(run: &str) -> bool {
    if run.len() < LONG_RUN {
        return false;
    }
    let has = |is: fn(&u8) -> bool| run.as_bytes().iter().any(is);
    let (lower, upper) = (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase));
    let digits = has(u8::is_ascii_digit);
    let stretch = run.split(['-', '_']).map(str::len).max().unwrap_or(0);
    let mixed = lower && upper && digits && stretch >= LONG_STRETCH;
    mixed || ((lower || upper) && digits && stretch >= LONG_HEX)
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_token_char(c: char) -> bool {
    is_base64url(c) || ".~+/=%".contains(c)
}
