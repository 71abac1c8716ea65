//! What a connect pays for its token when the cache holds one: the time of a hit on 1 to 16 threads at
//! once, and beside it the same call on a credential of azure_identity.
//!
//! ```sh
//! cargo bench --bench token_cache --features azure-identity
//! ```
//!
//! Every time is that of one hit as its thread sees it, so threads that wait for each other or for a
//! processor show as longer hits: with two threads a processor, a hit takes twice as long. Expect this
//! cache to be three times as fast as the credential. Both clocks are read in each hit, which takes more
//! than half of its time, and all threads count the references of the same token; the group `parts` shows
//! what these cost. What is allocated is counted by the benchmark `hit_allocations`, since counting slows
//! allocations down.

mod common;

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant, SystemTime},
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const THREADS: [usize; 5] = [1, 2, 4, 8, 16];

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
    let cores = thread::available_parallelism().expect("a number of processors");
    println!("on {cores} processors");
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

/// What a hit can't do without.
fn parts(criterion: &mut Criterion) {
    let token = common::hit(&common::warm_cache());
    let mut group = criterion.benchmark_group("parts");
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("both_clocks", threads), |bencher| {
            bencher.iter_custom(|times| {
                time_on_threads(threads, times, || {
                    black_box((SystemTime::now(), Instant::now()));
                })
            });
        });
        group.bench_function(BenchmarkId::new("a_clone_of_the_token", threads), |bencher| {
            bencher.iter_custom(|times| {
                time_on_threads(threads, times, || drop(black_box(token.clone())))
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
    targets = hits, parts
}
criterion_main!(benches);
