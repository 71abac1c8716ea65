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
    /// Until then nobody starts a fetch, even if one is due: because another is under way, or failed a
    /// moment ago.
    pub(super) no_fetch_until: Option<Instant>,
    /// Whether the last fetch failed.
    pub(super) failing: bool,
}

impl Snapshot {
    /// Whether all that a call has to do now is to take the token.
    pub(super) fn serves(&self, now: Moment) -> bool {
        now.is_before(self.serve_until) && !self.starts_fetch(now)
    }

    fn starts_fetch(&self, now: Moment) -> bool {
        !now.is_before(self.renew_at) && self.no_fetch_until.is_none_or(|end| end <= now.monotonic)
    }
}
