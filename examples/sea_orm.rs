//! sea-orm over a pool, each connection of which logs in with a valid token.
//!
//! In Azure with a Service Connector connection, or against a local Azure:
//!
//! ```sh
//! cargo run --example sea_orm --features sqlx
//! cargo run --example local_azure --features emulator -- cargo run --example sea_orm --features sqlx
//! ```

use std::{error::Error, process::ExitCode};

use postgres_entra::{Connector, pool::sqlx::EntraPgPool};
use sea_orm::{ConnectionTrait, DbBackend, SqlxPostgresConnector, Statement};
use sqlx::{PgPool, postgres::PgPoolOptions};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let causes = std::iter::successors(error.source(), |&cause| cause.source());
            causes.for_each(|cause| eprintln!("  caused by: {cause}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let connector = Connector::from_env()?;
    // Lives until the end: it renews the token of the pool that sea-orm gets.
    let pool = EntraPgPool::open(&connector, PgPoolOptions::new().max_connections(4)).await?;
    let db = SqlxPostgresConnector::from_sqlx_postgres_pool(PgPool::clone(&pool));

    let question = "SELECT current_user::text AS name, version() AS version";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, question)).await?;
    let row = row.ok_or("no row")?;
    let (name, version): (String, String) = (row.try_get("", "name")?, row.try_get("", "version")?);
    println!("logged in as {name}\n{version}");

    db.close().await?;
    Ok(())
}
