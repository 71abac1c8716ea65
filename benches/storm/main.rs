//! What a storm of new connections costs through each pool, beside the same pool with the same token as
//! a fixed password: 1,008 connections, 16 of them at once.
//!
//! ```sh
//! cargo bench --bench storm --all-features
//! ```
//!
//! Each of the 63 rounds opens a new pool of each kind, takes all of its 16 connections at once, and closes
//! it; which pool goes first alternates. The time is from the first demand until the last connection is
//! there. sqlx connects by itself in both cases, builds a TLS connector for each connection, and gets a
//! sixth of the rounds. r2d2 opens three connections at a time, for as many threads as there are demands.
//! Programs that connect through the proxy are beside those that connect to the server with TLS of their
//! own. Expect ratios that can't be told from 1, and a little more for the proxy.

#[path = "../common/mod.rs"]
mod common;
mod fixed_password;
mod pools;

use std::{
    thread,
    time::{Duration, Instant},
};

use common::{
    azure::{connector, fixed_config},
    report::{self, Samples},
};
use fixed_password::FixedPassword;
use pools::{Pool, SIZE, ThroughProxy};
use postgres_entra::{TlsBackend, emulator::LocalAzure, proxy::Proxy};
use r2d2::ManageConnection;
use tokio::task::JoinSet;

const ROUNDS: usize = 63;

/// In which the server ends its sessions, so that the next round doesn't pay for them.
const PAUSE: Duration = Duration::from_millis(50);

fn main() {
    let azure = LocalAzure::start_blocking().expect("a local Azure");
    let runtime = common::runtime();
    let connector = connector(&azure, TlsBackend::NativeTls);
    let fixed = FixedPassword::new(&azure, runtime.block_on(fixed_config(&azure, &connector)));
    compare(
        "deadpool",
        ROUNDS,
        || runtime.block_on(async { storm(pools::deadpool(&connector).await).await }),
        || runtime.block_on(async { storm(fixed.deadpool().await).await }),
    );
    compare(
        "bb8",
        ROUNDS,
        || runtime.block_on(async { storm(pools::bb8(&connector).await).await }),
        || runtime.block_on(async { storm(fixed.bb8().await).await }),
    );
    compare(
        "diesel-async",
        ROUNDS,
        || runtime.block_on(async { storm(pools::diesel(&connector).await).await }),
        || runtime.block_on(async { storm(fixed.diesel().await).await }),
    );
    compare(
        "sqlx",
        ROUNDS / 6,
        || runtime.block_on(async { storm(pools::sqlx(&connector).await).await }),
        || runtime.block_on(async { storm(fixed.sqlx().await).await }),
    );
    compare(
        "r2d2",
        ROUNDS,
        || storm_of_threads(&pools::r2d2(&connector)),
        || storm_of_threads(&fixed.r2d2()),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::builder(&connector).unix_socket(folder.path().join("proxy"));
    let proxy = runtime.block_on(proxy.start()).expect("a proxy");
    compare(
        "proxy",
        ROUNDS,
        || runtime.block_on(storm(ThroughProxy::new(&proxy))),
        || runtime.block_on(storm(fixed.clone())),
    );
    runtime.block_on(async { drop(proxy) });
}

/// Times of both, each once a round.
fn compare(name: &str, rounds: usize, ours: impl Fn() -> Duration, fixed: impl Fn() -> Duration) {
    let rounds = report::rounds(rounds);
    let (mut our_times, mut fixed_times) = (Samples::default(), Samples::default());
    for round in 0..rounds {
        if round % 2 == 0 {
            our_times.add(ours());
            fixed_times.add(fixed());
        } else {
            fixed_times.add(fixed());
            our_times.add(ours());
        }
    }
    let connections = rounds * SIZE;
    println!("{name:<13} {connections} connections     {:8.2} s", our_times.total());
    println!("{name:<13} with a fixed password {:8.2} s", fixed_times.total());
    println!("{name:<13} ratio                 {}\n", our_times.ratio_to(&fixed_times));
}

/// How long the pool takes until all of its connections are in use. Then they are closed.
async fn storm<P: Pool>(pool: P) -> Duration {
    let demands: JoinSet<_> = (0..SIZE)
        .map(|_| {
            let pool = pool.clone();
            async move { pool.take().await }
        })
        .collect();
    let started = Instant::now();
    let connections = demands.join_all().await;
    let taken = started.elapsed();
    drop((connections, pool));
    tokio::time::sleep(PAUSE).await;
    taken
}

/// The same in blocking code: threads in place of tasks.
fn storm_of_threads<M: ManageConnection>(pool: &r2d2::Pool<M>) -> Duration {
    let take = || pool.get().expect("a connection");
    let started = Instant::now();
    let connections: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..SIZE).map(|_| scope.spawn(take)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let taken = started.elapsed();
    drop(connections);
    thread::sleep(PAUSE);
    taken
}
