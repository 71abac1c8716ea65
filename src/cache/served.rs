use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::lane::{LANES, Lane};

/// Counts the calls that were served: each thread adds in its own lane, and only who reads adds up.
pub(super) struct Served(Box<[Counts]>);

/// A processor takes memory in lines of 64 bytes, and many fetch two at a time.
#[repr(align(128))]
#[derive(Default)]
struct Counts {
    from_cache: AtomicU64,
    while_failing: AtomicU64,
}

impl Served {
    /// Counts a call that got the held token: without having waited, or although the last fetch had
    /// failed, or both.
    pub(super) fn add(&self, lane: Lane, from_cache: bool, while_failing: bool) {
        let counts = &self.0[lane.index()];
        if from_cache {
            count(lane, &counts.from_cache);
        }
        if while_failing {
            count(lane, &counts.while_failing);
        }
    }

    pub(super) fn without_waiting(&self) -> u64 {
        self.0.iter().map(|counts| counts.from_cache.load(Relaxed)).sum()
    }

    pub(super) fn while_failing(&self) -> u64 {
        self.0.iter().map(|counts| counts.while_failing.load(Relaxed)).sum()
    }
}

/// One more. Where nobody else writes, that takes no atomic addition, which costs several times as much.
fn count(lane: Lane, counter: &AtomicU64) {
    if lane.is_own() {
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    } else {
        counter.fetch_add(1, Relaxed);
    }
}

impl Default for Served {
    fn default() -> Self {
        Self((0..LANES).map(|_| Counts::default()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_threads_count_adds_up() {
        let served = Served::default();
        thread::scope(|scope| {
            // More threads than lanes.
            for _ in 0..2 * LANES {
                scope.spawn(|| {
                    let lane = Lane::of_this_thread();
                    (0..100).for_each(|_| served.add(lane, true, false));
                    served.add(lane, false, true);
                });
            }
        });
        let threads = 2 * LANES as u64;
        assert_eq!((served.without_waiting(), served.while_failing()), (100 * threads, threads));
    }
}
