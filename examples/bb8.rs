//! Twenty queries over a bb8 pool of four connections.
//!
//! With the variables of Service Connector: `cargo run --example bb8 --features bb8`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::{process::ExitCode, time::Duration};

use bb8::Pool;
use common::{Failure, exit};
use postgres_entra::{
    Connector,
    pool::bb8::{ConnectionManager, ErrorLog},
};
use tokio::task::JoinSet;

/// How long a caller waits for a connection.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    // A little less than the pool's own limit, so that a cause is known when that has passed.
    let connector = Connector::builder().deadline(LIMIT * 9 / 10).build()?;
    let manager = ConnectionManager::new(&connector);
    let errors = manager.error_log();
    let pool = Pool::builder()
        .max_size(4)
        .connection_timeout(LIMIT)
        .error_sink(Box::new(errors.clone()))
        .build_unchecked(manager);

    let mut queries = JoinSet::new();
    for _ in 0..20 {
        queries.spawn(current_user(pool.clone(), errors.clone()));
    }
    for user in queries.join_all().await {
        println!("{}", user?);
    }

    let token_requests = connector.token_cache().map_or(0, |tokens| tokens.stats().fetches);
    println!("20 queries, {token_requests} token request");
    Ok(())
}

async fn current_user(pool: Pool<ConnectionManager>, errors: ErrorLog) -> Result<String, Failure> {
    // bb8 itself says no more than that time is up.
    let client = pool.get().await.map_err(|timed_out| match errors.last_error() {
        Some(cause) => Failure::from(cause),
        None => timed_out.into(),
    })?;
    Ok(client.query_one("SELECT current_user::text", &[]).await?.get(0))
}
