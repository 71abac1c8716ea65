//! What stands around a value and is no part of it: quotes, and characters that nobody sees.

use crate::{environment::Environment, error::ConfigError};

/// Straight and typographic ones; a file of variables, a shell or a form may have kept them.
const QUOTES: [(char, char); 5] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];

/// Refuses a value in quotes, and one that begins or ends with an invisible character.
pub(super) fn check_outside(value: &str) -> Result<(), ConfigError> {
    let value = value.trim_matches(|c: char| c.is_ascii_whitespace());
    let ends = [value.chars().next(), value.chars().next_back()];
    if let Some(c) = ends.into_iter().flatten().find(|c| is_invisible(*c)) {
        return Err(ConfigError::malformed(
            format!("begins or ends with an invisible character (U+{:04X})", u32::from(c)),
            "type the value anew, or save its file without a byte order mark",
        ));
    }
    if value.chars().nth(1).is_some()
        && QUOTES.iter().any(|(open, close)| ends == [Some(*open), Some(*close)])
    {
        return Err(ConfigError::malformed(
            "begins and ends with a quote, which would be a part of the value",
            "remove the quotes around it",
        ));
    }
    Ok(())
}

/// The value of a variable that states where tokens come from, if it is set.
pub(crate) fn value_of(
    environment: &Environment,
    name: &str,
) -> Result<Option<String>, ConfigError> {
    let value = environment.get(name);
    check_outside(value.as_deref().unwrap_or_default()).map_err(|error| error.in_variable(name))?;
    Ok(value)
}

/// Byte order mark, zero-width characters, marks of direction, soft hyphen, and the blanks that are not
/// ASCII's.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}' | '\u{ad}' | '\u{180e}'
    ) || (c.is_whitespace() && !c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::check_outside;

    #[test]
    fn quotes_around_a_value_are_refused() {
        for value in ["\"a\"", "'a'", "`a`", " \"a\"\n", "\u{201c}a\u{201d}", "\"\"", "'host=h'"] {
            let error = check_outside(value).unwrap_err();
            assert!(error.to_string().contains("remove the quotes"), "{value}: {error}");
        }
        for value in ["", "\"", "'", "a\"", "host='h' user='u'", "\"a'", "it's"] {
            assert!(check_outside(value).is_ok(), "{value}");
        }
    }

    #[test]
    fn invisible_characters_around_a_value_are_refused_by_their_number() {
        let cases = [
            ("\u{feff}host=h", "U+FEFF"),
            ("h\u{200b}", "U+200B"),
            ("\u{a0}h", "U+00A0"),
            ("h\u{2060}\n", "U+2060"),
            ("h\u{202f}", "U+202F"),
            ("\u{3000}h", "U+3000"),
            ("h\u{200e}", "U+200E"),
        ];
        for (value, number) in cases {
            let error = check_outside(value).unwrap_err();
            assert!(error.to_string().contains(number), "{value:?}: {error}");
        }
        for value in [" h ", "\th\r\n", "a\u{a0}b", "é"] {
            assert!(check_outside(value).is_ok(), "{value:?}");
        }
    }
}
