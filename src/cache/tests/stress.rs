use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::*;
use crate::source::{TokenFuture, TokenSource};

const TASKS: usize = 64;
const CALLS: usize = 150;

/// An upper bound that no call comes near unless a wake-up was lost: pauses end within 200 ms.
const BOUND: Duration = Duration::from_secs(4);

/// Answers as the number of the fetch decides, and notices a second fetch while one is under way.
struct Erratic {
    clock: TestClock,
    under_way: AtomicBool,
    overlaps: AtomicU64,
    fetches: AtomicU64,
}

struct Leaves<'a>(&'a AtomicBool);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl TokenSource for Erratic {
    fn fetch_token<'a>(&'a self, _scope: &'a str) -> TokenFuture<'a> {
        Box::pin(async {
            if self.under_way.swap(true, Ordering::SeqCst) {
                self.overlaps.fetch_add(1, Ordering::SeqCst);
            }
            let _leaves = Leaves(&self.under_way);
            let number = self.fetches.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(number % 3)).await;
            match number % 8 {
                3 => panic!("as told"),
                6 => Err(failure(TokenErrorKind::Unavailable)),
                _ => Ok(token(&format!("t{number}"), self.clock.now().wall + HOUR)),
            }
        })
    }
}

impl fmt::Debug for Erratic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erratic")
    }
}

/// One call: some give up early, some reject what they get, and under some the token expires.
async fn call(cache: &TokenCache, clock: &TestClock, random: &mut Random) {
    let patience = match random.below(4) {
        0 => Duration::from_micros(random.below(2000)),
        _ => BOUND,
    };
    match timeout(patience, cache.token()).await {
        Ok(Ok(token)) if random.below(2) == 0 => cache.invalidate(&token),
        Ok(Ok(_)) if random.below(8) == 0 => clock.step_wall(3600),
        Ok(_) => sleep(Duration::from_millis(random.below(5))).await,
        Err(_) => assert!(patience < BOUND, "a caller was not woken"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_two_fetches_at_once_and_no_lost_wake_up() {
    let clock = TestClock::new();
    let source = Arc::new(Erratic {
        clock: clock.clone(),
        under_way: AtomicBool::default(),
        overlaps: AtomicU64::default(),
        fetches: AtomicU64::default(),
    });
    let pause = Duration::from_millis(100);
    let policy = RefreshPolicy::default().backoff(pause, pause).unwrap();
    let cache = TokenCache::assemble(source.clone(), SCOPE, policy, clock.clone(), || 0);
    let guard = cache.keep_fresh(|_| {});
    let mut tasks = JoinSet::new();
    for seed in 0..TASKS as u64 {
        let (cache, clock) = (cache.clone(), clock.clone());
        tasks.spawn(async move {
            // Which thread comes first is the only thing that differs between runs.
            let mut random = Random(seed);
            for _ in 0..CALLS {
                call(&cache, &clock, &mut random).await;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    drop(guard);
    assert_eq!(source.overlaps.load(Ordering::SeqCst), 0);
    let stats = cache.stats();
    assert!(stats.fetches > 10 && stats.failures > 0 && stats.forced > 0, "{stats:?}");
}
