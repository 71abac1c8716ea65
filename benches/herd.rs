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

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use postgres_entra::{AccessToken, TokenCache, TokenError, TokenErrorKind, source::from_fn};
use tokio::task::JoinSet;

const CALLERS: usize = 10_000;
const ROUNDS: usize = 20;
const LATENCY: Duration = Duration::from_millis(50);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("one");
    println!("{CALLERS} callers of an empty cache, {ROUNDS} rounds, median");
    println!("{:<28}{:>10}{:>10}{:>16}", "", "requests", "errors", "last caller");
    runtime.block_on(async {
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

async fn measure(name: &str, reply: fn() -> Result<AccessToken, TokenError>) {
    let mut waits = Vec::new();
    let (mut requests, mut errors) = (0, 0);
    for _ in 0..ROUNDS {
        let round = herd(reply).await;
        waits.push(round.last_caller);
        requests = requests.max(round.requests);
        errors = errors.max(round.errors);
    }
    waits.sort();
    let last_caller = waits[ROUNDS / 2].as_secs_f64() * 1000.0;
    println!("{name:<28}{requests:>10}{errors:>10}{last_caller:>13.1} ms");

    let again = ask_again(reply).await;
    println!(
        "{:<28}{:>10}{:>10}{:>13.1} ms",
        "  and again at once",
        again.requests,
        again.errors,
        again.last_caller.as_secs_f64() * 1000.0
    );
}

struct Round {
    requests: u64,
    errors: usize,
    last_caller: Duration,
}

/// All callers on a cache that is new.
async fn herd(reply: fn() -> Result<AccessToken, TokenError>) -> Round {
    let (cache, requests) = counted_cache(reply);
    ask(&cache, &requests).await
}

/// All callers once more, after the first have had their answer.
async fn ask_again(reply: fn() -> Result<AccessToken, TokenError>) -> Round {
    let (cache, requests) = counted_cache(reply);
    ask(&cache, &requests).await;
    requests.store(0, Ordering::SeqCst);
    ask(&cache, &requests).await
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
    (TokenCache::new(source, "https://ossrdbms-aad.database.windows.net/.default"), requests)
}

async fn ask(cache: &TokenCache, requests: &AtomicU64) -> Round {
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let cache = cache.clone();
        callers.spawn(async move { cache.token().await.is_err() });
    }
    let errors = callers.join_all().await.into_iter().filter(|&failed| failed).count();
    Round { requests: requests.load(Ordering::SeqCst), errors, last_caller: started.elapsed() }
}
