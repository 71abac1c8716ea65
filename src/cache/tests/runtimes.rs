use std::{
    error::Error,
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

use super::*;
use TokenErrorKind::{Configuration, Interrupted};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Starts a fetch that doesn't end by itself on a runtime of its own, and returns that runtime.
fn fetching(rig: &Rig) -> Runtime {
    rig.issuer.direct(|_| Answer::silence());
    let runtime = runtime();
    runtime.block_on(async {
        let call = tokio::time::timeout(Duration::from_millis(1), rig.cache.token());
        assert!(call.await.is_err());
    });
    runtime
}

#[test]
fn an_ended_runtime_poisons_nothing() {
    let rig = Rig::new(|_| Answer::silence());
    drop(fetching(&rig));
    assert_eq!(rig.stats().last_error.unwrap().kind(), Interrupted);
    rig.issuer.direct(|_| Answer::token("a", DAY));
    assert_eq!(runtime().block_on(rig.text()), "a");
    assert_eq!(rig.fetches(), 2);
}

#[test]
fn those_who_wait_on_another_runtime_are_told_that_it_was_interrupted() {
    let rig = Rig::new(|_| Answer::silence());
    let first = fetching(&rig);
    let cache = rig.cache.clone();
    let other = thread::spawn(move || runtime().block_on(cache.token()));
    while rig.stats().waits < 2 {
        thread::yield_now();
    }
    drop(first);
    assert_eq!(other.join().unwrap().unwrap_err().kind(), Interrupted);
    assert_eq!(rig.fetches(), 1);
}

#[test]
fn many_runtimes_that_end_early_hold_nothing_off() {
    let rig = Rig::new(|_| Answer::silence());
    for _ in 0..5 {
        drop(fetching(&rig));
    }
    rig.issuer.direct(|_| Answer::token("a", DAY));
    assert_eq!(runtime().block_on(rig.text()), "a");
}

/// A runtime of a single thread does nothing outside `block_on`, not even what ends a fetch in time.
#[test]
fn a_fetch_on_a_runtime_that_nobody_runs_is_given_up() {
    let rig = Rig::new(|_| Answer::silence());
    let idle = fetching(&rig);
    rig.issuer.direct(|_| Answer::token("a", DAY));
    let paused = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let soon = Duration::from_secs(10);
    let text = paused.block_on(async { tokio::time::timeout(soon, rig.text()).await });
    assert_eq!(text.expect("long before the fetch's deadline"), "a");
    assert_eq!(rig.fetches(), 2);
    assert_eq!(rig.stats().last_error.unwrap().kind(), Interrupted);
    // Nothing comes of it when it is run again.
    idle.block_on(settle());
    drop(idle);
    let stats = rig.stats();
    assert_eq!((stats.failures, stats.fetches, stats.waits), (1, 2, 2));
}

#[test]
fn a_runtime_without_timers_is_a_clear_error() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    let without = Builder::new_current_thread().build().unwrap();
    let error = without.block_on(rig.cache.token()).unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.to_string().contains("timers"), "{error}");
    assert!(error.hint().contains("enable_all"), "{error}");
    assert_eq!(rig.fetches(), 0);
    assert_eq!(runtime().block_on(rig.text()), "a");
}

#[test]
fn a_runtime_without_timers_is_a_clear_error_also_while_another_one_fetches() {
    let rig = Rig::new(|_| Answer::silence());
    let fetching = fetching(&rig);
    let without = Builder::new_current_thread().build().unwrap();
    let error = without.block_on(rig.cache.token()).unwrap_err();
    assert_eq!(error.kind(), Configuration, "{error}");
    drop(fetching);
}

#[test]
fn a_held_token_is_served_without_timers() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    assert_eq!(runtime().block_on(rig.text()), "a");
    rig.clock.step_wall(50_000);
    let without = Builder::new_current_thread().build().unwrap();
    assert_eq!(without.block_on(rig.text()), "a");
    assert_eq!(rig.fetches(), 1, "it is due, and renewed where there are timers");
}

#[test]
#[should_panic(expected = "keep_fresh needs a tokio runtime with timers")]
fn keeping_a_token_fresh_without_timers_fails_where_it_is_asked_for() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    let without = Builder::new_current_thread().build().unwrap();
    without.block_on(async { drop(rig.cache.keep_fresh(|_| ())) });
}

/// A source may block its thread, though it should not. Who waits on another thread of the same runtime waits no
/// longer than one whose runtime is another.
#[test]
fn who_waits_for_a_source_that_blocks_its_thread_has_a_deadline() {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    // Gone before the runtime is, which waits for its threads.
    let (release, blocked) = mpsc::channel::<()>();
    let (blocked, is_first) = (Mutex::new(blocked), AtomicBool::new(true));
    let source = crate::source::from_fn(move |_| {
        if is_first.swap(false, Ordering::SeqCst) {
            let _ = blocked.lock().unwrap().recv();
        }
        async { AccessToken::new("a", SystemTime::now() + DAY) }
    });
    let policy = RefreshPolicy::default().fetch_deadline(Duration::from_secs(1)).unwrap();
    let cache = TokenCache::with_policy(source, SCOPE, policy);
    let (done, answer) = mpsc::channel();
    let caller = cache.clone();
    runtime.spawn(async move { done.send(caller.token().await.map(drop)) });
    answer.recv_timeout(Duration::from_secs(30)).expect("an answer in time").unwrap();
    assert_eq!(cache.stats().fetches, 2, "the first is given up");
    drop(release);
}

/// Asks its cache for the figures when it is dropped.
#[derive(Debug)]
struct Nosy(Option<TokenCache>, mpsc::Sender<u64>);

impl fmt::Display for Nosy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cause")
    }
}

impl Error for Nosy {}

impl Drop for Nosy {
    fn drop(&mut self) {
        let failures = self.0.take().map(|cache| cache.stats().failures);
        let _ = self.1.send(failures.unwrap_or_default());
    }
}

#[test]
fn a_cause_that_comes_back_when_it_is_dropped_meets_no_lock() {
    let (tell, failures) = mpsc::channel();
    thread::spawn(move || {
        let paused = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        paused.block_on(async {
            let rig = Rig::new(|_| Answer::silence());
            let nosy = Nosy(Some(rig.cache.clone()), tell);
            let error = failure(TokenErrorKind::Denied).with_cause(nosy);
            rig.issuer.direct(move |_| Answer::failing(error.clone()));
            rig.error().await;
            rig.issuer.direct(|_| Answer::error(TokenErrorKind::Denied));
            pass(HOUR).await;
            rig.error().await;
        });
    });
    // Another error has taken its place by then.
    let failures = failures.recv_timeout(Duration::from_secs(30)).expect("no lock for ever");
    assert_eq!(failures, 2);
}

#[test]
fn outside_a_runtime_a_rejected_token_is_served_again() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    let token = runtime().block_on(rig.cache.token()).unwrap();
    assert_eq!(poll_once(rig.cache.replace(&token)).unwrap().secret(), "a");
}

#[test]
fn a_runtime_that_is_shutting_down_does_not_hang_or_panic() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    let ended = runtime();
    let handle = ended.handle().clone();
    drop(ended);
    let _entered = handle.enter();
    let outcome = poll_once(rig.cache.token());
    assert_eq!(outcome.unwrap_err().kind(), Interrupted);
}

#[test]
fn outside_a_runtime_a_fetch_is_a_clear_error_and_a_held_token_is_served() {
    let rig = Rig::new(|_| Answer::token("a", DAY));
    let error = poll_once(rig.cache.token()).unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.to_string().contains("tokio runtime"), "{error}");
    assert_eq!(runtime().block_on(rig.text()), "a");
    assert_eq!(poll_once(rig.cache.token()).unwrap().secret(), "a");
    rig.clock.step_wall(43_200);
    assert_eq!(poll_once(rig.cache.token()).unwrap().secret(), "a");
    assert_eq!(rig.fetches(), 1);
}

/// Polls once, without a runtime: enough for a future that has nothing to wait for.
fn poll_once<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the future waits"),
    }
}
