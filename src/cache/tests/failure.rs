use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::time::Instant;

use super::*;
use TokenErrorKind::{Denied, Interrupted, InvalidToken, Timeout, Unavailable};

const FIVE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_all_who_waited_for_it() {
    let rig = Rig::new(|_| Answer::error(Denied).after(FIVE));
    let start = Instant::now();
    let callers: Vec<_> = (0..10_000)
        .map(|_| {
            tokio::spawn({
                let cache = rig.cache.clone();
                async move { cache.token().await }
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), Denied);
        assert_eq!(start.elapsed(), FIVE);
    }
    assert_eq!(rig.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_held_for_callers_without_a_token() {
    let rig = Rig::new(|_| Answer::error(Unavailable).after(FIVE));
    assert_eq!(rig.error().await, Unavailable);
    let start = Instant::now();
    for _ in 0..1000 {
        assert_eq!(rig.error().await, Unavailable);
    }
    assert_eq!((rig.fetches(), start.elapsed()), (1, Duration::ZERO));
    pass_s(2).await;
    assert_eq!(rig.error().await, Unavailable);
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_a_few_requests_and_ends_soon_after_the_service_is_back() {
    let rig = Rig::new(|_| Answer::error(Unavailable));
    for _ in 0..600 {
        assert_eq!(rig.error().await, Unavailable);
        pass_s(1).await;
    }
    assert!(rig.fetches() <= 65, "{} fetches in ten minutes", rig.fetches());
    rig.issuer.direct(|_| Answer::token("a", DAY));
    pass_s(10).await;
    assert_eq!(rig.text().await, "a");
}

#[tokio::test(start_paused = true)]
async fn a_good_token_survives_an_outage_of_half_its_life() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    rig.cache.warm_up().await.unwrap();
    rig.issuer.direct(|_| Answer::error(Unavailable));
    pass(DAY / 2).await;
    let minutes = 12 * 60 - 1;
    for _ in 0..minutes {
        assert_eq!(rig.text().await, "a");
        pass_s(60).await;
    }
    let stats = rig.stats();
    assert!(stats.failures <= minutes, "{} fetches failed", stats.failures);
    assert!(stats.served_while_failing >= minutes - 1);
    assert_eq!(stats.last_error.unwrap().kind(), Unavailable);
    pass_s(60).await;
    assert_eq!(rig.error().await, Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_hung_source_is_bounded_by_the_fetch_deadline() {
    let rig = Rig::new(|_| Answer::silence());
    let start = Instant::now();
    assert_eq!(rig.error().await, Timeout);
    assert_eq!(start.elapsed().as_secs(), 90);
    assert_eq!(rig.issuer.ended(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_from_the_source_is_an_error_that_backs_off() {
    let rig = Rig::new(|_| unreachable!());
    let expired = token("a", rig.clock.now().wall - HOUR);
    rig.issuer.direct(move |_| Answer::fixed(&expired));
    for _ in 0..1000 {
        assert_eq!(rig.error().await, InvalidToken);
    }
    assert_eq!(rig.fetches(), 1);
    let error = rig.cache.token().await.unwrap_err();
    assert_eq!(error.source_name(), "test issuer");
    assert!(error.hint().contains("clock"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_source_poisons_nothing() {
    let rig = Rig::new(|fetch| match fetch {
        1 => Answer::panic().after(FIVE),
        _ => Answer::token("a", DAY),
    });
    let (one, other) = tokio::join!(rig.error(), rig.error());
    assert_eq!((one, other), (Interrupted, Interrupted));
    assert_eq!(rig.text().await, "a");
    assert_eq!((rig.fetches(), rig.stats().failures), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_always_panics_is_held_off() {
    let rig = Rig::new(|_| Answer::panic());
    for _ in 0..100 {
        assert_eq!(rig.error().await, Interrupted);
    }
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_token_is_held_fails_nobody() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    rig.cache.warm_up().await.unwrap();
    rig.issuer.direct(|_| Answer::panic());
    pass(DAY / 2).await;
    for _ in 0..100 {
        assert_eq!(rig.text().await, "a");
        settle().await;
    }
    assert_eq!(rig.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_dropped_aborts_the_fetch() {
    let rig = Rig::new(|_| Answer::silence());
    let Rig { issuer, cache, .. } = rig;
    let other = cache.clone();
    let caller = tokio::spawn(async move { cache.token().await });
    settle().await;
    caller.abort();
    settle().await;
    assert_eq!((issuer.fetches(), issuer.ended()), (1, 0));
    drop(other);
    settle().await;
    assert_eq!(issuer.ended(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_for_another_service_is_an_error_and_the_good_one_stays() {
    let of_service = |aud: &str| {
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"aud":"{aud}"}}"#));
        format!("e30.{claims}.c2ln")
    };
    let foreign = of_service("https://graph.microsoft.com");
    let rig = Rig::new({
        let foreign = foreign.clone();
        move |_| Answer::token(foreign.clone(), DAY)
    });
    assert_eq!(rig.error().await, InvalidToken);
    pass_s(60).await;

    let ours = of_service("https://ossrdbms-aad.database.windows.net");
    rig.issuer.direct({
        let ours = ours.clone();
        move |_| Answer::token(ours.clone(), DAY)
    });
    assert_eq!(rig.text().await, ours);
    rig.issuer.direct(move |_| Answer::token(foreign.clone(), DAY));
    pass_s(13 * 3600).await;
    assert_eq!(rig.text().await, ours);
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_own_claim_says_that_it_has_expired_is_never_served() {
    let clock = TestClock::new();
    let now = clock.now().wall;
    let exp = |exp: u64| {
        let payload = URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}"));
        // Whoever made it says that it lasts another hour.
        AccessToken::new(format!("e30.{payload}.c2ln"), now + HOUR).unwrap()
    };
    let unix = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    for past in [1, unix - 86_400, unix - 3600, unix - 60] {
        let token = exp(past);
        let rig = Rig::new(move |_| Answer::fixed(&token));
        assert_eq!(rig.error().await, TokenErrorKind::InvalidToken, "{past}");
    }
    let token = exp(unix + 600);
    let rig = Rig::new(move |_| Answer::fixed(&token));
    assert_eq!(rig.cache.token().await.unwrap().expires_on(), now + Duration::from_secs(600));
}
