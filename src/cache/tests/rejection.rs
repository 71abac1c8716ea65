use std::time::Duration;

use tokio::time::Instant;

use super::*;
use TokenErrorKind::Unavailable;

#[tokio::test(start_paused = true)]
async fn the_call_after_a_rejection_waits_for_a_new_token() {
    let rig =
        Rig::new(|fetch| Answer::token(format!("t{fetch}"), DAY).after(Duration::from_secs(1)));
    let first = rig.cache.token().await.unwrap();
    rig.cache.invalidate(&first);
    let second = rig.cache.acquire().await.unwrap();
    assert_eq!((second.token.secret(), second.from_cache), ("t2", false));
    // The first is no longer held: rejecting it again does nothing.
    rig.cache.invalidate(&first);
    assert_eq!(rig.text().await, "t2");
    assert_eq!(rig.stats().forced, 1);
}

#[tokio::test(start_paused = true)]
async fn rejections_under_load_make_one_forced_fetch_per_limit() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), DAY));
    for _ in 0..60 {
        for _ in 0..50 {
            let token = rig.cache.token().await.unwrap();
            rig.cache.invalidate(&token);
        }
        pass_s(1).await;
    }
    assert_eq!((rig.fetches(), rig.stats().forced), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_served_again_if_no_other_can_be_had() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    let token = rig.cache.token().await.unwrap();
    rig.issuer.direct(|_| Answer::error(Unavailable).after(Duration::from_secs(3)));
    rig.cache.invalidate(&token);
    let start = Instant::now();
    let acquired = rig.cache.acquire().await.unwrap();
    assert_eq!((acquired.token.secret(), acquired.from_cache), ("a", true));
    assert_eq!(start.elapsed().as_secs(), 3);
    // Backoff applies: no wait and no fetch.
    assert_eq!(rig.text().await, "a");
    assert_eq!((rig.fetches(), start.elapsed().as_secs()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn the_same_token_from_a_forced_fetch_is_not_suspect() {
    let rig = Rig::new(|_| unreachable!());
    let same = token("a", rig.clock.now().wall + DAY);
    rig.issuer.direct({
        let same = same.clone();
        move |_| Answer::fixed(&same)
    });
    rig.cache.warm_up().await.unwrap();
    rig.cache.invalidate(&same);
    let acquired = rig.cache.acquire().await.unwrap();
    assert!(!acquired.from_cache);
    rig.cache.invalidate(&same);
    assert!(rig.cache.acquire().await.unwrap().from_cache);
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_after_a_rejection_share_the_forced_fetch() {
    let rig =
        Rig::new(|fetch| Answer::token(format!("t{fetch}"), DAY).after(Duration::from_secs(1)));
    let first = rig.cache.token().await.unwrap();
    rig.cache.invalidate(&first);
    let (one, other) = tokio::join!(rig.text(), rig.text());
    assert_eq!((one.as_str(), other.as_str(), rig.fetches()), ("t2", "t2", 2));
}
