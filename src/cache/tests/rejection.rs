use std::time::Duration;

use tokio::time::Instant;

use super::*;
use TokenErrorKind::Unavailable;

#[tokio::test(start_paused = true)]
async fn whoever_was_rejected_waits_for_a_new_token() {
    let rig =
        Rig::new(|fetch| Answer::token(format!("t{fetch}"), DAY).after(Duration::from_secs(1)));
    let first = rig.cache.token().await.unwrap();
    let second = rig.cache.reacquire(&first).await.unwrap();
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
    let start = Instant::now();
    let acquired = rig.cache.reacquire(&token).await.unwrap();
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
    assert!(!rig.cache.reacquire(&same).await.unwrap().from_cache);
    assert!(rig.cache.reacquire(&same).await.unwrap().from_cache);
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_who_were_rejected_share_the_forced_fetch() {
    let rig =
        Rig::new(|fetch| Answer::token(format!("t{fetch}"), DAY).after(Duration::from_secs(1)));
    let first = rig.cache.token().await.unwrap();
    let (one, other) = tokio::join!(rig.cache.replace(&first), rig.cache.replace(&first));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.secret(), other.secret(), rig.fetches()), ("t2", "t2", 2));
}

/// A wrong role must not make the others depend on the identity service.
#[tokio::test(start_paused = true)]
async fn a_rejection_makes_nobody_else_wait() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    let token = rig.cache.token().await.unwrap();
    rig.issuer.direct(|_| Answer::silence());
    let start = Instant::now();
    let rejected = rig.cache.replace(&token);
    let others = async {
        for _ in 0..1000 {
            assert_eq!(rig.text().await, "a");
        }
        start.elapsed()
    };
    let (rejected, waited) = tokio::join!(rejected, others);
    assert_eq!((rejected.unwrap().secret(), waited), ("a", Duration::ZERO));
    assert_eq!(rig.fetches(), 2);
}
