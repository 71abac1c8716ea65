//! What of a foreign text may be shown: the texts of servers and identity services, and panic messages.

mod clean;
mod letters;
mod page;
mod secrets;
mod shown;
mod tokens;

pub(crate) use shown::Shown;
use zeroize::Zeroizing;

/// How much of a text is shown: its beginning, which says what happened, and its end, where services put
/// the remedy.
const BEGINNING: usize = 280;
const END: usize = 160;

/// How much of a text is looked at, in bytes: its beginning and its end. A server may send megabytes.
const READ_BEGINNING: usize = 24 * 1024;
const READ_END: usize = 8 * 1024;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// The text in one line of a bounded length, without characters that a terminal acts on, without the
/// given secrets in whatever encoding, and without anything that looks like a token.
pub(crate) fn excerpt(text: &str, secrets: &[&str]) -> String {
    let line = clean::line(&ends_of(text));
    let line = secrets::hide(&line, secrets);
    shorten(&tokens::hide(&line))
}

/// The same for a body that no service would send, such as a proxy's page: its title and its first
/// sentence. The rest may hold anything.
pub(crate) fn page_excerpt(text: &str, secrets: &[&str]) -> String {
    // First of all, as the heading may end within a secret and leave too little of it to be known.
    let text = secrets::hide(&ends_of(text), secrets);
    excerpt(&Zeroizing::new(page::heading(&text)), secrets)
}

/// Each text on the way to an excerpt may hold a secret, so it is wiped.
fn ends_of(text: &str) -> Zeroizing<String> {
    if text.len() <= READ_BEGINNING + READ_END {
        return Zeroizing::new(text.to_owned());
    }
    let beginning = char_boundary(text, READ_BEGINNING);
    let end = char_boundary(text, text.len() - READ_END);
    Zeroizing::new(format!("{} … {}", &text[..beginning], &text[end..]))
}

fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= BEGINNING + END {
        return text.to_owned();
    }
    let byte = |number| text.char_indices().nth(number).map_or(text.len(), |(byte, _)| byte);
    let (beginning, end) = (&text[..byte(BEGINNING)], &text[byte(count - END)..]);
    format!("{} … {}", beginning.trim_end(), end.trim_start())
}

/// The last boundary between characters at this byte or before it.
fn char_boundary(text: &str, byte: usize) -> usize {
    (0..=byte).rev().find(|&byte| text.is_char_boundary(byte)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
