//! The cache under a clock that can be set and an issuer that misbehaves on demand.

mod clocks;
mod events;
mod failure;
mod hits;
mod issuer;
mod keep_fresh;
mod policy;
mod rejection;
mod runtimes;
mod scenarios;
mod serving;
mod short_lived;
mod soak;
mod story;
mod stress;
mod weather;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{CacheStats, RefreshPolicy, TokenCache};
use crate::{
    clock::{Clock, Moment},
    error::{TokenError, TokenErrorKind},
    token::AccessToken,
};
use issuer::{Answer, Issuer};

const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A cache without jitter over an issuer that a closure directs; the closure gets the number of the
/// fetch, from 1.
struct Rig {
    clock: TestClock,
    issuer: Arc<Issuer>,
    cache: TokenCache,
}

impl Rig {
    fn new(direct: impl Fn(u64) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_jitter(|| 0, direct)
    }

    fn with_jitter(
        random: fn() -> u64,
        direct: impl Fn(u64) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let clock = TestClock::new();
        let issuer = Arc::new(Issuer::new(clock.clone(), direct));
        let policy = RefreshPolicy::default();
        let cache = TokenCache::assemble(issuer.clone(), SCOPE, policy, clock.clone(), random);
        Self { clock, issuer, cache }
    }

    fn fetches(&self) -> u64 {
        self.issuer.fetches()
    }

    fn stats(&self) -> CacheStats {
        self.cache.stats()
    }

    /// The text of the token that a call gets.
    async fn text(&self) -> String {
        self.cache.token().await.unwrap().secret().to_owned()
    }

    /// The kind of the error that a call gets.
    async fn error(&self) -> TokenErrorKind {
        self.cache.token().await.unwrap_err().kind()
    }
}

/// A monotonic clock that is tokio's, and a wall clock that follows it until it is set.
#[derive(Clone, Debug)]
struct TestClock {
    start: Moment,
    offset_s: Arc<AtomicI64>,
}

impl TestClock {
    fn new() -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let start = Moment { wall, monotonic: Instant::now() };
        Self { start, offset_s: Arc::default() }
    }

    /// Sets the wall clock, relative to what it shows.
    fn step_wall(&self, seconds: i64) {
        self.offset_s.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        let monotonic = Instant::now();
        let wall = self.start.wall + (monotonic - self.start.monotonic);
        let offset = self.offset_s.load(Ordering::SeqCst);
        let step = Duration::from_secs(offset.unsigned_abs());
        Moment { wall: if offset < 0 { wall - step } else { wall + step }, monotonic }
    }
}

/// Lets paused time pass.
async fn pass(span: Duration) {
    settle().await;
    tokio::time::advance(span).await;
    settle().await;
}

async fn pass_s(seconds: u64) {
    pass(Duration::from_secs(seconds)).await;
}

/// Lets spawned tasks run until they wait.
async fn settle() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

fn failure(kind: TokenErrorKind) -> TokenError {
    TokenError::new(kind, "test issuer", "as told")
}

fn token(text: &str, expires_on: SystemTime) -> AccessToken {
    AccessToken::new(text, expires_on).unwrap()
}

/// The same numbers for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
