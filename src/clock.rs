//! The one place where the crate reads clocks.

use std::{fmt::Debug, time::SystemTime};

use tokio::time::Instant;

/// One reading of both clocks.
///
/// The wall clock is what token expiry is written in; the monotonic clock can't be set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: SystemTime,
    pub(crate) monotonic: Instant,
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
