//! What of a foreign text may be shown.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// Enough for a sentence or two; a proxy's page of HTML is cut short.
const MAX_CHARS: usize = 200;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// The beginning of a text in one line, without control characters and without the given secrets.
///
/// A service may echo the request, so a secret is looked for as it is and in the two encodings that
/// requests and answers use.
pub(super) fn excerpt(text: &str, secrets: &[&str]) -> String {
    let text = scrub(text, secrets);
    let line = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = line.filter(|word| !word.is_empty()).collect();
    shorten(&words.join(" "))
}

/// Each text on the way may hold a secret, so it is wiped.
fn scrub(text: &str, secrets: &[&str]) -> String {
    let mut text = Zeroizing::new(text.to_owned());
    for secret in secrets {
        let json = Zeroizing::new(serde_json::to_string(secret).unwrap_or_default());
        let form = Zeroizing::new(utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string());
        let written = [*secret, json.trim_matches('"'), &form];
        for written in written.into_iter().filter(|written| !written.is_empty()) {
            text = Zeroizing::new(text.replace(written, REDACTED));
        }
    }
    without_tokens(&text)
}

/// Replaces whatever looks like a JSON Web Token: `eyJ` is how a JSON object begins in base64.
fn without_tokens(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("eyJ") {
        shown.push_str(&rest[..start]);
        shown.push_str(REDACTED);
        rest = rest[start..].trim_start_matches(is_token_char);
    }
    shown + rest
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_page_becomes_one_short_line() {
        let page = format!("<html>\r\n\t<p>no\u{1b}[31m\0way</p>{}", "x".repeat(9000));
        let text = excerpt(&page, &[]);
        assert!(text.starts_with("<html> <p>no [31m way</p>xxx"), "{text}");
        assert_eq!(text.chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn a_secret_is_removed_in_each_encoding() {
        let secret = "p~a+\"b/c";
        let text = excerpt(r#"p~a+"b/c p~a+\"b/c p%7Ea%2B%22b%2Fc"#, &[secret, ""]);
        assert_eq!(text, "[redacted] [redacted] [redacted]");
    }

    #[test]
    fn what_looks_like_a_token_is_removed() {
        let text = excerpt("got 'eyJhbGciOi.eyJhdWQi.c2ln' and eyJ0 here", &[]);
        assert_eq!(text, "got '[redacted]' and [redacted] here");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_control_character_remains(text in any::<String>(), cut in ".{0,5}") {
            let shown = excerpt(&text, &[&cut]);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(shown.chars().count() <= MAX_CHARS + 1);
        }
    }
}
