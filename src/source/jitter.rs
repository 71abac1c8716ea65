//! A little randomness, so that many instances don't retry in step.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// A random time of at most `limit`.
///
/// The keys of the standard library's hash maps are random enough for this, and need no dependency.
pub(super) fn up_to(limit: Duration) -> Duration {
    let random = RandomState::new().hash_one(());
    limit.mul_f64(random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_values_differ_and_stay_within_the_limit() {
        let limit = Duration::from_secs(1);
        let values: BTreeSet<Duration> = (0..100).map(|_| up_to(limit)).collect();
        assert!(values.len() > 50);
        assert!(values.iter().all(|value| *value <= limit));
    }
}
