//! An sqlx pool, each connection of which logs in with a valid token.
//!
//! In Azure with a Service Connector connection, or against a local Azure:
//!
//! ```sh
//! cargo run --example sqlx --features sqlx
//! cargo run --example local_azure --features emulator -- cargo run --example sqlx --features sqlx
//! ```

use std::{error::Error, process::ExitCode};

use postgres_entra::{Connector, pool::sqlx::EntraPgPool};
use sqlx::postgres::PgPoolOptions;

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
    let pool = EntraPgPool::open(&connector, PgPoolOptions::new().max_connections(4)).await?;

    let (user, version): (String, String) =
        sqlx::query_as("SELECT current_user::text, version()").fetch_one(&*pool).await?;
    println!("logged in as {user}\n{version}");

    let mut transaction = pool.begin().await?;
    let (answer,): (i32,) =
        sqlx::query_as("SELECT $1 + 2").bind(40).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    println!("40 + 2 = {answer}");

    pool.close().await;
    Ok(())
}
