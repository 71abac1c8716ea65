//! Pools in bad weather: how many checkouts fail while the identity service, the server and the network
//! between fail at random, and whether any of them need have failed.
//!
//! ```sh
//! cargo bench --bench weather --all-features -- 7 30
//! ```
//!
//! The arguments are the seed of the weather and the minutes that it lasts. The five pools of this crate
//! share a token cache, and each has as many workers as connections, which check out, query and give
//! back, and now and then end their session. Tokens live for a minute. Meanwhile the identity service
//! goes down, stalls or throttles; the server restarts, hangs, refuses or closes; sessions end with FIN or
//! RST or are stopped; the network stands still; the certificate authority is replaced. Then all of it ends.
//!
//! A failed checkout was unavoidable if from its beginning to the end of its limit, also if it gave up
//! sooner, there were no ten seconds in which a server answered and a token could be had. sqlx connects by
//! itself and tries little twice, as its module says, so for it any trouble is an excuse. Whatever else
//! failed is a fault of this crate. The program fails if there was a fault, if anything is left when the
//! pools are closed, or if the memory grows in ten minutes or more.

#![allow(unreachable_pub, reason = "a program has no outside")]

#[path = "../common/chance.rs"]
mod chance;
mod figures;
mod forecast;
mod ledger;
mod network;
mod pools;
mod r2d2;
mod server;
mod sky;
mod station;
mod workers;

use std::{process::ExitCode, time::Duration};

use network::Network;
use postgres_entra::emulator::LocalAzure;

/// How long a token lives.
const TOKEN_LIFE: Duration = Duration::from_secs(60);

/// How long the weather lasts when cargo runs benchmarks as tests.
const SHORT: Duration = Duration::from_secs(20);
/// And when it runs them as benchmarks.
const LONG: Duration = Duration::from_secs(30 * 60);

fn main() -> ExitCode {
    log_what_is_asked_for();
    let (seed, time) = arguments();
    println!("seed {seed}, {} s of weather", time.as_secs());
    let azure = LocalAzure::builder().token_lifetime(TOKEN_LIFE).start_blocking();
    let azure = azure.expect("a local Azure");
    let network = Network::start(azure.server().address()).expect("a network");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    let is_fine = runtime.block_on(station::observe(azure, network, seed, time));
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What `RUST_LOG` says, for whoever looks for the reason of a fault.
fn log_what_is_asked_for() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// The seed, and how long the weather lasts.
fn arguments() -> (u64, Duration) {
    let is_benchmark = std::env::args().any(|argument| argument == "--bench");
    let mut numbers = std::env::args().skip(1).filter(|it| !it.starts_with("--"));
    let seed = numbers.next().map_or(1, |it| it.parse().expect("a seed"));
    let minutes = numbers.next().map(|it| it.parse::<u64>().expect("minutes"));
    let otherwise = if is_benchmark { LONG } else { SHORT };
    (seed, minutes.map_or(otherwise, |it| Duration::from_secs(it * 60)))
}
