//! What a connect pays for its token when the cache holds one: the time of a hit on one, two and eight
//! threads at once, and beside it the same call on a credential of azure_identity.
//!
//! ```sh
//! cargo bench --bench token_cache --features azure-identity
//! ```
//!
//! Every time is that of one hit as its thread sees it, so threads that wait for each other or for a
//! processor show as longer hits. Expect this cache to be two to three times as fast as the credential:
//! it reads both clocks in each hit, which takes half of the time of a hit, where the credential reads
//! one and copies the token. What is allocated is counted by the benchmark `hit_allocations`, since
//! counting slows allocations down.

mod common;

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const THREADS: [usize; 3] = [1, 2, 8];

/// The mean time that each of some threads needs for its share of hits: this many.
fn time_on_threads(threads: usize, hits: u64, hit: impl Fn() + Sync) -> Duration {
    let start = Barrier::new(threads);
    let run = || {
        start.wait();
        let started = Instant::now();
        (0..hits).for_each(|_| hit());
        started.elapsed()
    };
    let total: Duration = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).sum()
    });
    total / u32::try_from(threads).expect("a small number")
}

fn hits(criterion: &mut Criterion) {
    let cache = common::warm_cache();
    let credential = common::credential::warm_credential();
    let mut group = criterion.benchmark_group("hit");
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("postgres_entra", threads), |bencher| {
            bencher.iter_custom(|hits| {
                time_on_threads(threads, hits, || drop(black_box(common::hit(&cache))))
            });
        });
        group.bench_function(BenchmarkId::new("azure_identity", threads), |bencher| {
            bencher.iter_custom(|hits| {
                time_on_threads(threads, hits, || {
                    drop(black_box(common::credential::hit(&*credential)));
                })
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = hits
}
criterion_main!(benches);
