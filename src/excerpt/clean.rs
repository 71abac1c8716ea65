//! One line of text that a terminal shows as it is.

use zeroize::Zeroizing;

const ESCAPE: char = '\u{1b}';

/// "Control sequence introducer" in one character.
const CSI: char = '\u{9b}';

/// The text with single spaces in the place of white space and control characters, and without
/// terminal sequences and characters that can't be seen.
pub(super) fn line(text: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ESCAPE => rest = behind_sequence(rest.as_str()).chars(),
            CSI => rest = behind_parameters(rest.as_str()).chars(),
            c if is_invisible(c) => {}
            c if c.is_whitespace() || c.is_control() => {
                if !line.is_empty() && !line.ends_with(' ') {
                    line.push(' ');
                }
            }
            c => line.push(c),
        }
    }
    if line.ends_with(' ') {
        line.pop();
    }
    line
}

/// What follows a terminal sequence that began with an escape character
/// ([ECMA-48](https://ecma-international.org/publications-and-standards/standards/ecma-48/)).
fn behind_sequence(text: &str) -> &str {
    let mut chars = text.chars();
    match chars.next() {
        Some('[') => behind_parameters(chars.as_str()),
        Some(']' | 'P' | 'X' | '^' | '_') => behind_string(chars.as_str()),
        Some('0'..='~') => chars.as_str(),
        _ => text,
    }
}

/// A control sequence ends with its first character from `@` to `~`.
fn behind_parameters(text: &str) -> &str {
    let behind = text.trim_start_matches(|c: char| (' '..='?').contains(&c));
    behind.strip_prefix(|c: char| ('@'..='~').contains(&c)).unwrap_or(behind)
}

/// A control string ends with a bell or `ESC \`. Without an end it is no such string.
fn behind_string(text: &str) -> &str {
    let Some(end) = text.find(['\u{7}', ESCAPE, '\u{9c}']) else { return text };
    let behind = &text[end..];
    behind.strip_prefix("\u{1b}\\").or(behind.strip_prefix(['\u{7}', '\u{9c}'])).unwrap_or(behind)
}

/// Format characters of Unicode: those that change the direction of the text, and those that take no
/// space and so can hide in a word ([Unicode, category Cf](https://www.unicode.org/reports/tr44/#GC_Values_Table)).
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}
