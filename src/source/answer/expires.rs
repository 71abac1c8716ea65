//! When a token expires, in all the ways that identity endpoints write it.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use crate::clock::time_of;

/// A number below this (2001-01-01) is a life in seconds and not a date, as MSAL.NET reads it.
const FIRST_TIMESTAMP: u64 = 978_307_200;

/// 9999-12-31, where the calendar of most parsers ends.
const LAST_TIMESTAMP: u64 = 253_402_300_799;

/// What App Service wrote before 2019, on Linux and Windows, and what MSAL has met since.
/// Without an offset the time is UTC.
const FORMATS: [&[BorrowedFormatItem<'_>]; 3] = [
    format_description!(
        "[month padding:none]/[day padding:none]/[year] \
         [hour padding:none]:[minute padding:none]:[second padding:none]"
    ),
    format_description!(
        "[month padding:none]/[day padding:none]/[year] [hour padding:none repr:12]:\
         [minute padding:none]:[second padding:none] [period case_sensitive:false]"
    ),
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"),
];

/// When a token expires, as its answer states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// At this time, by the issuer's clock.
    At(SystemTime),
    /// After a span that was counted from now, by this machine's clock.
    Counted(SystemTime),
}

impl Expiry {
    /// `expires_on` where it can be read, else `expires_in` from `now`.
    pub(super) fn stated(
        expires_on: Option<&Value>,
        expires_in: Option<&Value>,
        now: SystemTime,
    ) -> Option<Self> {
        let counted = |span| now.checked_add(span).map(Self::Counted);
        expires_on
            .and_then(|value| match number(value) {
                Some(life) if life < FIRST_TIMESTAMP => counted(Duration::from_secs(life)),
                Some(stamp) => {
                    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(stamp)).map(Self::At)
                }
                None => date(value.as_str()?.trim()).and_then(time_of).map(Self::At),
            })
            .or_else(|| counted(seconds(expires_in?)?))
    }

    pub(super) fn time(self) -> SystemTime {
        match self {
            Self::At(time) | Self::Counted(time) => time,
        }
    }
}

/// A span such as `3599`, `"3599"`.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    number(value).map(Duration::from_secs)
}

/// A number or a string of one. Fractions of a second are dropped: sooner is the safe side.
fn number(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (0.0..=LAST_TIMESTAMP as f64).contains(&number).then_some(number as u64)
}

fn date(text: &str) -> Option<OffsetDateTime> {
    if let Ok(date) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(date);
    }
    let text = text.strip_suffix("+00:00").unwrap_or(text).trim_end();
    FORMATS
        .iter()
        .find_map(|format| PrimitiveDateTime::parse(text, format).ok())
        .map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What .NET writes for a date that was never set.
    #[test]
    fn a_date_that_a_clock_may_not_express_is_not_read() {
        for date in ["0001-01-01T00:00:00+00:00", "1/1/1600 00:00:00", "1969-12-31T23:59:59Z"] {
            assert_eq!(expiry_of(&json!(date), &json!(60)), Some(NOW + 60), "{date}");
        }
    }

    const NOW: u64 = 1_700_000_000;

    fn expiry_of(expires_on: &Value, expires_in: &Value) -> Option<u64> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        Expiry::stated(Some(expires_on), Some(expires_in), now)
            .map(|expiry| expiry.time().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn only_a_span_is_counted_by_our_own_clock() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        let is_counted = |expires_on: Value, expires_in: Value| {
            let stated = Expiry::stated(Some(&expires_on), Some(&expires_in), now).unwrap();
            matches!(stated, Expiry::Counted(_))
        };
        assert!(is_counted(json!(null), json!(3599)));
        assert!(is_counted(json!("soon"), json!("3599")));
        assert!(is_counted(json!(3599), json!(null)));
        assert!(!is_counted(json!(NOW + 9), json!(3599)));
        assert!(!is_counted(json!("2024-12-31 23:59:59"), json!(3599)));
    }

    #[test]
    fn every_known_shape_of_expires_on_is_read() {
        let cases = [
            (json!("1586984735"), 1_586_984_735),
            (json!(1_586_984_735), 1_586_984_735),
            (json!(" 1586984735 "), 1_586_984_735),
            (json!(1_586_984_735.9), 1_586_984_735),
            (json!("1586984735.0"), 1_586_984_735),
            (json!("06/20/2019 02:57:58 +00:00"), 1_560_999_478),
            (json!("1/16/2020 5:24:12 AM +00:00"), 1_579_152_252),
            (json!("1/16/2020 12:0:12 am +00:00"), 1_579_132_812),
            (json!("1/16/2020 5:24:12 PM +00:00"), 1_579_195_452),
            (json!("12/31/2024 23:59:59"), 1_735_689_599),
            (json!("2024-12-31 23:59:59"), 1_735_689_599),
            (json!("2024-10-18T19:51:37.0000000+00:00"), 1_729_281_097),
            (json!("2024-10-18T21:51:37+02:00"), 1_729_281_097),
            (json!("2024-10-18T19:51:37Z"), 1_729_281_097),
            (json!("3599"), NOW + 3599),
            (json!(3599), NOW + 3599),
        ];
        for (value, expected) in cases {
            assert_eq!(expiry_of(&value, &Value::Null), Some(expected), "{value}");
        }
    }

    #[test]
    fn expires_in_stands_in_for_an_expires_on_that_is_absent_or_unreadable() {
        for expires_on in [json!(null), json!(""), json!("soon"), json!([1]), json!(-1)] {
            assert_eq!(expiry_of(&expires_on, &json!("3599")), Some(NOW + 3599), "{expires_on}");
            assert_eq!(expiry_of(&expires_on, &json!(3599)), Some(NOW + 3599), "{expires_on}");
        }
    }

    #[test]
    fn without_a_readable_value_there_is_no_expiry() {
        for value in [json!(null), json!(""), json!("NaN"), json!("inf"), json!(1e300), json!({})] {
            assert_eq!(expiry_of(&value, &value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_number_panics(text in ".*", number in any::<f64>(), whole in any::<i64>()) {
            for value in [json!(text), json!(number), json!(whole)] {
                expiry_of(&value, &value);
            }
        }
    }
}
