//! Twenty queries over an sqlx pool of four connections.
//!
//! With the variables of Service Connector: `cargo run --example sqlx --features sqlx`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::{process::ExitCode, time::Duration};

use common::{Failure, exit};
use postgres_entra::{
    Connector,
    pool::sqlx::{EntraPgPool, pool_options},
};
use tokio::task::JoinSet;

/// How long a caller waits for a connection.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    let connector = Connector::from_env()?;
    let options = pool_options().max_connections(4).acquire_timeout(LIMIT);
    let pool = EntraPgPool::open(&connector, options).await?;

    let mut queries = JoinSet::new();
    for _ in 0..20 {
        queries.spawn(current_user(pool.clone()));
    }
    for user in queries.join_all().await {
        println!("{}", user?);
    }

    let token_requests = connector.token_cache().map_or(0, |tokens| tokens.stats().fetches);
    println!("20 queries, {token_requests} token request");
    pool.close().await;
    Ok(())
}

async fn current_user(pool: EntraPgPool) -> Result<String, Failure> {
    Ok(sqlx::query_scalar("SELECT current_user::text").fetch_one(&*pool).await?)
}
