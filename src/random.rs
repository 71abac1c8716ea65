//! Random numbers good enough to spread work: jitter and host order, never secrets.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// A random number. The standard library seeds its hashers from the operating system, which is random
/// enough to spread requests, and spares a dependency.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Maps all of `u64` evenly to `0.0..1.0`. An `f64` holds 53 bits exactly.
pub(crate) fn unit(random: u64) -> f64 {
    const BITS: u32 = f64::MANTISSA_DIGITS;
    (random >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
}

/// A random time of less than `limit`.
pub(crate) fn up_to(limit: Duration) -> Duration {
    limit.mul_f64(unit(random()))
}

/// Puts the items in random order (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, (random() % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn numbers_differ_from_call_to_call() {
        let numbers: HashSet<u64> = (0..1000).map(|_| random()).collect();
        assert!(numbers.len() > 990);
    }

    #[test]
    fn the_unit_interval_is_covered_and_not_left() {
        assert_eq!(unit(0), 0.0);
        assert!(unit(u64::MAX) < 1.0 && unit(u64::MAX) > 0.999);
    }

    #[test]
    fn times_differ_and_stay_within_the_limit() {
        let limit = Duration::from_secs(1);
        let times: BTreeSet<Duration> = (0..100).map(|_| up_to(limit)).collect();
        assert!(times.len() > 50 && times.iter().all(|time| *time < limit));
    }

    #[test]
    fn shuffling_keeps_every_item_and_reaches_every_order() {
        let orders: HashSet<[i32; 3]> = (0..500)
            .map(|_| {
                let mut items = [1, 2, 3];
                shuffle(&mut items);
                items
            })
            .collect();
        assert_eq!(orders.len(), 6);
    }
}
