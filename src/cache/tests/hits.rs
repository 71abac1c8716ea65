//! Hits take no lock: what they go by is what the state behind the lock says.

use std::{
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant as RealInstant},
};

use futures_util::FutureExt;

use super::{
    story::{Event, Story},
    *,
};
use crate::cache::{slot::Published, state::Decision};
use TokenErrorKind::{Denied, Throttled, Unavailable};

/// Something that happens, and how many seconds after what came before.
fn happening(random: &mut Random) -> (u64, Event) {
    let name = ["a", "b"][random.below(2) as usize];
    let (life, step) = (random.below(4000), random.below(7200) as i64 - 3600);
    let event = match random.below(10) {
        0 | 1 => Event::Fetch,
        2 | 3 => Event::Got(name, life),
        4 => Event::GotRefreshIn(name, life, random.below(4000)),
        5 => Event::Failed([Denied, Unavailable][random.below(2) as usize]),
        6 => Event::Told(Throttled, random.below(120)),
        7 => Event::Rejected(name),
        8 => Event::Set(step),
        _ => Event::Aborted,
    };
    let pause = [3, 90, 1200][random.below(3) as usize];
    (random.below(pause), event)
}

#[test]
fn the_snapshot_serves_exactly_where_the_state_does() {
    let (mut served, mut served_while_due, mut not_served) = (0, 0, 0);
    for seed in 0..2000 {
        let (mut random, mut story, mut second) = (Random(seed), Story::of(&[]), 0);
        for _ in 0..30 {
            let (later, event) = happening(&mut random);
            second += later;
            story.live(second, event);
            let snapshot = story.state.snapshot();
            let failing = snapshot.as_ref().is_some_and(|snapshot| snapshot.failing);
            assert_eq!(failing, story.state.held().is_some() && story.state.failures() > 0);
            for _ in 0..8 {
                // The clocks go on by the same time, or one stands still, as in a suspend.
                let soon = [4, 90, 2400][random.below(3) as usize];
                let (one, other) = (random.below(soon), random.below(soon));
                let monotonic = story.at(second + one).monotonic;
                let wall = story.at(second + [one, other][random.below(2) as usize]).wall;
                let now = Moment { wall, monotonic };
                let hit = snapshot.as_ref().filter(|snapshot| snapshot.serves(now));
                match (story.state.decide(now), hit) {
                    (Decision::Serve(token), Some(snapshot)) => {
                        assert!(token.is_same_as(&snapshot.token));
                        served += 1;
                        let held = story.state.held().unwrap();
                        served_while_due += u64::from(held.is_due(now));
                    }
                    (Decision::Serve(_), None) => panic!("seed {seed}: a hit was missed"),
                    (decision, Some(_)) => panic!("seed {seed}: a hit, and not {decision:?}"),
                    (_, None) => not_served += 1,
                }
            }
        }
    }
    assert!(served > 10_000 && served_while_due > 1000 && not_served > 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_new_snapshot_is_there_after_each_change() {
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), HOUR));
    let published = || {
        let slot = rig.cache.0.slot();
        let published = slot.published();
        let shown = format!("{:?}", published.as_deref().map(Published::snapshot));
        assert_eq!(shown, format!("{:?}", slot.lock().state().snapshot().as_ref()));
        shown
    };
    let mut seen = vec![published()];
    rig.cache.warm_up().await.unwrap();
    seen.push(published());
    let token = rig.cache.token().await.unwrap();
    rig.cache.invalidate(&token);
    seen.push(published());
    rig.issuer.direct(|_| Answer::error(Unavailable).after(Duration::from_secs(1)));
    rig.text().await;
    seen.push(published());
    pass_s(1).await;
    seen.push(published());
    rig.issuer.direct(|_| Answer::silence());
    pass_s(60).await;
    rig.text().await;
    seen.push(published());
    let count = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), count, "a change that changed nothing: {seen:#?}");
}

/// Threads that hit the cache as fast as they can, while its token is renewed every millisecond.
#[test]
fn hits_while_the_token_is_replaced_every_millisecond_neither_wait_nor_get_an_expired_one() {
    const RENEWALS: u64 = 200;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let rig = Rig::new(|fetch| Answer::token(format!("t{fetch}"), HOUR));
    runtime.block_on(rig.cache.warm_up()).unwrap();
    let done = AtomicBool::new(false);
    let hits = thread::scope(|scope| {
        let hit = || {
            let _entered = runtime.enter();
            let mut hits = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let before = rig.clock.now().wall;
                let token = rig.cache.token().now_or_never().expect("no wait").unwrap();
                assert!(token.expires_on() > before, "an expired token");
                hits += 1;
            }
            hits
        };
        let hitters: Vec<_> = (0..8).map(|_| scope.spawn(hit)).collect();
        for _ in 0..RENEWALS {
            let started = RealInstant::now();
            // Half of its life is over at once: the next hit starts a renewal.
            rig.clock.step_wall(1800);
            // The clock was set since the old token came, so the one that is new is younger.
            let is_new = |age: Duration| age < HOUR / 4;
            while !rig.stats().token_age.is_some_and(is_new) {
                assert!(started.elapsed() < Duration::from_secs(20), "no renewal");
                thread::yield_now();
            }
            while started.elapsed() < Duration::from_millis(1) {
                thread::yield_now();
            }
        }
        done.store(true, Ordering::SeqCst);
        hitters.into_iter().map(|hitter| hitter.join().unwrap()).sum::<u64>()
    });
    let stats = rig.stats();
    assert_eq!((stats.waits, stats.failures, stats.fetches), (1, 0, RENEWALS + 1));
    assert_eq!(stats.served_from_cache, hits);
    assert!(hits > RENEWALS, "{hits} hits");
}
