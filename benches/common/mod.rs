//! What the benchmarks share.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses a part")]

#[cfg(all(feature = "emulator", feature = "native-tls"))]
pub mod azure;
#[cfg(feature = "azure-identity")]
pub mod credential;
pub mod report;
#[cfg(feature = "rustls")]
pub mod rustls_connect;

use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use postgres_entra::{AccessToken, TokenCache, source::from_fn};

pub const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// A text as long as the token of a managed identity usually is.
pub fn token_text() -> String {
    "0123456789".repeat(180)
}

/// A cache that holds a token for the rest of the day.
pub fn warm_cache() -> TokenCache {
    let source = from_fn(|_| async { AccessToken::new(token_text(), SystemTime::now() + DAY) });
    let cache = TokenCache::new(source, SCOPE);
    runtime().block_on(cache.warm_up()).expect("a token");
    cache
}

/// One hit: the future is ready at its first poll, so no runtime takes part.
pub fn hit(cache: &TokenCache) -> AccessToken {
    cache.token().now_or_never().expect("a hit").expect("a token")
}

/// A runtime with both of its drivers.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}
