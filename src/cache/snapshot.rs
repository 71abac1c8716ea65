use tokio::time::Instant;

use crate::{clock::Moment, token::AccessToken};

/// What a hit needs to know: an immutable copy out of the [`State`](super::state::State), made after
/// each of its changes, so that a hit can do without the lock.
///
/// It says when a call is served with nothing else to be done, exactly as the state itself would.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) token: AccessToken,
    pub(super) serve_until: Moment,
    pub(super) renew_at: Moment,
    /// Until when the fetch that is under way holds off another.
    pub(super) lands_by: Option<Instant>,
    /// Until when the fetch that failed last holds off another.
    pub(super) retry_at: Option<Moment>,
    /// Whether the last fetch failed.
    pub(super) failing: bool,
}

impl Snapshot {
    /// Whether all that a call has to do now is to take the token.
    #[inline]
    pub(super) fn serves(&self, now: Moment) -> bool {
        now.is_before(self.serve_until) && !self.starts_fetch(now)
    }

    fn starts_fetch(&self, now: Moment) -> bool {
        let is_due = !now.is_before(self.renew_at);
        let is_under_way = self.lands_by.is_some_and(|end| now.monotonic < end);
        let is_paused = self.retry_at.is_some_and(|end| now.is_before(end));
        is_due && !is_under_way && !is_paused
    }
}
