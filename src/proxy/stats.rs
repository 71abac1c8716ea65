use std::sync::atomic::{AtomicU64, Ordering};

/// What a proxy has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyStats {
    /// The sessions that are open now, those included whose login is under way.
    pub open: usize,
    /// The sessions whose login the server has accepted.
    pub opened: u64,
    /// The sessions that could not be opened.
    pub failed: u64,
    /// The programs that were refused here: by user id, password, start-up or limit.
    pub refused: u64,
    /// The cancel requests that were sent on.
    pub cancelled: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) opened: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) cancelled: AtomicU64,
}

impl Counters {
    pub(super) fn snapshot(&self, open: usize) -> ProxyStats {
        ProxyStats {
            open,
            opened: self.opened.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            cancelled: self.cancelled.load(Ordering::Relaxed),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
