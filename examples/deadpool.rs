//! Twenty queries over a deadpool-postgres pool of four connections.
//!
//! With the variables of Service Connector: `cargo run --example deadpool --features deadpool`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::{process::ExitCode, time::Duration};

use common::{Failure, exit};
use postgres_entra::{Connector, pool};
use tokio::task::JoinSet;

/// How long a caller waits for a connection.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    // A little less than the pool's own limit, so that its error says what it waited for.
    let connector = Connector::builder().deadline(LIMIT * 9 / 10).build()?;
    let pool = pool::deadpool::builder(&connector)
        .max_size(4)
        .wait_timeout(Some(LIMIT))
        .create_timeout(Some(LIMIT))
        .build()?;

    let mut queries = JoinSet::new();
    for _ in 0..20 {
        queries.spawn(current_user(pool.clone()));
    }
    for user in queries.join_all().await {
        println!("{}", user?);
    }

    let token_requests = connector.token_cache().map_or(0, |tokens| tokens.stats().fetches);
    println!("20 queries, {token_requests} token request");
    pool.close();
    Ok(())
}

async fn current_user(pool: deadpool_postgres::Pool) -> Result<String, Failure> {
    let client = pool.get().await?;
    let statement = client.prepare_cached("SELECT current_user::text").await?;
    Ok(client.query_one(&statement, &[]).await?.get(0))
}
