//! Percent-encoding, as the two URL grammars use it.

use crate::error::ConfigError;

/// Decodes `%XX`, and leaves `+` as it is. Refuses a bad escape, `%00` and what is not UTF-8.
pub(super) fn decode(text: &str) -> Result<String, ConfigError> {
    if !well_formed(text) {
        return Err(malformed("a `%` in the URL is not followed by two hexadecimal digits"));
    }
    let decoded = percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map_err(|error| malformed("an escape in the URL is not UTF-8").with_cause(error))?;
    if decoded.contains('\0') {
        return Err(malformed("the URL holds the escape `%00`"));
    }
    Ok(decoded.into_owned())
}

/// Whether each `%` starts an escape.
fn well_formed(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

fn malformed(problem: &str) -> ConfigError {
    let fix = "percent-encode the value's UTF-8 bytes, and write a literal `%` as `%25`";
    ConfigError::malformed(problem, fix)
}
