//! sea-orm over an sqlx pool.
//!
//! With the variables of Service Connector: `cargo run --example sea_orm --features sqlx`.
//! Anywhere else, put `cargo run --features cli,emulator -- local-azure --` before that.

mod common;

use std::process::ExitCode;

use common::{Failure, exit};
use postgres_entra::{
    Connector,
    pool::sqlx::{EntraPgPool, pool_options},
};
use sea_orm::{ConnectionTrait, DbBackend, SqlxPostgresConnector, Statement};
use sqlx::PgPool;

#[tokio::main]
async fn main() -> ExitCode {
    exit(run().await)
}

async fn run() -> Result<(), Failure> {
    let connector = Connector::from_env()?;
    // Lives until the end: it renews the token of the pool that sea-orm gets.
    let pool = EntraPgPool::open(&connector, pool_options().max_connections(4)).await?;
    let db = SqlxPostgresConnector::from_sqlx_postgres_pool(PgPool::clone(&pool));

    let question = "SELECT current_user::text AS name";
    let answer = db.query_one_raw(Statement::from_string(DbBackend::Postgres, question)).await?;
    let name: String = answer.ok_or("no row")?.try_get("", "name")?;
    println!("{name}");

    db.close().await?;
    Ok(())
}
