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
//! sixth of the rounds. Expect ratios that can't be told from 1.

#[path = "../common/mod.rs"]
mod common;
mod fixed_password;
mod pools;

use std::time::Duration;

use common::{
    azure::{connector, fixed_config},
    report::{self, Samples},
};
use fixed_password::FixedPassword;
use pools::{Pool, SIZE};
use postgres_entra::{TlsBackend, emulator::LocalAzure};
use tokio::task::JoinSet;

const ROUNDS: usize = 63;

fn main() {
    let azure = LocalAzure::start_blocking().expect("a local Azure");
    common::runtime().block_on(run(&azure));
}

async fn run(azure: &LocalAzure) {
    let connector = connector(azure, TlsBackend::NativeTls);
    let fixed = FixedPassword::new(azure, fixed_config(azure, &connector).await);
    compare("deadpool", ROUNDS, || pools::deadpool(&connector), || fixed.deadpool()).await;
    compare("bb8", ROUNDS, || pools::bb8(&connector), || fixed.bb8()).await;
    compare("diesel-async", ROUNDS, || pools::diesel(&connector), || fixed.diesel()).await;
    compare("sqlx", ROUNDS / 6, || pools::sqlx(&connector), || fixed.sqlx()).await;
}

async fn compare<A, B, OpenA, OpenB>(name: &str, rounds: usize, ours: OpenA, fixed: OpenB)
where
    A: Pool,
    B: Pool,
    OpenA: AsyncFn() -> A,
    OpenB: AsyncFn() -> B,
{
    let rounds = report::rounds(rounds);
    let (mut our_times, mut fixed_times) = (Samples::default(), Samples::default());
    for round in 0..rounds {
        if round % 2 == 0 {
            storm(&mut our_times, ours().await).await;
            storm(&mut fixed_times, fixed().await).await;
        } else {
            storm(&mut fixed_times, fixed().await).await;
            storm(&mut our_times, ours().await).await;
        }
    }
    let connections = rounds * SIZE;
    println!("{name:<13} {connections} connections     {:8.2} s", our_times.total());
    println!("{name:<13} with a fixed password {:8.2} s", fixed_times.total());
    println!("{name:<13} ratio                 {}\n", our_times.ratio_to(&fixed_times));
}

/// Times how long the pool takes until all of its connections are in use, and closes them.
async fn storm<P: Pool>(times: &mut Samples, pool: P) {
    let demands: JoinSet<_> = (0..SIZE)
        .map(|_| {
            let pool = pool.clone();
            async move { pool.take().await }
        })
        .collect();
    drop(times.time(demands.join_all()).await);
    drop(pool);
    // Lets the server end its sessions, so that the next round doesn't pay for them.
    tokio::time::sleep(Duration::from_millis(50)).await;
}
