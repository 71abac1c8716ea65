use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use super::*;

const CALLERS: usize = 10_000;

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_before_the_first_call() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    pass(DAY).await;
    assert_eq!(rig.fetches(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_served_at_once() {
    let rig = Rig::new(|_| Answer::token("a", DAY).after(Duration::from_secs(3)));
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(rig.text().await, "a");
    }
    assert_eq!((rig.fetches(), start.elapsed().as_secs()), (1, 3));
    let stats = rig.stats();
    assert_eq!((stats.waits, stats.served_from_cache), (1, 99));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_cold_callers_make_one_fetch() {
    let rig = Rig::new(|_| Answer::token("a", DAY).after(Duration::from_secs(2)));
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            tokio::spawn({
                let cache = rig.cache.clone();
                async move { cache.acquire().await }
            })
        })
        .collect();
    for caller in callers {
        let acquired = caller.await.unwrap().unwrap();
        assert!(!acquired.from_cache);
        assert_eq!(acquired.token.secret(), "a");
    }
    assert_eq!((rig.fetches(), start.elapsed().as_secs()), (1, 2));
    assert_eq!(rig.stats().waits, CALLERS as u64);
}

#[tokio::test(start_paused = true)]
async fn past_the_renewal_point_one_fetch_starts_and_nobody_waits() {
    let rig =
        Rig::new(|fetch| Answer::token(format!("t{fetch}"), DAY).after(Duration::from_secs(60)));
    assert_eq!(rig.text().await, "t1");
    pass(DAY / 2).await;
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(rig.text().await, "t1");
    }
    settle().await;
    assert_eq!((rig.fetches(), start.elapsed()), (2, Duration::ZERO));
    pass_s(60).await;
    assert_eq!(rig.text().await, "t2");
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_within_its_margin_is_never_served() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), HOUR));
    assert_eq!(rig.text().await, "t1");
    pass(HOUR - Duration::from_secs(30)).await;
    let acquired = rig.cache.acquire().await.unwrap();
    assert_eq!((acquired.token.secret(), acquired.from_cache), ("t2", false));
}

#[tokio::test(start_paused = true)]
async fn the_same_token_again_is_normal_and_causes_no_busy_loop() {
    let rig = Rig::new(|_| unreachable!());
    let same = token("a", rig.clock.now().wall + DAY);
    rig.issuer.direct(move |_| Answer::fixed(&same));
    // A call each 5 s, up to the margin of the token.
    for _ in 0..(24 * 720 - 6) {
        assert_eq!(rig.text().await, "a");
        pass_s(5).await;
    }
    // Half, then half of what is left, and so on: 13 halvings of a day, then the floor twice.
    assert!((12..=16).contains(&rig.fetches()), "{} fetches", rig.fetches());
    assert_eq!(rig.stats().failures, 0);
}

/// As managed identity endpoints do: the old token, until it has expired.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_brings_less_life_leaves_the_better_token_in_place() {
    let rig = Rig::new(|fetch| match fetch {
        1 => Answer::token("long", HOUR),
        2 => Answer::token("short", Duration::from_secs(600)),
        _ => Answer::token("longest", HOUR),
    });
    assert_eq!(rig.text().await, "long");
    pass_s(1800).await;
    assert_eq!(rig.text().await, "long");
    settle().await;
    assert_eq!((rig.fetches(), rig.text().await.as_str()), (2, "long"));
    // It is asked for again after half of what is left, like the same token.
    pass_s(800).await;
    assert_eq!((rig.text().await.as_str(), rig.fetches()), ("long", 2));
    pass_s(120).await;
    rig.text().await;
    settle().await;
    assert_eq!((rig.fetches(), rig.text().await.as_str()), (3, "longest"));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_makes_place_for_one_with_less_life() {
    let rig = Rig::new(|fetch| match fetch {
        1 => Answer::token("rejected", HOUR),
        _ => Answer::token("short", Duration::from_secs(600)),
    });
    let rejected = rig.cache.token().await.unwrap();
    assert_eq!(rig.cache.replace(&rejected).await.unwrap().secret(), "short");
    assert_eq!((rig.text().await.as_str(), rig.fetches()), ("short", 2));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hands_out_a_token_to_its_end_costs_no_call() {
    let rig = Rig::new(|_| unreachable!());
    let end = rig.clock.now().wall + Duration::from_secs(605);
    let (old, clock) = (token("old", end), rig.clock.clone());
    rig.issuer.direct(move |_| match clock.now().wall {
        now if now < end => Answer::fixed(&old),
        _ => Answer::token("new", DAY),
    });
    for second in 0..700 {
        match rig.cache.token().await {
            Ok(_) => {}
            // Too late to use the old one, too early for the new one.
            Err(error) => {
                assert!(error.is_transient() && (604..=607).contains(&second), "{second}");
            }
        }
        pass_s(1).await;
    }
    assert_eq!(rig.text().await, "new");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_loses_nothing() {
    let rig = Rig::new(|_| Answer::token("a", DAY).after(Duration::from_secs(40)));
    for _ in 0..3 {
        assert!(timeout(Duration::from_secs(10), rig.cache.token()).await.is_err());
    }
    let start = Instant::now();
    assert_eq!(timeout(Duration::from_secs(11), rig.text()).await.unwrap(), "a");
    assert_eq!((rig.fetches(), start.elapsed().as_secs()), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn a_source_slower_than_its_callers_still_succeeds_with_one_fetch() {
    let rig = Rig::new(|_| Answer::token("a", DAY).after(Duration::from_secs(30)));
    assert!(timeout(Duration::from_secs(5), rig.cache.token()).await.is_err());
    pass_s(30).await;
    let acquired = rig.cache.acquire().await.unwrap();
    assert!(acquired.from_cache);
    assert_eq!(rig.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_polled_late_gets_no_expired_token() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), HOUR));
    let mut call = std::pin::pin!(rig.cache.acquire());
    assert!(call.as_mut().now_or_never().is_none());
    pass(HOUR).await;
    let acquired = call.await.unwrap();
    assert_eq!((acquired.token.secret(), acquired.from_cache), ("t2", false));
}

#[tokio::test(start_paused = true)]
async fn warm_up_fetches_once() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    rig.cache.warm_up().await.unwrap();
    rig.cache.warm_up().await.unwrap();
    assert_eq!(rig.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn stats_tell_the_age_and_the_life_left() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    assert_eq!(rig.stats().expires_in, None);
    rig.cache.warm_up().await.unwrap();
    pass(HOUR).await;
    let stats = rig.stats();
    assert_eq!((stats.token_age, stats.expires_in), (Some(HOUR), Some(DAY - HOUR)));
    pass(DAY).await;
    assert_eq!(rig.stats().expires_in, Some(Duration::ZERO));
}

#[test]
fn handles_can_be_shared_between_threads() {
    fn shareable<T: Clone + Send + Sync + 'static>() {}
    shareable::<TokenCache>();
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_token() {
    let rig = Rig::new(|_| Answer::token("hunter2", DAY));
    let acquired = rig.cache.acquire().await.unwrap();
    let text = format!("{:?} {:?} {acquired:?}", rig.cache, rig.stats());
    assert!(text.contains("test issuer") && !text.contains("hunter2"), "{text}");
}
