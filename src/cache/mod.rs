//! A token that is always there: fetched once, shared, and renewed in time.

mod events;
mod flight;
mod held;
mod jitter;
mod keep_fresh;
mod lane;
mod policy;
mod served;
mod shared;
mod slot;
mod snapshot;
mod state;
mod stats;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use futures_util::future::{Either, select};
use tokio::time::Instant;

pub use keep_fresh::KeepFresh;
pub use policy::RefreshPolicy;
pub use stats::CacheStats;

use crate::{
    clock::{Clock, SystemClock},
    error::TokenError,
    random::random,
    source::TokenSource,
    token::AccessToken,
};
use flight::{Flight, Outcome};
use shared::{Shared, Step};

/// A token source with a memory: it hands out a valid token, and renews it before that is urgent.
///
/// Clones share one token. Create one cache for each identity and scope in a process and give each
/// connector a clone, because IMDS serves 20 token requests a second, 5 of them at once, for a whole
/// virtual machine
/// ([documentation](https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service)):
///
/// ```
/// use postgres_entra::{AccessToken, TokenCache, TokenError, TokenFuture, TokenSource};
/// # use std::time::{Duration, SystemTime};
///
/// #[derive(Debug)]
/// struct Vault;
///
/// impl TokenSource for Vault {
///     fn fetch_token<'a>(&'a self, _scope: &'a str) -> TokenFuture<'a> {
///         Box::pin(async {
/// #           let an_hour = Duration::from_secs(3600);
///             // ask the network
///             AccessToken::new("eyJ0.eyJh.c2ln", SystemTime::now() + an_hour)
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), TokenError> {
/// let cache = TokenCache::new(Vault, "https://ossrdbms-aad.database.windows.net/.default");
/// let (orders, reports) = (cache.clone(), cache.clone());
/// assert!(orders.token().await?.is_same_as(&reports.token().await?));
/// assert_eq!(cache.stats().fetches, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Behaviour
///
/// Nothing runs in the background unless [`keep_fresh`](Self::keep_fresh) asks for it: calls start
/// fetches. A fetch is a task of its own that calls only watch, and there is never more than one, unless
/// it is given up (see below).
///
/// ```text
///   empty ─────── fetched ───────> fresh <──────── fetched ──────── due
///   waits                          serves ───── renewal point ────> serves, fetches
///   │   ^                          │   ^                            │   ^
/// failed pause over         rejected   fetched                 failed   pause over
///   v   │                          v   │                            v   │
///   held off                       suspect ──────── failed ───────> backing off
///   fails                          serves, fetches                  serves
/// ```
///
/// From each state that serves, the cache goes to "empty" when the token's safety margin begins.
///
/// - The renewal point is the issuer's `refresh_on` or half of the token's life, and a little earlier at
///   random. The same token again is normal, since managed identity endpoints cache: it is asked for
///   again after half of what is left. So it is if a token with less life comes, which is not taken.
/// - A failed renewal keeps the valid token and is tried again after a pause. An outage of the identity
///   service that is shorter than half of the token's remaining life is not felt, if calls come or
///   [`keep_fresh`](Self::keep_fresh) is on; without either nothing renews the token, and it expires.
/// - A token that the server rejected is fetched anew. Whoever was rejected waits for that; the others
///   are served meanwhile.
/// - Without a token, all who wait for a failed fetch get its error, and so do those who call during the
///   pause after it, without a request.
/// - Expiry is judged by the wall clock and by the monotonic clock, whichever says it is earlier, so
///   neither a suspended machine nor a clock that is set makes an expired token look valid.
/// - A fetch whose runtime does nothing at all for some seconds, because nobody runs it, is given up by those
///   who wait on another: they start another one. So is one that has not ended a second after its deadline, since
///   its source blocks the thread.
/// - A panic in the source, an aborted fetch or an ended runtime fail those who wait for that fetch
///   ([`Interrupted`](crate::TokenErrorKind::Interrupted)); the next call starts another.
/// - Dropping the last handle aborts a fetch that is under way.
///
/// The numbers behind this are a [`RefreshPolicy`].
///
/// # Events
///
/// Target `postgres_entra::cache`; all have the field `source`. No event holds a token.
///
/// | level | name | other fields |
/// |---|---|---|
/// | debug | `token_hit` | |
/// | debug | `fetch_started` | `forced`, `deadline_s` |
/// | debug | `token_unchanged` | `lifetime_s` |
/// | info | `token_renewed` | `lifetime_s` |
/// | info | `token_invalidated` | |
/// | warn | `refresh_failed`: a valid token is left | `error`, `left_s`, `retry_in_s` |
/// | error | `token_unavailable`: none is left | `error`, `retry_in_s` |
/// | error | `callback_panicked` | |
///
/// What a source logs is inside the debug span `fetch_token`.
#[derive(Clone)]
pub struct TokenCache(Arc<Shared>);

/// A token, and where this call had it from.
#[derive(Clone, Debug)]
pub(crate) struct Acquired {
    pub(crate) token: AccessToken,
    /// False only if this call waited for the fetch that brought the token.
    pub(crate) from_cache: bool,
}

impl TokenCache {
    /// A cache over this source with the default [`RefreshPolicy`]. It starts empty and spawns nothing.
    ///
    /// The scope is passed to the source as it is, such as
    /// `https://ossrdbms-aad.database.windows.net/.default`.
    pub fn new(source: impl TokenSource, scope: impl Into<String>) -> Self {
        Self::with_policy(source, scope, RefreshPolicy::default())
    }

    /// A cache over this source with a policy of your own.
    pub fn with_policy(
        source: impl TokenSource,
        scope: impl Into<String>,
        policy: RefreshPolicy,
    ) -> Self {
        Self::assemble(source, scope, policy, SystemClock, random)
    }

    fn assemble(
        source: impl TokenSource,
        scope: impl Into<String>,
        policy: RefreshPolicy,
        clock: impl Clock,
        jitter: fn() -> u64,
    ) -> Self {
        let (source, clock) = (Arc::new(source), Arc::new(clock));
        Self(Arc::new(Shared::new(source, scope.into(), policy, clock, jitter)))
    }

    /// A valid token: the held one at once where possible, else the one that a fetch brings.
    ///
    /// A fetch is bounded by [`RefreshPolicy::fetch_deadline`]. Wrap the call in a timeout of your own
    /// to wait no longer than that.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the fetch goes on, and a later call has its result.
    ///
    /// # Errors
    ///
    /// The [`TokenError`] of the source;
    /// [`Timeout`](crate::TokenErrorKind::Timeout) if the fetch took too long;
    /// [`InvalidToken`](crate::TokenErrorKind::InvalidToken) if it brought a token that has long expired, or
    /// was issued for another service than the scope's;
    /// [`Unavailable`](crate::TokenErrorKind::Unavailable) also if that token ends about now, since an
    /// endpoint that caches has another one soon;
    /// [`Interrupted`](crate::TokenErrorKind::Interrupted) if it panicked or was aborted;
    /// [`Configuration`](crate::TokenErrorKind::Configuration) if a fetch is needed and the call is not
    /// made inside a tokio runtime with timers. Never while a valid token is held.
    pub fn token(&self) -> impl Future<Output = Result<AccessToken, TokenError>> + Send {
        // Not an `async fn`, since a hit needs no state: to keep one takes a tenth of its time.
        let mut miss = None;
        poll_fn(move |context| {
            if miss.is_none()
                && let Some(token) = self.0.hit()
            {
                return Poll::Ready(Ok(token));
            }
            let miss = miss.get_or_insert_with(|| Box::pin(self.acquire()));
            miss.as_mut().poll(context).map_ok(|acquired| acquired.token)
        })
    }

    /// Tells the cache that the server rejected this token, as [`invalidate`](Self::invalidate) does, and
    /// waits for the token to try next. It is the same token again if there is no other to be had.
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    pub async fn replace(&self, rejected: &AccessToken) -> Result<AccessToken, TokenError> {
        self.reacquire(rejected).await.map(|acquired| acquired.token)
    }

    /// As [`token`](Self::token), and tells whether the token was there before the call.
    pub(crate) async fn acquire(&self) -> Result<Acquired, TokenError> {
        match self.0.hit() {
            Some(token) => Ok(Acquired { token, from_cache: true }),
            None => self.acquire_after(None, None).await,
        }
    }

    /// As [`acquire`](Self::acquire), for a caller who gives up at this time: as soon as it is clear that
    /// the source waits longer than that for its next attempt, the caller has the error that it waits for.
    /// The fetch goes on for those who come later.
    pub(crate) async fn acquire_by(&self, deadline: Instant) -> Result<Acquired, TokenError> {
        match self.0.hit() {
            Some(token) => Ok(Acquired { token, from_cache: true }),
            None => self.acquire_after(None, Some(deadline)).await,
        }
    }

    /// Whether a fetch is under way that brings nothing before the deadline.
    pub(crate) fn is_hopeless(&self, deadline: Instant) -> bool {
        self.0.is_hopeless(deadline)
    }

    /// The error of the last attempt of the fetch that is under way, if one has failed.
    pub(crate) fn last_attempt(&self) -> Option<TokenError> {
        self.0.last_attempt()
    }

    /// As [`replace`](Self::replace), and tells whether the token was there before the call.
    pub(crate) async fn reacquire(&self, rejected: &AccessToken) -> Result<Acquired, TokenError> {
        self.invalidate(rejected);
        self.acquire_after(Some(rejected), None).await
    }

    async fn acquire_after(
        &self,
        rejected: Option<&AccessToken>,
        deadline: Option<Instant>,
    ) -> Result<Acquired, TokenError> {
        match self.0.step(rejected, false)? {
            Step::Serve(token) => Ok(Acquired { token, from_cache: true }),
            // On the heap, so that the future of those who need not wait is small.
            Step::Wait(flight) => Box::pin(self.wait(flight, rejected, deadline)).await,
        }
    }

    async fn wait(
        &self,
        mut flight: Flight,
        rejected: Option<&AccessToken>,
        deadline: Option<Instant>,
    ) -> Result<Acquired, TokenError> {
        loop {
            let number = flight.number();
            let brought = match landed(flight, deadline).await {
                Some(Ok(token)) => Some(token),
                Some(Err(error)) => {
                    let token = self.0.fall_back(error)?;
                    return Ok(Acquired { token, from_cache: true });
                }
                // The next step starts another.
                None => {
                    self.0.give_up(number);
                    None
                }
            };
            // Asked again rather than served what was brought: time may have passed before this ran.
            match self.0.step(rejected, true)? {
                Step::Serve(token) => {
                    let from_cache = !brought.is_some_and(|brought| brought.is_same_as(&token));
                    return Ok(Acquired { token, from_cache });
                }
                Step::Wait(next) => flight = next,
            }
        }
    }

    /// Tells the cache that the server rejected this token.
    ///
    /// If it is the held token, the next call starts a fetch. Until that brings another token the held one
    /// is still served, since the rejection may have been about the role and not about the token; only
    /// [`replace`](Self::replace) waits. Nothing happens if another token is held by now, if a fetch was forced
    /// this way less than [`RefreshPolicy::forced_fetch_interval`] ago, or in the pause after a failed
    /// fetch; so a wrong role name does not lead to a storm of requests.
    pub fn invalidate(&self, token: &AccessToken) {
        self.0.invalidate(token);
    }

    /// Fetches the first token ahead of its use, such as at start-up. Does nothing if a valid one is held.
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token). The cache stays usable: a later call tries again.
    pub async fn warm_up(&self) -> Result<(), TokenError> {
        self.token().await.map(drop)
    }

    /// Renews the token in time without any caller, for as long as the guard lives.
    ///
    /// The callback sees the held token, if there is one, and each new one. It is meant for drivers that
    /// hold a fixed password. It runs in a task of the current runtime and must not block; if it panics,
    /// that is logged and the next token is shown all the same. Of two tokens that arrive before the task
    /// has run it sees the later. Several guards share fetches.
    ///
    /// A token that was [invalidated](Self::invalidate) is renewed at once. After a change of the wall
    /// clock, or a suspend, it may take 30 s until a renewal starts.
    ///
    /// ```no_run
    /// # async fn example(cache: postgres_entra::TokenCache) {
    /// let (password, current) = tokio::sync::watch::channel(None);
    /// let guard = cache.keep_fresh(move |token| {
    ///     password.send_replace(Some(token.clone()));
    /// });
    /// # drop((guard, current));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`tokio::spawn`] does, and in one without timers.
    pub fn keep_fresh(&self, callback: impl Fn(&AccessToken) + Send + Sync + 'static) -> KeepFresh {
        KeepFresh::start(self.0.clone(), callback)
    }

    /// What the cache has done so far, and how it stands now.
    pub fn stats(&self) -> CacheStats {
        self.0.stats()
    }

    /// The scope that tokens are fetched for.
    pub fn scope(&self) -> &str {
        self.0.scope()
    }

    /// An empty cache over the same source, for tokens of another scope.
    pub(crate) fn for_scope(&self, scope: &str) -> Self {
        let policy = self.0.policy();
        let shared =
            Shared::new(self.0.source(), scope.to_owned(), policy, Arc::new(SystemClock), random);
        Self(Arc::new(shared))
    }

    /// The name of the source, such as `IMDS`.
    pub fn source_name(&self) -> &str {
        self.0.source_name()
    }
}

/// The outcome of a flight; nothing if none is to be expected. Its last error once it is clear that nothing comes
/// before the deadline.
async fn landed(flight: Flight, deadline: Option<Instant>) -> Option<Outcome> {
    let Some(deadline) = deadline else { return flight.landed().await };
    let hopeless = pin!(flight.clone().hopeless(deadline));
    match select(pin!(flight.landed()), hopeless).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((error, _)) => Some(Err(error)),
    }
}

/// Shows the source's name and the scope, never a token.
impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("source", &self.source_name())
            .field("scope", &self.scope())
            .finish_non_exhaustive()
    }
}
