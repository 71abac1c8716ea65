//! A hit of the token cache is free of heap allocations.

use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use postgres_entra::{AccessToken, TokenCache, source::from_fn};

#[tokio::test]
async fn a_hit_allocates_nothing() {
    let source = from_fn(|_| async {
        AccessToken::new("eyJ0.eyJh.c2ln", SystemTime::now() + Duration::from_secs(3600))
    });
    let cache = TokenCache::new(source, "https://ossrdbms-aad.database.windows.net/.default");
    cache.warm_up().await.expect("a token");

    let counted = allocation_counter::measure(|| {
        for _ in 0..100 {
            let token = cache.token().now_or_never().expect("a hit").expect("a token");
            assert_eq!(token.secret(), "eyJ0.eyJh.c2ln");
        }
    });

    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    assert_eq!(cache.stats().served_from_cache, 100);
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}
