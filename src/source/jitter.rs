//! A little randomness, so that many instances don't retry in step.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// A random time of less than `limit`.
///
/// The keys of the standard library's hash maps are random enough for this, and need no dependency.
pub(super) fn below(limit: Duration) -> Duration {
    let random = RandomState::new().hash_one(());
    let fraction = (random >> 32) as f64 / f64::from(u32::MAX).next_up();
    limit.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_values_differ_and_stay_below_the_limit() {
        let limit = Duration::from_secs(1);
        let values: BTreeSet<Duration> = (0..100).map(|_| below(limit)).collect();
        assert!(values.len() > 50);
        assert!(values.iter().all(|value| *value < limit));
    }
}
