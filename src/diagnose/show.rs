//! Values as people read them.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

/// The text on one line, without anything that a terminal obeys: servers and certificates choose some
/// of it.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\r' | '\n' | '\t' => ' ',
        // These change the direction of what follows, and could make a line read otherwise than it is.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// `2026-01-02T03:04:05Z`; a time before 1970 counts as 1970.
pub(super) fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let time =
        i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    let Some(time) = time else { return "after the year 9999".to_owned() };
    let (date, (hour, minute, second)) = (time.date(), time.to_hms());
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `850 ms`, `1.5 s`.
pub(super) fn short(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// `59 s`, `59 min`, `23 h 59 min`.
pub(super) fn long(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Whole days from one time to the other; zero if that has passed.
pub(super) fn days_between(now: SystemTime, then: SystemTime) -> u64 {
    then.duration_since(now).unwrap_or_default().as_secs() / 86_400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}d"), "a\u{fffd}[31mb c\u{fffd}d");
        assert_eq!(printable("\u{2066}a\u{2069}"), "\u{fffd}a\u{fffd}");
        assert_eq!(printable("größe ✓"), "größe ✓");
    }

    #[test]
    fn times_are_written_in_utc() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(timestamp(at(1_767_323_045)), "2026-01-02T03:04:05Z");
        assert_eq!(timestamp(at(0)), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(at(1 << 40)), "after the year 9999");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let texts = [0, 59, 60, 3_599, 3_600, 86_399].map(|s| long(Duration::from_secs(s)));
        assert_eq!(texts, ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "23 h 59 min"]);
        assert_eq!(short(Duration::from_millis(999)), "999 ms");
        assert_eq!(short(Duration::from_millis(1_500)), "1.5 s");
    }
}
