//! What happens when 10,000 tasks ask an empty cache for a token at once: how many requests reach the
//! identity service, and how long the last caller waits, with a service that answers and with one that
//! fails.
//!
//! ```sh
//! cargo bench --bench herd
//! ```
//!
//! The service takes 50 ms to answer. Expect one request, and a last caller who waits little longer than
//! that. After a failure, those who ask again at once get its error without a request.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use common::{DAY, SCOPE, report::rounds, runtime};
use postgres_entra::{AccessToken, TokenCache, TokenError, TokenErrorKind, source::from_fn};
use tokio::task::JoinSet;

const CALLERS: usize = 10_000;
const ROUNDS: usize = 20;
const LATENCY: Duration = Duration::from_millis(50);

fn main() {
    println!("{CALLERS} callers of an empty cache, median of {} rounds", rounds(ROUNDS));
    println!("{:<28}{:>10}{:>10}{:>16}", "", "requests", "errors", "last caller");
    runtime().block_on(async {
        measure("a service that answers", answer).await;
        measure("a service that fails", fail).await;
    });
}

fn answer() -> Result<AccessToken, TokenError> {
    AccessToken::new("eyJ0.eyJh.c2ln", SystemTime::now() + DAY)
}

fn fail() -> Result<AccessToken, TokenError> {
    Err(TokenError::new(TokenErrorKind::Unavailable, "benchmark", "as told"))
}

/// What reached the service and the callers in one round of calls.
struct Calls {
    requests: u64,
    errors: usize,
    last_caller: Duration,
}

async fn measure(name: &str, reply: fn() -> Result<AccessToken, TokenError>) {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..rounds(ROUNDS) {
        let (cache, requests) = counted_cache(reply);
        first.push(ask(&cache, &requests).await);
        again.push(ask(&cache, &requests).await);
    }
    print(name, first);
    print("  and again at once", again);
}

/// The most requests and errors of all rounds, and the median of the times.
fn print(name: &str, mut taken: Vec<Calls>) {
    taken.sort_by_key(|calls| calls.last_caller);
    let requests = taken.iter().map(|calls| calls.requests).max().unwrap_or_default();
    let errors = taken.iter().map(|calls| calls.errors).max().unwrap_or_default();
    let last_caller = taken[taken.len() / 2].last_caller.as_secs_f64() * 1000.0;
    println!("{name:<28}{requests:>10}{errors:>10}{last_caller:>13.1} ms");
}

fn counted_cache(reply: fn() -> Result<AccessToken, TokenError>) -> (TokenCache, Arc<AtomicU64>) {
    let requests = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&requests);
    let source = from_fn(move |_scope| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::time::sleep(LATENCY).await;
            reply()
        }
    });
    (TokenCache::new(source, SCOPE), requests)
}

/// Lets all callers ask at once, and waits for the last.
async fn ask(cache: &TokenCache, requests: &AtomicU64) -> Calls {
    let before = requests.load(Ordering::SeqCst);
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let cache = cache.clone();
        callers.spawn(async move { cache.token().await.is_err() });
    }
    let errors = callers.join_all().await.into_iter().filter(|&failed| failed).count();
    let requests = requests.load(Ordering::SeqCst) - before;
    Calls { requests, errors, last_caller: started.elapsed() }
}
