use std::time::Duration;

use super::{served::Served, state::State};
use crate::{clock::Moment, error::TokenError};

/// What a [`TokenCache`](crate::TokenCache) has done so far, and how it stands now.
///
/// The counters only grow, for the whole life of the cache.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CacheStats {
    /// Fetches started.
    pub fetches: u64,
    /// Fetches that brought no usable token.
    pub failures: u64,
    /// Calls that got the held token without waiting.
    pub served_from_cache: u64,
    /// Calls that got the held token while the last fetch had failed: connects that an outage of the
    /// identity service would have cost.
    pub served_while_failing: u64,
    /// Fetches started because a token was [invalidated](crate::TokenCache::invalidate).
    pub forced: u64,
    /// Calls that had to wait for a fetch.
    pub waits: u64,
    /// Failures since the last fetch that brought a token: 0 when all is well. Not a counter.
    pub failures_in_a_row: u32,
    /// Time since the service last handed out the held token.
    pub token_age: Option<Duration>,
    /// Time until the held token expires; zero once it has.
    pub expires_in: Option<Duration>,
    /// The last failure: of a fetch, or of an attempt of the one that is under way. It stays when later
    /// fetches succeed.
    pub last_error: Option<TokenError>,
}

/// What is counted under the lock; calls that were [`Served`] are not.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) fetches: u64,
    pub(super) failures: u64,
    pub(super) forced: u64,
    pub(super) waits: u64,
    pub(super) last_error: Option<TokenError>,
}

impl Counters {
    pub(super) fn stats<F: Clone>(
        &self,
        served: &Served,
        state: &State<F>,
        now: Moment,
    ) -> CacheStats {
        CacheStats {
            fetches: self.fetches,
            failures: self.failures,
            served_from_cache: served.without_waiting(),
            served_while_failing: served.while_failing(),
            forced: self.forced,
            waits: self.waits,
            failures_in_a_row: state.failures(),
            token_age: state.held().map(|held| held.age(now)),
            expires_in: state.held().map(|held| held.left(now)),
            last_error: self.last_error.clone(),
        }
    }
}
