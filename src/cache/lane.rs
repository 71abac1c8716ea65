//! Places in memory for threads to write to, so that they don't take one from each other.
//!
//! A processor owns the memory that it writes, and another one that wants to write there waits until it
//! is handed over: longer than a hit takes otherwise. So whatever every hit writes exists once for each
//! lane, and each thread has a lane of its own.

use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};

/// A lane for each of 63 threads, which is more than most machines have processors, and one for the rest.
pub(super) const LANES: usize = 64;

const SHARED: usize = LANES - 1;

static TAKEN: [AtomicBool; SHARED] = [const { AtomicBool::new(false) }; SHARED];

thread_local! {
    static OWN: Owned = Owned::take();
}

/// The number of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane(usize);

impl Lane {
    /// The lane of this thread.
    pub(super) fn of_this_thread() -> Self {
        // A thread that is about to end may have given its lane back already.
        OWN.try_with(|own| own.0).unwrap_or(Self(SHARED))
    }

    pub(super) fn index(self) -> usize {
        self.0
    }

    /// Whether no other thread writes in this lane now.
    pub(super) fn is_own(self) -> bool {
        self.0 != SHARED
    }
}

/// A lane until its thread ends.
struct Owned(Lane);

impl Owned {
    fn take() -> Self {
        // Whoever gets a lane next sees what its last owner wrote.
        let free =
            TAKEN.iter().position(|taken| !taken.load(Relaxed) && !taken.swap(true, Acquire));
        Self(Lane(free.unwrap_or(SHARED)))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(taken) = TAKEN.get(self.0.0) {
            taken.store(false, Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Barrier, thread};

    use super::*;

    #[test]
    fn threads_share_no_lane_while_there_are_lanes_and_one_after_that() {
        let together = Barrier::new(2 * LANES);
        let lanes: Vec<Lane> = thread::scope(|scope| {
            let lane = || {
                let lane = Lane::of_this_thread();
                together.wait();
                assert_eq!(lane, Lane::of_this_thread());
                lane
            };
            let threads: Vec<_> = (0..2 * LANES).map(|_| scope.spawn(lane)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let own: Vec<usize> =
            lanes.iter().filter(|lane| lane.is_own()).map(|lane| lane.index()).collect();
        assert_eq!(own.iter().collect::<HashSet<_>>().len(), own.len());
        assert!(own.len() < LANES && lanes.iter().all(|lane| lane.index() < LANES));
    }

    #[test]
    fn a_thread_that_ends_gives_its_lane_back() {
        // Threads of other tests may hold lanes now, but not as many as would end here.
        let lane = || thread::spawn(Lane::of_this_thread).join().unwrap();
        assert!((0..10 * LANES).map(|_| lane()).filter(|lane| lane.is_own()).count() > LANES);
    }
}
