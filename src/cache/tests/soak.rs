use super::*;
use TokenErrorKind::{Throttled, Unavailable};

/// Thirty days of a pool that opens a connection each minute: tokens of a day, an outage of eleven
/// hours each third day, throttling each fifth fetch.
#[tokio::test(start_paused = true)]
async fn thirty_days_without_a_failed_call() {
    let rig = Rig::new(|_| unreachable!());
    let clock = rig.clock.clone();
    rig.issuer.direct(move |fetch| {
        let elapsed = clock.now().monotonic - clock.start.monotonic;
        let (day, hour) = (elapsed.as_secs() / 86_400, elapsed.as_secs() % 86_400 / 3600);
        match fetch {
            _ if day % 3 == 2 && (6..17).contains(&hour) => Answer::error(Unavailable),
            fetch if fetch % 5 == 0 => Answer::error(Throttled),
            fetch => Answer::token(format!("t{fetch}"), DAY),
        }
    });
    for _ in 0..30 * 24 * 60 {
        rig.cache.token().await.unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    let stats = rig.stats();
    assert_eq!(stats.waits, 1);
    let renewals = stats.fetches - stats.failures;
    assert!((58..=64).contains(&renewals), "{renewals} renewals");
    // One request a minute during outages, and none that was not needed otherwise.
    assert!(stats.failures < 10 * 11 * 60 + 20, "{} failures", stats.failures);
}
