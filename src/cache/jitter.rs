//! Small random differences, so that processes started together don't ask for tokens together.

use std::time::Duration;

use crate::random::unit;

/// A span shortened by up to `1/share` of itself, and never lengthened. Zero shortens it by nothing.
pub(super) fn earlier(span: Duration, share: u32, random: u64) -> Duration {
    span - (span / share).mul_f64(unit(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(12 * 3600);

    #[test]
    fn jitter_only_makes_it_earlier_and_by_no_more_than_the_share() {
        assert_eq!(earlier(SPAN, 10, 0), SPAN);
        for random in [1, u64::MAX / 3, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            let span = earlier(SPAN, 10, random);
            assert!(span <= SPAN && span >= SPAN - SPAN / 10, "{random} gave {span:?}");
        }
        assert!(earlier(SPAN, 10, u64::MAX) < SPAN - SPAN / 11);
    }
}
