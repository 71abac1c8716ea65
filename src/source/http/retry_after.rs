//! The `Retry-After` header.

use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::clock::time_of;

/// Reads the header's two forms, seconds or an HTTP date
/// ([RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
///
/// A date in the past means "now". `None` if the text is neither.
pub(super) fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = time_of(OffsetDateTime::parse(text, &Rfc2822).ok()?)?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_nothing_else() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let cases = [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:20 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999999", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text, now), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Za-z]{3}, [0-9]{2} [A-Za-z]{3} [0-9 :+GMT-]{0,20}|.{0,40}") {
            let _ = parse(&text, SystemTime::UNIX_EPOCH);
        }
    }
}
