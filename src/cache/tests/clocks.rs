use super::*;

#[tokio::test(start_paused = true)]
async fn a_token_that_expired_during_a_suspend_is_not_served() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), HOUR));
    assert_eq!(rig.text().await, "t1");
    rig.clock.step_wall(3600);
    assert_eq!(rig.text().await, "t2");
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_does_not_keep_an_expired_token() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), HOUR));
    assert_eq!(rig.text().await, "t1");
    rig.clock.step_wall(-86_400);
    pass(HOUR).await;
    assert_eq!(rig.text().await, "t2");
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_and_back_does_not_lose_a_valid_token() {
    let rig = Rig::new(|_| Answer::token("a", HOUR));
    rig.cache.warm_up().await.unwrap();
    rig.issuer.direct(|_| Answer::error(TokenErrorKind::Unavailable));
    rig.clock.step_wall(86_400);
    assert_eq!(rig.error().await, TokenErrorKind::Unavailable);
    rig.clock.step_wall(-86_400);
    assert_eq!(rig.text().await, "a");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_wanders_leads_to_no_storm() {
    let rig = Rig::new(|_| unreachable!());
    let same = token("a", rig.clock.now().wall + DAY);
    rig.issuer.direct(move |_| Answer::fixed(&same));
    for step in [7200, -7200, 43_200, -86_400, 43_200].repeat(20) {
        rig.clock.step_wall(step);
        for _ in 0..5 {
            rig.cache.token().await.unwrap();
            settle().await;
        }
        pass_s(1).await;
    }
    // 100 s with a floor of 10 s between fetches that bring the same token.
    assert!(rig.fetches() <= 12, "{} fetches", rig.fetches());
}
