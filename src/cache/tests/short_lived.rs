use std::time::Duration;

use super::*;
use TokenErrorKind::Unavailable;

/// Calls four times a second for so many seconds; all must get a token.
async fn four_calls_a_second(rig: &Rig, seconds: u64) {
    for _ in 0..4 * seconds {
        rig.cache.token().await.unwrap();
        pass(Duration::from_millis(250)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_minute_are_fetched_each_half_minute() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), Duration::from_secs(60)));
    four_calls_a_second(&rig, 300).await;
    assert_eq!((rig.fetches(), rig.stats().waits), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn tokens_of_five_minutes_are_fetched_each_half_of_that() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), Duration::from_secs(300)));
    four_calls_a_second(&rig, 1500).await;
    assert_eq!((rig.fetches(), rig.stats().waits), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_25_s_under_tokens_of_60_s_is_not_felt() {
    let jitters: [fn() -> u64; 2] = [|| 0, || u64::MAX];
    for jitter in jitters {
        // The outage begins at each quarter of a second between two renewals.
        for begins in 1..=120 {
            let failures = outage_of_25_s(jitter, begins).await;
            assert!(failures <= 9, "{failures} fetches failed");
        }
    }
}

async fn outage_of_25_s(jitter: fn() -> u64, begins: u64) -> u64 {
    let answer = |fetch| Answer::token(format!("t{fetch}"), Duration::from_secs(60));
    let rig = Rig::with_jitter(jitter, answer);
    four_calls_a_second(&rig, 1).await;
    pass(Duration::from_millis(250) * u32::try_from(begins).unwrap()).await;
    rig.issuer.direct(|_| Answer::error(Unavailable));
    four_calls_a_second(&rig, 25).await;
    rig.issuer.direct(answer);
    four_calls_a_second(&rig, 5).await;
    rig.stats().failures
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_leaves_time_for_another_try() {
    let minute = Duration::from_secs(60);
    let rig = Rig::new(move |fetch| match fetch {
        2 => Answer::silence(),
        _ => Answer::token(format!("t{fetch}"), minute),
    });
    four_calls_a_second(&rig, 50).await;
    assert_eq!(rig.text().await, "t3");
    assert_eq!(rig.stats().waits, 1);
}
