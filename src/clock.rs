//! The one place where the crate reads clocks.

use std::{
    fmt::Debug,
    panic::catch_unwind,
    time::{Duration, SystemTime},
};

use time::OffsetDateTime;
use tokio::{runtime::Handle, time::Instant};

/// One reading of both clocks.
///
/// The wall clock is what token expiry is written in; the monotonic clock can't be set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: SystemTime,
    pub(crate) monotonic: Instant,
}

/// Further ahead than any token lasts, and near enough for every clock to express.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Moment {
    /// When both clocks will have gone on by this span, or by a century if that is shorter.
    pub(crate) fn after(self, span: Duration) -> Self {
        let span = span.min(CENTURY);
        Self { wall: self.wall + span, monotonic: self.monotonic + span }
    }

    /// The time until one of the clocks has reached the other moment.
    pub(crate) fn until(self, other: Self) -> Duration {
        let by_wall_clock = other.wall.duration_since(self.wall).unwrap_or_default();
        other.monotonic.saturating_duration_since(self.monotonic).min(by_wall_clock)
    }

    /// Whether neither clock has reached the other moment.
    #[inline]
    pub(crate) fn is_before(self, other: Self) -> bool {
        self.wall < other.wall && self.monotonic < other.monotonic
    }
}

/// Something that tells the time. Tests bring one whose clocks they can move.
pub(crate) trait Clock: Debug + Send + Sync + 'static {
    fn now(&self) -> Moment;
}

/// The clocks of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment { wall: SystemTime::now(), monotonic: Instant::now() }
    }
}

/// A date as a time that every system's clock can express, in whole seconds. `None` before 1970: Windows has no times before
/// 1601, and nothing that is still of interest ended then.
pub(crate) fn time_of(date: OffsetDateTime) -> Option<SystemTime> {
    let seconds = u64::try_from(date.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Whether this is called in a tokio runtime that has timers: without them nothing here has a deadline. To make
/// one is the only way to ask, and where there are none it panics, for the panic hook to hear.
pub(crate) fn has_timers() -> bool {
    Handle::try_current().is_ok()
        && catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_moment_is_before_another_only_by_both_clocks() {
        let now = SystemClock.now();
        let later = now.after(SECOND);
        assert!(now.is_before(later));
        assert!(!now.is_before(now) && !later.is_before(now));
        assert!(!Moment { wall: later.wall, ..now }.is_before(later));
        assert!(!Moment { monotonic: later.monotonic, ..now }.is_before(later));
        assert_eq!(now.until(later), SECOND);
        assert_eq!(Moment { wall: later.wall, ..now }.until(later), Duration::ZERO);
        assert_eq!(Moment { monotonic: later.monotonic, ..now }.until(later), Duration::ZERO);
    }

    #[test]
    fn a_span_that_no_clock_can_express_counts_as_a_century() {
        let now = SystemClock.now();
        assert_eq!(now.after(Duration::MAX), now.after(CENTURY));
    }
}
