//! Random numbers good enough to spread work: jitter and host order, never secrets.

use std::hash::{BuildHasher, RandomState};

/// A random number. The standard library seeds each [`RandomState`] from the operating system once a
/// thread and then counts, which the hash spreads well.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Puts the items in random order (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let pick = random() % (last as u64 + 1);
        // `pick` is at most `last`, an index, so it fits.
        items.swap(last, usize::try_from(pick).unwrap_or(last));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{random, shuffle};

    #[test]
    fn numbers_differ_from_call_to_call() {
        let numbers: HashSet<u64> = (0..1000).map(|_| random()).collect();
        assert!(numbers.len() > 990);
    }

    #[test]
    fn shuffling_keeps_every_item_and_reaches_every_order() {
        let mut orders = HashSet::new();
        for _ in 0..500 {
            let mut items = [1, 2, 3];
            shuffle(&mut items);
            orders.insert(items);
        }
        assert_eq!(orders.len(), 6);
    }
}
