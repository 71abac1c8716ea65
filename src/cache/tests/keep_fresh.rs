use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::*;
use crate::cache::KeepFresh;
use TokenErrorKind::Unavailable;

/// Remembers the texts of the tokens that a callback saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn watch(&self, cache: &TokenCache) -> KeepFresh {
        let seen = self.clone();
        cache.keep_fresh(move |token| seen.0.lock().unwrap().push(token.secret().to_owned()))
    }

    fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn rotating() -> Rig {
    Rig::new(|fetch| Answer::token(format!("t{fetch}"), HOUR))
}

#[tokio::test(start_paused = true)]
async fn the_token_is_renewed_in_time_without_a_caller() {
    let (rig, seen) = (rotating(), Seen::default());
    let _guard = seen.watch(&rig.cache);
    tokio::time::sleep(HOUR + HOUR / 4).await;
    assert_eq!(seen.texts(), ["t1", "t2", "t3"]);
    assert_eq!((rig.fetches(), rig.stats().waits), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn the_callback_begins_with_the_current_token() {
    let (rig, seen) = (rotating(), Seen::default());
    rig.cache.warm_up().await.unwrap();
    let _guard = seen.watch(&rig.cache);
    settle().await;
    assert_eq!(seen.texts(), ["t1"]);
}

#[tokio::test(start_paused = true)]
async fn the_callback_sees_tokens_that_others_fetched() {
    let (rig, seen) = (rotating(), Seen::default());
    let _guard = seen.watch(&rig.cache);
    settle().await;
    rig.cache.invalidate(&rig.cache.token().await.unwrap());
    settle().await;
    assert_eq!(seen.texts(), ["t1", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn guards_share_fetches() {
    let (rig, one, other) = (rotating(), Seen::default(), Seen::default());
    let _guards = (one.watch(&rig.cache), other.watch(&rig.cache));
    tokio::time::sleep(HOUR * 3 / 4).await;
    assert_eq!(rig.fetches(), 2);
    assert_eq!((one.texts(), other.texts()), (seen_two(), seen_two()));
}

fn seen_two() -> Vec<String> {
    vec!["t1".to_owned(), "t2".to_owned()]
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_by_backoff() {
    let (rig, seen) = (rotating(), Seen::default());
    rig.issuer.direct(|fetch| match fetch {
        1..=3 => Answer::error(Unavailable),
        _ => Answer::token("a", DAY),
    });
    let _guard = seen.watch(&rig.cache);
    // Pauses of 2, 4 and 8 s.
    tokio::time::sleep(Duration::from_secs(13)).await;
    assert_eq!((rig.fetches(), seen.texts().len()), (3, 0));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((rig.fetches(), seen.texts()), (4, vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_repeats_its_token_causes_no_storm() {
    let rig = rotating();
    let same = token("a", rig.clock.now().wall + HOUR);
    rig.issuer.direct(move |_| Answer::fixed(&same));
    let seen = Seen::default();
    let _guard = seen.watch(&rig.cache);
    tokio::time::sleep(HOUR * 2).await;
    assert_eq!(seen.texts(), ["a"]);
    // Halvings down to the floor; then the token is expired, and tries end at one a minute.
    assert!(rig.fetches() <= 80, "{} fetches", rig.fetches());
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_wall_clock_is_noticed_within_the_longest_sleep() {
    let (rig, seen) = (rotating(), Seen::default());
    let _guard = seen.watch(&rig.cache);
    settle().await;
    rig.clock.step_wall(1800);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(seen.texts(), ["t1", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_guard_stops_at_once() {
    let (rig, seen) = (rotating(), Seen::default());
    let guard = seen.watch(&rig.cache);
    settle().await;
    drop(guard);
    pass(DAY).await;
    assert_eq!((rig.fetches(), seen.texts().len()), (1, 1));
    rig.cache.warm_up().await.unwrap();
    settle().await;
    assert_eq!(seen.texts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_guard_dropped_before_its_task_ran_calls_nothing() {
    let (rig, seen) = (rotating(), Seen::default());
    rig.cache.warm_up().await.unwrap();
    drop(seen.watch(&rig.cache));
    settle().await;
    assert_eq!(seen.texts().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_guard_keeps_the_cache_alive_and_dropping_it_aborts_the_fetch() {
    let rig = Rig::new(|_| Answer::silence());
    let Rig { issuer, cache, .. } = rig;
    let guard = Seen::default().watch(&cache);
    drop(cache);
    settle().await;
    assert_eq!((issuer.fetches(), issuer.ended()), (1, 0));
    drop(guard);
    settle().await;
    assert_eq!(issuer.ended(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_panics_breaks_nothing() {
    let (rig, calls) = (rotating(), Arc::new(AtomicU64::new(0)));
    let _guard = rig.cache.keep_fresh({
        let calls = calls.clone();
        move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            panic!("as told");
        }
    });
    tokio::time::sleep(HOUR * 3 / 4).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(rig.text().await, "t2");
}

#[tokio::test(start_paused = true)]
async fn nor_does_one_whose_panic_panics_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as told");
        }
    }
    let (rig, calls) = (rotating(), Arc::new(AtomicU64::new(0)));
    let _guard = rig.cache.keep_fresh({
        let calls = calls.clone();
        move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            std::panic::panic_any(Bomb);
        }
    });
    tokio::time::sleep(HOUR * 3 / 4).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_callback_may_use_the_cache_and_drop_its_own_guard() {
    let (rig, guard) = (rotating(), Arc::new(Mutex::new(None::<KeepFresh>)));
    let started = rig.cache.keep_fresh({
        let (cache, guard) = (rig.cache.clone(), guard.clone());
        move |token| {
            cache.invalidate(token);
            assert_eq!(cache.stats().fetches, 1);
            guard.lock().unwrap().take();
        }
    });
    *guard.lock().unwrap() = Some(started);
    tokio::time::sleep(DAY).await;
    assert_eq!(rig.fetches(), 1);
}
