//! Twenty queries over a diesel-async pool of four connections.
//!
//! With the variables of Service Connector: `cargo run --example diesel_async --features diesel-async`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::process::ExitCode;

use common::{Failure, exit};
use diesel::{dsl::sql, sql_types::Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, pooled_connection::deadpool::Pool};
use postgres_entra::{Connector, pool};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    let connector = Connector::from_env()?;
    let pool = Pool::builder(pool::diesel_async::manager(&connector)).max_size(4).build()?;

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

async fn current_user(pool: Pool<AsyncPgConnection>) -> Result<String, Failure> {
    let mut connection = pool.get().await?;
    let user = diesel::select(sql::<Text>("current_user::text"));
    Ok(user.get_result(&mut connection).await?)
}
